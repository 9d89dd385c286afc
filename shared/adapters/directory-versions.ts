import { type BigIntStats, fstatSync } from 'node:fs';
import { ObjectNotFound, ObjectStoreBusy, PreconditionFailed } from '../errors.ts';
import type { ReadCondition, WriteCondition } from '../ports/object-store.ts';
import type { FoundFile } from './directory-files.ts';

/**
 * Tells two contents apart without reading them: every write of the store is a new file with a time of its own, and a
 * file that was copied in or changed by others has another size, time or inode.
 */
export function etagOf(stats: BigIntStats): string {
  return [stats.mtimeNs, stats.ino, stats.size].map((part) => part.toString(36)).join('-');
}

/** "null" is what S3 calls the version of an object in a bucket that keeps none. */
export function isVersion(condition: ReadCondition | undefined): boolean {
  return condition?.versionId !== undefined && condition.versionId !== 'null';
}

export function requirePinned(stats: BigIntStats, where: string, condition: ReadCondition | undefined): void {
  if (isVersion(condition)) {
    throw new ObjectNotFound(`Cannot find version ${condition?.versionId} of ${where}: a folder keeps no versions`, {
      where,
    });
  }
  if (condition?.ifMatch === undefined || condition.ifMatch === etagOf(stats)) return;
  throw new PreconditionFailed(
    `Cannot read ${where}: its ETag is ${etagOf(stats)} where ${condition.ifMatch} is asked`,
    {
      where,
    },
  );
}

export function requireState(
  condition: NonNullable<WriteCondition>,
  found: FoundFile | undefined,
  where: string,
): void {
  const etag = found && etagOf(found.stats);
  if ('ifNoneMatch' in condition) {
    if (etag === undefined) return;
    throw new PreconditionFailed(`Cannot write ${where}: it is there already, with the ETag ${etag}`, { where });
  }
  if (etag === condition.ifMatch) return;
  throw new PreconditionFailed(
    `Cannot change ${where}: ${etag === undefined ? 'it is not there' : `its ETag is ${etag}`} where ${condition.ifMatch} is asked`,
    { where },
  );
}

/** Others may write into the file itself, as `cp` does: what was read meanwhile is no version of the object. */
export function requireUnchanged(file: number, before: BigIntStats, where: string, options: ReadCondition): void {
  if (etagOf(fstatSync(file, { bigint: true })) !== etagOf(before)) throw changed(where, options);
}

export function changed(where: string, options: ReadCondition): Error {
  const text = `Cannot read ${where}: it changed while it was read`;
  return options.ifMatch === undefined ? new ObjectStoreBusy(text, { where }) : new PreconditionFailed(text, { where });
}
