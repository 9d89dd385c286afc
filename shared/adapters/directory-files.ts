import { type BigIntStats, linkSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { lstat, mkdir, readdir, rename, rmdir, stat, unlink } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { ObjectStoreBusy } from '../errors.ts';
import { FOREIGN_SCRATCH_STALE_MS, PLACE_ATTEMPTS } from '../limits.ts';
import { hasCode, ignoring, NO_SECOND_NAME, NOT_THERE } from './directory-errors.ts';
import { folderNames, HOLDERS_FOLDER, SCRATCH_FOLDER, segmentNames } from './directory-keys.ts';
import { isAlive, processToken, withKeyLock } from './directory-locks.ts';

// What only touches names and inodes is done at once, without the thread pool: it takes some microseconds on this machine's own disk, the
// way through the pool ten times as long, and threads that meet in one folder wait for each other. Bytes go through the pool.

/** The two places where an object can lie: by its own name, or beside the folder that has taken the name. */
export interface Layout {
  readonly own: string;
  /** Asked for far less often. */
  readonly displaced: string;
}

export interface FoundFile {
  path: string;
  stats: BigIntStats;
}

export function layout(bucketPath: string, key: string): Layout {
  const segments = key.split('/');
  const last = segments.pop() ?? '';
  const path = (names: string[]): string => [bucketPath, ...folderNames(segments), ...names].join(sep);
  return {
    own: path(segmentNames(last)),
    get displaced() {
      return path(segmentNames(last, true));
    },
  };
}

/**
 * Finds the object's file. An object moves from its own name to the other while a folder takes the name, never back, so
 * looking in this order cannot miss one that was there all the time.
 */
export function find(places: Layout): FoundFile | undefined {
  const own = statIfAny(places.own);
  if (own?.isFile()) return { path: places.own, stats: own };
  const displaced = statIfAny(places.displaced);
  return displaced?.isFile() ? { path: places.displaced, stats: displaced } : undefined;
}

function statIfAny(path: string): BigIntStats | undefined {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    return ignoring(...NOT_THERE)(error);
  }
}

/** Moves a finished file to where the object lies, which is `current`, or will lie. The caller holds the key's lock. */
export async function place(
  scratchFile: string,
  bucketPath: string,
  key: string,
  current: FoundFile | undefined,
): Promise<void> {
  const places = layout(bucketPath, key);
  let target = current?.path ?? places.own;
  for (let attempt = 0; attempt < PLACE_ATTEMPTS; attempt++) {
    try {
      renameSync(scratchFile, target);
      return;
    } catch (error) {
      if (hasCode(error, 'EISDIR') && target === places.own) target = places.displaced;
      else if (!hasCode(error, 'ENOENT', 'ENOTDIR')) throw error;
    }
    await makeFolders(bucketPath, key, target === places.displaced);
  }
  throw new ObjectStoreBusy(`Cannot write ${places.own}: its folder was removed ${PLACE_ATTEMPTS} times meanwhile`, {
    where: places.own,
  });
}

/**
 * Gives a key that has no object a finished file, in one step; undefined where it takes more than that (a folder is missing, the
 * file system gives no second name). The caller holds the key's lock, and the file keeps the name it has.
 */
export function placeNew(path: string, places: Layout): 'placed' | 'taken' | undefined {
  try {
    if (statIfAny(places.displaced)) return undefined;
    linkSync(path, places.own);
    return 'placed';
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return statIfAny(places.own)?.isFile() ? 'taken' : undefined;
    return ignoring(...NO_SECOND_NAME, ...NOT_THERE)(error);
  }
}

/** Makes the folders above a key; an object that has the name of one of them steps aside. */
async function makeFolders(bucketPath: string, key: string, displaced: boolean): Promise<void> {
  const segments = key.split('/');
  let folder = bucketPath;
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1;
    const names = segmentNames(segment, isLast && displaced);
    for (const [depth, name] of names.entries()) {
      const isInnermost = depth === names.length - 1;
      if (isLast && isInnermost) return;
      folder = join(folder, name);
      if (await makeFolder(folder)) continue;
      if (!isInnermost) return;
      await displace(bucketPath, segments.slice(0, index + 1).join('/'));
      if (!(await makeFolder(folder))) return;
    }
  }
}

/** False where a file has the name, or the folder above went away again: the caller looks anew. */
async function makeFolder(path: string): Promise<boolean> {
  try {
    await mkdir(path);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    if (!hasCode(error, 'EEXIST')) throw error;
    return (await stat(path).catch(ignoring(...NOT_THERE)))?.isDirectory() ?? false;
  }
}

async function displace(bucketPath: string, key: string): Promise<void> {
  const places = layout(bucketPath, key);
  // Locks are taken from a key to the keys above it and never the other way, so no two wait for each other.
  await withKeyLock(bucketPath, key, places.own, async () => {
    const current = await stat(places.own).catch(ignoring(...NOT_THERE));
    if (!current?.isFile()) return;
    await makeFolders(bucketPath, key, true);
    await rename(places.own, places.displaced);
  });
}

/** Removes the object's file, and the folders above it that are now empty. The caller holds the key's lock. */
export async function remove(bucketPath: string, key: string): Promise<void> {
  const places = layout(bucketPath, key);
  // The own name goes last: it is the one that counts if both are there.
  for (const path of [places.displaced, places.own]) {
    if (!(await stat(path).catch(ignoring(...NOT_THERE)))?.isFile()) continue;
    await unlink(path).catch(ignoring('ENOENT'));
    let folder = join(path, '..');
    while (folder !== bucketPath && (await removeIfEmpty(folder))) folder = join(folder, '..');
  }
}

async function removeIfEmpty(folder: string): Promise<boolean> {
  try {
    await rmdir(folder);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOTEMPTY', 'EEXIST', 'EBUSY', ...NOT_THERE)) return false;
    throw error;
  }
}

/** Removes what processes that ended left: unfinished writes, and the links that named them. */
export async function sweepScratch(bucketPath: string): Promise<void> {
  for (const folder of [SCRATCH_FOLDER, HOLDERS_FOLDER]) await sweep(join(bucketPath, folder));
}

async function sweep(folder: string): Promise<void> {
  for (const name of (await readdir(folder).catch(ignoring('ENOENT'))) ?? []) {
    const path = join(folder, name);
    const alive = isAlive(name);
    const age = Date.now() - ((await lstat(path).catch(ignoring('ENOENT')))?.mtimeMs ?? Date.now());
    if (alive === false || (alive === undefined && age > FOREIGN_SCRATCH_STALE_MS)) {
      await unlink(path).catch(ignoring('ENOENT'));
    }
  }
}

let scratchFiles = 0;

/** A path for a file in the making; no other process has it, and no listing shows it. */
export function newScratchPath(bucketPath: string): string {
  const folder = join(bucketPath, SCRATCH_FOLDER);
  // Not by its failing, which takes four times as long.
  if (!statSync(folder, { throwIfNoEntry: false })) makeScratchFolder(folder);
  return join(folder, `${processToken()}.${(scratchFiles++).toString(36)}`);
}

function makeScratchFolder(folder: string): void {
  try {
    mkdirSync(folder);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  }
}
