import { COORDINATE_MAX } from '../limits.ts';
import { ascending, sortedByKeys } from './radix-sort.ts';

/**
 * Points are flat: `[x0, y0, …, x1, y1, …]`, `dimensions` numbers each. Every kernel checks them once, here, and
 * trusts them from then on.
 * @returns the number of points.
 * @throws RangeError for a length that is no multiple of the dimensions, and for a coordinate that is not finite or so
 *   large that its square would not be.
 */
export function checkPoints(points: Float64Array, dimensions: number): number {
  if (!Number.isInteger(dimensions) || dimensions < 1) {
    throw new RangeError(`Cannot read points of ${dimensions} dimensions: expected an integer of at least 1`);
  }
  if (points.length % dimensions !== 0) {
    throw new RangeError(`Cannot read ${points.length} coordinates as points of ${dimensions} dimensions`);
  }
  for (let i = 0; i < points.length; i++) {
    if (!(Math.abs(points[i]!) <= COORDINATE_MAX)) {
      const row = Math.floor(i / dimensions);
      const at = Array.from(points.subarray(row * dimensions, (row + 1) * dimensions)).join(', ');
      throw new RangeError(
        `Cannot cluster point ${row} (${at}): coordinate ${i % dimensions} is ${points[i]} where a number within ±${COORDINATE_MAX} is expected`,
      );
    }
  }
  return points.length / dimensions;
}

/**
 * Row numbers in lexicographic order of their points: the same order of coordinates whatever the order of the rows, so
 * that what draws at random from it does not depend on how the rows arrived. Equal points are interchangeable.
 * A radix sort on the upper half of the first coordinate's bits settles most; what it leaves equal is compared.
 */
export function canonicalOrder(points: Float64Array, dimensions: number): Uint32Array {
  const n = points.length / dimensions;
  const keys = new Uint32Array(n);
  const bits = new DataView(new ArrayBuffer(8));
  for (let i = 0; i < n; i++) {
    // Adding zero makes −0 the same as 0.
    bits.setFloat64(0, points[i * dimensions]! + 0);
    const high = bits.getUint32(0);
    // As unsigned integers, negative doubles run backwards and lie above the positive ones.
    keys[i] = high & 0x8000_0000 ? ~high : high | 0x8000_0000;
  }
  const order = sortedByKeys(ascending(n), keys);
  const compare = (a: number, b: number) => comparePoints(points, dimensions, a, b);
  for (let from = 0; from < n; ) {
    let to = from + 1;
    while (to < n && keys[order[to]!] === keys[order[from]!]) to++;
    if (to - from > 1) order.subarray(from, to).sort(compare);
    from = to;
  }
  return order;
}

/** Negative, zero or positive as point `a` lies lexicographically before, on or behind point `b`. */
export function comparePoints(points: Float64Array, dimensions: number, a: number, b: number): number {
  for (let d = 0; d < dimensions; d++) {
    const difference = points[a * dimensions + d]! - points[b * dimensions + d]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

/** How many different points there are; `order` is theirs by `canonicalOrder`. */
export function countDistinct(points: Float64Array, dimensions: number, order: Uint32Array): number {
  let distinct = Math.min(1, order.length);
  for (let i = 1; i < order.length; i++) {
    if (comparePoints(points, dimensions, order[i - 1]!, order[i]!) !== 0) distinct++;
  }
  return distinct;
}

/** The points in another order: row i of the result is row `order[i]` of `points`. */
export function takePoints(points: Float64Array, dimensions: number, order: Uint32Array): Float64Array {
  const taken = new Float64Array(order.length * dimensions);
  for (let i = 0; i < order.length; i++) {
    for (let d = 0; d < dimensions; d++) taken[i * dimensions + d] = points[order[i]! * dimensions + d]!;
  }
  return taken;
}

/** The mean of each coordinate. */
export function meanPoint(points: Float64Array, dimensions: number): Float64Array {
  const n = points.length / dimensions;
  const mean = new Float64Array(dimensions);
  for (let i = 0; i < points.length; i++) mean[i % dimensions]! += points[i];
  for (let d = 0; d < dimensions; d++) mean[d]! /= n || 1;
  return mean;
}

/** The mean over the coordinates of their (population) variance: the unit of k-means' `tol`. */
export function meanVariance(points: Float64Array, dimensions: number): number {
  const mean = meanPoint(points, dimensions);
  let sum = 0;
  for (let i = 0; i < points.length; i++) {
    const difference = points[i]! - mean[i % dimensions]!;
    sum += difference * difference;
  }
  return points.length === 0 ? 0 : sum / points.length;
}
