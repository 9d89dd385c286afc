import { BadInput } from '../../errors.ts';
import { TOLERANT_CHUNK_BYTES, TOLERANT_RECORD_MAX_BYTES } from '../../limits.ts';
import type { CsvDialect } from '../csv-dialect.ts';
import { ByteText } from './byte-text.ts';
import { type Grammar, isBlank, type LenientParser, type LenientRow, lenientParser } from './lenient-rows.ts';

/** What a record is to the table; `other`: it belongs to another table of the file. */
export type RowVerdict = 'fits' | 'short' | 'long' | 'other';

/** One record of an irregular file. */
export interface TolerantRow {
  /** Values as text; empty fields are the empty text. Fields beyond the table's are kept for a long row only. */
  fields: string[];
  verdict: RowVerdict;
  /** 1-based physical line of its first byte. */
  line: number;
  /** Of its first byte, and of the byte past its line end. */
  byteOffset: number;
  byteEnd: number;
  /** The quoting was at fault and was read as it was most likely meant. */
  mended: boolean;
  /** The record as it stands in the file, without its line end. */
  raw: string;
}

export interface TolerantOptions {
  /** Fields of the table. */
  columns: number;
  /** Offset of the first byte fed, and its line; 0 and 1 by default. Past the file's beginning there is no mark, title or header. */
  firstByte?: number;
  firstLine?: number;
}

/**
 * Records of a CSV that a strict reader would stumble over: ragged rows, stray quotes, mixed line ends, odd escapes. Every
 * record is there with its place, and with the verdict whether it fits; none is shifted to make it fit. A row with more
 * fields fits only where the surplus ones are empty, so that nothing is lost.
 *
 * A quoted field that runs on over lines and leaves its record misfit is looked at again: where its first line alone fits,
 * the quote was a stray, and the lines below are records of their own.
 *
 * @returns records in order, a chunk's worth at a time; memory is bounded by the longest record
 * @throws BadInput for a record longer than `TOLERANT_RECORD_MAX_BYTES`
 */
export async function* readTolerant(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  dialect: CsvDialect,
  options: TolerantOptions,
): AsyncGenerator<TolerantRow[]> {
  const reader = new TolerantChunks(dialect, options);
  const footers: TolerantRow[] = [];
  // rows that may turn out to be the notes below the table wait until others follow
  const release = (rows: TolerantRow[]): TolerantRow[] => {
    if (dialect.footerRows === 0) return rows;
    footers.push(...rows);
    return footers.splice(0, Math.max(0, footers.length - dialect.footerRows));
  };
  for await (const chunk of source) {
    for (let from = 0; from < chunk.length; from += TOLERANT_CHUNK_BYTES) {
      const rows = release(reader.feed(chunk.subarray(from, from + TOLERANT_CHUNK_BYTES), false));
      if (rows.length > 0) yield rows;
    }
  }
  const rows = release(reader.feed(new Uint8Array(), true));
  if (rows.length > 0) yield rows;
}

/** Why a row does not fit, in one sentence. */
export function misfitReason(row: TolerantRow, columns: number): string {
  if (row.verdict === 'other') return 'row belongs to another table of the file';
  return `row has ${row.fields.length} fields where the schema has ${columns}`;
}

class TolerantChunks {
  private readonly columns: number;
  private readonly grammar: Grammar;
  private readonly text: ByteText;
  private carry: Buffer = Buffer.alloc(0);
  /** Offset in the file of the carry's first byte, and its 0-based line. */
  private offset: number;
  private line: number;
  private skipBytes: number;
  /** 0-based line at which the table begins. */
  private readonly topLine: number;
  private readonly others: readonly { firstLine: number; lastLine: number }[];
  private headersLeft: number;

  constructor(dialect: CsvDialect, options: TolerantOptions) {
    this.columns = options.columns;
    this.text = new ByteText(dialect.encoding);
    this.grammar = {
      delimiter: this.text.encode(dialect.delimiter),
      quote: dialect.quote,
      escape: dialect.escape,
      loneCr: dialect.lineEnd === 'mixed' || dialect.lineEnd === '\r',
      skipSpace: dialect.skipInitialSpace === true,
      runs: dialect.delimiterRuns === true,
      comment: this.text.encode(dialect.comment),
    };
    this.offset = options.firstByte ?? 0;
    this.line = (options.firstLine ?? 1) - 1;
    const atStart = this.offset === 0;
    this.skipBytes = atStart ? dialect.bomBytes : 0;
    this.topLine = this.line + (atStart ? dialect.skipLines : 0);
    this.others = dialect.otherTables ?? [];
    this.headersLeft = atStart ? dialect.headerRows : 0;
  }

  /** Rows completed by these bytes. */
  feed(bytes: Uint8Array, last: boolean): TolerantRow[] {
    const all = this.carry.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.carry, bytes]);
    const unit = this.text.unitBytes;
    // a code unit cut in two, or a carriage return whose line feed may follow, waits for the next chunk
    let usable = all.length - (all.length % unit);
    if (!last && usable >= unit && this.text.codeAt(all, usable - unit) === 13) usable -= unit;
    const text = this.text.toText(all.subarray(0, usable));
    const rows: TolerantRow[] = [];
    const done = this.rowsOf(text, last, rows);
    this.carry = all.subarray(done * unit);
    this.offset += done * unit;
    if (this.carry.length > TOLERANT_RECORD_MAX_BYTES) {
      throw new BadInput(
        `The record at byte ${this.offset} (line ${this.line + 1}) is longer than ${TOLERANT_RECORD_MAX_BYTES} bytes`,
      );
    }
    return rows;
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
      if (parser.counts.openEnd && !last) break;
      const other = this.inOther(row.line);
      const kept = other ? row : this.mendRunaway(text, row, parser);
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

  /** A misfit record over several lines whose first line alone fits: the quote that runs on is a stray. */
  private mendRunaway(text: string, row: LenientRow, parser: LenientParser): LenientRow {
    if (row.quoted === 0 || this.verdict(row.fields) === 'fits') return row;
    const end = lineEndAfter(text, row.start, this.grammar.loneCr);
    if (end === -1 || end >= row.end) return row;
    const alone = lenientParser(text.slice(row.start, end), this.grammar, true).next();
    if (alone === undefined || this.verdict(alone.fields) !== 'fits') return row;
    parser.seek(end, row.line + 1);
    return { ...alone, start: row.start, end, line: row.line, strays: alone.strays + 1 };
  }

  private verdict(fields: readonly string[]): RowVerdict {
    if (fields.length === this.columns) return 'fits';
    if (fields.length < this.columns) return 'short';
    for (let i = this.columns; i < fields.length; i++) if (fields[i]!.trim() !== '') return 'long';
    return 'fits';
  }

  private inOther(line: number): boolean {
    return this.others.some(({ firstLine, lastLine }) => line + 1 >= firstLine && line < lastLine);
  }

  private toRow(text: string, row: LenientRow, verdict: RowVerdict): TolerantRow {
    const { text: bytes } = this;
    const fields = row.fields.map((field) => bytes.decode(field));
    if (verdict === 'fits') fields.length = this.columns;
    return {
      fields,
      verdict,
      line: row.line + 1,
      byteOffset: this.offset + row.start * bytes.unitBytes,
      byteEnd: this.offset + row.end * bytes.unitBytes,
      mended: row.strays > 0,
      raw: bytes.decode(text.slice(row.start, row.end).replace(/\r?\n$|\r$/, '')),
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
