import picomatch from 'picomatch';
import { isTimeZone, parseTokens } from '../domain/dates.ts';
import { normaliseNames } from '../domain/names.ts';
import { parsePartitionItem, resolveColumns, resolvePartitions } from '../domain/partition-spec.ts';
import { type Column, RESCUED_COLUMN } from '../domain/schema.ts';
import { SOURCE_ID_COLUMN } from '../domain/source.ts';
import { SluiceError } from '../errors.ts';
import { clusterPlan } from './cluster.ts';
import { declaredColumns, isDatasetName, type ParsedDefinition } from './dataset.ts';
import type { KeyPath, Problem } from './problems.ts';

/** What types alone cannot say about a definition: grammars, contradictions, names that must exist. */
export function checkDefinition(definition: ParsedDefinition): Problem[] {
  return [
    ...checkName(definition),
    ...checkSource(definition.source),
    ...checkStart(definition.start),
    ...checkCsv(definition.source.csv),
    ...checkSchema(definition),
    ...checkTarget(definition.target),
    ...checkColumns(definition),
    ...checkClusters(definition),
    ...checkRewrites(definition),
  ];
}

/** What is written again is read from Parquet: Avro holds no column by itself, and CSV no types. */
function checkRewrites({ target, widening }: ParsedDefinition): Problem[] {
  if (target.formats.includes('parquet') || target.layout === 'mirror') return [];
  const why = 'needs parquet among target.formats, which rows are read from to be written again';
  return [
    ...(target.onReupload === 'replace'
      ? [problem(['target', 'onReupload'], `target.onReupload: replace ${why}`)]
      : []),
    ...(widening === 'rewrite' ? [problem(['widening'], `widening: rewrite ${why}`)] : []),
  ];
}

function checkName({ name }: ParsedDefinition): Problem[] {
  if (name === undefined || isDatasetName(name)) return [];
  return [problem(['name'], `name must be lower-case letters, digits, - and _, not "${name}"`)];
}

function checkSource(source: ParsedDefinition['source']): Problem[] {
  const problems: Problem[] = [];
  for (const key of ['prefix', 'contains'] as const) {
    problems.push(...attempt(['source', key], () => parseTokens(source[key] ?? '')));
  }
  problems.push(...checkGlob(source.glob));
  problems.push(...checkZone(['source', 'timezone'], source.timezone));
  const { unsigned, roleArn, requesterPays } = source.access;
  if (unsigned && roleArn !== undefined) {
    problems.push(problem(['source', 'access', 'roleArn'], 'source.access cannot be unsigned and have a role'));
  }
  if (unsigned && requesterPays) {
    problems.push(
      problem(['source', 'access', 'requesterPays'], 'source.access cannot be unsigned and have the reader pay'),
    );
  }
  return problems;
}

function checkStart({ schedules }: ParsedDefinition['start']): Problem[] {
  return schedules.flatMap(({ timezone, input = {} }, i) => {
    const at: KeyPath = ['start', 'schedules', i];
    const zone = timezone === undefined ? [] : checkZone([...at, 'timezone'], timezone);
    if (!('dataset' in input)) return zone;
    return [
      ...zone,
      problem([...at, 'input', 'dataset'], 'start.schedules load their own data set; take "dataset" away'),
    ];
  });
}

function checkGlob(glob: string | undefined): Problem[] {
  const path = ['source', 'glob'];
  if (glob === undefined) return [];
  if (glob.startsWith('/')) {
    return [problem(path, `source.glob is relative to the prefix, but "${glob}" begins with a slash`)];
  }
  try {
    picomatch.makeRe(glob, { strictBrackets: true });
    return [];
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return [problem(path, `source.glob "${glob}" is no pattern: ${error.message}`)];
  }
}

function checkCsv(csv: ParsedDefinition['source']['csv']): Problem[] {
  const problems: Problem[] = [];
  const at = (key: string) => ['source', 'csv', key];
  const { delimiter, quote, comment, decimalComma, thousands } = csv;
  if (delimiter !== undefined && /[\r\n]/.test(delimiter)) {
    problems.push(problem(at('delimiter'), 'source.csv.delimiter cannot hold the end of a line'));
  }
  if (delimiter !== undefined && delimiter === quote) {
    problems.push(problem(at('quote'), `source.csv.quote cannot be the delimiter ${delimiter}`));
  }
  if (comment !== undefined && comment === delimiter) {
    problems.push(problem(at('comment'), `source.csv.comment cannot be the delimiter ${delimiter}`));
  }
  if (decimalComma && delimiter === ',') {
    problems.push(problem(at('decimalComma'), 'source.csv.decimalComma cannot go with the delimiter ,'));
  }
  if (thousands !== undefined && thousands === (decimalComma ? ',' : '.')) {
    problems.push(problem(at('thousands'), `source.csv.thousands cannot be the decimal sign ${thousands}`));
  }
  for (const key of ['dateFormat', 'timestampFormat'] as const) {
    const format = csv[key];
    if (format !== undefined && !/%[A-Za-z]/.test(format)) {
      problems.push(problem(at(key), `source.csv.${key} "${format}" has no field such as %Y; forms are strptime's`));
    }
  }
  if (csv.timezone !== undefined) problems.push(...checkZone(at('timezone'), csv.timezone));
  return problems;
}

function checkSchema(definition: ParsedDefinition): Problem[] {
  const seen = new Set<string>();
  const problems: Problem[] = [];
  const own = ownColumns(definition);
  for (const { name } of declaredColumns(definition) ?? []) {
    const [taken] = normaliseNames([name]).filter((normalised) => own.includes(normalised));
    if (taken !== undefined) {
      problems.push(problem(['schema'], `schema has the column "${name}", but the table's own ${taken} is Sluice's`));
    }
    if (seen.has(name)) problems.push(problem(['schema'], `schema has the column "${name}" twice`));
    seen.add(name);
  }
  return problems;
}

/** Columns that the table has besides those of the files. */
function ownColumns({ target, evolution }: ParsedDefinition): string[] {
  return [
    ...(target.onReupload === 'replace' ? [SOURCE_ID_COLUMN] : []),
    ...(evolution === 'rescue' ? [RESCUED_COLUMN] : []),
  ];
}

/** Where the history and the local catalog keep their tables, and what engines show their own tables under. */
const RESERVED_DATABASES = ['sluice', 'information_schema', 'pg_catalog'];

function checkTarget(target: ParsedDefinition['target']): Problem[] {
  const problems = [
    ...duplicates(['target', 'formats'], target.formats),
    ...duplicates(['target', 'partitionBy'], target.partitionBy),
    ...duplicates(['target', 'sortBy'], target.sortBy),
  ];
  if (target.layout === 'table') {
    if (target.database === undefined) problems.push(problem(['target', 'database'], 'target.database is missing'));
    else if (RESERVED_DATABASES.includes(target.database)) {
      const whose = target.database === 'sluice' ? "Sluice's own" : "the query engines' own";
      problems.push(problem(['target', 'database'], `target.database "${target.database}" is ${whose}; name another`));
    }
    if (target.mirrorFrom !== undefined) {
      problems.push(problem(['target', 'mirrorFrom'], 'target.mirrorFrom is for layout: mirror'));
    }
    return problems;
  }
  // One output an object: there is nothing to part, to sort across, or to add to.
  for (const key of ['partitionBy', 'sortBy'] as const) {
    if (target[key].length > 0)
      problems.push(problem(['target', key], `target.${key} does not go with layout: mirror`));
  }
  if (target.mode !== undefined) {
    problems.push(
      problem(['target', 'mode'], 'target.mode does not go with layout: mirror, where each output is replaced'),
    );
  }
  return problems;
}

/** `partitionBy` and `sortBy`: their grammar, and the columns where the schema is declared. */
function checkColumns(definition: ParsedDefinition): Problem[] {
  const { partitionBy, sortBy } = definition.target;
  const grammar = partitionBy.flatMap((item, i) =>
    attempt(['target', 'partitionBy', i], () => parsePartitionItem(item)),
  );
  const columns = declaredTable(definition);
  if (columns === undefined || grammar.length > 0) return grammar;
  // Each by itself first, so that every wrong item is named; then all together, for names that meet.
  const resolve = (items: string[]) => resolvePartitions(items, columns, { data_ref: '' });
  const single =
    columns.length === 1
      ? []
      : partitionBy.flatMap((item, i) => attempt(['target', 'partitionBy', i], () => resolve([item])));
  const together = single.length > 0 ? single : attempt(['target', 'partitionBy'], () => resolve(partitionBy));
  const sorts = sortBy.flatMap((column, i) =>
    attempt(['target', 'sortBy', i], () => resolveColumns([column], columns, 'sortBy')),
  );
  return [...together, ...sorts];
}

/** The declared columns as the table has them; those without a type take the one that fits every part of a date. */
function declaredTable(definition: ParsedDefinition): Column[] | undefined {
  const declared = declaredColumns(definition);
  if (declared === undefined) return undefined;
  const names = normaliseNames(declared.map((column) => column.name));
  return declared.map(({ name, type }, i): Column => ({ name: names[i]!, original: name, type: type ?? 'timestamp' }));
}

/** `cluster`: what goes together, and the algorithm with its parameters. */
function checkClusters({ cluster, source, target, schema }: ParsedDefinition): Problem[] {
  const distances = source.format === 'distances';
  if (!cluster) {
    return distances
      ? [problem(['source', 'format'], 'source.format: distances is to be clustered; say cluster: {}, or how')]
      : [];
  }
  const problems: Problem[] = [];
  if (target.layout === 'mirror') problems.push(problem(['cluster'], 'cluster does not go with layout: mirror'));
  if (!target.formats.includes('parquet')) {
    problems.push(
      problem(['target', 'formats'], 'cluster reads what was loaded as Parquet: add parquet to target.formats'),
    );
  }
  if (distances && cluster.features) {
    problems.push(problem(['cluster', 'features'], 'cluster.features are of points; distances have none'));
  }
  if (distances && schema) problems.push(problem(['schema'], 'distances have the columns key1, key2 and distance'));
  if (!distances && !cluster.features) {
    problems.push(problem(['cluster'], 'cluster needs features: the columns that points are made of'));
    return problems;
  }
  if (!distances && cluster.output) {
    problems.push(problem(['cluster', 'output'], 'cluster.output is for distances'));
  }
  const read = clusterPlan(cluster, distances ? 'distances' : 'points');
  if ('problems' in read) problems.push(...read.problems.map(({ key, message }) => problem(['cluster', key], message)));
  return problems;
}

function checkZone(path: KeyPath, zone: string): Problem[] {
  if (isTimeZone(zone)) return [];
  return [problem(path, `${path.join('.')} "${zone}" is no time zone; names are IANA's, such as America/Sao_Paulo`)];
}

function duplicates(path: KeyPath, items: readonly string[]): Problem[] {
  return items.flatMap((item, i) =>
    items.indexOf(item) === i ? [] : [problem([...path, i], `${path.join('.')} has "${item}" twice`)],
  );
}

function attempt(path: KeyPath, run: () => unknown): Problem[] {
  try {
    run();
    return [];
  } catch (error) {
    // What a grammar refuses; anything else is a fault of the program.
    if (!(error instanceof SluiceError || error instanceof RangeError)) throw error;
    return [{ ...splitHint(error.message), path }];
  }
}

function splitHint(message: string): { message: string; hint?: string } {
  const at = message.indexOf('; did you mean');
  return at < 0 ? { message } : { message: message.slice(0, at), hint: message.slice(at + 2) };
}

function problem(path: KeyPath, message: string): Problem {
  return { message, path };
}
