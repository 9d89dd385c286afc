import type { ColumnType } from '../../domain/schema.ts';
import {
  DECIMAL_HEADROOM_DIGITS,
  DECIMAL_MIN_VALUES,
  MISFIT_MIN_VALUES,
  MISFIT_SHARE,
  PROFILE_MAX_FORMATS,
} from '../../limits.ts';
import { strptimeMatcher } from './strptime.ts';
import { ISO, readTemporal, type TemporalReading } from './types-dates.ts';
import { type NumberReading, type NumberStyle, PLAIN_NUMBERS, readNumber } from './types-numbers.ts';

/** Stand for a missing value in columns whose other values are not text, unless a data set names others. */
export const DEFAULT_NULL_TOKENS: readonly string[] = ['NA', 'N/A', 'NULL', 'null', 'NaN', '\\N'];

/**
 * Evidence about the values of a column: nothing but counts, extremes and sets, so that profiles of samples and files
 * merge in any order and grouping to the same result. JSON-serialisable, a few hundred bytes.
 */
export interface ColumnProfile {
  /** Fields seen, empty ones among them. */
  values: number;
  /** Empty or missing fields. */
  empty: number;
  /** Null tokens by spelling. They are nulls only where the other values are not text. */
  nulls: Record<string, number>;
  /** In UTF-16 units, blanks around the value included. */
  maxLength: number;
  /** Values with blanks around them. */
  padded: number;
  /** Boolean words by lower-case spelling: true, false, yes, no, t, f, y, n. */
  booleans: Record<string, number>;
  /** Whole numbers of at most 18 digits. */
  integers: number;
  /** Smallest and largest of them, in decimal digits (they may exceed what a double holds); null: none seen. */
  minInteger: string | null;
  maxInteger: string | null;
  /** Numbers with digits after the decimal sign. */
  decimals: number;
  minScale: number;
  maxScale: number;
  /** Digits before the decimal sign of the longest decimal. */
  maxIntegerDigits: number;
  /** Decimals whose last digit is 0: evidence of a fixed scale. */
  trailingZeros: number;
  /** Numbers with an exponent, infinities, and such as `5.`. */
  floats: number;
  /** Digits that a number would not keep: leading zeros, more than 18 digits, telephone numbers. */
  codes: number;
  /** Dates by the format they fit (`iso` or strptime); one value may fit several. */
  dates: Record<string, number>;
  dateValues: number;
  timestamps: Record<string, number>;
  timestampValues: number;
  /** Timestamps with an offset from UTC. */
  offsets: number;
  /** Digits of the finest fraction of a second, trailing zeros aside. */
  fractionDigits: number;
  /** Times of day. */
  times: number;
  /** Everything else. */
  texts: number;
}

export interface ProfileOptions {
  numbers?: NumberStyle;
  /** Spellings of a missing value; default: `DEFAULT_NULL_TOKENS`. */
  nullTokens?: readonly string[];
  /** Declared strptime forms: a value that fits one is a date or timestamp of that form and of no other. */
  dateFormat?: string | undefined;
  timestampFormat?: string | undefined;
}

export function emptyProfile(): ColumnProfile {
  return {
    values: 0,
    empty: 0,
    nulls: {},
    maxLength: 0,
    padded: 0,
    booleans: {},
    integers: 0,
    minInteger: null,
    maxInteger: null,
    decimals: 0,
    minScale: 0,
    maxScale: 0,
    maxIntegerDigits: 0,
    trailingZeros: 0,
    floats: 0,
    codes: 0,
    dates: {},
    dateValues: 0,
    timestamps: {},
    timestampValues: 0,
    offsets: 0,
    fractionDigits: 0,
    times: 0,
    texts: 0,
  };
}

const BOOLEAN_PAIRS: readonly (readonly [string, string])[] = [
  ['true', 'false'],
  ['yes', 'no'],
  ['t', 'f'],
  ['y', 'n'],
];
const BOOLEAN_WORDS: ReadonlySet<string> = new Set(BOOLEAN_PAIRS.flat());

/** Evidence of one column's values; null and the empty text are missing values. */
export function profileValues(values: readonly (string | null)[], options: ProfileOptions = {}): ColumnProfile {
  const profile = emptyProfile();
  const numbers = options.numbers ?? PLAIN_NUMBERS;
  const nullTokens = new Set(options.nullTokens ?? DEFAULT_NULL_TOKENS);
  const isDate = options.dateFormat === undefined ? undefined : strptimeMatcher(options.dateFormat);
  const isTimestamp = options.timestampFormat === undefined ? undefined : strptimeMatcher(options.timestampFormat);
  const number: NumberReading = { kind: 'none', integerDigits: 0, scale: 0, trailingZero: false };
  const temporal: TemporalReading = { kind: 'none', formats: [], offset: false, fractionDigits: 0 };
  // Number holds 15 digits exactly; the rare longer ones go through BigInt
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  let bigLow: bigint | null = null;
  let bigHigh: bigint | null = null;

  for (const raw of values) {
    profile.values++;
    if (raw === null || raw === '') {
      profile.empty++;
      continue;
    }
    if (raw.length > profile.maxLength) profile.maxLength = raw.length;
    let text = raw;
    if (raw.charCodeAt(0) <= 32 || raw.charCodeAt(raw.length - 1) <= 32) {
      text = raw.trim();
      if (text === '') {
        profile.empty++;
        continue;
      }
      profile.padded++;
    }
    if (nullTokens.has(text)) {
      profile.nulls[text] = (profile.nulls[text] ?? 0) + 1;
      continue;
    }
    if (isDate?.(text)) {
      profile.dateValues++;
      count(profile.dates, options.dateFormat!);
      continue;
    }
    if (isTimestamp?.(text)) {
      profile.timestampValues++;
      count(profile.timestamps, options.timestampFormat!);
      continue;
    }
    readNumber(text, numbers, number);
    switch (number.kind) {
      case 'integer':
        profile.integers++;
        if (number.integerDigits <= 15) {
          const value = Number(numbers.thousands === '' ? text : text.replaceAll(numbers.thousands, ''));
          if (value < low) low = value;
          if (value > high) high = value;
        } else {
          const value = BigInt(
            (numbers.thousands === '' ? text : text.replaceAll(numbers.thousands, '')).replace('+', ''),
          );
          if (bigLow === null || value < bigLow) bigLow = value;
          if (bigHigh === null || value > bigHigh) bigHigh = value;
        }
        continue;
      case 'decimal':
        if (profile.decimals === 0 || number.scale < profile.minScale) profile.minScale = number.scale;
        if (number.scale > profile.maxScale) profile.maxScale = number.scale;
        if (number.integerDigits > profile.maxIntegerDigits) profile.maxIntegerDigits = number.integerDigits;
        if (number.trailingZero) profile.trailingZeros++;
        profile.decimals++;
        continue;
      case 'float':
        profile.floats++;
        continue;
      case 'code':
        profile.codes++;
        continue;
      default:
    }
    if (text.length <= 5) {
      const word = text.toLowerCase();
      if (BOOLEAN_WORDS.has(word)) {
        profile.booleans[word] = (profile.booleans[word] ?? 0) + 1;
        continue;
      }
    }
    readTemporal(text, temporal);
    switch (temporal.kind) {
      case 'date':
        profile.dateValues++;
        for (const format of temporal.formats) count(profile.dates, format);
        continue;
      case 'timestamp':
        profile.timestampValues++;
        for (const format of temporal.formats) count(profile.timestamps, format);
        if (temporal.offset) profile.offsets++;
        if (temporal.fractionDigits > profile.fractionDigits) profile.fractionDigits = temporal.fractionDigits;
        continue;
      case 'time':
        profile.times++;
        continue;
      default:
        profile.texts++;
    }
  }
  if (profile.integers > 0) {
    const lows = [...(Number.isFinite(low) ? [BigInt(low)] : []), ...(bigLow === null ? [] : [bigLow])];
    const highs = [...(Number.isFinite(high) ? [BigInt(high)] : []), ...(bigHigh === null ? [] : [bigHigh])];
    profile.minInteger = String(lows.reduce((a, b) => (b < a ? b : a)));
    profile.maxInteger = String(highs.reduce((a, b) => (b > a ? b : a)));
  }
  return profile;
}

function count(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

/** The evidence of both; associative and commutative, `emptyProfile()` is neutral. */
export function mergeProfiles(a: ColumnProfile, b: ColumnProfile): ColumnProfile {
  return {
    values: a.values + b.values,
    empty: a.empty + b.empty,
    nulls: addCounts(a.nulls, b.nulls),
    maxLength: Math.max(a.maxLength, b.maxLength),
    padded: a.padded + b.padded,
    booleans: addCounts(a.booleans, b.booleans),
    integers: a.integers + b.integers,
    minInteger: extreme(a.minInteger, b.minInteger, (x, y) => x < y),
    maxInteger: extreme(a.maxInteger, b.maxInteger, (x, y) => x > y),
    decimals: a.decimals + b.decimals,
    minScale: a.decimals === 0 ? b.minScale : b.decimals === 0 ? a.minScale : Math.min(a.minScale, b.minScale),
    maxScale: Math.max(a.maxScale, b.maxScale),
    maxIntegerDigits: Math.max(a.maxIntegerDigits, b.maxIntegerDigits),
    trailingZeros: a.trailingZeros + b.trailingZeros,
    floats: a.floats + b.floats,
    codes: a.codes + b.codes,
    dates: addCounts(a.dates, b.dates),
    dateValues: a.dateValues + b.dateValues,
    timestamps: addCounts(a.timestamps, b.timestamps),
    timestampValues: a.timestampValues + b.timestampValues,
    offsets: a.offsets + b.offsets,
    fractionDigits: Math.max(a.fractionDigits, b.fractionDigits),
    times: a.times + b.times,
    texts: a.texts + b.texts,
  };
}

/** The evidence of the same values so many times over. */
export function repeatProfile(profile: ColumnProfile, times: number): ColumnProfile {
  const of = (counts: Record<string, number>) =>
    Object.fromEntries(Object.entries(counts).map(([key, count]) => [key, count * times]));
  return {
    ...profile,
    values: profile.values * times,
    empty: profile.empty * times,
    nulls: of(profile.nulls),
    padded: profile.padded * times,
    booleans: of(profile.booleans),
    integers: profile.integers * times,
    decimals: profile.decimals * times,
    trailingZeros: profile.trailingZeros * times,
    floats: profile.floats * times,
    codes: profile.codes * times,
    dates: of(profile.dates),
    dateValues: profile.dateValues * times,
    timestamps: of(profile.timestamps),
    timestampValues: profile.timestampValues * times,
    offsets: profile.offsets * times,
    times: profile.times * times,
    texts: profile.texts * times,
  };
}

/** Keys in order, so that the same evidence is the same JSON however it was merged. */
function addCounts(a: Record<string, number>, b: Record<string, number>): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const key of [...new Set([...Object.keys(a), ...Object.keys(b)])].sort())
    sum[key] = (a[key] ?? 0) + (b[key] ?? 0);
  return sum;
}

function extreme(a: string | null, b: string | null, wins: (x: bigint, y: bigint) => boolean): string | null {
  if (a === null || b === null) return a ?? b;
  return wins(BigInt(b), BigInt(a)) ? b : a;
}

export interface InferredType {
  type: ColumnType;
  /** strptime, for dates and timestamps that are not ISO 8601. */
  format?: string;
  /** Why it is text though it looks like more, or what will be rejected; one sentence without the column's name. */
  doubt?: string;
}

/**
 * The type that holds the values, without loss:
 * - whole numbers are `bigint`: a sample cannot prove that a column stays within an int, and one that leaves it would
 *   have to be widened in every file;
 * - decimals are exact where their scale is constant (and that is no accident), else `double`;
 * - a numeric date is day first or month first only where a value proves it (a 13 or more); until then it is text;
 * - digits with leading zeros, or too many of them, are text, since a number would change them.
 * Among very many values a few that do not fit do not turn the column to text: they will be rejected rows.
 */
export function typeOf(profile: ColumnProfile): InferredType {
  const nulls = Object.values(profile.nulls).reduce((a, b) => a + b, 0);
  const present = profile.values - profile.empty - nulls;
  if (present === 0) return { type: 'string' };
  const allowed = present >= MISFIT_MIN_VALUES ? Math.floor(present * MISFIT_SHARE) : 0;
  const fits = (values: number) => values > allowed && values >= present - allowed;
  const misfits = (values: number) =>
    values === present
      ? {}
      : { doubt: `${present - values} of ${present} sampled values do not fit and will be rejected` };

  const numbers = profile.integers + profile.decimals + profile.floats;
  if (profile.codes > 0) {
    const doubt = fits(numbers + profile.codes)
      ? { doubt: `${profile.codes} values have leading zeros or too many digits for a number` }
      : {};
    return { type: 'string', ...doubt };
  }
  if (fits(profile.integers) && profile.decimals + profile.floats === 0) {
    return { type: 'bigint', ...misfits(profile.integers) };
  }
  if (fits(numbers)) return { type: numberType(profile), ...misfits(numbers) };

  for (const pair of BOOLEAN_PAIRS) {
    const [yes, no] = [profile.booleans[pair[0]] ?? 0, profile.booleans[pair[1]] ?? 0];
    // a lone N, F or "no" may be a sex, a country or an answer of three; true and false are nothing else
    if (fits(yes + no) && (pair[0] === 'true' || (yes > 0 && no > 0))) {
      return { type: 'boolean', ...misfits(yes + no) };
    }
  }
  if (fits(profile.dateValues)) return temporalType('date', profile.dates, fits, misfits);
  if (profile.timestampValues > 0 && fits(profile.timestampValues + profile.dateValues)) {
    if (profile.fractionDigits > 6) {
      return {
        type: 'string',
        doubt: `timestamps with ${profile.fractionDigits} digits of a second do not fit microseconds`,
      };
    }
    const iso = (profile.timestamps[ISO] ?? 0) + (profile.dates[ISO] ?? 0);
    return fits(iso)
      ? { type: 'timestamp', ...misfits(iso) }
      : temporalType('timestamp', profile.timestamps, fits, misfits);
  }
  return { type: 'string' };
}

function numberType(profile: ColumnProfile): ColumnType {
  const constant = profile.integers === 0 && profile.floats === 0 && profile.minScale === profile.maxScale;
  const deliberate = profile.trailingZeros > 0 || profile.decimals >= DECIMAL_MIN_VALUES;
  if (!constant || !deliberate) return 'double';
  const scale = profile.maxScale;
  const precision = profile.maxIntegerDigits + scale;
  // two widths only, so that two loads of one source agree: 18 digits are an int64 to every engine, 38 the most there is
  if (precision + DECIMAL_HEADROOM_DIGITS <= 18) return `decimal(18,${scale})`;
  return precision + DECIMAL_HEADROOM_DIGITS <= 38 ? `decimal(38,${scale})` : 'double';
}

function temporalType(
  type: 'date' | 'timestamp',
  formats: Record<string, number>,
  fits: (values: number) => boolean,
  misfits: (values: number) => { doubt?: string },
): InferredType {
  const fitting = Object.keys(formats).filter((format) => fits(formats[format]!));
  // all values in May fit the short and the long name of the month alike
  const distinct = fitting.filter((format) => !(format.includes('%B') && fitting.includes(format.replace('%B', '%b'))));
  if (distinct.length === 0) {
    return {
      type: 'string',
      doubt: `${type}s of several forms: ${Object.keys(formats).slice(0, PROFILE_MAX_FORMATS).join(', ')}`,
    };
  }
  if (distinct.length > 1) {
    return { type: 'string', doubt: `${type}s that could be ${distinct.join(' or ')}: say source.csv.${type}Format` };
  }
  const [format] = distinct as [string];
  return { type, ...(format === ISO ? {} : { format }), ...misfits(formats[format]!) };
}

/**
 * The strptime form that dates or timestamps of a column have where they are declared to be such, whatever else it holds: what
 * most values fit. Undefined where that is ISO 8601, or day first and month first alike.
 */
export function formOf(profile: ColumnProfile, type: 'date' | 'timestamp'): string | undefined {
  const forms = Object.entries(type === 'date' ? profile.dates : profile.timestamps);
  const most = Math.max(0, ...forms.map(([, values]) => values));
  const likely = forms.filter(([form, values]) => values === most && !form.includes('%B')).map(([form]) => form);
  const [form] = likely.length > 0 ? likely : forms.filter(([, values]) => values === most).map(([each]) => each);
  return likely.length > 1 || form === ISO ? undefined : form;
}

/**
 * Settles dates that could be day first or month first by other columns of the same file: where one proves an order, and
 * none the other, those written alike have it too. The order that is not meant is taken from the profiles.
 */
export function settleDateOrder(profiles: readonly ColumnProfile[]): void {
  const proven = new Map<string, Set<string>>();
  const formatsOf = (profile: ColumnProfile) => [profile.dates, profile.timestamps];
  for (const profile of profiles) {
    const { format } = typeOf(profile);
    if (format === undefined) continue;
    const orders = proven.get(orderless(format)) ?? new Set();
    proven.set(orderless(format), orders.add(dayFirst(format)));
  }
  for (const profile of profiles) {
    if (typeOf(profile).type !== 'string') continue;
    for (const formats of formatsOf(profile)) {
      for (const format of Object.keys(formats)) {
        const orders = proven.get(orderless(format));
        if (orders?.size === 1 && !orders.has(dayFirst(format))) delete formats[format];
      }
    }
  }
}

/** The date's form without its order and without the time behind it. */
function orderless(format: string): string {
  return format.replace(/%[dm]/g, '%_').replace(/[T ,]*%[HI].*$/, '');
}

function dayFirst(format: string): string {
  return format.indexOf('%d') < format.indexOf('%m') ? 'day' : 'month';
}
