import {
  KMEANS_MAX_ITER,
  KMEANS_N_INIT,
  KMEANS_SWAP_FAILURES,
  KMEANS_SWAP_PROBE_ITER,
  KMEANS_TOL,
  KMEANS_TREE_MAX_DIMENSIONS,
} from '../limits.ts';
import { buildKdTree, type KdTree } from './kd-tree.ts';
import { type Assigner, type Assignment, filterAssigner } from './kmeans-filter.ts';
import { flatAssigner, flatSeeder } from './kmeans-flat.ts';
import { type Seeder, treeSeeder } from './kmeans-seeding.ts';
import { canonicalOrder, checkPoints, countDistinct, meanPoint, meanVariance, takePoints } from './points.ts';
import { random } from './random.ts';

/**
 * Points made ready for k-means once, for every k and restart: in canonical order, so that the order of the rows does not
 * matter; about their mean, so that no digits are lost; on a kd-tree in few dimensions. Passes to workers as it is.
 */
export interface KMeansData {
  readonly dimensions: number;
  readonly count: number;
  /** How many different points there are: no more clusters than that can be made. */
  readonly distinct: number;
  /** Coordinates less the mean, in the order of `rows`. */
  readonly points: Float64Array;
  /** The row of the input that each point comes from. */
  readonly rows: Uint32Array;
  readonly mean: Float64Array;
  /** Mean of the coordinates' variances, the unit of `tol`. */
  readonly variance: number;
  /** The tree over `points`, which are in its order; absent where there are no points or many dimensions. */
  readonly tree?: KdTree;
}

/** scikit-learn's names: `n_init`, `max_iter`, `tol`, `random_state`. */
export interface KMeansOptions {
  nInit?: number;
  maxIter?: number;
  tol?: number;
  randomState?: number;
  /** Failed swaps in a row after which the best restart stands; 0 keeps it as it is, which is scikit-learn's work exactly. */
  swapFailures?: number;
}

export interface KMeansRun {
  /** Clusters made: k, or as many as there are different points. */
  readonly k: number;
  /** Flat coordinates of the centres, in the frame of the input. */
  readonly centres: Float64Array;
  /** Sum of the squared distances of the points from their centres. */
  readonly inertia: number;
  readonly iterations: number;
  /** False where `max_iter` ended the run. */
  readonly converged: boolean;
  /** Which of the restarts this is. */
  readonly restart: number;
}

export interface KMeansResult extends KMeansRun {
  /** The cluster of each row of the input. */
  readonly labels: Int32Array;
  /** Points of each cluster. */
  readonly counts: Float64Array;
}

/**
 * Makes points ready for `kmeans`.
 * @param options.shared whether the tree lies in shared memory, for workers.
 * @throws RangeError as `checkPoints` does.
 */
export function prepareKMeans(
  points: Float64Array,
  dimensions: number,
  options: { shared?: boolean } = {},
): KMeansData {
  const count = checkPoints(points, dimensions);
  const order = canonicalOrder(points, dimensions);
  const distinct = countDistinct(points, dimensions, order);
  const ordered = takePoints(points, dimensions, order);
  const mean = meanPoint(ordered, dimensions);
  const variance = distinct > 1 ? meanVariance(ordered, dimensions) : 0;
  for (let i = 0; i < ordered.length; i++) ordered[i]! -= mean[i % dimensions];
  const common = { dimensions, count, distinct, mean, variance };
  if (count === 0 || dimensions > KMEANS_TREE_MAX_DIMENSIONS) return { ...common, points: ordered, rows: order };
  const tree = buildKdTree(ordered, dimensions, options);
  // The tree's rows are positions of the canonical order; everyone outside wants those of the input.
  for (let i = 0; i < count; i++) tree.rows[i] = order[tree.rows[i]!]!;
  return { ...common, points: tree.points, rows: tree.rows, tree };
}

/** What fits one set of points again and again, with its scratch memory. */
export interface KMeans {
  /** The best of `n_init` restarts by inertia (of equal ones the first), improved by swaps. */
  cluster(k: number, options?: KMeansOptions): KMeansResult;
  /** One restart, for those who share them out: the best of all, improved and labelled, is what `cluster` gives. */
  restart(k: number, restart: number, options?: KMeansOptions): KMeansRun;
  /**
   * Tries to better a run by moving a centre: from where two clusters are nearly one to a point drawn by D², and on by Lloyd's
   * iterations (after Fränti, Efficiency of random swap clustering, 2018). Ends after some failures in a row.
   */
  improve(run: KMeansRun, options?: KMeansOptions): KMeansRun;
  /** One run from given centres, flat and in the frame of the input. */
  fitFrom(centres: Float64Array, options?: KMeansOptions): KMeansResult;
  /** Labels and counts of a run. */
  label(run: KMeansRun): KMeansResult;
}

/**
 * k-means (Lloyd, Least squares quantization in PCM, 1982) as scikit-learn runs it: greedy k-means++, the end when the centres'
 * squared shifts sum up to `tol` × the mean variance or no label changes, empty clusters moved to the points
 * farthest from their centres. Row order changes nothing; the same seed gives the same clusters.
 */
export function kmeans(data: KMeansData): KMeans {
  const { dimensions, points, count, mean } = data;
  const assigner: Assigner = data.tree ? filterAssigner(data.tree) : flatAssigner(points, dimensions);
  const seed: Seeder = data.tree ? treeSeeder(data.tree) : flatSeeder(points, dimensions);

  function lloyd(start: Float64Array, restart: number, options: KMeansOptions): KMeansRun {
    const { maxIter = KMEANS_MAX_ITER, tol = KMEANS_TOL } = options;
    checkWhole('max_iter', maxIter);
    if (!(tol >= 0 && tol < Number.POSITIVE_INFINITY)) {
      throw new RangeError(`Cannot run k-means: tol is ${tol} where a finite number of at least 0 is expected`);
    }
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
      let shift = 0;
      for (let i = 0; i < next.length; i++) shift += (next[i]! - centres[i]!) ** 2;
      centres = next;
      converged = unchanged || shift <= tolerance;
    }
    const inertia = count === 0 ? 0 : assigner.assign(centres, true).inertia;
    return {
      k: centres.length / dimensions,
      centres: shifted(centres, mean, 1),
      inertia,
      iterations,
      converged,
      restart,
    };
  }

  function label(run: KMeansRun): KMeansResult {
    const inOrder = new Int32Array(count).fill(-1);
    const centres = shifted(run.centres, mean, -1);
    const counts = count === 0 ? new Float64Array(run.k) : assigner.assign(centres, false, inOrder).counts.slice();
    const labels = new Int32Array(count);
    for (let i = 0; i < count; i++) labels[data.rows[i]!] = inOrder[i]!;
    return { ...run, labels, counts };
  }

  function restart(k: number, restart: number, options: KMeansOptions = {}): KMeansRun {
    checkWhole('n_clusters', k);
    const start =
      count === 0
        ? new Float64Array(0)
        : seed(Math.min(k, data.distinct), random(options.randomState ?? 0, k, restart));
    return lloyd(start, restart, options);
  }

  function improve(run: KMeansRun, options: KMeansOptions = {}): KMeansRun {
    const { swapFailures = KMEANS_SWAP_FAILURES } = options;
    let best = run;
    let failures = 0;
    for (let attempt = 0; failures < swapFailures && best.k > 2 && best.inertia > 0; attempt++) {
      const centres = shifted(best.centres, mean, -1);
      const dropped = mostDispensable(centres, dimensions, assigner.assign(centres, false).counts)[failures];
      if (dropped === undefined) break;
      const others = centres.filter((_, i) => Math.floor(i / dimensions) !== dropped);
      const start = seed(best.k, random(options.randomState ?? 0, best.k, run.restart, attempt), others);
      // A swap that helps shows it within few iterations; the others need not run to their ends.
      const probe = lloyd(start, run.restart, {
        ...options,
        maxIter: Math.min(options.maxIter ?? KMEANS_MAX_ITER, KMEANS_SWAP_PROBE_ITER),
      });
      const hopeful = start.length === centres.length && probe.inertia < best.inertia * (1 + SWAP_PROMISE);
      const swapped = hopeful ? lloyd(shifted(probe.centres, mean, -1), run.restart, options) : best;
      if (swapped.inertia < best.inertia * (1 - SWAP_GAIN)) {
        best = swapped;
        failures = 0;
      } else failures++;
    }
    return best;
  }

  return {
    restart,
    improve,
    label,
    cluster(k, options = {}) {
      const { nInit = KMEANS_N_INIT } = options;
      checkWhole('n_init', nInit);
      let best = restart(k, 0, options);
      for (let i = 1; i < nInit; i++) {
        const run = restart(k, i, options);
        if (run.inertia < best.inertia) best = run;
      }
      return label(improve(best, options));
    },
    fitFrom(centres, options = {}) {
      const k = checkPoints(centres, dimensions);
      checkWhole('n_clusters', k);
      return label(lloyd(shifted(centres, mean, -1), 0, options));
    },
  };
}

/** A swap that lowers the inertia by a smaller share is none. */
const SWAP_GAIN = 1e-6;
/** How far above the best inertia, as a share of it, a probed swap is still run to its end. */
const SWAP_PROMISE = 2e-3;

/** Clusters by what merging them with their nearest would add to the inertia (Ward, 1963), least first. */
function mostDispensable(centres: Float64Array, dimensions: number, counts: Float64Array): number[] {
  const k = counts.length;
  const costs = new Float64Array(k).fill(Number.POSITIVE_INFINITY);
  for (let a = 0; a < k; a++) {
    for (let b = 0; b < k; b++) {
      if (a === b) continue;
      let square = 0;
      for (let d = 0; d < dimensions; d++) square += (centres[a * dimensions + d]! - centres[b * dimensions + d]!) ** 2;
      const weight = counts[a]! + counts[b]! > 0 ? (counts[a]! * counts[b]!) / (counts[a]! + counts[b]!) : 0;
      costs[a] = Math.min(costs[a]!, weight * square);
    }
  }
  return [...costs.keys()].sort((a, b) => costs[a]! - costs[b]! || a - b);
}

/** Shares of the mean variance below which a shift of the centres may be rounding alone. */
const ROUNDING = 1e-20;

/** The means of the assigned points, after scikit-learn's rule for clusters that got none. */
function moveCentres(
  data: KMeansData,
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
  data: KMeansData,
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

function shifted(centres: Float64Array, by: Float64Array, sign: 1 | -1): Float64Array {
  return centres.map((x, i) => x + sign * by[i % by.length]!);
}

function checkWhole(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1) {
    throw new RangeError(`Cannot run k-means: ${name} is ${value} where an integer of at least 1 is expected`);
  }
}
