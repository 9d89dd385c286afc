import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dataset } from '../../shared/dataset/dataset.ts';
import { inspectDatasetFile, type PlacedProblem } from '../../shared/dataset/parse.ts';
import { registryOf } from '../../shared/dataset/registry.ts';
import { BadDataset, BadRequest } from '../../shared/errors.ts';
import type { Invocation } from '../cli.ts';
import { colours as pc } from '../colours.ts';
import { EXIT } from '../exit.ts';
import { LOCAL_PLACES } from '../home.ts';
import { readNamedFile } from '../named-file.ts';

/** `sluice validate`: every problem of every file, with its line. */
export async function validate(at: Invocation, named: string[]): Promise<number> {
  const files = named.length > 0 ? named : await datasetFiles('datasets');
  const good: Dataset[] = [];
  const reports: { file: string; problems: PlacedProblem[] }[] = [];
  for (const file of files) {
    const { dataset, problems } = inspectDatasetFile(await readNamedFile(file), file, LOCAL_PLACES);
    reports.push({ file, problems: [...problems, ...(dataset ? conflicts(dataset, good, file) : [])] });
    if (dataset) good.push(dataset);
  }
  if (at.output.json) {
    at.output.out(JSON.stringify(reports, null, 2));
  } else {
    for (const { file, problems } of reports) {
      if (problems.length === 0) at.output.out(`${pc.green('ok')} ${file}`);
      for (const { text } of problems) at.output.out(`${pc.red('error')} ${text}`);
    }
  }
  return reports.every(({ problems }) => problems.length === 0) ? EXIT.done : EXIT.usage;
}

/** What one data set takes that is another's: its name, or a table. */
function conflicts(dataset: Dataset, others: Dataset[], file: string): PlacedProblem[] {
  try {
    registryOf([...others, dataset]);
    return [];
  } catch (error) {
    if (!(error instanceof BadDataset)) throw error;
    return [{ text: `${error.message} in ${file}`, path: [] }];
  }
}

async function datasetFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => {
    throw new BadRequest(`There is no folder ${folder}/ here; name the files to validate`, { where: folder });
  });
  return names
    .filter((name) => /\.ya?ml$/.test(name))
    .sort()
    .map((name) => join(folder, name));
}
