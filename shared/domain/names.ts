import { COLUMN_NAME_MAX_BYTES } from '../limits.ts';

/**
 * Column names under Athena's rules: lower-case letters, digits and `_`, at most 255 bytes. The original names are kept in
 * the table's metadata.
 */

/** Letters that Unicode does not take apart into a Latin letter and a mark. */
const LATIN: ReadonlyMap<string, string> = new Map([
  ['ß', 'ss'],
  ['æ', 'ae'],
  ['œ', 'oe'],
  ['ø', 'o'],
  ['ł', 'l'],
  ['đ', 'd'],
  ['ð', 'd'],
  ['þ', 'th'],
  ['ı', 'i'],
]);
const MARKS = /\p{Mn}/gu;
const INVALID = /[^a-z0-9_]+/g;

/**
 * One name by itself, which may come out empty. Accents fall away, every run of other characters becomes one `_`, and at
 * either end nothing: `Cost Total $` is `cost_total`. A name that follows the rules is left as it is.
 */
export function normaliseName(original: string): string {
  // Some compatibility forms come apart into capitals, some capitals into a letter and a mark: hence twice.
  const plain = original.normalize('NFKD').toLowerCase().normalize('NFKD').replace(MARKS, '');
  const latin = plain.replace(/\P{ASCII}/gu, (letter) => LATIN.get(letter) ?? letter);
  const name = latin.replace(INVALID, (run, at: number) => (at === 0 || at + run.length === latin.length ? '' : '_'));
  return name.slice(0, COLUMN_NAME_MAX_BYTES);
}

/**
 * Names of a table's columns, in order: unique, and stable in that a column's name depends on those before it only, so that
 * columns added at the end rename none. The second `a` is `a_2`; a name with nothing left in it is `column_` and its
 * position from 1. Names in `taken` are given to none. Doing it twice changes nothing.
 */
export function normaliseNames(originals: readonly string[], taken: Iterable<string> = []): string[] {
  const used = new Set(taken);
  /** The last number that a base was given: all up to it are used. */
  const numbers = new Map<string, number>();
  return originals.map((original, index) => {
    const base = normaliseName(original) || `column_${index + 1}`;
    let name = base;
    for (let n = (numbers.get(base) ?? 1) + 1; used.has(name); n++) {
      const suffix = `_${n}`;
      name = base.slice(0, COLUMN_NAME_MAX_BYTES - suffix.length) + suffix;
      numbers.set(base, n);
    }
    used.add(name);
    return name;
  });
}
