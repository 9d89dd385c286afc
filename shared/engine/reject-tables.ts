import type { Column } from '../domain/schema.ts';
import { REJECT_VALUE_MAX_CHARS } from '../limits.ts';
import { type CsvGroup, csvMisfits } from './csv-relation.ts';
import { type ParquetGroup, parquetMisfits } from './parquet-relation.ts';
import type { Session } from './session.ts';
import type { FileColumn } from './table-engine.ts';

/** The rejected rows of one input, in tables of the session. */
export interface RejectTables {
  /** Rows that cannot be split into fields: their number. */
  broken: number;
  /** Rows that can, with a value that does not fit: their number. */
  misfits: number;
  /** Names the tables: the input's index, with more behind it for its rows that took the tolerant road. */
  id: string;
}

/** A rejected row as the engine knows it: by its place among the rows, or among the lines of the piece that holds it. */
export interface BrokenRow {
  piece: number;
  /** What `ScannedRecord.ordinal` counts, from 1. */
  ordinal: number;
  column: string | null;
  reason: string;
}

export interface MisfitRow {
  /** Among the rows that can be split into fields, or among all of a Parquet file; from 0. */
  row: number;
  column: string | null;
  reason: string;
}

/**
 * Reads a CSV once more, in order, to find which rows are rejected and why: a loading scan does not say, and its
 * threads do not count rows.
 */
export async function findCsvRejects(
  session: Session,
  id: string,
  group: CsvGroup,
  columns: readonly Column[],
  timezone: string,
): Promise<RejectTables> {
  const { misfits, broken } = names(id);
  const rejects = { errors: `errors_${id}`, scans: `scans_${id}` };
  const scan = { ...group.scan, parallel: false, rejects };
  // What an attempt that failed has left behind.
  await dropTables(session, [rejects.errors, rejects.scans]);
  await session.runUnpushed(
    `CREATE OR REPLACE TABLE ${misfits} AS ${csvMisfits({ ...group, scan }, columns, timezone)}`,
  );
  // One short row gives a reject for each column that it lacks, beside any other. The engine's own tables are seen by one
  // connection only.
  await session.run(
    `CREATE OR REPLACE TABLE ${broken} AS SELECT file_id AS piece, line, CAST(arg_min(error_type, place) AS VARCHAR) AS type, ` +
      'arg_min(column_name, place) AS name, min(i) AS i FROM (' +
      "SELECT *, 2 * i + CAST(error_type = 'MISSING COLUMNS' AS INTEGER) AS place FROM (" +
      `SELECT *, coalesce(column_idx, 0) AS i FROM ${rejects.errors})) GROUP BY file_id, line`,
  );
  await dropTables(session, [rejects.errors, rejects.scans]);
  return { id, broken: await countOf(session, broken), misfits: await countOf(session, misfits) };
}

/** The same for Parquet, where only values can be wrong. */
export async function findParquetRejects(
  session: Session,
  id: string,
  group: ParquetGroup,
  columns: readonly Column[],
): Promise<RejectTables> {
  const { misfits } = names(id);
  await session.run(`CREATE OR REPLACE TABLE ${misfits} AS ${parquetMisfits(group, columns)}`);
  return { id, broken: 0, misfits: await countOf(session, misfits) };
}

/** Rows that cannot be split into fields, in the file's order. */
export async function* brokenRows(
  session: Session,
  { id, broken }: RejectTables,
  columns: readonly FileColumn[],
): AsyncGenerator<BrokenRow> {
  if (broken === 0) return;
  const table = names(id).broken;
  for await (const [piece, line, type, name, index] of rowsOf(
    session,
    `SELECT piece, line, type, name, i FROM ${table} ORDER BY piece, line`,
  )) {
    const c = type === 'LINE SIZE OVER MAXIMUM' ? undefined : /^c(\d+)$/.exec(String(name ?? ''))?.[1];
    yield {
      piece: Number(piece),
      ordinal: Number(line),
      column: c === undefined ? null : (columns[Number(c)]?.original ?? null),
      reason: brokenReason(String(type), Number(index), columns.length),
    };
  }
}

/** Rows with a value that does not fit, in the file's order. */
export async function* misfitRows(
  session: Session,
  { id, misfits }: RejectTables,
  columns: readonly FileColumn[],
  table: readonly Column[],
): AsyncGenerator<MisfitRow> {
  if (misfits === 0) return;
  const found = names(id).misfits;
  for await (const [row, c, value] of rowsOf(session, `SELECT r, c, value FROM ${found} ORDER BY r`)) {
    yield {
      row: Number(row),
      column: columns[Number(c)]?.original ?? null,
      reason: misfitReasonOf(columns, table, Number(c), String(value)),
    };
  }
}

/** Why a row with that value in that file column is rejected. */
export function misfitReasonOf(
  columns: readonly FileColumn[],
  table: readonly Column[],
  column: number,
  value: string,
): string {
  const from = columns[column];
  const type = table.find(({ name }) => name === from?.target)?.type;
  const form = from?.format === undefined ? '' : ` of the form ${from.format}`;
  return `${quoted(value)} is no ${type}${form}`;
}

/** Frees what was kept of an input. */
export async function dropRejects(session: Session, { id }: RejectTables): Promise<void> {
  const { misfits, broken } = names(id);
  await dropTables(session, [misfits, broken]);
}

function names(id: string): { misfits: string; broken: string } {
  return { misfits: `misfits_${id}`, broken: `broken_${id}` };
}

async function dropTables(session: Session, tables: readonly string[]): Promise<void> {
  for (const table of tables) await session.run(`DROP TABLE IF EXISTS ${table}`);
}

async function countOf(session: Session, table: string): Promise<number> {
  const [[count]] = (await session.rows(`SELECT count(*) FROM ${table}`)) as [[unknown]];
  return Number(count);
}

/** Rows of a result of any size, one by one. */
async function* rowsOf(session: Session, sql: string): AsyncGenerator<unknown[]> {
  for await (const chunk of session.chunks(sql)) {
    for (const row of chunk.getRows()) yield row;
  }
}

function brokenReason(type: string, index: number, expected: number): string {
  switch (type) {
    case 'MISSING COLUMNS':
      return `the row has ${index} fields where ${expected} are expected`;
    case 'TOO MANY COLUMNS':
      return `the row has more than ${expected} fields`;
    case 'UNQUOTED VALUE':
      return 'a quoted field is never closed, or has text behind its closing quote';
    case 'LINE SIZE OVER MAXIMUM':
      return 'the row is too long';
    case 'INVALID ENCODING':
      return 'the text is no UTF-8';
    default:
      return `the row cannot be read: ${type.toLowerCase()}`;
  }
}

/** As JSON, so that nothing in it is taken for something else; cut where it is long. */
function quoted(value: string): string {
  const cut = value.length > REJECT_VALUE_MAX_CHARS ? `${value.slice(0, REJECT_VALUE_MAX_CHARS)}…` : value;
  return JSON.stringify(cut);
}
