/** How numbers are written in a file: decimal point or comma, digits grouped or not. */
export interface NumberStyle {
  decimalComma: boolean;
  /** Digit-group separator; empty: none. */
  thousands: string;
}

export const PLAIN_NUMBERS: NumberStyle = { decimalComma: false, thousands: '' };

export type NumberKind = 'none' | 'integer' | 'decimal' | 'float' | 'code';

/** What a text says as a number; one object is reused over all calls, since a sample has a million values. */
export interface NumberReading {
  kind: NumberKind;
  /** Digits before the decimal sign, without leading zeros. */
  integerDigits: number;
  /** Digits after the decimal sign, as written. */
  scale: number;
  /** The last digit after the decimal sign is a zero: nobody's shortest form, so the scale is deliberate. */
  trailingZero: boolean;
}

const ZERO = 48;
const NINE = 57;

/** Longest digit string taken for a number: 18 digits fit an int64 whatever they are, 19 only half of the time. */
const MAX_INTEGER_DIGITS = 18;
/** A plus sign before this many digits is a telephone number, which must keep its sign. */
const MIN_PHONE_DIGITS = 7;

/**
 * Reads `text` (already trimmed, not empty) into `reading`.
 *
 * `code`: digits alone, but a number would lose something: leading zeros, more digits than an int64 holds, or the
 * plus sign of a telephone number.
 */
export function readNumber(text: string, style: NumberStyle, reading: NumberReading): void {
  reading.kind = 'none';
  const first = text.charCodeAt(0);
  // letters never begin a number but for infinity, and most text begins with a letter
  if (first > NINE) {
    if (isInfinity(text)) reading.kind = 'float';
    return;
  }
  const mark = style.decimalComma ? 44 : 46;
  const group = style.thousands === '' ? -1 : style.thousands.charCodeAt(0);
  let at = first === 45 || first === 43 ? 1 : 0;
  const start = at;
  const length = text.length;
  let digits = 0;
  let grouped = 0;
  let sinceGroup = 0;
  let code = 0;
  for (; at < length; at++) {
    code = text.charCodeAt(at);
    if (code >= ZERO && code <= NINE) {
      digits++;
      sinceGroup++;
    } else if (code === group && digits > 0 && (grouped === 0 ? sinceGroup <= 3 : sinceGroup === 3)) {
      grouped++;
      sinceGroup = 0;
    } else break;
  }
  if (grouped > 0 && sinceGroup !== 3) return;
  const leadingZero = digits > 1 && text.charCodeAt(start) === ZERO;
  if (at === length) {
    if (digits === 0) {
      return;
    }
    reading.integerDigits = digits;
    reading.scale = 0;
    reading.trailingZero = false;
    const phone = first === 43 && digits >= MIN_PHONE_DIGITS;
    reading.kind = leadingZero || digits > MAX_INTEGER_DIGITS || phone ? 'code' : 'integer';
    return;
  }
  let scale = 0;
  let last = 0;
  if (code === mark) {
    at++;
    for (; at < length; at++) {
      code = text.charCodeAt(at);
      if (code < ZERO || code > NINE) break;
      scale++;
      last = code;
    }
  }
  if (digits + scale === 0) {
    if (at < length && isInfinity(text)) reading.kind = 'float';
    return;
  }
  reading.integerDigits = leadingZero ? digits : text.charCodeAt(start) === ZERO ? 0 : digits;
  reading.scale = scale;
  reading.trailingZero = last === ZERO;
  if (at === length) {
    // "007.5" is a code as much as "007" is; "5." is a float that nobody means exactly
    reading.kind = leadingZero ? 'code' : scale > 0 ? 'decimal' : 'float';
    return;
  }
  if ((code === 69 || code === 101) && /^[+-]?\d{1,3}$/.test(text.slice(at + 1))) reading.kind = 'float';
}

function isInfinity(text: string): boolean {
  return text.length <= 9 && /^[+-]?inf(inity)?$/i.test(text);
}
