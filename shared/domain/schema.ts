/**
 * Column types under the names that Athena gives them.
 * - `timestamp` is a UTC instant in microseconds.
 * - `time` has no type of its own in Athena and is kept as text.
 */
export type ColumnType =
  | 'boolean'
  | 'int'
  | 'bigint'
  | 'float'
  | 'double'
  | `decimal(${number},${number})`
  | 'date'
  | 'timestamp'
  | 'string'
  | 'binary';

export interface Column {
  /** Normalised: lower case, letters, digits and `_`; unique in its table. */
  name: string;
  /** As the source's header has it. */
  original: string;
  type: ColumnType;
}

const DECIMAL = /^decimal\((\d{1,2}),(\d{1,2})\)$/;
const PLAIN: ReadonlySet<string> = new Set([
  'boolean',
  'int',
  'bigint',
  'float',
  'double',
  'date',
  'timestamp',
  'string',
  'binary',
]);

export function isColumnType(text: string): text is ColumnType {
  if (PLAIN.has(text)) return true;
  const decimal = DECIMAL.exec(text);
  return (
    decimal !== null && Number(decimal[1]) >= 1 && Number(decimal[1]) <= 38 && Number(decimal[2]) <= Number(decimal[1])
  );
}

/** Precision and scale of a decimal type, or undefined for any other. */
export function decimalOf(type: ColumnType): { precision: number; scale: number } | undefined {
  const match = DECIMAL.exec(type);
  return match ? { precision: Number(match[1]), scale: Number(match[2]) } : undefined;
}

export type OutputFormat = 'parquet' | 'avro' | 'csv';
export const OUTPUT_FORMATS: readonly OutputFormat[] = ['parquet', 'avro', 'csv'];

/** A partition's value per partition column, as Hive writes it; null is Hive's default partition. */
export type PartitionValues = (string | null)[];

/** Where fields that have no column of their own are kept: a text column of JSON objects. */
export const RESCUED_COLUMN = '_rescued';
