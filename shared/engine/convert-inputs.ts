import { stat } from 'node:fs/promises';
import type { Column } from '../domain/schema.ts';
import { BadInput, type ErrorRecord, isObjectFault, toErrorRecord } from '../errors.ts';
import { countRecords } from '../formats/csv/count-records.ts';
import { CSV_SURE_ROW_BYTES, DELIMITER_MAX_BYTES } from '../limits.ts';
import { type CsvFile, checkHeader, readHead } from './csv-head.ts';
import { cutCsv, type PiecePath } from './csv-pieces.ts';
import { type CsvGroup, csvRows } from './csv-relation.ts';
import { rewriteCsv } from './csv-rewrite.ts';
import type { JoinedCsvs } from './joined-csvs.ts';
import { parquetFills, parquetShape } from './parquet-files.ts';
import { type Fill, type ParquetColumn, type ParquetGroup, parquetRows } from './parquet-relation.ts';
import type { PlainReading } from './plain-reading.ts';
import { fileOf, type ScannedCsv } from './reject-scan.ts';
import type { Session } from './session.ts';
import type { SmallCsvs } from './small-csvs.ts';
import type { LocalInput, RowRules } from './table-engine.ts';
import { type Region, type TolerantPart, tolerantPart } from './tolerant-part.ts';

/** What an input holds, counted apart from the engine's parse. */
export interface InputCount {
  rows: number;
  bytes: number;
  lines: number;
  /** A record may be longer than the engine takes: it would go on somewhere in its middle, and may end up with as many rows. */
  isLong?: boolean;
}

/** How the engine reads a CSV on the fast road. */
interface StrictReading {
  /** Physical lines before the first row. */
  skipLines: number;
  /** Several threads share a file, and guess where records begin; else a thread reads a file from its beginning to its end. */
  parallel: boolean;
  /** What it reads is a tidied copy. */
  rewritten: boolean;
}

/** An input that can be read, so far. */
export interface LiveInput {
  /** Index in the job. */
  index: number;
  input: LocalInput;
  /** What takes the fast road: all of a regular CSV. */
  csv?: ScannedCsv & StrictReading;
  /** What takes the tolerant road: all of an irregular CSV, or the rows of a regular one that the engine could not split. */
  tolerant?: TolerantPart | undefined;
  parquet?: { path: string; columns: ParquetColumn[]; fills: Fill[]; rows: number };
  /** Where it is known already. */
  count?: InputCount;
}

/** What inputs are prepared with. */
export interface Preparing {
  session: Session;
  columns: readonly Column[];
  rules: RowRules;
  small: SmallCsvs;
  /** Takes the rows of small inputs; undefined where they are to stay apart. */
  joined: JoinedCsvs | undefined;
}

/** Finds out how an input is to be read; throws what is wrong with it. */
export async function prepareInput(
  { session, columns, rules, small, joined }: Preparing,
  input: LocalInput,
  index: number,
): Promise<LiveInput> {
  if (input.format === 'parquet') {
    const shape = await parquetShape(session, input.path, input.uri);
    const fills = parquetFills(shape, input, columns);
    return { index, input, parquet: { path: input.path, columns: shape.columns, fills, rows: shape.rows } };
  }
  if (!input.dialect) throw new TypeError(`The CSV ${input.uri} comes without a dialect`);
  const file = fileOf(input);
  if (input.irregular) {
    const source = { file, dialect: input.dialect, firstLine: input.firstLine, rules };
    return { index, input, tolerant: await tolerantPart(source, pieces(session, 'tolerant', index)) };
  }
  const delimiterBytes = Buffer.byteLength(input.dialect.delimiter);
  if (delimiterBytes > DELIMITER_MAX_BYTES) {
    const { delimiter } = input.dialect;
    throw new BadInput(
      `Cannot read ${file.where} as CSV: its delimiter ${JSON.stringify(delimiter)} has ${delimiterBytes} bytes where ${DELIMITER_MAX_BYTES} are possible`,
      { where: file.where },
    );
  }
  const known = small.read(file);
  // Before anything else is awaited: what was read is good until the next is.
  if (known) joined?.add(index, file, known);
  const { dialect, skipLines, header } = known?.head ?? (await readHead(file));
  if (header && !known) checkHeader(file, header);
  const reading = { skipLines: skipLines ?? 0, parallel: true, rewritten: false };
  const live: LiveInput = { index, input, csv: { input, dialect, read: { ...file, dialect }, ...reading } };
  if (known) live.count = known.count;
  if (skipLines === undefined || dialect.footerRows > 0 || dialect.lineEnd === 'mixed')
    await rewriteInput(session, live);
  return live;
}

/** Gives the engine a tidied copy of a CSV to read. */
export async function rewriteInput(session: Session, { index, csv }: LiveInput): Promise<void> {
  if (!csv || csv.rewritten) return;
  csv.read = await rewriteCsv(fileOf(csv.input), csv.dialect, pieces(session, 'tidy', index));
  csv.skipLines = 0;
  csv.parallel = false;
  csv.rewritten = true;
}

/**
 * Has each record of a CSV read by a thread that knows where it begins: of a large one in pieces, which many threads can read. A
 * compressed one stays as it is, since its pieces may fill the disk.
 */
export async function readInOrder(session: Session, { index, csv }: LiveInput): Promise<void> {
  if (!csv?.parallel) return;
  csv.parallel = false;
  if (csv.read.gzip) return;
  csv.read = await cutCsv(csv.read, csv.dialect, pieces(session, 'piece', index));
  csv.skipLines = 0;
}

function pieces(session: Session, name: string, index: number): PiecePath {
  return (piece) => session.path(`${name}-${index}-${piece}.csv`);
}

/**
 * Gives the records that the engine could not split to the tolerant reader, each by itself: where records begin and end stays as it
 * is, so that an object comes out the same in ranges and whole.
 */
export async function mendInput(
  session: Session,
  live: LiveInput,
  regions: readonly Region[],
  rules: RowRules,
): Promise<TolerantPart | undefined> {
  const { index, input, csv } = live;
  if (!csv) return undefined;
  const source = { file: fileOf(input), dialect: csv.dialect, firstLine: input.firstLine, regions, rules };
  live.tolerant = await tolerantPart(source, pieces(session, 'tolerant', index));
  return live.tolerant;
}

/**
 * Counts an input's rows; throws `CorruptFile` for a gzip that is cut short, which the engine takes for a shorter file.
 *
 * @param plain looks through the file on the way
 */
export async function countInput(
  { input, csv, tolerant, parquet, count: known }: LiveInput,
  plain?: PlainReading,
): Promise<InputCount> {
  if (known) return known;
  if (!csv && tolerant) return { rows: tolerant.rows, bytes: tolerant.bytes, lines: tolerant.lines };
  if (parquet) return { rows: parquet.rows, bytes: (await stat(input.path)).size, lines: 0 };
  const file: CsvFile = fileOf(input);
  const count =
    (await plain?.count()) ??
    input.counted ??
    (await countRecords(input.path, csv!.dialect, { columns: file.columns.length, gzip: file.gzip }));
  const { records, bytes, lines, longestAtLeast } = count;
  return { rows: records, bytes, lines, isLong: longestAtLeast > CSV_SURE_ROW_BYTES };
}

/** One relation (`t0`, …, `f`) of all rows of the inputs, those that are alike read in one scan. */
export function relationOf(
  inputs: readonly LiveInput[],
  columns: readonly Column[],
  options: { timezone: string; attempt?: number },
): string {
  const { attempt } = options;
  const groups = new Map<string, LiveInput[]>();
  const add = (live: LiveInput) => {
    const key = JSON.stringify(likeness(live));
    const group = groups.get(key);
    if (group) group.push(live);
    else groups.set(key, [live]);
  };
  for (const live of inputs) {
    const { tolerant, ...strict } = live;
    if (strict.csv || strict.parquet) add(strict);
    if (tolerant && (tolerant.kept > 0 || !strict.csv)) add({ index: live.index, input: live.input, tolerant });
  }
  return [...groups.values()]
    .map((group) =>
      group[0]!.parquet
        ? parquetRows(parquetGroup(group), columns)
        : csvRows(
            groupOf(group),
            columns,
            options.timezone,
            attempt === undefined ? undefined : { attempt, road: group[0]!.csv ? 'strict' : 'copy' },
          ),
    )
    .join(' UNION ALL ');
}

function groupOf(group: readonly LiveInput[]): CsvGroup {
  return group[0]!.csv ? csvGroup(group) : tolerantGroup(group);
}

/** Clean copies of what took the tolerant road. */
export function tolerantGroup(inputs: readonly LiveInput[]): CsvGroup {
  const { copy, surplus } = inputs[0]!.tolerant!;
  return {
    scan: {
      paths: inputs.flatMap(({ tolerant }) => tolerant!.copy.paths),
      columns: copy.columns.length + (surplus ? 1 : 0),
      dialect: copy.dialect,
      skipLines: 0,
      gzip: false,
      parallel: false,
    },
    columns: copy.columns,
    inputs: inputs.flatMap(({ index, tolerant }) => tolerant!.copy.paths.map(() => index)),
    surplus,
  };
}

export function csvGroup(inputs: readonly LiveInput[]): CsvGroup {
  const { read, skipLines, parallel } = inputs[0]!.csv!;
  return {
    scan: {
      paths: inputs.flatMap(({ csv }) => csv!.read.paths),
      columns: read.columns.length,
      dialect: read.dialect,
      skipLines,
      gzip: read.gzip,
      parallel,
    },
    columns: read.columns,
    inputs: inputs.flatMap(({ index, csv }) => csv!.read.paths.map(() => index)),
  };
}

export function parquetGroup(inputs: readonly LiveInput[]): ParquetGroup {
  const { columns, fills } = inputs[0]!.parquet!;
  return {
    paths: inputs.map(({ parquet }) => parquet!.path),
    columns,
    fills,
    inputs: inputs.map(({ index }) => index),
  };
}

/** Equal for inputs that one scan can read. */
function likeness({ csv, tolerant, parquet, input }: LiveInput): unknown {
  if (parquet) return ['parquet', parquet.columns, parquet.fills];
  if (tolerant) return ['tolerant', tolerant.copy.dialect, tolerant.surplus, input.columns];
  const { bomBytes: _, ...dialect } = csv!.read.dialect;
  return ['csv', dialect, csv!.skipLines, csv!.parallel, csv!.read.gzip, input.columns];
}

/** Runs `work`; the record of an error that is the object's own fault, others are thrown. */
export async function faultOf(work: Promise<unknown>, where: string): Promise<ErrorRecord | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (!isObjectFault(error)) throw error;
    return { where, ...toErrorRecord(error) };
  }
}
