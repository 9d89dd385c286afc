import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { lstat, mkdir, readlink, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, sep } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ObjectStoreBusy } from '../errors.ts';
import { FOREIGN_LOCK_STALE_MS, KEY_LOCK_PAUSE_MS, KEY_LOCK_WAIT_MS, LOCK_TOUCH_MS } from '../limits.ts';
import { hasCode, ignoring } from './directory-errors.ts';
import { HOLDERS_FOLDER, LOCKS_FOLDER } from './directory-keys.ts';

/**
 * One writer a key, among all processes on this machine. A lock is a symbolic link whose target names its holder: made in
 * one step with its content, or not at all. A holder that died is noticed by its process id and start time, so that a
 * killed process blocks no one, and one that only sleeps is never overtaken.
 */
export async function withKeyLock<T>(
  bucketPath: string,
  key: string,
  where: string,
  act: () => Promise<T>,
): Promise<T> {
  const name = createHash('sha256').update(key).digest('hex').slice(0, 32);
  const path = `${bucketPath}${sep}${LOCKS_FOLDER}${sep}${name}`;
  // Callers of this process take turns in memory; only the first of them looks at the file.
  const before = queues.get(path);
  const turn = Promise.withResolvers<void>();
  queues.set(path, turn.promise);
  try {
    await before;
    await acquire(path, where, bucketPath);
    try {
      return await act();
    } finally {
      release(path);
    }
  } finally {
    if (queues.get(path) === turn.promise) queues.delete(path);
    turn.resolve();
  }
}

const queues = new Map<string, Promise<void>>();
/** Links that name this process, by bucket, and when they were last given the time; undefined where they can have no second name. */
const names = new Map<string, { path: string; touched: number } | undefined>();

/**
 * Makes the lock: a second name of the process's own link, where there can be one. A link of its own would be a new inode, and file
 * systems pass over those that were deleted a moment ago one by one. Throws EEXIST where it is held, ENOENT where its folder is missing.
 */
function take(path: string, bucketPath: string): void {
  const name = names.has(bucketPath) ? names.get(bucketPath) : makeName(bucketPath);
  if (name !== undefined) {
    try {
      // Who cannot ask for this process goes by the age of its lock, which has the time of the link.
      const now = Date.now();
      if (Math.abs(now - name.touched) >= LOCK_TOUCH_MS) {
        lutimesSync(name.path, now / 1000, now / 1000);
        name.touched = now;
      }
      linkSync(name.path, path);
      return;
    } catch (error) {
      if (hasCode(error, 'EEXIST')) throw error;
      // Without its folder the lock can have no name at all; else links are followed here, or have one name.
      if (existsSync(join(path, '..'))) names.set(bucketPath, undefined);
      else names.delete(bucketPath);
    }
  }
  symlinkSync(processToken(), path);
}

/** Undefined where the bucket is missing. */
function makeName(bucketPath: string): { path: string; touched: number } | undefined {
  const folder = join(bucketPath, HOLDERS_FOLDER);
  const path = join(folder, processToken());
  for (const make of [() => mkdirSync(folder), () => symlinkSync(processToken(), path)]) {
    try {
      make();
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return undefined;
      if (!hasCode(error, 'EEXIST')) throw error;
    }
  }
  const name = { path, touched: 0 };
  names.set(bucketPath, name);
  return name;
}

function release(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error;
  }
}

async function acquire(path: string, where: string, bucketPath: string): Promise<void> {
  const deadline = Date.now() + KEY_LOCK_WAIT_MS;
  for (;;) {
    try {
      take(path, bucketPath);
      return;
    } catch (error) {
      if (hasCode(error, 'ENOENT')) {
        // Throws ENOENT itself where the bucket is missing.
        await mkdir(join(path, '..')).catch(ignoring('EEXIST'));
        continue;
      }
      if (!hasCode(error, 'EEXIST')) throw error;
    }
    const holder = await holderOf(path);
    if (holder === undefined) continue;
    if (await isLeftBehind(path, holder)) {
      await breakLock(path, holder, where, bucketPath);
    } else if (Date.now() > deadline) {
      throw new ObjectStoreBusy(`Cannot write ${where}: its lock ${path} has been held for ${KEY_LOCK_WAIT_MS} ms`, {
        where,
      });
    } else {
      await pause(KEY_LOCK_PAUSE_MS * (1 + Math.random()));
    }
  }
}

/**
 * Removes a dead holder's lock. Two that found it dead must not both remove it, for the second would remove the first's
 * new lock: so a second lock, named after the dead holder, decides who may, and that one looks again.
 */
async function breakLock(path: string, holder: string, where: string, bucketPath: string): Promise<void> {
  const breaker = `${path}.${createHash('sha256').update(holder).digest('hex').slice(0, 8)}`;
  await acquire(breaker, where, bucketPath);
  try {
    if ((await holderOf(path)) === holder) await unlink(path);
  } finally {
    await unlink(breaker).catch(ignoring('ENOENT'));
  }
}

async function holderOf(path: string): Promise<string | undefined> {
  return readlink(path).catch(ignoring('ENOENT'));
}

async function isLeftBehind(path: string, holder: string): Promise<boolean> {
  const alive = isAlive(holder);
  if (alive !== undefined) return !alive;
  const age = Date.now() - ((await lstat(path).catch(ignoring('ENOENT')))?.mtimeMs ?? Date.now());
  return age > FOREIGN_LOCK_STALE_MS;
}

/** Names this process, on this boot of this machine, among all that could share a folder with it. At most 40 characters. */
export function processToken(): string {
  token ??= [machine(), process.pid, startTime(process.pid) ?? '0', randomBytes(4).toString('hex')].join('.');
  return token;
}

let token: string | undefined;

/** Whether the process that a token names still runs; undefined where that cannot be told from here. */
export function isAlive(name: string): boolean | undefined {
  const [where, pid, started] = name.split('.');
  if (where !== machine() || !Number.isSafeInteger(Number(pid))) return undefined;
  try {
    process.kill(Number(pid), 0);
  } catch (error) {
    // EPERM: it is there and another user's.
    if (hasCode(error, 'ESRCH')) return false;
  }
  // A process id comes back; together with the start time it does not.
  const now = startTime(Number(pid));
  return now === undefined || started === '0' || now === started;
}

/** Process ids mean something within one boot and one container only. */
function machine(): string {
  machineToken ??= createHash('sha256')
    .update(`${hostname()} ${readOr('', '/proc/sys/kernel/random/boot_id')} ${pidNamespace()}`)
    .digest('hex')
    .slice(0, 8);
  return machineToken;
}

let machineToken: string | undefined;

/** In clock ticks since the boot; undefined where there is no /proc, or no such process, or only its remains. */
function startTime(pid: number): string | undefined {
  const line = readOr('', `/proc/${pid}/stat`);
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ');
  return line === '' ? undefined : fields[0] === 'Z' ? 'ended' : fields[19];
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

function readOr(fallback: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return fallback;
  }
}
