import { isNativeError } from 'node:util/types';
import {
  AccessDenied,
  BadInput,
  BucketNotFound,
  ObjectNotFound,
  ObjectStoreBusy,
  PreconditionFailed,
  SluiceError,
} from '../errors.ts';

const ACCESS = new Set([
  'AccessDenied',
  'AllAccessDisabled',
  'CredentialsProviderError',
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidToken',
  'SignatureDoesNotMatch',
]);

/**
 * Worth another attempt. S3 also sends the first of them in the body of a 200, when a long copy or the completion of an
 * upload fails after the answer began; the SDK does not repeat those.
 */
const BUSY = new Set([
  'InternalError',
  'ServiceUnavailable',
  'SlowDown',
  'RequestTimeout',
  'RequestTimeTooSkewed',
  'NoSuchUpload',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
  'TimeoutError',
]);

const CONNECTION = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ERR_STREAM_PREMATURE_CLOSE',
]);

/** What the SDK's errors have beside a name and a message. */
interface ServiceError extends Error {
  $metadata?: { httpStatusCode?: number };
  code?: string;
}

export function statusOf(error: unknown): number | undefined {
  const status = (error as ServiceError | undefined)?.$metadata?.httpStatusCode;
  return status ?? (error instanceof SluiceError ? statusOf(error.cause) : undefined);
}

/** True for a conditional write that S3 could not decide and that may be tried again at once. */
export function isConflict(error: unknown): boolean {
  return statusOf(error) === 409;
}

/** S3's error in the port's terms. `verb` and `where` say what was tried on what. */
export function toStoreError(error: unknown, verb: string, where: string): unknown {
  if (!isNativeError(error) || error instanceof SluiceError || error.name === 'AbortError') return error;
  const { name, code = '', message } = error as ServiceError;
  const status = statusOf(error) ?? 0;
  const options = { where, cause: error };
  // Answers to HEAD have no body, so the SDK knows no more than the status.
  const reason = message === 'UnknownError' || message === '' ? `the store answers ${status}` : message;
  const text = `Cannot ${verb} ${where}: ${reason}`;
  if (name === 'NoSuchBucket') return new BucketNotFound(text, options);
  if (name === 'InvalidObjectState')
    return new BadInput(`${text} (an archived object must be restored first)`, options);
  if (name === 'KeyTooLongError' || name === 'KeyTooLong') return new BadInput(text, options);
  // 409: two conditional writes met and S3 decided neither. That says nothing of the key, so it is no lost condition.
  if (BUSY.has(name) || status === 409 || status === 429 || status >= 500 || CONNECTION.has(code)) {
    return new ObjectStoreBusy(text, options);
  }
  if (ACCESS.has(name) || status === 401 || status === 403) return new AccessDenied(text, options);
  if (status === 412 || name === 'PreconditionFailed') return new PreconditionFailed(text, options);
  if (status === 404) return new ObjectNotFound(text, options);
  return new SluiceError(name, text, options);
}
