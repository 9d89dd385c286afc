import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { lstat, lutimes, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { isAlive, processToken, withKeyLock } from '../../../shared/adapters/directory-locks.ts';
import { createBucket, directoryObjectStore } from '../../../shared/adapters/directory-object-store.ts';
import { LOCK_TOUCH_MS } from '../../../shared/limits.ts';
import type { ObjectStore } from '../../../shared/ports/object-store.ts';

const CONTENDER = fileURLToPath(new URL('./directory-contender.ts', import.meta.url));
const bucket = 'work';

let root: string;
let store: ObjectStore;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'directory-processes-'));
  store = directoryObjectStore(root);
  await createBucket(root, bucket);
});
afterEach(async () => {
  jest.restoreAllMocks();
  await rm(root, { recursive: true, force: true });
});

/** What each of so many processes reports of the task. */
async function contend<T>(processes: number, task: string, count: number): Promise<T[]> {
  return Promise.all(
    Array.from({ length: processes }, async () => {
      const { stdout } = await promisify(execFile)(process.execPath, [CONTENDER, task, root, bucket, String(count)]);
      return JSON.parse(stdout) as T;
    }),
  );
}

/** A process that holds the lock of the key `held`. */
async function holder(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [CONTENDER, 'holdForEver', root, bucket], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(createInterface({ input: child.stdout! }), 'line');
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

const lockNames = async () => (await readdir(join(root, bucket, '.~locks'))).toSorted();

describe('several processes on one folder', () => {
  it('lets exactly one win each conditional put', async () => {
    const won = await contend<number[]>(4, 'claim', 100);
    expect(won.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it('loses no update made by replacing what was read', async () => {
    await store.put({ bucket, key: 'counter' }, '0');
    await contend(4, 'add', 50);
    expect(Buffer.from(await store.read({ bucket, key: 'counter' })).toString()).toBe('200');
  });

  it('keeps keys apart that are in the way of each other’s folders', async () => {
    await contend(4, 'mix', 60);
    const keys = (await Array.fromAsync(store.list(bucket, ''))).map(({ key }) => key);
    expect(keys).toEqual(['a', 'a/b', 'a/b/c', 'a/b/c/d']);
    for (const key of keys) expect(Buffer.from(await store.read({ bucket, key })).toString()).toBe(key);
    expect(await lockNames()).toEqual([]);
  });
});

describe('a process that ended in the middle', () => {
  it('blocks nobody by the lock that it held', async () => {
    await kill(await holder());
    expect(await lockNames()).toHaveLength(1);
    await store.put({ bucket, key: 'held' }, 'free');
    expect(Buffer.from(await store.read({ bucket, key: 'held' })).toString()).toBe('free');
    expect(await lockNames()).toEqual([]);
  });

  it('leaves its lock to one of those that wait, not to two', async () => {
    await store.put({ bucket, key: 'k' }, '');
    await writeFile(join(root, 'counter'), '0');
    await contend(4, 'addAmongTheDead', 50);
    expect(await readFile(join(root, 'counter'), 'utf8')).toBe('200');
  });

  it('leaves no half-written object, and what it wrote is swept away', async () => {
    const child = await holder();
    const [lock = ''] = await lockNames();
    const token = await readlink(join(root, bucket, '.~locks', lock));
    await kill(child);
    const folder = join(root, bucket, '.~tmp');
    await store.put({ bucket, key: 'k' }, 'body');
    await writeFile(join(folder, token), 'half');
    await writeFile(join(folder, `${processToken()}.zz`), 'another write of this process');
    expect((await Array.fromAsync(store.list(bucket, ''))).map(({ key }) => key)).toEqual(['k']);
    await directoryObjectStore(root).put({ bucket, key: 'k' }, 'body');
    expect(await readdir(folder)).toEqual([`${processToken()}.zz`]);
    expect(await readdir(join(root, bucket, '.~holders'))).toEqual([processToken()]);
  });
});

describe('a process that is alive', () => {
  it('is waited for', async () => {
    const child = await holder();
    let put = false;
    const putting = store.put({ bucket, key: 'held' }, 'mine').then(() => {
      put = true;
    });
    // Others go on meanwhile; by the time they are done the first would be too, if it did not wait.
    for (let i = 0; i < 50; i++) await store.put({ bucket, key: `other ${i}` }, '');
    expect(put).toBe(false);
    await kill(child);
    await putting;
    expect(Buffer.from(await store.read({ bucket, key: 'held' })).toString()).toBe('mine');
  });

  it('is told from one that ended, and from one that has its number now', () => {
    const [machine, pid, started, random] = processToken().split('.');
    expect(isAlive(`${processToken()}.1`)).toBe(true);
    expect(isAlive([machine, '999999999', started, random].join('.'))).toBe(false);
    expect(isAlive(['elsewhere', pid, started, random].join('.'))).toBeUndefined();
    if (started !== '0') expect(isAlive([machine, pid, `${started}1`, random].join('.'))).toBe(false);
  });
});

describe('a holder that cannot be asked', () => {
  it('is given time, and then taken for ended', async () => {
    await store.put({ bucket, key: 'k' }, '1');
    const lock = join(root, bucket, '.~locks', createHash('sha256').update('k').digest('hex').slice(0, 32));
    await symlink('elsewhere.1.1.abcd.0', lock);
    const anHourAgo = new Date(Date.now() - 3_600_000);
    await lutimes(lock, anHourAgo, anHourAgo);
    await store.put({ bucket, key: 'k' }, '2');
    expect(Buffer.from(await store.read({ bucket, key: 'k' })).toString()).toBe('2');
  });

  it('is given that time from when it took the lock, however long it has run', async () => {
    await store.put({ bucket, key: 'k' }, '1');
    const anHourAgo = new Date(Date.now() - 3_600_000);
    await lutimes(join(root, bucket, '.~holders', processToken()), anHourAgo, anHourAgo);
    jest.spyOn(Date, 'now').mockReturnValue(Date.now() + LOCK_TOUCH_MS);
    await withKeyLock(join(root, bucket), 'k', 'k', async () => {
      const [lock = ''] = await lockNames();
      const { mtimeMs } = await lstat(join(root, bucket, '.~locks', lock));
      expect(mtimeMs).toBeGreaterThan(anHourAgo.getTime() + 3_000_000);
    });
  });
});
