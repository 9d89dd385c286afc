import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { type BenchOptions, type BenchResult, type BenchTable, figure } from '../kit/bench.ts';
import { duckdb, papaParse, type Reader, type Reading, sluice } from './readers.ts';
import { type AnnotatedFile, type AnnotatedSet, fixtures, pollutions, vegaDatasets } from './sets.ts';

export const about = 'the sniffer beside those of PapaParse and DuckDB, on files that say nothing about themselves';

/** What is right about a reading. */
const ASPECTS = {
  // a blank behind a comma is part of it or of the values, as one likes
  delimiter: (file: AnnotatedFile, { delimiter }: Reading) => bare(file.delimiter) === bare(delimiter),
  header: ({ header }: AnnotatedFile, reading: Reading) => JSON.stringify(header) === JSON.stringify(reading.header),
  rows: ({ rows }: AnnotatedFile, reading: Reading) => JSON.stringify(rows) === JSON.stringify(reading.rows),
};
type Aspect = keyof typeof ASPECTS;
const NAMES = Object.keys(ASPECTS) as Aspect[];

interface Score {
  right: Record<Aspect, number>;
  milliseconds: number;
}

/** `--misses` lists the files that Sluice reads otherwise than they are annotated. */
export async function run(options: BenchOptions): Promise<BenchResult> {
  const folder = join(options.folder, 'sniff');
  mkdirSync(folder, { recursive: true });
  const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  const connection = await instance.connect();
  const readers = [sluice, papaParse, duckdb(connection, folder)];
  const sets = [fixtures(), vegaDatasets(), pollutions(options.quick ? 40 : 1)];
  const rows: string[][] = [];
  const misses: string[] = [];
  const bars: BenchResult['bars'] = [];
  try {
    for (const set of sets) {
      options.log(`${set.title}: ${set.files.length} files`);
      const scores = new Map<string, Score>();
      for (const reader of readers)
        scores.set(reader.name, await scoreOf(reader, set, reader === sluice ? misses : []));
      for (const [name, { right, milliseconds }] of scores) {
        const shares = NAMES.map((aspect) => share(right[aspect], set));
        rows.push([`${set.title} (${set.files.length})`, name, ...shares, figure(milliseconds / set.files.length)]);
      }
      for (const aspect of NAMES) {
        const ours = scores.get(sluice.name)!.right[aspect];
        const others = readers.slice(1).map(({ name }) => scores.get(name)!.right[aspect]);
        bars.push({
          name: `${set.title}: ${aspect} as often right as any other's`,
          found: `${ours} of ${set.files.length}, others ${others.join(' and ')}`,
          met: ours >= Math.max(...others),
        });
      }
    }
  } finally {
    connection.closeSync();
    instance.closeSync();
    rmSync(folder, { recursive: true, force: true });
  }
  const table: BenchTable = {
    title: 'Read right, with no options given',
    head: ['files', 'reader', ...NAMES, 'ms a file'],
    rows,
  };
  const listed = options.rest.includes('--misses')
    ? misses
    : misses.length === 0
      ? []
      : [`${misses.length} misses of ours: --misses lists them`];
  return { tables: [table], bars, notes: [...NOTES, ...listed] };
}

const NOTES = [
  'header: the names as they are, or rightly none. rows: all that have their values in their places, and no other.',
  'PapaParse is told to skip empty lines, and takes the first row for a header; its rows of another length are left out.',
  'DuckDB is asked with `ignore_errors` where it gives up without, and then without `strict_mode`; all columns are text.',
];

async function scoreOf(reader: Reader, set: AnnotatedSet, misses: string[]): Promise<Score> {
  const right: Record<Aspect, number> = { delimiter: 0, header: 0, rows: 0 };
  const from = performance.now();
  for (const file of set.files) {
    const reading = await reader.read(file.name, file.bytes).catch(() => undefined);
    for (const aspect of NAMES) {
      if (reading && ASPECTS[aspect](file, reading)) right[aspect]++;
      else misses.push(`${set.title}, ${file.name}: ${aspect}`);
    }
  }
  return { right, milliseconds: performance.now() - from };
}

function bare(delimiter: string): string {
  return delimiter.trim() === '' ? delimiter : delimiter.trim();
}

function share(right: number, { files }: AnnotatedSet): string {
  return `${((100 * right) / files.length).toFixed(1)}%`;
}
