import { execFileSync } from 'node:child_process';
import {
  appendFile,
  copyFile,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createBucket, directoryObjectStore } from '../../../shared/adapters/directory-object-store.ts';
import type { ObjectStore } from '../../../shared/ports/object-store.ts';
import { describeObjectStore } from '../../contract/object-store.ts';

describeObjectStore(
  'a directory',
  async () => {
    const root = await mkdtemp(join(tmpdir(), 'directory-store-'));
    let buckets = 0;
    return {
      store: directoryObjectStore(root),
      async newBucket() {
        const bucket = `bucket-${buckets++}`;
        await createBucket(root, bucket);
        return bucket;
      },
      close: () => rm(root, { recursive: true, force: true }),
    };
  },
  { largeBytes: 20_000_000, propertyRuns: 100 },
);

const bucket = 'landing';
const at = (key: string) => ({ bucket, key });
let root: string;
let folder: string;
let store: ObjectStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'directory-store-'));
  folder = join(root, bucket);
  store = directoryObjectStore(root);
  await createBucket(root, bucket);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const keys = async (prefix = '') => (await Array.fromAsync(store.list(bucket, prefix))).map(({ key }) => key);
const text = async (key: string) => Buffer.from(await store.read(at(key))).toString();
const etag = async (key: string) => (await store.head(at(key)))!.etag;

describe('for people and other tools', () => {
  it('has an object at the path of its key', async () => {
    await store.put(at('trips/day=2024-02-29/city=a%2Fb/part 0.csv'), 'x\n1\n');
    expect(await readFile(join(folder, 'trips/day=2024-02-29/city=a%2Fb/part 0.csv'), 'utf8')).toBe('x\n1\n');
  });

  it('takes a file that was copied into a bucket’s folder for an object', async () => {
    await mkdir(join(folder, 'new'));
    await writeFile(join(folder, 'new/é file.csv'), 'dropped');
    expect(await keys()).toEqual(['new/é file.csv']);
    expect(await text('new/é file.csv')).toBe('dropped');
    await expect(store.put(at('new/é file.csv'), '', { condition: { ifNoneMatch: '*' } })).rejects.toMatchObject({
      name: 'PreconditionFailed',
    });
    await store.delete(at('new/é file.csv'), { ifMatch: await etag('new/é file.csv') });
    expect(await keys()).toEqual([]);
  });

  it('gives such a file another ETag when it is written over, also by as many bytes, and keeps it otherwise', async () => {
    const path = join(folder, 'file.csv');
    await writeFile(path, 'one');
    const first = await etag('file.csv');
    await link(path, join(folder, 'second-name'));
    await readFile(path);
    expect(await etag('file.csv')).toBe(first);
    // As `cp` does: into the file that is there. Its time is set, for the clock of file systems ticks slowly.
    await writeFile(path, 'two');
    await utimes(path, new Date(), new Date(Date.now() + 5));
    const second = await etag('file.csv');
    expect(second).not.toBe(first);
    // As `cp -p` and `mv` do: another file with the same time.
    const { atime, mtime } = await stat(path);
    await writeFile(join(root, 'outside'), 'six');
    await utimes(join(root, 'outside'), atime, mtime);
    await utimes(path, atime, mtime);
    const before = await etag('file.csv');
    await rm(path);
    await copyFile(join(root, 'outside'), join(root, 'outside too'));
    await link(join(root, 'outside'), path);
    expect(await etag('file.csv')).not.toBe(before);
  });

  it('leaves no empty folders where objects were', async () => {
    await store.put(at('a/b/c'), '');
    await store.put(at('a/x'), '');
    await store.delete(at('a/b/c'));
    expect(await readdir(join(folder, 'a'))).toEqual(['x']);
    await store.deleteMany(bucket, ['a/x']);
    expect((await readdir(folder)).filter((name) => !name.startsWith('.~'))).toEqual([]);
    expect((await stat(folder)).isDirectory()).toBe(true);
  });

  it('lists no lock files, broken links, pipes or folders', async () => {
    await writeFile(join(folder, '.~lock.table.csv#'), 'an office program has it open');
    await symlink('nowhere', join(folder, 'broken'));
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    await mkdir(join(folder, 'empty/folder'), { recursive: true });
    await store.put(at('k'), '');
    expect(await keys()).toEqual(['k']);
    for (const key of ['broken', 'pipe', 'empty', 'empty/folder']) {
      expect(await store.head(at(key))).toBeUndefined();
      await expect(store.read(at(key))).rejects.toMatchObject({ name: 'ObjectNotFound' });
    }
    // An object may take the name of a folder in which there is none.
    await store.put(at('empty'), 'object');
    expect(await text('empty')).toBe('object');
  });

  it('follows the links that people make, but not in a circle', async () => {
    await mkdir(join(root, 'elsewhere'));
    await writeFile(join(root, 'elsewhere/far.csv'), 'far');
    await symlink(join(root, 'elsewhere'), join(folder, 'linked'));
    await symlink(join(root, 'elsewhere/far.csv'), join(folder, 'one.csv'));
    await symlink('.', join(folder, 'circle'));
    expect(await keys()).toEqual(['linked/far.csv', 'one.csv']);
    // A copy is a file of its own, and a write replaces the link, not what it leads to.
    await store.copy(at('one.csv'), at('copy.csv'));
    await store.put(at('one.csv'), 'near');
    expect(await text('copy.csv')).toBe('far');
    expect(await readFile(join(root, 'elsewhere/far.csv'), 'utf8')).toBe('far');
  });
});

describe('its walls', () => {
  it('keeps keys that look like paths out of the bucket inside it', async () => {
    await store.put(at('../../escaped'), 'inside');
    await store.put(at('/etc/passwd'), 'inside');
    expect(await readdir(root)).toEqual([bucket]);
    expect(await text('../../escaped')).toBe('inside');
    await writeFile(join(root, 'secret'), 'outside');
    await expect(store.read(at('../secret'))).rejects.toMatchObject({ name: 'ObjectNotFound' });
  });

  it.each(['..', '.', '', 'a/b', '../landing', 'a\0b', '.hidden', '/etc'])('knows no bucket %j', async (name) => {
    await expect(store.read({ bucket: name, key: 'k' })).rejects.toMatchObject({ name: 'BucketNotFound' });
    await expect(Array.fromAsync(store.list(name, ''))).rejects.toMatchObject({ name: 'BucketNotFound' });
    await expect(createBucket(root, name)).rejects.toMatchObject({ name: 'BadInput' });
  });

  it('makes a bucket as often as it is asked to', async () => {
    await createBucket(root, bucket);
    await createBucket(join(root, 'new/home'), 'first');
    expect((await stat(join(root, 'new/home/first'))).isDirectory()).toBe(true);
  });
});

describe('its files', () => {
  it('never gives two contents the same ETag, though inodes come back', async () => {
    const seen = new Set<string>();
    for (let i = 0; i < 300; i++) seen.add((await store.put(at('k'), String(i % 10))).etag);
    expect(seen.size).toBe(300);
  });

  it('gives every write a time of its own, in order', async () => {
    const times: bigint[] = [];
    for (let i = 0; i < 300; i++) {
      await store.put(at('k'), '');
      times.push((await stat(join(folder, 'k'), { bigint: true })).mtimeNs);
    }
    expect(times.every((time, i) => i === 0 || time > times[i - 1]!)).toBe(true);
    expect(Math.abs(Number(times.at(-1)! / 1_000_000n) - Date.now())).toBeLessThan(60_000);
  });

  it('copies by a second name for the same file, and leaves nothing beside', async () => {
    await store.put(at('from'), 'body');
    await store.copy(at('from'), at('to'));
    const [from, to] = await Promise.all([stat(join(folder, 'from')), stat(join(folder, 'to'))]);
    expect(to.ino).toBe(from.ino);
    // The same file under the same name again is no change, and must not be left under a third.
    await store.copy(at('from'), at('to'));
    await store.copy(at('from'), at('from'));
    expect(await readdir(join(folder, '.~tmp'))).toEqual([]);
    expect((await stat(join(folder, 'from'))).nlink).toBe(2);
  });

  describe('under many keys at once', () => {
    const body = 'the same';
    const many = (names: readonly string[], condition?: { ifNoneMatch: '*' }) =>
      store.putMany!(bucket, names, body, condition ? { condition } : {});

    it('are written once, and each is an object of its own from then on', async () => {
      const names = ['a', 'a/b', 'c/d', '.', 'e'];
      expect(await many(names)).toEqual(names.map(() => true));
      expect(await keys()).toEqual(['.', 'a', 'a/b', 'c/d', 'e']);
      expect((await stat(join(folder, 'e'))).ino).toBe((await stat(join(folder, 'c/d'))).ino);
      await store.put(at('a'), 'another');
      await store.delete(at('e'));
      expect([await text('a'), await text('a/b'), await text('c/d')]).toEqual(['another', body, body]);
      expect(await readdir(join(folder, '.~tmp'))).toEqual([]);
      expect(await many([])).toEqual([]);
    });

    it('replace what is there, or by a condition leave it', async () => {
      await store.put(at('held'), 'another');
      expect(await many(['free', 'held', 'new'], { ifNoneMatch: '*' })).toEqual([true, false, true]);
      expect([await text('free'), await text('held'), await text('new')]).toEqual([body, 'another', body]);
      expect(await many(['held'])).toEqual([true]);
      expect(await many(['held'])).toEqual([true]);
      expect(await text('held')).toBe(body);
      expect(await readdir(join(folder, '.~tmp'))).toEqual([]);
    });

    it('are found where an object stepped aside for a folder that has gone since', async () => {
      await store.put(at('a'), 'another');
      await store.put(at('a/b'), 'below');
      await store.delete(at('a/b'));
      expect(await many(['a'], { ifNoneMatch: '*' })).toEqual([false]);
      expect(await text('a')).toBe('another');
      expect(await many(['a', 'a/b'])).toEqual([true, true]);
      expect([await text('a'), await text('a/b')]).toEqual([body, body]);
      expect(await keys()).toEqual(['a', 'a/b']);
    });

    it('go to one of those that want them under a condition', async () => {
      const names = Array.from({ length: 300 }, (_, i) => `k${i}`);
      const winners = await Promise.all([1, 2, 3].map(() => many(names, { ifNoneMatch: '*' })));
      for (const i of names.keys()) expect(winners.filter((written) => written[i])).toHaveLength(1);
    });

    it('fail where the bucket is missing, or a key is none', async () => {
      await expect(store.putMany!('none', ['k'], body)).rejects.toMatchObject({ name: 'BucketNotFound' });
      await expect(many(['good', ''])).rejects.toMatchObject({ name: 'BadInput' });
    });
  });

  it('takes a file that is given to it, and copies one that is not', async () => {
    for (const [key, given] of [
      ['given', true],
      ['kept', false],
    ] as const) {
      const path = join(root, key);
      await writeFile(path, 'rows');
      const { etag } = await store.upload(path, at(key), { given });
      expect((await store.head(at(key)))?.etag).toBe(etag);
      expect((await stat(path)).ino === (await stat(join(folder, key))).ino).toBe(given);
      await rm(path);
      expect(Buffer.from(await store.read(at(key))).toString()).toBe('rows');
    }
  });

  it('lends the object’s own file, and tells that it is another version by now', async () => {
    const { etag } = await store.put(at('k'), 'one');
    const path = join(root, 'lent');
    expect(await store.borrow!(at('k'), path, { ifMatch: etag })).toBe(true);
    expect((await stat(path)).ino).toBe((await stat(join(folder, 'k'))).ino);
    await store.put(at('k'), 'two');
    expect(await readFile(path, 'utf8')).toBe('one');
    await expect(store.borrow!(at('k'), join(root, 'late'), { ifMatch: etag })).rejects.toMatchObject({
      name: 'PreconditionFailed',
    });
    await expect(store.borrow!(at('none'), path)).rejects.toMatchObject({ name: 'ObjectNotFound' });
    await writeFile(join(root, 'far'), 'far');
    await symlink(join(root, 'far'), join(folder, 'link'));
    expect(await store.borrow!(at('link'), join(root, 'of-a-link'))).toBe(false);
  });

  it('leaves nothing of a write that failed', async () => {
    await store.put(at('k'), 'body');
    await expect(store.put(at('k'), 'other', { condition: { ifNoneMatch: '*' } })).rejects.toThrow(
      'it is there already',
    );
    await expect(store.upload(join(root, 'no such file'), at('l'))).rejects.toThrow('ENOENT');
    await expect(store.copy(at('none'), at('l'))).rejects.toMatchObject({ name: 'ObjectNotFound' });
    expect(await readdir(join(folder, '.~tmp'))).toEqual([]);
  });

  it.each([
    ['grows', (path: string) => appendFile(path, 'more')],
    ['shrinks', (path: string) => truncate(path, 1)],
  ])('notices a file that %s while it is read', async (_, change) => {
    const path = join(folder, 'large');
    await writeFile(path, Buffer.alloc(5_000_000));
    const pin = { ifMatch: await etag('large') };
    const read = async (options: { ifMatch?: string }) => {
      let chunks = 0;
      for await (const _ of await store.stream(at('large'), options)) if (chunks++ === 0) await change(path);
    };
    await expect(read(pin)).rejects.toMatchObject({ name: 'PreconditionFailed' });
    await writeFile(path, Buffer.alloc(5_000_000));
    await expect(read({})).rejects.toMatchObject({ name: 'ObjectStoreBusy' });
  });

  it('reads on in the version that it began with when the object is replaced', async () => {
    await store.put(at('k'), Buffer.alloc(3_000_000, 'a'));
    const chunks: Uint8Array[] = [];
    for await (const chunk of await store.stream(at('k'))) {
      chunks.push(chunk);
      if (chunks.length === 1) await store.put(at('k'), 'new');
      if (chunks.length === 2) await store.delete(at('k'));
    }
    expect(Buffer.concat(chunks).equals(Buffer.alloc(3_000_000, 'a'))).toBe(true);
  });

  it('lists an object that steps aside for a folder while it is listed', async () => {
    // A folder between them, so that the second is not looked at together with the first.
    for (const key of ['a', 'aa/x', 'b']) await store.put(at(key), 'object');
    const seen: string[] = [];
    for await (const { key } of store.list(bucket, '')) {
      seen.push(key);
      if (key === 'a') await store.put(at('b/c'), 'below');
    }
    expect(seen).toEqual(['a', 'aa/x', 'b']);
    expect(await keys()).toEqual(['a', 'aa/x', 'b', 'b/c']);
  });
});
