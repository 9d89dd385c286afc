import { detectHeader } from './header.ts';
import { type Grammar, isBlank, type LenientRow, type LenientRows } from './lenient-rows.ts';
import {
  commentPrefix,
  countFooters,
  firstFilled,
  hasGaps,
  isComment,
  type LineRange,
  partTables,
  tableStart,
} from './sniff-bounds.ts';
import { profileValues, typeOf } from './types.ts';

/** Where the table lies among the lines of a file, and what its columns are called. */
export interface TableFindings {
  names: string[];
  width: number;
  /** Rows of data, in order; those that do not fit among them. */
  rows: LenientRow[];
  comment: string;
  skipLines: number;
  headerRows: number;
  footerRows: number;
  /** Lines of other tables in the file. */
  otherTables: LineRange[];
  /** Lines between rows that a strict reader takes for rows: of blanks, or any empty one in a file of one column. */
  gaps: boolean;
  headerConfidence: number;
  reasons: string[];
}

export interface TableOptions {
  header?: boolean | undefined;
  comment?: string | undefined;
  skipRows?: number | undefined;
}

/** Header rows at most. */
const MAX_HEADER_ROWS = 4;
/** Rows of the body that a header is judged against. */
const HEADER_BODY_ROWS = 500;

/**
 * Parts titles, notes and comments from the table and finds its header.
 *
 * @param hintLines lines at the top that speak to programs alone, such as `sep=;`
 * @param whole `parsed` reaches to the file's end, so that notes below the table can be seen
 */
export function findTable(
  parsed: LenientRows,
  width: number,
  grammar: Grammar,
  whole: boolean,
  options: TableOptions,
  declared: readonly string[] | undefined,
  hintLines: number,
): TableFindings {
  const reasons: string[] = [];
  let rows = parsed.rows.filter((row) => row.line >= (options.skipRows ?? hintLines));
  let start = options.skipRows === undefined ? tableStart(rows, width) : firstFilled(rows);

  const comment = options.comment ?? commentPrefix(rows, start, width, grammar);
  if (comment !== '') {
    if (options.comment === undefined) reasons.push(`lines that begin with ${comment} are comments`);
    rows = [...rows.slice(0, start), ...rows.slice(start).filter((row) => !isComment(row, comment))];
  }
  const parts = partTables(rows, start, width);
  if (options.skipRows === undefined) start = parts.start;
  const { otherTables } = parts;
  if (otherTables.length > 0) {
    const lines = otherTables.map(({ firstLine, lastLine }) => `${firstLine}–${lastLine}`).join(', ');
    reasons.push(`the largest table is taken; others stand in lines ${lines}`);
  }
  const top = rows[start];
  const skipLines = top === undefined ? 0 : top.line;
  if (skipLines > 0 && options.skipRows === undefined) reasons.push(`${skipLines} lines before the table are skipped`);

  const own = rows.slice(start, parts.end);
  const filled = own.filter((row) => !isBlank(row));
  const footerRows = whole && parts.end === rows.length ? countFooters(own, width) : 0;
  if (footerRows > 0) reasons.push(`${footerRows} rows below the table are notes`);
  const table = footerRows > 0 ? filled.slice(0, -footerRows) : filled;

  let headerRows = 0;
  let headerConfidence = 1;
  if (options.header === undefined) {
    const depth = headerDepth(table, width);
    const quotedNames = quotedApart(table[0], table.slice(1, HEADER_BODY_ROWS));
    const body = table.slice(1, HEADER_BODY_ROWS).filter((row) => row.fields.length === width);
    const verdict =
      depth > 1
        ? { header: true, confidence: 0.9, reason: `${depth} rows of names stand above columns that are no text` }
        : detectHeader(
            table[0]?.fields ?? [],
            body.map((row) => row.fields),
            { declared, quotedApart: quotedNames },
          );
    headerRows = verdict.header ? Math.max(1, depth) : 0;
    headerConfidence = verdict.confidence;
    reasons.push(verdict.reason);
  } else {
    headerRows = options.header && table.length > 0 ? 1 : 0;
    reasons.push(`${options.header ? 'header' : 'no header'} as declared`);
  }
  const names =
    headerRows === 0
      ? numbered(width)
      : nameColumns(table.slice(0, headerRows), table.slice(headerRows), width, reasons);

  return {
    names,
    width,
    rows: table.slice(headerRows),
    comment,
    skipLines,
    headerRows,
    footerRows,
    otherTables,
    gaps: hasGaps(rows.slice(0, parts.end), start, width),
    headerConfidence,
    reasons,
  };
}

/** All fields of the row in quotes, and of the rows below some only. */
function quotedApart(first: LenientRow | undefined, body: readonly LenientRow[]): boolean {
  if (first === undefined || body.length === 0 || first.quoted < first.fields.length) return false;
  return body.every((row) => row.quoted < row.fields.length);
}

/** Header rows by the columns that are no text: as many leading rows as have text in all of those. */
function headerDepth(rows: readonly LenientRow[], width: number): number {
  const fitting = rows.slice(0, HEADER_BODY_ROWS).filter((row) => row.fields.length === width);
  for (let depth = Math.min(MAX_HEADER_ROWS, fitting.length - 2); depth >= 2; depth--) {
    const body = fitting.slice(depth);
    const typed: number[] = [];
    for (let c = 0; c < width; c++) {
      if (typeOf(profileValues(body.map((row) => row.fields[c]!))).type !== 'string') typed.push(c);
    }
    if (typed.length < 2) continue;
    const named = fitting.slice(0, depth).every((row) => {
      const fields = typed.map((c) => row.fields[c]!.trim());
      const texts = fields.filter((field) => field !== '' && profileValues([field]).texts > 0).length;
      const years = fields.filter((field) => /^(19|20)\d\d$/.test(field)).length;
      const empty = fields.filter((field) => field === '').length;
      return texts + years + empty === fields.length && texts + years > 0;
    });
    const lowest = fitting[depth - 1]!;
    const lowestNames = typed.filter((c) => profileValues([lowest.fields[c]!]).texts > 0).length;
    if (named && lowestNames >= Math.max(2, typed.length / 2)) return depth;
  }
  return 0;
}

function numbered(width: number): string[] {
  return Array.from({ length: width }, (_, c) => `column${c}`);
}

function nameColumns(
  header: readonly LenientRow[],
  body: readonly LenientRow[],
  width: number,
  reasons: string[],
): string[] {
  const parts = header.map((row, depth) => fitNames(row.fields, body, width, depth < header.length - 1, reasons));
  return Array.from({ length: width }, (_, c) => {
    const words: string[] = [];
    for (const names of parts) {
      const word = header.length === 1 ? names[c]! : names[c]!.trim();
      if (word !== '' && words.at(-1) !== word) words.push(word);
    }
    return words.join(' ');
  });
}

/** A header of another width than the rows: one name short where the first column has row names, or the last is empty. */
function fitNames(
  fields: readonly string[],
  body: readonly LenientRow[],
  width: number,
  spreads: boolean,
  reasons: string[],
): string[] {
  let names = [...fields];
  while (names.length > width && names.at(-1)!.trim() === '') names.pop();
  if (names.length === width - 1) {
    const rows = body.filter((row) => row.fields.length === width);
    if (rows.every((row) => row.fields[width - 1]!.trim() === '')) {
      reasons.push('every row ends in a delimiter that the header lacks: the last column is empty');
      names.push('');
    } else if (rows.length > 1 && new Set(rows.map((row) => row.fields[0])).size === rows.length) {
      reasons.push('the header has one name less than the rows have fields: the first column holds row names');
      names.unshift('');
    }
  }
  if (names.length !== width) {
    reasons.push(`the header has ${names.length} names where the rows have ${width} fields`);
    names = Array.from({ length: width }, (_, c) => names[c] ?? '');
  }
  if (spreads) {
    // a name above several columns stands over the first of them alone
    for (let c = 1; c < width; c++) if (names[c]!.trim() === '') names[c] = names[c - 1]!;
  }
  return names;
}
