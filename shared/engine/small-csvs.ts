import { closeSync, openSync, readSync } from 'node:fs';
import type { Column } from '../domain/schema.ts';
import { RecordScanner } from '../formats/csv/record-scanner.ts';
import type { CsvDialect } from '../formats/csv-dialect.ts';
import { CSV_HEAD_CHUNK_BYTES, SMALL_CSV_MAX_BYTES } from '../limits.ts';
import type { InputCount } from './convert-inputs.ts';
import { type CsvFile, type CsvHead, checkHeader, headOf, markedDialect } from './csv-head.ts';
import { headless } from './csv-pieces.ts';
import { plainPatternsOf } from './plain-reading.ts';
import { type PlainCount, PlainRows } from './plain-rows.ts';

/** A CSV that was read whole: what stands before its rows, what it holds, and the rows as they stand in the file. */
export interface SmallCsv {
  head: CsvHead;
  count: InputCount;
  /**
   * All that follows the head, so that rows of another file can follow on it; good until the next file is read. Undefined where that
   * would change what either holds: the end lies in quotes, there is a footer, or line ends of another kind.
   */
  rows: readonly Uint8Array[] | undefined;
  /** Each value is spelled so that the engine may parse it to its type at once. */
  isPlain: boolean;
  /** Equal for files whose rows can stand in one. */
  likeness: string;
}

/** A head as many files of a load have it, byte for byte. */
interface KnownHead {
  bytes: Buffer;
  head: CsvHead;
  lines: number;
}

/** How the values of files that are alike are looked through. */
interface PlainSpelling {
  patterns: readonly (string | undefined)[];
  /** Values were met that are in quotes for no need. */
  quoted: boolean;
  /** Files so far that are plain, and that are not: were these more, it would not be worth the while. */
  plain: number;
  other: number;
}

/** The columns that files are read for. */
export interface ReadFor {
  columns: readonly Column[];
  timezone: string;
}

/**
 * Reads small CSVs of one job, one at a time into the same memory. They were fetched or looked at a moment ago and lie in the page
 * cache: a way through the thread pool for each call on a file would take longer than the calls.
 */
export class SmallCsvs {
  readonly #memory = Buffer.allocUnsafe(SMALL_CSV_MAX_BYTES + 1);
  readonly #heads = new Map<string, KnownHead>();
  readonly #spellings = new Map<string, PlainSpelling | undefined>();
  readonly #readFor: ReadFor | undefined;

  /** @param readFor where it is to be found out which files are plain */
  constructor(readFor?: ReadFor) {
    this.#readFor = readFor;
  }

  /**
   * Undefined for a larger file, and for one whose end cannot be told from what it holds (compressed).
   *
   * @throws SchemaMismatch where the header lacks a column, BadInput for a dialect that cannot be scanned
   */
  read(file: CsvFile): SmallCsv | undefined {
    const [path] = file.paths;
    if (file.gzip || file.paths.length !== 1) return undefined;
    const bytes = this.#bytesOf(path!);
    if (!bytes) return undefined;
    const likeness = JSON.stringify([file.dialect, file.columns]);
    const { head, lines, bytes: headBytes } = this.#headOf(file, bytes, likeness);
    const inner = headless(head.dialect);
    const body = bytes.subarray(headBytes.length);
    const plain = this.#plainCount(file, inner, body, likeness);
    if (plain) {
      const count = { rows: plain.records, bytes: bytes.length, lines: lines + plain.lines };
      return { head, count, rows: plainRowsOf(body, inner), isPlain: true, likeness: `plain ${likeness}` };
    }
    const scanner = new RecordScanner(inner, { columns: file.columns.length, stopAt: body.length });
    scanner.feed(body);
    const rows = rowsOf(body, scanner, inner);
    const found = scanner.end();
    return {
      head,
      count: { rows: found.records, bytes: bytes.length, lines: lines + found.lines },
      rows,
      isPlain: false,
      likeness,
    };
  }

  /** What the rows are, where they are plain. */
  #plainCount(file: CsvFile, dialect: CsvDialect, body: Uint8Array, likeness: string): PlainCount | undefined {
    if (!this.#spellings.has(likeness)) this.#spellings.set(likeness, this.#spellingOf(file, dialect));
    const spelling = this.#spellings.get(likeness);
    if (!spelling || spelling.other > spelling.plain) return undefined;
    for (const quoted of spelling.quoted ? [true] : [false, true]) {
      const witness = new PlainRows(dialect, spelling.patterns, 0, quoted);
      const count = witness.feed(body) ? witness.end() : undefined;
      if (!count) continue;
      spelling.plain++;
      spelling.quoted = quoted;
      return count;
    }
    spelling.other++;
    return undefined;
  }

  #spellingOf(file: CsvFile, dialect: CsvDialect): PlainSpelling | undefined {
    if (!this.#readFor) return undefined;
    const patterns = plainPatternsOf({ ...file, dialect }, this.#readFor.columns, this.#readFor.timezone);
    return patterns && { patterns, quoted: false, plain: 0, other: 0 };
  }

  #bytesOf(path: string): Buffer | undefined {
    const file = openSync(path, 'r');
    try {
      for (let length = 0; ; ) {
        const read = readSync(file, this.#memory, length, this.#memory.length - length, null);
        length += read;
        if (length > SMALL_CSV_MAX_BYTES) return undefined;
        if (read === 0) return this.#memory.subarray(0, length);
      }
    } finally {
      closeSync(file);
    }
  }

  /** Where a head ends, and what it is, follows from its bytes alone: a file that begins with one that is known has the same. */
  #headOf(file: CsvFile, bytes: Buffer, likeness: string): KnownHead {
    const known = this.#heads.get(likeness);
    if (known && bytes.subarray(0, known.bytes.length).equals(known.bytes)) return known;
    if (bytes.length === 0)
      return { bytes, head: { dialect: file.dialect, skipLines: 0, header: undefined }, lines: 0 };
    const columns = file.columns.length;
    const dialect = markedDialect(file.dialect, bytes);
    const scanner = new RecordScanner(dialect, { columns });
    for (let at = 0; at < bytes.length && scanner.dataStart === undefined; at += CSV_HEAD_CHUNK_BYTES)
      scanner.feed(bytes.subarray(at, at + CSV_HEAD_CHUNK_BYTES));
    const end = scanner.dataStart ?? bytes.length;
    const found = {
      bytes: Buffer.from(bytes.subarray(0, end)),
      head: headOf(file, dialect, bytes.subarray(0, end)),
      lines: 0,
    };
    if (found.head.header) checkHeader(file, found.head.header);
    const lines = new RecordScanner(dialect, { columns });
    lines.feed(found.bytes);
    found.lines = lines.end().lines;
    // One that was cut short may go on in another file, and so may a line end of several kinds.
    if (scanner.dataStart !== undefined && end > 0 && dialect.lineEnd !== 'mixed') this.#heads.set(likeness, found);
    return found;
  }
}

const LINE_ENDS = { '\n': Buffer.from('\n'), '\r\n': Buffer.from('\r\n'), '\r': Buffer.from('\r') };
const LF = 10;
const CR = 13;

/** The rows, with the line end that the last may lack: `scanner`, which is to stop at their end, has read them. */
function rowsOf(body: Buffer, scanner: RecordScanner, dialect: CsvDialect): readonly Uint8Array[] | undefined {
  const { lineEnd, footerRows } = dialect;
  if (footerRows > 0 || lineEnd === 'mixed') return undefined;
  // What the other line end is where it stands alone, the engine says one way in a file's middle and another at its end.
  if (lineEnd !== '\r\n' && body.includes(lineEnd === '\n' ? CR : LF)) return undefined;
  if (scanner.stoppedAt === body.length) return [body];
  const last = body.at(-1);
  if (last === LF || last === CR) return undefined;
  scanner.feed(LINE_ENDS[lineEnd]);
  return scanner.stoppedAt === undefined ? undefined : [body, LINE_ENDS[lineEnd]];
}

/** The same of rows that are plain, of which each but the last has its line end. */
function plainRowsOf(body: Uint8Array, { lineEnd }: CsvDialect): readonly Uint8Array[] | undefined {
  if (lineEnd === 'mixed' || (lineEnd === '\n' && body.includes(CR))) return undefined;
  return body.length === 0 || body.at(-1) === LF ? [body] : [body, LINE_ENDS[lineEnd]];
}
