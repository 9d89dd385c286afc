import {
  SILHOUETTE_EXACT_MAX_POINTS,
  SILHOUETTE_SAMPLE_LEAST,
  SILHOUETTE_SAMPLE_POINTS,
  SILHOUETTE_SYMMETRIC_MAX_CLUSTERS,
} from '../limits.ts';
import { canonicalOrder, checkPoints, comparePoints } from './points.ts';
import { type Random, random } from './random.ts';

export interface Silhouette {
  /** The mean silhouette coefficient of the points in clusters, −1 … 1; NaN where there are not 2 … count − 1 clusters. */
  readonly mean: number;
  /** `exact`, or `sampled`: then `mean` is an estimate and `interval` holds the true one with 95% confidence. */
  readonly method: 'exact' | 'sampled';
  /** The 95% interval; both ends are `mean` where it is exact. */
  readonly interval: readonly [low: number, high: number];
  /** Points whose coefficient was computed. */
  readonly measured: number;
  /** Points in clusters. */
  readonly count: number;
  readonly clusters: number;
}

export interface SilhouetteOptions {
  /** Points up to which every one is measured. */
  exactMaxPoints?: number;
  /** Points measured of more than that. */
  samplePoints?: number;
  randomState?: number;
}

/**
 * Mean silhouette (Rousseeuw, Silhouettes, 1987) with Euclidean distances: of each point, (b − a) / max(a, b), where a is its mean
 * distance from the others of its cluster and b that from the nearest other cluster; 0 for a point alone in its cluster.
 * Up to 20,000 points every coefficient is computed. Above that those of a sample, stratified by cluster, each against
 * all points, with the 95% interval of the stratified mean (Cochran, Sampling techniques, 3rd ed., 1977, §5.3–5.6).
 * Points with a negative label (noise) are left out. Row order and the names of clusters do not change the result beyond rounding.
 * @throws RangeError as `checkPoints` does, and where points and labels differ in number.
 */
export function silhouette(
  points: Float64Array,
  dimensions: number,
  labels: Int32Array,
  options: SilhouetteOptions = {},
): Silhouette {
  const {
    exactMaxPoints = SILHOUETTE_EXACT_MAX_POINTS,
    samplePoints = SILHOUETTE_SAMPLE_POINTS,
    randomState = 0,
  } = options;
  const groups = groupByCluster(points, dimensions, labels);
  const { count, k } = groups;
  const known = { count, clusters: k };
  if (k < 2 || k >= count) {
    return { ...known, mean: Number.NaN, method: 'exact', interval: [Number.NaN, Number.NaN], measured: 0 };
  }
  if (count > exactMaxPoints) return { ...known, ...sampled(groups, samplePoints, random(randomState)) };
  const coefficients = k <= SILHOUETTE_SYMMETRIC_MAX_CLUSTERS ? symmetric(groups) : each(groups);
  const mean = coefficients.reduce((sum, value) => sum + value, 0) / count;
  return { ...known, mean, method: 'exact', interval: [mean, mean], measured: count };
}

/** The coefficient of every point, in the order of the rows; NaN for noise, or where there are not 2 … count − 1 clusters. */
export function silhouetteSamples(points: Float64Array, dimensions: number, labels: Int32Array): Float64Array {
  const groups = groupByCluster(points, dimensions, labels);
  const samples = new Float64Array(labels.length).fill(Number.NaN);
  if (groups.k < 2 || groups.k >= groups.count) return samples;
  const coefficients = groups.k <= SILHOUETTE_SYMMETRIC_MAX_CLUSTERS ? symmetric(groups) : each(groups);
  for (let i = 0; i < coefficients.length; i++) samples[groups.rows[i]!] = coefficients[i]!;
  return samples;
}

/** The points in clusters, those of one cluster together, one column a dimension. */
interface Groups {
  readonly count: number;
  readonly k: number;
  readonly columns: Float64Array[];
  /** Where each cluster begins; the last entry is the count. */
  readonly starts: Uint32Array;
  /** The cluster of each point, numbered without gaps. */
  readonly clusters: Uint32Array;
  readonly rows: Uint32Array;
  readonly centroids: Float64Array[];
}

function groupByCluster(points: Float64Array, dimensions: number, labels: Int32Array): Groups {
  const all = checkPoints(points, dimensions);
  if (labels.length !== all)
    throw new RangeError(`Cannot measure silhouettes: ${all} points have ${labels.length} labels`);
  // In canonical order within and among clusters, a sample does not depend on the order of the rows or on names.
  const order = canonicalOrder(points, dimensions).filter((row) => labels[row]! >= 0);
  settleTies(points, dimensions, labels, order);
  const numbers = new Map<number, number>();
  const sizes: number[] = [];
  for (const row of order) {
    const label = labels[row]!;
    let cluster = numbers.get(label);
    if (cluster === undefined) {
      cluster = numbers.size;
      numbers.set(label, cluster);
      sizes.push(0);
    }
    sizes[cluster]!++;
  }
  const k = sizes.length;
  const count = order.length;
  const starts = new Uint32Array(k + 1);
  for (let c = 0; c < k; c++) starts[c + 1] = starts[c]! + sizes[c]!;
  const next = starts.slice();
  const columns = Array.from({ length: dimensions }, () => new Float64Array(count));
  const clusters = new Uint32Array(count);
  const rows = new Uint32Array(count);
  for (const row of order) {
    const cluster = numbers.get(labels[row]!)!;
    const position = next[cluster]!++;
    rows[position] = row;
    clusters[position] = cluster;
    for (let d = 0; d < dimensions; d++) columns[d]![position] = points[row * dimensions + d]!;
  }
  const centroids = columns.map((column) =>
    Float64Array.from({ length: k }, (_, c) => {
      const own = column.subarray(starts[c]!, starts[c + 1]!);
      return own.reduce((sum, x) => sum + x, 0) / own.length;
    }),
  );
  return { count, k, columns, starts, clusters, rows, centroids };
}

/** Equal points of several clusters are put in the order of the clusters' first rows elsewhere only if that is settled; else by label. */
function settleTies(points: Float64Array, dimensions: number, labels: Int32Array, order: Uint32Array): void {
  for (let from = 0; from < order.length; ) {
    let to = from + 1;
    while (to < order.length && comparePoints(points, dimensions, order[from]!, order[to]!) === 0) to++;
    if (to - from > 1) order.subarray(from, to).sort((a, b) => labels[a]! - labels[b]! || a - b);
    from = to;
  }
}

/** Sums of the distances from a place to the points `from … to`. */
function distancesTo(groups: Groups, place: Float64Array, from: number, to: number): number {
  const { columns } = groups;
  let sum = 0;
  if (columns.length === 2) {
    const xs = columns[0]!;
    const ys = columns[1]!;
    const x = place[0]!;
    const y = place[1]!;
    // Two sums, since a square root would wait for the addition before it.
    let other = 0;
    let j = from;
    for (; j + 1 < to; j += 2) {
      const a = xs[j]! - x;
      const b = ys[j]! - y;
      const c = xs[j + 1]! - x;
      const d = ys[j + 1]! - y;
      sum += Math.sqrt(a * a + b * b);
      other += Math.sqrt(c * c + d * d);
    }
    if (j < to) {
      const a = xs[j]! - x;
      const b = ys[j]! - y;
      sum += Math.sqrt(a * a + b * b);
    }
    return sum + other;
  }
  for (let j = from; j < to; j++) {
    let square = 0;
    for (let d = 0; d < columns.length; d++) {
      const difference = columns[d]![j]! - place[d]!;
      square += difference * difference;
    }
    sum += Math.sqrt(square);
  }
  return sum;
}

/** (b − a) / max(a, b), and 0 where both are. */
function coefficient(a: number, b: number): number {
  const larger = Math.max(a, b);
  return larger > 0 ? (b - a) / larger : 0;
}

/** Every coefficient from sums to which each pair of points adds once for both. */
function symmetric(groups: Groups): Float64Array {
  const { count, k, columns, starts, clusters } = groups;
  const sums = new Float64Array(count * k);
  const place = new Float64Array(columns.length);
  for (let i = 0; i < count; i++) {
    const own = clusters[i]!;
    for (let d = 0; d < columns.length; d++) place[d] = columns[d]![i]!;
    for (let c = own; c < k; c++) {
      const from = c === own ? i + 1 : starts[c]!;
      sums[i * k + c]! += addDistances(groups, place, from, starts[c + 1]!, sums, own);
    }
  }
  return Float64Array.from({ length: count }, (_, i) => {
    const own = clusters[i]!;
    const others = starts[own + 1]! - starts[own]! - 1;
    if (others === 0) return 0;
    let b = Number.POSITIVE_INFINITY;
    for (let c = 0; c < k; c++) {
      if (c !== own) b = Math.min(b, sums[i * k + c]! / (starts[c + 1]! - starts[c]!));
    }
    return coefficient(sums[i * k + own]! / others, b);
  });
}

/** As `distancesTo`, and adds each distance to its point's sum for `cluster` as well. */
function addDistances(
  groups: Groups,
  place: Float64Array,
  from: number,
  to: number,
  sums: Float64Array,
  cluster: number,
): number {
  const { columns, k } = groups;
  let sum = 0;
  if (columns.length === 2) {
    const xs = columns[0]!;
    const ys = columns[1]!;
    const x = place[0]!;
    const y = place[1]!;
    for (let j = from; j < to; j++) {
      const a = xs[j]! - x;
      const b = ys[j]! - y;
      const distance = Math.sqrt(a * a + b * b);
      sum += distance;
      sums[j * k + cluster]! += distance;
    }
    return sum;
  }
  for (let j = from; j < to; j++) {
    let square = 0;
    for (let d = 0; d < columns.length; d++) {
      const difference = columns[d]![j]! - place[d]!;
      square += difference * difference;
    }
    const distance = Math.sqrt(square);
    sum += distance;
    sums[j * k + cluster]! += distance;
  }
  return sum;
}

function each(groups: Groups): Float64Array {
  const measure = pointMeasure(groups);
  return Float64Array.from({ length: groups.count }, (_, i) => measure(i));
}

/**
 * The coefficient of one point. The mean distance from a cluster is at least that from its centroid (Jensen's inequality),
 * so that clusters are tried in the order of their centroids until the next cannot be nearer.
 */
function pointMeasure(groups: Groups): (i: number) => number {
  const { k, columns, starts, clusters, centroids } = groups;
  const place = new Float64Array(columns.length);
  const nearest = new Float64Array(k);
  const order = new Uint32Array(k);
  return (i) => {
    const own = clusters[i]!;
    const others = starts[own + 1]! - starts[own]! - 1;
    if (others === 0) return 0;
    for (let d = 0; d < columns.length; d++) place[d] = columns[d]![i]!;
    let ranked = 0;
    for (let c = 0; c < k; c++) {
      if (c === own) continue;
      let square = 0;
      for (let d = 0; d < columns.length; d++) {
        const difference = centroids[d]![c]! - place[d]!;
        square += difference * difference;
      }
      let at = ranked++;
      for (; at > 0 && nearest[at - 1]! > square; at--) {
        nearest[at] = nearest[at - 1]!;
        order[at] = order[at - 1]!;
      }
      nearest[at] = square;
      order[at] = c;
    }
    let b = Number.POSITIVE_INFINITY;
    // The margin keeps a bound that rounding has lifted from leaving out the nearest cluster.
    for (let rank = 0; rank < ranked && Math.sqrt(nearest[rank]!) * (1 - 1e-12) < b; rank++) {
      const c = order[rank]!;
      b = Math.min(b, distancesTo(groups, place, starts[c]!, starts[c + 1]!) / (starts[c + 1]! - starts[c]!));
    }
    return coefficient(distancesTo(groups, place, starts[own]!, starts[own + 1]!) / others, b);
  };
}

/** The mean from a sample of every cluster in proportion to its size, with its 95% interval. */
function sampled(groups: Groups, samplePoints: number, source: Random): Omit<Silhouette, 'count' | 'clusters'> {
  const { count, k, starts } = groups;
  const measure = pointMeasure(groups);
  let mean = 0;
  let variance = 0;
  let measured = 0;
  for (let c = 0; c < k; c++) {
    const size = starts[c + 1]! - starts[c]!;
    const share = size / count;
    const wanted = Math.min(size, Math.max(SILHOUETTE_SAMPLE_LEAST, Math.ceil(samplePoints * share)));
    const values = Array.from(chooseFrom(size, wanted, source), (i) => measure(starts[c]! + i));
    const own = values.reduce((sum, value) => sum + value, 0) / wanted;
    mean += share * own;
    measured += wanted;
    if (wanted === size) continue;
    const spread = values.reduce((sum, value) => sum + (value - own) ** 2, 0) / (wanted - 1);
    variance += share * share * (1 - wanted / size) * (spread / wanted);
  }
  const half = Z_95 * Math.sqrt(variance);
  return { mean, method: 'sampled', interval: [Math.max(-1, mean - half), Math.min(1, mean + half)], measured };
}

/** Standard deviations on either side of the mean that hold 95% of a normal distribution. */
const Z_95 = 1.959964;

/** `wanted` different integers below `size`, in ascending order (selection sampling: Knuth, TAOCP 2, algorithm 3.4.2S). */
function* chooseFrom(size: number, wanted: number, source: Random): Generator<number> {
  let left = wanted;
  for (let i = 0; left > 0; i++) {
    if (source.uniform() * (size - i) < left) {
      left--;
      yield i;
    }
  }
}
