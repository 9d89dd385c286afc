import {
  type ColumnProfile,
  DEFAULT_NULL_TOKENS,
  emptyProfile,
  mergeProfiles,
  type ProfileOptions,
  profileValues,
  repeatProfile,
} from './types.ts';
import { ISO, readPlainIso } from './types-dates.ts';

/** Which bytes may be judged without their text: under some options a plain number is none. */
export interface ByteRules {
  /** No null token and no declared form reads like a number or a date. */
  numbers: boolean;
  /** Longer texts are no null token. */
  longestToken: number;
}

export function byteRules({ nullTokens, dateFormat, timestampFormat }: ProfileOptions): ByteRules {
  const tokens = nullTokens ?? DEFAULT_NULL_TOKENS;
  return {
    numbers: dateFormat === undefined && timestampFormat === undefined && !tokens.some((token) => /^-?\d/.test(token)),
    longestToken: Math.max(0, ...tokens.map((token) => token.length)),
  };
}

/**
 * Evidence of a column's values from their bytes: what most values are (whole numbers, decimals, ISO 8601, words, longer texts) is
 * counted without making a text of them, the others are kept as texts. The evidence is that of `profileValues`, of which a
 * property test holds it to be the like.
 */
export class ByteProfile {
  readonly #rules: ByteRules;
  /** Values that are to be judged as text. */
  readonly rest: string[] = [];
  /** Plain decimals, `1.50`: what they mean depends on how the file's numbers are written. */
  decimals = 0;
  #values = 0;
  #empty = 0;
  #maxLength = 0;
  #integers = 0;
  #low = Number.POSITIVE_INFINITY;
  #high = Number.NEGATIVE_INFINITY;
  #minScale = Number.POSITIVE_INFINITY;
  #maxScale = 0;
  #maxIntegerDigits = 0;
  #trailingZeros = 0;
  #dates = 0;
  #timestamps = 0;
  #offsets = 0;
  #fractionDigits = 0;
  #texts = 0;
  #words: WordCounts | undefined;
  readonly #temporal = { offset: false, fractionDigits: 0 };

  constructor(rules: ByteRules) {
    this.#rules = rules;
  }

  /** The value that is `bytes[start, end)`; `ascii`: no byte of it is above 0x7F. */
  add(bytes: Buffer, start: number, end: number, ascii: boolean): void {
    const length = end - start;
    if (length === 0) {
      this.#values++;
      this.#empty++;
      return;
    }
    if (!ascii || !this.#isPlain(bytes, start, end)) {
      this.rest.push(bytes.toString(ascii ? 'latin1' : 'utf8', start, end));
      return;
    }
    this.#values++;
    if (length > this.#maxLength) this.#maxLength = length;
  }

  /** The evidence of all values so far. */
  profile(options: ProfileOptions): ColumnProfile {
    const plain: ColumnProfile = {
      ...emptyProfile(),
      values: this.#values,
      empty: this.#empty,
      maxLength: this.#maxLength,
      integers: this.#integers,
      minInteger: this.#integers === 0 ? null : String(BigInt(this.#low)),
      maxInteger: this.#integers === 0 ? null : String(BigInt(this.#high)),
      decimals: this.decimals,
      minScale: this.decimals === 0 ? 0 : this.#minScale,
      maxScale: this.#maxScale,
      maxIntegerDigits: this.#maxIntegerDigits,
      trailingZeros: this.#trailingZeros,
      dates: this.#dates === 0 ? {} : { [ISO]: this.#dates },
      dateValues: this.#dates,
      timestamps: this.#timestamps === 0 ? {} : { [ISO]: this.#timestamps },
      timestampValues: this.#timestamps,
      offsets: this.#offsets,
      fractionDigits: this.#fractionDigits,
      texts: this.#texts,
    };
    const words = [...(this.#words?.counts() ?? [])].map(
      // its length and number are already in `plain`
      ([word, times]) => ({ ...repeatProfile(profileValues([word], options), times), values: 0 }),
    );
    return [...words, profileValues(this.rest, options)].reduce(mergeProfiles, plain);
  }

  #isPlain(bytes: Buffer, start: number, end: number): boolean {
    const first = bytes[start]!;
    if (first > NINE) return this.#isText(bytes, start, end);
    return this.#rules.numbers && (this.#isNumber(bytes, start, end) || this.#isTime(bytes, start, end));
  }

  /** Digits that a number keeps, few enough to be exact in a double, and a point between them at most. */
  #isNumber(bytes: Buffer, start: number, end: number): boolean {
    const from = bytes[start] === MINUS ? start + 1 : start;
    let at = from;
    let value = 0;
    for (; at < end; at++) {
      const digit = bytes[at]! - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    const digits = at - from;
    const zero = bytes[from] === ZERO;
    if (digits === 0 || digits > EXACT_DIGITS || (zero && digits > 1)) return false;
    if (at === end) {
      const signed = from > start ? -value : value;
      if (signed < this.#low) this.#low = signed;
      if (signed > this.#high) this.#high = signed;
      this.#integers++;
      return true;
    }
    const scale = end - at - 1;
    if (bytes[at] !== POINT || scale === 0) return false;
    for (at++; at < end; at++) {
      const code = bytes[at]!;
      if (code < ZERO || code > NINE) return false;
    }
    if (scale < this.#minScale) this.#minScale = scale;
    if (scale > this.#maxScale) this.#maxScale = scale;
    if (!zero && digits > this.#maxIntegerDigits) this.#maxIntegerDigits = digits;
    if (bytes[end - 1] === ZERO) this.#trailingZeros++;
    this.decimals++;
    return true;
  }

  #isTime(bytes: Buffer, start: number, end: number): boolean {
    const reading = this.#temporal;
    const kind = readPlainIso(bytes, start, end, reading);
    if (kind === undefined) return false;
    if (kind === 'date') {
      this.#dates++;
      return true;
    }
    this.#timestamps++;
    if (reading.offset) this.#offsets++;
    if (reading.fractionDigits > this.#fractionDigits) this.#fractionDigits = reading.fractionDigits;
    return true;
  }

  /** What begins behind the digits, as letters do, and is neither an infinity nor a date with a month's name. */
  #isText(bytes: Buffer, start: number, end: number): boolean {
    const length = end - start;
    if (length <= WORD_BYTES) {
      this.#words ??= new WordCounts();
      return this.#words.add(bytes, start, end);
    }
    if (length <= this.#rules.longestToken || bytes[end - 1]! <= SPACE) return false;
    if (length <= INFINITY_BYTES && (bytes[start]! | LOWER) === LETTER_I) return false;
    const last = Math.min(end - 1, start + LONGEST_MONTH + 1);
    for (let at = start + 1; at < last; at++) {
      const code = bytes[at]!;
      if (code !== SPACE && code !== MINUS) continue;
      if (bytes[at + 1]! >= ZERO && bytes[at + 1]! <= NINE) return false;
    }
    this.#texts++;
    return true;
  }
}

const WORD_SLOTS = 256;
const MOST_WORDS = 128;

/** Counts of short ASCII words, of as many as columns of words have. */
class WordCounts {
  /** Words as numbers to the base of 256, which are never 0. */
  readonly #keys = new Float64Array(WORD_SLOTS);
  readonly #counts = new Uint32Array(WORD_SLOTS);
  #held = 0;

  /** False where there is no room for one more word. */
  add(bytes: Buffer, start: number, end: number): boolean {
    let key = 0;
    let slot = 0;
    for (let at = start; at < end; at++) {
      const code = bytes[at]!;
      key = key * 256 + code;
      slot = (slot * 31 + code) & (WORD_SLOTS - 1);
    }
    while (this.#keys[slot] !== key) {
      if (this.#keys[slot] === 0) {
        if (this.#held === MOST_WORDS) return false;
        this.#keys[slot] = key;
        this.#held++;
        break;
      }
      slot = (slot + 1) & (WORD_SLOTS - 1);
    }
    this.#counts[slot]!++;
    return true;
  }

  *counts(): Generator<[word: string, count: number]> {
    for (let slot = 0; slot < WORD_SLOTS; slot++) {
      if (this.#keys[slot] === 0) continue;
      let word = '';
      for (let key = this.#keys[slot]!; key > 0; key = Math.floor(key / 256))
        word = String.fromCharCode(key % 256) + word;
      yield [word, this.#counts[slot]!];
    }
  }
}

/** The bytes of a word fit the 53 bits of a double. */
const WORD_BYTES = 6;

const EXACT_DIGITS = 15;
/** `-infinity` begins behind no digit; `infinity` is the longest that does. */
const INFINITY_BYTES = 9;
/** `September`, the longest word that a day may follow. */
const LONGEST_MONTH = 9;
const SPACE = 32;
const MINUS = 45;
const POINT = 46;
const ZERO = 48;
const NINE = 57;
const LETTER_I = 105;
/** Makes a letter a small one. */
const LOWER = 32;
