import { QUOTED_FIELD_MAX_LINES } from '../../limits.ts';

/** What the trial parser splits by. */
export interface Grammar {
  delimiter: string;
  quote: '"' | "'" | '';
  /** The quote itself, a backslash, or empty. */
  escape: string;
  /** A carriage return alone ends a line. */
  loneCr: boolean;
}

export interface TrialRow {
  fields: string[];
  /** Offset of the first character in the text, and of the first after the line end. */
  start: number;
  end: number;
  /** 0-based physical line, counted over the text. */
  line: number;
  /** Fields in quotes. */
  quoted: number;
  /** Quotes where none belong: inside an unquoted field, or text after a closing quote. */
  strays: number;
}

export interface TrialRows {
  rows: TrialRow[];
  lf: number;
  crlf: number;
  cr: number;
  /** Quotes doubled inside quoted fields; characters escaped by a backslash. */
  doubled: number;
  escaped: number;
  /** Quoted fields that hold the delimiter or a line end: proof of quoting. */
  protecting: number;
  /** Fields with blanks between the delimiter and the quote. */
  spaced: number;
  /** A quote opened and never closed; parsing went on as if it were none. */
  unclosed: number;
  /** The text ended inside a row (no line end after it). */
  openEnd: boolean;
}

/**
 * Splits text into rows as a lenient reader would, and counts what a strict one would trip over.
 *
 * @param whole the text ends where the file ends; else a quoted field open at its end is a cut, not a fault
 */
export function parseRows(
  text: string,
  grammar: Grammar,
  whole: boolean,
  maxRows = Number.POSITIVE_INFINITY,
): TrialRows {
  const { delimiter, quote } = grammar;
  const delimiterCode = delimiter.charCodeAt(0);
  const delimiterLength = delimiter.length;
  const quoteCode = quote === '' ? -1 : quote.charCodeAt(0);
  const backslash = grammar.escape === '\\';
  const blankIsText = delimiter === ' ' || delimiter === '\t';
  const length = text.length;
  const out: TrialRows = {
    rows: [],
    lf: 0,
    crlf: 0,
    cr: 0,
    doubled: 0,
    escaped: 0,
    protecting: 0,
    spaced: 0,
    unclosed: 0,
    openEnd: false,
  };
  let at = 0;
  let line = 0;
  let fields: string[] = [];
  let rowStart = 0;
  let rowLine = 0;
  let quoted = 0;
  let strays = 0;

  // where the next line feed is, found once and not again for each quote before it
  let nextLf = -1;
  const lineFeedFrom = (i: number) => {
    const found = text.indexOf('\n', i);
    return found === -1 ? Number.POSITIVE_INFINITY : found;
  };
  /** Index of the quote that closes the one at `open`; -1 where none does within reach. */
  const closingQuote = (open: number): number => {
    let lines = 0;
    if (nextLf < open) nextLf = lineFeedFrom(open);
    for (let i = text.indexOf(quote, open + 1); i !== -1; i = text.indexOf(quote, i + 1)) {
      while (nextLf < i) {
        nextLf = lineFeedFrom(nextLf + 1);
        if (++lines > QUOTED_FIELD_MAX_LINES) {
          nextLf = -1;
          return -1;
        }
      }
      if (backslash) {
        let slashes = 0;
        while (text.charCodeAt(i - 1 - slashes) === 92 && i - 1 - slashes > open) slashes++;
        if (slashes % 2 === 1) continue;
      }
      if (text.charCodeAt(i + 1) !== quoteCode) return i;
      i++;
    }
    return -1;
  };
  const isDelimiter = (i: number) =>
    text.charCodeAt(i) === delimiterCode && (delimiterLength === 1 || text.startsWith(delimiter, i));

  while (at < length && out.rows.length < maxRows) {
    let value: string | undefined;
    // a quote, perhaps behind blanks, opens a quoted field
    let open = at;
    if (quoteCode !== -1) {
      if (!blankIsText) while (text.charCodeAt(open) === 32) open++;
      if (text.charCodeAt(open) === quoteCode) {
        const close = closingQuote(open);
        if (close === -1 && !whole) {
          // cut by the sample's end: the row is incomplete and dropped by the caller
          out.openEnd = true;
          out.rows.push({
            fields: [...fields, text.slice(open + 1)],
            start: rowStart,
            end: length,
            line: rowLine,
            quoted,
            strays,
          });
          return out;
        }
        let next = close + 1;
        while (close !== -1 && !blankIsText && text.charCodeAt(next) === 32) next++;
        const after = text.charCodeAt(next);
        const closed = close !== -1 && (next >= length || after === 10 || after === 13 || isDelimiter(next));
        if (closed) {
          const inner = text.slice(open + 1, close);
          value = inner;
          quoted++;
          if (open > at) out.spaced++;
          if (inner.includes(quote)) {
            if (inner.includes(quote + quote)) {
              out.doubled++;
              value = value.replaceAll(quote + quote, quote);
            }
          }
          if (backslash && inner.includes('\\')) {
            out.escaped++;
            value = value.replace(/\\(.)/gs, '$1');
          }
          if (inner.includes(delimiter)) out.protecting++;
          else if (inner.includes('\n') || inner.includes('\r')) out.protecting++;
          for (let k = inner.indexOf('\n'); k !== -1; k = inner.indexOf('\n', k + 1)) line++;
          at = next;
        } else {
          strays++;
          if (close === -1) out.unclosed++;
        }
      }
    }
    if (value === undefined) {
      const from = at;
      let escapes = false;
      for (; at < length; at++) {
        const code = text.charCodeAt(at);
        if (code === delimiterCode) {
          if (delimiterLength === 1 || text.startsWith(delimiter, at)) break;
        } else if (code === 10) break;
        else if (code === 13) {
          if (grammar.loneCr || text.charCodeAt(at + 1) === 10) break;
        } else if (code === quoteCode) {
          if (at > open) strays++;
        } else if (backslash && code === 92 && at + 1 < length) {
          const next = text.charCodeAt(at + 1);
          if (next === delimiterCode || next === 92 || next === quoteCode || next === 10 || next === 13) {
            escapes = true;
            out.escaped++;
            if (next === 10) line++;
            at++;
          }
        }
      }
      value = text.slice(from, at);
      if (escapes) value = value.replace(/\\(.)/gs, '$1');
    }
    fields.push(value);
    if (at >= length) {
      out.openEnd = true;
      break;
    }
    const code = text.charCodeAt(at);
    if (code === 10 || code === 13) {
      if (code === 10) {
        out.lf++;
        at++;
      } else if (text.charCodeAt(at + 1) === 10) {
        out.crlf++;
        at += 2;
      } else {
        out.cr++;
        at++;
      }
      line++;
      out.rows.push({ fields, start: rowStart, end: at, line: rowLine, quoted, strays });
      fields = [];
      rowStart = at;
      rowLine = line;
      quoted = 0;
      strays = 0;
    } else {
      at += delimiterLength;
      if (at >= length) {
        // a delimiter ends the text: an empty field follows it
        fields.push('');
        out.openEnd = true;
      }
    }
  }
  if (fields.length > 0) {
    out.rows.push({ fields, start: rowStart, end: length, line: rowLine, quoted, strays });
  }
  return out;
}

/** An empty line, or one of blanks alone. */
export function isBlank(row: TrialRow): boolean {
  return row.fields.length === 1 && row.quoted === 0 && row.fields[0]!.trim() === '';
}

/**
 * Whole rows of a sample from inside a file. It may begin anywhere, also inside quotes: both assumptions are tried, and
 * the one under which more rows have the table's width is taken.
 *
 * @param toEnd the sample ends where the file ends
 */
export function alignedRows(text: string, grammar: Grammar, width: number, toEnd: boolean): TrialRow[] {
  const readings = [afterNextLine(text, 0)];
  if (grammar.quote !== '') readings.push(afterNextLine(text, Math.max(0, text.indexOf(grammar.quote) + 1)));
  let best: TrialRow[] = [];
  let bestShare = -1;
  for (const start of readings) {
    const parsed = parseRows(text.slice(start), grammar, toEnd);
    if (parsed.openEnd && !toEnd) parsed.rows.pop();
    const rows = parsed.rows.filter((row) => !isBlank(row));
    const share = rows.filter((row) => row.fields.length === width).length / Math.max(1, rows.length);
    if (share > bestShare) {
      best = rows;
      bestShare = share;
    }
  }
  return best;
}

function afterNextLine(text: string, from: number): number {
  const found = /\r\n|\n|\r/g;
  found.lastIndex = from;
  const match = found.exec(text);
  return match ? match.index + match[0].length : text.length;
}
