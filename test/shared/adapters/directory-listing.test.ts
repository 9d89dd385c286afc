import * as fs from 'node:fs';
import * as files from 'node:fs/promises';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';

let read: string[] = [];
let looked = 0;
const { readdir } = files;
const { statSync } = fs;
jest.unstable_mockModule('node:fs/promises', () => ({
  ...files,
  readdir: (...args: Parameters<typeof readdir>) => {
    read.push(relative(root, String(args[0])));
    return readdir(...args);
  },
}));
jest.unstable_mockModule('node:fs', () => ({
  ...fs,
  statSync: (...args: Parameters<typeof statSync>) => {
    looked++;
    return statSync(...args);
  },
}));
const { walk } = await import('../../../shared/adapters/directory-listing.ts');

let root: string;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'directory-listing-'));
  for (const key of ['log/d/1', 'log/d/2', 'log/d/3', 'log/e/1', 'other/x/y', 'runs/a/b/c', 'top']) {
    await mkdir(dirname(join(root, key)), { recursive: true });
    await writeFile(join(root, key), '');
  }
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function keys(prefix: string, startAfter?: string): Promise<string[]> {
  read = [];
  looked = 0;
  return (await Array.fromAsync(walk(root, { prefix, startAfter }))).map(({ key }) => key);
}

it('reads only the folders that a prefix leads to', async () => {
  expect(await keys('log/d/')).toEqual(['log/d/1', 'log/d/2', 'log/d/3']);
  expect(read).toEqual(['log/d']);
  expect(await keys('log/')).toEqual(['log/d/1', 'log/d/2', 'log/d/3', 'log/e/1']);
  expect(read).toEqual(['log', 'log/d', 'log/e']);
  expect(await keys('lo')).toHaveLength(4);
  expect(read).toEqual(['', 'log', 'log/d', 'log/e']);
  expect(await keys('none/at/all/')).toEqual([]);
});

it('passes over what lies before the place to begin at', async () => {
  expect(await keys('', 'log/d/2')).toEqual(['log/d/3', 'log/e/1', 'other/x/y', 'runs/a/b/c', 'top']);
  expect(looked).toBe(5);
  expect(await keys('', 'runs')).toEqual(['runs/a/b/c', 'top']);
  expect(read).toEqual(['', 'runs', 'runs/a', 'runs/a/b']);
});

it('reads no further than its reader', async () => {
  read = [];
  for await (const { key } of walk(root, { prefix: '', startAfter: undefined })) {
    expect(key).toBe('log/d/1');
    break;
  }
  expect(read).toEqual(['', 'log', 'log/d']);
});
