import { type BigIntStats, closeSync, constants, openSync, statSync } from 'node:fs';
import { copyFile, mkdir, stat, unlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import pMap from 'p-map';
import { checkKey } from '../domain/object-keys.ts';
import { BadInput, ObjectStoreBusy, PreconditionFailed } from '../errors.ts';
import {
  DELETE_BATCH_KEYS,
  LIST_PAGE_KEYS,
  PLACE_ATTEMPTS,
  PUT_MANY_AT_ONCE,
  SMALL_CALLS_AT_ONCE,
  STREAM_CHUNK_BYTES,
} from '../limits.ts';
import {
  type Address,
  type ByteRange,
  noCalls,
  type ObjectInfo,
  type ObjectStore,
  type ReadCondition,
  uri,
  type WriteCondition,
  type Written,
} from '../ports/object-store.ts';
import { copyBytes, copyInto, linked, readBytes, shareOrCopy, statsOf, takeInto, writeNew } from './directory-bytes.ts';
import { bucketNotFound, hasCode, ignoring, NOT_THERE, objectNotFound, toStoreError } from './directory-errors.ts';
import {
  type FoundFile,
  find,
  layout,
  newScratchPath,
  place,
  placeNew,
  remove,
  sweepScratch,
} from './directory-files.ts';
import { walk } from './directory-listing.ts';
import { withKeyLock } from './directory-locks.ts';
import { changed, etagOf, isVersion, requirePinned, requireState, requireUnchanged } from './directory-versions.ts';

type ReadOptions = ReadCondition & { range?: ByteRange };

/** Also what keeps a bucket's name from being a path. */
const BUCKET_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/;

/** Makes a bucket, if it is not there yet. Throws `BadInput` for a name that S3 would not take either. */
export async function createBucket(root: string, bucket: string): Promise<void> {
  if (!BUCKET_NAME.test(bucket)) {
    throw new BadInput(`Cannot make the bucket "${bucket}": a name has letters, digits, dots, dashes and underscores`);
  }
  await mkdir(join(root, bucket), { recursive: true });
}

/**
 * An object store in a folder, for one machine: bucket b's object k is the file `<root>/b/k` wherever k can be a path
 * (directory-keys.ts has the rest). Files that are copied into a bucket's folder by other means are objects too.
 *
 * The port's whole contract holds among all processes on this machine. A write is complete or not there, also when the
 * power fails. What differs from S3: there are no versions (asking for one finds nothing), content types and metadata are
 * not kept, a copy has its source's ETag and time where it can share the file, and so have objects that were put together.
 */
export function directoryObjectStore(root: string): ObjectStore {
  const top = resolve(root);
  const calls = noCalls();
  const swept = new Map<string, Promise<void>>();

  function bucketPath(bucket: string): string {
    if (!BUCKET_NAME.test(bucket)) throw bucketNotFound(bucket, top);
    return join(top, bucket);
  }

  async function requireBucket(bucket: string): Promise<void> {
    const stats = await stat(bucketPath(bucket)).catch(ignoring(...NOT_THERE));
    if (!stats?.isDirectory()) throw bucketNotFound(bucket, top);
  }

  /** Runs one operation, with the file system's errors said in the port's terms. */
  async function guard<T>(address: Address, act: (folder: string, where: string) => Promise<T>): Promise<T> {
    const where = uri(address);
    checkKey(address.key, where);
    try {
      return await act(bucketPath(address.bucket), where);
    } catch (error) {
      if (hasCode(error, 'ENOENT')) await requireBucket(address.bucket);
      throw toStoreError(error, where);
    }
  }

  async function findPinned(address: Address, folder: string, condition?: ReadCondition): Promise<FoundFile> {
    const found = find(layout(folder, address.key));
    if (!found) return missing(address);
    requirePinned(found.stats, uri(address), condition);
    return found;
  }

  async function missing(address: Address): Promise<never> {
    await requireBucket(address.bucket);
    throw objectNotFound(uri(address));
  }

  /** The object's file, opened: whatever happens to the key from now on, this is one version of it. */
  async function openPinned(address: Address, folder: string, condition?: ReadCondition) {
    const places = layout(folder, address.key);
    for (const path of [places.own, places.displaced]) {
      // Without NONBLOCK, opening a pipe that somebody left in the folder would wait for its writer.
      const flags = constants.O_RDONLY | constants.O_NONBLOCK;
      const file = openIfAny(path, flags);
      if (file === undefined) continue;
      const stats = statsOf(file);
      if (stats.isFile()) {
        try {
          requirePinned(stats, uri(address), condition);
          return { file, stats };
        } catch (error) {
          closeSync(file);
          throw error;
        }
      }
      closeSync(file);
    }
    return missing(address);
  }

  /** Copies the object's file to `path` by the file system's own means, and makes sure that it was one version. */
  async function copyWhole(address: Address, folder: string, path: string, options: ReadOptions): Promise<number> {
    for (;;) {
      const found = await findPinned(address, folder, options);
      const failure = await copyFile(found.path, path, constants.COPYFILE_FICLONE).catch((error: unknown) => error);
      const now = find(layout(folder, address.key));
      if (!now || etagOf(now.stats) !== etagOf(found.stats)) throw changed(uri(address), options);
      if (!failure) return Number(found.stats.size);
      // The file was not found where it had been if it has just stepped aside for a folder, which it does but once.
      if (now.path === found.path) throw failure;
    }
  }

  async function* chunks(address: Address, options: ReadOptions): AsyncGenerator<Uint8Array> {
    const folder = bucketPath(address.bucket);
    const { file, stats } = await openPinned(address, folder, options);
    try {
      const { start, end } = clip(options.range, stats);
      for (let at = start; at < end; ) {
        const chunk = await readBytes(file, at, Math.min(end, at + STREAM_CHUNK_BYTES), uri(address), options);
        at += chunk.length;
        yield chunk;
      }
      requireUnchanged(file, stats, uri(address), options);
    } finally {
      closeSync(file);
    }
  }

  /** Writes a file beside all objects, then moves it to its place under the key's lock. */
  async function write(
    address: Address,
    condition: WriteCondition,
    fill: (scratchFile: string, folder: string, where: string) => Promise<string>,
  ): Promise<Written> {
    return guard(address, async (folder, where) => {
      if (!swept.has(folder)) swept.set(folder, sweepScratch(folder));
      await swept.get(folder);
      const scratchFile = newScratchPath(folder);
      try {
        const etag = await fill(scratchFile, folder, where);
        await withKeyLock(folder, address.key, where, async () => {
          const current = find(layout(folder, address.key));
          if (condition) requireState(condition, current, where);
          await place(scratchFile, folder, address.key, current);
          // Renaming one of two names of the same file onto the other does nothing and leaves both.
          if (current && etagOf(current.stats) === etag) await unlink(scratchFile).catch(ignoring('ENOENT'));
        });
        return { etag };
      } catch (error) {
        await unlink(scratchFile).catch(ignoring('ENOENT'));
        throw error;
      }
    });
  }

  return {
    calls,

    async head(address, condition) {
      calls.head++;
      return guard(address, async (folder, where) => {
        const found = find(layout(folder, address.key));
        if (!found || isVersion(condition)) {
          await requireBucket(address.bucket);
          return undefined;
        }
        requirePinned(found.stats, where, condition);
        return describe(address, found.stats);
      });
    },

    async read(address, options = {}) {
      calls.get++;
      return guard(address, async (folder, where) => {
        const { file, stats } = await openPinned(address, folder, options);
        try {
          const { start, end } = clip(options.range, stats);
          const bytes = await readBytes(file, start, end, where, options);
          requireUnchanged(file, stats, where, options);
          return bytes;
        } finally {
          closeSync(file);
        }
      });
    },

    async stream(address, options = {}) {
      calls.get++;
      // The file is opened when the reading begins, so that a stream which nobody reads holds nothing open.
      await guard(address, (folder) => findPinned(address, folder, options));
      return chunks(address, options);
    },

    async download(address, path, options = {}) {
      calls.get++;
      return guard(address, async (folder, where) => {
        if (!options.range) {
          return copyWhole(address, folder, path, options);
        }
        const { file, stats } = await openPinned(address, folder, options);
        try {
          const range = clip(options.range, stats);
          await copyBytes(file, range, path, where, options);
          requireUnchanged(file, stats, where, options);
          return Math.max(0, range.end - range.start);
        } finally {
          closeSync(file);
        }
      });
    },

    async borrow(address, path, condition) {
      calls.get++;
      return guard(address, async (folder, where) => {
        const found = await findPinned(address, folder, condition);
        if (!linked(found.path, path)) return false;
        // It may have been replaced between the two looks.
        requirePinned(statSync(path, { bigint: true }), where, { ifMatch: etagOf(found.stats) });
        return true;
      });
    },

    async put(address, body, options = {}) {
      calls.put++;
      return write(address, options.condition, (scratchFile) => writeNew(scratchFile, body));
    },

    async putMany(bucket, keys, body, options = {}) {
      calls.put += keys.length;
      if (keys.length === 0) return [];
      const folder = bucketPath(bucket);
      await requireBucket(bucket);
      // Bytes are written once; each key is another name for them, until it is written anew.
      const file = newScratchPath(folder);
      try {
        await writeNew(file, body);
        const putNew = async (key: string) =>
          guard({ bucket, key }, (_, where) =>
            withKeyLock(folder, key, where, async () => placeNew(file, layout(folder, key))),
          );
        const { condition } = options;
        const isForNew = condition !== undefined && 'ifNoneMatch' in condition;
        const putOne = async (key: string): Promise<boolean> => {
          const put = condition === undefined || isForNew ? await putNew(key) : undefined;
          if (put === 'placed') return true;
          if (put === 'taken' && isForNew) return false;
          try {
            await write({ bucket, key }, condition, (scratchFile) => shareOrCopy(file, scratchFile));
            return true;
          } catch (error) {
            if (error instanceof PreconditionFailed) return false;
            throw error;
          }
        };
        const written: boolean[] = [];
        for (let at = 0; at < keys.length; at += PUT_MANY_AT_ONCE) {
          written.push(...(await Promise.all(keys.slice(at, at + PUT_MANY_AT_ONCE).map(putOne))));
          // What touches names alone waits for nothing: others have their turn here.
          await nextTurn();
        }
        return written;
      } finally {
        await unlink(file).catch(ignoring('ENOENT'));
      }
    },

    async upload(path, address, options = {}) {
      calls.put++;
      const bring = options.given ? takeInto : copyInto;
      return write(address, options.condition, (scratchFile) => bring(scratchFile, path));
    },

    async copy(from, to, options = {}) {
      calls.copy++;
      const pin = from.etag === undefined ? {} : { ifMatch: from.etag };
      return write(to, options.condition, (scratchFile) =>
        guard(from, async (folder, where) => {
          for (let attempt = 0; attempt < PLACE_ATTEMPTS; attempt++) {
            const found = await findPinned(from, folder, pin);
            const copying = options.apart ? copyInto(scratchFile, found.path) : shareOrCopy(found.path, scratchFile);
            const etag = await copying.catch(ignoring('ENOENT'));
            if (etag === etagOf(found.stats)) return etag;
            const now = find(layout(folder, from.key));
            if (etag !== undefined && now && etagOf(now.stats) === etagOf(found.stats)) return etag;
            await unlink(scratchFile).catch(ignoring('ENOENT'));
          }
          throw new ObjectStoreBusy(`Cannot copy ${where}: it changed ${PLACE_ATTEMPTS} times meanwhile`, { where });
        }),
      );
    },

    async delete(address, options = {}) {
      calls.delete++;
      await guard(address, async (folder, where) => {
        await requireBucket(address.bucket);
        await withKeyLock(folder, address.key, where, async () => {
          const found = find(layout(folder, address.key));
          if (options.ifMatch !== undefined) requireState({ ifMatch: options.ifMatch }, found, where);
          if (found) await remove(folder, address.key);
        });
      });
    },

    async deleteMany(bucket, keys) {
      await requireBucket(bucket);
      calls.delete += Math.ceil(keys.length / DELETE_BATCH_KEYS);
      const deleteOne = (key: string) =>
        guard({ bucket, key }, (folder, where) => withKeyLock(folder, key, where, () => remove(folder, key)));
      await pMap(keys, deleteOne, { concurrency: SMALL_CALLS_AT_ONCE });
    },

    async *list(bucket, prefix, options = {}) {
      calls.list++;
      await requireBucket(bucket);
      let listed = 0;
      try {
        for await (const { key, stats } of walk(bucketPath(bucket), { prefix, startAfter: options.startAfter })) {
          if (listed > 0 && listed % LIST_PAGE_KEYS === 0) calls.list++;
          listed++;
          yield describe({ bucket, key }, stats);
        }
      } catch (error) {
        throw toStoreError(error, uri({ bucket, key: prefix }));
      }
    },
  };
}

function openIfAny(path: string, flags: number): number | undefined {
  try {
    return openSync(path, flags);
  } catch (error) {
    return ignoring(...NOT_THERE)(error);
  }
}

function describe({ bucket, key }: Address, stats: BigIntStats): ObjectInfo {
  return {
    bucket,
    key,
    etag: etagOf(stats),
    sizeBytes: Number(stats.size),
    lastModified: new Date(Number(stats.mtimeMs)),
  };
}

function clip(range: ByteRange | undefined, stats: BigIntStats): ByteRange {
  const size = Number(stats.size);
  return range ? { start: range.start, end: Math.min(range.end, size) } : { start: 0, end: size };
}
