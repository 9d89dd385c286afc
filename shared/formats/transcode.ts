import { isAscii, isUtf8 } from 'node:buffer';
import iconv from 'iconv-lite';
import type { CsvDialect } from './csv-dialect.ts';
import { writeChunks } from './file-chunks.ts';

/** How a text's bytes are to be read. */
export type TextEncoding = Pick<CsvDialect, 'encoding' | 'bomBytes'>;

export interface Transcoded {
  bytesIn: number;
  bytesOut: number;
  /** Sequences that the encoding does not hold; each became U+FFFD. In UTF-8 they are counted and left as they are. */
  invalid: number;
}

const REPLACEMENT = '\u{fffd}';

/**
 * A text in any encoding as UTF-8 without byte-order mark, chunk by chunk; characters may lie across chunks. UTF-8 passes as it is:
 * the engine rejects rows with invalid bytes by itself, and so can name them.
 */
export async function* transcodeChunks(
  source: AsyncIterable<Uint8Array>,
  { encoding, bomBytes }: TextEncoding,
  counts: Transcoded = { bytesIn: 0, bytesOut: 0, invalid: 0 },
): AsyncGenerator<Uint8Array> {
  const decoder = decoderOf(encoding);
  let skip = bomBytes;
  for await (const whole of source) {
    counts.bytesIn += whole.length;
    const chunk = whole.subarray(Math.min(skip, whole.length));
    skip -= whole.length - chunk.length;
    const text = decoder.write(chunk);
    counts.bytesOut += text.length;
    if (text.length > 0) yield text;
  }
  const rest = decoder.end();
  counts.invalid = decoder.invalid;
  counts.bytesOut += rest.length;
  if (rest.length > 0) yield rest;
}

/** The same, to a local file. */
export async function transcodeTo(
  source: AsyncIterable<Uint8Array>,
  encoding: TextEncoding,
  outPath: string,
): Promise<Transcoded> {
  const counts = { bytesIn: 0, bytesOut: 0, invalid: 0 };
  await writeChunks(transcodeChunks(source, encoding, counts), outPath);
  return counts;
}

/** Bytes of a text to UTF-8, with the state between chunks. */
interface Decoder {
  invalid: number;
  write(chunk: Uint8Array): Uint8Array;
  end(): Uint8Array;
}

function decoderOf(encoding: CsvDialect['encoding']): Decoder {
  if (encoding === 'utf-8') return new Utf8Checker();
  if (encoding === 'utf-16le' || encoding === 'utf-16be') return new Utf16Decoder(encoding === 'utf-16be');
  return new SingleByteDecoder(encoding === 'latin-1' ? 'iso-8859-1' : 'windows-1252');
}

/** Latin-1 and Windows-1252: chunks of ASCII, most of most files, pass without a copy. */
class SingleByteDecoder implements Decoder {
  invalid = 0;
  private readonly encoding: string;

  constructor(encoding: string) {
    this.encoding = encoding;
  }

  write(chunk: Uint8Array): Uint8Array {
    if (isAscii(chunk)) return chunk;
    const text = iconv.decode(chunk, this.encoding, { stripBOM: false });
    // Five bytes of Windows-1252 stand for no character.
    if (text.includes(REPLACEMENT)) this.invalid += text.split(REPLACEMENT).length - 1;
    return Buffer.from(text);
  }

  end(): Uint8Array {
    return new Uint8Array();
  }
}

/** UTF-16: a unit or a pair of surrogates may lie across chunks. */
class Utf16Decoder implements Decoder {
  invalid = 0;
  private readonly bigEndian: boolean;
  private held: Buffer = Buffer.alloc(0);

  constructor(bigEndian: boolean) {
    this.bigEndian = bigEndian;
  }

  write(chunk: Uint8Array): Uint8Array {
    const bytes = Buffer.concat([this.held, chunk]);
    let end = bytes.length & ~1;
    if (end >= 2 && isHighSurrogate(this.bigEndian ? bytes.readUInt16BE(end - 2) : bytes.readUInt16LE(end - 2)))
      end -= 2;
    this.held = bytes.subarray(end);
    return this.decode(bytes.subarray(0, end));
  }

  end(): Uint8Array {
    const text = this.decode(this.held.subarray(0, this.held.length & ~1));
    if (this.held.length % 2 === 0) return text;
    this.invalid++;
    return Buffer.concat([text, Buffer.from(REPLACEMENT)]);
  }

  private decode(bytes: Buffer): Buffer {
    const text = iconv.decode(bytes, this.bigEndian ? 'utf-16be' : 'utf-16le', { stripBOM: false });
    if (text.isWellFormed()) return Buffer.from(text);
    this.invalid += text.match(/\p{Surrogate}/gu)?.length ?? 0;
    return Buffer.from(text.toWellFormed());
  }
}

function isHighSurrogate(unit: number): boolean {
  return (unit & 0xfc00) === 0xd800;
}

/**
 * Counts what is not UTF-8 in a text that comes in chunks: a sequence is what a decoder would replace by one U+FFFD (WHATWG Encoding,
 * section 8.1.1). Chunks without fault are checked natively.
 */
export class Utf8Checker implements Decoder {
  invalid = 0;
  /** Offset of the first invalid sequence. */
  firstInvalid: number | undefined;
  private offset = 0;
  /** An incomplete character at the last chunk's end. */
  private held: Buffer = Buffer.alloc(0);

  write(chunk: Uint8Array): Uint8Array {
    const bytes = this.held.length > 0 ? Buffer.concat([this.held, chunk]) : chunk;
    const end = completeUntil(bytes);
    const complete = bytes.subarray(0, end);
    if (!isUtf8(complete)) this.count(complete);
    this.offset += end;
    this.held = Buffer.from(bytes.subarray(end));
    return chunk;
  }

  end(): Uint8Array {
    if (this.held.length > 0) this.count(this.held);
    this.held = Buffer.alloc(0);
    return new Uint8Array();
  }

  private count(bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; ) {
      const length = sequenceAt(bytes, i);
      if (length < 0) {
        this.invalid++;
        this.firstInvalid ??= this.offset + i;
      }
      i += Math.abs(length);
    }
  }
}

/** Length of the character at `i`, or minus the length of the invalid sequence there. */
function sequenceAt(bytes: Uint8Array, i: number): number {
  const first = bytes[i]!;
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return -1;
  const need = first < 0xe0 ? 1 : first < 0xf0 ? 2 : 3;
  // Overlong forms, surrogates, and what lies beyond U+10FFFF show in the second byte.
  let low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  let high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  for (let k = 1; k <= need; k++) {
    const byte = bytes[i + k];
    if (byte === undefined || byte < low || byte > high) return -k;
    low = 0x80;
    high = 0xbf;
  }
  return need + 1;
}

/** Where the last character that may be incomplete begins; the length where there is none. */
function completeUntil(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const length = byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}
