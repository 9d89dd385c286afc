import { isNativeError } from 'node:util/types';
import { AccessDenied, BadInput, BucketNotFound, ObjectNotFound, ObjectStoreBusy, SluiceError } from '../errors.ts';

/** Codes of an attempt to reach a file that is not there. */
export const NOT_THERE = ['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG'];

/** Codes of an attempt to give a file a second name where it can have none. */
export const NO_SECOND_NAME = ['EPERM', 'EXDEV', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];

const BUSY = new Set(['EMFILE', 'ENFILE', 'EBUSY', 'EAGAIN', 'EINTR', 'ESTALE', 'ETIMEDOUT']);

export function hasCode(error: unknown, ...codes: string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException | undefined)?.code ?? '');
}

/** For `.catch`: undefined for errors with these codes, any other is thrown on. */
export function ignoring(...codes: string[]): (error: unknown) => undefined {
  return (error) => {
    if (!hasCode(error, ...codes)) throw error;
    return undefined;
  };
}

/** The file system's error in the object store's terms; `where` is the object's address. */
export function toStoreError(error: unknown, where: string): unknown {
  if (error instanceof SluiceError || !isNativeError(error)) return error;
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const options = { where, cause: error };
  const text = `Cannot reach ${where}: ${error.message}`;
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') return new AccessDenied(text, options);
  if (BUSY.has(code)) return new ObjectStoreBusy(text, options);
  if (code === 'ENAMETOOLONG') return new BadInput(text, options);
  return error;
}

/** `root` is the folder that has the buckets'. */
export function bucketNotFound(bucket: string, root: string): BucketNotFound {
  const where = `s3://${bucket}`;
  return new BucketNotFound(`Cannot find the bucket ${where}: there is no folder ${root}/${bucket}`, { where });
}

export function objectNotFound(where: string): ObjectNotFound {
  return new ObjectNotFound(`Cannot find ${where}: there is no such object`, { where });
}
