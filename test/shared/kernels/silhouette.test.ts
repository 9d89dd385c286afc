import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { random } from '../../../shared/kernels/random.ts';
import { silhouette, silhouetteSamples } from '../../../shared/kernels/silhouette.ts';
import { golden, reordered } from './golden.ts';

interface Golden {
  name: string;
  dimensions: number;
  points: number[];
  labels: number[];
  silhouette?: number;
  samples?: number[];
}

/** Gaussian-like blobs around the corners of a square, with their true labels. */
function corners(count: number, spread: number): { points: Float64Array; labels: Int32Array } {
  const source = random(3);
  const labels = Int32Array.from({ length: count }, (_, i) => (i % 10 === 0 ? 2 : i % 4));
  const points = new Float64Array(count * 2);
  for (let i = 0; i < count; i++) {
    points[2 * i] = (labels[i]! & 1) + (source.uniform() + source.uniform() - 1) * spread;
    points[2 * i + 1] = (labels[i]! >> 1) + (source.uniform() + source.uniform() - 1) * spread;
  }
  return { points, labels };
}

describe("scikit-learn's silhouette", () => {
  const cases = [
    ...golden<Golden>('silhouette'),
    ...golden<Golden>('kmeans').filter((test) => test.silhouette !== undefined),
  ];
  it.each(cases.map((test) => [test.name, test] as const))('%s', (_, test) => {
    const points = Float64Array.from(test.points);
    const labels = Int32Array.from(test.labels);
    const result = silhouette(points, test.dimensions, labels);
    expect(result.method).toBe('exact');
    expect(Math.abs(result.mean - test.silhouette!)).toBeLessThan(1e-9);
    const samples = silhouetteSamples(points, test.dimensions, labels);
    for (const [i, value] of (test.samples ?? []).entries()) expect(Math.abs(samples[i]! - value)).toBeLessThan(2e-9);
  });
});

describe('silhouette', () => {
  it('does not depend on the order of the rows, names or noise, exact or sampled', () => {
    const coordinate = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ min: -9, max: 9, noNaN: true }));
    const row = fc.tuple(coordinate, coordinate, fc.integer({ min: -1, max: 6 }));
    fc.assert(
      fc.property(fc.array(row, { maxLength: 60 }), fc.integer({ min: 0, max: 99 }), (rows, seed) => {
        const points = Float64Array.from(rows.flatMap((r) => r.slice(0, 2)));
        const labels = Int32Array.from(rows, (r) => r[2]);
        const source = random(seed);
        const order = rows.map((_, i) => i).sort(() => source.uniform() - 0.5);
        const other = Int32Array.from(order, (i) => labels[i]!);
        const result = silhouette(points, 2, labels);
        const again = silhouette(reordered(points, 2, order), 2, other);
        expect(again).toEqual(result);
        const bare = rows.filter((r) => r[2] >= 0);
        const without = silhouette(
          Float64Array.from(bare.flatMap((r) => r.slice(0, 2))),
          2,
          Int32Array.from(bare, (r) => 70 + 3 * r[2]),
        );
        expect(without.mean).toBe(result.mean);
        const few = { exactMaxPoints: 10, samplePoints: 12 };
        expect(silhouette(reordered(points, 2, order), 2, other, few)).toEqual(silhouette(points, 2, labels, few));
      }),
    );
  });

  it('samples many points, says so, and holds the truth in its interval', () => {
    const { points, labels } = corners(1_500, 0.8);
    const exact = silhouette(points, 2, labels);
    let held = 0;
    for (let randomState = 0; randomState < 20; randomState++) {
      const result = silhouette(points, 2, labels, { exactMaxPoints: 1_000, samplePoints: 200, randomState });
      expect(result.method).toBe('sampled');
      expect(result.measured).toBeLessThan(210);
      expect(result.interval[1] - result.interval[0]).toBeLessThan(0.1);
      if (result.interval[0] <= exact.mean && exact.mean <= result.interval[1]) held++;
    }
    expect(held).toBeGreaterThanOrEqual(17);
  });

  it('a sample of all points is exact', () => {
    const { points, labels } = corners(400, 0.8);
    const exact = silhouette(points, 2, labels);
    const all = silhouette(points, 2, labels, { exactMaxPoints: 100, samplePoints: 400 });
    expect(all.mean).toBeCloseTo(exact.mean, 12);
    expect(all.interval[0]).toBeCloseTo(exact.mean, 12);
  });

  it('has no value where it is not defined', () => {
    const none = { mean: Number.NaN, measured: 0, method: 'exact' };
    expect(silhouette(new Float64Array(0), 2, new Int32Array(0))).toMatchObject({ ...none, count: 0, clusters: 0 });
    expect(silhouette(Float64Array.of(1, 2), 2, Int32Array.of(0))).toMatchObject(none);
    expect(silhouette(Float64Array.of(1, 2, 3, 4), 2, Int32Array.of(0, 1))).toMatchObject(none);
    expect(silhouette(Float64Array.of(1, 2, 3, 4, 5, 6), 2, Int32Array.of(0, 0, 0))).toMatchObject(none);
    expect(silhouette(Float64Array.of(1, 2, 3, 4, 5, 6), 2, Int32Array.of(-1, 0, -1))).toMatchObject(none);
    expect([...silhouetteSamples(Float64Array.of(1, 2), 2, Int32Array.of(0))]).toEqual([Number.NaN]);
  });

  it('is 0 where all points are equal', () => {
    expect(
      silhouette(
        new Float64Array(40).fill(2),
        2,
        Int32Array.from({ length: 20 }, (_, i) => i % 7),
      ).mean,
    ).toBe(0);
  });

  it('refuses labels that are too few and coordinates that are none', () => {
    expect(() => silhouette(new Float64Array(6), 2, new Int32Array(2))).toThrow('3 points have 2 labels');
    expect(() => silhouette(Float64Array.of(1, Number.NaN), 2, new Int32Array(1))).toThrow('coordinate 1 is NaN');
  });
});
