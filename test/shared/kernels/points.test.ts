import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  canonicalOrder,
  checkPoints,
  comparePoints,
  countDistinct,
  meanPoint,
  meanVariance,
  takePoints,
} from '../../../shared/kernels/points.ts';

describe('checkPoints', () => {
  it('counts the points', () => {
    expect(checkPoints(Float64Array.of(1, 2, 3, 4), 2)).toBe(2);
    expect(checkPoints(new Float64Array(0), 3)).toBe(0);
  });

  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e200])(
    'refuses %p with its row and values',
    (bad) => {
      expect(() => checkPoints(Float64Array.of(1, 2, 3, bad), 2)).toThrow(
        `Cannot cluster point 1 (3, ${bad}): coordinate 1 is ${bad} where a number within ±1e+145 is expected`,
      );
    },
  );

  it('refuses lengths and dimensions that do not fit', () => {
    expect(() => checkPoints(new Float64Array(5), 2)).toThrow('Cannot read 5 coordinates as points of 2 dimensions');
    expect(() => checkPoints(new Float64Array(5), 0)).toThrow('Cannot read points of 0 dimensions');
  });
});

describe('canonicalOrder', () => {
  const coordinate = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ noNaN: true, min: -1e145, max: 1e145 }));

  it('is a permutation that sorts the points', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(coordinate, coordinate)), (rows) => {
        const points = Float64Array.from(rows.flat());
        const order = canonicalOrder(points, 2);
        expect([...order].sort((a, b) => a - b)).toEqual(rows.map((_, i) => i));
        for (let i = 1; i < order.length; i++) {
          expect(comparePoints(points, 2, order[i - 1]!, order[i]!)).toBeLessThanOrEqual(0);
        }
      }),
    );
  });

  it('does not tell −0 from 0', () => {
    expect([...canonicalOrder(Float64Array.of(0, 2, -0, 1, 0, 0), 2)]).toEqual([2, 1, 0]);
  });
});

it('countDistinct counts different points', () => {
  const points = Float64Array.of(1, 1, 0, 0, 1, 1, 1, 2, -0, 0);
  expect(countDistinct(points, 2, canonicalOrder(points, 2))).toBe(3);
  expect(countDistinct(new Float64Array(0), 2, new Uint32Array(0))).toBe(0);
});

it('takePoints, meanPoint and meanVariance do as they say', () => {
  const points = Float64Array.of(1, 10, 3, 30);
  expect([...takePoints(points, 2, Uint32Array.of(1, 0))]).toEqual([3, 30, 1, 10]);
  expect([...meanPoint(points, 2)]).toEqual([2, 20]);
  expect(meanVariance(points, 2)).toBe((1 + 100) / 2);
  expect(meanVariance(new Float64Array(0), 2)).toBe(0);
});
