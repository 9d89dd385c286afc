import { QUOTED_RUN_RECORDS } from '../../limits.ts';
import type { CsvDialect } from '../csv-dialect.ts';
import { type DialectBytes, dialectBytes, NO_BYTE, Utf16Narrower } from './dialect-bytes.ts';
import { fallbackOf, indexOrEnd, isCommentLine, SCAN_STATE, type ScanState, setOf } from './scan-state.ts';

/** What a scan found. Offsets count bytes of the scanned (uncompressed) text from the origin of `firstByte`. */
export interface RecordCount {
  /** Data records: header and footer rows, comment lines and (but in a file of one column) blank lines are none. */
  records: number;
  /** Physical lines, those inside quotes among them; a last line without an end counts. */
  lines: number;
  /** Quote bytes, wherever they stand. */
  quotes: number;
  /** Bytes scanned. */
  bytes: number;
  /** Where the first data record may begin: past mark, skipped lines and header. */
  dataStart: number;
  /** Where the data ends: at the footer's first row, else at the end of what was scanned. */
  dataEnd: number;
}

/** One data record. */
export interface ScannedRecord {
  /** 0 for the first data record. */
  index: number;
  /**
   * 1-based, among all that ends in a line end outside quotes: skipped lines, header, comment and blank lines too. What
   * DuckDB's reject tables call `line`; their byte position is off where blank lines come before.
   */
  ordinal: number;
  start: number;
  /** Past its line end. */
  end: number;
  /** Physical line of its first byte. */
  line: number;
}

export interface ScanOptions {
  /** The file's columns. In a file of one column a blank line is a record (an empty value), elsewhere it is nothing. */
  columns: number;
  /** Offset of the first byte fed; 0 by default. */
  firstByte?: number;
  /** Line number of the first byte fed; 1 by default. */
  firstLine?: number;
  /** Ordinals of the data records to report to `onRecord`, ascending; all of them when left out. */
  ordinals?: ArrayLike<number>;
  /** Called in order, each when its record has ended; also for footer rows, which are known as such only at the end. */
  onRecord?: (record: ScannedRecord) => void;
  /**
   * Whether `onRecord` is to hear of a line, from `from` up to its line end at `to`, in which there is no quote; of records that hold
   * one, lines that a chunk parts and in some dialects it hears without being asked. Left out: of every record. Not with `ordinals`.
   */
  wants?: (bytes: Buffer, from: number, to: number) => boolean;
  /** Stop at the first record boundary at or past this offset; what is fed beyond it is ignored. */
  stopAt?: number;
  /** Where in a record the first byte lies; at its start unless the scan begins on a guess. */
  state?: ScanState;
}

const S = SCAN_STATE;
const LF = 10;
const CR = 13;
const SPACE = 32;

/**
 * Counts the records of a CSV that comes in chunks of any size, apart from the engine that parses it, so that rows read can
 * be held against rows written and rejected. It is RFC 4180 with what DuckDB's strict reader adds (found by trial; a test
 * runs both): a quote opens a field only at its start or after one space (after any number by `skipInitialSpace`); after a closing quote, spaces are passed over and
 * anything else makes plain text of the rest up to the next delimiter or line end; a comment character outside quotes ends
 * the row wherever it stands; a blank line is a record only in a file of one column.
 *
 * Lines without a quote are taken whole by a native search for the line end; only records that hold one are read byte by byte.
 * UTF-16 is narrowed to a byte a unit first, since everything with a meaning here is a single unit.
 */
export class RecordScanner {
  private readonly dialect: DialectBytes;
  /** For each length of a partly matched delimiter, the longest shorter one that still fits (Knuth, Morris, Pratt). */
  private readonly fallback: number[];
  /** 1 for the bytes that mean something inside quotes, and in plain text: the rest is passed over in a small loop. */
  private readonly quotedStop: Uint8Array;
  private readonly plainStop: Uint8Array;
  private readonly narrower: Utf16Narrower | undefined;
  private readonly options: ScanOptions;
  private readonly footerRows: number;
  /** Any number of spaces, not one only, may come before a quote that opens a field. */
  private readonly skipSpaces: boolean;
  private readonly firstByte: number;
  private readonly firstLine: number;
  private readonly stopUnit: number;
  /** Nothing but a count is wanted of most lines without quotes. */
  private readonly counting: boolean;

  private state: ScanState;
  /** Bytes of a delimiter of several that are matched so far. */
  private matched = 0;
  private skipUnits: number;
  private skipLines: number;
  private headersLeft: number;
  /** Units before the current chunk; the fields below count units of the whole scan. */
  private base = 0;
  private recordUnit = 0;
  private dataUnit = 0;
  private stoppedUnit = -1;
  private recordLine: number;
  private line: number;
  private records = 0;
  private ordinal = 0;
  private longestUnits = 0;
  private quotes = 0;
  private nextWanted = 0;
  /** Mixed line ends: the last chunk ended in a carriage return, and a line feed may still belong to it. */
  private heldReturn = false;
  private lastByte = NO_BYTE;
  /** Starts of the last `footerRows` records, oldest at `records % footerRows`. */
  private readonly lastStarts: number[] = [];

  /** Throws `BadInput` for a dialect whose quote, escape or comment is not one ASCII character. */
  constructor(dialect: CsvDialect, options: ScanOptions) {
    const bytes = dialectBytes(dialect);
    this.dialect = bytes;
    this.fallback = fallbackOf(bytes.delimiter);
    this.quotedStop = setOf(bytes.quote, bytes.escape, LF, CR);
    this.plainStop = setOf(bytes.quote, bytes.comment, bytes.delimiter[0]!, LF, CR);
    this.narrower = bytes.unitBytes === 2 ? new Utf16Narrower(bytes.bigEndian) : undefined;
    this.options = options;
    this.footerRows = dialect.footerRows;
    this.skipSpaces = dialect.skipInitialSpace === true;
    this.firstByte = options.firstByte ?? 0;
    this.firstLine = options.firstLine ?? 1;
    const stop = options.stopAt ?? Number.POSITIVE_INFINITY;
    this.stopUnit = Math.ceil((stop - this.firstByte) / bytes.unitBytes);
    const counts = !options.onRecord || options.wants !== undefined;
    this.counting = counts && dialect.footerRows === 0 && bytes.comment === NO_BYTE && !bytes.mixed;
    this.state = options.state ?? S.recordStart;
    this.skipUnits = dialect.bomBytes / bytes.unitBytes;
    this.skipLines = dialect.skipLines;
    this.headersLeft = dialect.headerRows;
    this.line = this.firstLine;
    this.recordLine = this.firstLine;
    if (this.state === S.recordStart && this.stopUnit <= 0) this.stoppedUnit = 0;
  }

  /** The boundary at which the scan stopped; undefined while it goes on. */
  get stoppedAt(): number | undefined {
    return this.stoppedUnit < 0 ? undefined : this.offset(this.stoppedUnit);
  }

  /** Where the data begins, once mark, skipped lines and header are behind; undefined until then. */
  get dataStart(): number | undefined {
    return this.skipUnits + this.skipLines + this.headersLeft > 0 ? undefined : this.offset(this.dataUnit);
  }

  /** Bytes of the longest record, or up to a chunk less: what of a record lies before a chunk's end is seen, no more. */
  get longestAtLeast(): number {
    return this.longestUnits * this.dialect.unitBytes;
  }

  /** Where the record began in which what was fed ends; past all of that where it ends with a record. */
  get recordStart(): number {
    return this.offset(this.recordUnit);
  }

  feed(chunk: Uint8Array): void {
    if (this.stoppedUnit >= 0 || chunk.length === 0) return;
    const bytes = this.narrower?.narrow(chunk) ?? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    if (bytes.length === 0) return;
    this.scan(bytes);
    this.base += bytes.length;
    if (this.stoppedUnit < 0) this.longestUnits = Math.max(this.longestUnits, this.base - this.recordUnit);
    this.lastByte = bytes[bytes.length - 1]!;
  }

  /** The result; the last record needs no line end. Nothing may be fed afterwards. */
  end(): RecordCount {
    if (this.heldReturn) this.endLine(this.base);
    const open = this.stoppedUnit < 0 && this.base > this.recordUnit;
    const end = this.stoppedUnit < 0 ? this.base : this.stoppedUnit;
    if (open) {
      this.endLine(end);
      const { eol, mixed } = this.dialect;
      if (this.lastByte === eol || (mixed && this.lastByte === CR)) this.line--;
    }
    const footers = Math.min(this.footerRows, this.records);
    const records = this.records - footers;
    return {
      records,
      lines: this.line - this.firstLine,
      quotes: this.quotes,
      bytes: end * this.dialect.unitBytes,
      dataStart: this.offset(this.dataUnit),
      dataEnd: footers > 0 ? this.offset(this.lastStarts[records % this.footerRows]!) : this.offset(end),
    };
  }

  private offset(unit: number): number {
    return this.firstByte + unit * this.dialect.unitBytes;
  }

  private scan(bytes: Buffer): void {
    const { quote } = this.dialect;
    const length = bytes.length;
    let i = this.takeHead(bytes);
    let nextQuote = -1;
    let quotedInARow = 0;
    while (i < length && this.stoppedUnit < 0) {
      // Where records have quotes one after the other, a search for the next costs more than it spares.
      if (this.state === S.recordStart && quotedInARow < QUOTED_RUN_RECORDS) {
        if (nextQuote < i) nextQuote = quote === NO_BYTE ? length : indexOrEnd(bytes, quote, i);
        if (nextQuote > i)
          i = this.counting ? this.countLines(bytes, i, nextQuote) : this.takeLines(bytes, i, nextQuote);
        if (i >= length || this.stoppedUnit >= 0) break;
      }
      if (this.state === S.recordStart && nextQuote > i) i = this.skipToQuote(bytes, i, nextQuote);
      const { quotes } = this;
      i = this.takeBytes(bytes, i);
      quotedInARow = this.quotes > quotes ? quotedInARow + 1 : 0;
    }
  }

  /** Past the mark, the line feed of a held carriage return, and the skipped lines, in which a quote means nothing. */
  private takeHead(bytes: Buffer): number {
    const { eol, mixed, quote } = this.dialect;
    let i = 0;
    if (this.skipUnits > 0) {
      i = Math.min(this.skipUnits, bytes.length);
      this.skipUnits -= i;
      this.recordUnit = this.base + i;
      this.dataUnit = this.recordUnit;
    }
    if (this.heldReturn && i < bytes.length) {
      this.heldReturn = false;
      if (bytes[i] === LF) i++;
      this.endLine(this.base + i);
    }
    while (this.skipLines > 0 && i < bytes.length) {
      const c = bytes[i++]!;
      if (c === quote) this.quotes++;
      if (c === eol || (mixed && c === CR)) {
        if (mixed && c === CR) {
          if (i === bytes.length) {
            this.heldReturn = true;
            break;
          }
          if (bytes[i] === LF) i++;
        }
        this.endLine(this.base + i);
      }
    }
    return i;
  }

  /** Whole lines before `limit`, in which there is no quote, where of most only their number matters. */
  private countLines(bytes: Buffer, from: number, limit: number): number {
    const { eol } = this.dialect;
    const { wants, columns } = this.options;
    const stop = this.stopUnit - this.base;
    let i = from;
    let lines = 0;
    let records = 0;
    for (;;) {
      const p = bytes.indexOf(eol, i);
      if (p < 0 || p > limit) break;
      const isBlank = p === i || (p === i + 1 && eol === LF && bytes[i] === CR);
      if (this.headersLeft > 0) {
        // A header is never blank, whatever the number of columns.
        if (!isBlank) {
          this.headersLeft--;
          this.dataUnit = this.base + p + 1;
        }
      } else if (!isBlank || columns === 1) {
        if (wants?.(bytes, i, p)) this.reportLine(i, p + 1, lines, records);
        records++;
      }
      lines++;
      i = p + 1;
      if (i >= stop) {
        this.stoppedUnit = this.base + i;
        break;
      }
    }
    this.line += lines;
    this.ordinal += lines;
    this.records += records;
    this.recordLine = this.line;
    this.recordUnit = this.base + i;
    return i;
  }

  /** A record of the lines that are counted, behind so many of them and so many records. */
  private reportLine(from: number, end: number, lines: number, records: number): void {
    this.options.onRecord?.({
      index: this.records + records,
      ordinal: this.ordinal + lines + 1,
      start: this.offset(this.base + from),
      end: this.offset(this.base + end),
      line: this.line + lines,
    });
  }

  /** Whole lines before `limit`, in which there is no quote, one by one. */
  private takeLines(bytes: Buffer, from: number, limit: number): number {
    const { eol, mixed, comment, delimiter } = this.dialect;
    const passSpace = delimiter[0] !== SPACE;
    let i = from;
    let nextReturn = mixed ? indexOrEnd(bytes, CR, i) : bytes.length;
    let nextEol = indexOrEnd(bytes, eol, i);
    while (this.stoppedUnit < 0) {
      const p = nextReturn < nextEol ? nextReturn : nextEol;
      // A last carriage return is left to the byte loop, which can hold it.
      if (p >= limit || (p === nextReturn && p === bytes.length - 1)) break;
      if (p === i) this.state = S.recordStart;
      else if (p === i + 1 && bytes[i] === CR && eol === LF) this.state = S.leadingReturn;
      else this.state = isCommentLine(bytes, i, p, comment, passSpace) ? S.commentLine : S.unquoted;
      i = p + 1;
      if (p === nextReturn && bytes[i] === LF) i++;
      this.endLine(this.base + i);
      if (mixed && nextReturn < i) nextReturn = indexOrEnd(bytes, CR, i);
      if (nextEol < i) nextEol = indexOrEnd(bytes, eol, i);
    }
    return i;
  }

  /** Past what stands before the first quote of a record, where that opens a field: nothing of it has a meaning by itself. */
  private skipToQuote(bytes: Buffer, from: number, quote: number): number {
    const { delimiter, comment, mixed } = this.dialect;
    const isFieldStart = delimiter.length === 1 && bytes[quote - 1] === delimiter[0];
    if (!isFieldStart || comment !== NO_BYTE || mixed) return from;
    this.state = S.fieldStart;
    return quote;
  }

  /** One record, or the rest of it, byte by byte; ends behind its line end or with the chunk. */
  private takeBytes(bytes: Buffer, from: number): number {
    const { quote, escape: escaping, doubling, comment, eol, mixed, delimiter } = this.dialect;
    const quotedStop = this.quotedStop;
    const plainStop = this.plainStop;
    const length = bytes.length;
    const first = delimiter[0]!;
    const single = delimiter.length === 1;
    const passSpace = first !== SPACE;
    const skipSpaces = this.skipSpaces;
    let state: ScanState = this.state;
    let matched = this.matched;
    let quotes = 0;
    let lines = 0;
    let i = from;
    while (i < length) {
      if (state === S.quoted) while (i < length && quotedStop[bytes[i]!] === 0) i++;
      else if (state === S.unquoted && single) while (i < length && plainStop[bytes[i]!] === 0) i++;
      if (i === length) break;
      const c = bytes[i++]!;
      if (state === S.quoted) {
        if (c === quote) {
          quotes++;
          state = S.quoteEnd;
        } else if (c === escaping) state = S.escape;
        else if (c === eol) {
          if (!mixed || (i > 1 ? bytes[i - 2] : this.lastByte) !== CR) lines++;
        } else if (c === CR && mixed) lines++;
        continue;
      }
      if (state === S.escape) {
        state = S.quoted;
        if (c === quote) quotes++;
        if (c === eol || (c === CR && mixed)) lines++;
        continue;
      }
      if (c === first && single && (state < S.escape || state === S.leadingReturn)) {
        state = S.fieldStart;
        continue;
      }
      if (c === eol || (c === CR && mixed)) {
        this.state = state;
        this.matched = 0;
        this.quotes += quotes;
        this.line += lines;
        if (mixed && c === CR) {
          if (i === length) {
            this.heldReturn = true;
            return i;
          }
          if (bytes[i] === LF) i++;
        }
        this.endLine(this.base + i);
        return i;
      }
      if (c === quote) {
        quotes++;
        if (state <= S.leadingSpace) state = S.quoted;
        else if (state === S.quoteEnd && doubling) state = S.quoted;
        else if (state < S.comment || state === S.leadingReturn) state = S.unquoted;
        matched = 0;
        continue;
      }
      if (state === S.comment || state === S.commentLine) continue;
      if (c === SPACE && passSpace && state !== S.unquoted) {
        if (state === S.fieldStart) state = S.space;
        else if (state === S.recordStart) state = S.leadingSpace;
        else if (skipSpaces && (state === S.space || state === S.leadingSpace)) continue;
        else if (state === S.leadingSpace) state = S.blanks;
        else if (state !== S.quoteEnd && state !== S.blanks) state = S.unquoted;
        continue;
      }
      if (c === comment) {
        state = state === S.recordStart || state === S.leadingSpace || state === S.blanks ? S.commentLine : S.comment;
        continue;
      }
      if (c === CR && state === S.recordStart) {
        state = S.leadingReturn;
        continue;
      }
      state = S.unquoted;
      if (single) continue;
      while (matched > 0 && delimiter[matched] !== c) matched = this.fallback[matched - 1]!;
      if (delimiter[matched] === c) matched++;
      if (matched === delimiter.length) {
        matched = 0;
        state = S.fieldStart;
      }
    }
    this.state = state;
    this.matched = matched;
    this.quotes += quotes;
    this.line += lines;
    return i;
  }

  /** A line has ended outside quotes; `unit` is where the next begins. What it was is in `state`. */
  private endLine(unit: number): void {
    this.line++;
    this.ordinal++;
    if (this.skipLines > 0) {
      this.skipLines--;
      this.dataUnit = unit;
    } else if (this.isRecord()) {
      if (this.headersLeft > 0) {
        this.headersLeft--;
        this.dataUnit = unit;
      } else this.endRecord(unit);
    }
    this.state = S.recordStart;
    this.recordUnit = unit;
    this.recordLine = this.line;
    if (unit >= this.stopUnit) this.stoppedUnit = unit;
  }

  private isRecord(): boolean {
    if (this.state === S.commentLine) return false;
    // A header is never blank, whatever the number of columns.
    if (this.state === S.recordStart || this.state === S.leadingReturn)
      return this.options.columns === 1 && this.headersLeft === 0;
    return true;
  }

  private endRecord(unit: number): void {
    const index = this.records++;
    if (this.footerRows > 0) this.lastStarts[index % this.footerRows] = this.recordUnit;
    const { onRecord, ordinals } = this.options;
    if (!onRecord) return;
    const ordinal = this.ordinal;
    if (ordinals) {
      // Ordinals of lines that turned out to be no records are passed over.
      while (ordinals[this.nextWanted]! < ordinal) this.nextWanted++;
      if (ordinals[this.nextWanted] !== ordinal) return;
      this.nextWanted++;
    }
    onRecord({ index, ordinal, start: this.offset(this.recordUnit), end: this.offset(unit), line: this.recordLine });
  }
}
