/**
 * Every failure that Sluice names. The names are a public contract: the state machine's `Retry` and `Catch` match
 * `error.name`, so each class sets its own explicitly (bundling renames classes).
 */
export class SluiceError extends Error {
  /** Where it happened: an `s3://` address, a `file:line`, or a step. */
  readonly where: string | undefined;

  constructor(name: string, message: string, options: { where?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = name;
    this.where = options.where;
  }
}

type Options = { where?: string; cause?: unknown };

function named(name: string) {
  return class extends SluiceError {
    constructor(message: string, options: Options = {}) {
      super(name, message, options);
    }
  };
}

/** The input cannot be loaded whatever the number of attempts; never retried. */
export class BadInput extends named('BadInput') {}
/** An event or an execution input is of no form that Sluice knows, or contradicts itself. */
export class BadRequest extends named('BadRequest') {}
/** A data set's definition is wrong: unknown key, bad value, contradiction. */
export class BadDataset extends named('BadDataset') {}
/** The request names a data set that does not exist. */
export class UnknownDataset extends named('UnknownDataset') {}
/** The outputs would land inside the source's own prefix and trigger another load. */
export class OutputInsideSource extends named('OutputInsideSource') {}
/** The listing succeeded and nothing matched. */
export class NoInputObjects extends named('NoInputObjects') {}
/** An object of zero bytes: not even a header. */
export class EmptyObject extends named('EmptyObject') {}
/** The bytes are of no format that Sluice reads. */
export class UnknownFormat extends named('UnknownFormat') {}
/** A gzip, ZIP or Parquet file that is cut short, fails its checksum or is built to harm. */
export class CorruptFile extends named('CorruptFile') {}
/** The file's columns are not those that the data set declares. */
export class SchemaMismatch extends named('SchemaMismatch') {}
/** A published column would have to change to a wider type and the data set does not allow it. */
export class SchemaWouldWiden extends named('SchemaWouldWiden') {}
/** Another version of the object is loaded, and the data set does not want a second (`onReupload: fail`). */
export class ReuploadRefused extends named('ReuploadRefused') {}
/** More rejected rows in an object than the data set tolerates. */
export class TooManyRejects extends named('TooManyRejects') {}
/** More failed objects in a run than the data set tolerates. */
export class TooManyFailures extends named('TooManyFailures') {}
/** Rows read are not rows written plus rows rejected; nothing is committed. */
export class AccountsMismatch extends named('AccountsMismatch') {}
/** A run was told to abort by another that took over its objects. */
export class RunAborted extends named('RunAborted') {}
/** No object under this key (or not this version of it). */
export class ObjectNotFound extends named('ObjectNotFound') {}
/** No such bucket. */
export class BucketNotFound extends named('BucketNotFound') {}
/** The store or catalog refuses these credentials. */
export class AccessDenied extends named('AccessDenied') {}
/** A conditional put, copy or delete lost: the key is not in the expected state. */
export class PreconditionFailed extends named('PreconditionFailed') {}
/** A pinned read found another version of the object than the one that was claimed. */
export class ObjectChanged extends named('ObjectChanged') {}
/** The object store asks to slow down or failed on its side; worth retrying. */
export class ObjectStoreBusy extends named('ObjectStoreBusy') {}
/** The catalog changed in between, throttles, or failed on its side; worth retrying. */
export class CatalogConflict extends named('CatalogConflict') {}
/** Another publisher holds the data set's lock; worth retrying. */
export class LockHeld extends named('LockHeld') {}

/** Names worth another attempt with backoff. Everything else either never succeeds or is unknown. */
export const RETRYABLE = ['ObjectStoreBusy', 'CatalogConflict', 'LockHeld'] as const;

/** What is kept of an error in receipts, quarantine and results. */
export interface ErrorRecord {
  name: string;
  message: string;
  where?: string;
}

export function toErrorRecord(error: unknown): ErrorRecord {
  if (error instanceof Error) {
    const where = error instanceof SluiceError ? error.where : undefined;
    return { name: error.name, message: error.message, ...(where ? { where } : {}) };
  }
  return { name: 'Error', message: String(error) };
}

/** An error that was written down, to be thrown on. */
export function fromErrorRecord({ name, message, where }: ErrorRecord): SluiceError {
  return new SluiceError(name, message, where === undefined ? {} : { where });
}

/** The same for an error of one object: it always says which. */
export function objectErrorRecord(error: unknown, where: string): ErrorRecord {
  const record = toErrorRecord(error);
  const message = record.message.includes(where) ? record.message : `Cannot load ${where}: ${record.message}`;
  return { name: record.name, message, where: record.where ?? where };
}

/** True for an error that concerns one object's content and must not stop the others. */
export function isObjectFault(error: unknown): error is SluiceError {
  return error instanceof SluiceError && OBJECT_FAULTS.has(error.name);
}

/** True for an error of the data set or of what was asked: no object is at fault, nor would any other fare better. */
export function isRequestFault({ name }: Pick<ErrorRecord, 'name'>): boolean {
  return REQUEST_FAULTS.has(name);
}

const REQUEST_FAULTS = new Set(['BadDataset', 'BadRequest', 'UnknownDataset', 'OutputInsideSource']);

const OBJECT_FAULTS = new Set([
  'BadInput',
  'EmptyObject',
  'UnknownFormat',
  'CorruptFile',
  'SchemaMismatch',
  'SchemaWouldWiden',
  'ReuploadRefused',
  'ReloadWouldDouble',
  'TooManyRejects',
  'ObjectChanged',
  'ObjectNotFound',
]);
