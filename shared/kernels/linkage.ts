import { LINKAGE_MAX_POINTS } from '../limits.ts';
import type { NeighbourGraph } from './edge-store.ts';
import { canonicalOrder, checkPoints, takePoints } from './points.ts';
import { ascending, sortedByKeys } from './radix-sort.ts';
import { UnionFind } from './union-find.ts';

/** How far two clusters are apart; scikit-learn's and SciPy's names. */
export const LINKAGE_METHODS = ['single', 'complete', 'average', 'ward'] as const;
export type LinkageMethod = (typeof LINKAGE_METHODS)[number];

/** A hierarchy of clusters, as SciPy's: rows are clusters 0 … count − 1, and merge i makes cluster count + i. */
export interface Linkage {
  readonly count: number;
  /** The two clusters of each merge, lower number first; merges in the order of their heights. */
  readonly merges: Uint32Array;
  /** How far the two were apart; infinite between what no distance links. */
  readonly heights: Float64Array;
  /** Rows of each merged cluster. */
  readonly sizes: Uint32Array;
}

/**
 * Agglomerative clustering of points by Euclidean distance. Between equal distances the points decide, not their rows' order.
 * @throws RangeError as `checkPoints` does, and for more than 8,000 points, whose distances would not be held.
 */
export function linkagePoints(points: Float64Array, dimensions: number, method: LinkageMethod): Linkage {
  const count = checkPoints(points, dimensions);
  checkCount(count);
  const order = canonicalOrder(points, dimensions);
  const ordered = takePoints(points, dimensions, order);
  const distances = new Float64Array((count * (count - 1)) / 2);
  let at = 0;
  for (let i = 0; i < count; i++) {
    for (let j = i + 1; j < count; j++) {
      let square = 0;
      for (let d = 0; d < dimensions; d++) {
        const difference = ordered[i * dimensions + d]! - ordered[j * dimensions + d]!;
        square += difference * difference;
      }
      distances[at++] = Math.sqrt(square);
    }
  }
  const linkage = linkageDistances(distances, count, method);
  const { merges } = linkage;
  for (let i = 0; i < merges.length; i += 2) {
    const [a, b] = [merges[i]!, merges[i + 1]!].map((name) => (name < count ? order[name]! : name)) as [number, number];
    merges[i] = Math.min(a, b);
    merges[i + 1] = Math.max(a, b);
  }
  return linkage;
}

/**
 * Agglomerative clustering of a graph with distances; a missing pair is infinitely far. For `single` of any size: its merges are the edges
 * of the graph's least spanning forest (Gower and Ross, 1969; by Kruskal's method, 1956).
 * @throws RangeError for `ward`, which needs points, for a graph without distances, and but for `single` for more than 8,000 nodes.
 */
export function linkageGraph(graph: NeighbourGraph, method: LinkageMethod): Linkage {
  const { nodes, offsets, targets, distances } = graph;
  if (method === 'ward') {
    throw new RangeError(
      'Cannot link a distance graph: linkage is ward, which needs points, where single, complete or average is expected',
    );
  }
  if (distances === undefined)
    throw new RangeError(`Cannot link a graph of ${nodes} nodes: its edges have no distances`);
  if (method === 'single') return spanningForest(graph, distances);
  checkCount(nodes);
  const all = new Float64Array((nodes * (nodes - 1)) / 2).fill(Number.POSITIVE_INFINITY);
  for (let i = 0; i < nodes; i++) {
    for (let e = offsets[i]!; e < offsets[i + 1]!; e++) all[pairIndex(nodes, i, targets[e]!)] = distances[e]!;
  }
  return linkageDistances(all, nodes, method);
}

function spanningForest({ nodes, offsets, targets }: NeighbourGraph, distances: Float64Array): Linkage {
  const sources = new Uint32Array(targets.length);
  for (let i = 0; i < nodes; i++) sources.fill(i, offsets[i]!, offsets[i + 1]!);
  const sets = new UnionFind(nodes);
  const merged: Merge[] = [];
  for (const edge of shortestFirst(distances)) {
    const low = sources[edge]!;
    const high = targets[edge]!;
    // Infinitely far is as good as missing.
    if (merged.length === nodes - 1 || distances[edge] === Number.POSITIVE_INFINITY) break;
    if (sets.find(low) === sets.find(high)) continue;
    sets.union(low, high);
    merged.push({ low, high, height: distances[edge]! });
  }
  return inOrder(nodes, merged);
}

/** Edges by ascending distance, equal ones in their order: the bits of doubles of at least 0 are in the order of their values. */
function shortestFirst(distances: Float64Array): Uint32Array {
  const count = distances.length;
  const words = new DataView(new ArrayBuffer(8));
  const keys = new Uint32Array(count);
  let order = ascending(count);
  for (const half of [4, 0]) {
    for (let e = 0; e < count; e++) {
      // Adding zero makes −0 the same as 0.
      words.setFloat64(0, distances[e]! + 0);
      keys[e] = words.getUint32(half);
    }
    order = sortedByKeys(order, keys);
  }
  return order;
}

/**
 * Agglomerative clustering by nearest-neighbour chains (Murtagh, A survey of recent advances in hierarchical clustering algorithms,
 * 1983; Müllner, Modern hierarchical, agglomerative clustering algorithms, 2011), with the distances between clusters by the
 * formula of Lance and Williams (1967): time in the square of the count. Heights are SciPy's.
 * @param distances of all pairs i < j, row by row; overwritten.
 */
export function linkageDistances(distances: Float64Array, count: number, method: LinkageMethod): Linkage {
  const sizes = new Uint32Array(count).fill(1);
  /** Clusters that may still be merged at a finite height, by one of their rows. */
  const active = new Uint8Array(count).fill(1);
  const chain: number[] = [];
  const merged: Merge[] = [];
  let first = 0;
  for (;;) {
    if (chain.length === 0) {
      while (first < count && active[first] === 0) first++;
      if (first === count) break;
      chain.push(first);
    }
    const x = chain[chain.length - 1]!;
    const before = chain.length > 1 ? chain[chain.length - 2]! : -1;
    // Of equally near clusters the chain's own comes first, or it would go round in circles.
    let nearest = before;
    let least = before >= 0 ? distances[pairIndex(count, x, before)]! : Number.POSITIVE_INFINITY;
    for (let y = 0; y < count; y++) {
      if (active[y] === 0 || y === x) continue;
      const distance = distances[pairIndex(count, x, y)]!;
      if (distance < least) {
        least = distance;
        nearest = y;
      }
    }
    if (nearest < 0) {
      // Infinitely far from all others, and from all that they may become.
      active[x] = 0;
      chain.pop();
    } else if (nearest === before) {
      chain.length -= 2;
      const low = Math.min(x, nearest);
      const high = Math.max(x, nearest);
      merged.push({ low, high, height: least });
      join(distances, count, active, sizes, low, high, least, method);
    } else chain.push(nearest);
  }
  return inOrder(count, merged);
}

/**
 * Cuts a hierarchy into flat clusters, numbered by their first rows: the fewest that are at least `clusters`, or all merges
 * below `distance` (scikit-learn's `distance_threshold`). What is infinitely far is never put together, so that there may be more.
 */
export function cutLinkage(linkage: Linkage, cut: { clusters: number } | { distance: number }): Int32Array {
  const { count, merges, heights } = linkage;
  const name = 'clusters' in cut ? 'n_clusters' : 'distance_threshold';
  const value = 'clusters' in cut ? cut.clusters : cut.distance;
  if ('clusters' in cut ? !Number.isInteger(value) || value < 1 : !(value >= 0)) {
    const expected = 'clusters' in cut ? 'an integer of at least 1' : 'a number of at least 0';
    throw new RangeError(`Cannot cut a hierarchy of ${count} rows: ${name} is ${value} where ${expected} is expected`);
  }
  const sets = new UnionFind(count);
  const members = new Uint32Array(count + heights.length);
  for (let i = 0; i < count; i++) members[i] = i;
  for (let i = 0; i < heights.length; i++) {
    members[count + i] = members[merges[2 * i]!]!;
    if (heights[i] === Number.POSITIVE_INFINITY) break;
    if ('clusters' in cut ? count - i <= cut.clusters : heights[i]! >= cut.distance) break;
    sets.union(members[merges[2 * i]!]!, members[merges[2 * i + 1]!]!);
  }
  const labels = new Int32Array(count);
  let clusters = 0;
  for (let i = 0; i < count; i++) {
    const least = sets.find(i);
    labels[i] = least === i ? clusters++ : labels[least]!;
  }
  return labels;
}

/** Two clusters by rows of theirs, and their distance. */
interface Merge {
  low: number;
  high: number;
  height: number;
}

function checkCount(count: number): void {
  if (count > LINKAGE_MAX_POINTS) {
    throw new RangeError(
      `Cannot link ${count} points: their distances are all held, of at most ${LINKAGE_MAX_POINTS} points`,
    );
  }
}

function pairIndex(count: number, i: number, j: number): number {
  return i < j ? count * i - (i * (i + 1)) / 2 + j - i - 1 : count * j - (j * (j + 1)) / 2 + i - j - 1;
}

/** Cluster `high` becomes that of both; `low` is no more. */
function join(
  distances: Float64Array,
  count: number,
  active: Uint8Array,
  sizes: Uint32Array,
  low: number,
  high: number,
  height: number,
  method: LinkageMethod,
): void {
  const a = sizes[low]!;
  const b = sizes[high]!;
  active[low] = 0;
  sizes[high] = a + b;
  for (let i = 0; i < count; i++) {
    if (active[i] === 0 || i === high) continue;
    const p = distances[pairIndex(count, i, low)]!;
    const at = pairIndex(count, i, high);
    const q = distances[at]!;
    if (method === 'single') distances[at] = Math.min(p, q);
    else if (method === 'complete') distances[at] = Math.max(p, q);
    else if (method === 'average') distances[at] = (a * p + b * q) / (a + b);
    else {
      const c = sizes[i]!;
      const square = ((a + c) * p * p + (b + c) * q * q - c * height * height) / (a + b + c);
      // Rounding alone can put it below zero.
      distances[at] = Math.sqrt(Math.max(0, square));
    }
  }
}

/** Merges in the order of their heights, clusters numbered by their merges, and what is left joined infinitely high. */
function inOrder(count: number, merged: Merge[]): Linkage {
  merged.sort((a, b) => a.height - b.height);
  const total = Math.max(0, count - 1);
  const merges = new Uint32Array(2 * total);
  const heights = new Float64Array(total);
  const sizes = new Uint32Array(total);
  const sets = new UnionFind(count);
  const names = Uint32Array.from({ length: count }, (_, i) => i);
  const weights = new Uint32Array(count).fill(1);
  let done = 0;
  const put = (i: number, j: number, height: number) => {
    const a = sets.find(i);
    const b = sets.find(j);
    merges[2 * done] = Math.min(names[a]!, names[b]!);
    merges[2 * done + 1] = Math.max(names[a]!, names[b]!);
    heights[done] = height;
    sizes[done] = weights[a]! + weights[b]!;
    sets.union(a, b);
    const least = Math.min(a, b);
    weights[least] = sizes[done]!;
    names[least] = count + done++;
  };
  for (const { low, high, height } of merged) put(low, high, height);
  for (let i = 1; i < count; i++) if (sets.find(i) !== 0) put(0, i, Number.POSITIVE_INFINITY);
  return { count, merges, heights, sizes };
}
