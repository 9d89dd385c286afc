import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { prefixesMeet } from '../domain/dates.ts';
import { suggestion } from '../domain/nearest.ts';
import { tableName } from '../domain/tables.ts';
import { BadDataset, UnknownDataset } from '../errors.ts';
import { type Dataset, MIRROR_DATABASE, tableSuffixes } from './dataset.ts';
import { deepFreeze } from './freeze.ts';
import { loadDatasetFile } from './parse.ts';
import { outputsOf } from './places.ts';

/** The data sets that are known by name. */
export interface DatasetRegistry {
  get(name: string): Dataset | undefined;
  /** In the order of their names. */
  all(): readonly Dataset[];
}

/**
 * Makes a registry. Throws `BadDataset` where two data sets have one name, or write one table: a table's log and ledger are
 * those of one data set; and where one's files would lie in the folder of another's table, which keeps there what its own
 * log names and nothing else.
 */
export function registryOf(datasets: Iterable<Dataset>): DatasetRegistry {
  const byName = new Map<string, Dataset>();
  const owners = new Map<string, string>();
  for (const dataset of datasets) {
    if (byName.has(dataset.name)) throw new BadDataset(`Two data sets are named "${dataset.name}"`);
    byName.set(dataset.name, deepFreeze(dataset));
    for (const table of tablesWritten(dataset)) {
      const owner = owners.get(table);
      if (owner !== undefined) {
        throw new BadDataset(`The data sets "${owner}" and "${dataset.name}" both write the table ${table}`);
      }
      owners.set(table, dataset.name);
    }
    for (const other of byName.values()) if (other.name !== dataset.name) checkApart(other, dataset);
  }
  const sorted = [...byName.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
  return { get: (name) => byName.get(name), all: () => sorted };
}

/** Buckets that a data set does not name are those of the deployment, the same ones for all. */
const DEPLOYED = { landing: '', work: '', lake: '' };

function checkApart(one: Dataset, other: Dataset): void {
  for (const mine of outputsOf(one, DEPLOYED)) {
    for (const theirs of outputsOf(other, DEPLOYED)) {
      // Files with fixed names may share a folder: nobody tidies up there.
      const tables = [one, other].filter(({ target }) => target.layout === 'table').length;
      if (tables === 0 || mine.bucket !== theirs.bucket || !prefixesMeet(mine.prefix, theirs.prefix)) continue;
      throw new BadDataset(
        `${mine.what} of the data set "${one.name}" would lie at ${mine.prefix}, ${theirs.what} of "${other.name}" at ` +
          `${theirs.prefix}: a table's folder is its own; give one of them another path`,
      );
    }
  }
}

/** The data set of a name; `UnknownDataset` says which there are. */
export function datasetNamed(name: string, datasets: DatasetRegistry): Dataset {
  const dataset = datasets.get(name);
  if (dataset !== undefined) return dataset;
  const names = datasets.all().map((known) => known.name);
  const known = names.length === 0 ? 'there is none' : `there are ${names.join(', ')}`;
  throw new UnknownDataset(`No data set is named "${name}"; ${known}${suggestion(name, names)}`);
}

/** The catalog's tables that a data set writes, as `database.table`; none with `layout: mirror`. */
export function tablesWritten(dataset: Dataset): string[] {
  const { target } = dataset;
  if (target.layout === 'mirror' && target.database === MIRROR_DATABASE) return [];
  return tableSuffixes(dataset).flatMap((suffix) =>
    target.formats.map((format) => `${target.database}.${tableName(target.table, format, suffix)}`),
  );
}

/** All `*.yml` of a folder. Throws `BadDataset` with every problem of every file. */
export async function readDatasets(folder: string): Promise<DatasetRegistry> {
  const files = (await readdir(folder)).filter((file) => /\.ya?ml$/.test(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  const datasets: Dataset[] = [];
  const refused: string[] = [];
  files.forEach((file, i) => {
    try {
      datasets.push(loadDatasetFile(texts[i]!, join(folder, file)));
    } catch (error) {
      // Others are looked at all the same, so that all problems are told at once.
      if (!(error instanceof BadDataset)) throw error;
      refused.push(error.message);
    }
  });
  if (refused.length > 0) throw new BadDataset(refused.join('\n'), { where: folder });
  return registryOf(datasets);
}
