/**
 * What Sluice asks of an object store: S3's strongly consistent reads, conditional puts and deletes on one key, byte
 * ranges, listings in UTF-8 byte order, and server-side copies. No AWS types cross this line.
 *
 * Errors, for every method: `ObjectNotFound`, `BucketNotFound`, `AccessDenied`, `PreconditionFailed` (a condition lost),
 * `ObjectStoreBusy` (retryable: 5xx, SlowDown, connection lost).
 */
export interface Address {
  bucket: string;
  key: string;
}

export interface ObjectInfo extends Address {
  /** Opaque, without quotes; changes with every write. */
  etag: string;
  sizeBytes: number;
  lastModified: Date;
  versionId?: string;
}

/** Pins a read to one version of an object. A different version is `PreconditionFailed`. */
export interface ReadCondition {
  ifMatch?: string;
  versionId?: string;
}

export interface ByteRange {
  /** First byte, inclusive. */
  start: number;
  /** Last byte, exclusive; clipped to the object's size. */
  end: number;
}

export type WriteCondition = { ifNoneMatch: '*' } | { ifMatch: string } | undefined;

export interface WriteOptions {
  condition?: WriteCondition;
  contentType?: string;
  metadata?: Record<string, string>;
}

export interface CopyOptions {
  condition?: WriteCondition;
  /** Source or copy may be written into by others, as files of a folder are: they must not share their bytes. */
  apart?: boolean;
}

export interface UploadOptions extends WriteOptions {
  /** The caller writes into the file no more, so that a store on the same disk need not copy it. */
  given?: boolean;
}

/** A file that is still being written, front to back: bytes that are there stay as they are. */
export interface GrowingFile {
  /** Its bytes so far, once they are so many or all that it will have; rejects where it is given up. */
  reached(bytes: number): Promise<{ bytes: number; isComplete: boolean }>;
}

export interface Written {
  etag: string;
  versionId?: string;
}

export interface ListOptions {
  /** Keys that sort after this one only. */
  startAfter?: string;
}

/** Calls made so far, by kind; one listing page, part or range is one call. */
export interface CallCounts {
  get: number;
  head: number;
  put: number;
  copy: number;
  list: number;
  delete: number;
}

export interface ObjectStore {
  head(address: Address, condition?: ReadCondition): Promise<ObjectInfo | undefined>;
  /** The whole object, or a range of it, in memory. An empty object has no ranges: it reads as zero bytes. */
  read(address: Address, options?: ReadCondition & { range?: ByteRange }): Promise<Uint8Array>;
  /** The object as a stream of chunks, in order. */
  stream(address: Address, options?: ReadCondition & { range?: ByteRange }): Promise<AsyncIterable<Uint8Array>>;
  /** Brings the object, or a range of it, to a local file by parallel ranged reads; returns the bytes written. */
  download(address: Address, path: string, options?: ReadCondition & { range?: ByteRange }): Promise<number>;
  /**
   * Where the object is a file on this machine, gives it a second name at `path`, for reading only: nothing is copied. False where that
   * cannot be. Others may write into the file in place: whoever has read it asks `head` with the ETag whether it was that version.
   */
  borrow?(address: Address, path: string, condition?: ReadCondition): Promise<boolean>;
  put(address: Address, body: Uint8Array | string, options?: WriteOptions): Promise<Written>;
  /**
   * Where it is less work than a `put` of each: one small body under many keys of a bucket, none of them twice. Each is written or not,
   * whatever becomes of the others. With `ifNoneMatch` those that are there already are left as they are.
   *
   * @returns of each key whether it was written
   */
  putMany?(
    bucket: string,
    keys: readonly string[],
    body: string,
    options?: { condition?: { ifNoneMatch: '*' } },
  ): Promise<boolean[]>;
  /** A local file as one object, in parallel parts where it is large. */
  upload(path: string, address: Address, options?: UploadOptions): Promise<Written>;
  /**
   * Where the store takes an object piece by piece: the same of a file that is still being written. The object is there
   * once the file is complete, and not at all where that is given up.
   */
  uploadGrowing?(path: string, address: Address, growing: GrowingFile): Promise<Written>;
  /** A server-side copy, whatever the size. `etag` pins the source's version. */
  copy(from: Address & { etag?: string }, to: Address, options?: CopyOptions): Promise<Written>;
  /** Deletes one key; one that is not there counts as deleted, unless a condition is given and lost. */
  delete(address: Address, options?: { ifMatch?: string }): Promise<void>;
  /** Deletes many keys of one bucket; throws if any is left. */
  deleteMany(bucket: string, keys: string[]): Promise<void>;
  /** All objects under a prefix, in UTF-8 byte order of their keys, all pages. */
  list(bucket: string, prefix: string, options?: ListOptions): AsyncIterable<ObjectInfo>;
  readonly calls: Readonly<CallCounts>;
}

export function noCalls(): CallCounts {
  return { get: 0, head: 0, put: 0, copy: 0, list: 0, delete: 0 };
}

/** `s3://bucket/key`, the way people name an object. */
export function uri(address: Address): string {
  return `s3://${address.bucket}/${address.key}`;
}

/** How a source bucket is reached, when not by the process's own credentials. */
export interface SourceAccess {
  /** Unsigned requests, for public buckets. */
  unsigned?: boolean;
  region?: string;
  /** A role of the bucket's account to assume. */
  roleArn?: string;
  requesterPays?: boolean;
}
