import type { NumberStyle } from './types-numbers.ts';

/** What speaks for which decimal sign, counted over all fields. */
interface Marks {
  /** 1,5 · 0,123 · 1,2345: only a decimal comma reads so. */
  comma: number;
  /** 1.5 · 0.123 */
  point: number;
  /** 1,234 · 12,345: a decimal comma or a group. */
  threeAfterComma: number;
  threeAfterPoint: number;
  /** 1.234,56 and 1.234.567 */
  pointGroups: number;
  /** 1,234.56 and 1,234,567 */
  commaGroups: number;
  /** 1 234 567,8 · 1'234.5 */
  otherGroups: Map<string, number>;
}

/** Rows looked at for the style. */
export const STYLE_ROWS = 2000;

export interface NumberStyleOptions {
  decimalComma?: boolean | undefined;
  thousands?: string | undefined;
}

export type FoundNumberStyle = NumberStyle & { reason?: string };

/**
 * Decimal sign and digit groups of a file, by what its fields can only mean. Where only such as `1,234` are seen, the
 * style stays plain: 1.234 or 1,234 is for a data set to say.
 */
export function sniffNumberStyle(
  rows: readonly (readonly string[])[],
  width: number,
  delimiter: string,
  options: NumberStyleOptions,
): FoundNumberStyle {
  const marks = noMarks();
  const step = Math.max(1, Math.floor(rows.length / STYLE_ROWS));
  for (let i = 0; i < rows.length; i += step) {
    const row = rows[i]!;
    if (row.length === width) for (const field of row) countMarks(field, marks);
  }
  return styleOf(marks, delimiter, options);
}

/** The same by these fields, each of which counts. */
export function numberStyleOf(
  fields: Iterable<string>,
  delimiter: string,
  options: NumberStyleOptions,
): FoundNumberStyle {
  const marks = noMarks();
  for (const field of fields) countMarks(field, marks);
  return styleOf(marks, delimiter, options);
}

function noMarks(): Marks {
  return {
    comma: 0,
    point: 0,
    threeAfterComma: 0,
    threeAfterPoint: 0,
    pointGroups: 0,
    commaGroups: 0,
    otherGroups: new Map(),
  };
}

function styleOf(marks: Marks, delimiter: string, options: NumberStyleOptions): FoundNumberStyle {
  const commaGroups = marks.commaGroups > 0;
  const decimalComma =
    options.decimalComma ??
    ((marks.comma > 0 || marks.pointGroups > 0) && marks.comma + marks.pointGroups > marks.point && !commaGroups);
  let thousands = options.thousands;
  if (thousands === undefined) {
    const [other] = [...marks.otherGroups].sort((a, b) => b[1] - a[1]);
    if (decimalComma ? marks.pointGroups > 0 : false) thousands = '.';
    else if (!decimalComma && commaGroups && delimiter !== '') thousands = ',';
    else thousands = other?.[0] ?? '';
  }
  const said = [
    ...(decimalComma && options.decimalComma === undefined ? ['decimal comma'] : []),
    ...(thousands !== '' && options.thousands === undefined ? [`digits grouped by ${JSON.stringify(thousands)}`] : []),
  ];
  const unclear =
    marks.threeAfterComma > 0 && !decimalComma && thousands === ''
      ? `numbers such as 1,234 could have a decimal comma or grouped digits: say source.csv.decimalComma or source.csv.thousands`
      : undefined;
  const reason = said.length > 0 ? said.join(', ') : unclear;
  return { decimalComma, thousands, ...(reason === undefined ? {} : { reason }) };
}

/** Where the point stands in digits with one at most, which is what most numbers are; -1 for none, undefined for any other text. */
function plainPoint(field: string): number | undefined {
  let point = -1;
  for (let i = 0; i < field.length; i++) {
    const code = field.charCodeAt(i);
    if (code >= ZERO && code <= NINE) continue;
    if (code !== POINT || point >= 0) return undefined;
    point = i;
  }
  return point;
}

const ZERO = 48;
const NINE = 57;
const POINT = 46;

function countMarks(field: string, marks: Marks): void {
  const length = field.length;
  if (length < 3 || length > 30) return;
  const first = field.charCodeAt(0);
  const last = field.charCodeAt(length - 1);
  // most fields are no numbers
  if (first > 57 || last < 48 || last > 57) return;
  const point = plainPoint(field);
  if (point !== undefined) {
    if (point >= 0) {
      // 1.234 may be grouped; 0.234 and 1234.567 are not.
      const grouped = first !== ZERO && point >= 1 && point <= 3 && length - point === 4;
      if (grouped) marks.threeAfterPoint++;
      else marks.point++;
    }
    return;
  }
  const text = field.trim();
  if (/^[-+]?\d*\.\d+$/.test(text)) {
    if (/^[-+]?[1-9]\d{0,2}\.\d{3}$/.test(text)) marks.threeAfterPoint++;
    else marks.point++;
  } else if (/^[-+]?\d*,\d+$/.test(text)) {
    if (/^[-+]?[1-9]\d{0,2},\d{3}$/.test(text)) marks.threeAfterComma++;
    else marks.comma++;
  } else if (/^[-+]?\d{1,3}(?:\.\d{3})+,\d+$/.test(text) || /^[-+]?\d{1,3}(?:\.\d{3}){2,}$/.test(text)) {
    marks.pointGroups++;
  } else if (/^[-+]?\d{1,3}(?:,\d{3})+\.\d+$/.test(text) || /^[-+]?\d{1,3}(?:,\d{3}){2,}$/.test(text)) {
    marks.commaGroups++;
  } else {
    const other = /^[-+]?\d{1,3}([ '’\u00a0\u202f])\d{3}(?:\1\d{3})*([.,]\d+)?$/.exec(text);
    if (other) {
      marks.otherGroups.set(other[1]!, (marks.otherGroups.get(other[1]!) ?? 0) + 1);
      if (other[2]?.startsWith(',')) marks.comma++;
    }
  }
}
