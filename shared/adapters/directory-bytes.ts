import {
  type BigIntStats,
  closeSync,
  constants,
  fdatasync,
  fstatSync,
  futimesSync,
  linkSync,
  lstatSync,
  openSync,
  read,
  statSync,
  write,
} from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { LOCAL_COPY_BYTES } from '../limits.ts';
import type { ByteRange, ReadCondition } from '../ports/object-store.ts';
import { hasCode, NO_SECOND_NAME } from './directory-errors.ts';
import { changed, etagOf } from './directory-versions.ts';

const readFrom = promisify(read);
const writeTo = promisify(write);
const syncData = promisify(fdatasync);

/**
 * Gives a new file a time of change that no other write on this machine has: inodes are used again, and the file system's
 * own clock ticks in milliseconds. The microseconds are those of a clock that all processes share.
 */
function stamp(file: number): void {
  const microseconds = Date.now() * 1000 + Math.floor(Number(process.hrtime.bigint() % 1_000_000n) / 1000);
  lastStamp = Math.max(microseconds, lastStamp + 1);
  // The middle of the microsecond: seconds as a number are exact to a quarter of one, and are cut off to whole ones.
  const seconds = (lastStamp + 0.5) / 1e6;
  futimesSync(file, seconds, seconds);
}

let lastStamp = 0;

/** All bytes from `start` to `end`. */
export async function readBytes(
  file: number,
  start: number,
  end: number,
  where: string,
  options: ReadCondition,
): Promise<Uint8Array> {
  const bytes = Buffer.allocUnsafe(Math.max(0, end - start));
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await readFrom(file, bytes, done, bytes.length - done, start + done);
    if (bytesRead === 0) throw changed(where, options);
    done += bytesRead;
  }
  return bytes;
}

/**
 * Writes all bytes from `start` to `end` to a new file. Two buffers take turns, one filled while the other is written: new ones for
 * each piece would take three times as long to come by as the bytes do (*measured*).
 */
export async function copyBytes(
  file: number,
  { start, end }: ByteRange,
  path: string,
  where: string,
  options: ReadCondition,
): Promise<void> {
  const buffers = [Buffer.allocUnsafe(LOCAL_COPY_BYTES), Buffer.allocUnsafe(LOCAL_COPY_BYTES)];
  let turn = 0;
  const readNext = (at: number) => readFrom(file, buffers[turn]!, 0, Math.min(LOCAL_COPY_BYTES, end - at), at);
  const target = openSync(path, 'w');
  let next = start < end ? readNext(start) : undefined;
  try {
    for (let at = start; next; ) {
      const { bytesRead, buffer } = await next;
      if (bytesRead === 0) throw changed(where, options);
      turn = 1 - turn;
      const after = at + bytesRead;
      next = after < end ? readNext(after) : undefined;
      // It may fail before it is waited for, and is not to end the process then.
      next?.catch(() => undefined);
      await writeAll(target, buffer.subarray(0, bytesRead), at - start);
      at = after;
    }
  } finally {
    await next?.catch(() => undefined);
    closeSync(target);
  }
}

async function writeAll(file: number, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await writeTo(file, bytes, done, bytes.length - done, position + done)).bytesWritten;
  }
}

/** The finished file's ETag. It is on the disk before it gets its name, or a power cut could leave a name without bytes. */
async function finish(file: number): Promise<string> {
  stamp(file);
  await syncData(file);
  return etagOf(statsOf(file));
}

export function statsOf(file: number): BigIntStats {
  return fstatSync(file, { bigint: true });
}

/** Runs `work` on an open file. */
async function withFile<T>(path: string, flags: string, work: (file: number) => Promise<T>): Promise<T> {
  const file = openSync(path, flags);
  try {
    return await work(file);
  } finally {
    closeSync(file);
  }
}

/** Writes a new file; its ETag. */
export function writeNew(scratchFile: string, body: Uint8Array | string): Promise<string> {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  return withFile(scratchFile, 'wx', async (file) => {
    await writeAll(file, bytes, 0);
    return finish(file);
  });
}

export async function copyInto(scratchFile: string, path: string): Promise<string> {
  await copyFile(path, scratchFile, constants.COPYFILE_FICLONE);
  return withFile(scratchFile, 'r', finish);
}

/** As `copyInto`, but for a file that is the store's to have: it gets a second name where it can. */
export async function takeInto(scratchFile: string, path: string): Promise<string> {
  if (!linked(path, scratchFile)) return copyInto(scratchFile, path);
  return withFile(scratchFile, 'r', finish);
}

/**
 * Gives the file a second name where it can: the store never writes into a file that has one, so the two stay equal and
 * part at the next write to either. Otherwise copies it. Throws ENOENT where the file has gone meanwhile.
 */
export async function shareOrCopy(path: string, scratchFile: string): Promise<string> {
  if (!linked(path, scratchFile)) return copyInto(scratchFile, path);
  return etagOf(statSync(scratchFile, { bigint: true }));
}

/** Gives a file a second name; false where it can have none. */
export function linked(path: string, second: string): boolean {
  // A second name for a link would point to nowhere.
  if (lstatSync(path).isSymbolicLink()) return false;
  try {
    linkSync(path, second);
    return true;
  } catch (error) {
    if (!hasCode(error, ...NO_SECOND_NAME)) throw error;
    return false;
  }
}
