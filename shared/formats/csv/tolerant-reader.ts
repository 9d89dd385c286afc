import { isUtf8 } from 'node:buffer';
import { CSV_ROW_MAX_BYTES, REJECT_RAW_MAX_BYTES, TOLERANT_CHUNK_BYTES } from '../../limits.ts';
import type { CsvDialect } from '../csv-dialect.ts';
import { ByteText } from './byte-text.ts';
import {
  type Grammar,
  isBlank,
  isBlankText,
  type LenientParser,
  type LenientRow,
  lenientParser,
} from './lenient-rows.ts';

/** What a record is to the table; `other`: it belongs to another table of the file; `oversized`: nobody reads on for its end. */
export type RowVerdict = 'fits' | 'short' | 'long' | 'other' | 'oversized';

/** One record of an irregular file. */
export interface TolerantRow {
  /** Values as text; empty fields are the empty text. Fields beyond the table's are kept for a long row only. */
  fields: string[];
  verdict: RowVerdict;
  /** Fields, by index, that are empty in quotes: texts of no characters, and not missing values. Left out: none. */
  emptyTexts?: readonly number[];
  /** 1-based physical line of its first byte. */
  line: number;
  /** Of its first byte, and of the byte past its line end. */
  byteOffset: number;
  byteEnd: number;
  /** The quoting was at fault and was read as it was most likely meant. */
  mended: boolean;
  /** It holds bytes that are no text in the file's encoding; they stand as U+FFFD in its fields. */
  garbled: boolean;
  /** The record as it stands in the file, without its line end; of one that is oversized the beginning. */
  raw: string;
}

export interface TolerantOptions {
  /** Fields of the table. */
  columns: number;
  /** Offset of the first byte fed, and its line; 0 and 1 by default. Past the file's beginning there is no mark, title or header. */
  firstByte?: number;
  firstLine?: number;
  /** Stop at the first record, blank line or end that begins at or past this offset; what is fed beyond it is ignored. */
  stopAt?: number;
}

/**
 * Records of a CSV that a strict reader would stumble over: ragged rows, stray quotes, mixed line ends, odd escapes. Every
 * record is there with its place, and with the verdict whether it fits; none is shifted to make it fit. A row with more
 * fields fits only where the surplus ones are empty and no other is: beside an empty field, the delimiter too many may
 * stand anywhere, and all values behind it in a wrong column.
 *
 * A quoted field that runs on over lines and leaves its record misfit is looked at again: where each of the lines alone fits,
 * the quote was a stray, and the lines are records of their own. A record longer than `CSV_ROW_MAX_BYTES` ends with the
 * line in which it has become so long.
 *
 * @returns records in order, those of `TOLERANT_CHUNK_BYTES` at a time; memory is bounded by the longest record
 */
export async function* readTolerant(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  dialect: CsvDialect,
  options: TolerantOptions,
): AsyncGenerator<TolerantRow[]> {
  const reader = new TolerantRecords(dialect, options);
  const footers: TolerantRow[] = [];
  // rows that may turn out to be the notes below the table wait until others follow
  const release = (rows: TolerantRow[]): TolerantRow[] => {
    if (dialect.footerRows === 0) return rows;
    footers.push(...rows);
    return footers.splice(0, Math.max(0, footers.length - dialect.footerRows));
  };
  for await (const chunk of source) {
    // in small pieces, whose rows are let go of before the collector takes them for lasting
    for (let from = 0; from < chunk.length; from += TOLERANT_CHUNK_BYTES) {
      const rows = release(reader.feed(chunk.subarray(from, from + TOLERANT_CHUNK_BYTES)));
      if (rows.length > 0) yield rows;
    }
  }
  const rows = release(reader.end());
  if (rows.length > 0) yield rows;
}

/** Why a row does not fit, in one sentence. */
export function misfitReason(row: TolerantRow, columns: number): string {
  switch (row.verdict) {
    case 'other':
      return 'the row belongs to another table of the file';
    case 'oversized':
      return 'the row is too long';
    default:
      return `the row has ${row.fields.length} fields where ${columns} are expected`;
  }
}

/** The same records for chunks that are pushed, footer rows among them. */
export class TolerantRecords {
  private readonly columns: number;
  private readonly grammar: Grammar;
  private readonly text: ByteText;
  private readonly isUtf8: boolean;
  /** Bytes of a record that has not ended, in pieces. */
  private held: Buffer[] = [];
  private heldBytes = 0;
  /** Held bytes are looked at again when there are as many as this: twice those that were too few. */
  private enoughBytes = 0;
  /** Offset in the file of the first held byte, and its 0-based line. */
  private offset: number;
  private line: number;
  private skipBytes: number;
  /** 0-based line at which the table begins. */
  private readonly topLine: number;
  private readonly others: readonly { firstLine: number; lastLine: number }[];
  private headersLeft: number;
  /** The record at the head of what is held has become too long: it ends with the line it is in. */
  private oversized: { row: TolerantRow } | undefined;
  private tooLong = false;
  private readonly stopAt: number;
  private stopped: number | undefined;

  constructor(dialect: CsvDialect, options: TolerantOptions) {
    this.columns = options.columns;
    this.text = new ByteText(dialect.encoding);
    this.isUtf8 = dialect.encoding === 'utf-8';
    this.grammar = {
      delimiter: this.text.encode(dialect.delimiter),
      quote: dialect.quote,
      escape: dialect.escape,
      loneCr: dialect.lineEnd === 'mixed' || dialect.lineEnd === '\r',
      skipSpace: dialect.skipInitialSpace === true,
      runs: dialect.delimiterRuns === true,
      comment: this.text.encode(dialect.comment),
      columns: options.columns,
    };
    this.offset = options.firstByte ?? 0;
    this.line = (options.firstLine ?? 1) - 1;
    const atStart = this.offset === 0;
    this.skipBytes = atStart ? dialect.bomBytes : 0;
    this.topLine = this.line + (atStart ? dialect.skipLines : 0);
    this.others = dialect.otherTables ?? [];
    this.headersLeft = atStart ? dialect.headerRows : 0;
    this.stopAt = options.stopAt ?? Number.POSITIVE_INFINITY;
  }

  /** Where it has stopped, since `stopAt` is reached; undefined while it goes on. */
  get stoppedAt(): number | undefined {
    return this.stopped;
  }

  /** Mark, skipped lines and header are passed. */
  private get inData(): boolean {
    return this.skipBytes === 0 && this.line >= this.topLine && this.headersLeft === 0;
  }

  /** Records completed by these bytes, which may change afterwards. */
  feed(chunk: Uint8Array): TolerantRow[] {
    const rows: TolerantRow[] = [];
    for (let from = 0; from < chunk.length && this.stopped === undefined; from += TOLERANT_CHUNK_BYTES) {
      const piece = Buffer.from(chunk.subarray(from, from + TOLERANT_CHUNK_BYTES));
      this.held.push(piece);
      this.heldBytes += piece.length;
      if (this.heldBytes >= this.enoughBytes) this.take(rows, false);
    }
    return rows;
  }

  /** What is left, which needs no line end. */
  end(): TolerantRow[] {
    const rows: TolerantRow[] = [];
    if (this.stopped === undefined) this.take(rows, true);
    return rows;
  }

  private take(rows: TolerantRow[], last: boolean): void {
    let bytes = this.held.length === 1 ? this.held[0]! : Buffer.concat(this.held);
    for (;;) {
      if (this.oversized) bytes = this.passOversized(bytes, last, rows);
      if (this.oversized) break;
      bytes = this.parse(bytes, last, rows);
      if (this.stopped !== undefined) break;
      if (!this.tooLong && (bytes.length <= CSV_ROW_MAX_BYTES || last)) break;
      this.tooLong = false;
      this.beginOversized(bytes);
    }
    this.held = bytes.length === 0 ? [] : [bytes];
    this.heldBytes = bytes.length;
    this.enoughBytes = this.oversized ? 0 : Math.min(2 * bytes.length, CSV_ROW_MAX_BYTES + 1);
  }

  /** Fills `rows`; returns the bytes of the record that has not ended. */
  private parse(bytes: Buffer, last: boolean, rows: TolerantRow[]): Buffer {
    const unit = this.text.unitBytes;
    const usable = this.usable(bytes, last);
    // Half a code unit at the end is no text, as where a load has such a file in UTF-8.
    const half = last && bytes.length % unit > 0 ? '\ufffd' : '';
    const text = this.text.toText(bytes.subarray(0, usable)) + half;
    const done = this.rowsOf(text, last, rows) * unit;
    this.offset += done;
    return bytes.subarray(done);
  }

  /** A code unit cut in two, or a carriage return whose line feed may follow, waits for the next chunk. */
  private usable(bytes: Buffer, last: boolean): number {
    const unit = this.text.unitBytes;
    const whole = bytes.length - (bytes.length % unit);
    return !last && whole >= unit && this.text.codeAt(bytes, whole - unit) === 13 ? whole - unit : whole;
  }

  private beginOversized(bytes: Buffer): void {
    const start = bytes.subarray(0, REJECT_RAW_MAX_BYTES);
    const row: TolerantRow = {
      fields: [],
      verdict: 'oversized',
      line: this.line + 1,
      byteOffset: this.offset,
      byteEnd: this.offset,
      mended: false,
      garbled: false,
      raw: this.text.decode(this.text.toText(start.subarray(0, start.length - (start.length % this.text.unitBytes)))),
    };
    this.oversized = { row };
  }

  /** Goes on to the first line end past the longest record's length; returns the bytes behind it. */
  private passOversized(bytes: Buffer, last: boolean, rows: TolerantRow[]): Buffer {
    const { row } = this.oversized!;
    const unit = this.text.unitBytes;
    const usable = this.usable(bytes, last);
    const text = this.text.toText(bytes.subarray(0, usable));
    const from = Math.max(0, Math.ceil((row.byteOffset + CSV_ROW_MAX_BYTES - this.offset) / unit));
    let at = 0;
    let end = lineEndAfter(text, from, this.grammar.loneCr);
    if (end === -1) end = last ? text.length : -1;
    const until = end === -1 ? text.length : end;
    for (let next = lineEndAfter(text, at, this.grammar.loneCr); next !== -1 && next <= until; ) {
      this.line++;
      at = next;
      next = lineEndAfter(text, at, this.grammar.loneCr);
    }
    this.offset += until * unit;
    if (end !== -1) {
      if (this.inData) rows.push({ ...row, byteEnd: this.offset });
      else if (this.line >= this.topLine && this.headersLeft > 0) this.headersLeft--;
      this.oversized = undefined;
    }
    return bytes.subarray(until * unit);
  }

  /** Fills `rows`; returns how many units of the text are done with. */
  private rowsOf(text: string, last: boolean, rows: TolerantRow[]): number {
    let at = 0;
    if (this.skipBytes > 0) {
      if (text.length * this.text.unitBytes < this.skipBytes && !last) return 0;
      at = this.skipBytes / this.text.unitBytes;
      this.skipBytes = 0;
    }
    const parser = lenientParser(text, this.grammar, last);
    while (this.line < this.topLine) {
      if (this.inOther(this.line)) {
        parser.seek(at, this.line);
        const row = parser.next();
        if (row === undefined || (parser.counts.openEnd && !last)) return at;
        if (!isBlank(row)) rows.push(this.toRow(text, row, 'other'));
        at = row.end;
        this.line = parser.lines();
        continue;
      }
      const end = lineEndAfter(text, at, this.grammar.loneCr);
      if (end === -1 && !last) return at;
      at = end === -1 ? text.length : end;
      this.line++;
      if (end === -1) break;
    }
    parser.seek(at, this.line);
    let done = at;
    for (;;) {
      const row = parser.next();
      if (row === undefined) {
        // comments alone may have been passed; one that the chunk cuts is read again
        if (!parser.counts.openEnd || last) {
          done = text.length;
          this.line = parser.lines();
        }
        break;
      }
      const start = this.offset + row.start * this.text.unitBytes;
      if (start >= this.stopAt) {
        this.stopped = start;
        break;
      }
      if (parser.counts.openEnd && !last) break;
      const other = this.inOther(row.line);
      const kept = other ? row : this.mendRunaway(text, row, parser);
      if ((kept.end - kept.start) * this.text.unitBytes > CSV_ROW_MAX_BYTES) {
        this.line = row.line;
        this.tooLong = true;
        return kept.start;
      }
      done = kept.end;
      this.line = parser.lines();
      if (isBlank(kept) && (this.columns > 1 || kept.end === kept.start)) continue;
      if (other) {
        rows.push(this.toRow(text, kept, 'other'));
        continue;
      }
      if (this.headersLeft > 0) {
        this.headersLeft--;
        continue;
      }
      rows.push(this.toRow(text, kept, this.verdict(kept.fields)));
    }
    return done;
  }

  /** A misfit record over several lines of which each alone fits: the quote that runs on over them is a stray. */
  private mendRunaway(text: string, row: LenientRow, parser: LenientParser): LenientRow {
    if (row.quoted === 0 || this.verdict(row.fields) === 'fits') return row;
    const record = text.slice(row.start, row.end);
    let first: LenientRow | undefined;
    let length = 0;
    for (let at = 0; at < record.length; ) {
      const next = lineEndAfter(record, at, this.grammar.loneCr);
      const end = next === -1 ? record.length : next;
      if (first === undefined && end === record.length) return row;
      const alone = lenientParser(record.slice(at, end), this.grammar, true).next();
      if (alone === undefined || this.verdict(alone.fields) !== 'fits') return row;
      if (first === undefined) {
        first = alone;
        length = end;
      }
      at = end;
    }
    if (first === undefined) return row;
    const end = row.start + length;
    parser.seek(end, row.line + 1);
    return { ...first, start: row.start, end, line: row.line, strays: first.strays + 1 };
  }

  private verdict(fields: readonly string[]): RowVerdict {
    if (fields.length === this.columns) return 'fits';
    if (fields.length < this.columns) return 'short';
    return fields.every((field, i) => isBlankText(field) === i >= this.columns) ? 'fits' : 'long';
  }

  /** The ranges are in order and apart, and may be as many as files that were put one behind another. */
  private inOther(line: number): boolean {
    let low = 0;
    let high = this.others.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.others[middle]!.lastLine <= line) low = middle + 1;
      else high = middle;
    }
    return low < this.others.length && this.others[low]!.firstLine <= line + 1;
  }

  private toRow(text: string, row: LenientRow, verdict: RowVerdict): TolerantRow {
    const { text: bytes } = this;
    const whole = text.slice(row.start, row.end).replace(/\r?\n$|\r$/, '');
    const raw = bytes.decode(whole);
    // what is ASCII alone comes back as it is, and so do its fields
    const fields = raw === whole ? row.fields : row.fields.map((field) => bytes.decode(field));
    if (verdict === 'fits') fields.length = this.columns;
    return {
      fields,
      verdict,
      ...(row.emptyTexts ? { emptyTexts: row.emptyTexts } : {}),
      line: row.line + 1,
      byteOffset: this.offset + row.start * bytes.unitBytes,
      byteEnd: this.offset + row.end * bytes.unitBytes,
      mended: row.strays > 0,
      garbled: this.isUtf8 && raw.includes('\ufffd') && !isUtf8(Buffer.from(whole, 'latin1')),
      raw,
    };
  }
}

/** Past the line end that follows `from`; -1 where none does. */
function lineEndAfter(text: string, from: number, loneCr: boolean): number {
  const lf = text.indexOf('\n', from);
  const cr = loneCr ? text.indexOf('\r', from) : -1;
  if (cr !== -1 && (lf === -1 || cr < lf - 1)) return cr + 1;
  return lf === -1 ? -1 : lf + 1;
}
