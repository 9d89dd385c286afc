import { readFile, stat } from 'node:fs/promises';
import {
  CopyObjectCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import pMap from 'p-map';
import { checkKey } from '../domain/object-keys.ts';
import { AccessDenied, BucketNotFound, ObjectNotFound, ObjectStoreBusy, SluiceError } from '../errors.ts';
import {
  COPY_MAX_BYTES,
  COPY_PART_BYTES,
  COPY_PARTS_AT_ONCE,
  DELETE_BATCH_KEYS,
  DELETE_BATCHES_AT_ONCE,
  LIST_PAGE_KEYS,
  PART_BYTES,
  PARTS_AT_ONCE,
  RANGE_BYTES,
  RANGES_AT_ONCE,
  SMALL_CALLS_AT_ONCE,
  STORE_COPY_TIMEOUT_MS,
  STREAM_RANGES_AHEAD,
} from '../limits.ts';
import {
  type Address,
  type ByteRange,
  noCalls,
  type ObjectInfo,
  type ObjectStore,
  type ReadCondition,
  uri,
  type WriteOptions,
  type Written,
} from '../ports/object-store.ts';
import { counted, quote, type S3Connection, type TransferLimits, unquote } from './s3-calls.ts';
import { makeS3Client, type S3ClientOptions } from './s3-client.ts';
import { statusOf, toStoreError } from './s3-errors.ts';
import { copyInParts, sourcePin, uploadAsItGrows, uploadInParts } from './s3-multipart.ts';
import { readAhead, readIntoFile, readIntoMemory } from './s3-reads.ts';
import {
  copySource,
  objectHeaders,
  requestCondition,
  settlingConflicts,
  writeConditionally,
  written,
} from './s3-writes.ts';

export interface S3ObjectStoreOptions extends S3ClientOptions {
  /** Used as it is, in place of one made from the other options. */
  client?: S3Client;
  /** In place of the defaults of shared/limits.ts. */
  limits?: Partial<TransferLimits>;
}

type ReadOptions = ReadCondition & { range?: ByteRange };

const LIMITS: TransferLimits = {
  rangeBytes: RANGE_BYTES,
  rangesAtOnce: RANGES_AT_ONCE,
  streamRangesAhead: STREAM_RANGES_AHEAD,
  partBytes: PART_BYTES,
  partsAtOnce: PARTS_AT_ONCE,
  copyPartBytes: COPY_PART_BYTES,
  copyPartsAtOnce: COPY_PARTS_AT_ONCE,
};

/** Characters that XML cannot carry, so that a key with one is not deleted in a batch. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that it is about
const NOT_IN_XML = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/;

/**
 * An object store on S3. Large objects go by parallel ranges and parts, over one pool of connections for the process.
 *
 * A conditional write may report `PreconditionFailed` although its own first attempt won, where the answer to that was
 * lost and the SDK sent it again: who loses looks at what is there before it gives way.
 */
export function s3ObjectStore(options: S3ObjectStoreOptions = {}): ObjectStore {
  const calls = noCalls();
  const call = counted(calls);
  const payer: S3Connection['payer'] = options.access?.requesterPays ? { RequestPayer: 'requester' } : {};
  const client = options.client ?? makeS3Client(options);
  const s3: S3Connection = { client, call, payer, limits: { ...LIMITS, ...options.limits } };
  const knownBuckets = new Set<string>();

  /** The answer to HEAD; undefined where there is no such object in a bucket that exists. */
  async function headObject(address: Address, pin: ReadCondition = {}): Promise<HeadObjectCommandOutput | undefined> {
    const where = uri(address);
    checkKey(address.key, where);
    try {
      return await call('head', 'look at', where, () =>
        client.send(
          new HeadObjectCommand({
            Bucket: address.bucket,
            Key: address.key,
            ...(pin.ifMatch === undefined ? {} : { IfMatch: quote(pin.ifMatch) }),
            ...(pin.versionId === undefined ? {} : { VersionId: pin.versionId }),
            ...payer,
          }),
        ),
      );
    } catch (error) {
      // What is no version id of this bucket at all is answered with 400.
      const noVersion = pin.versionId !== undefined && statusOf(error) === 400;
      if (!(error instanceof ObjectNotFound) && !noVersion) throw error;
      await requireBucket(address.bucket);
      return undefined;
    }
  }

  /** The answer to HEAD has no body and so does not say whether it is the bucket that is missing. */
  async function requireBucket(bucket: string): Promise<void> {
    if (knownBuckets.has(bucket)) return;
    const where = `s3://${bucket}`;
    try {
      await call('head', 'look at', where, () => client.send(new HeadBucketCommand({ Bucket: bucket })));
    } catch (error) {
      if (error instanceof ObjectNotFound) throw new BucketNotFound(`Cannot find the bucket ${where}`, { where });
      // It is there, but its owner does not let everybody who reads objects ask about it.
      if (!(error instanceof AccessDenied)) throw error;
    }
    knownBuckets.add(bucket);
  }

  /** For reads of no bytes, which HTTP cannot ask for: the object must be there, and be the one that is meant. */
  async function requireObject(address: Address, pin: ReadCondition): Promise<void> {
    if (await headObject(address, pin)) return;
    const where = uri(address);
    throw new ObjectNotFound(`Cannot read ${where}: there is no such object`, { where });
  }

  /** Runs a read; where the object has no byte in the range, checks the object and gives `nothing`. */
  async function reading<T>(
    address: Address,
    { range, ...pin }: ReadOptions,
    nothing: T,
    read: (pin: ReadCondition, range: ByteRange | undefined) => Promise<T | undefined>,
  ): Promise<T> {
    checkKey(address.key, uri(address));
    const found =
      range && range.start >= range.end ? undefined : await versionOrNothing(address, pin, () => read(pin, range));
    if (found !== undefined) return found;
    await requireObject(address, pin);
    return nothing;
  }

  async function versionOrNothing<T>(address: Address, pin: ReadCondition, read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (pin.versionId === undefined || statusOf(error) !== 400) throw error;
      const where = uri(address);
      throw new ObjectNotFound(`Cannot find version ${pin.versionId} of ${where}`, { where, cause: error });
    }
  }

  async function put(address: Address, body: Uint8Array | string, options: WriteOptions = {}): Promise<Written> {
    const where = uri(address);
    checkKey(address.key, where);
    const command = {
      Bucket: address.bucket,
      Key: address.key,
      Body: typeof body === 'string' ? Buffer.from(body) : body,
      ...objectHeaders(options),
      ...requestCondition(options.condition),
    };
    const send = () => call('put', 'write', where, () => client.send(new PutObjectCommand(command)));
    return written(await writeConditionally(options.condition, where, () => settlingConflicts(send)));
  }

  /**
   * A copy that takes a condition on its target, or is over the size that a single call takes, is an upload whose parts
   * are copied. Only its completion is conditional; an object of no bytes has no parts and is simply put.
   */
  async function copyByParts(from: Address & { etag?: string }, to: Address, options: WriteOptions): Promise<Written> {
    const source = await headObject(from, from.etag === undefined ? {} : { ifMatch: from.etag });
    if (!source) throw new ObjectNotFound(`Cannot copy ${uri(from)}: there is no such object`, { where: uri(from) });
    const kept: WriteOptions = {
      ...options,
      ...(source.ContentType === undefined ? {} : { contentType: source.ContentType }),
      ...(source.Metadata === undefined ? {} : { metadata: source.Metadata }),
    };
    if (source.ContentLength === 0) return put(to, '', kept);
    return copyInParts(s3, from, source, to, kept);
  }

  /** S3 tells that an object is too large for a single copy by a 400 that also has other meanings. */
  async function isTooLargeToCopy(error: unknown, from: Address): Promise<boolean> {
    if (!(error instanceof SluiceError) || error.name !== 'InvalidRequest') return false;
    return ((await headObject(from))?.ContentLength ?? 0) > COPY_MAX_BYTES;
  }

  async function deleteOne(address: Address, ifMatch?: string): Promise<void> {
    const where = uri(address);
    checkKey(address.key, where);
    const command = {
      Bucket: address.bucket,
      Key: address.key,
      ...(ifMatch === undefined ? {} : { IfMatch: quote(ifMatch) }),
    };
    const send = () => call('delete', 'delete', where, () => client.send(new DeleteObjectCommand(command)));
    await writeConditionally(ifMatch === undefined ? undefined : { ifMatch }, where, () => settlingConflicts(send));
  }

  async function deleteBatch(bucket: string, keys: string[]): Promise<void> {
    const answer = await call('delete', 'delete objects of', `s3://${bucket}`, () =>
      client.send(
        new DeleteObjectsCommand({ Bucket: bucket, Delete: { Quiet: true, Objects: keys.map((Key) => ({ Key })) } }),
      ),
    );
    const left = (answer.Errors ?? []).filter(({ Code }) => Code !== 'NoSuchKey');
    const [first] = left;
    if (!first) return;
    const where = uri({ bucket, key: first.Key ?? '' });
    const error = Object.assign(
      new Error(`${first.Message ?? first.Code}; ${left.length} of ${keys.length} keys are left`),
      {
        name: first.Code ?? 'InternalError',
      },
    );
    throw toStoreError(error, 'delete', where);
  }

  return {
    calls,

    async head(address, condition) {
      const found = await headObject(address, condition);
      return found && describe(address, found.ETag, found.ContentLength, found.LastModified, found.VersionId);
    },

    read: (address, options = {}) =>
      reading<Uint8Array>(address, options, Buffer.alloc(0), (pin, range) => readIntoMemory(s3, address, pin, range)),

    stream: (address, options = {}) =>
      reading<AsyncIterable<Uint8Array>>(address, options, noBytes(), (pin, range) =>
        readAhead(s3, address, pin, range),
      ),

    download: (address, path, options = {}) =>
      reading(address, options, 0, (pin, range) => readIntoFile(s3, address, path, pin, range)),

    put,

    async upload(path, address, options = {}) {
      checkKey(address.key, uri(address));
      const { size } = await stat(path);
      if (size <= s3.limits.partBytes) return put(address, await readFile(path), options);
      return uploadInParts(s3, path, size, address, options);
    },

    async uploadGrowing(path, address, growing) {
      checkKey(address.key, uri(address));
      const { bytes, isComplete } = await growing.reached(s3.limits.partBytes + 1);
      if (isComplete && bytes <= s3.limits.partBytes) return put(address, await readFile(path));
      return uploadAsItGrows(s3, path, growing, address);
    },

    async copy(from, to, { condition } = {}) {
      const where = uri(from);
      checkKey(from.key, where);
      checkKey(to.key, uri(to));
      if (condition) return copyByParts(from, to, { condition });
      const command = new CopyObjectCommand({
        Bucket: to.bucket,
        Key: to.key,
        CopySource: copySource(from),
        ...sourcePin(from.etag),
        ...payer,
      });
      try {
        const { CopyObjectResult, VersionId } = await call('copy', 'copy', where, () =>
          client.send(command, { requestTimeout: STORE_COPY_TIMEOUT_MS }),
        );
        return written({ ...CopyObjectResult, ...(VersionId === undefined ? {} : { VersionId }) });
      } catch (error) {
        if (!(await isTooLargeToCopy(error, from))) throw error;
        return copyByParts(from, to, {});
      }
    },

    delete: (address, { ifMatch } = {}) => deleteOne(address, ifMatch),

    async deleteMany(bucket, keys) {
      const single = keys.filter((key) => NOT_IN_XML.test(key));
      const others = single.length === 0 ? keys : keys.filter((key) => !NOT_IN_XML.test(key));
      const batches = Array.from({ length: Math.ceil(others.length / DELETE_BATCH_KEYS) }, (_, i) =>
        others.slice(i * DELETE_BATCH_KEYS, (i + 1) * DELETE_BATCH_KEYS),
      );
      await pMap(batches, (batch) => deleteBatch(bucket, batch), { concurrency: DELETE_BATCHES_AT_ONCE });
      await pMap(single, (key) => deleteOne({ bucket, key }), { concurrency: SMALL_CALLS_AT_ONCE });
    },

    async *list(bucket, prefix, { startAfter } = {}) {
      const where = uri({ bucket, key: prefix });
      let token: string | undefined;
      do {
        const page = await call('list', 'list', where, () =>
          client.send(
            new ListObjectsV2Command({
              Bucket: bucket,
              Prefix: prefix,
              MaxKeys: LIST_PAGE_KEYS,
              // XML cannot carry every key, and its readers change some.
              EncodingType: 'url',
              ...(startAfter === undefined ? {} : { StartAfter: startAfter }),
              ...(token === undefined ? {} : { ContinuationToken: token }),
              ...payer,
            }),
          ),
        );
        for (const { Key, ETag, Size, LastModified } of page.Contents ?? []) {
          yield describe({ bucket, key: decodeKey(Key ?? '') }, ETag, Size, LastModified);
        }
        token = page.IsTruncated ? page.NextContinuationToken : undefined;
        if (page.IsTruncated && token === undefined) {
          throw new ObjectStoreBusy(`Cannot list ${where}: a page is not the last and names no next`, { where });
        }
      } while (token !== undefined);
    },
  };
}

function describe(
  { bucket, key }: Address,
  etag: string | undefined,
  sizeBytes = 0,
  lastModified = new Date(0),
  versionId?: string,
): ObjectInfo {
  return {
    bucket,
    key,
    etag: unquote(etag),
    sizeBytes,
    lastModified,
    ...(versionId === undefined ? {} : { versionId }),
  };
}

/** S3 writes a space as a plus sign, and a plus sign as %2B. */
function decodeKey(key: string): string {
  return decodeURIComponent(key.replaceAll('+', ' '));
}

async function* noBytes(): AsyncGenerator<Uint8Array> {}
