import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  angleOfChord,
  chordOfAngle,
  haversine,
  kilometres,
  placeOf,
  radiansOfKilometres,
  unitVectors,
} from '../../../shared/kernels/sphere.ts';

const place = fc.tuple(fc.double({ min: -90, max: 90, noNaN: true }), fc.double({ min: -180, max: 180, noNaN: true }));

describe('unitVectors', () => {
  it('have length 1 and lead back to their places', () => {
    fc.assert(
      fc.property(place, ([latitude, longitude]) => {
        const [x, y, z] = unitVectors(Float64Array.of(latitude, longitude)) as unknown as [number, number, number];
        expect(Math.hypot(x, y, z)).toBeCloseTo(1, 14);
        const [north, east] = placeOf(x, y, z);
        expect(north).toBeCloseTo(latitude, 5);
        if (Math.abs(latitude) < 89)
          expect(Math.abs(Math.sin(((east - longitude) * Math.PI) / 360))).toBeLessThan(1e-12);
      }),
    );
  });

  it('have chords under the haversine angles', () => {
    fc.assert(
      fc.property(place, place, (a, b) => {
        const v = unitVectors(Float64Array.of(...a, ...b));
        const chord = Math.hypot(v[0]! - v[3]!, v[1]! - v[4]!, v[2]! - v[5]!);
        expect(angleOfChord(chord)).toBeCloseTo(haversine(...a, ...b), 6);
      }),
    );
  });

  it('are the same to the bit for one place written in two ways', () => {
    const pairs = [
      [12, 180, 12, -180],
      [-33, 190, -33, -170],
      [90, 10, 90, -77],
      [-90, 0, -90, 359],
    ];
    for (const pair of pairs) {
      const v = unitVectors(Float64Array.from(pair));
      expect([...v.subarray(0, 3)]).toEqual([...v.subarray(3)]);
    }
  });

  it('refuses what is no place, with both values', () => {
    expect(() => unitVectors(Float64Array.of(1, 2, 91, 5))).toThrow(
      'Cannot place row 1 (91, 5): its latitude is 91 where −90 to 90 is expected',
    );
    expect(() => unitVectors(Float64Array.of(Number.NaN, 5))).toThrow('its latitude is NaN');
    expect(() => unitVectors(Float64Array.of(0, 361))).toThrow(
      'Cannot place row 0 (0, 361): its longitude is 361 where −180 to 360 is expected',
    );
    expect(() => unitVectors(Float64Array.of(0, Number.NEGATIVE_INFINITY))).toThrow('its longitude is -Infinity');
    expect(() => unitVectors(new Float64Array(3))).toThrow('Cannot read 3 numbers');
  });
});

it('measures Paris to New York', () => {
  expect(kilometres(haversine(48.8566, 2.3522, 40.7128, -74.006))).toBeCloseTo(5837.25, 0);
  expect(kilometres(radiansOfKilometres(12.5))).toBeCloseTo(12.5, 12);
});

it('chordOfAngle ends at the diameter', () => {
  expect(chordOfAngle(Math.PI / 3)).toBeCloseTo(1, 15);
  expect(chordOfAngle(4)).toBe(2);
  expect(angleOfChord(2)).toBe(Math.PI);
});
