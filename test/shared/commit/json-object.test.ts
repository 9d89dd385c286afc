import { describe, expect, it } from '@jest/globals';
import { putOnce } from '../../../shared/commit/json-object.ts';
import { PreconditionFailed } from '../../../shared/errors.ts';
import { memoryObjectStore } from '../../doubles/memory-object-store.ts';

const at = { bucket: 'work', key: 'runs/r/verdict' };

describe('putOnce', () => {
  it('gives all writers what the first one wrote', async () => {
    const objects = memoryObjectStore();
    const all = await Promise.all([1, 2, 3].map((n) => putOnce(objects, at, { n })));
    expect(all.filter(({ mine }) => mine)).toHaveLength(1);
    expect(new Set(all.map(({ value }) => value.n)).size).toBe(1);
  });

  it('writes after all where what was there is gone by the time it is read', async () => {
    const objects = memoryObjectStore();
    await objects.put(at, '{"n":1}');
    const { put } = objects;
    objects.put = async (...given) => {
      objects.put = put;
      await put(...given).finally(() => objects.delete(at));
      throw new Error('the put was to be refused');
    };
    expect(await putOnce(objects, at, { n: 2 })).toEqual({ value: { n: 2 }, mine: true });
  });

  it('ends where a store refuses what is not there, and says so', async () => {
    const objects = { ...memoryObjectStore(), put: () => Promise.reject(new PreconditionFailed('412')) };
    await expect(putOnce(objects, at, { n: 1 })).rejects.toMatchObject({ name: 'PreconditionFailed' });
  });
});
