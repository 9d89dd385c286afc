import { TextDecoder } from 'node:util';
import iconv from 'iconv-lite';
import { type CsvEncoding, unitBytes } from './encoding.ts';

/**
 * Bytes as a string with one character a code unit, so that offsets in the text are offsets in the file whatever the bytes
 * hold, valid or not. Single-byte encodings and UTF-8 become one character a byte (what splits a CSV is ASCII there, or a
 * sequence that is found as it is); fields are decoded one by one, and most need nothing done.
 */
export class ByteText {
  readonly unitBytes: 1 | 2;
  private readonly encoding: CsvEncoding;
  private readonly utf8: TextDecoder | undefined;

  constructor(encoding: CsvEncoding) {
    this.encoding = encoding;
    this.unitBytes = unitBytes(encoding);
    this.utf8 = encoding === 'utf-8' ? new TextDecoder('utf-8', { ignoreBOM: true }) : undefined;
  }

  /** Whole code units. UTF-16 in big-endian order is copied to be swapped. */
  toText(bytes: Buffer): string {
    if (this.encoding === 'utf-16le') return bytes.toString('utf16le');
    if (this.encoding === 'utf-16be') return Buffer.from(bytes).swap16().toString('utf16le');
    return bytes.toString('latin1');
  }

  /** The code unit at a byte offset. */
  codeAt(bytes: Buffer, offset: number): number {
    if (this.unitBytes === 1) return bytes[offset]!;
    return this.encoding === 'utf-16be' ? bytes.readUInt16BE(offset) : bytes.readUInt16LE(offset);
  }

  /** A part of such a text as people read it; bytes that the encoding has not become U+FFFD. */
  decode(part: string): string {
    if (this.unitBytes === 2 || this.encoding === 'latin-1' || !NOT_ASCII.test(part)) return part;
    const bytes = Buffer.from(part, 'latin1');
    // the platform's own windows-1252 decoder leaves 0x80–0x9F as they are
    return this.utf8 === undefined ? iconv.decode(bytes, 'windows-1252') : this.utf8.decode(bytes);
  }

  /** How a delimiter or prefix stands in such a text. */
  encode(sign: string): string {
    return this.encoding === 'utf-8' ? Buffer.from(sign, 'utf8').toString('latin1') : sign;
  }
}

const NOT_ASCII = /[^\0-\x7f]/;
