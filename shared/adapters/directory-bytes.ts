import { constants } from 'node:fs';
import { copyFile, type FileHandle, link, lstat, open, stat } from 'node:fs/promises';
import type { ReadCondition } from '../ports/object-store.ts';
import { hasCode } from './directory-errors.ts';
import { changed, etagOf } from './directory-versions.ts';
import { readAt } from './file-bytes.ts';

/**
 * Gives a new file a time of change that no other write on this machine has: inodes are used again, and the file system's
 * own clock ticks in milliseconds. The microseconds are those of a clock that all processes share.
 */
async function stamp(file: FileHandle): Promise<void> {
  const microseconds = Date.now() * 1000 + Math.floor(Number(process.hrtime.bigint() % 1_000_000n) / 1000);
  lastStamp = Math.max(microseconds, lastStamp + 1);
  // The middle of the microsecond: seconds as a number are exact to a quarter of one, and are cut off to whole ones.
  const seconds = (lastStamp + 0.5) / 1e6;
  await file.utimes(seconds, seconds);
}

let lastStamp = 0;

/** All bytes from `start` to `end`. */
export async function readBytes(
  file: FileHandle,
  start: number,
  end: number,
  where: string,
  options: ReadCondition,
): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(Math.max(0, end - start));
  if ((await readAt(file, bytes, start)) < bytes.length) throw changed(where, options);
  return bytes;
}

/** The finished file's ETag. It is on the disk before it gets its name, or a power cut could leave a name without bytes. */
export async function finish(file: FileHandle): Promise<string> {
  await stamp(file);
  await file.datasync();
  return etagOf(await file.stat({ bigint: true }));
}

export async function copyInto(scratchFile: string, path: string): Promise<string> {
  await copyFile(path, scratchFile, constants.COPYFILE_FICLONE);
  await using file = await open(scratchFile, 'r');
  return await finish(file);
}

/** As `copyInto`, but for a file that is the store's to have: it gets a second name where it can. */
export async function takeInto(scratchFile: string, path: string): Promise<string> {
  if (!(await linked(path, scratchFile))) return copyInto(scratchFile, path);
  await using file = await open(scratchFile, 'r');
  return await finish(file);
}

/**
 * Gives the file a second name where it can: the store never writes into a file that has one, so the two stay equal and
 * part at the next write to either. Otherwise copies it. Throws ENOENT where the file has gone meanwhile.
 */
export async function shareOrCopy(path: string, scratchFile: string): Promise<string> {
  if (!(await linked(path, scratchFile))) return copyInto(scratchFile, path);
  return etagOf(await stat(scratchFile, { bigint: true }));
}

/** Gives a file a second name; false where it can have none. */
export async function linked(path: string, second: string): Promise<boolean> {
  // A second name for a link would point to nowhere.
  if ((await lstat(path)).isSymbolicLink()) return false;
  try {
    await link(path, second);
    return true;
  } catch (error) {
    if (!hasCode(error, 'EPERM', 'EXDEV', 'EMLINK', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS')) throw error;
    return false;
  }
}
