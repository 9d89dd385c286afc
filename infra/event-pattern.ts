import type { Dataset } from '../shared/dataset/dataset.ts';
import { parseTokens } from '../shared/domain/dates.ts';

/** Part of an EventBridge pattern about one field: any key, those with a prefix, or those that match with `*`. */
export type KeyPattern = undefined | string | { prefix: string } | { wildcard: string };

/**
 * Keys that a rule sends on for a source: at least those that the data set takes. Date tokens and what globs have beyond
 * `*` stand for any text, and `contains` is left out (patterns of one field are alternatives): list-latest matches again.
 */
export function keyPattern({ prefix, glob }: Pick<Dataset['source'], 'prefix' | 'glob'>): KeyPattern {
  const pieces = parseTokens(prefix).map((piece) => ('text' in piece ? piece.text : ANY));
  const pattern: (string | typeof ANY)[] = [];
  for (const piece of [...pieces, ...globPieces(glob)]) {
    const last = pattern.at(-1);
    if (piece === '' || (piece === ANY && last === ANY)) continue;
    if (typeof piece === 'string' && typeof last === 'string') pattern[pattern.length - 1] = last + piece;
    else pattern.push(piece);
  }
  const [first, second] = pattern;
  if (pattern.length === 1) return first === ANY ? undefined : first;
  if (pattern.length === 2 && typeof first === 'string' && second === ANY) return { prefix: first };
  return { wildcard: pattern.map((piece) => (piece === ANY ? '*' : piece.replace(/[*\\]/g, '\\$&'))).join('') };
}

const ANY = Symbol('any text');

/** A glob as far as it is text and stars; from its first other sign on, anything. */
function globPieces(glob: string | undefined): (string | typeof ANY)[] {
  if (glob === undefined) return [ANY];
  const special = glob.search(/[{}[\]()?!+@|\\]/);
  const plain = special < 0 ? glob : `${glob.slice(0, special)}*`;
  // `**/` also stands for no folder at all.
  const texts = plain.replaceAll('**/', '*').split(/\*+/);
  return texts.flatMap((text, i) => (i === 0 ? [text] : [ANY, text]));
}
