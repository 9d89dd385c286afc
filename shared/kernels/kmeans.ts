import {
  KMEANS_BREADTH,
  KMEANS_BREATHING_CENTRES,
  KMEANS_BREATHING_STARTS,
  KMEANS_HEAT_ITER,
  KMEANS_HEAT_WINNERS,
  KMEANS_LAST_TOL,
  KMEANS_MAX_ITER,
  KMEANS_N_INIT,
  KMEANS_PARTS_PER_CLUSTER,
  KMEANS_SUMMARY_PARTS,
  KMEANS_TOL,
  KMEANS_TREE_MAX_DIMENSIONS,
  KMEANS_WHOLE_POINTS,
} from '../limits.ts';
import { buildKdTree, type KdTree } from './kd-tree.ts';
import { breathe, type Summary } from './kmeans-breathing.ts';
import { type Assigner, filterAssigner } from './kmeans-filter.ts';
import { flatAssigner, flatSeeder } from './kmeans-flat.ts';
import { type LloydRun, lloyd, settle } from './kmeans-lloyd.ts';
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
  /** Centres that breathing adds at once at first; 0 leaves the best restart as it is, which is scikit-learn's work exactly. */
  breadth?: number;
}

export interface KMeansRun {
  /** Clusters made: k, or as many as there are different points. */
  readonly k: number;
  /** Flat coordinates of the centres, in the frame of the input. */
  readonly centres: Float64Array;
  /** Sum of the squared distances of the points from their centres. */
  readonly inertia: number;
  /** Of the run on the points; where restarts competed on parts of them, it began near its end. */
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
  /** The best of `n_init` restarts by inertia (of equal ones the first), bettered by breathing. */
  cluster(k: number, options?: KMeansOptions): KMeansResult;
  /** One restart to its end on all points, as scikit-learn runs it. */
  restart(k: number, restart: number, options?: KMeansOptions): KMeansRun;
  /** A run bettered by breathing, or the run itself. */
  improve(run: KMeansRun, options?: KMeansOptions): KMeansRun;
  /** One run from given centres, flat and in the frame of the input. */
  fitFrom(centres: Float64Array, options?: KMeansOptions): KMeansResult;
  /** Labels and counts of a run. */
  label(run: KMeansRun): KMeansResult;
  /** The sum of the squared distances of the points from the nearest of some centres, in the frame of the input. */
  inertiaOf(centres: Float64Array): number;
}

/**
 * k-means (Lloyd, Least squares quantization in PCM, 1982) with greedy k-means++ and scikit-learn's rules for the end of a run and
 * for empty clusters. Row order changes nothing; the same seed gives the same clusters.
 *
 * Where there are many points, the restarts compete on the nodes of the tree instead: one of few points goes to a cluster as a whole. After a
 * few iterations the best go on, come to rest, and are bettered by breathing; the winner runs to its end on the points. `breadth` 0 runs
 * every restart to its end on all points and keeps the best as it is, which is scikit-learn's work exactly.
 */
export function kmeans(data: KMeansData): KMeans {
  const { dimensions, points, count, mean } = data;
  const assigner: Assigner = data.tree ? filterAssigner(data.tree) : flatAssigner(points, dimensions);
  const seed: Seeder = data.tree ? treeSeeder(data.tree) : flatSeeder(points, dimensions);
  const partly = partAssigners(data, assigner);
  const summaries = new Map<number, Summary>();

  function run(start: Float64Array, restart: number, options: KMeansOptions): KMeansRun {
    const { maxIter = KMEANS_MAX_ITER, tol = KMEANS_TOL } = options;
    const found = lloyd(data, assigner, start, tol, maxIter);
    return { ...found, k: start.length / dimensions, centres: shifted(found.centres, mean, 1), restart };
  }

  function startOf(k: number, restart: number, options: KMeansOptions, wholePoints = 0): Float64Array {
    if (count === 0) return new Float64Array(0);
    return seed(Math.min(k, data.distinct), random(options.randomState ?? 0, k, restart), wholePoints);
  }

  /** Runs settled on parts of the points, in their frame, bettered and run to their end on the points. */
  function betterOf(settled: (LloydRun & { restart: number })[], options: KMeansOptions): KMeansRun {
    const { breadth = KMEANS_BREADTH, randomState = 0, tol = KMEANS_TOL } = options;
    const k = settled[0]!.centres.length / dimensions;
    const parts = Math.max(KMEANS_SUMMARY_PARTS, 4 * k);
    const summary = summaries.get(parts) ?? summarise(data, parts);
    summaries.set(parts, summary);
    let best = settled[0]!;
    for (const start of apart(settled, breathingStarts(k))) {
      const source = random(randomState, k, start.restart, 1);
      const found = breathe(start, (centres) => settlePartly(centres, options), summary, breadth, source);
      if (found.inertia < best.inertia) best = { ...found, restart: start.restart };
    }
    // Parts come to rest before the points do.
    return run(best.centres, best.restart, { ...options, tol: tol * KMEANS_LAST_TOL });
  }

  function settlePartly(centres: Float64Array, options: KMeansOptions): LloydRun {
    const { maxIter = KMEANS_MAX_ITER, tol = KMEANS_TOL } = options;
    return settle(partly(centres.length / dimensions), centres, tol * data.variance, maxIter);
  }

  function restart(k: number, restart: number, options: KMeansOptions = {}): KMeansRun {
    checkOptions(k, options);
    return run(startOf(k, restart, options), restart, options);
  }

  function label(run: KMeansRun): KMeansResult {
    const inOrder = new Int32Array(count).fill(-1);
    const centres = shifted(run.centres, mean, -1);
    const counts = count === 0 ? new Float64Array(run.k) : assigner.assign(centres, false, inOrder).counts.slice();
    const labels = new Int32Array(count);
    for (let i = 0; i < count; i++) labels[data.rows[i]!] = inOrder[i]!;
    return { ...run, labels, counts };
  }

  return {
    restart,
    label,
    improve(run, options = {}) {
      checkOptions(run.k, options);
      if ((options.breadth ?? KMEANS_BREADTH) === 0 || run.k < 2 || run.inertia === 0) return run;
      const settled = { ...settlePartly(shifted(run.centres, mean, -1), options), restart: run.restart };
      const better = betterOf([settled], options);
      return better.inertia < run.inertia ? better : run;
    },
    cluster(k, options = {}) {
      const { nInit = KMEANS_N_INIT, breadth = KMEANS_BREADTH } = options;
      checkOptions(k, options);
      if (breadth === 0 || Math.min(k, data.distinct) < 2 || k >= data.distinct) {
        let best = restart(k, 0, options);
        for (let i = 1; i < nInit && best.inertia > 0; i++) {
          const other = restart(k, i, options);
          if (other.inertia < best.inertia) best = other;
        }
        return label(best);
      }
      const begun = Array.from({ length: nInit }, (_, i) => ({
        ...settlePartly(startOf(k, i, options, partSize(count, k)), withinHeat(options)),
        restart: i,
      }));
      const settled = apart(begun, Math.max(KMEANS_HEAT_WINNERS, breathingStarts(k))).map((heat) => ({
        ...settlePartly(heat.centres, options),
        restart: heat.restart,
      }));
      return label(betterOf(settled, options));
    },
    fitFrom(centres, options = {}) {
      checkOptions(checkPoints(centres, dimensions), options);
      return label(run(shifted(centres, mean, -1), 0, options));
    },
    inertiaOf(centres) {
      checkPoints(centres, dimensions);
      return count === 0 ? 0 : assigner.assign(shifted(centres, mean, -1), true).inertia;
    },
  };
}

/**
 * Assigners for k clusters that know the points by parts: nodes of the tree of few points, or every so manieth point where there is no tree. All
 * points where there are few of them for each cluster.
 */
function partAssigners(data: KMeansData, exact: Assigner): (k: number) => Assigner {
  const { dimensions, points, count, tree } = data;
  const known = new Map<number, Assigner>();
  return (k) => {
    const size = partSize(count, k);
    if (size <= 1) return exact;
    let assigner = known.get(size);
    if (assigner === undefined) {
      assigner = tree ? filterAssigner(tree, size) : flatAssigner(everyNth(points, dimensions, size), dimensions);
      known.set(size, assigner);
    }
    return assigner;
  };
}

/** Points of a part, so that there are enough parts for k clusters; 1 or less where each point counts for itself. */
function partSize(count: number, k: number): number {
  return Math.min(KMEANS_WHOLE_POINTS, Math.floor(count / (KMEANS_PARTS_PER_CLUSTER * k)));
}

function everyNth(points: Float64Array, dimensions: number, n: number): Float64Array {
  const rows = Uint32Array.from({ length: Math.floor(points.length / dimensions / n) }, (_, i) => i * n + (n >> 1));
  return takePoints(points, dimensions, rows);
}

/** The points by about so many parts, and never by fewer than there may be. */
function summarise(data: KMeansData, parts: number): Summary {
  const { dimensions, points, count, tree } = data;
  const size = Math.ceil(count / parts);
  if (tree === undefined || size <= 1) {
    const means = size <= 1 ? points : everyNth(points, dimensions, size);
    return { dimensions, means, weights: new Float64Array(means.length / dimensions).fill(size) };
  }
  const means: number[] = [];
  const weights: number[] = [];
  for (let node = 0; node < tree.nodes; ) {
    const weight = tree.ends[node]! - tree.starts[node]!;
    const leaf = tree.rights[node] === 0;
    if (weight <= size) {
      for (let d = 0; d < dimensions; d++) means.push(tree.means[node * dimensions + d]!);
      weights.push(weight);
      node = behind(tree, node);
      continue;
    }
    if (leaf) {
      for (let i = tree.starts[node]!; i < tree.ends[node]!; i++) {
        for (let d = 0; d < dimensions; d++) means.push(points[i * dimensions + d]!);
        weights.push(1);
      }
    }
    node++;
  }
  return { dimensions, means: Float64Array.from(means), weights: Float64Array.from(weights) };
}

/** The node that follows all nodes below one, in preorder. */
function behind(tree: KdTree, node: number): number {
  let last = node;
  while (tree.rights[last] !== 0) last = tree.rights[last]!;
  return last + 1;
}

/** How many restarts are bettered by breathing; for few clusters, where it costs little and single runs are alike, more. */
function breathingStarts(k: number): number {
  return Math.max(KMEANS_BREATHING_STARTS, Math.ceil(KMEANS_BREATHING_CENTRES / k));
}

function withinHeat(options: KMeansOptions): KMeansOptions {
  return { ...options, maxIter: Math.min(KMEANS_HEAT_ITER, options.maxIter ?? KMEANS_MAX_ITER) };
}

/** The best of some runs that differ, at most so many: those that came to the same end count once. */
function apart<T extends LloydRun>(runs: readonly T[], most: number): T[] {
  const sorted = runs.toSorted((a, b) => a.inertia - b.inertia);
  const chosen: T[] = [];
  for (const run of sorted) {
    const last = chosen.at(-1);
    if (last === undefined || run.inertia > last.inertia * (1 + SAME_END)) chosen.push(run);
    if (chosen.length === most) break;
  }
  return chosen;
}

/** Shares by which the inertias of two runs may differ that came to the same end. */
const SAME_END = 1e-3;

function shifted(centres: Float64Array, by: Float64Array, sign: 1 | -1): Float64Array {
  return centres.map((x, i) => x + sign * by[i % by.length]!);
}

function checkOptions(k: number, options: KMeansOptions): void {
  const { nInit = KMEANS_N_INIT, maxIter = KMEANS_MAX_ITER, tol = KMEANS_TOL, breadth = KMEANS_BREADTH } = options;
  checkWhole('n_clusters', k, 1);
  checkWhole('n_init', nInit, 1);
  checkWhole('max_iter', maxIter, 1);
  checkWhole('breadth', breadth, 0);
  if (!(tol >= 0 && tol < Number.POSITIVE_INFINITY)) {
    throw new RangeError(`Cannot run k-means: tol is ${tol} where a finite number of at least 0 is expected`);
  }
}

function checkWhole(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new RangeError(`Cannot run k-means: ${name} is ${value} where an integer of at least ${least} is expected`);
  }
}
