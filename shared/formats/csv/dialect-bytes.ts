import iconv from 'iconv-lite';
import { BadInput } from '../../errors.ts';
import type { CsvDialect } from '../csv-dialect.ts';

/** No such byte: what a search for a quote, escape or comment that the dialect lacks compares with. */
export const NO_BYTE = -1;

/** A dialect as the byte loops want it. */
export interface DialectBytes {
  quote: number;
  /** A backslash (or other byte) before a quote; `NO_BYTE` where quotes are doubled or nothing escapes. */
  escape: number;
  /** A quote inside quotes is written twice. */
  doubling: boolean;
  comment: number;
  /** The byte that ends a line; for `mixed` a line feed, with the carriage return beside it. */
  eol: number;
  mixed: boolean;
  delimiter: Uint8Array;
  /** Bytes of a code unit in the file: 2 for UTF-16, which is scanned narrowed to one. */
  unitBytes: 1 | 2;
  bigEndian: boolean;
}

/** Throws `BadInput` for a quote, escape or comment that is not one ASCII character, or a delimiter of none. */
export function dialectBytes(dialect: CsvDialect): DialectBytes {
  const wide = dialect.encoding === 'utf-16le' || dialect.encoding === 'utf-16be';
  const quote = asciiByte(dialect.quote, 'quote');
  const doubling = quote !== NO_BYTE && dialect.escape === dialect.quote;
  const delimiter = encodeDelimiter(dialect.delimiter, wide ? 'latin-1' : dialect.encoding);
  if (delimiter.length === 0)
    throw new BadInput('Cannot read CSV with an empty delimiter: at least 1 character expected');
  return {
    quote,
    escape: quote === NO_BYTE || doubling ? NO_BYTE : asciiByte(dialect.escape, 'escape'),
    doubling,
    comment: asciiByte(dialect.comment, 'comment'),
    eol: dialect.lineEnd === '\r' ? 13 : 10,
    mixed: dialect.lineEnd === 'mixed',
    delimiter,
    unitBytes: wide ? 2 : 1,
    bigEndian: dialect.encoding === 'utf-16be',
  };
}

function asciiByte(character: string, what: string): number {
  if (character === '') return NO_BYTE;
  const code = character.charCodeAt(0);
  if (character.length === 1 && code < 128) return code;
  throw new BadInput(`Cannot read CSV with ${what} ${JSON.stringify(character)}: one ASCII character expected`);
}

function encodeDelimiter(delimiter: string, encoding: CsvDialect['encoding']): Uint8Array {
  if (encoding === 'latin-1') return Buffer.from(delimiter, 'latin1');
  return encoding === 'windows-1252' ? iconv.encode(delimiter, 'windows-1252') : Buffer.from(delimiter, 'utf8');
}

/** Stands for a UTF-16 unit above 255, which no dialect gives a meaning. */
const NO_MEANING = 0x1a;

/**
 * UTF-16 to one byte a unit, across chunks of any length: below 256 the unit itself, above it a byte without meaning. Record
 * boundaries are the same, offsets half.
 */
export class Utf16Narrower {
  private odd = NO_BYTE;
  private readonly bigEndian: boolean;

  constructor(bigEndian: boolean) {
    this.bigEndian = bigEndian;
  }

  narrow(chunk: Uint8Array): Buffer {
    const held = this.odd === NO_BYTE ? 0 : 1;
    const units = (chunk.length + held) >> 1;
    const narrowed = Buffer.allocUnsafe(units);
    let i = 0;
    let u = 0;
    if (held === 1 && units > 0) narrowed[u++] = this.unit(this.odd, chunk[i++]!);
    const [low, high] = this.bigEndian ? [1, 0] : [0, 1];
    for (; u < units; u++, i += 2) narrowed[u] = chunk[i + high] === 0 ? chunk[i + low]! : NO_MEANING;
    if (chunk.length > 0) this.odd = i < chunk.length ? chunk[i]! : NO_BYTE;
    return narrowed;
  }

  private unit(first: number, second: number): number {
    const [low, high] = this.bigEndian ? [second, first] : [first, second];
    return high === 0 ? low : NO_MEANING;
  }
}
