import picomatch from 'picomatch';
import { containsPattern, parseTokens, prefixPattern, tokenGlob } from '../domain/dates.ts';
import { BadRequest } from '../errors.ts';
import { type Address, uri } from '../ports/object-store.ts';
import type { Places } from '../ports/ports.ts';
import type { Dataset } from './dataset.ts';
import { sourceBucket } from './places.ts';

/** Which data set an object belongs to that came without one: by bucket, prefix, substring and glob of their sources. */

export interface Matcher {
  dataset: Dataset;
  /** How specific the source is about the object, higher first; undefined where the object is not the data set's. */
  match(object: Address): Specificity | undefined;
}

/** Characters of the key that the prefix takes up, and how many of them it states rather than leaves to a token. */
export type Specificity = readonly [prefixLength: number, literalLength: number];

export function matcherOf(dataset: Dataset, places: Places): Matcher {
  const { source } = dataset;
  const bucket = sourceBucket(dataset, places);
  const prefix = prefixPattern(source.prefix);
  const contains = source.contains === undefined ? undefined : containsPattern(source.contains);
  const glob = source.glob === undefined ? undefined : picomatch(tokenGlob(source.glob), { dot: true });
  const literal = parseTokens(source.prefix).reduce((sum, piece) => sum + ('text' in piece ? piece.text.length : 0), 0);
  return {
    dataset,
    match(object) {
      if (object.bucket !== bucket) return undefined;
      const found = prefix.exec(object.key)?.[0];
      if (found === undefined) return undefined;
      if (contains !== undefined && !contains.test(object.key)) return undefined;
      if (glob !== undefined && !glob(object.key.slice(found.length))) return undefined;
      return [found.length, literal];
    },
  };
}

/**
 * The data set whose prefix says most about the object; undefined where none takes it. Throws `BadRequest` where two say
 * equally much, since loading it into either would be a guess.
 */
export function datasetOf(object: Address, matchers: readonly Matcher[]): Dataset | undefined {
  let best: { dataset: Dataset; score: Specificity } | undefined;
  let equal: Dataset | undefined;
  for (const { dataset, match } of matchers) {
    const score = match(object);
    if (score === undefined) continue;
    const order = best === undefined ? 1 : score[0] - best.score[0] || score[1] - best.score[1];
    if (order === 0) equal = dataset;
    if (order <= 0) continue;
    best = { dataset, score };
    equal = undefined;
  }
  if (best !== undefined && equal !== undefined) {
    throw new BadRequest(
      `Both "${best.dataset.name}" and "${equal.name}" take ${uri(object)}, and neither's prefix says more about it`,
      { where: uri(object) },
    );
  }
  return best?.dataset;
}
