import { describe, expect, it } from '@jest/globals';
import { random, xoshiro128 } from '../../../shared/kernels/random.ts';

describe('xoshiro128**', () => {
  it('gives the numbers of the reference implementation', () => {
    const source = xoshiro128(1, 2, 3, 4);
    const numbers = Array.from({ length: 10 }, () => source.bits());
    expect(numbers).toEqual([
      11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
    ]);
  });

  it('does not stay at zero', () => {
    const source = xoshiro128(0, 0, 0, 0);
    for (let i = 0; i < 10; i++) source.bits();
    expect(source.bits()).not.toBe(0);
  });
});

describe('random', () => {
  it('repeats itself for a seed and its streams, and only for them', () => {
    const numbers = (...key: [number, ...number[]]) => {
      const source = random(...key);
      return Array.from({ length: 5 }, () => source.uniform());
    };
    expect(numbers(7, 3, 1)).toEqual(numbers(7, 3, 1));
    const keys: [number, ...number[]][] = [[7], [8], [7, 0], [7, 1], [7, 0, 0], [7, 0, 1], [7, 1, 0], [0], [0, 0]];
    expect(new Set(keys.map((key) => numbers(...key)[0])).size).toBe(keys.length);
  });

  it('spreads evenly over [0, 1) and over integers', () => {
    const source = random(42);
    const tenths = new Array<number>(10).fill(0);
    const dice = new Array<number>(6).fill(0);
    for (let i = 0; i < 60_000; i++) {
      const x = source.uniform();
      expect(x >= 0 && x < 1).toBe(true);
      tenths[Math.floor(x * 10)]!++;
      dice[source.below(6)]!++;
    }
    for (const count of tenths) expect(Math.abs(count - 6_000)).toBeLessThan(400);
    for (const count of dice) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });

  it.each([-1, 1.5, Number.NaN, 2 ** 32])('refuses the seed %p', (seed) => {
    expect(() => random(seed)).toThrow(`random_state is ${seed} where an integer of 0 to 4294967295 is expected`);
    expect(() => random(1, seed)).toThrow(`stream 1 is ${seed}`);
  });
});
