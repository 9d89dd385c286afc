import {
  DBSCAN_GRID_MAX_DIMENSIONS,
  DBSCAN_MIN_SAMPLES,
  OPTICS_ALL_PAIRS_MAX_POINTS,
  OPTICS_GRAPH_MAX_EDGES,
} from '../limits.ts';
import { buildCellGrid } from './cell-grid.ts';
import type { NeighbourGraph } from './edge-store.ts';
import { buildKdTree } from './kd-tree.ts';
import { nearestDistances } from './nearest-distances.ts';
import { checkPoints } from './points.ts';
import { ReachabilityQueue } from './reachability-queue.ts';
import { angleOfChord, chordOfAngle, unitVectors } from './sphere.ts';

/** scikit-learn's names: `min_samples`, `max_eps`. */
export interface OpticsOptions {
  /** Neighbours of a core point, itself among them: an integer of at least 2, or a share of the points below 1. */
  minSamples?: number;
  maxEps?: number;
}

/** The order in which OPTICS comes to the rows, and how near each lay then; all but `ordering` by row. */
export interface Optics {
  readonly ordering: Uint32Array;
  /** How far a row lay from those before it; infinite for the first of each part that nothing links. */
  readonly reachability: Float64Array;
  /** The radius within which a row has enough neighbours; infinite beyond `max_eps`. */
  readonly coreDistances: Float64Array;
  /** The row from which one was reached; −1 for none. */
  readonly predecessors: Int32Array;
  /** `min_samples` as a number. */
  readonly minSamples: number;
}

/**
 * OPTICS (Ankerst, Breunig, Kriegel and Sander, OPTICS: ordering points to identify the clustering structure, SIGMOD 1999) of points
 * by Euclidean distance; of equally near ones the lowest row comes first, and distances are rounded to 15 decimals, both as
 * scikit-learn has it. A finite `maxEps` in up to four dimensions finds neighbours on a grid; otherwise all pairs are measured,
 * of at most 50,000 points. Fewer points than `minSamples` are all out of reach.
 * @throws RangeError as `checkPoints` does, for options that are none, and for too many points.
 */
export function opticsPoints(points: Float64Array, dimensions: number, options: OpticsOptions = {}): Optics {
  const { maxEps = Number.POSITIVE_INFINITY } = options;
  checkMaxEps(maxEps);
  const count = checkPoints(points, dimensions);
  const minSamples = neighboursOf(options.minSamples ?? DBSCAN_MIN_SAMPLES, count);
  if (count === 0) return emptyOptics(minSamples);
  const coreDistances = nearestDistances(buildKdTree(points, dimensions), minSamples);
  for (let i = 0; i < count; i++) {
    coreDistances[i] = coreDistances[i]! > maxEps ? Number.POSITIVE_INFINITY : rounded(coreDistances[i]!);
  }
  if (maxEps < Number.POSITIVE_INFINITY && dimensions <= DBSCAN_GRID_MAX_DIMENSIONS) {
    const each = gridNeighbours(points, dimensions, maxEps);
    return { ...order(count, coreDistances, each), minSamples };
  }
  if (count > OPTICS_ALL_PAIRS_MAX_POINTS) {
    throw new RangeError(
      `Cannot run OPTICS on ${count} points of ${dimensions} dimensions: with max_eps ${maxEps} all pairs are measured, of at most ${OPTICS_ALL_PAIRS_MAX_POINTS} points; a finite max_eps in up to ${DBSCAN_GRID_MAX_DIMENSIONS} dimensions has no such bound`,
    );
  }
  return { ...orderAllPairs(points, dimensions, maxEps, coreDistances), minSamples };
}

/**
 * OPTICS of places `[latitude, longitude, …]` in degrees; `maxEps`, and all distances in the result, are angles in radians, as for
 * scikit-learn's haversine.
 * @throws RangeError as `unitVectors` and `opticsPoints` do.
 */
export function opticsPlaces(places: Float64Array, options: OpticsOptions = {}): Optics {
  const { maxEps = Number.POSITIVE_INFINITY } = options;
  checkMaxEps(maxEps);
  // No two places are farther apart than half a turn.
  const chord = maxEps >= Math.PI ? Number.POSITIVE_INFINITY : chordOfAngle(maxEps);
  const result = opticsPoints(unitVectors(places), 3, { ...options, maxEps: chord });
  const angle = (distance: number) => (distance === Number.POSITIVE_INFINITY ? distance : angleOfChord(distance));
  return {
    ...result,
    reachability: result.reachability.map(angle),
    coreDistances: result.coreDistances.map(angle),
  };
}

/**
 * OPTICS of a graph with distances; a missing pair is infinitely far.
 * @throws RangeError for a graph without distances, for options that are none, and for more than 100 million edges.
 */
export function opticsGraph(graph: NeighbourGraph, options: OpticsOptions = {}): Optics {
  const { maxEps = Number.POSITIVE_INFINITY } = options;
  checkMaxEps(maxEps);
  const { nodes } = graph;
  const minSamples = neighboursOf(options.minSamples ?? DBSCAN_MIN_SAMPLES, nodes);
  if (graph.distances === undefined) {
    throw new RangeError(`Cannot run OPTICS on a graph of ${nodes} nodes: its edges have no distances`);
  }
  const { starts, targets, distances } = bothWays(graph, maxEps);
  const coreDistances = new Float64Array(nodes).fill(Number.POSITIVE_INFINITY);
  for (let i = 0; i < nodes; i++) {
    const from = starts[i]!;
    if (starts[i + 1]! - from < minSamples - 1) continue;
    // The node itself is its first neighbour.
    coreDistances[i] = rounded(distances.slice(from, starts[i + 1]!).sort()[minSamples - 2]!);
  }
  const each: EachNeighbour = (row, visit) => {
    for (let e = starts[row]!; e < starts[row + 1]!; e++) visit(targets[e]!, distances[e]!);
  };
  return { ...order(nodes, coreDistances, each), minSamples };
}

/** Calls `visit` for every row within reach of one, and its distance. */
type EachNeighbour = (row: number, visit: (other: number, distance: number) => void) => void;

/** `min_samples` or `min_cluster_size` as a number of rows: a share becomes at least 2. */
export function rowsOf(value: number, count: number): number {
  return value < 1 ? Math.max(2, Math.floor(value * count)) : value;
}

function neighboursOf(minSamples: number, count: number): number {
  if (!((minSamples > 0 && minSamples < 1) || (Number.isInteger(minSamples) && minSamples >= 2))) {
    throw new RangeError(
      `Cannot run OPTICS: min_samples is ${minSamples} where an integer of at least 2, or a share below 1, is expected`,
    );
  }
  return rowsOf(minSamples, count);
}

function checkMaxEps(maxEps: number): void {
  if (!(maxEps >= 0)) throw new RangeError(`Cannot run OPTICS: max_eps is ${maxEps} where at least 0 is expected`);
}

/** To 15 decimals, half to even, as NumPy does it: scaled, rounded, scaled back. */
function rounded(distance: number): number {
  const scaled = distance * 1e15;
  // Adding 2⁵² leaves no bits for a fraction; above it there are none.
  return (scaled < 2 ** 52 ? scaled + 2 ** 52 - 2 ** 52 : scaled) / 1e15;
}

function emptyOptics(minSamples: number): Optics {
  return {
    ordering: new Uint32Array(0),
    reachability: new Float64Array(0),
    coreDistances: new Float64Array(0),
    predecessors: new Int32Array(0),
    minSamples,
  };
}

function order(count: number, coreDistances: Float64Array, each: EachNeighbour): Omit<Optics, 'minSamples'> {
  const ordering = new Uint32Array(count);
  const predecessors = new Int32Array(count).fill(-1);
  const queue = new ReachabilityQueue(count);
  let point = 0;
  let core = 0;
  const reach = (other: number, distance: number) => {
    if (queue.lower(other, rounded(distance > core ? distance : core))) predecessors[other] = point;
  };
  for (let i = 0; i < count; i++) {
    point = queue.take();
    ordering[i] = point;
    core = coreDistances[point]!;
    if (core < Number.POSITIVE_INFINITY) each(point, reach);
  }
  return { ordering, reachability: queue.keys, coreDistances, predecessors };
}

/** The same where everything is within reach: the next row is found on the way through all of them. */
function orderAllPairs(
  points: Float64Array,
  dimensions: number,
  maxEps: number,
  coreDistances: Float64Array,
): Omit<Optics, 'minSamples'> {
  const count = points.length / dimensions;
  const ordering = new Uint32Array(count);
  const predecessors = new Int32Array(count).fill(-1);
  const reachability = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  /** Rows to come, ascending, so that the first of equally near ones is the lowest. */
  const left = Uint32Array.from({ length: count }, (_, i) => i);
  let next = 0;
  for (let done = 0; done < count; done++) {
    const point = left[next]!;
    ordering[done] = point;
    const rest = count - done - 1;
    left.copyWithin(next, next + 1, rest + 1);
    const core = coreDistances[point]!;
    const isCore = core < Number.POSITIVE_INFINITY;
    let least = Number.POSITIVE_INFINITY;
    next = 0;
    for (let l = 0; l < rest; l++) {
      const other = left[l]!;
      let key = reachability[other]!;
      if (isCore && core < key) {
        let square = 0;
        for (let d = 0; d < dimensions; d++) {
          const difference = points[point * dimensions + d]! - points[other * dimensions + d]!;
          square += difference * difference;
        }
        const distance = Math.sqrt(square);
        const reached = rounded(distance > core ? distance : core);
        if (reached < key && distance <= maxEps) {
          key = reached;
          reachability[other] = key;
          predecessors[other] = point;
        }
      }
      if (key < least) {
        least = key;
        next = l;
      }
    }
  }
  return { ordering, reachability, coreDistances, predecessors };
}

function gridNeighbours(points: Float64Array, dimensions: number, maxEps: number): EachNeighbour {
  const epsSquare = maxEps * maxEps;
  const grid = buildCellGrid(points, dimensions, epsSquare);
  const { starts, rows, cellOf, neighbourStarts, neighbours } = grid;
  const within = (row: number, cell: number, visit: (other: number, distance: number) => void) => {
    for (let i = starts[cell]!; i < starts[cell + 1]!; i++) {
      let square = 0;
      for (let d = 0; d < dimensions; d++) {
        const difference = points[row * dimensions + d]! - grid.points[i * dimensions + d]!;
        square += difference * difference;
      }
      const distance = Math.sqrt(square);
      if (distance <= maxEps && rows[i] !== row) visit(rows[i]!, distance);
    }
  };
  return (row, visit) => {
    const cell = cellOf[row]!;
    within(row, cell, visit);
    for (let e = neighbourStarts[cell]!; e < neighbourStarts[cell + 1]!; e++) within(row, neighbours[e]!, visit);
  };
}

/** The graph with every edge at both of its ends, but for those longer than `maxEps`. */
function bothWays(
  graph: NeighbourGraph,
  maxEps: number,
): { starts: Uint32Array; targets: Uint32Array; distances: Float64Array } {
  const { nodes, offsets } = graph;
  const lengths = graph.distances!;
  if (graph.targets.length > OPTICS_GRAPH_MAX_EDGES) {
    throw new RangeError(
      `Cannot run OPTICS on ${graph.targets.length} edges: they are held at both ends, of at most ${OPTICS_GRAPH_MAX_EDGES} edges`,
    );
  }
  const starts = new Uint32Array(nodes + 1);
  for (let i = 0; i < nodes; i++) {
    for (let e = offsets[i]!; e < offsets[i + 1]!; e++) {
      if (lengths[e]! > maxEps) continue;
      starts[i + 1]!++;
      starts[graph.targets[e]! + 1]!++;
    }
  }
  for (let i = 0; i < nodes; i++) starts[i + 1]! += starts[i];
  const targets = new Uint32Array(starts[nodes]!);
  const distances = new Float64Array(targets.length);
  const next = starts.slice();
  const put = (from: number, to: number, distance: number) => {
    const at = next[from]!++;
    targets[at] = to;
    distances[at] = distance;
  };
  for (let i = 0; i < nodes; i++) {
    for (let e = offsets[i]!; e < offsets[i + 1]!; e++) {
      if (lengths[e]! > maxEps) continue;
      put(i, graph.targets[e]!, lengths[e]!);
      put(graph.targets[e]!, i, lengths[e]!);
    }
  }
  return { starts, targets, distances };
}
