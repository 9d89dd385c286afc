import { escapePattern } from '../domain/escape-pattern.ts';
import { type ColumnType, decimalOf } from '../domain/schema.ts';
import { sqlType } from './column-types.ts';
import { literal, literals } from './sql.ts';

/**
 * Text → typed values in SQL, refusing what the engine's own cast would take silently: it rounds `1.9` to an int and `1.005` to
 * two decimals, reads `1_000`, `0x1F` and `+-3` as numbers, `1e400` as infinity, `2023-01-01x` as a date, drops the offset of a
 * TIMESTAMP and its digits below the microsecond.
 */
export interface ValueCast {
  /** The value, null where there is none or it does not fit; in terms of the source expression. */
  value: (source: string) => string;
  /**
   * Cheap, and true for every row of which `misfit` is: the checks that cost are run on these alone. In terms of the source
   * and of the computed value.
   */
  suspect: (source: string, value: string) => string;
  /** True where the source holds something that the value does not say exactly. */
  misfit: (source: string, value: string) => string;
}

export interface TextStyle {
  /** Spellings of a missing value, which hold in columns that are not text. */
  nullTokens: readonly string[];
  decimalComma: boolean;
  thousands: string;
  /** Zone of timestamps without an offset; the session's `TimeZone` is set to it. */
  timezone: string;
}

/** How text becomes a value of `type`; undefined for text itself, which needs no cast. `format` is strptime's. */
export function textCast(type: ColumnType, style: TextStyle, format?: string): ValueCast | undefined {
  switch (type) {
    case 'string':
      return undefined;
    case 'int':
    case 'bigint':
      return wholeCast(type, style);
    case 'float':
    case 'double':
      return floatCast(type, style);
    case 'boolean':
      return plainCast('BOOLEAN', style, isBooleanWord);
    case 'date':
      return format === undefined ? dateCast(style) : formattedDateCast(style, format);
    case 'timestamp':
      return format === undefined ? timestampCast(style) : formattedTimestampCast(style, format);
    case 'binary':
      return binaryCast(style);
    default:
      return decimalCast(type, style);
  }
}

/** A number as digits, sign, point and exponent only, whatever the style of the text. */
function plainNumber(source: string, { decimalComma, thousands }: TextStyle): string {
  const ungrouped = thousands === '' ? source : `replace(${source}, ${literal(thousands)}, '')`;
  return decimalComma ? `replace(${ungrouped}, ',', '.')` : ungrouped;
}

function isStyled(style: TextStyle): boolean {
  return style.decimalComma || style.thousands !== '';
}

/** Text whose digits are grouped and pointed as the style says; a group has three digits, or two as in India. */
function isStyledNumber(source: string, style: TextStyle): string {
  if (!isStyled(style)) return 'TRUE';
  const group = escapePattern(style.thousands);
  const whole = style.thousands === '' ? '[0-9]*' : `([0-9]*|[0-9]{1,3}(${group}[0-9]{2,3})*${group}[0-9]{3})`;
  const point = style.decimalComma ? ',' : '\\.';
  return matches(source, `[+-]?${whole}(${point}[0-9]*)?([eE][+-]?[0-9]+)?`);
}

function wholeCast(type: 'int' | 'bigint', style: TextStyle): ValueCast {
  return {
    value: (s) => unlessToken(s, style, isNumberLike, `TRY_CAST(${plainNumber(s, style)} AS ${sqlType(type)})`),
    suspect: (s, v) => `CAST(${v} AS VARCHAR) IS DISTINCT FROM ${s}`,
    misfit: (s, v) =>
      misfitUnless(
        s,
        v,
        style,
        `${matches(plainNumber(s, style), '[+-]?[0-9]+(\\.0*)?')} AND ${isStyledNumber(s, style)}`,
      ),
  };
}

function decimalCast(type: ColumnType, style: TextStyle): ValueCast {
  const { precision, scale } = decimalOf(type)!;
  const cast = (number: string) =>
    precision > NARROW_DIGITS ? wideDecimal(number, precision, scale) : `TRY_CAST(${number} AS ${sqlType(type)})`;
  const fraction = scale === 0 ? '0*' : `[0-9]{0,${scale}}0*`;
  const pattern = `[+-]?([0-9]+(\\.${fraction})?|\\.0*${scale === 0 ? '' : `[0-9]{1,${scale}}0*`})`;
  return {
    value: (s) => unlessToken(s, style, isNumberLike, cast(plainNumber(s, style))),
    suspect: (s, v) => `CAST(${v} AS VARCHAR) IS DISTINCT FROM ${s}`,
    misfit: (s, v) =>
      misfitUnless(s, v, style, `${matches(plainNumber(s, style), pattern)} AND ${isStyledNumber(s, style)}`),
  };
}

/** Digits of a decimal that the engine holds in 64 bits. */
const NARROW_DIGITS = 18;

/**
 * A decimal of more than 18 digits. The engine's own cast of text to one takes a microsecond a digit (*measured*, 1.5.5), some hundred
 * times as long as to 18 digits or to a whole number of 128 bits: so the first that holds the value is taken. What is no
 * number these may read otherwise than that cast; the check of the text finds it whatever they make of it.
 */
function wideDecimal(number: string, precision: number, scale: number): string {
  const type = `DECIMAL(${precision},${scale})`;
  const narrow = `CAST(TRY_CAST(${number} AS DECIMAL(${NARROW_DIGITS},${scale})) AS ${type})`;
  const ways = [
    ...(scale > NARROW_DIGITS ? [] : [narrow]),
    scale === 0 ? `TRY_CAST(TRY_CAST(${number} AS HUGEINT) AS ${type})` : pointedDecimal(number, precision, scale),
    `TRY_CAST(${number} AS ${type})`,
  ];
  return `COALESCE(${ways.join(', ')})`;
}

/** Where all its decimals are written: the digits without the point are the value in units of the last. */
function pointedDecimal(number: string, precision: number, scale: number): string {
  const units = `TRY_CAST(TRY_CAST(replace(${number}, '.', '') AS HUGEINT) AS DECIMAL(${precision},0))`;
  const unit = `CAST('0.${'1'.padStart(scale, '0')}' AS DECIMAL(${scale},${scale}))`;
  const value = `TRY(CAST(${units} * ${unit} AS DECIMAL(${precision},${scale})))`;
  const isPointed = `strlen(${number}) > ${scale} AND strpos(${number}, '.') = strlen(${number}) - ${scale}`;
  return `CASE WHEN ${isPointed} THEN ${value} END`;
}

function floatCast(type: 'float' | 'double', style: TextStyle): ValueCast {
  // The engine knows NaN in any case, and so does the token.
  const isNan = (token: string) => token.toLowerCase() === 'nan';
  const nan = style.nullTokens.some(isNan);
  const tokens = { ...style, nullTokens: style.nullTokens.filter((token) => !isNan(token)) };
  const sql = sqlType(type);
  return {
    value: (s) => {
      const cast = `TRY_CAST(${plainNumber(s, style)} AS ${sql})`;
      return unlessToken(s, tokens, isNumberLike, nan ? `NULLIF(${cast}, CAST('nan' AS ${sql}))` : cast);
    },
    // What begins below a comma begins with a blank or a plus, and `+-3` would pass.
    suspect: (s, v) =>
      isStyled(style)
        ? `${s} IS NOT NULL`
        : `((${v} IS NULL AND ${s} IS NOT NULL) OR isinf(${v}) OR contains(${s}, '_') OR ${s} < ',')`,
    misfit: (s, v) =>
      misfitUnless(
        s,
        v,
        style,
        `(isfinite(${v}) AND ${matches(plainNumber(s, style), '[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?')} ` +
          `AND ${isStyledNumber(s, style)}) OR (NOT isfinite(${v}) AND ${matches(s, '(?i)[+-]?(inf|infinity|nan)')})`,
        nan ? [`lower(trim(${s}))`, 'nan'] : undefined,
      ),
  };
}

/** ISO 8601, and a midnight behind it, which adds nothing. */
function dateCast(style: TextStyle): ValueCast {
  return {
    value: (s) => unlessToken(s, style, isTimeLike, `TRY_CAST(${s} AS DATE)`),
    suspect: (s, v) => `(CAST(${v} AS VARCHAR) IS DISTINCT FROM ${s} OR ${outOfDateRange(v)})`,
    misfit: (s, v) =>
      misfitUnless(
        s,
        v,
        style,
        `${matches(s, '[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([ T]00:00(:00(\\.0+)?)?Z?)?')} AND NOT ${outOfDateRange(v)}`,
      ),
  };
}

function formattedDateCast(style: TextStyle, format: string): ValueCast {
  const parse = (s: string) => `CAST(try_strptime(${s}, ${literal(format)}) AS TIMESTAMP)`;
  return {
    value: (s) => unlessToken(s, style, () => true, `CAST(${parse(s)} AS DATE)`),
    suspect: (s, v) => `((${v} IS NULL AND ${s} IS NOT NULL) OR ${parse(s)} <> ${v} OR ${outOfDateRange(v)})`,
    misfit: (s, v) => misfitUnless(s, v, style, `${parse(s)} = ${v} AND NOT ${outOfDateRange(v)}`),
  };
}

/** `2023-01-01T00:00:00.123456`: longer ones may have digits below the microsecond. */
const LONGEST_PLAIN_TIMESTAMP = 26;
const LOCAL_TIMESTAMP = '\\s*[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([ T][0-9:.]+)?\\s*';
const OFFSET_TIMESTAMP = '\\s*[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}[ T][0-9:.]+ ?[+-](0[0-9]|1[0-5])(:?[0-5][0-9])?\\s*';

/**
 * ISO 8601: local, with a Z or with an offset, also without seconds or with a blank before the offset. No zone may be named but
 * UTC: the engine reads the rows behind a name as if they were of that zone too.
 */
function timestampCast(style: TextStyle): ValueCast {
  const { timezone } = style;
  const asLocal = (s: string) => `TRY_CAST(${s} AS TIMESTAMP)`;
  const asInstant = (s: string) => `make_timestamp(epoch_us(TRY_CAST(${s} AS TIMESTAMPTZ)))`;
  const tidied = (s: string) =>
    `regexp_replace(regexp_replace(trim(${s}), ' ([+-])', '\\1'), '([ T][0-9]{1,2}:[0-9]{2})([+-])', '\\1:00\\2')`;
  const value = (s: string) =>
    [
      // The first two are most of what there is, and cost least.
      `CASE WHEN suffix(${s}, 'Z') THEN COALESCE(${asLocal(s)}, ${asLocal(`left(${s}, length(${s}) - 1)`)})`,
      `WHEN ${s} LIKE '____-__-_____:__:__' THEN ${localToUtc(asLocal(s), timezone)}`,
      `WHEN regexp_full_match(${s}, '${LOCAL_TIMESTAMP}') THEN ${localToUtc(asLocal(s), timezone)}`,
      `WHEN regexp_full_match(${s}, '${OFFSET_TIMESTAMP}') THEN COALESCE(${asInstant(s)}, ${asInstant(tidied(s))})`,
      `WHEN suffix(${s}, ' UTC') THEN ${asLocal(`left(${s}, length(${s}) - 4)`)} END`,
    ].join(' ');
  const skipped = (s: string, v: string) => isSkippedByClock(asLocal(s), v, timezone);
  return {
    value: (s) => unlessToken(s, style, isTimeLike, value(s)),
    suspect: (s, v) =>
      `((${v} IS NULL AND ${s} IS NOT NULL) OR strlen(${s}) > ${LONGEST_PLAIN_TIMESTAMP} OR ${outOfTimestampRange(v)} ` +
      `OR ${skipped(s, v)})`,
    misfit: (s, v) =>
      misfitUnless(
        s,
        v,
        style,
        `NOT regexp_matches(${s}, '\\.[0-9]{6}[0-9]*[1-9]') AND NOT ${outOfTimestampRange(v)} ` +
          `AND NOT (regexp_full_match(${s}, '${LOCAL_TIMESTAMP}') AND ${skipped(s, v)})`,
      ),
  };
}

function formattedTimestampCast(style: TextStyle, format: string): ValueCast {
  const { timezone } = style;
  const specifiers = format.replaceAll('%%', '');
  const parsed = (s: string) => `try_strptime(${s}, ${literal(format)})`;
  const hasOffset = /%[zZ]/.test(specifiers);
  const hasNanoseconds = specifiers.includes('%n');
  const inMicros = (s: string) => (hasOffset || hasNanoseconds ? `make_timestamp(epoch_us(${parsed(s)}))` : parsed(s));
  // A Z that stands in the format itself says UTC.
  const zone = hasOffset || (specifiers.endsWith('Z') && !specifiers.endsWith('%Z')) ? 'UTC' : timezone;
  const wrong = (s: string, v: string) =>
    [
      outOfTimestampRange(v),
      isSkippedByClock(inMicros(s), v, zone),
      hasNanoseconds ? `epoch_ns(${parsed(s)}) % 1000 <> 0` : 'FALSE',
    ].join(' OR ');
  return {
    value: (s) => unlessToken(s, style, () => true, localToUtc(inMicros(s), zone)),
    suspect: (s, v) => `((${v} IS NULL AND ${s} IS NOT NULL) OR ${wrong(s, v)})`,
    misfit: (s, v) => misfitUnless(s, v, style, `NOT (${wrong(s, v)})`),
  };
}

/** The instant, in UTC, at which clocks of the zone show `local`; the later one where they show it twice. */
function localToUtc(local: string, timezone: string): string {
  return isUtc(timezone) ? local : `make_timestamp(epoch_us(timezone(${literal(timezone)}, ${local})))`;
}

/** True where clocks of the zone never show `local`, because they were put forward over it. */
function isSkippedByClock(local: string, utc: string, timezone: string): string {
  return isUtc(timezone) ? 'FALSE' : `timezone(${literal(timezone)}, timezone('UTC', ${utc})) <> ${local}`;
}

/** Base64, as the CSV output has it and Hive's own text format. */
function binaryCast(style: TextStyle): ValueCast {
  return {
    value: (s) => unlessToken(s, style, () => true, `TRY(from_base64(${s}))`),
    suspect: (s, v) => `(${v} IS NULL AND ${s} IS NOT NULL)`,
    misfit: (s, v) => misfitUnless(s, v, style, 'TRUE'),
  };
}

/** Where the engine's cast takes nothing that it should not. */
function plainCast(sql: string, style: TextStyle, isValue: (token: string) => boolean): ValueCast {
  return {
    value: (s) => unlessToken(s, style, isValue, `TRY_CAST(trim(${s}) AS ${sql})`),
    suspect: (s, v) => `(${v} IS NULL AND ${s} IS NOT NULL)`,
    misfit: (s, v) => misfitUnless(s, v, style, 'TRUE'),
  };
}

/** `cast`, or null for a token that the cast itself might take for a value; the others it turns to null anyway. */
function unlessToken(source: string, style: TextStyle, isValue: (token: string) => boolean, cast: string): string {
  const tokens = style.nullTokens.filter(isValue);
  return tokens.length === 0 ? cast : `CASE WHEN ${isOneOf(`trim(${source})`, tokens)} THEN NULL ELSE ${cast} END`;
}

/** True where there is text but no value, and it is no null token; or where there is a value for which `exact` is false. */
function misfitUnless(
  source: string,
  value: string,
  style: TextStyle,
  exact: string,
  alsoMissing?: [expression: string, token: string],
): string {
  const listedToken = isOneOf(`trim(${source}, ' \t')`, ['', ...style.nullTokens]);
  const missing = alsoMissing ? `(${listedToken} OR ${alsoMissing[0]} = ${literal(alsoMissing[1])})` : listedToken;
  return `CASE WHEN ${value} IS NULL THEN ${source} IS NOT NULL AND NOT ${missing} ELSE NOT (${exact}) END`;
}

/** A function, where the engine would make a join of a longer IN, for every row and outside of any CASE. */
function isOneOf(text: string, values: readonly string[]): string {
  return `list_contains(${literals(values)}, ${text})`;
}

/** The whole text but for blanks around it: those that the engine's casts pass over, of which `\s` has not the vertical tab. */
function matches(source: string, pattern: string): string {
  return `regexp_full_match(${source}, ${literal(`[\\s\\v]*(${pattern})[\\s\\v]*`)})`;
}

function outOfDateRange(value: string): string {
  return `(${value} NOT BETWEEN DATE '0001-01-01' AND DATE '9999-12-31')`;
}

/** The years that every reader knows; also the infinities. */
function outOfTimestampRange(value: string): string {
  return `(${value} NOT BETWEEN TIMESTAMP '0001-01-01' AND TIMESTAMP '9999-12-31 23:59:59.999999')`;
}

function isUtc(timezone: string): boolean {
  return timezone === 'UTC' || timezone === 'Etc/UTC';
}

/** NaN is no number here: it is looked for by itself. */
function isNumberLike(token: string): boolean {
  return /^\s*[+-]?(\d|[.,]|inf)/i.test(token);
}

function isTimeLike(token: string): boolean {
  return /^\s*[+-]?\d|inf|epoch/i.test(token);
}

function isBooleanWord(token: string): boolean {
  return /^\s*(true|false|t|f|1|0|yes|no|y|n)\s*$/i.test(token);
}
