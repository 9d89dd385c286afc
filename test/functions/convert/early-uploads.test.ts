import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from '@jest/globals';
import { vacuum } from '../../../shared/commit/vacuum.ts';
import type { ConvertReceipt } from '../../../shared/domain/load.ts';
import { duckdbEngine } from '../../../shared/engine/duckdb-engine.ts';
import type { TableEngine } from '../../../shared/engine/table-engine.ts';
import { SNIFF_BYTES } from '../../../shared/limits.ts';
import { memoryObjectStore } from '../../doubles/memory-object-store.ts';
import { plainEngine } from '../../doubles/plain-engine.ts';
import { makeWorld } from '../../doubles/world.ts';

const TARGET = {
  database: 'shop',
  table: 'sales',
  partitionBy: ['day'],
  formats: ['parquet' as const, 'avro' as const],
};
const DATASET = { name: 'sales', source: { prefix: 'sales/' }, target: TARGET };

/** A world that notes when the engine's jobs end and uploads begin. */
function notingWorld(
  engine: TableEngine,
  { csv, target, splitBytes }: { csv?: object; target?: object; splitBytes?: number } = {},
) {
  const notes: string[] = [];
  const objects = memoryObjectStore(['landing', 'work', 'lake']);
  const { upload } = objects;
  objects.upload = (path, address, options) => {
    notes.push(address.key.replace(/.*\//, ''));
    return upload(path, address, options);
  };
  const noting: TableEngine = {
    ...engine,
    convert: (job) => engine.convert(job).finally(() => notes.push('converted')),
    repartition: (job) => engine.repartition(job).finally(() => notes.push('repartitioned')),
  };
  const dataset = {
    ...DATASET,
    source: { ...DATASET.source, ...(csv ? { csv } : {}) },
    target: { ...TARGET, ...target },
  };
  const world = makeWorld({ datasets: [dataset], objects, engine: noting });
  if (splitBytes !== undefined) world.ports.splitBytes = splitBytes;
  const receipts = async (run: string): Promise<ConvertReceipt[]> => {
    const keys = (await world.workKeys(`runs/${run}/`)).filter((key) =>
      /\/(convert|whole)\/.*receipt\.json$/.test(key),
    );
    const texts = await Promise.all(keys.map((key) => objects.read({ bucket: 'work', key })));
    return texts.map((text) => JSON.parse(text.toString()) as ConvertReceipt);
  };
  return { ...world, objects, notes, receipts };
}

const days = (count: number) => Array.from({ length: count }, (_, i) => `${i},d${i % 3}\n`).join('');

describe('files are uploaded while the engine is at work', () => {
  it('as final ones', async () => {
    const w = notingWorld(plainEngine());
    await w.put('sales/a.csv', `id,day\n${days(9)}`);
    expect((await w.run({ dataset: 'sales' })).status).toBe('SUCCEEDED');
    expect(w.notes).toEqual([...[0, 1, 2, 3, 4, 5].map((n) => `final-${n}`), 'converted']);
  });

  it('as staged ones, and as final ones of their buckets', async () => {
    const w = notingWorld(plainEngine(), { splitBytes: 40 });
    await w.put('sales/a.csv', `id,day\n${days(30)}`);
    expect((await w.run({ dataset: 'sales' })).status).toBe('SUCCEEDED');
    expect(await w.rows('shop', 'sales')).toHaveLength(30);
    expect(w.notes[0]).toBe('staged-0.parquet');
    for (const [i, note] of w.notes.entries()) {
      if (note.startsWith('staged')) expect(w.notes.slice(i)).toContain('converted');
      if (note.startsWith('final')) expect(w.notes.slice(i)).toContain('repartitioned');
    }
    expect(w.notes.at(-1)).toBe('repartitioned');
  });
});

describe('with the engine itself', () => {
  const engine = duckdbEngine({ threads: 2, memoryBytes: 1024 ** 3 });
  afterAll(() => engine.close());

  it('files are uploaded before the engine has ended', async () => {
    const w = notingWorld(engine);
    await w.put('sales/a.csv', `id,day\n${days(9)}`);
    expect((await w.run({ dataset: 'sales' })).status).toBe('SUCCEEDED');
    expect(w.notes).toEqual([...[0, 1, 2, 3, 4, 5].map((n) => `final-${n}`), 'converted']);
  });

  it('a file that is written front to back is uploaded as it grows, and its receipt has what it came to', async () => {
    const target = { formats: ['avro' as const], partitionBy: [], compression: { avro: 'null' as const } };
    const w = notingWorld(engine, { target });
    const pieces: Buffer[] = [];
    w.objects.uploadGrowing = async (path, address, growing) => {
      w.notes.push('begun');
      for (let at = 0; ; ) {
        const { bytes, isComplete } = await growing.reached(at + 1_000_000);
        pieces.push(readFileSync(path).subarray(at, bytes));
        at = bytes;
        if (!isComplete) w.notes.push('some of it');
        else return w.objects.put(address, Buffer.concat(pieces));
      }
    };
    await w.put('sales/a.csv', `id,day\n${days(300_000)}`);
    const { run, status } = await w.run({ dataset: 'sales' });
    expect(status).toBe('SUCCEEDED');
    expect(w.notes.slice(0, 2)).toEqual(['begun', 'some of it']);
    expect(w.notes.lastIndexOf('some of it')).toBeLessThan(w.notes.indexOf('converted'));
    const [receipt] = await w.receipts(run);
    const { key, etag } = receipt!.files[0]!;
    expect(receipt!.files).toMatchObject([{ rows: 300_000, bytes: Buffer.concat(pieces).length }]);
    expect(await w.objects.head({ bucket: 'work', key })).toMatchObject({ etag, sizeBytes: receipt!.files[0]!.bytes });
  });

  it('what was uploaded of an input that fails is in no receipt and in no table, and vacuum removes it', async () => {
    const w = notingWorld(engine);
    await w.put('sales/a.csv', `id,day\n${days(9)}x,d9,surplus\n`);
    const { run, error } = await w.run({ dataset: 'sales' });
    expect(error?.name).toBe('TooManyRejects');
    expect(w.notes.slice(0, 3)).toEqual(['final-0', 'final-1', 'final-2']);
    const orphans = async () => (await w.workKeys(`runs/${run}/`)).filter((key) => /\/final-\d+$/.test(key));
    expect((await orphans()).length).toBeGreaterThanOrEqual(6);
    const [receipt, ...others] = await w.receipts(run);
    expect(others).toEqual([]);
    expect(receipt).toMatchObject({ staged: [], files: [], accounts: [{ rowsWritten: 0, failed: expect.anything() }] });
    expect(await w.lakeKeys()).toEqual([]);
    w.clock.time = new Date(w.clock.time.getTime() + 30 * 24 * 3_600_000);
    await vacuum(w.ports, 'test');
    expect(await orphans()).toEqual([]);
  });

  it('what was uploaded before rows were mended is in no receipt', async () => {
    const w = notingWorld(engine, { csv: { onShortRow: 'pad' } });
    // The short row lies behind the head and before the middle, which are all that the sniffer sees of what is not the end.
    const wide = (rows: number) => `7,d7,${'x'.repeat(1_000)}\n`.repeat(rows);
    const rows = SNIFF_BYTES / 1_000;
    await w.put('sales/a.csv', `id,day,note\n${wide(1.5 * rows)}5,d5\n${wide(3.5 * rows)}`);
    const { run, status } = await w.run({ dataset: 'sales' });
    expect(status).toBe('SUCCEEDED');
    const [receipt, ...others] = await w.receipts(run);
    expect(others).toEqual([]);
    expect(receipt!.accounts).toEqual([
      expect.objectContaining({ rowsRejected: 0, rowsWritten: receipt!.accounts[0]!.rowsRead }),
    ]);
    for (const format of TARGET.formats) {
      const files = receipt!.files.filter((file) => file.format === format);
      expect(files.reduce((sum, { rows }) => sum + rows, 0)).toBe(receipt!.accounts[0]!.rowsRead);
    }
    const uploaded = w.notes.filter((note) => note.startsWith('final'));
    expect(uploaded.length).toBeGreaterThan(receipt!.files.length);
    expect(new Set(uploaded).size).toBe(uploaded.length);
  });
});
