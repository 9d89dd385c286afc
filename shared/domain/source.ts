import { createHash } from 'node:crypto';
import type { Address } from '../ports/object-store.ts';

/** One version of one object that a run may load. */
export interface SourceObject extends Address {
  /** sha256 of bucket, key and ETag: the ledger's name for this version. */
  id: string;
  etag: string;
  sizeBytes: number;
  /** ISO 8601, UTC. */
  lastModified: string;
  versionId?: string;
  /**
   * The object version that these bytes stand for, where they are its copy in quarantine, as it was or mended: id, time and
   * everything that is called after a source are that version's.
   */
  standsFor?: Address & { etag: string };
}

/** The object version as people and the ledger know it, wherever its bytes are read. */
export function originOf(source: SourceObject): Address & { etag: string } {
  return source.standsFor ?? source;
}

/** In tables whose data set asks for it, the column that says which version of which object a row came from, by its id. */
export const SOURCE_ID_COLUMN = '_source_id';

/** The ledger's id of an object version. A zero byte parts the fields: no key or bucket holds one. */
export function sourceId(bucket: string, key: string, etag: string): string {
  return createHash('sha256').update(`${bucket}\0${key}\0${etag}`).digest('hex');
}
