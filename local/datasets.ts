import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import type { Dataset } from '../shared/dataset/dataset.ts';
import { loadDatasetFile } from '../shared/dataset/parse.ts';
import { type DatasetRegistry, readDatasets, registryOf } from '../shared/dataset/registry.ts';
import { UnknownDataset } from '../shared/errors.ts';
import { readNamedFile } from './named-file.ts';

const FILE = /\.ya?ml$/;

/** The data sets of a folder; none where there is no such folder. */
export async function datasetsIn(folder: string): Promise<DatasetRegistry> {
  return existsSync(folder) ? readDatasets(folder) : registryOf([]);
}

/**
 * What a person names: a data set of the folder, or a `.yml` file, which then stands beside them under its own name.
 * Returns the name and the registry to find it in.
 */
export async function datasetNamedByPerson(
  named: string,
  folder: string,
): Promise<{ name: string; datasets: DatasetRegistry }> {
  if (!FILE.test(named)) {
    if (!existsSync(folder)) {
      throw new UnknownDataset(
        `No data set is named "${named}": there is no folder ${folder} here; --datasets names another, or name a .yml file`,
      );
    }
    return { name: named, datasets: await datasetsIn(folder) };
  }
  const dataset: Dataset = loadDatasetFile(await readNamedFile(named), named);
  return { name: dataset.name ?? basename(named).replace(FILE, ''), datasets: registryOf([dataset]) };
}
