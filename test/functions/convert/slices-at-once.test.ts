import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { fetchInput } from '../../../functions/convert/fetch-input.ts';
import { type PlannedFile, planTasks } from '../../../shared/domain/splits.ts';
import { ObjectStoreBusy } from '../../../shared/errors.ts';
import type { CsvDialect } from '../../../shared/formats/csv-dialect.ts';
import { SLICES_AT_ONCE } from '../../../shared/limits.ts';
import type { ObjectStore } from '../../../shared/ports/object-store.ts';
import { memoryObjectStore } from '../../doubles/memory-object-store.ts';

const DIALECT: CsvDialect = {
  encoding: 'utf-8',
  bomBytes: 0,
  lineEnd: '\n',
  delimiter: ',',
  quote: '"',
  escape: '"',
  comment: '',
  skipLines: 0,
  headerRows: 1,
  footerRows: 0,
  nullTokens: [],
  decimalComma: false,
  thousands: '',
};
const TEXT = `id,n\n${Array.from({ length: 80 }, (_, i) => `${i},${i}`).join('\n')}\n`;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-slices-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** An object in ranges, in a store of which each download waits until it is let. */
async function gated(irregular: boolean) {
  const store = memoryObjectStore(['landing']);
  const address = { bucket: 'landing', key: 'x.csv' };
  await store.put(address, TEXT);
  const { etag, sizeBytes } = (await store.head(address))!;
  const source = { ...address, id: 'x', etag, sizeBytes, lastModified: '2026-01-01T00:00:00.000Z' };
  const part: PlannedFile['part'] = {
    ...{ format: 'csv', compression: 'none', dialect: DIALECT, columns: [], dataStart: 5, dataLine: 1 },
    ...{ sizeBytes, confidence: 1, reasons: [], irregular },
  };
  const columns = ['id', 'n'].map((name) => ({ original: name, target: name }));
  const tasks = planTasks([{ source, part, table: 0, columns }], 64, (index) => `t${index}`);
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
  const inputs = tasks.map((task) => task.inputs[0]!);
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
