import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { UnionFind } from '../../../shared/kernels/union-find.ts';

it('names each set by its least member', () => {
  const pair = fc.tuple(fc.integer({ min: 0, max: 19 }), fc.integer({ min: 0, max: 19 }));
  fc.assert(
    fc.property(fc.array(pair), (pairs) => {
      const sets = new UnionFind(20);
      const expected = Array.from({ length: 20 }, (_, i) => i);
      for (const [a, b] of pairs) {
        sets.union(a, b);
        const [keep, drop] = [Math.min(expected[a]!, expected[b]!), Math.max(expected[a]!, expected[b]!)];
        for (let i = 0; i < 20; i++) if (expected[i] === drop) expected[i] = keep;
      }
      expect(expected.map((_, i) => sets.find(i))).toEqual(expected);
    }),
  );
});
