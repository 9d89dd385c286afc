import { isBlank, type LenientRow, lenientParser } from './lenient-rows.ts';
import { cellKind } from './sniff-cells.ts';
import { profileValues, typeOf } from './types.ts';

/** Rows looked at to see of what kind a column is. */
const KIND_ROWS = 200;

/**
 * Names of `width` columns out of the header rows; several rows make up a name from top to bottom.
 *
 * @param body rows below, of any width
 * @param reasons gets a sentence for what had to be guessed
 */
export function nameColumns(
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

/**
 * A header of as many names as there are columns. One of another width is laid over the columns as its names and their
 * values agree best: row names have no name, a delimiter too many leaves an empty one, one too few makes one of two. A
 * column for which that does not decide has no name, rather than its neighbour's.
 *
 * @param spreads a name above several columns stands over the first of them alone
 */
export function fitNames(
  fields: readonly string[],
  body: readonly LenientRow[],
  width: number,
  spreads: boolean,
  reasons: string[],
): string[] {
  let names = [...fields];
  while (names.length > width && names.at(-1)!.trim() === '') names.pop();
  const filled = names.filter((name) => name.trim() !== '');
  if (names.length > width && filled.length === width) {
    reasons.push(`the header has ${names.length - width} empty names more than there are columns`);
    names = filled;
  }
  if (names.length !== width) names = alignNames(names, body, width, reasons);
  if (spreads) {
    for (let c = 1; c < width; c++) if (names[c]!.trim() === '') names[c] = names[c - 1]!;
  }
  return names;
}

function alignNames(names: readonly string[], body: readonly LenientRow[], width: number, reasons: string[]): string[] {
  const rows = body.filter((row) => row.fields.length === width).slice(0, KIND_ROWS);
  const column = (c: number) => rows.map((row) => row.fields[c]!.trim());
  if (names.length === width - 1 && rows.every((row) => row.fields[width - 1]!.trim() === '')) {
    reasons.push('every row ends in a delimiter that the header lacks: the last column is empty');
    return [...names, ''];
  }
  const parted = names.flatMap((name) => GLUED_NAMES.exec(name)?.slice(1) ?? [name]);
  if (names.length < width && parted.length === width) {
    reasons.push('a delimiter is missing between quoted names of the header');
    return parted;
  }
  const kinds = Array.from({ length: width }, (_, c) => kindOf(column(c)));
  // as many columns, or names, are left out in one place as there are too many
  const missing = Math.max(0, width - names.length);
  const surplus = Math.max(0, names.length - width);
  const likely = likelyPlaces(names, kinds, missing, surplus);
  if (missing === 1 && likely[0] === 0 && holdsRowNames(column(0))) {
    reasons.push('the header has one name less than the rows have fields: the first column holds row names');
    return ['', ...names];
  }
  reasons.push(`the header has ${names.length} names where the rows have ${width} fields: say schema`);
  // further columns that are seldom filled have no name because nobody thought of them
  const seldom = missing > 0 && column(names.length).filter((value) => value !== '').length < rows.length / 2;
  const last = likely.at(-1)!;
  const first = seldom && last === names.length ? last : likely[0]!;
  return Array.from({ length: width }, (_, c) => {
    if (c < first) return names[c]!;
    const name = names[c - missing + surplus] ?? '';
    return c >= last + missing || (surplus > 0 && name === names[c]) ? name : '';
  });
}

/** `id"email`, which was `"id""email"`, and `id"email"`. */
const GLUED_NAMES = /^([^"]+)"([^"]+)"?$/;

/** Where names, or columns, may be left out so that names and values agree best; ascending. */
function likelyPlaces(
  names: readonly string[],
  kinds: readonly ColumnKind[],
  missing: number,
  surplus: number,
): number[] {
  const places = Math.min(names.length, kinds.length) + 1;
  // of all names behind the place, and then one after another of those before it
  let score = 0;
  for (let c = missing; c < kinds.length; c++) score += affinity(names[c - missing + surplus]!, kinds[c]!);
  const scores = [score];
  for (let at = 1; at < places; at++) {
    score += affinity(names[at - 1]!, kinds[at - 1]!);
    score -= affinity(names[at - 1 + surplus]!, kinds[at - 1 + missing]!);
    scores.push(score);
  }
  const best = scores.reduce((a, b) => Math.max(a, b));
  return scores.flatMap((each, at) => (each === best ? [at] : []));
}

/** 1, 2, 3, … or words of which none comes twice, as R writes them. */
function holdsRowNames(values: readonly string[]): boolean {
  if (values.length < 2 || values.includes('') || new Set(values).size < values.length) return false;
  const numbers = values.map(Number);
  if (numbers.every((value, i) => value === numbers[0]! + i)) return true;
  return values.every((value) => cellKind(value) === 'word' || cellKind(value) === 'text');
}

type ColumnKind = 'temporal' | 'number' | 'address' | 'text' | 'unknown';

function kindOf(values: readonly string[]): ColumnKind {
  const profile = profileValues(values);
  const present = profile.values - profile.empty;
  if (present === 0) return 'unknown';
  if (profile.dateValues + profile.timestampValues + profile.times > present / 2) return 'temporal';
  const { type } = typeOf(profile);
  if (type !== 'string') return type === 'boolean' ? 'unknown' : 'number';
  const addresses = values.filter((value) => cellKind(value) === 'address').length;
  if (addresses > present / 2) return 'address';
  // signs and digits, such as 1950:2, may be anything
  const isText = profile.texts > present / 2 && values.filter((value) => /\p{L}/u.test(value)).length > present / 2;
  return isText ? 'text' : 'unknown';
}

/** Words in names of columns whose values are mostly of one kind. */
const HINTS: readonly (readonly [words: RegExp, kinds: readonly ColumnKind[]])[] = [
  [/dat(e|um)|time|day|month|year|_at$|created|updated|fecha|jahr|heure/i, ['temporal']],
  [/year|month|day/i, ['number']],
  // keys are words as often
  [/^(id|ID|nr|no|key|index)$|[_ ]id$|[a-z]ID$/, ['number', 'text']],
  [/ur[li]|link|href|website|mail/i, ['address']],
  [
    /qty|quant|count(?!r)|amount|pric|cost|total|sum|avg|mean|min|max|rate|size|age$|lat|lon|lng|score|weight|height|value|perce|pct|rank|popul|temp|humid|press|number/i,
    ['number'],
  ],
  [/name|title|desc|comment|note|city|town|country|state|address|street|categ|status|sex|gender|text/i, ['text']],
];

/** 1 where name and kind agree, −1 where they do not, 0 where the name says nothing. */
function affinity(name: string, kind: ColumnKind): number {
  if (name === '' || kind === 'unknown') return 0;
  const said = HINTS.filter(([words]) => words.test(name)).flatMap(([, kinds]) => kinds);
  if (said.length === 0) return 0;
  return said.includes(kind) ? 1 : -1;
}

/** Words that names are seldom made of, or seldom begin with, and titles and their parts often. */
const PROSE = /^(a|an|as|at|from|in|on|to)$|^(and|by|for|of|the|with)( |$)/i;
const OTHER_DELIMITERS = [';', ',', '\t', '|', ' ', ':', '||'];

/**
 * The names in a row that is parted by another delimiter than the rows below it, and has then as many of them.
 *
 * @returns undefined where it does not read so
 */
export function namesPartedOtherwise(
  row: Pick<LenientRow, 'fields' | 'quoted'>,
  delimiter: string,
  width: number,
): string[] | undefined {
  if (width < 2 || row.fields.length >= width || isBlank(row)) return undefined;
  // quotes around the first and the last name were taken for those of one field
  const text = row.quoted === 1 && row.fields.length === 1 ? `"${row.fields[0]}"` : row.fields.join(delimiter);
  for (const other of OTHER_DELIMITERS) {
    // two words are a title as well
    if (other === delimiter || !text.includes(other) || (other === ' ' && width === 2)) continue;
    const grammar = { delimiter: other, quote: '"', escape: '"', loneCr: false } as const;
    const names =
      lenientParser(text, grammar, true)
        .next()
        ?.fields.map((name) => name.trim()) ?? [];
    if (names.length !== width || new Set(names).size < width) continue;
    if (names.every((name) => /^[\p{L}_]/u.test(name) && !PROSE.test(name))) return names;
  }
  return undefined;
}

/**
 * The names in a comment such as `# id, name`: as many as there are columns, of few words each.
 *
 * @returns undefined where it does not read so
 */
export function commentedNames(
  row: Pick<LenientRow, 'fields'>,
  delimiter: string,
  width: number,
): string[] | undefined {
  const [, text] = /^\s*[#%]+\s*(.*)$/s.exec(row.fields.join(delimiter)) ?? [];
  if (text === undefined || width < 2) return undefined;
  const parts = delimiter === ' ' ? text.trim().split(/ +/) : text.split(delimiter);
  const names = parts.map((name) => name.trim());
  // two words are a title as well
  const isTitle = width === 2 && (delimiter === ' ' || names.some((name) => name.includes(' ')));
  if (isTitle || names.length !== width || new Set(names).size < width) return undefined;
  const isName = (name: string) => /^[\p{L}_]/u.test(name) && !PROSE.test(name) && name.split(' ').length <= 5;
  return names.every(isName) ? names : undefined;
}
