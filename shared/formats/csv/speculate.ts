import { SLICE_JUDGE_RECORDS, SLICE_LOOKBEHIND_BYTES } from '../../limits.ts';
import type { CsvDialect } from '../csv-dialect.ts';
import { type DialectBytes, dialectBytes, NO_BYTE, Utf16Narrower } from './dialect-bytes.ts';
import { RecordScanner } from './record-scanner.ts';
import { SCAN_STATE, type ScanState } from './scan-state.ts';

const LF = 10;
const CR = 13;
const SPACE = 32;

/** A dialect for bytes in the middle of a file: no mark, no skipped lines, no header, no footer. */
export function innerDialect(dialect: CsvDialect): CsvDialect {
  return { ...dialect, bomBytes: 0, skipLines: 0, headerRows: 0, footerRows: 0 };
}

/** A guess at where in a record a byte lies, and how well the records behind it bear it out. */
export interface Guess {
  state: ScanState;
  /** Bytes before the byte in question at which a scan in this state begins: not 0 in the middle of a delimiter. */
  back: number;
  /** Whether what comes before the first record is well-formed as the rest of one (nothing is); undefined without an end of it. */
  fragment: boolean | undefined;
  /** Records that ended inside the window. */
  records: number;
  /** Those with the right number of well-formed fields. */
  good: number;
}

export interface Shape {
  columns: number;
  /** Whether the fields (as text, quotes removed) look like a row: numbers where numbers belong, say. */
  check?: (fields: string[]) => boolean;
}

/**
 * Judges whether a byte in the middle of a CSV lies inside or outside quotes, by parsing what follows both ways and
 * counting the records that have the right fields; after Ge, Li, Eilebrecht, Chandramouli and Kossmann, "Speculative
 * Distributed CSV Data Parsing for Big Data Analytics", SIGMOD 2019, section 4. A guess can be wrong where quoted text looks like
 * rows: `verifyChain` finds out.
 *
 * @param window bytes of the file; `at` is the byte in question, what lies before it (up to `SLICE_LOOKBEHIND_BYTES`) helps
 * @returns the better guess, and the other where there is one (none where the dialect has no quotes)
 */
export function speculate(
  window: Uint8Array,
  at: number,
  dialect: CsvDialect,
  shape: Shape,
): { best: Guess; other: Guess | undefined } {
  const bytes = dialectBytes(dialect);
  const inner = innerDialect(dialect);
  const units =
    bytes.unitBytes === 2
      ? new Utf16Narrower(bytes.bigEndian).narrow(window)
      : Buffer.from(window.buffer, window.byteOffset, window.length);
  const unit = at / bytes.unitBytes;
  const narrow: CsvDialect = bytes.unitBytes === 2 ? { ...inner, encoding: 'latin-1' } : inner;
  const outsideIs = outsideState(units, unit, bytes);
  const back = outsideIs === SCAN_STATE.unquoted ? partOfDelimiter(units, unit, bytes.delimiter) : 0;
  const outside = judge(units, unit, back, outsideIs, narrow, bytes, shape);
  if (bytes.quote === NO_BYTE) return { best: outside, other: undefined };
  const inside = judge(units, unit, 0, insideState(units, unit, bytes), narrow, bytes, shape);
  return trust(inside) > trust(outside) ? { best: inside, other: outside } : { best: outside, other: inside };
}

/** Laplace's rule of succession: few records weigh less than many, none at all lie in the middle. */
function trust({ fragment, records, good }: Guess): number {
  return (good + (fragment === true ? 1 : 0) + 1) / (records + (fragment === undefined ? 0 : 1) + 2);
}

/** What a byte outside quotes follows. */
function outsideState(units: Buffer, at: number, dialect: DialectBytes): ScanState {
  if (at === 0) return SCAN_STATE.unquoted;
  const before = units[at - 1]!;
  const ended = (i: number) => units[i] === dialect.eol || (dialect.mixed && units[i] === CR);
  const fieldEnded = (end: number) =>
    end >= dialect.delimiter.length && units.subarray(end - dialect.delimiter.length, end).equals(dialect.delimiter);
  // Between a carriage return and its line feed a record still ends.
  if (ended(at - 1))
    return dialect.mixed && before === CR && units[at] === LF ? SCAN_STATE.unquoted : SCAN_STATE.recordStart;
  if (fieldEnded(at)) return SCAN_STATE.fieldStart;
  if (before === dialect.quote) return SCAN_STATE.quoteEnd;
  if (before === SPACE && at > 1 && (ended(at - 2) || fieldEnded(at - 1))) return SCAN_STATE.space;
  return SCAN_STATE.unquoted;
}

/** How many bytes before `at` may be the first of a delimiter that goes on behind it. */
function partOfDelimiter(units: Buffer, at: number, delimiter: Uint8Array): number {
  for (let length = Math.min(delimiter.length - 1, at); length > 0; length--) {
    if (units.subarray(at - length, at).equals(delimiter.subarray(0, length))) return length;
  }
  return 0;
}

/** An odd number of escapes before a byte inside quotes escapes it. */
function insideState(units: Buffer, at: number, dialect: DialectBytes): ScanState {
  let escapes = 0;
  while (escapes < at && escapes < SLICE_LOOKBEHIND_BYTES && units[at - 1 - escapes] === dialect.escape) escapes++;
  return escapes % 2 === 1 ? SCAN_STATE.escape : SCAN_STATE.quoted;
}

function judge(
  units: Buffer,
  at: number,
  back: number,
  state: ScanState,
  dialect: CsvDialect,
  bytes: DialectBytes,
  shape: Shape,
): Guess {
  let first = state !== SCAN_STATE.recordStart;
  const guess: Guess = { state, back: back * bytes.unitBytes, fragment: first ? undefined : true, records: 0, good: 0 };
  const scanner = new RecordScanner(dialect, {
    columns: shape.columns,
    firstByte: at - back,
    state,
    onRecord: ({ start, end }) => {
      const record = units.subarray(start, end);
      if (first) {
        const rest = fieldsOf(Buffer.concat([openingOf(state, bytes), record]), dialect, bytes);
        guess.fragment = rest !== undefined && rest.length <= shape.columns;
        first = false;
      } else if (guess.records < SLICE_JUDGE_RECORDS) {
        guess.records++;
        const fields = fieldsOf(record, dialect, bytes);
        if (fields?.length === shape.columns && (shape.check?.(fields) ?? true)) guess.good++;
      }
    },
  });
  // In pieces, so that a large window of short records is not scanned to its end.
  const piece = 64 * 1024;
  for (let i = at - back; i < units.length && guess.records < SLICE_JUDGE_RECORDS; i += piece)
    scanner.feed(units.subarray(i, i + piece));
  return guess;
}

/** The least that may have come before a byte in this state. */
function openingOf(state: ScanState, { quote, escape: escaping }: DialectBytes): Buffer {
  if (state === SCAN_STATE.quoted) return Buffer.of(quote);
  if (state === SCAN_STATE.quoteEnd) return Buffer.of(quote, quote);
  if (state === SCAN_STATE.escape) return Buffer.of(quote, escaping);
  return state === SCAN_STATE.unquoted ? Buffer.from('x') : Buffer.alloc(0);
}

/** The fields of one record; undefined where it looks like a piece of quoted text with some of what is around it. */
export function fieldsOf(record: Buffer, dialect: CsvDialect, bytes: DialectBytes): string[] | undefined {
  const encoding = dialect.encoding === 'utf-8' ? 'utf8' : 'latin1';
  const { quote, escape: escaping, doubling, delimiter } = bytes;
  let end = record.length;
  while (end > 0 && (record[end - 1] === LF || record[end - 1] === CR)) end--;
  const fields: string[] = [];
  let i = 0;
  for (;;) {
    let open = i;
    if (record[open] === SPACE && delimiter[0] !== SPACE) open++;
    if (quote !== NO_BYTE && open < end && record[open] === quote) {
      const text: number[] = [];
      let closed = false;
      for (i = open + 1; i < end && !closed; i++) {
        const c = record[i]!;
        if (c === escaping && i + 1 < end) text.push(record[++i]!);
        else if (c !== quote) text.push(c);
        else if (doubling && record[i + 1] === quote && i + 1 < end) text.push(record[++i]!);
        else closed = true;
      }
      if (!closed) return undefined;
      while (i < end && record[i] === SPACE && delimiter[0] !== SPACE) i++;
      fields.push(Buffer.from(text).toString(encoding));
      if (i >= end) return fields;
      if (!record.subarray(i, i + delimiter.length).equals(delimiter)) return undefined;
      i += delimiter.length;
    } else {
      const next = record.indexOf(delimiter as Buffer, i);
      const stop = next < 0 || next >= end ? end : next;
      const field = record.subarray(i, stop);
      // What ends in a quote without having begun with one is the end of quoted text; elsewhere a quote is but a character.
      if (quote !== NO_BYTE && field.length > 0 && field[field.length - 1] === quote) return undefined;
      fields.push(field.toString(encoding));
      if (stop === end) return fields;
      i = stop + delimiter.length;
    }
  }
}
