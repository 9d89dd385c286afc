import type { Column } from '../domain/schema.ts';
import type { CsvDialect } from '../formats/csv-dialect.ts';
import { REJECT_RAW_MAX_BYTES } from '../limits.ts';
import { type CsvFile, textChunks } from './csv-head.ts';
import { csvRecords } from './csv-records.ts';
import type { BadValues } from './misfit-log.ts';
import {
  type BrokenRow,
  brokenRows,
  type MisfitRow,
  misfitReasonOf,
  misfitRows,
  type RejectTables,
} from './reject-tables.ts';
import type { Session } from './session.ts';
import type { LocalInput } from './table-engine.ts';
import { faultOfRow, type Region, type TolerantPart, type TolerantSource, tolerantRows } from './tolerant-part.ts';

/** A CSV as it came, and as the engine read it. */
export interface ScannedCsv {
  input: LocalInput;
  /** With the file's own mark. */
  dialect: CsvDialect;
  /** With the dialect of what the engine reads: the same records in the same order. */
  read: CsvFile;
}

/** A rejected row and where it begins in the local file; without a place where the engine's count of lines is not ours. */
export interface LocatedReject {
  local: number | null;
  line: number | null;
  column: string | null;
  reason: string;
  raw: string | null;
}

export function fileOf(input: LocalInput): CsvFile {
  const where = input.entry === undefined ? input.uri : `${input.uri} (${input.entry})`;
  return { paths: [input.path], where, dialect: input.dialect!, columns: input.columns, gzip: input.gzip ?? false };
}

/**
 * Rejected rows that the strict reader met, in the file's order, at most `limit`.
 *
 * @param misfitsOnly rows that could not be split are told by another
 */
export async function* strictRejects(
  session: Session,
  csv: ScannedCsv,
  tables: RejectTables,
  table: readonly Column[],
  options: { limit: number; misfitsOnly: boolean },
): AsyncGenerator<LocatedReject> {
  const { input } = csv;
  const { columns } = input;
  const { limit, misfitsOnly } = options;
  const found = await recordIndexes(session, csv, tables, table, misfitsOnly ? Number.POSITIVE_INFINITY : limit);
  const chosen = misfitsOnly ? only(found, 0) : found;
  const broken = new Pull<BrokenRow | MisfitRow>(misfitsOnly ? nothing() : brokenRows(session, tables, columns));
  const misfits = new Pull<BrokenRow | MisfitRow>(misfitRows(session, tables, columns, table));
  let next = 0;
  const batches = csvRecords(textChunks(fileOf(input)), csv.dialect, {
    columns: columns.length,
    firstLine: input.firstLine,
    wants: ({ index }) => {
      if (index !== chosen.records[next]) return false;
      next++;
      return true;
    },
    maxBytes: REJECT_RAW_MAX_BYTES,
  });
  try {
    let told = 0;
    for await (const records of batches) {
      for (const record of records) {
        const { column, reason } = (await (chosen.isBroken[told++] ? broken : misfits).next())!;
        yield { local: record.start, line: record.line, column, reason, raw: rawText(record.bytes) };
      }
      if (told === chosen.records.length) break;
    }
    // The engine may count line ends of its own in text that no rule covers: such rows have no place, but are said.
    for (const rest of [broken, misfits]) {
      for (let row = await rest.next(); row && told < limit; row = await rest.next(), told++) {
        yield { local: null, line: null, column: row.column, reason: row.reason, raw: null };
      }
    }
  } finally {
    await broken.end();
    await misfits.end();
  }
}

/** Rejected rows that the tolerant reader met, by their fields or, where the engine typed the others, by a value. */
export async function* tolerantRejects(
  session: Session,
  { source }: TolerantPart,
  tables: RejectTables | KnownMisfits | undefined,
  table: readonly Column[],
): AsyncGenerator<LocatedReject> {
  const { columns } = source.file;
  if (tables && 'bad' in tables) {
    yield* badTolerantRows(source, tables.bad, table);
    return;
  }
  const misfits = new Pull<MisfitRow>(tables ? misfitRows(session, tables, columns, table) : nothing());
  let misfit = await misfits.next();
  let kept = 0;
  try {
    for await (const rows of tolerantRows(source)) {
      for (const row of rows) {
        const fault = faultOfRow(row, columns.length, source.rules);
        const isMisfit = fault === undefined && misfit?.row === kept;
        if (fault === undefined) kept++;
        if (fault === undefined && !isMisfit) continue;
        const { reason, column } = fault ?? misfit!;
        if (isMisfit) misfit = await misfits.next();
        yield {
          local: row.byteOffset,
          line: row.line,
          column: typeof column === 'number' ? (columns[column]?.original ?? null) : (column ?? null),
          reason,
          raw: cutText(row.raw),
        };
      }
    }
  } finally {
    await misfits.end();
  }
}

/** Misfits that are known by their values. */
export interface KnownMisfits {
  broken: 0;
  misfits: number;
  bad: BadValues;
}

async function* badTolerantRows(
  source: TolerantSource,
  bad: BadValues,
  table: readonly Column[],
): AsyncGenerator<LocatedReject> {
  const { columns } = source.file;
  for await (const rows of tolerantRows(source)) {
    for (const row of rows) {
      const fault = faultOfRow(row, columns.length, source.rules);
      const found = fault ? undefined : bad.firstOf(row.fields);
      if (!fault && !found) continue;
      const column = found?.column ?? fault?.column;
      yield {
        ...{ local: row.byteOffset, line: row.line },
        column: column === undefined ? null : (columns[column]?.original ?? null),
        reason: fault?.reason ?? misfitReasonOf(columns, table, found!.column, found!.value),
        raw: cutText(row.raw),
      };
    }
  }
}

/** Two streams of one file's rejects as one, in the file's order; what has no place comes last. */
export async function* inFileOrder(
  a: AsyncGenerator<LocatedReject>,
  b: AsyncGenerator<LocatedReject>,
): AsyncGenerator<LocatedReject> {
  const [left, right] = [new Pull(a), new Pull(b)];
  const place = (reject: LocatedReject | undefined) => reject?.local ?? Number.POSITIVE_INFINITY;
  try {
    let [x, y] = [await left.next(), await right.next()];
    while (x || y) {
      if (x && (!y || place(x) <= place(y))) {
        yield x;
        x = await left.next();
      } else {
        yield y!;
        y = await right.next();
      }
    }
  } finally {
    await left.end();
    await right.end();
  }
}

/** Where the records lie that the engine could not split; undefined where not all can be told. */
export async function brokenRegions(
  session: Session,
  csv: ScannedCsv,
  tables: RejectTables,
  table: readonly Column[],
): Promise<Region[] | undefined> {
  const { input } = csv;
  const all = await recordIndexes(session, csv, tables, table, Number.POSITIVE_INFINITY);
  const { records } = only(all, 1);
  if (records.length !== tables.broken || all.records.length !== tables.broken + tables.misfits) return undefined;
  const regions: Region[] = [];
  const scan = csvRecords(textChunks(fileOf(input)), csv.dialect, {
    columns: input.columns.length,
    firstLine: input.firstLine,
    maxBytes: 0,
    wants: ({ index, start, end, line }) => {
      if (index === records[regions.length]) regions.push({ start, end, line });
      return false;
    },
  });
  for await (const _ of scan);
  return regions;
}

interface RecordIndexes {
  records: Float64Array;
  isBroken: Uint8Array;
}

function only({ records, isBroken }: RecordIndexes, broken: 0 | 1): RecordIndexes {
  const kept = records.filter((_, i) => isBroken[i] === broken);
  return { records: kept, isBroken: new Uint8Array(kept.length).fill(broken) };
}

/**
 * Which of the file's records are rejected, ascending. The engine says of a broken row which line end it comes before, of a misfit
 * which of the unbroken rows it is; counting both against the records of the file that it read gives their place.
 */
async function recordIndexes(
  session: Session,
  { read }: ScannedCsv,
  tables: RejectTables,
  table: readonly Column[],
  limit: number,
): Promise<RecordIndexes> {
  const { paths, columns, dialect } = read;
  const pieces: number[] = [];
  const ordinals = await gather(brokenRows(session, tables, columns), tables.broken, ({ piece, ordinal }) => {
    pieces[piece] = (pieces[piece] ?? 0) + 1;
    return ordinal;
  });
  const rows = await gather(misfitRows(session, tables, columns, table), tables.misfits, ({ row }) => row);
  const wanted = Math.min(limit, ordinals.length + rows.length);
  const records = new Float64Array(wanted);
  const isBroken = new Uint8Array(wanted);
  let [found, nextBroken, brokenEnd, nextMisfit, unbroken, before] = [0, 0, 0, 0, 0, 0];
  for (const [piece, path] of paths.entries()) {
    brokenEnd += pieces[piece] ?? 0;
    let own = 0;
    const scan = csvRecords(textChunks({ ...read, paths: [path] }), dialect, {
      columns: columns.length,
      maxBytes: 0,
      wants: ({ index, ordinal }) => {
        own = index + 1;
        if (found === wanted) return false;
        const broken = nextBroken < brokenEnd && ordinals[nextBroken]! <= ordinal;
        const rejected = broken || rows[nextMisfit] === unbroken;
        if (rejected) {
          records[found] = before + index;
          isBroken[found++] = broken ? 1 : 0;
        }
        if (broken) nextBroken++;
        else {
          if (rejected) nextMisfit++;
          unbroken++;
        }
        return false;
      },
    });
    for await (const _ of scan);
    before += own;
  }
  return { records: records.subarray(0, found), isBroken: isBroken.subarray(0, found) };
}

async function gather<T>(items: AsyncIterable<T>, count: number, of: (item: T) => number): Promise<Float64Array> {
  const numbers = new Float64Array(count);
  let i = 0;
  for await (const item of items) numbers[i++] = of(item);
  return numbers;
}

/** Items one at a time, on demand. */
class Pull<T> {
  readonly #items: AsyncGenerator<T>;

  constructor(items: AsyncGenerator<T>) {
    this.#items = items;
  }

  async next(): Promise<T | undefined> {
    const { value, done } = await this.#items.next();
    return done ? undefined : value;
  }

  async end(): Promise<void> {
    await this.#items.return(undefined);
  }
}

async function* nothing(): AsyncGenerator<never> {}

/** Without its line end; bytes that are no UTF-8 become U+FFFD, since JSON holds nothing but text. */
export function rawText(bytes: Buffer): string {
  return bytes.toString('utf8').replace(/\r?\n$|\r$/, '');
}

function cutText(raw: string): string {
  if (raw.length * 3 <= REJECT_RAW_MAX_BYTES) return raw;
  const bytes = Buffer.from(raw);
  return bytes.length <= REJECT_RAW_MAX_BYTES ? raw : bytes.subarray(0, REJECT_RAW_MAX_BYTES).toString('utf8');
}
