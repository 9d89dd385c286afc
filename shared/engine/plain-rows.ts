import { escapePattern } from '../domain/escape-pattern.ts';
import { type ColumnType, decimalOf } from '../domain/schema.ts';
import type { CsvDialect } from '../formats/csv-dialect.ts';
import { PLAIN_PIECE_BYTES } from '../limits.ts';

const LF = 10;
/** What there is no day of, and numbers that are too large, the engine leaves out, which shows in the number of rows. */
const DAY = '(?:19|20)[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])';
const TIME = '(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,6})?';

/**
 * A pattern of texts that are values of `type` without doubt: the engine's reader makes of each what `textCast` makes of it, and it is no
 * misfit. Undefined where there are none, or where one may stand for a missing value.
 */
export function plainPattern(
  type: ColumnType,
  { nullTokens, timezone }: { nullTokens: readonly string[]; timezone: string },
): string | undefined {
  const pattern = patternOf(type, timezone);
  if (pattern === undefined) return undefined;
  const whole = new RegExp(`^(?:${pattern})$`);
  return nullTokens.some((token) => whole.test(token)) ? undefined : pattern;
}

function patternOf(type: ColumnType, timezone: string): string | undefined {
  switch (type) {
    case 'int':
    case 'bigint':
      return '-?[0-9]+';
    case 'float':
      return '-?[0-9]{1,15}(?:\\.[0-9]+)?';
    case 'double':
      return '-?[0-9]{1,15}(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?';
    case 'boolean':
      return 'true|false|True|False|TRUE|FALSE|t|f|1|0';
    case 'date':
      return DAY;
    case 'timestamp':
      return `${DAY}[ T]${TIME}${timezone === 'UTC' ? 'Z?' : 'Z'}`;
    case 'string':
    case 'binary':
      return undefined;
    default:
      return plainDecimal(decimalOf(type)!);
  }
}

/** Only what the engine holds in 64 bits: to wider ones its reader parses slowly. */
function plainDecimal({ precision, scale }: { precision: number; scale: number }): string | undefined {
  if (precision > 18) return undefined;
  const whole = precision === scale ? '0' : '[0-9]+';
  return scale === 0 ? `-?${whole}` : `-?${whole}(?:\\.[0-9]{1,${scale}})?`;
}

/** Whether records of a dialect can be told by a pattern: they are then what RFC 4180 says, or without any quotes. */
export function isPlainDialect(dialect: CsvDialect): boolean {
  const { delimiter, quote, lineEnd } = dialect;
  return (
    /^[\t -~]$/.test(delimiter) &&
    !/["A-Za-z0-9.:+ -]/.test(delimiter) &&
    (quote === '' || (quote === '"' && dialect.escape === '"')) &&
    dialect.comment === '' &&
    (lineEnd === '\n' || lineEnd === '\r\n') &&
    dialect.encoding === 'utf-8' &&
    dialect.footerRows === 0 &&
    !dialect.skipInitialSpace &&
    !dialect.delimiterRuns &&
    dialect.otherTables === undefined &&
    !dialect.decimalComma &&
    dialect.thousands === ''
  );
}

/** What was seen of a file. */
export interface PlainCount {
  records: number;
  /** Physical lines, those inside quotes among them; a last line without an end counts. */
  lines: number;
  bytes: number;
}

/**
 * Looks, apart from the engine, whether each record of a CSV has all its fields and each value is spelled plainly: then nothing can be
 * lost where the engine parses text to its types at once, which keeps no text to hold the values against. One compiled pattern a
 * record, over a byte a character. It counts the records on the way, as `RecordScanner` would.
 */
export class PlainRows {
  /** A record where no carriage return is, which is told in no time, and anywhere: the fewer characters are excluded, the faster. */
  readonly #record: RegExp;
  readonly #anyRecord: RegExp;
  readonly #lineEnd: string;
  #skipBytes: number;
  #skipLines: number;
  #records = 0;
  #lines = 0;
  #bytes = 0;
  /** The beginning of a record that the next chunk goes on with. */
  #held = '';
  #isBroken = false;

  /**
   * @param dialect one of which `isPlainDialect` is true
   * @param patterns of each of the file's columns, two at least; undefined: any text
   * @param skipLines physical lines before the first record
   * @param quoted values that are not any text may be in quotes too, which takes longer
   */
  constructor(
    dialect: CsvDialect,
    patterns: readonly (string | undefined)[],
    skipLines: number,
    quoted: boolean = false,
  ) {
    if (patterns.length < 2) throw new TypeError('In a file of one column a blank line is a record');
    const hasQuotes = dialect.quote !== '';
    const delimiter = escapePattern(dialect.delimiter);
    const recordOf = (excluded: string) => {
      const anyText = `[^${delimiter}\\n${excluded}${hasQuotes ? '"' : ''}]*`;
      const fields = patterns.map((pattern) => {
        if (pattern === undefined) return hasQuotes ? `(?:${anyText}|"[^"]*(?:""[^"]*)*")` : anyText;
        return quoted && hasQuotes ? `(?:${pattern}|"(?:${pattern})")?` : `(?:${pattern})?`;
      });
      return new RegExp(fields.join(delimiter) + (dialect.lineEnd === '\r\n' ? '\\r\\n' : '\\n'), 'y');
    };
    this.#lineEnd = dialect.lineEnd;
    this.#record = recordOf('');
    this.#anyRecord = recordOf('\\r');
    this.#skipBytes = dialect.bomBytes;
    this.#skipLines = skipLines;
  }

  /** False once a record was seen, or begins, that is not as it should be; what comes behind it is not looked at. */
  feed(chunk: Uint8Array): boolean {
    if (this.#isBroken) return false;
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    this.#bytes += bytes.length;
    for (let from = this.#skipHead(bytes); ; ) {
      const end = Math.min(from + PLAIN_PIECE_BYTES, bytes.length);
      const piece = this.#held + bytes.toString('latin1', from, end);
      const matched = this.#match(piece);
      if (end === bytes.length) {
        this.#held = piece.slice(matched);
        // One longer than a piece is not looked through to its end.
        this.#isBroken = this.#held.length > PLAIN_PIECE_BYTES;
        return !this.#isBroken;
      }
      if (matched === 0) {
        this.#isBroken = true;
        return false;
      }
      from += matched - this.#held.length;
      this.#held = '';
    }
  }

  /** What the file holds, if all of it is plain; its last record needs no line end. Nothing may be fed afterwards. */
  end(): PlainCount | undefined {
    if (this.#isBroken || this.#skipLines > 0) return undefined;
    const rest = this.#held;
    if (rest !== '' && this.#match(rest + this.#lineEnd) !== rest.length + this.#lineEnd.length) return undefined;
    return { records: this.#records, lines: this.#lines, bytes: this.#bytes };
  }

  #skipHead(bytes: Buffer): number {
    let at = Math.min(this.#skipBytes, bytes.length);
    this.#skipBytes -= at;
    while (this.#skipLines > 0 && at < bytes.length) {
      const end = bytes.indexOf(LF, at);
      at = end < 0 ? bytes.length : end + 1;
      if (end < 0) break;
      this.#skipLines--;
      this.#lines++;
    }
    return at;
  }

  /** Characters of the whole records that `text` begins with. */
  #match(text: string): number {
    const record = text.includes('\r') ? this.#anyRecord : this.#record;
    let at = 0;
    let nextQuote = text.indexOf('"');
    while (at < text.length) {
      record.lastIndex = at;
      if (record.test(text)) {
        const end = record.lastIndex;
        this.#records++;
        this.#lines++;
        if (nextQuote >= 0 && nextQuote < end) {
          this.#lines += lineFeedsIn(text, nextQuote, end - 1);
          nextQuote = text.indexOf('"', end);
        }
        at = end;
      } else if (text.startsWith(this.#lineEnd, at)) {
        this.#lines++;
        at += this.#lineEnd.length;
      } else break;
    }
    return at;
  }
}

function lineFeedsIn(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
