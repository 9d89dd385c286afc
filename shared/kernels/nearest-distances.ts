import type { KdTree } from './kd-tree.ts';

/**
 * The distance of every point from its `neighbours`-th nearest one, itself counted as the first (Friedman, Bentley and Finkel,
 * An algorithm for finding best matches in logarithmic expected time, 1977).
 * @param neighbours an integer of at least 1.
 * @returns one for each row of the tree's input; infinite where there are fewer points.
 */
export function nearestDistances(tree: KdTree, neighbours: number): Float64Array {
  const { dimensions, count, points, rows, boxes, starts, ends, rights } = tree;
  const distances = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  if (neighbours > count) return distances;
  /** The least squares so far, ascending. */
  const nearest = new Float64Array(neighbours);
  let p = 0;

  function squareToBox(node: number): number {
    const b = node * 2 * dimensions;
    let square = 0;
    for (let d = 0; d < dimensions; d++) {
      const x = points[p + d]!;
      const below = boxes[b + d]! - x;
      const above = x - boxes[b + dimensions + d]!;
      const gap = below > above ? below : above;
      if (gap > 0) square += gap * gap;
    }
    return square;
  }

  function visit(node: number): void {
    const right = rights[node]!;
    if (right === 0) {
      for (let i = starts[node]!, end = ends[node]!; i < end; i++) {
        let square = 0;
        for (let d = 0; d < dimensions; d++) {
          const difference = points[p + d]! - points[i * dimensions + d]!;
          square += difference * difference;
        }
        if (!(square < nearest[neighbours - 1]!)) continue;
        let at = neighbours - 1;
        for (; at > 0 && nearest[at - 1]! > square; at--) nearest[at] = nearest[at - 1]!;
        nearest[at] = square;
      }
      return;
    }
    const left = node + 1;
    const toLeft = squareToBox(left);
    const toRight = squareToBox(right);
    const leftFirst = toLeft <= toRight;
    if ((leftFirst ? toLeft : toRight) < nearest[neighbours - 1]!) visit(leftFirst ? left : right);
    if ((leftFirst ? toRight : toLeft) < nearest[neighbours - 1]!) visit(leftFirst ? right : left);
  }

  for (let i = 0; i < count; i++) {
    p = i * dimensions;
    nearest.fill(Number.POSITIVE_INFINITY);
    visit(0);
    distances[rows[i]!] = Math.sqrt(nearest[neighbours - 1]!);
  }
  return distances;
}
