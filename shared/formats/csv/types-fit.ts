import { type ColumnType, decimalOf } from '../../domain/schema.ts';
import { PLAIN_NUMBERS } from './types-numbers.ts';

const WHOLE = /^-?\d{1,18}$/;
const SMALL = /^-?\d{1,9}$/;
const NUMBER = /^-?\d{1,15}(?:\.\d{1,15})?$/;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const TIMESTAMP = /^\d{4}-\d{2}-\d{2}[ T](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,6})?$/;
const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

export interface FitStyle {
  nullTokens: readonly string[];
  decimalComma: boolean;
  thousands: string;
  timezone: string;
}

/**
 * A quick look at whether a text is a value of the type as the engine's cast would have it. True is for sure; false is
 * "ask the engine", as for all that is written in an unusual way. Undefined for text, which everything is.
 */
export function surelyFits(
  type: ColumnType,
  style: FitStyle,
  format: string | undefined,
): ((text: string) => boolean) | undefined {
  const tokens = new Set(['', ...style.nullTokens]);
  const plain = style.decimalComma === PLAIN_NUMBERS.decimalComma && style.thousands === PLAIN_NUMBERS.thousands;
  // where clocks are put forward there are times that never are
  const isUtc = format === undefined && style.timezone === 'UTC';
  const or = (test: (text: string) => boolean) => (text: string) => test(text) || tokens.has(text);
  switch (type) {
    case 'string':
      return undefined;
    case 'bigint':
      return or((text) => WHOLE.test(text));
    case 'int':
      return or((text) => SMALL.test(text));
    case 'double':
    case 'float':
      return or((text) => plain && NUMBER.test(text));
    case 'boolean':
      return or((text) => text === 'true' || text === 'false');
    case 'date':
      return or((text) => format === undefined && DATE.test(text) && isDay(text));
    case 'timestamp':
      return or((text) => isUtc && TIMESTAMP.test(text) && isDay(text));
    case 'binary':
      return or(() => false);
    default: {
      const { precision, scale } = decimalOf(type)!;
      return or((text) => plain && isDecimal(text, precision, scale));
    }
  }
}

function isDecimal(text: string, precision: number, scale: number): boolean {
  if (!NUMBER.test(text)) return false;
  const point = text.indexOf('.');
  const whole = (point === -1 ? text.length : point) - (text.startsWith('-') ? 1 : 0);
  return whole <= precision - scale && (point === -1 || text.length - point - 1 <= scale);
}

/** Of a text that begins with four digits, two and two; the 29th of February is left to the engine. */
function isDay(text: string): boolean {
  const month = twoDigits(text, 5);
  const day = twoDigits(text, 8);
  return month >= 1 && month <= 12 && day >= 1 && day <= DAYS[month - 1]! && !text.startsWith('0000');
}

function twoDigits(text: string, at: number): number {
  return text.charCodeAt(at) * 10 + text.charCodeAt(at + 1) - 528;
}
