import { detectHeader } from './header.ts';
import { type Grammar, isBlank, type LenientRow, type LenientRows } from './lenient-rows.ts';
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

const COMMENTS = ['#', '//', '%', '--', '!', '*'];
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
  const start = options.skipRows === undefined ? tableStart(rows, width) : firstFilled(rows);

  const comment = options.comment ?? commentPrefix(rows, start, width, grammar);
  if (comment !== '') {
    if (options.comment === undefined) reasons.push(`lines that begin with ${comment} are comments`);
    rows = [...rows.slice(0, start), ...rows.slice(start).filter((row) => !isComment(row, comment))];
  }
  const top = rows[start];
  const skipLines = top === undefined ? 0 : top.line;
  if (skipLines > 0 && options.skipRows === undefined) reasons.push(`${skipLines} lines before the table are skipped`);

  const filled = rows.slice(start).filter((row) => !isBlank(row));
  const footerRows = whole ? countFooters(rows.slice(start), width) : 0;
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
    gaps: hasGaps(rows, start, width),
    headerConfidence,
    reasons,
  };
}

function firstFilled(rows: readonly LenientRow[]): number {
  const index = rows.findIndex((row) => !isBlank(row));
  return index === -1 ? 0 : index;
}

/** The first row that has the table's width, is no sparse title, and is followed by more of its kind. */
function tableStart(rows: readonly LenientRow[], width: number): number {
  const first = firstFilled(rows);
  if (width === 1) {
    let start = first;
    while (start < rows.length - 1 && COMMENTS.some((prefix) => rows[start]!.fields[0]!.startsWith(prefix))) start++;
    return start;
  }
  let early = -1;
  for (let i = first; i < rows.length; i++) {
    const row = rows[i]!;
    if (isBlank(row)) continue;
    if (early === -1 && row.fields.length === width && isNameRow(row) && present(row) === width) early = i;
    const next = rows
      .slice(i + 1, i + 12)
      .filter((other) => !isBlank(other))
      .slice(0, 5);
    const fitting = next.filter((other) => other.fields.length === width).length;
    if (fitting < next.length * 0.6) continue;
    // the header may lack a name for the row numbers, or have one field more for a delimiter at its end
    if (row.fields.length !== width && !(width > 2 && nearHeader(rows, i, width))) continue;
    if (isTopComment(row, next[0])) continue;
    if (width >= 3 && isSparseTitle(row, next)) continue;
    // a full row of names above ragged rows heads them; above one-field lines it is part of what they tell
    const between = early === -1 ? [] : rows.slice(early + 1, i).filter((other) => !isBlank(other));
    const parted = between.filter((other) => other.fields.length > 1).length;
    return early !== -1 && early < i && parted * 2 >= between.length ? early : i;
  }
  const fallback = rows.findIndex((row) => row.fields.length === width);
  return fallback === -1 ? first : fallback;
}

/** A row of names of one field more or less than the rows below it, which are no names themselves. */
function nearHeader(rows: readonly LenientRow[], at: number, width: number): boolean {
  const row = rows[at]!;
  const below = rows.slice(at + 1, at + 4);
  if (Math.abs(row.fields.length - width) !== 1 || !isNameRow(row)) return false;
  return below.some((other) => other.fields.length === width) && !below.some((other) => isNameRow(other));
}

/** A title in the first cell alone, as spreadsheets export it: above a row of names, and not above values. */
function isSparseTitle(row: LenientRow, next: readonly LenientRow[]): boolean {
  const filled = present(row);
  if (filled > 1 || (filled === 1 && !/\p{L}/u.test(row.fields[0]!))) return false;
  const below = next.find((other) => present(other) > 1);
  return below !== undefined && present(below) > 2 && isNameRow(below);
}

/** A line such as "# made by x, 2020" above the header; `#id,name` right above values is the header itself. */
function isTopComment(row: LenientRow, below: LenientRow | undefined): boolean {
  if (!COMMENTS.some((prefix) => isComment(row, prefix))) return false;
  return below !== undefined && /^\s*\W+\s/.test(row.fields[0]!) && isNameRow(below);
}

/** All fields of the row in quotes, and of the rows below some only. */
function quotedApart(first: LenientRow | undefined, body: readonly LenientRow[]): boolean {
  if (first === undefined || body.length === 0 || first.quoted < first.fields.length) return false;
  return body.every((row) => row.quoted < row.fields.length);
}

function isNameRow(row: LenientRow): boolean {
  return row.fields.every((field) => field.trim() === '' || /^[\p{L}_]/u.test(field.trim()));
}

/** Fields that are not blank. */
function present(row: LenientRow): number {
  return row.fields.filter((field) => field.trim() !== '').length;
}

function commentPrefix(rows: readonly LenientRow[], start: number, width: number, grammar: Grammar): string {
  for (const prefix of COMMENTS) {
    if (grammar.delimiter.startsWith(prefix)) continue;
    let comments = 0;
    let values = 0;
    for (let i = start + 1; i < rows.length; i++) {
      if (!isComment(rows[i]!, prefix)) continue;
      if (rows[i]!.fields.length === width) values++;
      else comments++;
    }
    if (comments > 0 && values === 0) return prefix;
  }
  return '';
}

function isComment(row: LenientRow, prefix: string): boolean {
  return row.fields[0]!.trimStart().startsWith(prefix);
}

/**
 * Rows after the last that fits, where they are notes rather than rows cut short: with one filled field each, or below a
 * blank line. Several rows of one width there are another table, which is not for throwing away in silence.
 */
function countFooters(rows: readonly LenientRow[], width: number): number {
  if (width === 1) return 0;
  let last = rows.length - 1;
  while (last > 0 && rows[last]!.fields.length !== width) last--;
  const notes = rows.slice(last + 1).filter((row) => !isBlank(row));
  if (last === 0 || notes.length === 0) return 0;
  // rows of empty fields part notes from the table as blank lines do
  const lowest = last;
  while (last > 0 && (isBlank(rows[last]!) || present(rows[last]!) === 0)) last--;
  const empty = rows.slice(last + 1, lowest + 1).filter((row) => !isBlank(row)).length;
  const widths = new Set(notes.map((row) => row.fields.length));
  if (notes.length > 1 && widths.size === 1 && notes.every((row) => present(row) > 1)) return 0;
  const parted = empty > 0 || isBlank(rows[last + 1]!);
  let footers = 0;
  for (const row of notes.reverse()) {
    if (!parted && present(row) > 1) break;
    footers++;
  }
  return footers === notes.length ? footers + empty : footers;
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
  if (names.length === width - 1) {
    const lastEmpty = body.every((row) => row.fields.length !== width || row.fields[width - 1]!.trim() === '');
    if (lastEmpty) reasons.push('every row ends in a delimiter that the header lacks: the last column is empty');
    else reasons.push('the header has one name less than the rows have fields: the first column holds row names');
    names = lastEmpty ? [...names, ''] : ['', ...names];
  } else if (names.length !== width) {
    reasons.push(`the header has ${names.length} names where the rows have ${width} fields`);
    names = Array.from({ length: width }, (_, c) => names[c] ?? '');
  }
  if (spreads) {
    // a name above several columns stands over the first of them alone
    for (let c = 1; c < width; c++) if (names[c]!.trim() === '') names[c] = names[c - 1]!;
  }
  return names;
}

function hasGaps(rows: readonly LenientRow[], start: number, width: number): boolean {
  let last = rows.length - 1;
  while (last > start && isBlank(rows[last]!)) last--;
  for (let i = start; i < last; i++) {
    const row = rows[i]!;
    if (isBlank(row) && (width === 1 || row.fields[0] !== '')) return true;
  }
  return false;
}
