import { DBSCAN_EPS, DBSCAN_GRID_MAX_DIMENSIONS, DBSCAN_MIN_SAMPLES, DBSCAN_PAIRWISE_MAX_POINTS } from '../limits.ts';
import { buildCellGrid, type CellGrid } from './cell-grid.ts';
import { checkMinSamples, countNoise, type Dbscan } from './dbscan.ts';
import { checkPoints } from './points.ts';
import { chordOfAngle, unitVectors } from './sphere.ts';
import { UnionFind } from './union-find.ts';

/** scikit-learn's names: `eps`, `min_samples`. */
export interface DbscanOptions {
  eps?: number;
  minSamples?: number;
}

/**
 * DBSCAN of points by Euclidean distance, with scikit-learn's numbering and border rule (see `dbscanGraph`). Up to four
 * dimensions by Gunawan's cells (2013), whose cost does not grow with the number of neighbours, so that even an eps that
 * holds everything is no trouble; above that by comparing all pairs, of at most 50,000 points.
 * @throws RangeError as `checkPoints` does, for an eps that is not above 0 or not finite, and for too many points in more dimensions.
 */
export function dbscanPoints(points: Float64Array, dimensions: number, options: DbscanOptions = {}): Dbscan {
  const { eps = DBSCAN_EPS, minSamples = DBSCAN_MIN_SAMPLES } = options;
  checkMinSamples(minSamples);
  checkEps(eps);
  const count = checkPoints(points, dimensions);
  if (dimensions <= DBSCAN_GRID_MAX_DIMENSIONS) return onGrid(points, dimensions, eps * eps, minSamples);
  if (count > DBSCAN_PAIRWISE_MAX_POINTS) {
    throw new RangeError(
      `Cannot run DBSCAN on ${count} points of ${dimensions} dimensions: above ${DBSCAN_GRID_MAX_DIMENSIONS} dimensions at most ${DBSCAN_PAIRWISE_MAX_POINTS} points are compared`,
    );
  }
  return pairwise(points, dimensions, eps * eps, minSamples);
}

/**
 * DBSCAN of places `[latitude, longitude, …]` in degrees; eps is an angle in radians, as for scikit-learn's haversine. Pairs are
 * compared by their chords (see sphere.ts), so that the antimeridian and the poles are as any other place.
 * @throws RangeError as `unitVectors` and `dbscanPoints` do.
 */
export function dbscanPlaces(places: Float64Array, options: DbscanOptions = {}): Dbscan {
  const { eps = DBSCAN_EPS, minSamples = DBSCAN_MIN_SAMPLES } = options;
  checkMinSamples(minSamples);
  checkEps(eps);
  const vectors = unitVectors(places);
  // No two places are farther apart than half a turn, whatever rounding makes of their chord.
  const square = eps >= Math.PI ? 5 : chordOfAngle(eps) ** 2;
  return onGrid(vectors, 3, square, minSamples);
}

function checkEps(eps: number): void {
  if (!(eps > 0 && eps < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`Cannot run DBSCAN: eps is ${eps} where a finite number above 0 is expected`);
  }
}

function onGrid(points: Float64Array, dimensions: number, epsSquare: number, minSamples: number): Dbscan {
  const count = points.length / dimensions;
  const grid = buildCellGrid(points, dimensions, epsSquare);
  const near = nearness(grid, dimensions, epsSquare);
  const core = findCore(grid, near, minSamples);
  const cores = packCore(grid, core);
  const sets = new UnionFind(grid.cells);
  for (let a = 0; a < grid.cells; a++) {
    if (cores.starts[a] === cores.starts[a + 1]) continue;
    for (let e = grid.neighbourStarts[a]!; e < grid.neighbourStarts[a + 1]!; e++) {
      const b = grid.neighbours[e]!;
      // Each pair once; and not where other cells connect the two already.
      if (
        b > a &&
        cores.starts[b] !== cores.starts[b + 1] &&
        sets.find(a) !== sets.find(b) &&
        touch(cores, near, a, b)
      ) {
        sets.union(a, b);
      }
    }
  }
  const numbers = new Int32Array(grid.cells).fill(-1);
  const labels = new Int32Array(count).fill(-1);
  const coreRows = new Uint8Array(count);
  for (let i = 0; i < count; i++) coreRows[grid.rows[i]!] = core[i]!;
  let clusters = 0;
  for (let row = 0; row < count; row++) {
    if (coreRows[row] === 0) continue;
    const set = sets.find(grid.cellOf[row]!);
    if (numbers[set]! < 0) numbers[set] = clusters++;
    labels[row] = numbers[set]!;
  }
  for (let cell = 0; cell < grid.cells; cell++) numbers[cell] = numbers[sets.find(cell)]!;
  placeBorders(grid, near, core, cores, numbers, labels);
  return { labels, core: coreRows, clusters, noise: countNoise(labels) };
}

/** Comparisons of points, by their positions in the grid. */
interface Nearness {
  /** Whether two points are within eps. */
  near(i: number, j: number): boolean;
  /** Whether a point may be within eps of one of a cell. */
  reaches(i: number, cell: number): boolean;
}

function nearness(grid: CellGrid, D: number, epsSquare: number): Nearness {
  const { points, boxes } = grid;
  return {
    near(i, j) {
      const a = i * D;
      const b = j * D;
      const t0 = points[a]! - points[b]!;
      let square = t0 * t0;
      if (D > 1) {
        const t1 = points[a + 1]! - points[b + 1]!;
        square += t1 * t1;
        if (D > 2) {
          const t2 = points[a + 2]! - points[b + 2]!;
          square += t2 * t2;
          if (D > 3) {
            const t3 = points[a + 3]! - points[b + 3]!;
            square += t3 * t3;
          }
        }
      }
      return square <= epsSquare;
    },
    reaches(i, cell) {
      const b = cell * 2 * D;
      let square = 0;
      for (let d = 0; d < D; d++) {
        const x = points[i * D + d]!;
        const below = boxes[b + d]! - x;
        const above = x - boxes[b + D + d]!;
        const gap = below > above ? below : above;
        if (gap > 0) square += gap * gap;
      }
      return square <= epsSquare;
    },
  };
}

/** 1 for each position of the grid whose point has enough neighbours. */
function findCore(grid: CellGrid, { near, reaches }: Nearness, minSamples: number): Uint8Array {
  const { starts, neighbourStarts, neighbours } = grid;
  const core = new Uint8Array(grid.rows.length);
  for (let cell = 0; cell < grid.cells; cell++) {
    const start = starts[cell]!;
    const end = starts[cell + 1]!;
    if (end - start >= minSamples) {
      core.fill(1, start, end);
      continue;
    }
    for (let i = start; i < end; i++) {
      let found = end - start;
      for (let e = neighbourStarts[cell]!; e < neighbourStarts[cell + 1]! && found < minSamples; e++) {
        const other = neighbours[e]!;
        if (!reaches(i, other)) continue;
        for (let j = starts[other]!; j < starts[other + 1]! && found < minSamples; j++) if (near(i, j)) found++;
      }
      if (found >= minSamples) core[i] = 1;
    }
  }
  return core;
}

/** The positions of the core points, cell by cell. */
interface Cores {
  readonly starts: Uint32Array;
  readonly positions: Uint32Array;
}

function packCore(grid: CellGrid, core: Uint8Array): Cores {
  const starts = new Uint32Array(grid.cells + 1);
  const positions = new Uint32Array(core.length);
  let filled = 0;
  for (let cell = 0; cell < grid.cells; cell++) {
    for (let i = grid.starts[cell]!; i < grid.starts[cell + 1]!; i++) if (core[i] === 1) positions[filled++] = i;
    starts[cell + 1] = filled;
  }
  return { starts, positions };
}

/** Whether a core point of one cell is within eps of one of the other. */
function touch(cores: Cores, { near, reaches }: Nearness, a: number, b: number): boolean {
  const { starts, positions } = cores;
  for (let p = starts[a]!; p < starts[a + 1]!; p++) {
    const i = positions[p]!;
    if (!reaches(i, b)) continue;
    for (let q = starts[b]!; q < starts[b + 1]!; q++) if (near(i, positions[q]!)) return true;
  }
  return false;
}

/** Puts points that are not core into the lowest of the clusters that reach them. */
function placeBorders(
  grid: CellGrid,
  { near, reaches }: Nearness,
  core: Uint8Array,
  cores: Cores,
  numbers: Int32Array,
  labels: Int32Array,
): void {
  const { starts, rows, neighbourStarts, neighbours } = grid;
  for (let cell = 0; cell < grid.cells; cell++) {
    for (let i = starts[cell]!; i < starts[cell + 1]!; i++) {
      if (core[i] === 1) continue;
      // All points of a cell are within eps of each other.
      let label = cores.starts[cell] === cores.starts[cell + 1] ? -1 : numbers[cell]!;
      for (let e = neighbourStarts[cell]!; e < neighbourStarts[cell + 1]!; e++) {
        const other = neighbours[e]!;
        if (cores.starts[other] === cores.starts[other + 1]) continue;
        const number = numbers[other]!;
        if ((label >= 0 && number >= label) || !reaches(i, other)) continue;
        for (let q = cores.starts[other]!; q < cores.starts[other + 1]!; q++) {
          if (near(i, cores.positions[q]!)) {
            label = number;
            break;
          }
        }
      }
      labels[rows[i]!] = label;
    }
  }
}

/** DBSCAN by comparing all pairs, twice. */
function pairwise(points: Float64Array, dimensions: number, epsSquare: number, minSamples: number): Dbscan {
  const count = points.length / dimensions;
  const near = (i: number, j: number) => {
    let square = 0;
    for (let d = 0; d < dimensions && square <= epsSquare; d++) {
      const difference = points[i * dimensions + d]! - points[j * dimensions + d]!;
      square += difference * difference;
    }
    return square <= epsSquare;
  };
  const found = new Uint32Array(count).fill(1);
  for (let i = 0; i < count; i++) {
    for (let j = i + 1; j < count; j++) {
      // What both know of themselves need not be measured.
      if ((found[i]! < minSamples || found[j]! < minSamples) && near(i, j)) {
        found[i]!++;
        found[j]!++;
      }
    }
  }
  const core = Uint8Array.from(found, (neighbours) => (neighbours >= minSamples ? 1 : 0));
  const sets = new UnionFind(count);
  for (let i = 0; i < count; i++) {
    for (let j = i + 1; core[i] === 1 && j < count; j++) {
      if (core[j] === 1 && sets.find(i) !== sets.find(j) && near(i, j)) sets.union(i, j);
    }
  }
  const labels = new Int32Array(count).fill(-1);
  let clusters = 0;
  for (let i = 0; i < count; i++) {
    if (core[i] === 0) continue;
    const first = sets.find(i);
    labels[i] = first === i ? clusters++ : labels[first]!;
  }
  for (let i = 0; i < count; i++) {
    for (let j = 0; core[i] === 0 && j < count; j++) {
      if (core[j] === 1 && (labels[i]! < 0 || labels[j]! < labels[i]!) && near(i, j)) labels[i] = labels[j]!;
    }
  }
  return { labels, core, clusters, noise: countNoise(labels) };
}
