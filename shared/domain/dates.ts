import { DateTime, IANAZone } from 'luxon';
import { escapePattern } from './escape-pattern.ts';

/**
 * Date tokens in prefixes, such as `{yyyy}/{ooo}/{HH}`: filled from the reference time in a zone to list, and turned into
 * patterns to tell which data set an event's object belongs to. Every token has a fixed width, so that two prefixes can be
 * compared character by character.
 */

/** Fields by luxon's names; `ooo` is the day of the year from 001. `{data_ref}` is the run's constant, YYYYMMDD. */
const FIELDS: ReadonlyMap<string, string> = new Map([
  ['yyyy', String.raw`\d{4}`],
  ['MM', '(?:0[1-9]|1[0-2])'],
  ['dd', '(?:0[1-9]|[12]\\d|3[01])'],
  ['ooo', '(?:[0-2]\\d\\d|3[0-5]\\d|36[0-6])'],
  ['HH', '(?:[01]\\d|2[0-3])'],
  ['mm', String.raw`[0-5]\d`],
]);
const FIELD = /yyyy|ooo|MM|dd|HH|mm/g;
/** Fields with separators between them: `{yyyyMMdd}`, `{yyyy-MM-dd}`. */
const TOKEN = /^(?:yyyy|ooo|MM|dd|HH|mm)(?:[-_.]?(?:yyyy|ooo|MM|dd|HH|mm))*$/;
const DATA_REF = 'data_ref';

export const DATE_TOKENS =
  '{yyyy} {MM} {dd} {ooo} {HH} {mm}, together as in {yyyyMMdd} or {yyyy-MM-dd}, and {data_ref}';

/** A piece of text with tokens. */
export type Piece = { text: string } | { token: string };

/**
 * Parts a text at its tokens. Braces around anything else are a `RangeError` that lists the tokens, or with
 * `otherBraces: 'literal'` (globs have `{csv,txt}`) plain text.
 */
export function parseTokens(text: string, otherBraces: 'refuse' | 'literal' = 'refuse'): Piece[] {
  const pieces: Piece[] = [];
  let literal = '';
  let at = 0;
  while (at < text.length) {
    const close = text[at] === '{' ? text.indexOf('}', at) : -1;
    const inner = close > at ? text.slice(at + 1, close) : undefined;
    if (inner !== undefined && (TOKEN.test(inner) || inner === DATA_REF)) {
      if (literal !== '') pieces.push({ text: literal });
      literal = '';
      pieces.push({ token: inner });
      at = close + 1;
      continue;
    }
    if (otherBraces === 'refuse' && (text[at] === '{' || text[at] === '}')) {
      const token = inner === undefined ? text[at] : `{${inner}}`;
      throw new RangeError(`"${token}" in "${text}" is no date token; known are ${DATE_TOKENS}`);
    }
    literal += text[at];
    at++;
  }
  if (literal !== '') pieces.push({ text: literal });
  return pieces;
}

export interface TokenValues {
  /** The reference time. */
  time: Date;
  /** IANA name of the zone that the tokens are in. */
  zone: string;
  /** YYYYMMDD. */
  dataRef: string;
}

/** The text with every token filled in. */
export function fillTokens(text: string, values: TokenValues, otherBraces: 'refuse' | 'literal' = 'refuse'): string {
  const local = DateTime.fromJSDate(values.time, { zone: values.zone });
  return parseTokens(text, otherBraces)
    .map((piece) => {
      if ('text' in piece) return piece.text;
      return piece.token === DATA_REF ? values.dataRef : piece.token.replace(FIELD, (field) => local.toFormat(field));
    })
    .join('');
}

/** The source of a regular expression that matches what a text with tokens may be filled to, at any time. */
export function tokenPattern(text: string): string {
  return parseTokens(text)
    .map((piece) => {
      if ('text' in piece) return escapePattern(piece.text);
      if (piece.token === DATA_REF) return String.raw`\d{8}`;
      return piece.token.replace(/yyyy|ooo|MM|dd|HH|mm|\./g, (field) => FIELDS.get(field) ?? '\\.');
    })
    .join('');
}

/** The glob that matches what a glob with tokens may be filled to: each digit of a token any digit. */
export function tokenGlob(glob: string): string {
  return parseTokens(glob, 'literal')
    .map((piece) => {
      if ('text' in piece) return piece.text;
      return piece.token === DATA_REF ? '[0-9]'.repeat(8) : piece.token.replace(/[a-zA-Z]/g, '[0-9]');
    })
    .join('');
}

/** Matches keys that begin with what the prefix may be filled to; the match is that part of the key. */
export function prefixPattern(prefix: string): RegExp {
  return new RegExp(`^${tokenPattern(prefix)}`);
}

/** Matches keys that hold what the text may be filled to. */
export function containsPattern(text: string): RegExp {
  return new RegExp(tokenPattern(text));
}

/**
 * Whether some key may begin with both prefixes, tokens standing for digits. A prefix that begins with the other does; so
 * may `{yyyy}/` and `2024/tables/`.
 */
export function prefixesMeet(one: string, other: string): boolean {
  const left = positions(one);
  const right = positions(other);
  const shorter = Math.min(left.length, right.length);
  for (let i = 0; i < shorter; i++) {
    if (!meet(left[i]!, right[i]!)) return false;
  }
  return true;
}

/** The part of a prefix before its first token, cut to the last slash: a folder that holds all of it. */
export function fixedFolder(prefix: string): string {
  const first = parseTokens(prefix)[0];
  const literal = first !== undefined && 'text' in first ? first.text : '';
  return literal.slice(0, literal.lastIndexOf('/') + 1);
}

/** Yesterday of a time in a zone, as YYYYMMDD: what `data_ref` is unless somebody says otherwise. */
export function yesterday(time: Date, zone: string): string {
  return DateTime.fromJSDate(time, { zone }).minus({ days: 1 }).toFormat('yyyyMMdd');
}

/** Whether the time zone database knows the name, `UTC` included. */
export function isTimeZone(name: string): boolean {
  return IANAZone.isValidZone(name);
}

/** Whether the text is a day of the calendar as YYYYMMDD. */
export function isDay(text: string): boolean {
  return /^\d{8}$/.test(text) && DateTime.fromFormat(text, 'yyyyMMdd', { zone: 'UTC' }).isValid;
}

/**
 * The instant that a person or a schedule names: a day (`2024-01-05` or `20240105`: its first moment in the zone), or ISO
 * 8601 (in the zone where it has no offset). Undefined where it is neither.
 */
export function parseTime(text: string, zone: string): Date | undefined {
  const time = /^\d{8}$/.test(text)
    ? DateTime.fromFormat(text, 'yyyyMMdd', { zone })
    : /^\d{4}-\d{2}-\d{2}/.test(text)
      ? DateTime.fromISO(text, { zone })
      : undefined;
  return time?.isValid ? time.toJSDate() : undefined;
}

type Position = { char: string } | 'digit';

function positions(prefix: string): Position[] {
  return parseTokens(prefix).flatMap((piece): Position[] => {
    if ('text' in piece) return Array.from(piece.text, (char) => ({ char }));
    if (piece.token === DATA_REF) return new Array<Position>(8).fill('digit');
    return Array.from(piece.token, (char) => (/[-_.]/.test(char) ? { char } : 'digit'));
  });
}

function meet(one: Position, other: Position): boolean {
  if (one === 'digit') return other === 'digit' || /\d/.test(other.char);
  return other === 'digit' ? /\d/.test(one.char) : one.char === other.char;
}
