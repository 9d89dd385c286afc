import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compareKeys, pick } from '../../../shared/domain/pick.ts';

const object = (key: string, second: number) => ({ key, lastModified: new Date(second * 1000) });
const keysOf = async (objects: AsyncIterable<{ key: string }>) => {
  const keys: string[] = [];
  for await (const found of objects) keys.push(found.key);
  return keys;
};

describe('pick', () => {
  const objects = [object('b', 5), object('a', 9), object('z', 1), object('c', 9)];

  it('takes the latest, and of equal times the last key', async () => {
    expect(await keysOf(pick(objects, { pick: 'latest', orderBy: 'lastModified' }))).toEqual(['c']);
  });

  it('takes the last key where that is asked', async () => {
    expect(await keysOf(pick(objects, { pick: 'latest', orderBy: 'key' }))).toEqual(['z']);
  });

  it('takes all, in the order of the listing', async () => {
    expect(await keysOf(pick(objects, { pick: 'all', orderBy: 'lastModified' }))).toEqual(['b', 'a', 'z', 'c']);
    expect(await keysOf(pick(objects, { pick: 'new', orderBy: 'key' }))).toEqual(['b', 'a', 'z', 'c']);
  });

  it('takes nothing from nothing', async () => {
    expect(await keysOf(pick([], { pick: 'latest', orderBy: 'key' }))).toEqual([]);
  });

  it('passes objects on as they come and holds none back', async () => {
    let listed = 0;
    async function* listing() {
      for (let i = 0; i < 10_000; i++) {
        listed++;
        yield object(String(i), i);
      }
    }
    const all = pick(listing(), { pick: 'all', orderBy: 'lastModified' });
    await all.next();
    await all.next();
    expect(listed).toBe(2);
    await all.return();
    expect(await keysOf(pick(listing(), { pick: 'latest', orderBy: 'lastModified' }))).toEqual(['9999']);
  });

  it('takes the same whatever the order of the listing', async () => {
    const some = fc.uniqueArray(fc.tuple(fc.string({ unit: 'grapheme' }), fc.nat(3)), { selector: ([key]) => key });
    const orders = fc.constantFrom('lastModified' as const, 'key' as const);
    await fc.assert(
      fc.asyncProperty(some, orders, async (pairs, orderBy) => {
        const listed = pairs.map(([key, second]) => object(key, second));
        const forward = await keysOf(pick(listed, { pick: 'latest', orderBy }));
        expect(await keysOf(pick(listed.toReversed(), { pick: 'latest', orderBy }))).toEqual(forward);
      }),
    );
  });
});

describe('compareKeys', () => {
  it('is the order of UTF-8 bytes, not of UTF-16 units', () => {
    expect('\u{1F600}' < '\uFF5E').toBe(true);
    expect(compareKeys('\u{1F600}', '\uFF5E')).toBeGreaterThan(0);
    expect(compareKeys('a', 'a')).toBe(0);
    expect(compareKeys('a', 'a/b')).toBeLessThan(0);
  });
});
