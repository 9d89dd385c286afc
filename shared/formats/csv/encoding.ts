import { isAscii, isUtf8 } from 'node:buffer';
import iconv from 'iconv-lite';
import type { CsvDialect } from '../csv-dialect.ts';

export type CsvEncoding = CsvDialect['encoding'];

export interface EncodingFindings {
  encoding: CsvEncoding;
  /** Bytes of the byte-order mark at the head, 0 where there is none. */
  bomBytes: number;
  /** 0…1 */
  confidence: number;
  reason: string;
  /** Bytes that the encoding cannot hold were seen; they decode to U+FFFD. */
  invalidBytes: boolean;
}

/** Share of zero bytes at odd or even places above which text is UTF-16: half of Latin text's bytes are zero. */
const UTF16_ZERO_SHARE = 0.25;
const UTF16_CHECK_BYTES = 64 * 1024;

/**
 * The encoding of a text by its bytes: byte-order marks, the zero bytes of UTF-16, validity as UTF-8, and else a
 * single-byte encoding. Windows-1252 and Latin-1 differ only in 0x80–0x9F, where Latin-1 has control characters that no
 * text uses: one byte of that range decides for Windows-1252.
 *
 * @param parts samples of the file, the head first; an inner sample may begin and end inside a character
 * @param complete the head is the whole file
 */
export function detectEncoding(
  parts: readonly Uint8Array[],
  complete: boolean,
  declared?: CsvEncoding,
): EncodingFindings {
  const head = parts[0] ?? new Uint8Array();
  const found = declared === undefined ? undefined : { encoding: declared, confidence: 1, invalidBytes: false };
  const bom = byteOrderMark(head);
  if (found) {
    const bomBytes = bom !== undefined && bom.encoding === declared ? bom.bytes : 0;
    return { ...found, bomBytes, reason: `encoding ${declared} as declared` };
  }
  if (bom) {
    const invalidBytes = bom.encoding === 'utf-8' && !parts.every((part, i) => validUtf8(part, complete && i === 0));
    return {
      encoding: bom.encoding,
      bomBytes: bom.bytes,
      confidence: 1,
      reason: `encoding ${bom.encoding} by its byte-order mark`,
      invalidBytes,
    };
  }
  const wide = utf16WithoutMark(head);
  if (wide)
    return {
      encoding: wide,
      bomBytes: 0,
      confidence: 0.95,
      reason: `encoding ${wide} by its zero bytes`,
      invalidBytes: false,
    };

  let multibyte = 0;
  let invalid = 0;
  let high = 0;
  let c1 = 0;
  let valid = true;
  for (const [i, part] of parts.entries()) {
    if (validUtf8(part, complete && i === 0)) {
      if (!isAscii(part)) multibyte += 1;
      continue;
    }
    valid = false;
    const counts = countUtf8(part);
    multibyte += counts.multibyte;
    invalid += counts.invalid;
    high += counts.high;
    c1 += counts.c1;
  }
  if (valid) {
    return multibyte > 0
      ? {
          encoding: 'utf-8',
          bomBytes: 0,
          confidence: 1,
          reason: 'encoding utf-8: every byte sequence is valid',
          invalidBytes: false,
        }
      : {
          encoding: 'utf-8',
          bomBytes: 0,
          confidence: 0.95,
          reason: 'encoding utf-8: ASCII alone in the samples',
          invalidBytes: false,
        };
  }
  // a single-byte text makes valid multi-byte sequences only by accident, so a majority of them is a damaged UTF-8
  if (multibyte > invalid * 4) {
    return {
      encoding: 'utf-8',
      bomBytes: 0,
      confidence: 0.7,
      reason: `encoding utf-8 with ${invalid} invalid bytes among ${multibyte} valid sequences`,
      invalidBytes: true,
    };
  }
  if (c1 > 0 || !complete) {
    const reason = c1 > 0 ? `${c1} bytes in 0x80–0x9F` : 'not valid utf-8; holds all of latin-1 that text uses';
    return {
      encoding: 'windows-1252',
      bomBytes: 0,
      confidence: 0.85,
      reason: `encoding windows-1252: ${reason}; if it is another of one byte a character: say source.csv.encoding`,
      invalidBytes: false,
    };
  }
  return {
    encoding: 'latin-1',
    bomBytes: 0,
    confidence: 0.85,
    reason: `encoding latin-1: ${high} bytes above 0x9F that are no utf-8, none in 0x80–0x9F; if it is another of one byte a character: say source.csv.encoding`,
    invalidBytes: false,
  };
}

/** Text of a sample. Characters cut at the ends of an inner sample become U+FFFD or are dropped. */
export function decodeSample(bytes: Uint8Array, encoding: CsvEncoding): string {
  switch (encoding) {
    case 'latin-1':
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
    case 'windows-1252':
      // the platform's own decoder leaves 0x80–0x9F as they are
      return iconv.decode(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength), 'windows-1252');
    default:
      return new TextDecoder(encoding, { ignoreBOM: true }).decode(bytes);
  }
}

/** Bytes of one code unit: where a split or a search for a newline may land. */
export function unitBytes(encoding: CsvEncoding): 1 | 2 {
  return encoding === 'utf-16le' || encoding === 'utf-16be' ? 2 : 1;
}

function byteOrderMark(bytes: Uint8Array): { encoding: CsvEncoding; bytes: number } | undefined {
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return { encoding: 'utf-8', bytes: 3 };
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return { encoding: 'utf-16le', bytes: 2 };
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return { encoding: 'utf-16be', bytes: 2 };
  return undefined;
}

function utf16WithoutMark(bytes: Uint8Array): CsvEncoding | undefined {
  const length = Math.min(bytes.length, UTF16_CHECK_BYTES) & ~1;
  if (length < 4 || !bytes.subarray(0, length).includes(0)) return undefined;
  let even = 0;
  let odd = 0;
  for (let i = 0; i < length; i += 2) {
    if (bytes[i] === 0) even++;
    if (bytes[i + 1] === 0) odd++;
  }
  const half = length / 2;
  // zero bytes on one side alone: on both, it is binary
  if (odd > half * UTF16_ZERO_SHARE && even < odd / 20) return 'utf-16le';
  if (even > half * UTF16_ZERO_SHARE && odd < even / 20) return 'utf-16be';
  return undefined;
}

function validUtf8(bytes: Uint8Array, whole: boolean): boolean {
  if (isUtf8(bytes)) return true;
  if (whole) return false;
  // cut characters at both ends of a sample: at most three bytes each
  let start = 0;
  while (start < 3 && start < bytes.length && (bytes[start]! & 0xc0) === 0x80) start++;
  for (let cut = 0; cut <= 3 && bytes.length - cut >= start; cut++) {
    if (cut > 0 && bytes[bytes.length - cut]! < 0x80) break;
    if (isUtf8(bytes.subarray(start, bytes.length - cut))) return true;
  }
  return false;
}

function countUtf8(bytes: Uint8Array): { multibyte: number; invalid: number; high: number; c1: number } {
  let multibyte = 0;
  let invalid = 0;
  let high = 0;
  let c1 = 0;
  for (let i = 0; i < bytes.length; ) {
    const byte = bytes[i]!;
    if (byte < 0x80) {
      i++;
      continue;
    }
    const size =
      byte >= 0xc2 && byte < 0xe0 ? 2 : byte >= 0xe0 && byte < 0xf0 ? 3 : byte >= 0xf0 && byte < 0xf5 ? 4 : 0;
    let follows = size > 0 && i + size <= bytes.length;
    for (let k = 1; follows && k < size; k++) follows = (bytes[i + k]! & 0xc0) === 0x80;
    if (follows) {
      multibyte++;
      i += size;
      continue;
    }
    invalid++;
    if (byte < 0xa0) c1++;
    else high++;
    i++;
  }
  return { multibyte, invalid, high, c1 };
}
