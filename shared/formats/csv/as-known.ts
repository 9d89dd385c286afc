import { isAscii } from 'node:buffer';
import { QUOTED_FIELD_MAX_LINES, SNIFF_TRIAL_ROWS } from '../../limits.ts';
import { ByteProfile, byteRules } from './byte-profile.ts';
import type { CsvOptionsOutput, CsvSample } from './sniff.ts';
import type { KnownFile } from './sniff-like.ts';
import { type FoundNumberStyle, numberStyleOf, STYLE_ROWS } from './sniff-numbers.ts';
import { type ColumnProfile, DEFAULT_NULL_TOKENS, type ProfileOptions } from './types.ts';

/** What a file holds that is written as a known one is. */
export interface AlikeFile {
  numbers: FoundNumberStyle;
  /** By column. */
  profiles: ColumnProfile[];
  /** Rows below the header. */
  rows: number;
}

/**
 * Holds a file that begins with a known header against the dialect of that one, byte by byte, and takes the evidence of its
 * values on the way: of the whole file, or of all samples of it. Undefined where anything is otherwise, or unclear: then the file
 * is to be looked at as if none were known.
 *
 * @param sample valid UTF-8 without a mark
 */
export function readAsKnown(sample: CsvSample, known: KnownFile, options: CsvOptionsOutput): AlikeFile | undefined {
  const parts = partsOf(sample, known);
  if (parts === undefined || parts.some(({ bytes }) => isUnclear(bytes, known.dialect.delimiter))) return undefined;
  const { dateFormat, timestampFormat } = options;
  const reading = { nullTokens: options.nullTokens ?? DEFAULT_NULL_TOKENS, dateFormat, timestampFormat };
  const rules = byteRules(reading);
  const columns = known.names.map(() => new ByteProfile(rules));
  let rows = 0;
  for (const part of parts) {
    const found = readRows(part, known, columns, reading);
    if (found === undefined) return undefined;
    rows += found;
  }
  const rest = columns.flatMap((column) => column.rest);
  const numbers = numberStyleOf(rest, known.dialect.delimiter, options);
  const styled = numbers.decimalComma || numbers.thousands !== '' || numbers.reason !== undefined;
  if (styled && (columns.some(({ decimals }) => decimals > 0) || rows >= 2 * STYLE_ROWS)) return undefined;
  return { numbers, profiles: columns.map((column) => column.profile({ ...reading, numbers })), rows };
}

/** Bytes of a file, and which rows of them are whole. */
interface Part {
  bytes: Buffer;
  /** Offset of the first row. */
  start: number;
  isHead: boolean;
  /** The file ends where the bytes end. */
  isEnd: boolean;
}

/** What of the samples is looked at: behind the header, and else behind the first line end and up to the last. */
function partsOf({ head, middle, tail, complete }: CsvSample, { header, dialect }: KnownFile): Part[] | undefined {
  const parts: Part[] = [];
  for (const sample of complete ? [head] : [head, middle, tail]) {
    if (sample === undefined) continue;
    const isHead = sample === head;
    const isEnd = isHead ? complete : sample === tail;
    const whole = Buffer.from(sample.buffer, sample.byteOffset, sample.byteLength);
    const bytes = isEnd ? whole : whole.subarray(0, whole.lastIndexOf(LF) + 1);
    const start = isHead ? Buffer.byteLength(header) + dialect.lineEnd.length : bytes.indexOf(LF) + 1;
    if (isHead ? !bytes.subarray(0, start).equals(Buffer.from(header + dialect.lineEnd)) : start === 0)
      return undefined;
    parts.push({ bytes, start, isHead, isEnd });
  }
  return parts;
}

/** What may mean an escape or another quote is to be weighed, not taken for the known file's; and a DEL is seldom text. */
function isUnclear(bytes: Buffer, delimiter: string): boolean {
  if (bytes.includes(BACKSLASH) || bytes.includes(DEL)) return true;
  return bytes.includes(APOSTROPHE) && [`'${delimiter}`, `${delimiter}'`].some((sign) => bytes.includes(sign));
}

/** Takes every row's fields into the columns; returns the rows, or undefined where one is not as the known file's. */
function readRows(
  { bytes, start: from, isHead, isEnd }: Part,
  { header, dialect, typed }: KnownFile,
  columns: readonly ByteProfile[],
  reading: ProfileOptions,
): number | undefined {
  const delimiter = dialect.delimiter.charCodeAt(0);
  const lineEnd = dialect.lineEnd === '\r\n' ? CR : LF;
  const kinds = byteKinds(delimiter, lineEnd);
  const end = bytes.length;
  const firstName = Buffer.from(header.slice(0, header.indexOf(dialect.delimiter)));
  const lastColumn = columns.length - 1;
  let rows = 0;
  /** The last row says more than that it is there: a note below the table would not. */
  let filled = false;
  for (let at = from; at < end; rows++) {
    filled = false;
    for (let c = 0; ; c++) {
      let start = at;
      let stop: number;
      if (bytes[at] === QUOTE) {
        start = at + 1;
        const close = closingQuote(bytes, at);
        if (close === undefined) return undefined;
        stop = close;
        at = close + 1;
        const body = bytes.subarray(start, stop);
        if (body.includes(QUOTE)) columns[c]!.rest.push(body.toString().replaceAll('""', '"'));
        else columns[c]!.add(bytes, start, stop, isAscii(body));
      } else {
        let high = 0;
        while (at < end) {
          const byte = bytes[at]!;
          if (kinds[byte] !== ORDINARY) break;
          high |= byte;
          at++;
        }
        stop = at;
        columns[c]!.add(bytes, start, stop, high < 0x80);
        // blanks may belong to the delimiter
        if (c > 0 && isHead && rows < SNIFF_TRIAL_ROWS && bytes[start] === SPACE && delimiter !== SPACE)
          return undefined;
      }
      if (c === 0) {
        // the header again, perhaps
        if (stop - start === firstName.length && firstName.equals(bytes.subarray(start, stop))) return undefined;
      } else if (!filled && stop > start) {
        const first = bytes[start]!;
        filled = (first > SPACE && first < 0x80) || bytes.toString('utf8', start, stop).trim() !== '';
      }
      const last = at >= end || bytes[at] === lineEnd;
      if (!last && bytes[at] !== delimiter) return undefined;
      if (last !== (c === lastColumn)) return undefined;
      if (!last) {
        at++;
        continue;
      }
      if (lineEnd === CR && at < end && bytes[at + 1] !== LF) return undefined;
      at += dialect.lineEnd.length;
      break;
    }
    const isFirst = isHead && rows === 0;
    if (isFirst && typed.some((c) => columns[c]!.profile({ ...reading, numbers: dialect }).texts > 0)) return undefined;
  }
  return rows > 0 && (filled || !isEnd) ? rows : undefined;
}

/** The quote that closes the one at `open`; undefined where none does so plainly, or what lies between is no text. */
function closingQuote(bytes: Buffer, open: number): number | undefined {
  let lines = 0;
  for (let at = open + 1; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) {
      if (bytes[at + 1] !== QUOTE) return at;
      at++;
    } else if (byte < SPACE && byte !== TAB) {
      if (byte === LF) {
        if (++lines > QUOTED_FIELD_MAX_LINES) return undefined;
      } else if (byte !== CR || bytes[at + 1] !== LF) return undefined;
    }
  }
  return undefined;
}

const ORDINARY = 0;
const SPECIAL = 1;

/** What ends an unquoted field, by right or not: delimiters, line ends, quotes and control characters. */
function byteKinds(delimiter: number, lineEnd: number): Uint8Array {
  const kinds = new Uint8Array(256);
  kinds.fill(SPECIAL, 0, SPACE);
  kinds[TAB] = ORDINARY;
  for (const byte of [delimiter, lineEnd, QUOTE]) kinds[byte] = SPECIAL;
  return kinds;
}

const TAB = 9;
const LF = 10;
const CR = 13;
const SPACE = 32;
const QUOTE = 34;
const APOSTROPHE = 39;
const BACKSLASH = 92;
const DEL = 127;
