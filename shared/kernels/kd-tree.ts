import { KD_TREE_LEAF_POINTS } from '../limits.ts';

/**
 * A balanced kd-tree (Bentley, Multidimensional binary search trees, 1975) whose nodes know the box, mean and scatter of
 * their points: what k-means needs to treat many points at once. Nodes are numbered in preorder: the left child of node v
 * is v + 1, and node 0 is the root. All fields are numbers and typed arrays, so that a tree passes to workers, without a copy
 * where it is built in shared memory.
 */
export interface KdTree {
  readonly dimensions: number;
  readonly count: number;
  readonly nodes: number;
  /** Coordinates in the tree's order: a node's points lie together. */
  readonly points: Float64Array;
  /** The row of the input at each position of the tree's order. */
  readonly rows: Uint32Array;
  /** For each node the lowest coordinates of its points, then the highest. */
  readonly boxes: Float64Array;
  /** For each node the mean of its points. */
  readonly means: Float64Array;
  /** For each node the sum of the squared distances of its points from their mean. */
  readonly scatters: Float64Array;
  /** The position of a node's first point … */
  readonly starts: Uint32Array;
  /** … and behind its last one. */
  readonly ends: Uint32Array;
  /** The right child of a node; 0 for a leaf. */
  readonly rights: Uint32Array;
}

/**
 * Builds the tree of a set of points, which are copied. The same points in the same order make the same tree.
 * @param points flat coordinates, checked by `checkPoints`; at least one point.
 * @param options.shared whether to build in shared memory, for workers.
 */
export function buildKdTree(points: Float64Array, dimensions: number, options: { shared?: boolean } = {}): KdTree {
  const count = points.length / dimensions;
  const nodes = nodesOf(count);
  const floats = (length: number) =>
    options.shared ? new Float64Array(new SharedArrayBuffer(length * 8)) : new Float64Array(length);
  const integers = (length: number) =>
    options.shared ? new Uint32Array(new SharedArrayBuffer(length * 4)) : new Uint32Array(length);
  const tree: KdTree = {
    dimensions,
    count,
    nodes,
    points: floats(count * dimensions),
    rows: integers(count),
    boxes: floats(nodes * 2 * dimensions),
    means: floats(nodes * dimensions),
    scatters: floats(nodes),
    starts: integers(nodes),
    ends: integers(nodes),
    rights: integers(nodes),
  };
  tree.points.set(points);
  for (let i = 0; i < count; i++) tree.rows[i] = i;
  let next = 0;
  const grow = (start: number, end: number): number => {
    const node = next++;
    tree.starts[node] = start;
    tree.ends[node] = end;
    const axis = bound(tree, node);
    if (end - start <= KD_TREE_LEAF_POINTS) {
      measureLeaf(tree, node);
      return node;
    }
    const middle = start + ((end - start) >> 1);
    select(tree, middle, start, end - 1, axis);
    grow(start, middle);
    tree.rights[node] = grow(middle, end);
    measureInner(tree, node);
    return node;
  };
  grow(0, count);
  return tree;
}

/**
 * What must hold of every tree; for tests.
 * @throws Error that names the node and both values, where it does not.
 */
export function validateKdTree(tree: KdTree): void {
  const { dimensions, count, nodes, points, rows, boxes, starts, ends, rights } = tree;
  const seen = new Uint8Array(count);
  for (const row of rows) seen[row]!++;
  for (let i = 0; i < count; i++)
    if (seen[i] !== 1) throw new Error(`Row ${i} is ${seen[i]} times in the tree, expected once.`);
  for (let node = 0; node < nodes; node++) {
    for (let i = starts[node]!; i < ends[node]!; i++) {
      for (let d = 0; d < dimensions; d++) {
        const x = points[i * dimensions + d]!;
        const low = boxes[node * 2 * dimensions + d]!;
        const high = boxes[node * 2 * dimensions + dimensions + d]!;
        if (x < low || x > high) throw new Error(`Node ${node} holds ${x} outside its box of ${low} to ${high}.`);
      }
    }
    const right = rights[node]!;
    if (right === 0) continue;
    if (starts[node + 1] !== starts[node] || ends[node + 1] !== starts[right] || ends[right] !== ends[node]) {
      throw new Error(
        `Node ${node} of ${starts[node]} to ${ends[node]} is not its children's ${starts[node + 1]} to ${ends[right]}.`,
      );
    }
  }
}

/** Nodes of the tree of so many points: a function of the number alone, since every split is at the middle. */
function nodesOf(count: number, known = new Map<number, number>()): number {
  if (count <= KD_TREE_LEAF_POINTS) return 1;
  const found = known.get(count);
  if (found !== undefined) return found;
  const half = count >> 1;
  const nodes = 1 + nodesOf(half, known) + nodesOf(count - half, known);
  known.set(count, nodes);
  return nodes;
}

/** Writes a node's box and gives its longest side's axis. */
function bound(tree: KdTree, node: number): number {
  const { dimensions, points, boxes } = tree;
  const start = tree.starts[node]!;
  const end = tree.ends[node]!;
  const box = node * 2 * dimensions;
  let axis = 0;
  let longest = -1;
  for (let d = 0; d < dimensions; d++) {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (let i = start * dimensions + d; i < end * dimensions; i += dimensions) {
      const x = points[i]!;
      if (x < low) low = x;
      if (x > high) high = x;
    }
    boxes[box + d] = low;
    boxes[box + dimensions + d] = high;
    if (high - low > longest) {
      longest = high - low;
      axis = d;
    }
  }
  return axis;
}

function measureLeaf(tree: KdTree, node: number): void {
  const { dimensions, points, boxes, means, scatters } = tree;
  const start = tree.starts[node]!;
  const end = tree.ends[node]!;
  let scatter = 0;
  for (let d = 0; d < dimensions; d++) {
    const low = boxes[node * 2 * dimensions + d]!;
    let mean = low;
    // Equal coordinates have exactly their own mean, and then no scatter: seeding relies on that zero.
    if (low !== boxes[node * 2 * dimensions + dimensions + d]) {
      let sum = 0;
      for (let i = start; i < end; i++) sum += points[i * dimensions + d]! - low;
      mean = low + sum / (end - start);
      for (let i = start; i < end; i++) {
        const difference = points[i * dimensions + d]! - mean;
        scatter += difference * difference;
      }
    }
    means[node * dimensions + d] = mean;
  }
  scatters[node] = scatter;
}

/** A node's mean and scatter from its children's (Chan, Golub and LeVeque, 1979), without cancellation. */
function measureInner(tree: KdTree, node: number): void {
  const { dimensions, means, scatters, starts, ends } = tree;
  const left = node + 1;
  const right = tree.rights[node]!;
  const share = (ends[right]! - starts[right]!) / (ends[node]! - starts[node]!);
  const weight = (ends[left]! - starts[left]!) * share;
  let scatter = scatters[left]! + scatters[right]!;
  for (let d = 0; d < dimensions; d++) {
    const difference = means[right * dimensions + d]! - means[left * dimensions + d]!;
    means[node * dimensions + d] = means[left * dimensions + d]! + difference * share;
    scatter += weight * difference * difference;
  }
  scatters[node] = scatter;
}

/**
 * Rearranges the points of `left … right` so that position k holds the one it would hold if they were sorted along an
 * axis, no greater ones before it and no smaller ones behind (Floyd and Rivest, 1975).
 */
function select(tree: KdTree, k: number, left: number, right: number, axis: number): void {
  const { dimensions, points } = tree;
  let low = left;
  let high = right;
  while (high > low) {
    if (high - low > 600) {
      // A sample around k narrows the range before the range itself is partitioned.
      const n = high - low + 1;
      const m = k - low + 1;
      const z = Math.log(n);
      const s = 0.5 * Math.exp((2 * z) / 3);
      const sd = 0.5 * Math.sqrt((z * s * (n - s)) / n) * (m - n / 2 < 0 ? -1 : 1);
      const from = Math.max(low, Math.floor(k - (m * s) / n + sd));
      const to = Math.min(high, Math.floor(k + ((n - m) * s) / n + sd));
      select(tree, k, from, to, axis);
    }
    const t = points[k * dimensions + axis]!;
    let i = low;
    let j = high;
    swap(tree, low, k);
    if (points[high * dimensions + axis]! > t) swap(tree, low, high);
    while (i < j) {
      swap(tree, i, j);
      i++;
      j--;
      while (points[i * dimensions + axis]! < t) i++;
      while (points[j * dimensions + axis]! > t) j--;
    }
    if (points[low * dimensions + axis] === t) swap(tree, low, j);
    else {
      j++;
      swap(tree, j, high);
    }
    if (j <= k) low = j + 1;
    if (k <= j) high = j - 1;
  }
}

function swap(tree: KdTree, i: number, j: number): void {
  const { dimensions, points, rows } = tree;
  const row = rows[i]!;
  rows[i] = rows[j]!;
  rows[j] = row;
  for (let d = 0; d < dimensions; d++) {
    const x = points[i * dimensions + d]!;
    points[i * dimensions + d] = points[j * dimensions + d]!;
    points[j * dimensions + d] = x;
  }
}
