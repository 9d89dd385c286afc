import { z } from 'zod';
import { type ColumnType, isColumnType, OUTPUT_FORMATS } from '../domain/schema.ts';
import {
  DEFAULT_CACHE_ENTRIES,
  DEFAULT_FILE_SIZE_BYTES,
  DEFAULT_ROW_GROUP_ROWS,
  DEFAULT_TOLERATED_FAILED_SHARE,
  DEFAULT_TOLERATED_REJECTED_ROWS,
  DEFAULT_WORKERS,
  SPLIT_BYTES,
} from '../limits.ts';

/**
 * What is loaded, from where, into which table, and how strictly. One YAML file a data set under `datasets/`.
 * Every key has a default here or none at all; unknown keys are refused.
 */

const name = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, 'lower-case letters, digits, - and _, at most 63');
const sqlName = z.string().regex(/^[a-z0-9_]{1,255}$/, 'lower-case letters, digits and _');
const share = z.number().min(0).max(1);

export const CsvOptions = z
  .strictObject({
    delimiter: z.string().min(1).optional(),
    quote: z.enum(['"', "'", '']).optional(),
    escape: z.string().max(1).optional(),
    header: z.boolean().optional(),
    encoding: z.enum(['utf-8', 'utf-16le', 'utf-16be', 'windows-1252', 'latin-1']).optional(),
    comment: z.string().optional(),
    skipRows: z.int().min(0).optional(),
    nullTokens: z.array(z.string()).optional(),
    /** strptime forms, such as `%d.%m.%Y`. */
    dateFormat: z.string().optional(),
    timestampFormat: z.string().optional(),
    decimalComma: z.boolean().optional(),
    thousands: z.string().max(1).optional(),
    /** Zone of timestamps that carry no offset. */
    timezone: z.string().optional(),
  })
  .describe('How the CSV is written; what is not said is sniffed');

const columnType = z.string().refine(isColumnType, {
  error: (issue) =>
    `unknown type "${issue.input}"; known: boolean, int, bigint, float, double, decimal(p,s), date, timestamp, string, binary`,
});

const Access = z.strictObject({
  unsigned: z.boolean().optional(),
  region: z.string().optional(),
  roleArn: z.string().optional(),
  requesterPays: z.boolean().optional(),
});

export const SourceDefinition = z.strictObject({
  bucket: z.string().optional().describe('default: the landing bucket'),
  prefix: z.string().default('').describe('may hold date tokens: {yyyy} {MM} {dd} {ooo} {HH} {yyyyMMdd}'),
  contains: z.string().optional().describe('only keys with this substring; may hold date tokens'),
  glob: z.string().optional().describe('only keys that match, relative to the prefix'),
  pick: z.enum(['latest', 'all', 'new']).default('all'),
  orderBy: z.enum(['lastModified', 'key']).default('lastModified'),
  timezone: z.string().default('UTC').describe('zone of the date tokens'),
  onNothing: z.enum(['skip', 'fail']).default('skip'),
  format: z.enum(['auto', 'csv', 'parquet']).default('auto').describe('default: from the content'),
  access: Access.default({}),
  csv: CsvOptions.default({}),
});

const ColumnList = z.union([
  z.array(z.union([z.string(), z.record(z.string(), columnType)])),
  z.record(z.string(), columnType),
]);

export const TargetDefinition = z.strictObject({
  bucket: z.string().optional().describe('default: the lake bucket'),
  database: sqlName,
  table: sqlName,
  path: z.string().optional().describe('prefix of the table folder; default: the database'),
  partitionBy: z
    .array(z.string())
    .default([])
    .describe('column, day(column) or a constant such as data_ref; name=… renames'),
  sortBy: z.array(z.string()).default([]),
  mode: z.enum(['append', 'overwrite-partitions', 'overwrite']).optional(),
  formats: z
    .array(z.enum(OUTPUT_FORMATS as ['parquet', 'avro', 'csv']))
    .min(1)
    .default(['parquet']),
  compression: z
    .strictObject({
      parquet: z.enum(['zstd', 'snappy', 'gzip', 'none']).default('zstd'),
      avro: z.enum(['deflate', 'snappy', 'null']).default('deflate'),
      csv: z.enum(['gzip', 'none']).default('gzip'),
    })
    .prefault({}),
  avroTimestamps: z.enum(['auto', 'millis', 'micros']).default('auto'),
  fileSizeBytes: z.int().min(1024).default(DEFAULT_FILE_SIZE_BYTES),
  rowGroupRows: z.int().min(1024).default(DEFAULT_ROW_GROUP_ROWS),
  layout: z.enum(['table', 'mirror']).default('table'),
  readers: z.enum(['catalog', 'path']).default('catalog'),
  graceMinutes: z.number().min(0).optional(),
  onReupload: z.enum(['replace', 'append', 'fail']).default('append'),
});

export const DatasetDefinition = z.strictObject({
  name: name.optional().describe("default: the file's name"),
  description: z.string().optional(),
  source: SourceDefinition.prefault({}),
  schema: ColumnList.optional().describe('column names, or name: type; default: from the files'),
  target: TargetDefinition,
  evolution: z.enum(['add', 'fail', 'rescue']).default('add'),
  widening: z.enum(['rewrite', 'fail']).default('fail'),
  rejects: z
    .strictObject({ rows: z.int().min(0).default(DEFAULT_TOLERATED_REJECTED_ROWS), share: share.default(0) })
    .prefault({})
    .describe('rejected rows tolerated in one object: whichever of the two is larger'),
  failures: z
    .strictObject({ share: share.default(DEFAULT_TOLERATED_FAILED_SHARE) })
    .prefault({})
    .describe('failed objects tolerated, as a share; a run of which every object failed always fails'),
  quarantine: z.enum(['copy', 'point']).default('copy').describe('whether a failed object is copied or pointed to'),
  concurrency: z
    .strictObject({
      workers: z.int().min(1).max(1000).default(DEFAULT_WORKERS),
      singleFlight: z.boolean().default(false),
    })
    .prefault({}),
  cacheEntries: z.int().min(0).default(DEFAULT_CACHE_ENTRIES),
  splitBytes: z.int().min(64).default(SPLIT_BYTES).describe('a plain CSV larger than this is converted in ranges'),
});

/** As written in a file. */
export type DatasetDefinition = z.input<typeof DatasetDefinition>;
/** With every default filled in. */
export type Dataset = Omit<z.output<typeof DatasetDefinition>, 'name'> & { name: string };

/** The mode a data set has when it names none: whole partitions are replaced where there are any. */
export function modeOf(dataset: Dataset): 'append' | 'overwrite-partitions' | 'overwrite' {
  return dataset.target.mode ?? (dataset.target.partitionBy.length > 0 ? 'overwrite-partitions' : 'append');
}

/** `schema` in one form: names with or without a type, in order. */
export function declaredColumns(dataset: Dataset): DeclaredColumn[] | undefined {
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
