import { createHash } from 'node:crypto';
import { normaliseNames } from '../domain/names.ts';
import { BadRequest } from '../errors.ts';
import { datasetNameFrom } from './parse.ts';
import { isSettings, joinSettings, jsonOrText, mergeSettings, type Settings } from './settings.ts';

/**
 * Inputs of the systems that Sluice replaces. Each name stands for a field of a data set, so that it may be used by itself
 * (with others of its form it makes a whole definition) or beside the name of a data set.
 */

interface OlderName {
  /** The field it stands for; none where it is about the request and not the data set. */
  path?: readonly string[];
  read: (value: unknown, name: string) => unknown;
}

interface OlderForm {
  /** For people. */
  title: string;
  names: ReadonlyMap<string, OlderName>;
  /** Names by which an input is known to be of this form. */
  tells: readonly string[];
  /** The one by which an environment is: others of them are words that an environment may hold for other reasons. */
  tellsEnvironment: string;
  needs: readonly string[];
  /** What the form means without being said. */
  base: Settings;
  /** The definition's last touches, its name among them. */
  finish: (definition: Settings, given: ReadonlyMap<string, unknown>) => Settings;
}

const FORMS: readonly OlderForm[] = [
  {
    title: 'the latest CSV into a partitioned table (bucket_src, prefix, table, database, …)',
    names: new Map<string, OlderName>([
      ['bucket_src', { path: ['source', 'bucket'], read: text }],
      ['bucket_dstn', { path: ['target', 'bucket'], read: text }],
      ['prefix', { path: ['source', 'prefix'], read: text }],
      ['substr', { path: ['source', 'contains'], read: text }],
      ['schema', { path: ['schema'], read: columns }],
      ['pathoutput', { path: ['target', 'path'], read: folder }],
      ['table', { path: ['target', 'table'], read: text }],
      ['database', { path: ['target', 'database'], read: text }],
      ['partitions_cols', { path: ['target', 'partitionBy'], read: list }],
    ]),
    tells: ['bucket_src', 'bucket_dstn', 'pathoutput', 'partitions_cols', 'substr', 'table'],
    tellsEnvironment: 'bucket_src',
    needs: ['table', 'database'],
    base: {
      source: { pick: 'latest', onNothing: 'fail' },
      target: { partitionBy: ['data_ref'], mode: 'overwrite-partitions' },
    },
    finish: finishLoadData,
  },
  {
    title: 'CSV to Parquet and Avro side by side (input_bucket, output_bucket, prefix, …)',
    names: new Map<string, OlderName>([
      ['input_bucket', { path: ['source', 'bucket'], read: text }],
      ['output_bucket', { path: ['target', 'bucket'], read: text }],
      ['prefix', { path: ['source', 'prefix'], read: text }],
      ['max_workers', { path: ['concurrency', 'workers'], read: number }],
      ['cache_size', { path: ['cacheEntries'], read: number }],
    ]),
    tells: ['input_bucket', 'output_bucket'],
    tellsEnvironment: 'input_bucket',
    needs: ['input_bucket'],
    base: { target: { layout: 'mirror', formats: ['parquet', 'avro'] } },
    finish: finishMirror,
  },
  {
    title: 'a day of distances into clusters (day, BUCKET, INPUT_FOLDER, OUTPUT_FOLDER, …)',
    names: new Map<string, OlderName>([
      ['day', { read: text }],
      ['BUCKET', { path: ['source', 'bucket'], read: text }],
      ['INPUT_FOLDER', { path: ['source', 'prefix'], read: folder }],
      ['OUTPUT_FOLDER', { path: ['cluster', 'output', 'path'], read: folder }],
      ['ALGORITHM', { path: ['cluster', 'algorithm'], read: text }],
      ['HYPER_PARAMS', { path: ['cluster', 'params'], read: hyperParams }],
      ['CONVERT_KEY_TO_INT', { path: ['cluster', 'keys'], read: keysOf }],
    ]),
    tells: ['INPUT_FOLDER', 'OUTPUT_FOLDER', 'HYPER_PARAMS', 'ALGORITHM', 'CONVERT_KEY_TO_INT', 'day'],
    tellsEnvironment: 'INPUT_FOLDER',
    needs: ['BUCKET', 'INPUT_FOLDER', 'OUTPUT_FOLDER'],
    base: {
      source: { format: 'distances', onNothing: 'fail' },
      target: { database: 'clusters', partitionBy: ['day'], mode: 'overwrite-partitions' },
      cluster: { algorithm: 'DBSCAN' },
    },
    finish: finishDistances,
  },
  {
    title: 'an hour of lightning into clusters (S3_BUCKET, PRODUCT, GOES_YEAR, GOES_DOY, GOES_HOUR, NUM_OF_CLUSTERS)',
    names: new Map<string, OlderName>([
      ['S3_BUCKET', { path: ['source', 'bucket'], read: text }],
      ['PRODUCT', { path: ['source', 'prefix'], read: hourPrefix }],
      ['NUM_OF_CLUSTERS', { path: ['cluster', 'params', 'n_clusters'], read: number }],
      ['GOES_YEAR', { read: number }],
      ['GOES_DOY', { read: number }],
      ['GOES_HOUR', { read: number }],
    ]),
    tells: ['S3_BUCKET', 'PRODUCT', 'NUM_OF_CLUSTERS', 'GOES_YEAR', 'GOES_DOY', 'GOES_HOUR'],
    tellsEnvironment: 'S3_BUCKET',
    needs: [],
    base: {
      source: {
        bucket: 'noaa-goes18',
        prefix: hourPrefix('GLM-L2-LCFA'),
        format: 'glm',
        hoursBack: 1,
        onNothing: 'fail',
        access: { unsigned: true, region: 'us-east-1' },
      },
      target: { database: 'lightning', partitionBy: ['day(granule_start)', 'hour(granule_start)'] },
      cluster: { features: ['flash_lat', 'flash_lon'], params: { n_clusters: 12 } },
    },
    finish: finishLightning,
  },
];

/** Names that are accepted and do nothing, and what is said about them. */
export const WITHOUT_EFFECT: ReadonlyMap<string, string> = new Map([
  ['use_wrangler', 'use_wrangler has no effect: there is one writer'],
  ['MAX_RECORDS', 'MAX_RECORDS has no effect: there is no cap'],
]);

/** Every older name. */
export function olderNames(): string[] {
  return [...new Set(FORMS.flatMap((form) => [...form.names.keys()]))];
}

/** What each form is, for messages about an input of none. */
export function olderForms(): string[] {
  return FORMS.map((form) => form.title);
}

/** The fields that older names stand for, to go over a data set that is named beside them. */
export function olderOverrides(values: ReadonlyMap<string, unknown>): Settings {
  return [...values].reduce<Settings>((all, [name, value]) => {
    const older = FORMS.map((form) => form.names.get(name)).find((found) => found !== undefined);
    return older?.path === undefined ? all : joinSettings(all, nest(older.path, older.read(value, name)));
  }, {});
}

/** A definition, and the names with what they were given, those of the request among them. */
export interface OlderDefinition {
  definition: Settings;
  given: ReadonlyMap<string, unknown>;
}

/**
 * The definition that older names make by themselves, the environment's filling in for what the input leaves out; undefined
 * where neither is of an older form. Throws `BadRequest` for names of two forms, or where one that is needed is missing.
 */
export function olderDefinition(
  input: ReadonlyMap<string, unknown>,
  environment: Readonly<Record<string, string | undefined>>,
): OlderDefinition | undefined {
  const form = formOf(input, environment);
  if (form === undefined) return undefined;
  const given = new Map([...fromEnvironment(form, environment), ...input]);
  for (const [name, value] of given) if (value === null || value === '') given.delete(name);
  const missing = form.needs.filter((name) => !given.has(name));
  if (missing.length > 0) {
    throw new BadRequest(`The input names no ${missing.join(' and no ')}, needed for ${form.title}`);
  }
  return { definition: form.finish(mergeSettings(form.base, olderOverrides(given)), given), given };
}

function fromEnvironment(
  form: OlderForm,
  environment: Readonly<Record<string, string | undefined>>,
): Map<string, string> {
  const given = [...form.names.keys()].map((name) => [name, environment[name]] as const);
  return new Map(given.filter((entry): entry is [string, string] => Boolean(entry[1])));
}

function formOf(
  input: ReadonlyMap<string, unknown>,
  environment: Readonly<Record<string, string | undefined>>,
): OlderForm | undefined {
  const told = FORMS.filter((form) => form.tells.some((name) => input.has(name)));
  if (told.length > 1) throw new BadRequest(`The input mixes ${told.map((form) => form.title).join(' with ')}`);
  if (told[0]) return told[0];
  const around = FORMS.filter((form) => environment[form.tellsEnvironment]);
  if (around.length > 1)
    throw new BadRequest(`The environment mixes ${around.map((form) => form.title).join(' with ')}`);
  return around[0];
}

/** The output path was that of the table's folder itself: where it ends in the table's name, so is ours. */
function finishLoadData(definition: Settings): Settings {
  const target = definition['target'] as Settings;
  const path = target['path'] as string | undefined;
  const ending = `/${target['table']}`;
  const parent = path?.endsWith(ending) ? path.slice(0, -ending.length) : path;
  return {
    ...definition,
    name: datasetNameFrom(`${target['database']}-${target['table']}`),
    target: { ...target, ...(parent === undefined ? {} : { path: parent }) },
  };
}

/** `csv/x.csv` became `parquet/x.parquet` and `avro/x.avro`: the folder `csv/` gives way to the format's. */
function finishMirror(definition: Settings, given: ReadonlyMap<string, unknown>): Settings {
  const source = definition['source'] as Settings;
  const target = definition['target'] as Settings;
  const sameBucket = source['bucket'] === target['bucket'];
  const prefix = (source['prefix'] as string | undefined) ?? (sameBucket ? 'csv/' : '');
  const fromCsv = prefix === '' || prefix === 'csv' || prefix.startsWith('csv/');
  const identity = JSON.stringify([source['bucket'], prefix, target['bucket'] ?? null]);
  const hash = createHash('sha256').update(identity).digest('hex').slice(0, 8);
  const name = `${datasetNameFrom(`mirror-${given.get('input_bucket')}`).slice(0, 50)}-${hash}`;
  return {
    ...definition,
    name,
    source: { ...source, prefix },
    target: { ...target, ...(fromCsv ? { mirrorFrom: 'csv/' } : {}) },
  };
}

/** A data set for each pair of folders; the day is the run's. */
function finishDistances(definition: Settings): Settings {
  const source = definition['source'] as Settings;
  const cluster = definition['cluster'] as Settings;
  const output = cluster['output'] as Settings;
  const prefix = `${source['prefix']}/`;
  const identity = JSON.stringify([source['bucket'], prefix, output['path']]);
  const hash = createHash('sha256').update(identity).digest('hex').slice(0, 8);
  const table = normaliseNames([String(source['prefix'])])[0]!.slice(0, 100);
  return {
    ...definition,
    name: `${datasetNameFrom(`clusters-${source['prefix']}`).slice(0, 50)}-${hash}`,
    source: { ...source, prefix },
    target: { ...(definition['target'] as Settings), table: `${table}_${hash}` },
    cluster: { ...cluster, output: { bucket: source['bucket'], ...output, path: `${output['path']}/day={day}` } },
  };
}

/** The bucket and product make the table: those of another satellite are others. */
function finishLightning(definition: Settings): Settings {
  const source = definition['source'] as Settings;
  const product = String(source['prefix']).split('/{')[0]!;
  const name = datasetNameFrom(`${source['bucket']}-${product}`);
  const table = normaliseNames([`${source['bucket']}_${product}`])[0];
  return { ...definition, name, target: { ...(definition['target'] as Settings), table } };
}

/** NOAA's folders: year, day of the year, hour. */
function hourPrefix(value: unknown): string {
  return `${folder(value, 'PRODUCT')}/{yyyy}/{ooo}/{HH}/`;
}

/** As it is: whoever reads it says what is wrong with it. */
function hyperParams(value: unknown, name: string): unknown {
  if (isSettings(value) || typeof value === 'string') return value;
  throw new BadRequest(`${name} must be an object of names and values, or its JSON, not ${JSON.stringify(value)}`);
}

function keysOf(value: unknown, name: string): 'integers' | 'text' {
  const said = String(value).toLowerCase();
  if (['true', '1', 'yes'].includes(said)) return 'integers';
  if (['false', '0', 'no'].includes(said)) return 'text';
  throw new BadRequest(`${name} must be true or false, not ${JSON.stringify(value)}`);
}

/** The hour that `GOES_YEAR`, `GOES_DOY` and `GOES_HOUR` name, what they leave out being of `fallback`'s hour; undefined without them. */
export function goesHour(given: ReadonlyMap<string, unknown>, fallback: Date): Date | undefined {
  if (!['GOES_YEAR', 'GOES_DOY', 'GOES_HOUR'].some((name) => given.has(name))) return undefined;
  const part = (name: string, otherwise: number, least: number, most: number): number => {
    const value = given.has(name) ? number(given.get(name), name) : otherwise;
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new BadRequest(
      `${name} must be a whole number from ${least} to ${most}, not ${JSON.stringify(given.get(name))}`,
    );
  };
  const year = part('GOES_YEAR', fallback.getUTCFullYear(), 1970, 9999);
  const first = Date.UTC(fallback.getUTCFullYear(), 0, 1);
  const day = part('GOES_DOY', Math.floor((fallback.getTime() - first) / 86_400_000) + 1, 1, 366);
  return new Date(Date.UTC(year, 0, day, part('GOES_HOUR', fallback.getUTCHours(), 0, 23)));
}

function nest(path: readonly string[], value: unknown): Settings {
  return path.reduceRight<unknown>((inner, part) => ({ [part]: inner }), value) as Settings;
}

function text(value: unknown, name: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return String(value);
  throw new BadRequest(`${name} must be text, not ${JSON.stringify(value)}`);
}

function folder(value: unknown, name: string): string {
  return text(value, name).replace(/^\/+|\/+$/g, '');
}

function number(value: unknown, name: string): number {
  const read = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof read === 'number' && Number.isFinite(read)) return read;
  throw new BadRequest(`${name} must be a number, not ${JSON.stringify(value)}`);
}

/** A list, its JSON, or names with commas between them, as an environment holds them. */
function list(value: unknown, name: string): string[] {
  const read = parsed(value);
  const items = typeof read === 'string' ? read.split(',').map((item) => item.trim()) : read;
  if (Array.isArray(items) && items.every((item) => typeof item === 'string'))
    return items.filter((item) => item !== '');
  throw new BadRequest(`${name} must be a list of names, not ${JSON.stringify(value)}`);
}

/** The same, or a mapping of names to types. */
function columns(value: unknown, name: string): unknown {
  const read = parsed(value);
  if (isSettings(read)) return read;
  if (Array.isArray(read) && read.every((item) => typeof item === 'string' || isSettings(item))) return read;
  return list(value, name);
}

function parsed(value: unknown): unknown {
  return typeof value === 'string' && /^\s*[[{]/.test(value) ? jsonOrText(value) : value;
}
