import { describe, expect, it } from '@jest/globals';
import { keepFixed, readFixed } from '../../../shared/commit/fixed-cache.ts';
import { memoryObjectStore } from '../../doubles/memory-object-store.ts';

const at = (key: string) => ({ bucket: 'work', key });

async function storeOf(...keys: string[]) {
  const store = memoryObjectStore(['work']);
  for (const key of keys) await store.put(at(key), JSON.stringify({ key }));
  return store;
}

describe('what a run wrote once', () => {
  it('is read once, and is each caller’s own', async () => {
    const store = await storeOf('a');
    keepFixed(store, 2);
    const first = await readFixed<{ key: string }>(store, at('a'));
    first.key = 'changed';
    expect(await readFixed(store, at('a'))).toEqual({ key: 'a' });
    expect(store.calls.get).toBe(1);
  });

  it('is kept for so many as are asked for, the last ones used', async () => {
    const store = await storeOf('a', 'b', 'c');
    keepFixed(store, 2);
    for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) await readFixed(store, at(key));
    expect(store.calls.get).toBe(4);
  });

  it('is not kept where none are asked for, nor for another store', async () => {
    const [one, other] = [await storeOf('a'), await storeOf('a')];
    keepFixed(one, 2);
    keepFixed(one, 0);
    for (const store of [one, one, other, other]) await readFixed(store, at('a'));
    expect([one.calls.get, other.calls.get]).toEqual([2, 2]);
  });
});
