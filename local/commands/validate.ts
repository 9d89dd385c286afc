import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pc from 'picocolors';
import { inspectDatasetFile, type PlacedProblem } from '../../shared/dataset/parse.ts';
import { BadRequest } from '../../shared/errors.ts';
import type { Invocation } from '../cli.ts';
import { EXIT } from '../exit.ts';
import { LOCAL_PLACES } from '../home.ts';

/** `sluice validate`: every problem of every file, with its line. */
export async function validate(at: Invocation, named: string[]): Promise<number> {
  const files = named.length > 0 ? named : await datasetFiles('datasets');
  const reports: { file: string; problems: PlacedProblem[] }[] = [];
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new BadRequest(`Cannot read ${file}: ${error.message}`, { where: file, cause: error });
    });
    reports.push({ file, problems: inspectDatasetFile(text, file, LOCAL_PLACES).problems });
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

async function datasetFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => {
    throw new BadRequest(`There is no folder ${folder}/ here; name the files to validate`, { where: folder });
  });
  return names
    .filter((name) => /\.ya?ml$/.test(name))
    .sort()
    .map((name) => join(folder, name));
}
