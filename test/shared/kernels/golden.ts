import { readFileSync } from 'node:fs';
import { join } from 'node:path';

const FIXTURES = join(import.meta.dirname, '../../fixtures/clusters');

/** What scikit-learn and SciPy answered, as test/python/golden_clusters.py wrote it down. */
export function golden<T>(name: string): T[] {
  const { cases } = JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), 'utf8')) as { cases: T[] };
  return cases;
}

/** Labels by order of first appearance, noise (−1) as it is: what is left of two clusterings when names do not matter. */
export function renamed(labels: ArrayLike<number>): number[] {
  const names = new Map<number, number>();
  return Array.from(labels, (label) => {
    if (label < 0) return label;
    if (!names.has(label)) names.set(label, names.size);
    return names.get(label)!;
  });
}

/** The rows of flat points in another order. */
export function reordered(points: Float64Array, dimensions: number, order: readonly number[]): Float64Array {
  const result = new Float64Array(points.length);
  order.forEach((row, i) => {
    result.set(points.subarray(row * dimensions, (row + 1) * dimensions), i * dimensions);
  });
  return result;
}
