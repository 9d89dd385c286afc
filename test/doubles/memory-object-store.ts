import { readFileSync, writeFileSync } from 'node:fs';
import { checkKey, compareUtf8 } from '../../shared/domain/object-keys.ts';
import { BucketNotFound, ObjectNotFound, PreconditionFailed } from '../../shared/errors.ts';
import { DELETE_BATCH_KEYS, LIST_PAGE_KEYS } from '../../shared/limits.ts';
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
} from '../../shared/ports/object-store.ts';

interface StoredObject {
  body: Buffer;
  etag: string;
  lastModified: Date;
}

interface Bucket {
  objects: Map<string, StoredObject>;
  /** Keys in byte order, gone ones among them. Not changed but replaced: a listing goes on in the one that it began with. */
  sorted: string[];
  /** Keys that came since, in no order: the next listing merges them, whether it follows one write or a million. */
  added: string[];
}

export interface MemoryObjectStore extends ObjectStore {
  createBucket(name: string): void;
}

type ReadOptions = ReadCondition & { range?: ByteRange };

const CHUNK_BYTES = 64 * 1024;

/**
 * An object store in memory with the port's whole contract, each operation in one step. Its methods do not use `this`, so
 * a test can spread it and replace some. `now` dates the objects.
 */
export function memoryObjectStore(
  buckets: string[] = ['landing', 'work', 'lake'],
  now: () => Date = () => new Date(),
): MemoryObjectStore {
  const calls = noCalls();
  const all = new Map<string, Bucket>();
  let writes = 0;

  function createBucket(name: string): void {
    if (!all.has(name)) all.set(name, { objects: new Map(), sorted: [], added: [] });
  }

  buckets.forEach(createBucket);

  function bucketOf(name: string): Bucket {
    const bucket = all.get(name);
    if (bucket) return bucket;
    throw new BucketNotFound(`Cannot find the bucket s3://${name}`, { where: `s3://${name}` });
  }

  function get(address: Address, condition: ReadCondition = {}): StoredObject {
    checkKey(address.key, uri(address));
    const object = bucketOf(address.bucket).objects.get(address.key);
    const where = uri(address);
    if (!object || isVersion(condition)) throw new ObjectNotFound(`Cannot find ${where}`, { where });
    requireEtag(address, object, condition.ifMatch);
    return object;
  }

  function set(address: Address, body: Uint8Array | string, condition: WriteCondition): Written {
    checkKey(address.key, uri(address));
    const bucket = bucketOf(address.bucket);
    requireState(address, bucket.objects.get(address.key), condition);
    const etag = (++writes).toString(16).padStart(16, '0');
    if (!bucket.objects.has(address.key)) bucket.added.push(address.key);
    bucket.objects.set(address.key, { body: Buffer.from(body), etag, lastModified: now() });
    return { etag };
  }

  function remove(address: Address): void {
    checkKey(address.key, uri(address));
    const bucket = bucketOf(address.bucket);
    bucket.objects.delete(address.key);
  }

  /** A copy, for what is stored must not change under a caller who writes into what it read. */
  function bytes(address: Address, options: ReadOptions = {}): Buffer {
    const { body } = get(address, options);
    return Buffer.from(options.range ? body.subarray(options.range.start, options.range.end) : body);
  }

  return {
    calls,
    createBucket,

    async head(address, condition = {}) {
      calls.head++;
      checkKey(address.key, uri(address));
      const object = bucketOf(address.bucket).objects.get(address.key);
      if (!object || isVersion(condition)) return undefined;
      requireEtag(address, object, condition.ifMatch);
      return describe(address, object);
    },

    async read(address, options) {
      calls.get++;
      return bytes(address, options);
    },

    async stream(address, options) {
      calls.get++;
      return chunks(bytes(address, options));
    },

    async download(address, path, options) {
      calls.get++;
      const body = bytes(address, options);
      writeFileSync(path, body);
      return body.length;
    },

    async put(address, body, options = {}) {
      calls.put++;
      return set(address, body, options.condition);
    },

    async upload(path, address, options = {}) {
      calls.put++;
      return set(address, readFileSync(path), options.condition);
    },

    async copy(from, to, options = {}) {
      calls.copy++;
      return set(to, bytes(from, from.etag === undefined ? {} : { ifMatch: from.etag }), options.condition);
    },

    async delete(address, options = {}) {
      calls.delete++;
      if (options.ifMatch !== undefined) {
        requireState(address, bucketOf(address.bucket).objects.get(address.key), { ifMatch: options.ifMatch });
      }
      remove(address);
    },

    async deleteMany(bucket, keys) {
      bucketOf(bucket);
      calls.delete += Math.ceil(keys.length / DELETE_BATCH_KEYS);
      for (const key of keys) remove({ bucket, key });
    },

    async *list(bucket, prefix, options = {}) {
      calls.list++;
      const from = bucketOf(bucket);
      const keys = sortedKeys(from);
      let listed = 0;
      for (let i = firstAtLeast(keys, laterOf(prefix, options.startAfter)); i < keys.length; i++) {
        const key = keys[i]!;
        if (!key.startsWith(prefix)) break;
        const object = from.objects.get(key);
        if (!object || key === options.startAfter) continue;
        if (listed > 0 && listed % LIST_PAGE_KEYS === 0) calls.list++;
        listed++;
        yield describe({ bucket, key }, object);
      }
    },
  };
}

function describe({ bucket, key }: Address, { body, etag, lastModified }: StoredObject): ObjectInfo {
  return { bucket, key, etag, sizeBytes: body.length, lastModified };
}

function isVersion(condition: ReadCondition): boolean {
  return condition.versionId !== undefined && condition.versionId !== 'null';
}

function requireEtag(address: Address, object: StoredObject, ifMatch: string | undefined): void {
  if (ifMatch === undefined || ifMatch === object.etag) return;
  const where = uri(address);
  throw new PreconditionFailed(`Cannot read ${where}: its ETag is ${object.etag} where ${ifMatch} is asked`, { where });
}

function requireState(address: Address, object: StoredObject | undefined, condition: WriteCondition): void {
  if (!condition) return;
  if ('ifNoneMatch' in condition ? !object : object?.etag === condition.ifMatch) return;
  const where = uri(address);
  throw new PreconditionFailed(`Cannot write ${where}: ${object ? `its ETag is ${object.etag}` : 'it is not there'}`, {
    where,
  });
}

async function* chunks(body: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < body.length; at += CHUNK_BYTES) yield body.subarray(at, at + CHUNK_BYTES);
}

function laterOf(prefix: string, startAfter: string | undefined): string {
  return startAfter !== undefined && compareUtf8(startAfter, prefix) > 0 ? startAfter : prefix;
}

function sortedKeys(bucket: Bucket): string[] {
  if (bucket.added.length === 0) return bucket.sorted;
  const added = bucket.added.sort(compareUtf8);
  const merged: string[] = [];
  let next = 0;
  const take = (key: string) => {
    // One that went and came again stands in both.
    if (key !== merged.at(-1) && bucket.objects.has(key)) merged.push(key);
  };
  for (const key of bucket.sorted) {
    while (next < added.length && compareUtf8(added[next]!, key) < 0) take(added[next++]!);
    take(key);
  }
  while (next < added.length) take(added[next++]!);
  bucket.sorted = merged;
  bucket.added = [];
  return merged;
}

/** Index of the first of the sorted keys that is not before `key`. */
function firstAtLeast(keys: string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareUtf8(keys[middle]!, key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
