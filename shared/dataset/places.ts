import { OWN_PREFIXES } from '../commit/keys.ts';
import { fixedFolder, prefixesMeet } from '../domain/dates.ts';
import type { OutputFormat } from '../domain/schema.ts';
import { tableFolder, tableName } from '../domain/tables.ts';
import { BadDataset, OutputInsideSource } from '../errors.ts';
import type { Places } from '../ports/ports.ts';
import { type Dataset, tableSuffixes } from './dataset.ts';

/** Where a data set's sources and outputs lie, and that they keep apart: what lands inside a source would start a load. */

export interface OutputPlace {
  bucket: string;
  /** With the closing slash. */
  prefix: string;
  /** For people: `the table sales.orders_avro`. */
  what: string;
}

/** Layout mirror: the folder that a format's outputs lie under, `<path>/<format>/`. */
export function mirrorFolder(target: Dataset['target'], format: OutputFormat): string {
  return target.path === undefined ? `${format}/` : `${target.path}/${format}/`;
}

/**
 * Layout mirror: the part of a source's key that its outputs share, extension included. It does not depend on the
 * reference time, so that the objects of two days never meet in one output.
 */
export function mirrorRelative(dataset: Dataset, key: string): string {
  const from = dataset.target.mirrorFrom ?? fixedFolder(dataset.source.prefix);
  return key.startsWith(from) ? key.slice(from.length) : key;
}

/** Everything that a data set's runs write for others to read. */
export function outputsOf(dataset: Dataset, places: Places): OutputPlace[] {
  const { target } = dataset;
  const bucket = target.bucket ?? places.lake;
  if (target.layout === 'mirror') {
    return target.formats.map((format) => ({
      bucket,
      prefix: mirrorFolder(target, format),
      what: `the ${format} files`,
    }));
  }
  const tables = tableSuffixes(dataset).flatMap((suffix) =>
    target.formats.map((format) => ({
      bucket,
      prefix: tableFolder(target, format, suffix),
      what: `the table ${target.database}.${tableName(target.table, format, suffix)}`,
    })),
  );
  const file = dataset.cluster?.output;
  if (!file) return tables;
  const [fixed = '', ...tokens] = file.path.split('{');
  const prefix = tokens.length > 0 ? fixed.replace(/[^/]*$/, '') : `${file.path}/`;
  return [...tables, { bucket: file.bucket ?? places.lake, prefix, what: 'the file of the clusters' }];
}

/** What of the work bucket is Sluice's own. */
export function ownPlaces(places: Places): OutputPlace[] {
  return OWN_PREFIXES.map((prefix) => ({ bucket: places.work, prefix, what: "Sluice's own files" }));
}

export function sourceBucket(dataset: Dataset, places: Places): string {
  return dataset.source.bucket ?? places.landing;
}

/**
 * Refuses a data set of which outputs and sources could meet. Where one's prefix begins with the other's, whatever glob or
 * substring tells them apart: events are sent by prefix, and readers by path read all that lies under a table. Throws
 * `OutputInsideSource`, or `BadDataset` for a table inside what is Sluice's own.
 */
export function checkPlaces(dataset: Dataset, places: Places): void {
  const bucket = sourceBucket(dataset, places);
  const { prefix } = dataset.source;
  const outputs = outputsOf(dataset, places);
  const own = ownPlaces(places);
  for (const output of [...outputs, ...own]) {
    if (output.bucket !== bucket || !prefixesMeet(prefix, output.prefix)) continue;
    throw new OutputInsideSource(
      `Cannot load data set ${dataset.name}: its source s3://${bucket}/${prefix} and ${output.what} at ` +
        `s3://${output.bucket}/${output.prefix} lie one inside the other, so that a load would start another`,
      { where: `s3://${bucket}/${prefix}` },
    );
  }
  for (const output of outputs) {
    const inside = own.find((place) => place.bucket === output.bucket && prefixesMeet(place.prefix, output.prefix));
    if (!inside) continue;
    throw new BadDataset(
      `Cannot load data set ${dataset.name}: ${output.what} at s3://${output.bucket}/${output.prefix} would lie among ` +
        `${inside.what} at s3://${inside.bucket}/${inside.prefix}; say another target.path`,
      { where: `s3://${output.bucket}/${output.prefix}` },
    );
  }
}
