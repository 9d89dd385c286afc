import { type Grammar, isBlank, type LenientRow } from './lenient-rows.ts';
import { profileValues, typeOf } from './types.ts';

/** Where a table begins and ends among the lines of a file, and what else lies there. */

const COMMENTS = ['#', '//', '%', '--', '!', '*'];

export function firstFilled(rows: readonly LenientRow[]): number {
  const index = rows.findIndex((row) => !isBlank(row));
  return index === -1 ? 0 : index;
}

/** The first row that has the table's width, is no sparse title, and is followed by more of its kind. */
export function tableStart(rows: readonly LenientRow[], width: number): number {
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
      .filter((other) => !isBlank(other) && !(other.fields.length !== width && looksCommented(other)))
      .slice(0, 5);
    const fitting = next.filter((other) => other.fields.length === width).length;
    if (fitting < next.length * 0.6) continue;
    // the header may lack a name for the row numbers, or have one field more for a delimiter at its end
    if (row.fields.length !== width && !nearHeader(rows, i, width)) continue;
    if (isTopComment(row, next[0])) continue;
    if (isSparseTitle(row, next, width) || isPaddedTitle(rows, i, width)) continue;
    // a full row of names above ragged rows heads them; above one-field lines it is part of what they tell
    const between =
      early === -1 ? [] : rows.slice(early + 1, i).filter((other) => !isBlank(other) && !looksCommented(other));
    const near = Math.max(1, width >> 1);
    const ragged = between.filter(({ fields }) => fields.length > 1 && Math.abs(fields.length - width) <= near).length;
    return early !== -1 && early < i && ragged * 2 >= between.length ? early : i;
  }
  const fallback = rows.findIndex((row) => row.fields.length === width);
  return fallback === -1 ? first : fallback;
}

/**
 * A row of names of another width than the rows right below it: by one field anywhere, by more at the top of the file alone,
 * where nothing else could be the header. What is below is no row of names itself; or where all is text, its values come
 * again further down, and the names do not.
 */
function nearHeader(rows: readonly LenientRow[], at: number, width: number): boolean {
  const row = rows[at]!;
  const below = rows.slice(at + 1, at + 4).filter((other) => !isBlank(other));
  if (row.fields.length < 2 || !isNameRow(row)) return false;
  const difference = row.fields.length - width;
  if (Math.abs(difference) !== 1) {
    if (at > firstFilled(rows) || row.fields.length < width >> 1 || below[0]?.start !== row.end) return false;
  }
  if (!below.some((other) => other.fields.length === width)) return false;
  if (!below.some((other) => isNameRow(other))) return true;
  return at === firstFilled(rows) && comesAgain(rows, at + 1, width) && !comesAgain(rows, at, width);
}

/** Half of the row's filled fields at least are values of their columns, or of any where it is of another width. */
function comesAgain(rows: readonly LenientRow[], at: number, width: number): boolean {
  const { fields } = rows[at]!;
  const body = rows.slice(at + 1, at + SPARSE_ROWS).filter((row) => row.fields.length === width);
  if (fields.length === width) {
    const again = fields.filter((field, c) => field !== '' && body.some((row) => row.fields[c] === field));
    return again.length * 2 >= present(rows[at]!);
  }
  const values = new Set(body.flatMap((row) => row.fields));
  return fields.some((field) => field !== '' && values.has(field));
}

/** A title in the first cell alone, as spreadsheets export it: above a row of names, and not above values. */
function isSparseTitle(row: LenientRow, next: readonly LenientRow[], width: number): boolean {
  const filled = present(row);
  if (row.fields.length !== width || filled > 1) return false;
  if (filled === 1 && !/\p{L}/u.test(row.fields[0]!)) return false;
  const at = next.findIndex((other) => present(other) > 1);
  const below = next[at];
  if (below === undefined || !isNameRow(below)) return false;
  if (width > 2) return present(below) > 2;
  // of two columns, half a row is more often a row
  const rest = next.slice(at + 1);
  return rest.length > 0 && !rest.some((other) => isNameRow(other));
}

/**
 * A title, or the name and value of something that the table is about, made as wide as the table by empty fields: above a full
 * row of names, with nothing but more of its kind between.
 */
function isPaddedTitle(rows: readonly LenientRow[], at: number, width: number): boolean {
  if (!isPadded(rows[at]!, width)) return false;
  let i = at + 1;
  while (i < rows.length && i < at + MAX_PADDED_TITLES && (isBlank(rows[i]!) || isPadded(rows[i]!, width))) i++;
  const header = rows[i];
  if (header === undefined || header.fields.length !== width || present(header) < width) return false;
  const [first, ...rest] = header.fields;
  const isNames = isNameRow({ ...header, fields: [first!.replace(/^#\s*/, ''), ...rest] });
  // no row of names below it, and fuller ones than the titles
  const body = rows.slice(i + 1, i + 6).filter((row) => !isBlank(row));
  const fuller = body.filter((row) => row.fields.length === width && !isPadded(row, width) && !isNameRow(row));
  return isNames && fuller.length > 0 && fuller.length * 2 > body.length;
}

/** Rows of titles above a table at most. */
const MAX_PADDED_TITLES = 60;

/** A third of the fields at most, all at the row's beginning, or one alone. */
function isPadded(row: LenientRow, width: number): boolean {
  const filled = present(row);
  if (row.fields.length !== width || width < 4 || filled * 3 > width) return false;
  return filled <= 1 || row.fields.slice(0, filled).every((field) => field.trim() !== '');
}

/**
 * A line such as "# made by x, 2020" above the header, or above another comment: of several the last alone may be the header.
 * `#id,name` right above values is the header itself.
 */
function isTopComment(row: LenientRow, below: LenientRow | undefined): boolean {
  if (!looksCommented(row) || below === undefined || !/^\s*\W+\s/.test(row.fields[0]!)) return false;
  return isNameRow(below) || (SURE_COMMENT.test(row.fields[0]!) && SURE_COMMENT.test(below.fields[0]!));
}

const SURE_COMMENT = /^\s*(?:#|%|\/\/)\W*(?:\s|$)/;

export function isNameRow(row: LenientRow): boolean {
  return row.fields.every((field) => field.trim() === '' || /^[\p{L}_]/u.test(field.trim()));
}

function looksCommented(row: LenientRow): boolean {
  return COMMENTS.some((prefix) => isComment(row, prefix));
}

/** Fields that are not blank. */
export function present(row: LenientRow): number {
  return row.fields.filter((field) => field.trim() !== '').length;
}

export function commentPrefix(rows: readonly LenientRow[], start: number, width: number, grammar: Grammar): string {
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

export function isComment(row: LenientRow, prefix: string): boolean {
  return row.fields[0]!.trimStart().startsWith(prefix);
}

/**
 * Rows at the end that are no data: narrower ones that stand alone or read like a note, anything narrow below a blank line,
 * and rows of empty fields. A row of full width with its first field alone counts as narrow where the table has no such
 * row. Several rows of one width there are another table, which is not for throwing away in silence, and neither is a row
 * that is too long.
 */
export function countFooters(rows: readonly LenientRow[], width: number): number {
  if (width === 1) return 0;
  const narrow = (row: LenientRow) =>
    row.fields.length !== width ||
    present(row) === 0 ||
    (isAlone(row, width) && (width > 2 || readsLikeNote(row, rows, width)));
  let last = rows.length - 1;
  while (last > 0 && narrow(rows[last]!)) last--;
  if (last === 0) return 0;
  const sparse = rows.slice(Math.max(1, last - SPARSE_ROWS), last).some((row) => isAlone(row, width));
  // what the table has itself is no note
  if (sparse) while (last < rows.length - 1 && isAlone(rows[last + 1]!, width)) last++;
  const below = rows.slice(last + 1).filter((row) => !isBlank(row));
  if (below.length === 0) return 0;
  const notes = below.filter((row) => present(row) > 0);
  const empty = below.length - notes.length;
  const widths = new Set(notes.map((row) => row.fields.length));
  if (notes.length > 1 && widths.size === 1 && notes.every((row) => present(row) > 1)) return 0;
  const parted = present(rows[last + 1]!) === 0;
  // so many of them are what the table goes on with
  const alone = notes.filter((row) => isAlone(row, width)).length;
  if (!parted && alone > MAX_FULL_NOTES) return emptyAtEnd(below);
  let footers = 0;
  let texts = 0;
  for (const row of below.toReversed()) {
    const filled = present(row);
    const tooLong = row.fields.length > width && filled > 1;
    if (tooLong || (!parted && filled > 1)) break;
    footers++;
    if (filled > 0) texts++;
  }
  // one short row alone may be a record cut off; several lines of one field each are not
  if (texts === 1 && !parted && !readsLikeNote(notes.at(-1)!, rows, width)) return emptyAtEnd(below);
  return footers === below.length || empty === 0 ? footers : Math.max(footers, emptyAtEnd(below));
}

/** Notes right below the table that are as wide as it is. */
const MAX_FULL_NOTES = 8;

/** Rows above the end of the table in which to look for such as hold one field. */
const SPARSE_ROWS = 500;

/** The first field is there, and no other. */
function isAlone(row: LenientRow, width: number): boolean {
  return row.fields.length === width && row.fields[0]!.trim() !== '' && present(row) === 1;
}

function emptyAtEnd(rows: readonly LenientRow[]): number {
  const last = rows.findLastIndex((row) => present(row) > 0);
  return rows.length - 1 - last;
}

const NOTE =
  /^\W*(source|note|total|sum|end|eof|generated|printed|exported|copyright|quelle|fuente|fonte)\b|^[(*#=©–—-]|[.:)]$|: /i;

/** A note where a value of the first column should be: text below numbers or dates, or worded like one. */
function readsLikeNote(row: LenientRow, rows: readonly LenientRow[], width: number): boolean {
  const text = (row.fields.find((field) => field.trim() !== '') ?? '').trim();
  if (NOTE.test(text)) return true;
  // a row that another delimiter parts into as many fields is a row at fault
  if (!/^\p{L}/u.test(text) || [';', '\t', '|', ' '].some((sign) => text.split(sign).length === width)) return false;
  const values = rows.filter((other) => other.fields.length === width).map((other) => other.fields[0]!);
  const isText = profileValues([text]).texts > 0;
  return isText && typeOf(profileValues(values.slice(1))).type !== 'string';
}

/** Physical lines from 1, both ends included. */
export interface LineRange {
  firstLine: number;
  lastLine: number;
}

/**
 * Parts the table from others in the file. Another table begins below a blank line with a row of names: of another width
 * and with rows of its own, or of the same width above columns that were no text until then.
 *
 * @param start row at which the table was found to begin
 * @returns the largest part of the given width as `rows[start, end)`, and the lines of the others
 */
export function partTables(
  rows: readonly LenientRow[],
  start: number,
  width: number,
): { start: number; end: number; otherTables: LineRange[] } {
  const starts = [start];
  for (let i = start + 2; i < rows.length; i++) {
    if (isBlank(rows[i - 1]!) && !isBlank(rows[i]!) && beginsTable(rows, starts.at(-1)!, i, width)) starts.push(i);
  }
  const earlier = tablesAbove(rows, start);
  if (starts.length === 1) return { start, end: rows.length, otherTables: earlier };
  const sizes = starts.map(
    (from, n) => rows.slice(from, starts[n + 1]).filter((row) => row.fields.length === width && !isBlank(row)).length,
  );
  const main = sizes.indexOf(Math.max(...sizes));
  const others = starts.flatMap((from, n) => (n === main ? [] : [rangeOf(rows, from, starts[n + 1] ?? rows.length)]));
  return { start: starts[main]!, end: starts[main + 1] ?? rows.length, otherTables: [...earlier, ...others] };
}

function beginsTable(rows: readonly LenientRow[], from: number, at: number, width: number): boolean {
  const row = rows[at]!;
  const columns = row.fields.length;
  if (columns < 2 || present(row) < columns || !isNameRow(row)) return false;
  const below = rows[at + 1];
  if (below === undefined || below.fields.length !== columns || isBlank(below)) return false;
  if (columns !== width) return true;
  // the header again: the same table goes on
  if (row.fields.every((field, c) => field === rows[from]!.fields[c])) return false;
  // of the same width: text where the table above has none
  const above = rows.slice(from + 1, at).filter((other) => other.fields.length === width);
  let typed = 0;
  for (let c = 0; c < width; c++) {
    if (typeOf(profileValues(above.slice(0, 200).map((other) => other.fields[c]!))).type === 'string') continue;
    if (profileValues([row.fields[c]!]).texts === 0) return false;
    typed++;
  }
  return typed > 0;
}

/** Blocks of three rows and more of one width above the table: a row of names, and values below it. */
function tablesAbove(rows: readonly LenientRow[], start: number): LineRange[] {
  const found: LineRange[] = [];
  for (let i = 0; i < start; i++) {
    const columns = rows[i]!.fields.length;
    let end = i;
    while (end < start && rows[end]!.fields.length === columns && !isBlank(rows[end]!)) end++;
    // two columns of names and values are what titles are made of
    const isTable = end - i >= 3 && columns >= 3 && isNameRow(rows[i]!) && !isNameRow(rows[i + 1]!);
    if (isTable && !rows.slice(i, end).every((row) => isPadded(row, columns))) found.push(rangeOf(rows, i, end));
    if (end > i) i = end - 1;
  }
  return found;
}

function rangeOf(rows: readonly LenientRow[], from: number, to: number): LineRange {
  let last = to - 1;
  while (last > from && isBlank(rows[last]!)) last--;
  const next = rows[last + 1];
  return { firstLine: rows[from]!.line + 1, lastLine: next === undefined ? rows[last]!.line + 1 : next.line };
}

export function hasGaps(rows: readonly LenientRow[], start: number, width: number): boolean {
  let last = rows.length - 1;
  while (last > start && isBlank(rows[last]!)) last--;
  return rows.some((row, i) => i >= start && isBlank(row) && (row.fields[0] !== '' || (width === 1 && i < last)));
}
