import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { FileUploads } from '../../../shared/commit/file-uploads.ts';
import { FileGrowth } from '../../../shared/engine/file-growth.ts';
import { SMALL_CALLS_AT_ONCE, UPLOAD_BYTES_AT_ONCE } from '../../../shared/limits.ts';
import { testPorts } from '../../doubles/ports.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-uploads-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Ports of which each upload waits until the test lets it go on. */
function heldPorts() {
  const ports = testPorts();
  const begun: string[] = [];
  const held = new Map<string, { letGo: () => void; fail: (error: Error) => void }>();
  const { upload } = ports.objects;
  ports.objects.upload = async (path, address, options) => {
    begun.push(address.key);
    await new Promise<void>((letGo, fail) => held.set(address.key, { letGo, fail }));
    return upload(path, address, options);
  };
  return { ports, begun, letGo: (key: string) => held.get(key)!.letGo(), fail: (key: string) => held.get(key)!.fail };
}

async function file(text: string, bytes = text.length) {
  const path = join(folder, 'same-path');
  await writeFile(path, text);
  return { path, rows: 1, bytes };
}

it('begins at once, each file once and under a key of its own, also where paths come again', async () => {
  const { ports, begun, letGo } = heldPorts();
  await using uploads = new FileUploads(ports, (n) => `f-${n}`);
  const first = await file('first');
  uploads.begin(first);
  const second = await file('second');
  uploads.begin(second);
  expect(begun).toEqual(['f-0', 'f-1']);
  letGo('f-1');
  expect(await uploads.stored(second)).toMatchObject({ key: 'f-1', rows: 1, bytes: 6 });
  expect((await ports.objects.read({ bucket: 'work', key: 'f-1' })).toString()).toBe('second');
  letGo('f-0');
  expect(begun).toEqual(['f-0', 'f-1']);
});

it('uploads what it was not told of when that is asked for', async () => {
  const { ports, letGo } = heldPorts();
  await using uploads = new FileUploads(ports, (n) => `f-${n}`);
  const stored = uploads.stored(await file('late'));
  letGo('f-0');
  expect(await stored).toMatchObject({ key: 'f-0', bytes: 4 });
});

it('holds no more in memory, and has no more under way, than is allowed', async () => {
  const { ports, begun, letGo } = heldPorts();
  await using uploads = new FileUploads(ports, (n) => `f-${n}`);
  for (let i = 0; i < 4; i++) uploads.begin(await file('large', UPLOAD_BYTES_AT_ONCE * 10));
  // Of a large file only some parts are in memory.
  expect(begun).toEqual(['f-0', 'f-1']);
  letGo('f-0');
  await setImmediate();
  expect(begun).toEqual(['f-0', 'f-1', 'f-2']);
  letGo('f-1');
  letGo('f-2');
  await setImmediate();
  expect(begun).toHaveLength(4);
  letGo('f-3');
  await setImmediate();

  for (let i = 0; i < SMALL_CALLS_AT_ONCE + 1; i++) uploads.begin(await file('small'));
  expect(begun).toHaveLength(4 + SMALL_CALLS_AT_ONCE);
  for (const key of begun.slice(4)) letGo(key);
  await setImmediate();
  expect(begun).toHaveLength(4 + SMALL_CALLS_AT_ONCE + 1);
  letGo(begun.at(-1)!);
});

it('begins with a file that grows, and says at its end what it has', async () => {
  const ports = testPorts();
  const grown = await file('grown', 0);
  const growth = new FileGrowth();
  await using uploads = new FileUploads(ports, (n) => `f-${n}`);
  uploads.begin(grown, growth);
  await setImmediate();
  expect(await ports.objects.head({ bucket: 'work', key: 'f-0' })).toBeUndefined();
  Object.assign(grown, { rows: 7, bytes: 5 });
  growth.complete(5);
  expect(await uploads.stored(grown)).toMatchObject({ key: 'f-0', rows: 7, bytes: 5 });

  // Where the store takes a file piece by piece, it is the store that waits.
  const asked: unknown[] = [];
  ports.objects.uploadGrowing = async (...given) => {
    asked.push(given);
    return { etag: 'e' };
  };
  const second = await file('second', 0);
  uploads.begin(second, growth);
  expect(await uploads.stored(second)).toMatchObject({ key: 'f-1', etag: 'e' });
  expect(asked).toEqual([[second.path, { bucket: 'work', key: 'f-1' }, growth]]);
});

it('fails by the uploads that are asked for, and by no others', async () => {
  const { ports, letGo, fail } = heldPorts();
  await using uploads = new FileUploads(ports, (n) => `f-${n}`);
  const [given, wanted] = [await file('given up'), await file('wanted')];
  uploads.begin(given);
  uploads.begin(wanted);
  fail('f-0')(new Error('nobody asks'));
  letGo('f-1');
  expect(await uploads.stored(wanted)).toMatchObject({ key: 'f-1' });
  await expect(uploads.stored(given)).rejects.toThrow('nobody asks');
});

it('in the end waits for what is under way and begins nothing else', async () => {
  const { ports, begun, letGo } = heldPorts();
  const uploads = new FileUploads(ports, (n) => `f-${n}`);
  for (let i = 0; i < 3; i++) uploads.begin(await file('large', UPLOAD_BYTES_AT_ONCE));
  let ended = false;
  const ending = uploads[Symbol.asyncDispose]().then(() => {
    ended = true;
  });
  letGo('f-0');
  await setImmediate();
  expect(ended).toBe(false);
  letGo('f-1');
  await ending;
  expect(begun).toEqual(['f-0', 'f-1']);
});
