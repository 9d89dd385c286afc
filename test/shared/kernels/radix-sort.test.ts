import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ascending, sortedByKeys } from '../../../shared/kernels/radix-sort.ts';

it('sorts rows by their keys, equal ones in the order given, which it leaves as it was', () => {
  const key = fc.oneof(fc.constantFrom(0, 1, 0xffff_ffff), fc.nat(3_000), fc.nat(0xffff_ffff));
  fc.assert(
    fc.property(fc.array(key, { maxLength: 80 }), fc.boolean(), (values, backwards) => {
      const keys = Uint32Array.from(values);
      const order = backwards ? ascending(values.length).reverse() : ascending(values.length);
      const given = [...order];
      const expected = given.toSorted((a, b) => values[a]! - values[b]!);
      expect([...sortedByKeys(order, keys)]).toEqual(expected);
      expect([...order]).toEqual(given);
    }),
  );
});
