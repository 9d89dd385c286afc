import { colours as pc } from './colours.ts';

type Value = string | number | null;

/**
 * A table without lines for people: columns two spaces apart, numbers to the right, null as `∅`. Takes any number of rows in
 * about linear time (a query may have millions).
 */
export function textTable(header: readonly string[], rows: readonly Value[][], format = formatCount): string {
  const numeric = header.map(
    (_, i) => rows.length > 0 && rows.every((row) => row[i] === null || typeof row[i] === 'number'),
  );
  const names = header.map(oneLine);
  const texts = rows.map((row) => row.map((value) => textOf(value, format)));
  const widths = names.map((name, i) =>
    texts.reduce((widest, row) => Math.max(widest, widthOf(row[i]!)), widthOf(name)),
  );
  const line = (cells: readonly string[], shown: (text: string, i: number) => string): string =>
    cells
      .map((text, i) => {
        const blank = ' '.repeat(widths[i]! - widthOf(text));
        return numeric[i] ? blank + shown(text, i) : shown(text, i) + blank;
      })
      .join('  ')
      .trimEnd();
  const lines = texts.map((cells, r) => line(cells, (text, i) => (rows[r]![i] === null ? pc.dim(text) : text)));
  return [line(names, (text) => pc.dim(text)), ...lines].join('\n');
}

export function formatCount(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString('en-US') : String(value);
}

function textOf(value: Value, format: (value: number) => string): string {
  if (value === null) return '∅';
  return typeof value === 'number' ? format(value) : oneLine(value);
}

/** A value may hold what a terminal takes for a command. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are meant
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
}

const PLAIN = /^[\u0020-\u024f]*$/;
/** What takes no place of its own, and what takes two (Unicode's East Asian wide and full forms, and emoji). */
const NO_PLACE = /\p{M}|[\u200b-\u200f]|\u2060|[\ufe00-\ufe0f]/gu;
const TWO_PLACES =
  /[\u1100-\u115f\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1faff}]|[\u{20000}-\u{3fffd}]/gu;

/** Places that a text takes in a terminal. */
function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const _ of text) width++;
  return width - (text.match(NO_PLACE)?.length ?? 0) + (text.match(TWO_PLACES)?.length ?? 0);
}
