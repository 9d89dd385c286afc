import { distance } from 'fastest-levenshtein';

/**
 * The candidate most like a misspelt name, or undefined where none is alike: one letter may differ in a short name, two from
 * four letters on, a third in a long one, and never all. Case is no difference.
 */
export function nearest(name: string, candidates: Iterable<string>): string | undefined {
  const wanted = name.toLowerCase();
  const tolerated = Math.max(wanted.length < 4 ? 1 : 2, Math.floor(wanted.length / 3));
  let best: string | undefined;
  let bestDistance = Math.min(tolerated + 1, wanted.length);
  for (const candidate of candidates) {
    const found = distance(wanted, candidate.toLowerCase());
    if (found < bestDistance) {
      best = candidate;
      bestDistance = found;
    }
  }
  return best;
}

/** `; did you mean "x"?`, or nothing where nothing is alike: the end of a message about an unknown name. */
export function suggestion(name: string, candidates: Iterable<string>): string {
  const best = nearest(name, candidates);
  return best === undefined ? '' : `; did you mean "${best}"?`;
}
