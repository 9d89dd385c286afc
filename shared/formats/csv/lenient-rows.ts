import { QUOTED_FIELD_MAX_LINES } from '../../limits.ts';

/** What splits text into rows and fields. */
export interface Grammar {
  delimiter: string;
  quote: '"' | "'" | '';
  /** The quote itself, a backslash, or empty. */
  escape: string;
  /** A carriage return alone ends a line. */
  loneCr: boolean;
  /** Blanks after a delimiter are no part of the value. */
  skipSpace?: boolean;
  /** Delimiters in a row count as one, and those at a line's ends for none. */
  runs?: boolean;
  /** Lines that begin so are passed over; left out: none. */
  comment?: string;
  /** Fields of the table, as far as they are known. */
  columns?: number;
}

export interface LenientRow {
  fields: string[];
  /** Offset of the first character in the text, and of the first after the line end. */
  start: number;
  end: number;
  /** 0-based physical line, counted over the text. */
  line: number;
  /** Fields in quotes. */
  quoted: number;
  /** Quotes that open or close a field and do not fit: never closed, or unescaped inside. */
  strays: number;
  /** Quotes inside fields that do not begin with one; they can only be part of the value. */
  inner: number;
  /** Fields that are empty in quotes, by index: an empty text, where an empty field is no value. Left out: none. */
  emptyTexts?: number[];
}

export interface RowCounts {
  lf: number;
  crlf: number;
  cr: number;
  /** Quoted fields with doubled quotes; fields with a backslash escape. */
  doubled: number;
  escaped: number;
  /** Fields with a backslash escape outside quotes. */
  bareEscapes: number;
  /** Quoted fields that hold the delimiter or a line end: proof of quoting. */
  protecting: number;
  /** Quoted fields with blanks between the delimiter and the quote. */
  spaced: number;
  /** Quotes opened and never closed. */
  unclosed: number;
  /** The text ended inside a row (no line end after it). */
  openEnd: boolean;
}

export interface LenientParser {
  counts: RowCounts;
  /** The next row; undefined at the end of the text. */
  next(): LenientRow | undefined;
  /** Goes on at the first character of a line. */
  seek(offset: number, line: number): void;
  /** Physical line ends passed so far. */
  lines(): number;
}

/**
 * Splits text into rows as a forgiving person would, and counts what a strict reader trips over:
 * - a quote opens a field only at its start (blanks before it are passed over) and closes it only before a delimiter or a
 *   line end; unescaped quotes inside are part of the value, where a later one on the line closes it;
 * - a quote that nothing closes, within `QUOTED_FIELD_MAX_LINES` lines (or, where these are no rows, anywhere), is part of the value.
 *
 * @param whole the text ends where the file ends; else a row open at its end may be cut, and `counts.openEnd` says so
 */
export function lenientParser(text: string, grammar: Grammar, whole: boolean): LenientParser {
  const { delimiter, quote, loneCr } = grammar;
  const delimiterCode = delimiter.charCodeAt(0);
  const delimiterLength = delimiter.length;
  const quoteCode = quote === '' ? -1 : quote.charCodeAt(0);
  const backslash = grammar.escape === '\\';
  const blankIsText = delimiter === ' ';
  const skipSpace = grammar.skipSpace === true;
  const runs = grammar.runs === true;
  const comment = grammar.comment ?? '';
  const length = text.length;
  const counts: RowCounts = {
    lf: 0,
    crlf: 0,
    cr: 0,
    doubled: 0,
    escaped: 0,
    bareEscapes: 0,
    protecting: 0,
    spaced: 0,
    unclosed: 0,
    openEnd: false,
  };
  let at = 0;
  let line = 0;
  // where the next line feed and carriage return are, found once and not again for each quote before them
  let lfAt = -1;
  let crAt = loneCr ? -1 : length;
  let asked = 0;

  const isDelimiter = (i: number) =>
    text.charCodeAt(i) === delimiterCode && (delimiterLength === 1 || text.startsWith(delimiter, i));
  const afterBlanks = (i: number) => {
    if (!blankIsText) while (text.charCodeAt(i) === 32) i++;
    return i;
  };
  const endsField = (i: number) => {
    if (i >= length) return true;
    const code = text.charCodeAt(i);
    if (code === 13) return loneCr || i + 1 >= length || text.charCodeAt(i + 1) === 10;
    return code === 10 || isDelimiter(i);
  };
  /** Where the field ends whose closing quote stands before `i`, blanks passed over; -1 where text follows. */
  const fieldEnd = (i: number) => {
    if (endsField(i)) return i;
    const after = afterBlanks(i);
    return after > i && endsField(after) ? after : -1;
  };
  const indexOrEnd = (what: string, from: number) => {
    const found = text.indexOf(what, from);
    return found === -1 ? length : found;
  };
  /** The first line end from `from` on. */
  const lineEndAt = (from: number) => {
    // what was found holds for all places between the question and the find
    if (from < asked || lfAt < from) lfAt = indexOrEnd('\n', from);
    if (loneCr && (from < asked || crAt < from)) crAt = indexOrEnd('\r', from);
    asked = from;
    return Math.min(lfAt, crAt);
  };

  /** Of the lines below that at `from`, most split like the table's rows: what seems a quoted text is none. */
  const looksLikeRows = (from: number): boolean => {
    const counts = new Map<number, number>();
    let filled = 0;
    let end = lineEndAt(from);
    for (let line = 1; line < QUOTED_FIELD_MAX_LINES && end < length; line++) {
      const start = end + 1;
      end = lineEndAt(start);
      // an empty line, or what is between a carriage return and its line feed
      if (end - start < 1) continue;
      const fields = text.slice(start, end).split(delimiter).length;
      counts.set(fields, (counts.get(fields) ?? 0) + 1);
      filled++;
    }
    const alike = grammar.columns === undefined ? Math.max(0, ...counts.values()) : (counts.get(grammar.columns) ?? 0);
    return alike * 2 > filled;
  };

  /** Index of the quote that closes the one at `open`; -1 where none does within reach. */
  const closingQuote = (open: number): number => {
    let lines = 0;
    let lineEnd = lineEndAt(open);
    for (let i = text.indexOf(quote, open + 1); i !== -1; i = text.indexOf(quote, i + 1)) {
      for (; lineEnd < i; lineEnd = lineEndAt(lineEnd + 1)) {
        if (++lines === QUOTED_FIELD_MAX_LINES + 1 && looksLikeRows(open)) return -1;
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

  // as with line ends, what is found holds for all quotes before it
  let edgeAt = -1;
  let edgeAsked = 0;
  let pairAt = -1;
  let pairAsked = 0;

  /** The first quote from `from` on that ends a field or follows a delimiter. */
  const edgeFrom = (from: number): number => {
    if (from < edgeAsked || edgeAt < from) {
      edgeAt = indexOrEnd(quote, from);
      while (edgeAt < length && fieldEnd(edgeAt + 1) === -1 && !text.startsWith(delimiter, edgeAt - delimiterLength)) {
        edgeAt = indexOrEnd(quote, edgeAt + 1);
      }
    }
    edgeAsked = from;
    return edgeAt;
  };

  /** The first two quotes in a row from `from` on that end a field. */
  const pairFrom = (from: number): number => {
    if (from < pairAsked || pairAt < from) {
      pairAt = indexOrEnd(quote + quote, from);
      while (pairAt < length && !endsField(pairAt + 2)) pairAt = indexOrEnd(quote + quote, pairAt + 1);
    }
    pairAsked = from;
    return pairAt;
  };

  /** A quote further down the same line that ends a field, where the one at `close` stands inside it: `"a "b" c",`. */
  const laterClose = (close: number): number => {
    const at = edgeFrom(close + 1);
    // one that does not end a field opens the next: nothing closes this one
    return at < lineEndAt(close) && fieldEnd(at + 1) !== -1 ? at : -1;
  };

  /**
   * The quote that ends what the one at `i` begins in the middle of a field, where delimiters lie between the two: most
   * likely one is missing before it, and those between are part of a value. The field then takes all of it, and its row is
   * too short, where it would otherwise have as many fields as it should, and wrong ones.
   */
  const gluedClose = (from: number, i: number): number => {
    if (i === from || text.charCodeAt(i - 1) <= 32 || text.charCodeAt(i + 1) <= 32 || endsField(i + 1)) return -1;
    const close = text.indexOf(quote, i + 1);
    if (close === -1 || close === i + 1 || close > lineEndAt(i) || fieldEnd(close + 1) === -1) return -1;
    const parts = text.indexOf(delimiter, i + 1);
    return parts !== -1 && parts < close ? close : -1;
  };

  /** What follows a quote decides what it is: at the end of a part, the rest must be seen. */
  const isUnseen = (close: number, open: number): boolean =>
    close === -1
      ? fewLinesFrom(text, open, loneCr) || !looksLikeRows(open)
      : afterBlanks(close + 1) + Math.max(delimiterLength, 2) > length;

  /** The second of two quotes that end a field on the line, where no quote before `end` closes it otherwise: `"12" x 9""`. */
  const unescapedClose = (open: number, end: number): number => {
    const at = pairFrom(open + 1);
    return at + 1 < Math.min(end, lineEndAt(open)) ? at + 1 : -1;
  };

  /** Past the line end at `i`, which is counted. */
  const passLineEnd = (i: number): number => {
    line++;
    if (text.charCodeAt(i) === 10) {
      counts.lf++;
      return i + 1;
    }
    if (text.charCodeAt(i + 1) === 10) {
      counts.crlf++;
      return i + 2;
    }
    counts.cr++;
    return i + 1;
  };

  const passComments = (): void => {
    while (at < length) {
      let i = at;
      while (text.charCodeAt(i) === 32) i++;
      if (!text.startsWith(comment, i)) return;
      const lf = indexOrEnd('\n', i);
      let end = lf < length && text.charCodeAt(lf - 1) === 13 ? lf - 1 : lf;
      if (loneCr) end = Math.min(end, indexOrEnd('\r', i));
      at = end < length ? passLineEnd(end) : length;
      if (end >= length) counts.openEnd = true;
    }
  };

  const next = (): LenientRow | undefined => {
    if (comment !== '') passComments();
    if (at >= length) return undefined;
    const row: LenientRow = { fields: [], start: at, end: at, line, quoted: 0, strays: 0, inner: 0 };
    const { fields } = row;
    for (;;) {
      let value: string | undefined;
      if (runs) {
        while (isDelimiter(at)) at += delimiterLength;
        // delimiters at a line's end: the last field is already there
        if (fields.length > 0 && endsField(at)) value = fields.pop()!;
      } else if (skipSpace) {
        while (text.charCodeAt(at) === 32) at++;
      }
      const open = quoteCode === -1 || value !== undefined ? -1 : afterBlanks(at);
      if (open !== -1 && text.charCodeAt(open) === quoteCode) {
        const proper = closingQuote(open);
        if (!whole && isUnseen(proper, open)) {
          // cut by the text's end: the row is incomplete
          fields.push(text.slice(open + 1));
          at = length;
          break;
        }
        let close = proper;
        if (proper !== -1 && fieldEnd(proper + 1) === -1) {
          // a quote inside the value; over lines it is rather the next record's, and this one was never closed, and behind
          // a delimiter it opens the next field
          const opensNext = proper > open + 1 && text.startsWith(delimiter, proper - delimiterLength);
          close = opensNext || lineEndAt(open) < proper ? -1 : laterClose(proper);
          // two quotes at its head, of which one is a stray: then it may run on over lines as any other
          if (close === -1 && proper === open + 1) {
            const far = closingQuote(proper);
            if (!whole && isUnseen(far, open)) {
              fields.push(text.slice(open + 1));
              at = length;
              break;
            }
            if (far !== -1 && fieldEnd(far + 1) !== -1) close = far;
          }
        }
        if (close === -1) close = unescapedClose(open, proper === -1 ? length : proper);
        if (close === -1) {
          row.strays++;
          if (proper === -1) counts.unclosed++;
        } else {
          if (close !== proper) row.strays++;
          const body = text.slice(open + 1, close);
          value = body;
          row.quoted++;
          if (body === '') row.emptyTexts = [...(row.emptyTexts ?? []), fields.length];
          if (open > at && !skipSpace) counts.spaced++;
          if (body.includes(quote + quote)) {
            counts.doubled++;
            value = value.replaceAll(quote + quote, quote);
          }
          if (backslash && body.includes('\\')) {
            counts.escaped++;
            value = value.replace(/\\(.)/gs, '$1');
          }
          const breaks = body.includes('\n') || body.includes('\r');
          if (breaks || body.includes(delimiter)) counts.protecting++;
          if (breaks) line += lineEnds(body, loneCr);
          at = fieldEnd(close + 1);
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
            if (loneCr || text.charCodeAt(at + 1) === 10) break;
          } else if (code === quoteCode) {
            if (at > open) {
              row.inner++;
              const close = gluedClose(from, at);
              if (close !== -1) {
                row.strays++;
                at = close;
              }
            }
          } else if (backslash && code === 92 && at + 1 < length) {
            const escaped = text.charCodeAt(at + 1);
            if (
              escaped === delimiterCode ||
              escaped === 92 ||
              escaped === quoteCode ||
              escaped === 10 ||
              escaped === 13
            ) {
              escapes = true;
              if (escaped === 10) line++;
              at++;
            }
          }
        }
        value = text.slice(from, at);
        if (escapes) {
          counts.escaped++;
          counts.bareEscapes++;
          value = value.replace(/\\(.)/gs, '$1');
        }
      }
      fields.push(value);
      if (at >= length) break;
      const code = text.charCodeAt(at);
      if (code === 10 || code === 13) {
        at = passLineEnd(at);
        row.end = at;
        return row;
      }
      at += delimiterLength;
      if (at >= length) {
        // a delimiter ends the text: an empty field follows it
        fields.push('');
        break;
      }
    }
    counts.openEnd = true;
    row.end = length;
    return row;
  };

  return {
    counts,
    next,
    seek(offset, toLine) {
      at = offset;
      line = toLine;
    },
    lines: () => line,
  };
}

export interface LenientRows extends RowCounts {
  rows: LenientRow[];
}

/**
 * All rows of a text; the last is dropped where the text may have cut it.
 *
 * @param width fields of the table; in one of several, of empty lines one below another only the first is given
 */
export function parseRows(text: string, grammar: Grammar, whole: boolean, width = 1): LenientRows {
  const parser = lenientParser(text, grammar, whole);
  const rows: LenientRow[] = [];
  let empty = 0;
  for (let row = parser.next(); row !== undefined; row = parser.next()) {
    empty = row.fields.length === 1 && row.fields[0] === '' && row.quoted === 0 ? empty + 1 : 0;
    if (width === 1 || empty <= 1) rows.push(row);
  }
  if (parser.counts.openEnd && !whole && rows.length > 1) rows.pop();
  return { rows, ...parser.counts };
}

/** The rest of the text has no more lines than a quoted field may have. */
function fewLinesFrom(text: string, from: number, loneCr: boolean): boolean {
  const ends = loneCr ? /[\r\n]/g : /\n/g;
  ends.lastIndex = from;
  for (let lines = 0; ends.test(text); ) if (++lines > QUOTED_FIELD_MAX_LINES) return false;
  return true;
}

function lineEnds(text: string, loneCr: boolean): number {
  let lines = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 10 || (code === 13 && loneCr && text.charCodeAt(i + 1) !== 10)) lines++;
  }
  return lines;
}

/** An empty line, or one of blanks alone. */
export function isBlank(row: Pick<LenientRow, 'fields' | 'quoted'>): boolean {
  return row.fields.length === 1 && row.quoted === 0 && isBlankText(row.fields[0]!);
}

/**
 * Nothing but blanks of ASCII: others are several bytes in UTF-8, and a text is to be read alike in every encoding and before and
 * after it is decoded.
 */
export function isBlankText(text: string): boolean {
  return /^[\t-\r ]*$/.test(text);
}

/**
 * Whole rows of a sample from inside a file, blank lines among them. It may begin anywhere, also inside quotes: both
 * assumptions are tried, and the one under which more rows have the table's width is taken. The first row is left out, as
 * it may have begun before the sample.
 *
 * @param toEnd the sample ends where the file ends
 */
export function alignedRows(text: string, grammar: Grammar, width: number, toEnd: boolean): LenientRow[] {
  let best: LenientRow[] = [];
  let bestShare = -1;
  for (const before of grammar.quote === '' ? [''] : ['', grammar.quote]) {
    const rows = parseRows(before + text, grammar, toEnd, width).rows.slice(1);
    const filled = rows.filter((row) => !isBlank(row));
    const share = filled.filter((row) => row.fields.length === width).length / Math.max(1, filled.length);
    if (share > bestShare) {
      best = rows;
      bestShare = share;
    }
  }
  return best;
}
