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
import { cellKind, SPECIFIC } from './sniff-cells.ts';
import { commentedNames, fitNames, nameColumns, namesPartedOtherwise } from './sniff-names.ts';
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
export const HEADER_BODY_ROWS = 500;

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

  const all = rows;
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
  const own = rows.slice(start, parts.end);
  const filled = own.filter((row) => !isBlank(row));
  const footerRows = whole && parts.end === rows.length ? countFooters(own, width) : 0;
  if (footerRows > 0) reasons.push(`${footerRows} rows below the table are notes, or empty`);
  let table = footerRows > 0 ? filled.slice(0, -footerRows) : filled;

  let headerRows = 0;
  let headerConfidence = 1;
  let names = numbered(width);
  if (options.header === undefined) {
    const found = findHeader(table, width, declared);
    headerRows = found.rows;
    headerConfidence = found.confidence;
    const above = rows[start - 1];
    const otherwise =
      headerRows === 0 && above !== undefined && above.end === table[0]?.start && start - 1 === firstFilled(rows)
        ? namesPartedOtherwise(above, grammar.delimiter, width)
        : undefined;
    const commented =
      headerRows === 0 && table[0] !== undefined ? namesInComment(all, table[0], grammar.delimiter, width) : undefined;
    if (otherwise) {
      start--;
      table = [above!, ...table];
      headerRows = 1;
      headerConfidence = 0.8;
      names = otherwise;
      reasons.push('header: the row above is parted by another delimiter, into as many names');
    } else if (commented) {
      // no header row to a reader, which passes it over
      names = commented;
      headerConfidence = 0.8;
      reasons.push('header: the comment right above the rows has as many names');
    } else {
      reasons.push(found.reason);
      if (headerRows > 0) names = nameColumns(table.slice(0, headerRows), table.slice(headerRows), width, reasons);
    }
  } else {
    headerRows = options.header && table.length > 0 ? 1 : 0;
    reasons.push(`${options.header ? 'header' : 'no header'} as declared`);
    if (headerRows > 0) names = nameColumns(table.slice(0, 1), table.slice(1), width, reasons);
  }
  const top = rows[start];
  const skipLines = top === undefined ? 0 : top.line;
  if (skipLines > 0 && options.skipRows === undefined) reasons.push(`${skipLines} lines before the table are skipped`);

  // right above rows without a header: rows at fault, which are not for passing over in silence
  const atFault = headerRows === 0 && options.skipRows === undefined ? countAtFault(rows, start, width) : 0;
  if (atFault > 0) {
    otherTables.push({ firstLine: rows[start - atFault]!.line + 1, lastLine: rows[start]!.line });
    reasons.push(`${atFault} rows above the first have not ${width} fields, and are rejected`);
  }
  const again = new Set(headerRows > 0 ? table.slice(headerRows).filter((row) => isSame(row, table[0]!)) : []);
  for (const { line } of again) otherTables.push({ firstLine: line + 1, lastLine: line + 1 });
  otherTables.sort((a, b) => a.firstLine - b.firstLine);
  if (again.size > 0) reasons.push(`the header comes again in ${again.size} further rows, which are rejected`);

  return {
    names,
    width,
    rows: table.slice(headerRows).filter((row) => !again.has(row)),
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

/** Rows of values right above the first one that have a field more or less than it. */
function countAtFault(rows: readonly LenientRow[], start: number, width: number): number {
  let count = 0;
  for (let i = start - 1; i >= 0 && width > 2; i--) {
    const { fields } = rows[i]!;
    if (Math.abs(fields.length - width) !== 1 || !fields.some((field) => SPECIFIC.has(cellKind(field.trim())))) break;
    count++;
  }
  return count;
}

/** Names in a comment right above the first row. */
function namesInComment(
  rows: readonly LenientRow[],
  first: LenientRow,
  delimiter: string,
  width: number,
): string[] | undefined {
  const above = rows.findLast((row) => row.start < first.start && !isBlank(row));
  return above?.end === first.start ? commentedNames(above, delimiter, width) : undefined;
}

/** How many rows make up the header, by the columns below it and by what a header comes back as. */
function findHeader(
  table: readonly LenientRow[],
  width: number,
  declared: readonly string[] | undefined,
): { rows: number; confidence: number; reason: string } {
  const first = table[0];
  if (first === undefined) return { rows: 0, confidence: 0.5, reason: 'no header: there is no row' };
  const depth = headerDepth(table, width);
  if (depth > 1) {
    return { rows: depth, confidence: 0.9, reason: `${depth} rows of names stand above columns that are no text` };
  }
  // a header that comes again, as where files were put one behind another, does not speak against itself
  const body = table.slice(1, HEADER_BODY_ROWS).filter((row) => row.fields.length === width && !isSame(row, first));
  const same = table.slice(1, HEADER_BODY_ROWS).filter((row) => isSame(row, first)).length;
  if (same > MAX_HEADER_ROWS && same > body.length) {
    return { rows: 0, confidence: 0.9, reason: 'no header: most rows are the same as the first' };
  }
  const fields = first.fields.length === width ? first.fields : fitNames(first.fields, body, width, false, []);
  const verdict = detectHeader(
    fields,
    body.map((row) => row.fields),
    { declared, quotedApart: quotedApart(first, body) },
  );
  if (!verdict.header) return { ...verdict, rows: 0 };
  let rows = 1;
  while (rows < MAX_HEADER_ROWS && rows < table.length && isSame(table[rows]!, first)) rows++;
  return { ...verdict, rows };
}

function isSame(row: LenientRow, other: LenientRow): boolean {
  return row.fields.length === other.fields.length && row.fields.every((field, c) => field === other.fields[c]);
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
      // a value in quotes of another kind is still a value
      const fields = typed.map((c) => row.fields[c]!.trim().replace(/^(["'`])(.*)\1$/s, '$2'));
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
