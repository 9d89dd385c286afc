import { readdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { duckdbEngine } from '../../../shared/engine/duckdb-engine.ts';
import type {
  ConvertJob,
  FileListener,
  FinalFile,
  LocalFile,
  TableWriting,
} from '../../../shared/engine/table-engine.ts';
import { AVRO_ROLL_MIN_BYTES, AVRO_THREAD_MIN_ROWS } from '../../../shared/limits.ts';
import type { GrowingFile } from '../../../shared/ports/object-store.ts';
import { columnsOf, type Types, Workbench, writingOf } from './jobs.ts';

let bench: Workbench;
beforeAll(() => {
  bench = new Workbench();
});
afterAll(() => bench.close());

const TYPES: Types = { id: 'int', city: 'string', note: 'string' };
const COLUMNS = columnsOf(TYPES);
const CITY = [{ name: 'city', from: { column: 'city' }, type: 'string' as const }];

function text(rows: number): string {
  const lines = Array.from({ length: rows }, (_, i) => `${i},c${i % 7},${(i * 2_654_435_761) % 1e9}`);
  return `id,city,note\n${lines.join('\n')}\n`;
}

/** Files as the engine told of them: each with its bytes, and what lay beside it, at that moment. Of a growing one, the bytes that it had to have. */
function listener() {
  const told = new Map<LocalFile, { bytes: Buffer; beside: string[]; grown?: Promise<number> }>();
  const onFile: FileListener = (file, growing) => {
    expect(told.has(file)).toBe(false);
    const beside = growing ? [] : readdirSync(dirname(file.path));
    const seen = { bytes: growing ? Buffer.alloc(0) : readFileSync(file.path), beside };
    told.set(file, growing ? Object.assign(seen, { grown: watch(file, growing, seen) }) : seen);
  };
  return { told, onFile };
}

/** Reads what is there whenever there is more; how many times that was before the end. */
async function watch(file: LocalFile, growing: GrowingFile, seen: { bytes: Buffer }): Promise<number> {
  for (let times = 0; ; times++) {
    const { bytes, isComplete } = await growing.reached(seen.bytes.length + 1);
    const read = readFileSync(file.path).subarray(0, bytes);
    expect(read.length).toBe(bytes);
    expect(read.subarray(0, seen.bytes.length).equals(seen.bytes)).toBe(true);
    seen.bytes = read;
    if (isComplete) return times;
  }
}

const writing = (over: Partial<TableWriting>) =>
  writingOf(COLUMNS, { formats: ['parquet', 'avro', 'csv'], rowGroupRows: 2_048, ...over });

/** Large enough for Avro to be written front to back. */
const ROLLED: Partial<TableWriting> = {
  fileSizeBytes: AVRO_ROLL_MIN_BYTES,
  formats: ['avro'],
  compression: { parquet: 'zstd', avro: 'null', csv: 'none' },
};

describe('a file is told of once and whole', () => {
  const cases: [string, number, Partial<ConvertJob>][] = [
    ['as one file a format', 2_000, { writing: writing({}) }],
    ['as several files', 30_000, { writing: writing({ fileSizeBytes: 100_000 }) }],
    ['as several files in order', 30_000, { writing: writing({ fileSizeBytes: 100_000, sortBy: ['note'] }) }],
    [
      'by partition, large and small, with gzip',
      30_000,
      {
        writing: writing({
          ...{ partitions: CITY, columns: COLUMNS.filter(({ name }) => name !== 'city'), fileSizeBytes: 30_000 },
          compression: { parquet: 'zstd', avro: 'null', csv: 'gzip' },
        }),
      },
    ],
    ['as it grows', AVRO_THREAD_MIN_ROWS - 1, { writing: writing({ ...ROLLED, formats: ['parquet', 'avro'] }) }],
    ['as it grows in a thread', 4 * AVRO_THREAD_MIN_ROWS, { writing: writing(ROLLED) }],
    ['staged', 2_000, { writing: writing({}), target: { kind: 'stage', buckets: 4 } }],
    ['staged by partition', 2_000, { writing: writing({ partitions: CITY }), target: { kind: 'stage', buckets: 4 } }],
  ];
  it.each(cases)('%s', async (_, rows, job) => {
    const { told, onFile } = listener();
    const outcome = await bench.convert([bench.csv(text(rows), TYPES)], TYPES, { ...job, onFile });
    const files = [...outcome.files, ...outcome.staged];
    expect(files.length).toBeGreaterThan(0);
    expect(new Set(told.keys())).toEqual(new Set(files));
    for (const file of files) {
      const { grown } = told.get(file)!;
      if (grown) expect(await grown).toBeGreaterThan(0);
      // The same object, and not only one like it.
      const { bytes } = told.get(file)!;
      expect(bytes.length).toBe(file.bytes);
      expect(bytes.equals(readFileSync(file.path))).toBe(true);
    }
  });

  it('also where a bucket is brought together', async () => {
    const staged = await bench.convert([bench.csv(text(2_000), TYPES)], TYPES, {
      ...{ writing: writing({}), target: { kind: 'stage', buckets: 1 } },
    });
    const { told, onFile } = listener();
    const { files } = await bench.engine.repartition({
      ...{ inputs: staged.staged.map(({ path }) => path), columns: COLUMNS, writing: writing({ sortBy: ['note'] }) },
      ...{ scratch: bench.path('scratch'), onFile },
    });
    expect([...told.keys()]).toEqual(files);
    expect(files).toHaveLength(3);
  });
});

it('is told of before the next one is begun', async () => {
  const { told, onFile } = listener();
  const inputs = [bench.csv(text(30_000), TYPES), bench.csv(text(10), TYPES)];
  await bench.convert(inputs, TYPES, { writing: writing({ fileSizeBytes: 100_000 }), onFile });
  const next = (file: FinalFile) => `cut-${file.format}-0-${file.part + 1}.${file.format}`;
  expect(told.size).toBeGreaterThan(6);
  for (const [file, { beside }] of told) {
    expect(beside).not.toContain(next(file as FinalFile));
    if ((file as FinalFile).format === 'parquet') expect(beside.some((name) => name.endsWith('.avro'))).toBe(false);
  }
});

it('is given up where the engine is stopped in the midst of it', async () => {
  const stop = new AbortController();
  const engine = duckdbEngine({ threads: 2, signal: stop.signal });
  const told: unknown[] = [];
  const onFile: FileListener = (_, growing) => {
    growing?.reached(Number.POSITIVE_INFINITY).catch((error: Error) => told.push(error));
    stop.abort();
  };
  const failure = await engine
    .convert({
      ...{ inputs: [bench.csv(text(10_000), TYPES)], columns: COLUMNS, writing: writing(ROLLED), onFile },
      ...{ target: { kind: 'final' }, tolerance: undefined, timezone: 'UTC', scratch: bench.path('scratch') },
    })
    .catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(Error);
  expect(told).toEqual([failure]);
});

it('is told of in vain where all is written anew, or the input fails', async () => {
  const { told, onFile } = listener();
  const short = `${text(100)}7,short\n`;
  const job = { writing: writing({ formats: ['parquet'] }), onFile };
  const mended = await bench.convert([bench.csv(short, TYPES)], TYPES, {
    ...{ ...job, rowRules: { short: 'pad' as const, long: 'reject' as const } },
  });
  expect([...told.keys()].map(({ rows }) => rows)).toEqual([100, 101]);
  expect(mended.files).toEqual([[...told.keys()][1]]);
  expect(told.has(mended.files[0]!)).toBe(true);

  told.clear();
  const failed = await bench.convert([bench.csv(short, TYPES)], TYPES, { ...job, tolerance: { rows: 0, share: 0 } });
  expect(failed.accounts[0]!.failed?.name).toBe('TooManyRejects');
  expect(failed.files).toEqual([]);
  expect(told.size).toBe(1);
});
