import type { Dataset } from '../dataset/dataset.ts';
import { avroSchemaLiteral, avroTableColumns } from '../formats/avro/schema.ts';
import type { PlannedTable } from './load.ts';
import type { Column, OutputFormat } from './schema.ts';

/** A catalog table of a data set: one a format, each with a root of its own. */
export interface TableDescription {
  database: string;
  table: string;
  format: OutputFormat;
  bucket: string;
  /** Folder in the lake bucket, with the closing slash. */
  root: string;
  columns: Column[];
  partitionColumns: Column[];
  parameters: Record<string, string>;
}

/** Table parameters that later plans read from the log: all columns with their original names, and Avro's precision. */
export const PLANNED_COLUMNS = 'sluice.planned';
export const AVRO_TIMESTAMPS = 'sluice.avro.timestamps';
/** The table carries `_source_id`: `true`, or it is not there. */
export const SOURCE_IDS = 'sluice.source.ids';

const SUFFIX: Record<OutputFormat, string> = { parquet: '', avro: '_avro', csv: '_csv' };

/**
 * `db.t` is Parquet, `db.t_avro` and `db.t_csv` lie beside it. `suffix` tells tables of one load apart, as in `db.t_flashes_avro`.
 */
export function tableName(table: string, format: OutputFormat, suffix = ''): string {
  return `${table}${suffix}${SUFFIX[format]}`;
}

/** `<path>/<table>/`, the folder of a table of the data set in its bucket. */
export function tableFolder(
  target: Pick<Dataset['target'], 'path' | 'database' | 'table'>,
  format: OutputFormat,
  suffix = '',
): string {
  return `${target.path ?? target.database}/${tableName(target.table, format, suffix)}/`;
}

/** The catalog's tables of a data set with the columns that the plan decided on. */
export function tablesOf(dataset: Dataset, planned: PlannedTable, lakeBucket: string): TableDescription[] {
  const { target } = dataset;
  const { columns, partitions, avroTimestamps } = { ...planned.writing };
  const timestamps = { timestamps: avroTimestamps };
  const originals = Object.fromEntries(planned.columns.map((column) => [column.name, column.original]));
  const partitionColumns = partitions.map(
    (partition): Column => ({
      name: partition.name,
      original: originals[partition.name] ?? partition.name,
      type: partition.type,
    }),
  );
  return target.formats.map((format) => {
    const table = tableName(target.table, format, planned.suffix);
    const avro = format === 'avro';
    return {
      database: target.database,
      table,
      format,
      bucket: target.bucket ?? lakeBucket,
      root: tableFolder(target, format, planned.suffix),
      columns: avro ? avroTableColumns(columns, timestamps) : columns,
      partitionColumns,
      parameters: {
        'sluice.dataset': dataset.name,
        [PLANNED_COLUMNS]: JSON.stringify(planned.columns),
        [AVRO_TIMESTAMPS]: avroTimestamps,
        ...(planned.writing.sourceIds ? { [SOURCE_IDS]: 'true' } : {}),
        ...(avro ? { 'avro.schema.literal': avroSchemaLiteral(table, columns, timestamps) } : {}),
      },
    };
  });
}
