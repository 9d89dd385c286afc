import { type FileHandle, open, stat } from 'node:fs/promises';
import type { Column } from '../domain/schema.ts';
import type { CsvDialect } from '../formats/csv-dialect.ts';
import { REJECT_RAW_MAX_BYTES } from '../limits.ts';
import { type CsvFile, textChunks } from './csv-head.ts';
import { csvRecords } from './csv-records.ts';
import { type BrokenRow, brokenRows, type MisfitRow, misfitRows, type RejectTables } from './reject-tables.ts';
import type { Session } from './session.ts';
import type { LocalFile, LocalInput, RejectedRow } from './table-engine.ts';

/** A CSV as it came, and as the engine read it. */
export interface ScannedCsv {
  input: LocalInput;
  /** With the file's own mark. */
  dialect: CsvDialect;
  /** The engine's file has the same records in the same order. */
  read: { file: CsvFile; dialect: CsvDialect };
}

/** Rejected rows as JSON lines, one `RejectedRow` each, in the order of inputs and rows. */
export class RejectFile {
  readonly #path: string;
  #file: FileHandle | undefined;
  #rows = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Appends at most `limit` rejected rows of a CSV, with where they stand.
   *
   * @returns the first one's reason
   */
  async addCsv(
    session: Session,
    csv: ScannedCsv,
    tables: RejectTables,
    table: readonly Column[],
    limit: number,
  ): Promise<string | undefined> {
    const { input } = csv;
    const columns = input.columns;
    const indexes = await recordIndexes(session, csv, tables, table, limit);
    const broken = new Pull<BrokenRow | MisfitRow>(brokenRows(session, tables, columns));
    const misfits = new Pull<BrokenRow | MisfitRow>(misfitRows(session, tables, columns, table));
    let first: string | undefined;
    let next = 0;
    const batches = csvRecords(textChunks(fileOf(input)), csv.dialect, {
      columns: columns.length,
      firstByte: input.firstByte,
      firstLine: input.firstLine,
      wants: ({ index }) => {
        if (index !== indexes.records[next]) return false;
        next++;
        return true;
      },
      maxBytes: REJECT_RAW_MAX_BYTES,
    });
    try {
      let written = 0;
      for await (const records of batches) {
        const rows: RejectedRow[] = [];
        for (const record of records) {
          const { column, reason } = (await (indexes.isBroken[written++] ? broken : misfits).next())!;
          first ??= `line ${record.line}${column === null ? '' : `, column ${JSON.stringify(column)}`}: ${reason}`;
          const raw = rawText(record.bytes);
          rows.push({ ...sourceOf(input), line: record.line, byteOffset: record.start, column, reason, raw });
        }
        await this.#append(rows);
      }
      // The engine may count line ends of its own in text that no rule covers: such rows have no place, but are said.
      for (const rest of [broken, misfits]) {
        for (let found = await rest.next(); found && written < limit; found = await rest.next(), written++) {
          const { column, reason } = found;
          first ??= reason;
          await this.#append([{ ...sourceOf(input), line: null, byteOffset: null, column, reason, raw: null }]);
        }
      }
    } finally {
      await broken.end();
      await misfits.end();
    }
    return first;
  }

  /** The same for Parquet, whose rows have a number but no line. */
  async addParquet(
    session: Session,
    input: LocalInput,
    tables: RejectTables,
    table: readonly Column[],
    limit: number,
  ): Promise<string | undefined> {
    let first: string | undefined;
    let kept = 0;
    for await (const { row, column, reason } of misfitRows(session, tables, input.columns, table)) {
      if (kept++ === limit) break;
      const said = `row ${row + 1}: ${reason}`;
      first ??= `row ${row + 1}, column ${JSON.stringify(column)}: ${reason}`;
      await this.#append([{ ...sourceOf(input), line: null, byteOffset: null, column, reason: said, raw: null }]);
    }
    return first;
  }

  /** The file; undefined where no row was rejected. */
  async close(): Promise<LocalFile | undefined> {
    if (!this.#file) return undefined;
    await this.#file.close();
    return { path: this.#path, rows: this.#rows, bytes: (await stat(this.#path)).size };
  }

  async #append(rows: RejectedRow[]): Promise<void> {
    if (rows.length === 0) return;
    this.#file ??= await open(this.#path, 'w');
    await this.#file.writeFile(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    this.#rows += rows.length;
  }
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
): Promise<{ records: Float64Array; isBroken: Uint8Array }> {
  const { columns } = read.file;
  const ordinals = await gather(brokenRows(session, tables, columns), tables.broken, ({ ordinal }) => ordinal);
  const rows = await gather(misfitRows(session, tables, columns, table), tables.misfits, ({ row }) => row);
  const wanted = Math.min(limit, ordinals.length + rows.length);
  const records = new Float64Array(wanted);
  const isBroken = new Uint8Array(wanted);
  let [found, nextBroken, nextMisfit, unbroken] = [0, 0, 0, 0];
  const scan = csvRecords(textChunks(read.file), read.dialect, {
    columns: columns.length,
    maxBytes: 0,
    wants: ({ index, ordinal }) => {
      if (found === wanted) return false;
      const broken = ordinals[nextBroken]! <= ordinal;
      const rejected = broken || rows[nextMisfit] === unbroken;
      if (rejected) {
        records[found] = index;
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
  return { records: records.subarray(0, found), isBroken };
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

export function fileOf(input: LocalInput): CsvFile {
  const where = input.entry === undefined ? input.uri : `${input.uri} (${input.entry})`;
  return { path: input.path, where, dialect: input.dialect!, columns: input.columns, gzip: input.gzip ?? false };
}

function sourceOf(input: LocalInput): Pick<RejectedRow, 'uri' | 'entry'> {
  return { uri: input.uri, entry: input.entry ?? null };
}

/** Without its line end; bytes that are no UTF-8 become U+FFFD, since JSON holds nothing but text. */
function rawText(bytes: Buffer): string {
  return bytes.toString('utf8').replace(/\r?\n$|\r$/, '');
}
