import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  centreOf,
  distanceTo,
  type PrepareOptions,
  prepareFeatures,
  valuesOf,
} from '../../../shared/clustering/features.ts';
import { readFeatures, writeFeatures } from '../../../shared/clustering/features-file.ts';

const plane: PrepareOptions = { features: ['a', 'b'], kind: 'plane', normalize: 'none', ranges: {} };
const earth: PrepareOptions = { ...plane, features: ['lat', 'lon'], kind: 'vectors' };

describe('features', () => {
  it('are of rows that have them, finite and in range, each other row counted once', () => {
    const a = Float64Array.of(1, Number.NaN, Number.POSITIVE_INFINITY, 4, 5, Number.NaN);
    const b = Float64Array.of(1, 2, 3, 400, 5, 6);
    const missing = [Uint8Array.of(0, 1, 0, 0, 0, 0), undefined];
    const { points, rows, dropped } = prepareFeatures([a, b], { ...plane, ranges: { b: [0, 100] } }, missing);
    expect([...rows]).toEqual([0, 4]);
    expect([...points]).toEqual([1, 1, 5, 5]);
    expect(dropped).toEqual({ missing: 1, notFinite: 2, outOfRange: 1 });
  });

  it('on the sphere are places on Earth only', () => {
    const { rows, dropped, dimensions } = prepareFeatures(
      [Float64Array.of(91, 0, -90, 10), Float64Array.of(0, 361, 10, -180)],
      earth,
    );
    expect([...rows]).toEqual([2, 3]);
    expect(dropped.outOfRange).toBe(2);
    expect(dimensions).toBe(3);
  });

  it('are normalised as they say, a constant one left alone, and come back', () => {
    const column = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 2, maxLength: 40 });
    fc.assert(
      fc.property(column, fc.constantFrom('zscore' as const, 'minmax' as const), (values, normalize) => {
        const { points, space } = prepareFeatures([Float64Array.from(values), Float64Array.from(values, () => 7)], {
          ...plane,
          normalize,
        });
        const xs = [...points].filter((_, i) => i % 2 === 0);
        const mean = xs.reduce((all, x) => all + x, 0) / xs.length;
        const isConstant = Math.max(...values) === Math.min(...values);
        if (!isConstant && normalize === 'minmax') expect([Math.min(...xs), Math.max(...xs)]).toEqual([0, 1]);
        if (!isConstant && normalize === 'zscore' && Math.max(...values) - Math.min(...values) > 1e-3) {
          expect(mean).toBeCloseTo(0, 6);
          expect(xs.reduce((all, x) => all + (x - mean) ** 2, 0) / xs.length).toBeCloseTo(1, 6);
        }
        expect([...points].filter((_, i) => i % 2 === 1).every((x) => x === 0)).toBe(true);
        for (const [i, value] of values.entries()) {
          const [back, constant] = valuesOf(space, points.subarray(2 * i, 2 * i + 2)) as [number, number];
          expect(Math.abs(back - value)).toBeLessThanOrEqual(1e-9 * Math.max(1, ...values.map(Math.abs)));
          expect(constant).toBe(7);
        }
      }),
    );
  });

  it('have centres across the antimeridian, and distances from them in kilometres', () => {
    const columns = [Float64Array.of(0, 0), Float64Array.of(179, -179)];
    for (const kind of ['vectors', 'places'] as const) {
      const { points, dimensions, space } = prepareFeatures(columns, { ...earth, kind });
      const centre = centreOf(space, points, dimensions, [0, 1]);
      const [lat, lon] = valuesOf(space, centre) as [number, number];
      expect(lat).toBeCloseTo(0);
      expect(Math.abs(lon)).toBeCloseTo(180);
      expect(distanceTo(space, points, dimensions, 0, centre)).toBeCloseTo(111.195, 2);
    }
  });

  it('may be of no row', () => {
    const { points, dropped } = prepareFeatures([new Float64Array(0), new Float64Array(0)], {
      ...plane,
      normalize: 'zscore',
    });
    expect(points).toHaveLength(0);
    expect(dropped).toEqual({ missing: 0, notFinite: 0, outOfRange: 0 });
  });
});

describe('the file of features', () => {
  it.each([0, 1, 1000])('gives %d points back', (count) => {
    const points = Float64Array.from({ length: 3 * count }, (_, i) => i / 7);
    const rows = Uint32Array.from({ length: count }, (_, i) => 2 * i);
    const read = readFeatures(writeFeatures(points, 3, rows));
    expect(read.dimensions).toBe(3);
    expect(read.points).toEqual(points);
    expect(read.rows).toEqual(rows);
  });
});
