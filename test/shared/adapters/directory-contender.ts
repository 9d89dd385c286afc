import { createHash } from 'node:crypto';
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { processToken, withKeyLock } from '../../../shared/adapters/directory-locks.ts';
import { directoryObjectStore } from '../../../shared/adapters/directory-object-store.ts';

/** A process that works on the same folder as others: what directory-processes.test.ts starts several of. */
const [task, root = '', bucket = '', count = '0'] = process.argv.slice(2);
const store = directoryObjectStore(root);

async function claim(): Promise<number[]> {
  const won: number[] = [];
  for (let i = 0; i < Number(count); i++) {
    try {
      await store.put({ bucket, key: `claim/${i}` }, String(process.pid), { condition: { ifNoneMatch: '*' } });
      won.push(i);
    } catch (error) {
      if ((error as Error).name !== 'PreconditionFailed') throw error;
    }
  }
  return won;
}

async function add(): Promise<number> {
  const at = { bucket, key: 'counter' };
  let attempts = 0;
  for (let done = 0; done < Number(count); attempts++) {
    const { etag } = (await store.head(at))!;
    try {
      const value = Number(Buffer.from(await store.read(at, { ifMatch: etag })).toString());
      await store.put(at, String(value + 1), { condition: { ifMatch: etag } });
      done++;
    } catch (error) {
      if ((error as Error).name !== 'PreconditionFailed') throw error;
    }
  }
  return attempts;
}

/** Puts and deletes keys that are in the way of each other's folders. */
async function mix(): Promise<number> {
  const keys = ['a', 'a/b', 'a/b/c', 'a/b/c/d'];
  for (let i = 0; i < Number(count); i++) {
    const key = keys[i % keys.length]!;
    await store.put({ bucket, key }, key);
    if (i % 3 === 0) await store.delete({ bucket, key });
  }
  for (const key of keys) await store.put({ bucket, key }, key);
  return Number(count);
}

async function holdForEver(): Promise<never> {
  return withKeyLock(`${root}/${bucket}`, 'held', 'held', () => {
    console.log('held');
    // Something to wait for: a promise alone keeps no process alive.
    setInterval(() => undefined, 60_000);
    return new Promise<never>(() => undefined);
  });
}

/**
 * Adds to a plain file in steps that only a lock keeps together, and each time leaves a lock behind as one who died would:
 * so at every turn several find a dead holder at the same moment.
 */
async function addAmongTheDead(): Promise<number> {
  const folder = `${root}/${bucket}`;
  const lock = `${folder}/.~locks/${createHash('sha256').update('held').digest('hex').slice(0, 32)}`;
  const [machine] = processToken().split('.');
  for (let i = 0; i < Number(count); i++) {
    await withKeyLock(folder, 'held', 'held', async () => {
      const value = Number(await readFile(`${root}/counter`, 'utf8'));
      await readdir(folder);
      await writeFile(`${root}/counter`, String(value + 1));
    });
    await symlink(`${machine}.999999999.1.${process.pid}.${i}`, lock).catch(() => undefined);
  }
  return Number(count);
}

const tasks: Record<string, () => Promise<unknown>> = { claim, add, mix, addAmongTheDead, holdForEver };
console.log(JSON.stringify(await tasks[task ?? '']!()));
