import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { partRows } from '../../../local/preview/part-rows.ts';
import { parseDataset } from '../../../shared/dataset/parse.ts';
import type { FoundPart } from '../../../shared/domain/load.ts';
import { ValueCheck } from '../../../shared/engine/value-check.ts';
import { sniffCsv } from '../../../shared/formats/csv/sniff.ts';
import { cleanTables, pollute } from '../../fixtures/csv-pollution.ts';
import { Workbench } from '../../shared/engine/jobs.ts';

const DATASET = parseDataset({ name: 'preview', target: { database: 'preview', table: 'preview' } }, 'the test');
const RULES = { short: 'reject', long: 'reject' } as const;
const FIXTURES = 'test/fixtures/csv';

let bench: Workbench;
let check: ValueCheck;
beforeAll(async () => {
  bench = new Workbench();
  check = await ValueCheck.open({ memoryBytes: 256e6, scratch: bench.path('check'), timezone: 'UTC' });
});
afterAll(async () => {
  check.close();
  await bench.close();
});

/** Rows by their number and rejects by their places, as a preview says them and as a conversion does. */
async function both(bytes: Buffer) {
  const { dialect, columns, regular } = sniffCsv({ head: bytes, complete: true });
  const part: FoundPart = {
    format: 'csv',
    compression: 'none',
    dialect,
    columns,
    sizeBytes: bytes.length,
    confidence: 1,
    reasons: [],
  };
  const previewed = { rows: 0, rejects: [] as unknown[] };
  async function* chunks() {
    yield bytes;
  }
  const reading = { part, chunks: chunks(), uri: 'x', dataset: DATASET, rules: RULES, check: async () => check };
  for await (const { rows, rejects } of partRows(reading)) {
    previewed.rows += rows.length;
    previewed.rejects.push(...rejects.map(({ line, byteOffset, column, raw }) => [line, byteOffset, column, raw]));
  }
  const names = columns.map((_, c) => `c${c}`);
  const types = Object.fromEntries(names.map((name, c) => [name, columns[c]!.type]));
  const { account, rejects } = await bench.load(bytes, types, {
    like: dialect,
    ...(regular ? {} : { irregular: true }),
    columns: columns.map(({ original, format }, c) => ({ original, target: names[c]!, ...(format ? { format } : {}) })),
  });
  const loaded = {
    rows: account.rowsWritten,
    rejects: rejects.map(({ line, byteOffset, column, raw }) => [line, byteOffset, column, raw]),
  };
  return { previewed, loaded };
}

describe('a preview has the rows and rejects of a load', () => {
  const files = readdirSync(FIXTURES)
    .filter((file) => file.endsWith('.csv') && !/utf-16|latin|1252|utf-8-mark/.test(file))
    .map((file) => ({ name: file, bytes: readFileSync(`${FIXTURES}/${file}`) }));

  it.each(files)('of $name', async ({ bytes }) => {
    const { previewed, loaded } = await both(bytes);
    expect(previewed).toEqual(loaded);
  });

  it('of tables that are polluted', async () => {
    const tables = cleanTables().flatMap((table) => pollute(table, (row) => row === 7));
    for (const { name, bytes, empty } of tables.filter((file, i) => i % 30 === 0 && !file.name.includes('encoding'))) {
      if (empty) continue;
      const { previewed, loaded } = await both(bytes);
      expect({ name, ...previewed }).toEqual({ name, ...loaded });
    }
  });

  it('of values that do not fit', async () => {
    const days = Array.from(
      { length: 3000 },
      (_, i) => `${i},2020-01-${String(1 + (i % 28)).padStart(2, '0')},${i}.50`,
    );
    days[1500] = 'x1,2020-01-02,1.50';
    days[2000] = '2000,2020-02-31,1.50';
    days[2500] = '2500,2020-02-01,much';
    const { previewed, loaded } = await both(Buffer.from(`id,day,price\n${days.join('\n')}\n`));
    expect(previewed).toEqual(loaded);
    expect(previewed.rejects).toHaveLength(3);
  });
});
