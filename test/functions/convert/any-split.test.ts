import { rm } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import iconv from 'iconv-lite';
import { fetchInput } from '../../../functions/convert/fetch-input.ts';
import type { ConvertInput, FoundPart } from '../../../shared/domain/load.ts';
import { planTasks } from '../../../shared/domain/splits.ts';
import type { FileColumn, RejectedRow, RowRules } from '../../../shared/engine/table-engine.ts';
import { RecordScanner } from '../../../shared/formats/csv/record-scanner.ts';
import { type SliceLink, verifyChain } from '../../../shared/formats/csv/slice.ts';
import { tolerantDataStart } from '../../../shared/formats/csv/tolerant-slice.ts';
import { memoryObjectStore } from '../../doubles/memory-object-store.ts';
import { type OddCsv, oddCsv } from '../../fixtures/csv-odd.ts';
import { columnsOf, rejectsOf, sorted, Workbench, writingOf } from '../../shared/engine/jobs.ts';

let bench: Workbench;
beforeAll(() => {
  bench = new Workbench();
});
afterAll(() => bench.close());

const NAMES = ['a', 'b', 'c', 'd'];
const TYPES = { a: 'int', b: 'string', c: 'string', d: 'string', _rescued: 'string' } as const;

/** An object's rows, accounts and rejected rows, converted in ranges of at most `splitBytes`; undefined where the ranges were cut wrong. */
async function load({ bytes, dialect, columns }: OddCsv, irregular: boolean, splitBytes: number, rowRules: RowRules) {
  const objects = memoryObjectStore(['landing']);
  const address = { bucket: 'landing', key: 'x.csv' };
  await objects.put(address, bytes);
  const { etag } = (await objects.head(address))!;
  const source = { ...address, id: 'x', etag, sizeBytes: bytes.length, lastModified: '2026-01-01T00:00:00Z' };
  const fileColumns = NAMES.slice(0, columns).map((name): FileColumn => ({ original: name, target: name }));
  const part: FoundPart = {
    ...{ format: 'csv', compression: 'none', dialect, irregular },
    ...{ columns: [], sizeBytes: bytes.length, confidence: 1, reasons: [] },
    ...(irregular ? tolerantDataStart(bytes, dialect, columns) : strictDataStart({ bytes, dialect, columns })),
  };
  const tasks = planTasks([{ source, part, table: 0, columns: fileColumns }], splitBytes, (i) => `${i}`);
  const links: SliceLink[] = [];
  const paths: string[] = [];
  const rejects: RejectedRow[] = [];
  const sum = { rowsRead: 0, rowsWritten: 0, rowsRejected: 0, linesBefore: part.dataLine ?? 0 };
  for (const task of tasks) {
    const [input] = task.inputs as [ConvertInput];
    const { local, link } = await fetchInput(objects, input, bench.path('in'));
    if (link) links.push(link);
    if (!local) continue;
    const table = columnsOf(TYPES);
    const outcome = await bench.engine.convert({
      ...{ inputs: [local], columns: table, writing: writingOf(table), target: { kind: 'final' } },
      ...{ tolerance: undefined, timezone: 'UTC', rowRules, scratch: bench.path('scratch') },
    });
    const account = outcome.accounts[0]!;
    expect(account.failed).toBeUndefined();
    expect(account.rowsRead).toBe(account.rowsWritten + account.rowsRejected);
    paths.push(...outcome.files.map(({ path }) => path));
    const shift = input.range ? sum.linesBefore : 0;
    rejects.push(...rejectsOf(outcome).map((row) => ({ ...row, line: row.line === null ? null : row.line + shift })));
    sum.rowsRead += account.rowsRead;
    sum.rowsWritten += account.rowsWritten;
    sum.rowsRejected += account.rowsRejected;
    sum.linesBefore += account.lines;
    await rm(local.path, { force: true });
  }
  if (links.length > 0 && verifyChain(links) !== undefined) return undefined;
  const rows = paths.length === 0 ? [] : await bench.read(paths);
  const { linesBefore: _, ...accounts } = sum;
  return { rows: sorted(rows), accounts, rejects, ranges: tasks.length };
}

function strictDataStart({ bytes, dialect, columns }: OddCsv) {
  const scanner = new RecordScanner(dialect, { columns });
  scanner.feed(bytes);
  const { dataStart } = scanner.end();
  const before = new RecordScanner(dialect, { columns });
  before.feed(bytes.subarray(0, dataStart));
  return { dataStart, dataLine: before.end().lines };
}

describe('a CSV in ranges', () => {
  it('comes out as it does whole, on either road: rows, accounts, and rejected rows with their places', async () => {
    const choice = fc.record({
      csv: oddCsv({ maxRows: 25, faults: 8 }),
      irregular: fc.boolean(),
      splitBytes: fc.integer({ min: 60, max: 400 }),
      short: fc.constantFrom('reject', 'pad'),
      long: fc.constantFrom('reject', 'rescue'),
    });
    let proven = 0;
    await fc.assert(
      fc.asyncProperty(choice, async ({ csv, irregular, splitBytes, short, long }) => {
        const whole = (await load(csv, irregular, Number.MAX_SAFE_INTEGER, { short, long }))!;
        const cut = await load(csv, irregular, splitBytes, { short, long });
        for (const { byteOffset, raw } of whole.rejects) {
          if (byteOffset !== null) expect(decoded(csv, byteOffset).startsWith(raw!)).toBe(true);
        }
        if (!cut) return;
        proven++;
        const { ranges: _, ...one } = whole;
        const { ranges: __, ...many } = cut;
        expect(many).toEqual(one);
      }),
      { numRuns: Number(process.env['RUNS'] ?? 10) },
    );
    expect(proven).toBeGreaterThan(0);
  }, 600_000);
});

function decoded({ bytes, dialect }: OddCsv, from: number): string {
  return iconv.decode(bytes.subarray(from), dialect.encoding === 'latin-1' ? 'iso-8859-1' : dialect.encoding, {
    stripBOM: false,
  });
}
