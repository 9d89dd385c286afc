import { randomBytes } from 'node:crypto';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { FileGrowth } from '../../shared/engine/file-growth.ts';
import type { ByteRange, ObjectInfo, ObjectStore } from '../../shared/ports/object-store.ts';

export interface StoreUnderTest {
  store: ObjectStore;
  /** A new, empty bucket. */
  newBucket(): Promise<string>;
  close?(): Promise<void>;
}

export interface StoreTraits {
  /** Bytes of a file that the store sends and fetches in several parts. */
  largeBytes: number;
  /** False for keys that the service behind the adapter, not the adapter, cannot hold. */
  takesKey?(key: string): boolean;
  /** Runs of each property: fewer where every call goes over HTTP. */
  propertyRuns: number;
}

/** Keys that S3 takes and a path, a URL or XML would bend. */
export const ODD_KEYS = [
  'plain.csv',
  'a folder/with spaces .csv',
  'plus+sign',
  'percent%25 %2F %',
  'query?x=1&y=2#z',
  'col=a%2Fb/generation/part-0.parquet',
  'quotes"and\'<angles>&amp;',
  'back\\slash',
  'tab\tand\nnewline\r',
  '~tilde/.~tilde/.~x/.~fa/.~',
  '.~tmp/x',
  '.~locks/x',
  '.hidden',
  'é/é composed and not',
  '日本語/ключ/مفتاح',
  'emoji 😀/\u{10ffff}/\uffef',
  '/leading',
  '//two leading',
  'trailing/',
  'trailing two//',
  'double//slash',
  'triple///slash/',
  './dot',
  '../dots',
  'in/../between/./them',
  '..',
  '.',
  '/',
  '-rf *',
  'CON',
  'ends with dot.',
  `${'long segment '.repeat(40)}`,
  `${'ü'.repeat(200)}/${'😀'.repeat(80)}`,
  'k'.repeat(1024),
  'k/'.repeat(512),
  '/'.repeat(1024),
  `${'x'.repeat(255)}`,
  `${'x'.repeat(256)}`,
  `${'x'.repeat(252)}/${'x'.repeat(253)}`,
];

/** The object store's port as a suite, for every adapter: what one keeps, all keep. */
export function describeObjectStore(name: string, makeStore: () => Promise<StoreUnderTest>, traits: StoreTraits): void {
  describe(`${name} keeps the object store's contract`, () => {
    let made: StoreUnderTest;
    let store: ObjectStore;
    let bucket: string;
    let scratch: string;

    beforeAll(async () => {
      made = await makeStore();
      store = made.store;
      scratch = await mkdtemp(join(tmpdir(), 'object-store-'));
    });
    afterAll(async () => {
      await made?.close?.();
      await rm(scratch, { recursive: true, force: true });
    });
    beforeEach(async () => {
      bucket = await made.newBucket();
    });

    const at = (key: string) => ({ bucket, key });
    const text = async (key: string) => Buffer.from(await store.read(at(key))).toString();
    const listed = async (prefix = '', startAfter?: string, from = bucket) => {
      const objects: ObjectInfo[] = [];
      for await (const object of store.list(from, prefix, startAfter === undefined ? {} : { startAfter })) {
        objects.push(object);
      }
      return objects;
    };
    const keys = async (prefix = '', startAfter?: string) => (await listed(prefix, startAfter)).map(({ key }) => key);
    /** The same bytes by each of the three ways to read. */
    const readInEachWay = async (key: string, range?: ByteRange, ifMatch?: string) => {
      const options = { ...(range ? { range } : {}), ...(ifMatch === undefined ? {} : { ifMatch }) };
      const path = join(scratch, 'read');
      const read = Buffer.from(await store.read(at(key), options));
      const chunks: Uint8Array[] = [];
      for await (const chunk of await store.stream(at(key), options)) chunks.push(chunk);
      const downloaded = await store.download(at(key), path, options);
      const file = await readFile(path);
      expect(downloaded).toBe(file.length);
      expect(Buffer.concat(chunks).equals(read)).toBe(true);
      expect(file.equals(read)).toBe(true);
      return read;
    };

    describe('reads and writes', () => {
      it('gives back what was put, and says the same of it everywhere', async () => {
        const before = Date.now();
        const put = await store.put(at('a/b.txt'), 'häuser', { contentType: 'text/plain', metadata: { by: 'test' } });
        expect(await text('a/b.txt')).toBe('häuser');
        const head = (await store.head(at('a/b.txt')))!;
        expect(head).toMatchObject({ bucket, key: 'a/b.txt', etag: put.etag, sizeBytes: 7 });
        // Object stores date to the second.
        expect(Math.abs(head.lastModified.getTime() - before)).toBeLessThan(60_000);
        const [inList] = await listed();
        expect(inList).toMatchObject({ bucket, key: 'a/b.txt', etag: put.etag, sizeBytes: 7 });
        expect(put.etag).not.toContain('"');
      });

      it('replaces an object whole, and its ETag with it', async () => {
        const first = await store.put(at('k'), 'one');
        const second = await store.put(at('k'), 'two');
        expect(second.etag).not.toBe(first.etag);
        expect(await text('k')).toBe('two');
        expect((await store.head(at('k')))!.etag).toBe(second.etag);
        expect((await store.head(at('k')))!.etag).toBe(second.etag);
        expect(await keys()).toEqual(['k']);
      });

      it('keeps the ETag of an object that is only read, listed and copied', async () => {
        const { etag } = await store.put(at('k'), 'body');
        await readInEachWay('k');
        await store.copy(at('k'), at('l'));
        await listed();
        expect((await store.head(at('k')))!.etag).toBe(etag);
      });

      it('stores bytes as they are', async () => {
        const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
        await store.put(at('k'), bytes);
        expect(await readInEachWay('k')).toEqual(Buffer.from(bytes));
        // A view into a larger buffer, too.
        await store.put(at('k'), bytes.subarray(10, 20));
        expect(await readInEachWay('k')).toEqual(Buffer.from(bytes.subarray(10, 20)));
      });

      it('gives each reader bytes of its own', async () => {
        await store.put(at('k'), 'body');
        (await store.read(at('k'))).fill(0);
        expect(await text('k')).toBe('body');
      });

      it('deletes, and takes a key that is not there for deleted', async () => {
        await store.put(at('k'), 'body');
        await store.delete(at('k'));
        await store.delete(at('k'));
        expect(await store.head(at('k'))).toBeUndefined();
        expect(await keys()).toEqual([]);
        await store.put(at('k'), 'again');
        expect(await text('k')).toBe('again');
      });

      it('says that an object is missing', async () => {
        expect(await store.head(at('none'))).toBeUndefined();
        const path = join(scratch, 'none');
        for (const attempt of [
          () => store.read(at('none')),
          () => store.read(at('none'), { range: { start: 0, end: 1 } }),
          () => store.read(at('none'), { range: { start: 1, end: 1 } }),
          () => store.read(at('none'), { ifMatch: 'abc' }),
          () => store.stream(at('none')),
          () => store.download(at('none'), path),
          () => store.copy(at('none'), at('other')),
          () => store.copy(at('none'), at('other'), { condition: { ifNoneMatch: '*' } }),
        ]) {
          await expect(attempt()).rejects.toMatchObject({ name: 'ObjectNotFound' });
        }
        expect(await keys()).toEqual([]);
      });

      it('says that a bucket is missing', async () => {
        const nowhere = { bucket: 'no-such-bucket-here', key: 'k' };
        await store.put(at('k'), 'body');
        await writeFile(join(scratch, 'file'), 'body');
        for (const attempt of [
          () => store.head(nowhere),
          () => store.read(nowhere),
          () => store.stream(nowhere),
          () => store.download(nowhere, join(scratch, 'none')),
          () => store.put(nowhere, 'body'),
          () => store.put(nowhere, 'body', { condition: { ifNoneMatch: '*' } }),
          () => store.put(nowhere, 'body', { condition: { ifMatch: 'abc' } }),
          () => store.upload(join(scratch, 'file'), nowhere),
          () => store.copy(at('k'), nowhere),
          () => store.copy(nowhere, at('l')),
          () => store.delete(nowhere),
          () => store.deleteMany(nowhere.bucket, ['k']),
          () => listed('', undefined, nowhere.bucket),
          () => listed('some/prefix', undefined, nowhere.bucket),
        ]) {
          await expect(attempt()).rejects.toMatchObject({ name: 'BucketNotFound' });
        }
      });

      it('refuses what is no key', async () => {
        for (const key of ['', 'k'.repeat(1025), 'ü'.repeat(513), 'half of \ud83d']) {
          await expect(store.put(at(key), '')).rejects.toMatchObject({ name: 'BadInput' });
          await expect(store.read(at(key))).rejects.toMatchObject({ name: 'BadInput' });
          await expect(store.head(at(key))).rejects.toMatchObject({ name: 'BadInput' });
          await expect(store.delete(at(key))).rejects.toMatchObject({ name: 'BadInput' });
        }
      });

      it('finds no version that never was', async () => {
        await store.put(at('k'), 'body');
        const versionId = 'no-such-version';
        expect(await store.head(at('k'), { versionId })).toBeUndefined();
        await expect(store.read(at('k'), { versionId })).rejects.toMatchObject({ name: 'ObjectNotFound' });
        await expect(store.download(at('k'), join(scratch, 'v'), { versionId })).rejects.toMatchObject({
          name: 'ObjectNotFound',
        });
      });

      it('counts its calls', async () => {
        const before = { ...store.calls };
        await store.put(at('k'), 'body');
        await store.head(at('k'));
        await store.read(at('k'));
        await store.copy(at('k'), at('l'));
        await listed();
        await store.delete(at('k'));
        await store.deleteMany(bucket, ['l', 'm']);
        const made = Object.fromEntries(
          Object.entries(store.calls).map(([kind, count]) => [kind, count - before[kind as keyof typeof before]]),
        );
        expect(made).toEqual({ put: 1, head: 1, get: 1, copy: 1, list: 1, delete: 2 });
      });
    });

    describe('conditions', () => {
      it('puts only where nothing is, when asked', async () => {
        const first = await store.put(at('k'), 'one', { condition: { ifNoneMatch: '*' } });
        await expect(store.put(at('k'), 'two', { condition: { ifNoneMatch: '*' } })).rejects.toMatchObject({
          name: 'PreconditionFailed',
        });
        expect(await text('k')).toBe('one');
        expect((await store.head(at('k')))!.etag).toBe(first.etag);
        await store.delete(at('k'));
        await store.put(at('k'), 'three', { condition: { ifNoneMatch: '*' } });
        expect(await text('k')).toBe('three');
      });

      it('puts only over what is expected, when asked', async () => {
        const first = await store.put(at('k'), 'one');
        const second = await store.put(at('k'), 'two', { condition: { ifMatch: first.etag } });
        for (const ifMatch of [first.etag, 'nonsense']) {
          await expect(store.put(at('k'), 'three', { condition: { ifMatch } })).rejects.toMatchObject({
            name: 'PreconditionFailed',
          });
        }
        await expect(store.put(at('none'), 'x', { condition: { ifMatch: first.etag } })).rejects.toMatchObject({
          name: 'PreconditionFailed',
        });
        expect(await text('k')).toBe('two');
        expect((await store.head(at('k')))!.etag).toBe(second.etag);
        expect(await store.head(at('none'))).toBeUndefined();
      });

      it('deletes only what is expected, when asked', async () => {
        const first = await store.put(at('k'), 'one');
        const second = await store.put(at('k'), 'two');
        await expect(store.delete(at('k'), { ifMatch: first.etag })).rejects.toMatchObject({
          name: 'PreconditionFailed',
        });
        expect(await text('k')).toBe('two');
        await store.delete(at('k'), { ifMatch: second.etag });
        await expect(store.delete(at('k'), { ifMatch: second.etag })).rejects.toMatchObject({
          name: 'PreconditionFailed',
        });
        expect(await store.head(at('k'))).toBeUndefined();
      });

      it('lets exactly one of 32 conditional puts win', async () => {
        const attempts = await Promise.allSettled(
          Array.from({ length: 32 }, (_, i) =>
            store.put(at('lock'), `holder ${i}`, { condition: { ifNoneMatch: '*' } }),
          ),
        );
        expectOneWinner(attempts);
        const winner = attempts.findIndex(({ status }) => status === 'fulfilled');
        expect(await text('lock')).toBe(`holder ${winner}`);
      });

      it('lets exactly one of 32 replacements of the same version win', async () => {
        const { etag } = await store.put(at('lock'), 'free');
        const attempts = await Promise.allSettled(
          Array.from({ length: 32 }, (_, i) => store.put(at('lock'), `holder ${i}`, { condition: { ifMatch: etag } })),
        );
        expectOneWinner(attempts);
        const winner = attempts.findIndex(({ status }) => status === 'fulfilled');
        expect(await text('lock')).toBe(`holder ${winner}`);
      });

      it('lets exactly one of 32 deletes of the same version win', async () => {
        const { etag } = await store.put(at('lock'), 'held');
        expectOneWinner(
          await Promise.allSettled(Array.from({ length: 32 }, () => store.delete(at('lock'), { ifMatch: etag }))),
        );
        expect(await store.head(at('lock'))).toBeUndefined();
      });

      it('reads only the version that is meant', async () => {
        const first = await store.put(at('k'), 'version one');
        expect((await readInEachWay('k', undefined, first.etag)).toString()).toBe('version one');
        expect((await store.head(at('k'), { ifMatch: first.etag }))!.sizeBytes).toBe(11);
        await store.put(at('k'), 'version two');
        const pin = { ifMatch: first.etag };
        for (const attempt of [
          () => store.head(at('k'), pin),
          () => store.read(at('k'), pin),
          () => store.read(at('k'), { ...pin, range: { start: 0, end: 3 } }),
          () => store.read(at('k'), { ...pin, range: { start: 3, end: 3 } }),
          () => store.read(at('k'), { ...pin, range: { start: 100, end: 200 } }),
          () => store.stream(at('k'), pin),
          () => store.download(at('k'), join(scratch, 'pinned'), pin),
          () => store.copy({ ...at('k'), ...{ etag: first.etag } }, at('copy')),
        ]) {
          await expect(attempt()).rejects.toMatchObject({ name: 'PreconditionFailed' });
        }
        expect(await store.head(at('copy'))).toBeUndefined();
      });
    });

    describe('ranges', () => {
      it('reads any range, clipped to the object', async () => {
        const body = Buffer.from('0123456789');
        await store.put(at('k'), body);
        for (const [start, end] of [
          [0, 10],
          [0, 1],
          [3, 7],
          [9, 10],
          [5, 1000],
          [0, 1000],
          [10, 20],
          [50, 60],
          [4, 4],
          [0, 0],
        ] as const) {
          expect((await readInEachWay('k', { start, end })).toString()).toBe(body.subarray(start, end).toString());
        }
      });

      it('reads an empty object as no bytes, with and without a range', async () => {
        const { etag } = await store.put(at('empty'), '');
        expect(await readInEachWay('empty')).toHaveLength(0);
        expect(await readInEachWay('empty', { start: 0, end: 1 })).toHaveLength(0);
        expect(await readInEachWay('empty', { start: 0, end: 0 })).toHaveLength(0);
        expect(await readInEachWay('empty', { start: 0, end: 10 }, etag)).toHaveLength(0);
        expect((await store.head(at('empty')))!.sizeBytes).toBe(0);
      });
    });

    describe('large objects', () => {
      let body: Buffer;
      let path: string;
      beforeAll(async () => {
        body = randomBytes(traits.largeBytes + 12_345);
        path = join(scratch, 'large');
        await writeFile(path, body);
      });

      it('uploads in parts and reads in parallel ranges, byte for byte', async () => {
        const { etag } = await store.upload(path, at('large'));
        expect(await store.head(at('large'))).toMatchObject({ etag, sizeBytes: body.length });
        expect((await readInEachWay('large')).equals(body)).toBe(true);
        const range = { start: 1_234_567, end: traits.largeBytes + 1 };
        expect((await readInEachWay('large', range, etag)).equals(body.subarray(range.start, range.end))).toBe(true);
      });

      it('uploads small and empty files', async () => {
        await writeFile(join(scratch, 'small'), 'small');
        await store.upload(join(scratch, 'small'), at('small'), { condition: { ifNoneMatch: '*' } });
        expect(await text('small')).toBe('small');
        await writeFile(join(scratch, 'small'), '');
        await store.upload(join(scratch, 'small'), at('small'));
        expect(await text('small')).toBe('');
      });

      it('uploads under a condition, and leaves nothing where it loses', async () => {
        const { etag } = await store.put(at('k'), 'there');
        const lost = { name: 'PreconditionFailed' };
        await expect(store.upload(path, at('k'), { condition: { ifNoneMatch: '*' } })).rejects.toMatchObject(lost);
        expect(await text('k')).toBe('there');
        await store.upload(path, at('new'), { condition: { ifNoneMatch: '*' } });
        expect((await store.head(at('new')))!.sizeBytes).toBe(body.length);
        await store.upload(path, at('k'), { condition: { ifMatch: etag } });
        await expect(store.upload(path, at('k'), { condition: { ifMatch: etag } })).rejects.toMatchObject(lost);
        expect(await keys()).toEqual(['k', 'new']);
      });

      it('where it takes a file that is still being written, has all of it in the end, or none', async () => {
        if (!store.uploadGrowing) return;
        const growing = join(scratch, 'growing');
        for (const size of [0, 5, traits.largeBytes, body.length]) {
          const growth = new FileGrowth();
          const done = store.uploadGrowing(growing, at('grown'), growth);
          await writeFile(growing, '');
          for (let bytes = 0; bytes < size; ) {
            const end = Math.min(size, bytes + Math.ceil(size / 5));
            await appendFile(growing, body.subarray(bytes, end));
            bytes = end;
            growth.grow(bytes);
          }
          growth.complete(size);
          const { etag } = await done;
          expect(await store.head(at('grown'))).toMatchObject({ etag, sizeBytes: size });
          expect((await readInEachWay('grown')).equals(body.subarray(0, size))).toBe(true);
        }
        for (const bytes of [0, body.length]) {
          const growth = new FileGrowth();
          const done = store.uploadGrowing(growing, at('given up'), growth);
          growth.grow(bytes);
          growth.giveUp(new Error('no rows add up'));
          await expect(done).rejects.toThrow('no rows add up');
        }
        expect(await keys()).toEqual(['grown']);
      });

      it('does not share bytes with the file that was uploaded or downloaded', async () => {
        const local = join(scratch, 'local');
        await writeFile(local, 'uploaded');
        await store.upload(local, at('k'));
        await writeFile(local, 'scribble');
        expect(await text('k')).toBe('uploaded');
        await store.download(at('k'), local);
        await writeFile(local, 'scribble');
        expect(await text('k')).toBe('uploaded');
      });

      it('stops a stream in its middle', async () => {
        await store.upload(path, at('large'));
        let bytes = 0;
        for await (const chunk of await store.stream(at('large'))) {
          bytes += chunk.length;
          break;
        }
        expect(bytes).toBeGreaterThan(0);
        expect((await store.read(at('large'), { range: { start: 0, end: 4 } })).length).toBe(4);
      });

      it('copies it, also under a condition', async () => {
        const { etag } = await store.upload(path, at('large'));
        await store.copy({ ...at('large'), etag }, at('copy'));
        const file = join(scratch, 'copy');
        await store.download(at('copy'), file);
        expect((await readFile(file)).equals(body)).toBe(true);
        await store.copy(at('large'), at('second'), { condition: { ifNoneMatch: '*' } });
        await store.download(at('second'), file);
        expect((await readFile(file)).equals(body)).toBe(true);
      });
    });

    describe('copies', () => {
      it('parts from its source at the next write to either', async () => {
        await store.put(at('source'), 'one');
        await store.copy(at('source'), at('copy'));
        await store.put(at('source'), 'two');
        expect(await text('copy')).toBe('one');
        await store.copy(at('source'), at('copy'));
        await store.put(at('copy'), 'three');
        expect(await text('source')).toBe('two');
        await store.delete(at('source'));
        expect(await text('copy')).toBe('three');
      });

      it('says the ETag that the copy then has', async () => {
        await store.put(at('source'), 'body');
        const { etag } = await store.copy(at('source'), at('copy'));
        expect((await store.head(at('copy')))!.etag).toBe(etag);
        await store.copy(at('source'), at('copy'));
        expect(await keys()).toEqual(['copy', 'source']);
      });

      it('copies to another bucket, an odd key and an empty object', async () => {
        const other = await made.newBucket();
        const key = 'odd +%2F é?/key';
        await store.put(at(key), 'body');
        await store.copy(at(key), { bucket: other, key: `${key}!` });
        expect(Buffer.from(await store.read({ bucket: other, key: `${key}!` })).toString()).toBe('body');
        await store.put(at('empty'), '');
        await store.copy(at('empty'), at('empty copy'));
        expect(await text('empty copy')).toBe('');
        await store.copy(at('empty'), at('conditional'), { condition: { ifNoneMatch: '*' } });
        expect(await text('conditional')).toBe('');
      });

      it('copies under a condition on the target', async () => {
        const source = await store.put(at('source'), 'new');
        const { etag } = await store.put(at('target'), 'old');
        const lost = { name: 'PreconditionFailed' };
        await expect(store.copy(at('source'), at('target'), { condition: { ifNoneMatch: '*' } })).rejects.toMatchObject(
          lost,
        );
        await expect(
          store.copy(at('source'), at('target'), { condition: { ifMatch: source.etag } }),
        ).rejects.toMatchObject(lost);
        expect(await text('target')).toBe('old');
        await store.copy({ ...at('source'), etag: source.etag }, at('target'), { condition: { ifMatch: etag } });
        expect(await text('target')).toBe('new');
      });
    });

    describe('listings', () => {
      it('lists 1,500 keys in byte order over pages, from any place, and deletes them', async () => {
        const names = Array.from({ length: 1500 }, (_, i) => `${i % 3}/${'é~-/😀\uffee'[i % 5]}x/${i}`.toWellFormed());
        await inTurns(names, (key) => store.put(at(key), key.slice(0, 3)));
        const sorted = inByteOrder(names);
        const before = store.calls.list;
        expect(await keys()).toEqual(sorted);
        expect(store.calls.list - before).toBe(2);
        expect(await keys('', sorted[700])).toEqual(sorted.slice(701));
        expect(await keys('', sorted[1499])).toEqual([]);
        expect(await keys('1/')).toEqual(sorted.filter((key) => key.startsWith('1/')));
        expect(await keys('1/', sorted[10])).toEqual(sorted.filter((key) => key.startsWith('1/')));
        expect(await keys('1/', '2')).toEqual([]);
        expect(await keys('1/-x/1')).toEqual(sorted.filter((key) => key.startsWith('1/-x/1')));
        expect(await keys('none/')).toEqual([]);
        await store.deleteMany(bucket, [...sorted, 'never/there']);
        expect(await keys()).toEqual([]);
      });

      it('gives size, time and ETag with each key', async () => {
        const { etag } = await store.put(at('a'), 'four');
        const [only] = await listed('a');
        expect(only).toMatchObject({ bucket, key: 'a', sizeBytes: 4, etag });
        expect(only!.lastModified).toBeInstanceOf(Date);
      });

      it('stops when its reader does', async () => {
        await inTurns(['a', 'b', 'c'], (key) => store.put(at(key), ''));
        for await (const { key } of store.list(bucket, '')) {
          expect(key).toBe('a');
          break;
        }
      });

      it('deletes nothing for an empty list', async () => {
        await store.put(at('k'), 'body');
        await store.deleteMany(bucket, []);
        expect(await keys()).toEqual(['k']);
      });
    });

    describe('keys', () => {
      const takes = (key: string) => traits.takesKey?.(key) ?? true;

      it('takes a key beside the keys below it, in either order', async () => {
        await store.put(at('a'), 'file');
        await store.put(at('a/b/c'), 'below');
        await store.put(at('x/y/z'), 'below');
        await store.put(at('x/y'), 'middle');
        await store.put(at('x'), 'file');
        expect(await keys()).toEqual(['a', 'a/b/c', 'x', 'x/y', 'x/y/z']);
        expect(await Promise.all(['a', 'a/b/c', 'x', 'x/y', 'x/y/z'].map(text))).toEqual([
          'file',
          'below',
          'file',
          'middle',
          'below',
        ]);
        const { etag } = (await store.head(at('a')))!;
        await store.put(at('a'), 'file again', { condition: { ifMatch: etag } });
        await expect(store.put(at('x'), '', { condition: { ifNoneMatch: '*' } })).rejects.toMatchObject({
          name: 'PreconditionFailed',
        });
        await store.delete(at('a/b/c'));
        expect(await text('a')).toBe('file again');
        await store.delete(at('x/y'));
        expect(await keys()).toEqual(['a', 'x', 'x/y/z']);
        expect(await store.head(at('x/y'))).toBeUndefined();
        await store.delete(at('x'));
        expect(await text('x/y/z')).toBe('below');
        await store.deleteMany(bucket, ['a', 'x/y/z']);
        expect(await keys()).toEqual([]);
      });

      it('takes a key and the keys below it that are put at the same moment', async () => {
        const names = ['a', 'a/b', 'a/b/c', 'a/b/c/d', 'a/x', 'a/b/y'];
        await Promise.all(names.map((key) => store.put(at(key), key)));
        expect(await keys()).toEqual(inByteOrder(names));
        expect(await Promise.all(names.map(text))).toEqual(names);
      });

      it('lists an object before the folder of its name, and others between them', async () => {
        const names = ['a', 'a/b', 'a-b', 'a.b', 'a0', 'a!', 'a/', 'a//', 'ab/c', 'a b'];
        await inTurns(names, (key) => store.put(at(key), key));
        expect(await keys()).toEqual(inByteOrder(names));
        expect(await keys('a/')).toEqual(['a/', 'a//', 'a/b']);
        expect(await keys('', 'a')).toEqual(inByteOrder(names).slice(1));
        expect(await keys('', 'a/')).toEqual(['a//', 'a/b', 'a0', 'ab/c']);
      });

      it.each(
        ODD_KEYS.filter(takes).map((key) => [key.length > 60 ? `${key.slice(0, 40)}… (${key.length})` : key, key]),
      )('takes the key %j', async (_, key) => {
        await store.put(at(key), key, { condition: { ifNoneMatch: '*' } });
        expect(await text(key)).toBe(key);
        expect(await keys()).toEqual([key]);
        expect(await keys(key)).toEqual([key]);
        expect(await keys('', key)).toEqual([]);
        await store.copy(at(key), at('copy'));
        expect(await text('copy')).toBe(key);
        await store.delete(at('copy'));
        await store.deleteMany(bucket, [key]);
        expect(await keys()).toEqual([]);
      });

      it('takes all of them side by side', async () => {
        const names = ODD_KEYS.filter(takes);
        await inTurns(names, (key) => store.put(at(key), key));
        expect(await keys()).toEqual(inByteOrder(names));
        for (const key of names) expect(await text(key)).toBe(key);
        await store.deleteMany(bucket, names);
        expect(await keys()).toEqual([]);
      });

      it('behaves as a map from keys to bytes, whatever the keys', async () => {
        await fc.assert(
          fc.asyncProperty(
            fc.uniqueArray(anyKey().filter(takes), { minLength: 1, maxLength: 12 }),
            fc.string({ maxLength: 3 }).filter((prefix) => prefix.isWellFormed()),
            fc.nat(),
            async (names, anyPrefix, which) => {
              bucket = await made.newBucket();
              await Promise.all(names.map((key) => store.put(at(key), key)));
              const sorted = inByteOrder(names);
              expect(await keys()).toEqual(sorted);
              const chosen = names[which % names.length]!;
              const cut = [...chosen].slice(0, which % 5).join('');
              for (const prefix of [anyPrefix, cut, chosen, `${chosen}/`].filter((one) => one === '' || takes(one))) {
                const below = sorted.filter((key) => key.startsWith(prefix));
                expect(await keys(prefix)).toEqual(below);
                expect(await keys(prefix, chosen)).toEqual(
                  below.filter((key) => inByteOrder([key, chosen])[0] !== key),
                );
              }
              await store.delete(at(chosen));
              for (const key of names.filter((key) => key !== chosen)) expect(await text(key)).toBe(key);
              expect(await store.head(at(chosen))).toBeUndefined();
              await store.deleteMany(bucket, names);
              expect(await keys()).toEqual([]);
            },
          ),
          { numRuns: traits.propertyRuns },
        );
      });
    });
  });
}

function expectOneWinner(attempts: PromiseSettledResult<unknown>[]): void {
  const lost = attempts.filter((attempt) => attempt.status === 'rejected');
  expect(attempts.length - lost.length).toBe(1);
  expect(new Set(lost.map(({ reason }) => (reason as Error).name))).toEqual(new Set(['PreconditionFailed']));
}

function inByteOrder(names: string[]): string[] {
  return [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** Sixteen at once: quick, and not all at the same moment. */
async function inTurns<T>(items: T[], act: (item: T) => Promise<unknown>): Promise<void> {
  const left = [...items];
  const worker = async () => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await act(item);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

/** Keys that collide with each other and with paths more often than chance would have it. */
export function anyKey(): fc.Arbitrary<string> {
  const segment = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'ab', 'a.b', 'a-b', 'é', '😀', '\uffee') },
    {
      weight: 2,
      arbitrary: fc.constantFrom('', '.', '..', '.~', '.~x', '.~fa', '.~xa', '.~tmp', '%', '%00', '\0', '%2F', '+'),
    },
    { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 6 }) },
    { weight: 1, arbitrary: fc.nat(330).map((length) => 'long%é'.repeat(60).slice(0, length)) },
  );
  return fc
    .array(segment, { minLength: 1, maxLength: 4 })
    .map((segments) => segments.join('/'))
    .filter((key) => key !== '' && key.isWellFormed() && Buffer.byteLength(key) <= 1024);
}
