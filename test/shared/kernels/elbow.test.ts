import { describe, expect, it } from '@jest/globals';
import { elbow } from '../../../shared/kernels/elbow.ts';

describe('elbow', () => {
  it('is where the curve bends', () => {
    expect(elbow([1, 2, 3, 4, 5, 6], [100, 60, 20, 18, 16, 14])).toMatchObject({ position: 2 });
    const k = Array.from({ length: 23 }, (_, i) => i + 1);
    expect(
      elbow(
        k,
        k.map((x) => 1 / x),
      ).position,
    ).toBe(4);
  });

  it('does not move when an axis is stretched', () => {
    const xs = [1, 2, 3, 5, 8, 9];
    const ys = [9, 6, 4, 3.5, 3, 2.9];
    const { position, share } = elbow(xs, ys);
    expect(position).toBe(2);
    const stretched = elbow(
      xs.map((x) => x * 1e3 - 7),
      ys.map((y) => y * 1e-6 + 40),
    );
    expect(stretched.position).toBe(position);
    expect(stretched.share).toBeCloseTo(share, 6);
  });

  it('is absent where nothing lies below the chord', () => {
    for (const ys of [[], [5], [5, 1], [4, 3, 2, 1], [1, 1, 1], [1, 2, 9], [9, 8.5, 7, 0], [0.3, 0.2, 0.1]]) {
      expect(elbow(Object.keys(ys).map(Number), ys)).toEqual({ position: undefined, share: 0 });
    }
  });

  it('refuses curves that are none', () => {
    expect(() => elbow([1, 2], [1])).toThrow('2 xs and 1 ys');
    expect(() => elbow([1, 1], [1, 2])).toThrow('x 1 follows x 1');
    expect(() => elbow([1, 2], [1, Number.NaN])).toThrow('point 1 is (2, NaN)');
  });
});
