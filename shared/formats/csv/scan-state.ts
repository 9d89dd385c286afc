import { NO_BYTE } from './dialect-bytes.ts';

/** What lies behind the scan's position. Numbers, because the byte loop switches on them. */
export const SCAN_STATE = {
  recordStart: 0,
  fieldStart: 1,
  /** One space after a field's start: a quote still opens the field. */
  space: 2,
  /** The same at a record's start, where a comment may follow. */
  leadingSpace: 3,
  /** Several spaces at a record's start. */
  blanks: 4,
  unquoted: 5,
  quoted: 6,
  /** A quote inside quotes: it ended the field, or is the first of a doubled one. */
  quoteEnd: 7,
  /** An escape inside quotes. */
  escape: 8,
  /** A comment behind a row. */
  comment: 9,
  commentLine: 10,
  /** A carriage return as a line's first byte. */
  leadingReturn: 11,
} as const;
export type ScanState = (typeof SCAN_STATE)[keyof typeof SCAN_STATE];

const SPACE = 32;

/** Index of the next such byte, or the end. */
export function indexOrEnd(bytes: Buffer, byte: number, from: number): number {
  const found = bytes.indexOf(byte, from);
  return found < 0 ? bytes.length : found;
}

/** Whether the first byte of the line that is no space is a comment's. Where a space is the delimiter, none is passed over. */
export function isCommentLine(bytes: Buffer, from: number, to: number, comment: number, passSpace: boolean): boolean {
  if (comment === NO_BYTE) return false;
  let i = from;
  if (passSpace) while (i < to && bytes[i] === SPACE) i++;
  return bytes[i] === comment;
}

/** A table of 256 with 1 at the given bytes. */
export function setOf(...members: number[]): Uint8Array {
  const set = new Uint8Array(256);
  for (const member of members) if (member !== NO_BYTE) set[member] = 1;
  return set;
}

/** For each length of a partly matched pattern, the longest shorter one that still fits (Knuth, Morris and Pratt, 1977). */
export function fallbackOf(pattern: Uint8Array): number[] {
  const fallback = [0];
  for (let i = 1, length = 0; i < pattern.length; i++) {
    while (length > 0 && pattern[i] !== pattern[length]) length = fallback[length - 1]!;
    if (pattern[i] === pattern[length]) length++;
    fallback.push(length);
  }
  return fallback;
}
