import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import type { Column, ColumnType } from '../../../shared/domain/schema.ts';
import { type DuckdbEngineOptions, duckdbEngine } from '../../../shared/engine/duckdb-engine.ts';
import { literals } from '../../../shared/engine/sql.ts';
import type {
  ConvertJob,
  ConvertOutcome,
  LocalInput,
  RejectedRow,
  TableEngine,
  TableWriting,
} from '../../../shared/engine/table-engine.ts';
import type { CsvDialect } from '../../../shared/formats/csv-dialect.ts';
import { dialectOf } from '../../fixtures/csv-text.ts';

/** Files and jobs for tests of the engine, in a folder of their own. */

export const PLAIN = dialectOf({ headerRows: 1, nullTokens: ['NA', 'N/A', 'NULL', 'null', 'NaN', '\\N'] });

/** What a text may be read as, beside `PLAIN`: each in what it changes. */
export const DIALECTS: Partial<CsvDialect>[] = [
  {},
  { headerRows: 0 },
  { headerRows: 0, lineEnd: '\r\n' },
  { headerRows: 0, lineEnd: '\r' },
  { headerRows: 0, lineEnd: 'mixed' },
  { headerRows: 0, comment: '#' },
  { headerRows: 0, escape: '\\' },
  { headerRows: 0, quote: '', escape: '' },
  { headerRows: 0, footerRows: 1 },
  { skipLines: 2 },
];

export type Types = Record<string, ColumnType>;

export function columnsOf(types: Types): Column[] {
  return Object.entries(types).map(([name, type]) => ({ name, original: name, type }));
}

export function writingOf(columns: Column[], over: Partial<TableWriting> = {}): TableWriting {
  return {
    columns,
    partitions: [],
    sortBy: [],
    formats: ['parquet'],
    compression: { parquet: 'zstd', avro: 'deflate', csv: 'none' },
    avroTimestamps: 'micros',
    fileSizeBytes: 128 * 1024 * 1024,
    rowGroupRows: 122_880,
    metadata: {},
    ...over,
  };
}

export class Workbench {
  readonly folder = mkdtempSync(join(tmpdir(), 'sluice-engine-'));
  readonly engine: TableEngine;
  #files = 0;

  constructor(options: DuckdbEngineOptions = { threads: 2, memoryBytes: 1024 * 1024 * 1024 }) {
    this.engine = duckdbEngine(options);
  }

  async close(): Promise<void> {
    await this.engine.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  path(name: string): string {
    return join(this.folder, `${this.#files++}-${name}`);
  }

  /** A CSV of these bytes with a column for each type, named in its header if the dialect has one. */
  csv(
    text: string | Uint8Array,
    types: Types,
    over: Partial<LocalInput> & { like?: Partial<CsvDialect> } = {},
  ): LocalInput {
    const { like, ...rest } = over;
    const path = this.path('in.csv');
    writeFileSync(path, text);
    return {
      path,
      uri: `s3://landing/${path.slice(this.folder.length + 1)}`,
      sourceId: path,
      format: 'csv',
      dialect: { ...PLAIN, ...like },
      columns: Object.keys(types).map((name) => ({ original: name, target: name })),
      firstByte: 0,
      firstLine: 1,
      ...rest,
    };
  }

  convert(inputs: LocalInput[], types: Types, over: Partial<ConvertJob> = {}): Promise<ConvertOutcome> {
    const columns = columnsOf(types);
    return this.engine.convert({
      inputs,
      columns,
      writing: writingOf(columns),
      target: { kind: 'final' },
      tolerance: { rows: 1_000_000, share: 0 },
      timezone: 'UTC',
      scratch: this.path('scratch'),
      ...over,
    });
  }

  /** One CSV converted to Parquet: its rows, in order, and its rejects. */
  async load(
    text: string | Uint8Array,
    types: Types,
    over: Parameters<Workbench['csv']>[2] & { job?: Partial<ConvertJob> } = {},
  ) {
    const { job, ...rest } = over;
    const outcome = await this.convert([this.csv(text, types, rest)], types, job);
    const files = outcome.files.filter(({ format }) => format === 'parquet');
    return {
      outcome,
      account: outcome.accounts[0]!,
      rows: files.length === 0 ? [] : await this.read(files.map(({ path }) => path)),
      rejects: rejectsOf(outcome),
    };
  }

  /** All rows of Parquet files, file after file. */
  read(paths: string[]): Promise<unknown[][]> {
    return this.query(`SELECT * FROM read_parquet(${literals(paths)}, hive_partitioning = false)`);
  }

  async query(sql: string): Promise<unknown[][]> {
    const instance = await DuckDBInstance.create(':memory:', { threads: '1' });
    const connection = await instance.connect();
    try {
      return (await connection.runAndReadAll(sql)).getRowsJson() as unknown[][];
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
  }
}

export function rejectsOf({ rejects }: ConvertOutcome): RejectedRow[] {
  if (!rejects) return [];
  const lines = readFileSync(rejects.path, 'utf8').split('\n').slice(0, -1);
  if (lines.length !== rejects.rows) throw new Error(`${lines.length} lines where ${rejects.rows} rows are said`);
  return lines.map((line) => JSON.parse(line) as RejectedRow);
}

/** Rows in an order of their own, to be compared as a multiset. */
export function sorted(rows: readonly unknown[]): string[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}
