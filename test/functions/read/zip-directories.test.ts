import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { describeObject } from '../../../functions/read/describe-object.ts';
import { parseDataset } from '../../../shared/dataset/parse.ts';
import type { SourceObject } from '../../../shared/domain/source.ts';
import { PreconditionFailed } from '../../../shared/errors.ts';
import type { ObjectStore } from '../../../shared/ports/object-store.ts';
import { memoryObjectStore } from '../../doubles/memory-object-store.ts';
import { makeWorld } from '../../doubles/world.ts';
import { buildZip } from '../../fixtures/zip-builder.ts';

const zipOf = (...names: string[]) =>
  buildZip(names.map((name, i) => ({ name: `${name}.csv`, text: `id,name\n${i},${name}\n` })));
const definition = { name: 'zips', source: { prefix: 'zips/' }, target: { database: 'db', table: 'zips' } };

/** A store whose ETags follow from the content alone, as S3's do, with one archive. What is read of it is counted. */
async function archives(key: string, body: Buffer) {
  const objects = memoryObjectStore(['landing']);
  const etags = new Map<string, string>();
  let reads = 0;
  const store: ObjectStore = {
    ...objects,
    read: async (address, { range, ifMatch } = {}) => {
      reads++;
      if (ifMatch !== etags.get(address.key)) throw new PreconditionFailed('It is another');
      return objects.read(address, range ? { range } : {});
    },
  };
  const put = async (to: string, bytes: Buffer): Promise<SourceObject> => {
    const etag = createHash('md5').update(bytes).digest('hex');
    etags.set(to, etag);
    await objects.put({ bucket: 'landing', key: to }, bytes);
    const lastModified = '2026-01-01T00:00:00Z';
    return { bucket: 'landing', key: to, id: `${to} ${etag}`, etag, sizeBytes: bytes.length, lastModified };
  };
  const engine = () => Promise.reject(new Error('No engine'));
  const source = await put(key, body);
  const look = async (of = source, more: { cacheEntries?: number } = {}) => {
    reads = 0;
    const dataset = parseDataset({ ...definition, ...more }, 'the test');
    const parts = await describeObject({ store, engine, scratch: 'none' }, of, dataset);
    return { names: parts.map(({ entry }) => entry!.name), reads };
  };
  return { source, put, look };
}

describe('the directory of an archive', () => {
  it('is read once of each version', async () => {
    const { source, put, look } = await archives('a.zip', zipOf('x', 'y'));
    const first = await look();
    // The head, the directory, each entry.
    expect(first).toEqual({ names: ['x.csv', 'y.csv'], reads: 4 });
    expect(await look()).toEqual({ ...first, reads: 3 });
    const other = await put('b.zip', zipOf('x', 'y'));
    expect(other.etag).toBe(source.etag);
    expect(await look(other)).toEqual(first);
  });

  it('is that of the version under the key, and no longer of the one before', async () => {
    const { source, put, look } = await archives('a.zip', zipOf('x', 'y'));
    await look();
    const changed = await put('a.zip', zipOf('x', 'y', 'z'));
    expect(await look(changed)).toEqual({ names: ['x.csv', 'y.csv', 'z.csv'], reads: 5 });
    await expect(look(source)).rejects.toMatchObject({ name: 'ObjectChanged' });
  });

  it('is kept of so many archives as the data set says', async () => {
    const { source, put, look } = await archives('a.zip', zipOf('x'));
    const other = await put('b.zip', zipOf('y'));
    const readsOf = async (cacheEntries: number, ...sources: (typeof source)[]) => {
      const reads: number[] = [];
      for (const one of sources) reads.push((await look(one, { cacheEntries })).reads);
      return reads;
    };
    expect(await readsOf(2, source, other, source, other)).toEqual([3, 3, 2, 2]);
    expect(await readsOf(1, source, source, other, source)).toEqual([3, 2, 3, 3]);
    expect(await readsOf(0, source, source)).toEqual([3, 3]);
  });

  it('is read again where it did not open', async () => {
    const { look } = await archives('a.zip', buildZip([{ name: 'x.csv', text: 'id\n1\n' }], { entryCount: 2 }));
    for (let i = 0; i < 2; i++) await expect(look()).rejects.toMatchObject({ name: 'CorruptFile' });
  });

  it('saves one read where an archive is loaded again, and no look at which version it is by now', async () => {
    const objects = memoryObjectStore(['landing', 'work', 'lake']);
    const calls = { head: 0, read: 0 };
    const counted: ObjectStore = {
      ...objects,
      head: (address, options) => {
        if (address.bucket === 'landing') calls.head++;
        return objects.head(address, options);
      },
      read: (address, options) => {
        if (address.bucket === 'landing') calls.read++;
        return objects.read(address, options);
      },
    };
    const world = makeWorld({ datasets: [definition], objects: counted });
    const address = { bucket: 'landing', key: 'zips/a.zip' };
    const callsOfRun = async () => {
      Object.assign(calls, { head: 0, read: 0 });
      expect((await world.run({ dataset: 'zips', objects: [address], force: true })).status).toBe('SUCCEEDED');
      return { ...calls };
    };
    await objects.put(address, zipOf('x', 'y'));
    const first = await callsOfRun();
    expect(first.head).toBeGreaterThan(0);
    expect(await callsOfRun()).toEqual({ ...first, read: first.read - 1 });
    await objects.put(address, zipOf('x', 'z'));
    expect(await callsOfRun()).toEqual(first);
    expect((await world.rows('db', 'zips')).map((row) => row['name']).sort()).toEqual(['x', 'x', 'y', 'z']);
  });
});
