import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fetchInput } from '../../../functions/convert/fetch-input.ts';
import { type PlannedFile, planTasks } from '../../../shared/domain/splits.ts';
import { ObjectStoreBusy } from '../../../shared/errors.ts';
import { SLICE_TAIL_BYTES, SLICES_AT_ONCE } from '../../../shared/limits.ts';
import type { ObjectStore } from '../../../shared/ports/object-store.ts';
import { memoryObjectStore } from '../../doubles/memory-object-store.ts';
import { dialectOf } from '../../fixtures/csv-text.ts';

const DIALECT = dialectOf({ headerRows: 1 });
const TEXT = `id,n\n${Array.from({ length: 80 }, (_, i) => `${i},${i}`).join('\n')}\n`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-slices-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The ranges of an object that is put into the store. */
async function inputsOf(store: ObjectStore, text: string, irregular: boolean, splitBytes: number) {
  const address = { bucket: 'landing', key: 'x.csv' };
  await store.put(address, text);
  const { etag, sizeBytes } = (await store.head(address))!;
  const source = { ...address, id: 'x', etag, sizeBytes, lastModified: '2026-01-01T00:00:00.000Z' };
  const part: PlannedFile['part'] = {
    ...{ format: 'csv', compression: 'none', dialect: DIALECT, columns: [], dataStart: 5, dataLine: 1 },
    ...{ sizeBytes, confidence: 1, reasons: [], irregular },
  };
  const columns = ['id', 'n'].map((name) => ({ original: name, target: name }));
  const tasks = planTasks([{ source, part, table: 0, columns }], splitBytes, (index) => `t${index}`);
  return tasks.map((task) => task.inputs[0]!);
}

/** An object in ranges, in a store of which each download waits until it is let. */
async function gated(irregular: boolean) {
  const store = memoryObjectStore(['landing']);
  const inputs = await inputsOf(store, TEXT, irregular, 64);
  const waiting: { path: string; go: () => void; fail: (error: Error) => void }[] = [];
  let arrived: () => void = () => undefined;
  const objects: ObjectStore = {
    ...store,
    download: async (from, path, options) => {
      await new Promise<void>((go, fail) => {
        waiting.push({ path, go, fail });
        arrived();
      });
      return store.download(from, path, options);
    },
  };
  /** Resolves when so many downloads wait. */
  const until = async (count: number) => {
    while (waiting.length < count) {
      await new Promise<void>((resolve) => {
        arrived = resolve;
      });
    }
  };
  const pathOf = (index: number) => join(folder, `${irregular}-${index}`);
  return { objects, inputs, waiting, until, pathOf };
}

describe.each([
  ['a regular', false],
  ['an irregular', true],
])('ranges of %s CSV', (_, irregular) => {
  it('are cut a few at once, first come first served', async () => {
    const { objects, inputs, waiting, until, pathOf } = await gated(irregular);
    expect(inputs.length).toBeGreaterThan(2 * SLICES_AT_ONCE);
    const done: number[] = [];
    const all = inputs.map(async (input, i) => {
      const fetched = await fetchInput(objects, input, pathOf(i));
      done.push(i);
      return fetched;
    });
    for (let i = 0; i < inputs.length; i++) {
      await until(Math.min(inputs.length, i + SLICES_AT_ONCE));
      // Whoever else might come would have come by now: nothing here waits for anything but these downloads.
      expect(waiting).toHaveLength(Math.min(inputs.length, i + SLICES_AT_ONCE));
      expect(waiting[i]!.path.startsWith(pathOf(i))).toBe(true);
      waiting[i]!.go();
      await all[i];
      expect(done).toHaveLength(i + 1);
    }
    const texts = await Promise.all(inputs.map((_input, i) => readFile(pathOf(i), 'utf8')));
    expect(texts.join('')).toBe(TEXT.slice(5));
  });

  it('are scanned one by one', async () => {
    const store = memoryObjectStore(['landing']);
    const rows = Array.from({ length: 12 }, (_, i) => `${i},${'x'.repeat(400_000)}\n`);
    const inputs = await inputsOf(store, `id,n\n${rows.join('')}`, irregular, 500_000);
    const scanned: number[] = [];
    const objects: ObjectStore = {
      ...store,
      read: async (from, options) => {
        // The rest of a range's last record, far behind its end, comes piece by piece while the range is scanned.
        const { start } = options!.range!;
        const behind = inputs.findIndex(
          ({ range }) => start >= range!.end + SLICE_TAIL_BYTES && start < range!.end + 450_000,
        );
        if (behind >= 0) scanned.push(behind);
        await new Promise(setImmediate);
        return store.read(from, options);
      },
    };
    await Promise.all(inputs.map((input, i) => fetchInput(objects, input, join(folder, `${irregular}-long-${i}`))));
    expect(scanned.length).toBeGreaterThan(inputs.length);
    const turns = scanned.filter((index, i) => index !== scanned[i - 1]);
    expect(turns).toEqual([...new Set(scanned)]);
  });

  it('that fail make room for the next', async () => {
    const { objects, inputs, waiting, until, pathOf } = await gated(irregular);
    const all = Promise.allSettled(inputs.map((input, i) => fetchInput(objects, input, pathOf(i))));
    for (let i = 0; i < inputs.length; i++) {
      await until(i + 1);
      waiting[i]!.fail(new ObjectStoreBusy('Slow down'));
    }
    for (const outcome of await all) expect(outcome).toMatchObject({ reason: { name: 'ObjectStoreBusy' } });
  });
});
