import type { Assigner, Assignment } from './kmeans-filter.ts';

/** What Lloyd's iterations run on: points in the order of the assigner, about their mean. */
export interface LloydPoints {
  readonly dimensions: number;
  readonly count: number;
  readonly points: Float64Array;
  /** Mean of the coordinates' variances, the unit of `tol`. */
  readonly variance: number;
}

export interface LloydRun {
  readonly centres: Float64Array;
  readonly inertia: number;
  readonly iterations: number;
  readonly converged: boolean;
}

/** Shares of the mean variance below which a shift of the centres may be rounding alone. */
const ROUNDING = 1e-20;

/**
 * Lloyd's iterations (Least squares quantization in PCM, 1982) as scikit-learn runs them: until the centres' squared shifts sum up to `tol` ×
 * the mean variance or no label changes, empty clusters moved to the points farthest from their centres.
 * @param start coordinates in the frame of the points.
 */
export function lloyd(
  data: LloydPoints,
  assigner: Assigner,
  start: Float64Array,
  tol: number,
  maxIter: number,
): LloydRun {
  const { count } = data;
  const tolerance = tol * data.variance;
  // Where the tolerance drowns in rounding, only labels that stay as they are can end the run.
  const labels = tol < ROUNDING ? new Int32Array(count).fill(-1) : undefined;
  let centres = start;
  let converged = count === 0;
  let iterations = 0;
  while (!converged && iterations < maxIter) {
    iterations++;
    const assignment = assigner.assign(centres, false, labels);
    const unchanged = labels !== undefined && assignment.changed === 0;
    const next = moveCentres(data, assigner, assignment, centres);
    converged = unchanged || shiftOf(centres, next) <= tolerance;
    centres = next;
  }
  const inertia = count === 0 ? 0 : assigner.assign(centres, true).inertia;
  return { centres, inertia, iterations, converged };
}

/** The same on an assigner that may know the points by parts alone: a cluster that gets none stays where it is. */
export function settle(assigner: Assigner, start: Float64Array, tolerance: number, maxIter: number): LloydRun {
  let centres = start;
  let iterations = 0;
  let converged = false;
  while (!converged && iterations < maxIter) {
    iterations++;
    const { counts, sums } = assigner.assign(centres, false);
    const dimensions = sums.length / counts.length;
    const next = new Float64Array(sums.length);
    for (let c = 0, i = 0; c < counts.length; c++) {
      const weight = counts[c]!;
      for (let d = 0; d < dimensions; d++, i++) next[i] = weight > 0 ? sums[i]! / weight : centres[i]!;
    }
    converged = shiftOf(centres, next) <= tolerance;
    centres = next;
  }
  return { centres, inertia: assigner.assign(centres, true).inertia, iterations, converged };
}

function shiftOf(from: Float64Array, to: Float64Array): number {
  let shift = 0;
  for (let i = 0; i < to.length; i++) {
    const difference = to[i]! - from[i]!;
    shift += difference * difference;
  }
  return shift;
}

/** The means of the assigned points, after scikit-learn's rule for clusters that got none. */
function moveCentres(
  data: LloydPoints,
  assigner: Assigner,
  assignment: Assignment,
  centres: Float64Array,
): Float64Array {
  const { dimensions } = data;
  const k = centres.length / dimensions;
  let { counts, sums } = assignment;
  if (counts.includes(0)) {
    counts = counts.slice();
    sums = sums.slice();
    relocateEmpty(data, assigner, centres, counts, sums);
  }
  const moved = new Float64Array(k * dimensions);
  // A cluster that stays empty, since no point is off its centre, lies on the heaviest one.
  const heaviest = counts.indexOf(counts.reduce((most, weight) => Math.max(most, weight), 0));
  for (let c = 0; c < k; c++) {
    const from = counts[c]! > 0 ? c : heaviest;
    for (let d = 0; d < dimensions; d++) moved[c * dimensions + d] = sums[from * dimensions + d]! / counts[from]!;
  }
  return moved;
}

/** Gives each empty cluster one of the points that lie farthest from their centres, which it takes from its cluster. */
function relocateEmpty(
  data: LloydPoints,
  assigner: Assigner,
  centres: Float64Array,
  counts: Float64Array,
  sums: Float64Array,
): void {
  const { dimensions, points, count } = data;
  const empty = [...counts.keys()].filter((c) => counts[c] === 0);
  const labels = new Int32Array(count);
  assigner.assign(centres, false, labels);
  const squares = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    for (let d = 0; d < dimensions; d++) {
      squares[i]! += (points[i * dimensions + d]! - centres[labels[i]! * dimensions + d]!) ** 2;
    }
  }
  const farthest = Uint32Array.from(squares.keys()).sort((a, b) => squares[b]! - squares[a]! || a - b);
  if (squares[farthest[0]!] === 0) return;
  for (const [rank, cluster] of empty.entries()) {
    const point = farthest[rank];
    if (point === undefined) return;
    const from = labels[point]!;
    counts[from]!--;
    counts[cluster] = 1;
    for (let d = 0; d < dimensions; d++) {
      const x = points[point * dimensions + d]!;
      sums[from * dimensions + d]! -= x;
      sums[cluster * dimensions + d] = x;
    }
  }
}
