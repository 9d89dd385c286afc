import { copyFile, link, mkdir, realpath, rm, stat, utimes } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { datasetNameFrom, parseDataset } from '../../shared/dataset/parse.ts';
import { checkPlaces } from '../../shared/dataset/places.ts';
import type { LoadRequest } from '../../shared/dataset/request.ts';
import { expandDotted, isSettings, mergeSettings, parseSetting, type Settings } from '../../shared/dataset/settings.ts';
import { yesterday } from '../../shared/domain/dates.ts';
import { BadRequest } from '../../shared/errors.ts';
import type { Invocation } from '../cli.ts';
import { type Home, openHome } from '../home.ts';
import { checkFiles } from '../named-file.ts';
import { runRequests } from './run.ts';

export interface LoadOptions {
  table: string;
  partitionBy?: string[];
  format?: string[];
  mode?: string;
  set: string[];
}

/** `sluice load`: an ad-hoc data set of local files, loaded again each time. */
export async function loadFiles(at: Invocation, files: string[], options: LoadOptions): Promise<number> {
  const [database, table, ...more] = options.table.split('.');
  if (!database || !table || more.length > 0) {
    throw new BadRequest(`--table wants database.table, not "${options.table}"`);
  }
  await checkFiles(files, 'load');
  const home = await openHome(at.home, { signal: at.signal });
  try {
    const prefix = `load/${database}.${table}/`;
    const asked: Settings = {
      name: datasetNameFrom(`load-${database}-${table}`),
      source: { prefix },
      target: {
        database,
        table,
        ...(options.mode ? { mode: options.mode } : {}),
        ...(options.partitionBy ? { partitionBy: options.partitionBy } : {}),
        ...(options.format ? { formats: options.format } : {}),
      },
    };
    const settings = options.set.map(parseSetting).map(({ key, value }) => expandDotted({ [key]: value }));
    const definition = settings.reduce(mergeSettings, asked);
    const dataset = parseDataset(mergeSettings(defaultsOf(definition), definition), 'sluice load');
    checkPlaces(dataset, home.places);
    const now = new Date();
    const request: LoadRequest = {
      dataset,
      trigger: 'person',
      objects: await placeFiles(home, prefix, files),
      referenceTime: now.toISOString(),
      constants: { data_ref: yesterday(now, dataset.source.timezone) },
      force: true,
      notices: [],
    };
    return await runRequests(at, home, [request]);
  } finally {
    await home.close();
  }
}

/** An ad-hoc load takes the place of what the table had; mirrored files do that anyway, and know no mode. */
function defaultsOf(definition: Settings): Settings {
  const { target } = definition;
  const mirrors = isSettings(target) && target['layout'] === 'mirror';
  return mirrors ? {} : { target: { mode: 'overwrite' } };
}

/** Puts the files where they are objects: as links where the disk allows it, so that nothing is copied. */
export async function placeFiles(
  home: Home,
  prefix: string,
  files: string[],
): Promise<{ bucket: string; key: string }[]> {
  const bucket = home.places.landing;
  const taken = new Map<string, number>();
  const placed: { bucket: string; key: string }[] = [];
  for (const file of files) {
    const name = basename(file);
    const count = taken.get(name) ?? 0;
    taken.set(name, count + 1);
    const key = `${prefix}${count === 0 ? '' : `${count}/`}${name}`;
    const to = home.pathOf({ bucket, key });
    await mkdir(dirname(to), { recursive: true });
    await rm(to, { force: true });
    await linkOrCopy(resolve(file), to);
    placed.push({ bucket, key });
  }
  return placed;
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    // Of the file itself: a second name for a link would point to nowhere.
    await link(await realpath(from), to);
  } catch (error) {
    if (!['EXDEV', 'EPERM', 'EMLINK', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await copyFile(from, to);
    const { atime, mtime } = await stat(from);
    await utimes(to, atime, mtime);
  }
}
