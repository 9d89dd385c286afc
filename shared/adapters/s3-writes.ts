import { setTimeout as pause } from 'node:timers/promises';
import { ObjectNotFound, PreconditionFailed } from '../errors.ts';
import { STORE_CONFLICT_ATTEMPTS, STORE_CONFLICT_PAUSE_MS } from '../limits.ts';
import type { Address, WriteCondition, WriteOptions, Written } from '../ports/object-store.ts';
import { quote, unquote } from './s3-calls.ts';
import { isConflict } from './s3-errors.ts';

export function requestCondition(condition: WriteCondition): { IfMatch?: string; IfNoneMatch?: string } {
  if (!condition) return {};
  return 'ifNoneMatch' in condition ? { IfNoneMatch: '*' } : { IfMatch: quote(condition.ifMatch) };
}

export function objectHeaders(options: WriteOptions): { ContentType?: string; Metadata?: Record<string, string> } {
  return {
    ...(options.contentType === undefined ? {} : { ContentType: options.contentType }),
    ...(options.metadata === undefined ? {} : { Metadata: options.metadata }),
  };
}

export function written(answer: { ETag?: string; VersionId?: string }): Written {
  return { etag: unquote(answer.ETag), ...(answer.VersionId === undefined ? {} : { versionId: answer.VersionId }) };
}

/** The source of a copy, as S3 wants it in its header: the SDK does not escape it. */
export function copySource(from: Address): string {
  return `${from.bucket}/${from.key.split('/').map(encodeURIComponent).join('/')}`;
}

/** Says that a condition on an object which is not there has lost; S3 answers such a write with "not found". */
export async function writeConditionally<T>(
  condition: WriteCondition,
  where: string,
  send: () => Promise<T>,
): Promise<T> {
  try {
    return await send();
  } catch (error) {
    if (!condition || !('ifMatch' in condition) || !(error instanceof ObjectNotFound)) throw error;
    throw new PreconditionFailed(`Cannot change ${where}: it is not there where ${condition.ifMatch} is asked`, {
      where,
      cause: error,
    });
  }
}

/**
 * Tries again what S3 could not decide because another conditional write of the same key was under way (409). The next
 * attempt wins or loses; only who never gets an answer sees `ObjectStoreBusy`.
 */
export async function settlingConflicts<T>(send: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send();
    } catch (error) {
      if (!isConflict(error) || attempt === STORE_CONFLICT_ATTEMPTS) throw error;
    }
    await pause(Math.random() * STORE_CONFLICT_PAUSE_MS * 2 ** (attempt - 1));
  }
}
