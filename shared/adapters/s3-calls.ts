import type { S3Client } from '@aws-sdk/client-s3';
import type { CallCounts } from '../ports/object-store.ts';
import { toStoreError } from './s3-errors.ts';

/** What the parts of the S3 adapter share. */
export interface S3Connection {
  client: S3Client;
  limits: TransferLimits;
  /** Sent along where the bucket's owner wants the reader to pay. */
  payer: { RequestPayer?: 'requester' };
  /** Counts one call, makes it, and says its error in the port's terms. */
  call<T>(kind: keyof CallCounts, verb: string, where: string, send: () => Promise<T>): Promise<T>;
}

/** Bytes and numbers of parallel transfers; the defaults are in shared/limits.ts. */
export interface TransferLimits {
  rangeBytes: number;
  rangesAtOnce: number;
  streamRangesAhead: number;
  partBytes: number;
  partsAtOnce: number;
  copyPartBytes: number;
  copyPartsAtOnce: number;
}

export function counted(calls: CallCounts): S3Connection['call'] {
  return async (kind, verb, where, send) => {
    calls[kind]++;
    try {
      return await send();
    } catch (error) {
      throw toStoreError(error, verb, where);
    }
  };
}

/** ETags come and go in quotes; the port's are without. */
export function unquote(etag: string | undefined): string {
  return (etag ?? '').replace(/^"(.*)"$/, '$1');
}

export function quote(etag: string): string {
  return `"${etag}"`;
}
