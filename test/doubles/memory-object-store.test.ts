import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { describeObjectStore } from '../contract/object-store.ts';
import { memoryObjectStore } from './memory-object-store.ts';

describeObjectStore(
  'the object store in memory',
  async () => {
    const store = memoryObjectStore([]);
    return {
      store,
      async newBucket() {
        const bucket = randomUUID();
        store.createBucket(bucket);
        return bucket;
      },
    };
  },
  { largeBytes: 2_000_000, propertyRuns: 200 },
);

it('dates its objects by the clock that it is given', async () => {
  const now = new Date('2024-02-29T12:00:00Z');
  const store = memoryObjectStore(['b'], () => now);
  await store.put({ bucket: 'b', key: 'k' }, '');
  expect((await store.head({ bucket: 'b', key: 'k' }))!.lastModified).toEqual(now);
});

it('can be spread and wrapped', async () => {
  const inner = memoryObjectStore(['b']);
  const store = { ...inner, put: async () => Promise.reject(new Error('full')) };
  await expect(store.put()).rejects.toThrow('full');
  await inner.put({ bucket: 'b', key: 'k' }, 'body');
  expect(await store.head({ bucket: 'b', key: 'k' })).toMatchObject({ sizeBytes: 4 });
  expect(store.calls.put).toBe(1);
});
