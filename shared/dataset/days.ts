import { BadRequest } from '../errors.ts';
import type { Dataset } from './dataset.ts';

/** Lists of distances come by day, each in a folder `day=X/`, of which always all is clustered. */

const DAY_FOLDER = /(?:^|\/)day=([^/]+)\//;

/** Whether the data set's objects lie in folders of days. */
export function isOfDays({ source }: Dataset): boolean {
  return source.format === 'distances' && !DAY_FOLDER.test(source.prefix);
}

/** The data set with one day of its objects. */
export function ofDay(dataset: Dataset, day: string): Dataset {
  if (!isOfDays(dataset)) return dataset;
  const { prefix } = dataset.source;
  const folder = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
  return { ...dataset, source: { ...dataset.source, prefix: `${folder}day=${day}/` } };
}

/** The day whose folder a key lies in. */
export function dayOfKey(key: string): string | undefined {
  return DAY_FOLDER.exec(key)?.[1];
}

/** A day's name, which is a folder's: it may be a date or any other word. */
export function dayOf(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text === 'string' && /^[^/{}]+$/.test(text) && text !== '.' && text !== '..') return text;
  throw new BadRequest(`day must be the name of a folder, day=…, not ${JSON.stringify(value)}`);
}
