/**
 * Dates and timestamps in text: which strptime formats a value fits. A column is a date where exactly one format fits all
 * of its values; two that fit (day first, month first) are an ambiguity that only more values or a declaration can end.
 */

/** The key under which ISO 8601 counts; such columns need no format. */
export const ISO = 'iso';

export type TemporalKind = 'none' | 'date' | 'timestamp' | 'time';

/** Reused over all calls. */
export interface TemporalReading {
  kind: TemporalKind;
  /** Formats that fit: strptime, or `iso`. */
  formats: string[];
  offset: boolean;
  /** Digits of the fraction of a second without trailing zeros. */
  fractionDigits: number;
}

const TIME = String.raw`(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,12}))?)?(?:( ?)([AaPp][Mm]))?`;
const NUMERIC_DATE = new RegExp(
  String.raw`^(\d{1,4})([-/.])(\d{1,2})\2(\d{1,4})(?:(T|,? )${TIME}( ?)(Z|[+-]\d{2}(?::?\d{2})?)?)?$`,
);
const NAMED_DATE = new RegExp(
  String.raw`^(?:(\d{1,2})([ -])([A-Za-z]{3,9})(,? |-)(\d{4}|\d{2})|([A-Za-z]{3,9})([ -])(\d{1,2})(,? |-)(\d{4}|\d{2}))(?:(,? )${TIME})?$`,
);
const TIME_ALONE = new RegExp(`^${TIME}$`);

const MONTHS = [
  'january',
  'february',
  'march',
  'april',
  'may',
  'june',
  'july',
  'august',
  'september',
  'october',
  'november',
  'december',
];
const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Reads `text` (trimmed, not empty) into `reading`; `kind` is `none` where it is neither date nor time. */
export function readTemporal(text: string, reading: TemporalReading): void {
  reading.kind = 'none';
  reading.formats.length = 0;
  reading.offset = false;
  reading.fractionDigits = 0;
  const length = text.length;
  if (length < 4 || length > MAX_LENGTH) return;
  const first = text.charCodeAt(0);
  if (first >= 48 && first <= 57) {
    const kind = readPlainIso(text, 0, length, reading);
    if (kind !== undefined) {
      reading.kind = kind;
      reading.formats.push(ISO);
      return;
    }
    const third = text.charCodeAt(2);
    const second = text.charCodeAt(1);
    if (second === 58 || third === 58) {
      const time = TIME_ALONE.exec(text);
      if (time && timeFormat(time, 1) !== undefined) reading.kind = 'time';
      return;
    }
    const numeric = NUMERIC_DATE.exec(text);
    if (numeric) readNumeric(numeric, reading);
    else if (/[A-Za-z]/.test(text)) readNamed(NAMED_DATE.exec(text), reading);
    return;
  }
  if (/^[A-Za-z]{3,9}[ -]\d/.test(text)) readNamed(NAMED_DATE.exec(text), reading);
}

/**
 * The forms that most values have, without a pattern: `2024-05-06`, and `2024-05-06T07:08:09.123Z` with or without what follows the
 * seconds. `text` is one from `start` to `end`.
 *
 * @param reading is told the offset and the fraction of a timestamp
 * @returns undefined where it is none of these
 */
export function readPlainIso(
  text: string | Uint8Array,
  start: number,
  end: number,
  reading: Pick<TemporalReading, 'offset' | 'fractionDigits'>,
): 'date' | 'timestamp' | undefined {
  const length = end - start;
  if ((length !== 10 && length < 19) || length > MAX_LENGTH) return undefined;
  if (codeAt(text, start + 4) !== HYPHEN || codeAt(text, start + 7) !== HYPHEN) return undefined;
  const year = 100 * twoDigits(text, start) + twoDigits(text, start + 2);
  const month = twoDigits(text, start + 5);
  const day = twoDigits(text, start + 8);
  // Digits that are none make NaN.
  if (!(year > 0 && month > 0 && day > 0 && valid(year, month, day))) return undefined;
  if (length === 10) return 'date';
  const between = codeAt(text, start + 10);
  if (between !== SPACE && between !== LETTER_T) return undefined;
  if (codeAt(text, start + 13) !== COLON || codeAt(text, start + 16) !== COLON) return undefined;
  const isTime =
    twoDigits(text, start + 11) <= 23 && twoDigits(text, start + 14) <= 59 && twoDigits(text, start + 17) <= 59;
  if (!isTime) return undefined;
  const utc = codeAt(text, end - 1) === LETTER_Z;
  const fractionEnd = utc ? end - 1 : end;
  const point = start + 19;
  let last = point;
  if (fractionEnd > point) {
    const digits = fractionEnd - point - 1;
    if (codeAt(text, point) !== POINT || digits < 1 || digits > 12) return undefined;
    for (let i = point + 1; i < fractionEnd; i++) {
      const digit = digitAt(text, i);
      if (!(digit <= 9)) return undefined;
      if (digit > 0) last = i;
    }
  }
  reading.fractionDigits = last - point;
  reading.offset = utc;
  return 'timestamp';
}

/** Longer texts are no dates. */
const MAX_LENGTH = 45;
const SPACE = 32;
const HYPHEN = 45;
const COLON = 58;
const LETTER_T = 84;
const LETTER_Z = 90;
const POINT = 46;

function codeAt(text: string | Uint8Array, at: number): number {
  return typeof text === 'string' ? text.charCodeAt(at) : text[at]!;
}

/** NaN where there is no digit. */
function digitAt(text: string | Uint8Array, at: number): number {
  const digit = codeAt(text, at) - 48;
  return digit >= 0 && digit <= 9 ? digit : Number.NaN;
}

function twoDigits(text: string | Uint8Array, at: number): number {
  return 10 * digitAt(text, at) + digitAt(text, at + 1);
}

function readNumeric(match: RegExpExecArray, reading: TemporalReading): void {
  const [, a, separator, b, c, between, , , , , , meridiem, gap, offset] = match as unknown as string[];
  const time = between === undefined ? '' : timeFormat(match, 6);
  if (time === undefined) return;
  if (offset !== undefined && meridiem !== undefined) return;
  const dates: string[] = [];
  const x = Number(a);
  const y = Number(b);
  const z = Number(c);
  if (a!.length === 4) {
    if (c!.length <= 2 && valid(x, y, z)) dates.push(`%Y${separator}%m${separator}%d`);
  } else if (a!.length <= 2 && c!.length === 4) {
    if (valid(z, y, x)) dates.push(`%d${separator}%m${separator}%Y`);
    if (valid(z, x, y)) dates.push(`%m${separator}%d${separator}%Y`);
  } else if (a!.length <= 2 && c!.length === 2) {
    if (valid(century(z), y, x)) dates.push(`%d${separator}%m${separator}%y`);
    if (valid(century(z), x, y)) dates.push(`%m${separator}%d${separator}%y`);
    // year first with two digits is written with hyphens where it is written at all
    if (separator === '-' && a!.length === 2 && valid(century(x), y, z)) dates.push('%y-%m-%d');
  }
  if (dates.length === 0) return;
  const strict = separator === '-' && a!.length === 4 && b!.length === 2 && c!.length === 2;
  if (between === undefined) {
    reading.kind = 'date';
    if (strict) reading.formats.push(ISO);
    else reading.formats.push(...dates);
    return;
  }
  reading.kind = 'timestamp';
  reading.offset = offset !== undefined;
  reading.fractionDigits = significant(match[9]);
  // ISO as the engine's own cast takes it: an offset only after the seconds, with nothing in between
  const isoTime =
    meridiem === undefined && match[6]!.length === 2 && (offset === undefined || (gap === '' && match[8]));
  if (strict && isoTime && (between === ' ' || between === 'T') && (offset !== undefined || gap === '')) {
    reading.formats.push(ISO);
    return;
  }
  // strptime's %z takes no Z, and a space that nothing follows is not part of a value
  if (offset === 'Z' || (offset === undefined && gap !== '')) {
    reading.kind = 'none';
    return;
  }
  const zone = offset === undefined ? '' : `${gap}%z`;
  for (const date of dates) reading.formats.push(`${date}${between}${time}${zone}`);
}

function readNamed(match: RegExpExecArray | null, reading: TemporalReading): void {
  if (match === null) return;
  const dayFirst = match[1] !== undefined;
  const base = dayFirst ? 1 : 6;
  const day = Number(dayFirst ? match[1] : match[8]);
  const word = (dayFirst ? match[3] : match[6])!;
  const between = dayFirst ? match[2] : match[7];
  const after = match[base + 3];
  const yearText = match[base + 4]!;
  const month = monthOf(word);
  if (month === 0) return;
  const year = yearText.length === 4 ? Number(yearText) : century(Number(yearText));
  if (!valid(year, month, day)) return;
  const time = match[11] === undefined ? '' : timeFormat(match, 12);
  if (time === undefined) return;
  // "May" is both the short and the long name: the short one is said, and the merge treats the two as one where all are May
  const yearFormat = yearText.length === 4 ? '%Y' : '%y';
  const names = word.length === 3 ? (month === 5 ? ['%b', '%B'] : ['%b']) : ['%B'];
  for (const name of names) {
    const date = dayFirst ? `%d${between}${name}${after}${yearFormat}` : `${name}${between}%d${after}${yearFormat}`;
    reading.formats.push(match[11] === undefined ? date : `${date}${match[11]}${time}`);
  }
  reading.kind = match[11] === undefined ? 'date' : 'timestamp';
  if (match[11] !== undefined) reading.fractionDigits = significant(match[15]);
}

/** strptime format of the time whose hour is group `at`; undefined where no clock shows it. */
function timeFormat(match: RegExpExecArray, at: number): string | undefined {
  const hour = Number(match[at]);
  const meridiem = match[at + 5];
  if (Number(match[at + 1]) > 59 || Number(match[at + 2] ?? 0) > 59) return undefined;
  if (meridiem === undefined ? hour > 23 : hour < 1 || hour > 12) return undefined;
  const seconds = match[at + 2] === undefined ? '' : match[at + 3] === undefined ? ':%S' : ':%S.%f';
  return meridiem === undefined ? `%H:%M${seconds}` : `%I:%M${seconds}${match[at + 4]}%p`;
}

function significant(fraction: string | undefined): number {
  if (fraction === undefined) return 0;
  let end = fraction.length;
  while (end > 0 && fraction.charCodeAt(end - 1) === 48) end--;
  return end;
}

/** POSIX's rule for %y. */
function century(twoDigits: number): number {
  return twoDigits + (twoDigits < 69 ? 2000 : 1900);
}

function valid(year: number, month: number, day: number): boolean {
  if (year < 1 || month < 1 || month > 12 || day < 1 || day > DAYS[month - 1]!) return false;
  return month !== 2 || day < 29 || (year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0));
}

function monthOf(word: string): number {
  const lower = word.toLowerCase();
  return (lower.length === 3 ? MONTHS.findIndex((name) => name.startsWith(lower)) : MONTHS.indexOf(lower)) + 1;
}
