import { z } from 'zod';
import { type ColumnType, isColumnType, OUTPUT_FORMATS } from '../domain/schema.ts';
import { GLM_LEVELS, glmVariableNames } from '../formats/glm/columns.ts';
import {
  DATASET_NAME_MAX_LENGTH,
  DEFAULT_CACHE_ENTRIES,
  DEFAULT_FILE_SIZE_BYTES,
  DEFAULT_ROW_GROUP_ROWS,
  DEFAULT_SWEEP,
  DEFAULT_TOLERATED_FAILED_SHARE,
  DEFAULT_TOLERATED_REJECTED_ROWS,
  DEFAULT_WORKERS,
  MAX_WORKERS,
} from '../limits.ts';
import { ClusterSettings } from './cluster.ts';

/**
 * What is loaded, from where, into which table, and how strictly. One YAML file a data set under `datasets/`.
 * Every key has a default here or none at all; unknown keys are refused. The descriptions are what editors show, and
 * `datasets/dataset.schema.json` is generated from all this by `npm run schema`.
 */

const NAME = new RegExp(`^[a-z0-9][a-z0-9_-]{0,${DATASET_NAME_MAX_LENGTH - 1}}$`);
const name = z.string().regex(NAME, `must be lower-case letters, digits, - and _, at most ${DATASET_NAME_MAX_LENGTH}`);
// The tables of the other formats end in _avro and _csv, and Glue's names end at 255.
const sqlName = z.string().regex(/^[a-z0-9_]{1,250}$/, 'must be lower-case letters, digits and _, at most 250');
const share = z.number().min(0).max(1);
const bucket = z
  .string()
  .regex(/^(?:[A-Za-z0-9][A-Za-z0-9._-]{0,254}|arn:.+)$/, "must be a bucket's name, without s3://");
const folder = z
  .string()
  .regex(
    /^(?!\.{1,2}(?:\/|$))[^/{}]+(?:\/(?!\.{1,2}(?:\/|$))[^/{}]+)*$/,
    'must be folders with a slash between them and none at the ends, without { } or ..',
  );

const scheduleExpression = z
  .string()
  .regex(
    /^(?:rate\([1-9]\d* (?:minute|hour|day)s?\)|cron\(\S+(?: \S+){5}\))$/,
    'must be a rate or cron expression of EventBridge, such as rate(1 hour) or cron(0 6 * * ? *)',
  );

export const CsvOptions = z
  .strictObject({
    delimiter: z.string().min(1).max(4).optional().describe('Between fields: one to four characters'),
    quote: z.enum(['"', "'", '']).optional().describe('Around fields; empty: no field is quoted'),
    escape: z.string().max(1).optional().describe('Before a quote inside quotes; the quote itself where it is doubled'),
    header: z.boolean().optional().describe('Whether the first row has the column names'),
    encoding: z.enum(['utf-8', 'utf-16le', 'utf-16be', 'windows-1252', 'latin-1']).optional().describe('Of the text'),
    comment: z.string().min(1).optional().describe('Lines that start with it are no rows'),
    skipRows: z.int().min(0).optional().describe('Lines before the header, or before the first row without one'),
    nullTokens: z
      .array(z.string())
      .optional()
      .describe(
        'What stands for a missing value besides the empty field; ' +
          'default: NA, N/A, NULL, null, NaN and \\N, in columns whose other values are not text',
      ),
    dateFormat: z.string().optional().describe('strptime form of dates that are not ISO 8601, such as %d.%m.%Y'),
    timestampFormat: z.string().optional().describe('strptime form of timestamps, such as %d/%m/%Y %H:%M'),
    decimalComma: z.boolean().optional().describe('1,5 is one and a half'),
    thousands: z.string().length(1).optional().describe('Between groups of digits'),
    timezone: z.string().optional().describe('Zone of timestamps that carry no offset; default: UTC'),
    onShortRow: z
      .enum(['reject', 'pad'])
      .optional()
      .describe(
        'What a row with too few fields becomes: a rejected row (the default), or one whose last fields are null',
      ),
    onLongRow: z
      .enum(['reject', 'rescue'])
      .optional()
      .describe(
        'What a row with too many fields becomes: a rejected row (the default), or one whose surplus fields are kept as JSON in the column _rescued',
      ),
  })
  .describe('How the CSV is written; what is not said is sniffed from the content');

const columnType = z
  .string()
  .refine(isColumnType, {
    error: 'must be a type: boolean, int, bigint, float, double, decimal(p,s), date, timestamp, string or binary',
  })
  .meta({
    description: 'boolean, int, bigint, float, double, decimal(p,s), date, timestamp, string or binary',
    pattern: '^(boolean|int|bigint|float|double|date|timestamp|string|binary|decimal\\(\\d{1,2},\\d{1,2}\\))$',
  });

const Access = z
  .strictObject({
    unsigned: z.boolean().optional().describe('Unsigned requests, for public buckets'),
    region: z.string().min(1).optional().describe("The bucket's region, where it is not that of the process"),
    roleArn: z
      .string()
      .regex(/^arn:aws[a-z-]*:iam::\d{12}:role\/.+$/, 'must be the ARN of a role')
      .optional()
      .describe("A role of the bucket's account to assume"),
    requesterPays: z.boolean().optional().describe('The reader pays for requests and transfer'),
  })
  .describe("How the source's bucket is reached, when not by the process's own credentials");

const longitude = (end: string) => z.number().min(-180).max(180).describe(`Longitude of the ${end} end`);
const latitude = (end: string) => z.number().min(-90).max(90).describe(`Latitude of the ${end} end`);
export const GlmSettings = z
  .strictObject({
    levels: z
      .array(z.enum(GLM_LEVELS))
      .min(1)
      .optional()
      .describe('Which tables are made, <table>_flashes, <table>_groups and <table>_events; default: all three'),
    variables: z
      .array(z.enum(glmVariableNames() as [string, ...string[]]))
      .min(1)
      .optional()
      .describe('Which columns they have beside ids, parents and the granule they are of; default: all'),
    box: z
      .strictObject({
        west: longitude('western'),
        south: latitude('southern'),
        east: longitude('eastern'),
        north: latitude('northern'),
      })
      .optional()
      .describe('In degrees: flashes in it, with their groups and events. West beyond east is across the antimeridian'),
  })
  .describe('What is taken of granules of lightning');

export const SourceDefinition = z
  .strictObject({
    bucket: bucket.optional().describe('Default: the landing bucket'),
    prefix: z
      .string()
      .default('')
      .describe(
        'Of the keys. May hold date tokens: {yyyy} {MM} {dd} {ooo} {HH} {mm}, {yyyyMMdd} and the like, {data_ref}',
      ),
    contains: z.string().min(1).optional().describe('Only keys with this in them; may hold date tokens'),
    glob: z
      .string()
      .min(1)
      .optional()
      .describe('Only keys that match, relative to the prefix: * stops at a slash, ** does not; may hold date tokens'),
    pick: z
      .enum(['latest', 'all', 'new'])
      .default('all')
      .describe('Of what the listing has: the latest object, all, or those that are not loaded yet'),
    orderBy: z.enum(['lastModified', 'key']).default('lastModified').describe('What makes an object the latest'),
    timezone: z.string().default('UTC').describe('IANA zone of the date tokens and of data_ref'),
    hoursBack: z
      .number()
      .min(0)
      .default(0)
      .describe('Date tokens are of so many hours ago, where the input names no time: 1 is the hour that has ended'),
    onNothing: z
      .enum(['skip', 'fail'])
      .default('skip')
      .describe('Whether a run that finds no object succeeds without loading, or fails as NoInputObjects'),
    format: z
      .enum(['auto', 'csv', 'parquet', 'glm', 'distances'])
      .default('auto')
      .describe(
        'auto: from the content of each object. glm: granules of lightning (GOES-R GLM L2 LCFA). ' +
          'distances: lists of key1,key2,distance, which are clustered',
      ),
    access: Access.default({}),
    csv: CsvOptions.default({}),
    glm: GlmSettings.default({}),
  })
  .describe('Where the objects are and which of them are loaded');

const Schedule = z.strictObject({
  expression: scheduleExpression.describe('rate(1 hour), or cron(minutes hours day-of-month month day-of-week year)'),
  timezone: z.string().optional().describe("IANA zone of a cron expression; default: the source's"),
  input: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('What the execution is given besides the name of the data set: keys of it, or of the request'),
});

export const StartDefinition = z
  .strictObject({
    events: z
      .boolean()
      .optional()
      .describe('Whether uploads start loads; default: where the source is the landing bucket'),
    sweep: z
      .union([scheduleExpression, z.literal('off')])
      .default(DEFAULT_SWEEP)
      .describe('How often objects are looked for whose event never came'),
    schedules: z.array(Schedule).default([]).describe('Loads at set times'),
  })
  .describe('What starts loads once deployed');

const ColumnList = z.union(
  [
    z.array(z.union([z.string().min(1), z.record(z.string(), columnType)])).min(1),
    z
      .record(z.string(), columnType)
      .refine((columns) => Object.keys(columns).length > 0, 'must name a column at least'),
  ],
  { error: 'must be a list of column names, or of name: type' },
);

export const TargetDefinition = z
  .strictObject({
    bucket: bucket.optional().describe('Default: the lake bucket'),
    database: sqlName.optional().describe('Of the catalog. Needed, but with layout: mirror'),
    table: sqlName
      .optional()
      .describe(
        "Of the Parquet files; those of Avro and CSV are <table>_avro and <table>_csv. Default: the data set's name",
      ),
    path: folder
      .optional()
      .describe(
        "The folder in the bucket that has the table's folder; default: the database, with layout: mirror none",
      ),
    partitionBy: z
      .array(z.string())
      .default([])
      .describe(
        'Columns, their parts year(c), month(c), day(c), hour(c), and constants of the run such as data_ref; name=… renames',
      ),
    sortBy: z.array(z.string()).default([]).describe('Columns that rows are sorted by within a file'),
    mode: z
      .enum(['append', 'overwrite-partitions', 'overwrite'])
      .optional()
      .describe('Default: overwrite-partitions where there are partitions, else append'),
    formats: z
      .array(z.enum(OUTPUT_FORMATS as ['parquet', 'avro', 'csv']))
      .min(1)
      .default(['parquet'])
      .describe('The same rows in each'),
    compression: z
      .strictObject({
        parquet: z.enum(['zstd', 'snappy', 'gzip', 'none']).default('zstd').describe('Of Parquet pages'),
        avro: z.enum(['deflate', 'snappy', 'null']).default('deflate').describe('Of Avro blocks'),
        csv: z.enum(['gzip', 'none']).default('gzip').describe('Of CSV files'),
      })
      .prefault({})
      .describe('By format'),
    avroTimestamps: z
      .enum(['auto', 'millis', 'micros'])
      .default('auto')
      .describe(
        'auto: millis, unless the source has finer digits when the table is made. Catalogs show micros as a bigint',
      ),
    fileSizeBytes: z.int().min(1024).default(DEFAULT_FILE_SIZE_BYTES).describe('Size aimed at for a file'),
    rowGroupRows: z
      .int()
      .min(1024)
      .default(DEFAULT_ROW_GROUP_ROWS)
      .describe('Rows of a Parquet row group; at the default, fewer where rows are wide'),
    layout: z
      .enum(['table', 'mirror'])
      .default('table')
      .describe(
        'table: all objects are one table. mirror: one output an object and format, under the same relative name',
      ),
    mirrorFrom: z
      .string()
      .regex(/^[^{}]+\/$/, 'must end with a slash and hold no { }')
      .optional()
      .describe(
        "With layout: mirror, what is taken off the source's keys; default: the prefix's folder before any token",
      ),
    readers: z
      .enum(['catalog', 'path'])
      .default('catalog')
      .describe('path: some readers list the folders themselves, so that replaced files have to leave at once'),
    graceMinutes: z
      .number()
      .min(0)
      .optional()
      .describe('How long replaced files stay for readers that planned before; default: 60 on AWS, 0 locally'),
    onReupload: z
      .enum(['replace', 'append', 'fail'])
      .default('append')
      .describe('In mode append, what a changed object under a key that was loaded before does'),
  })
  .describe('The table, how it is partitioned and how its files are written');

export const DatasetDefinition = z
  .strictObject({
    name: name.optional().describe("Of the data set, for ever: its ledger and log go by it. Default: the file's name"),
    description: z.string().optional().describe('For people'),
    source: SourceDefinition.prefault({}),
    start: StartDefinition.prefault({}),
    schema: ColumnList.optional().describe(
      "Column names, or name: type, in the files' order where they have no header. Default: from the files",
    ),
    target: TargetDefinition,
    cluster: ClusterSettings.optional(),
    evolution: z
      .enum(['add', 'fail', 'rescue'])
      .default('add')
      .describe('New columns are added, refused, or kept as JSON in the column _rescued'),
    widening: z
      .enum(['rewrite', 'fail'])
      .default('fail')
      .describe('When values need a wider type than the published column has: rewrite its files, or SchemaWouldWiden'),
    rejects: z
      .strictObject({
        rows: z.int().min(0).default(DEFAULT_TOLERATED_REJECTED_ROWS).describe('As a number'),
        share: share.default(0).describe('As a share of the rows, from 0 to 1'),
      })
      .prefault({})
      .describe('Rejected rows tolerated in one object, whichever of the two is larger; beyond it the object fails'),
    failures: z
      .strictObject({ share: share.default(DEFAULT_TOLERATED_FAILED_SHARE).describe('From 0 to 1') })
      .prefault({})
      .describe("Failed objects tolerated, as a share of the run's; a run of which every object failed always fails"),
    quarantine: z.enum(['copy', 'point']).default('copy').describe('Whether a failed object is copied or pointed to'),
    concurrency: z
      .strictObject({
        workers: z.int().min(1).max(MAX_WORKERS).default(DEFAULT_WORKERS).describe('Tasks at once in each step'),
        singleFlight: z.boolean().default(false).describe('One run at a time; another leaves its objects to the next'),
      })
      .prefault({})
      .describe('How much happens at once'),
    cacheEntries: z.int().min(0).default(DEFAULT_CACHE_ENTRIES).describe('Entries in the cache of what is read again'),
    splitBytes: z
      .int()
      .min(64)
      .optional()
      .describe(
        'A plain CSV larger than this is converted in ranges; default: 256 MiB on AWS, 512 MiB locally, less where rows are converted slowly',
      ),
  })
  .describe('A data set of Sluice: what is loaded, from where, into which table, and how strictly');

/** As written in a file. */
export type DatasetDefinition = z.input<typeof DatasetDefinition>;
/** As parsed, before names are filled in. */
export type ParsedDefinition = z.output<typeof DatasetDefinition>;
/** With every default filled in. */
export type Dataset = Omit<ParsedDefinition, 'name' | 'target'> & { name: string; target: Target };
export type Target = Omit<ParsedDefinition['target'], 'database' | 'table'> & { database: string; table: string };
export type CsvOptions = z.output<typeof CsvOptions>;

/** What stands for the database of `layout: mirror`, whose outputs are in no catalog, in reports. */
export const MIRROR_DATABASE = 'mirror';

export function isDatasetName(text: string): boolean {
  return NAME.test(text);
}

/** The mode a data set has when it names none: whole partitions are replaced where there are any. */
export function modeOf(dataset: Dataset): 'append' | 'overwrite-partitions' | 'overwrite' {
  return dataset.target.mode ?? (dataset.target.partitionBy.length > 0 ? 'overwrite-partitions' : 'append');
}

/**
 * What stands behind the table's name for every table that the data set says it makes: the levels of granules, the clusters
 * and their summary.
 */
export function tableSuffixes(dataset: Pick<Dataset, 'source' | 'target' | 'cluster'>): string[] {
  const { source, target, cluster } = dataset;
  const isLightning = source.format === 'glm' && target.layout !== 'mirror';
  const loaded = isLightning ? (source.glm.levels ?? GLM_LEVELS).map((level) => `_${level}`) : [''];
  if (!cluster) return loaded;
  if (source.format === 'distances') return ['', SUMMARY_SUFFIX];
  const of = isLightning ? `_${cluster.of}` : '';
  return [...loaded, `${of}${CLUSTERS_SUFFIX}`, `${of}${SUMMARY_SUFFIX}`];
}

export const CLUSTERS_SUFFIX = '_clusters';
export const SUMMARY_SUFFIX = '_cluster_summary';

/** How long replaced files stay: none for readers by path, else as the data set or the deployment has it. */
export function graceSecondsOf({ target }: Pick<Dataset, 'target'>, defaultMinutes: number): number {
  return target.readers === 'path' ? 0 : Math.round((target.graceMinutes ?? defaultMinutes) * 60);
}

/** `schema` in one form: names with or without a type, in order. */
export function declaredColumns(dataset: Pick<Dataset, 'schema'>): DeclaredColumn[] | undefined {
  const schema = dataset.schema;
  if (schema === undefined) return undefined;
  const typed = (record: Record<string, string>): DeclaredColumn[] =>
    Object.entries(record).map(([column, type]) => ({ name: column, type: type as ColumnType }));
  if (!Array.isArray(schema)) return typed(schema);
  return schema.flatMap((item) => (typeof item === 'string' ? [{ name: item, type: undefined }] : typed(item)));
}

export interface DeclaredColumn {
  name: string;
  /** Undefined: inferred. */
  type: ColumnType | undefined;
}
