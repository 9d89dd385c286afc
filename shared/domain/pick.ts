/** Which of the listed objects a run loads. */

export type Pick = 'latest' | 'all' | 'new';
export type OrderBy = 'lastModified' | 'key';

/** What picking looks at. */
export interface Pickable {
  key: string;
  lastModified: Date;
}

/**
 * Yields what is picked from a listing of any length. `latest` holds one object at a time, `all` and `new` none: whether an
 * object is new is the ledger's to say, object by object, when it is claimed. The listing's order is kept.
 */
export async function* pick<T extends Pickable>(
  objects: AsyncIterable<T> | Iterable<T>,
  options: { pick: Pick; orderBy: OrderBy },
): AsyncGenerator<T, void, undefined> {
  if (options.pick !== 'latest') {
    yield* objects;
    return;
  }
  let latest: T | undefined;
  for await (const object of objects) {
    if (latest === undefined || comesLater(object, latest, options.orderBy)) latest = object;
  }
  if (latest !== undefined) yield latest;
}

/** By time, and where times are equal, or by wish, by key; S3's times are whole seconds, so ties are common. */
function comesLater(one: Pickable, other: Pickable, orderBy: OrderBy): boolean {
  if (orderBy === 'lastModified') {
    const difference = one.lastModified.getTime() - other.lastModified.getTime();
    if (difference !== 0) return difference > 0;
  }
  return compareKeys(one.key, other.key) > 0;
}

/** The order of an S3 listing: UTF-8 bytes, which beyond the basic plane is not that of JavaScript's strings. */
export function compareKeys(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
