import type { Column, ColumnType } from '../domain/schema.ts';
import { LAKE_CSV_LINE_BYTES } from '../limits.ts';
import type { TableState } from '../ports/catalog.ts';
import { ident, literal, literals } from './sql.ts';

/** A partition with its live files as local paths. */
export interface LocalPartition {
  values: TableState['partitions'][number]['values'];
  paths: string[];
}

export type ViewedTable = Pick<TableState, 'database' | 'table' | 'format' | 'columns' | 'partitionColumns'>;

/** The engine's type for a column. */
export function engineType(type: ColumnType): string {
  switch (type) {
    case 'int':
      return 'INTEGER';
    case 'string':
      return 'VARCHAR';
    case 'binary':
      return 'BLOB';
    default:
      return type.toUpperCase();
  }
}

/**
 * The files of a partition as a table function: exactly these, each name taken as it is, columns matched by name.
 * CSV is read in the one dialect that Sluice writes, as text.
 */
export function scan(format: 'parquet' | 'csv', paths: readonly string[]): string {
  const files = literals(paths.map(escapeGlob));
  const common = 'union_by_name = true, hive_partitioning = false';
  if (format === 'parquet') return `read_parquet(${files}, ${common})`;
  return (
    `read_csv(${files}, ${common}, header = true, all_varchar = true, delim = ',', quote = '"', escape = '"', ` +
    `comment = '', nullstr = '', allow_quoted_nulls = false, max_line_size = ${LAKE_CSV_LINE_BYTES})`
  );
}

/**
 * The view of a table: its columns in order and of their types, then its partition columns with the catalog's own values.
 * A column that a file lacks is null there. One scan a partition, so that a filter on a partition column opens only those
 * files.
 */
export function viewSql(table: ViewedTable, format: 'parquet' | 'csv', partitions: readonly LocalPartition[]): string {
  const typeIn = (column: Column) => (format === 'csv' ? 'VARCHAR' : engineType(column.type));
  const nothing = [
    ...table.columns.map((column) => `CAST(NULL AS ${typeIn(column)}) AS ${ident(column.name)}`),
    ...table.partitionColumns.map((column) => `CAST(NULL AS ${engineType(column.type)}) AS ${ident(column.name)}`),
  ];
  const scans = partitions.map(({ values, paths }) => {
    const constants = table.partitionColumns.map(
      (column, i) => `${partitionValue(values[i] ?? null, column.type)} AS ${ident(column.name)}`,
    );
    return `SELECT ${['*', ...constants].join(', ')} FROM ${scan(format, paths)}`;
  });
  const shown = [
    ...table.columns.map(({ name, type }) => `CAST(${ident(name)} AS ${engineType(type)}) AS ${ident(name)}`),
    ...table.partitionColumns.map((column) => ident(column.name)),
  ];
  const rows = [`SELECT ${nothing.join(', ')} WHERE false`, ...scans].join('\nUNION ALL BY NAME\n');
  return `CREATE OR REPLACE VIEW ${viewName(table)} AS SELECT ${shown.join(', ')} FROM (\n${rows}\n)`;
}

/** A view that has the table's columns and says, when it is read, why it has no rows. */
export function unreadableViewSql(table: ViewedTable, reason: string): string {
  const columns = [...table.columns, ...table.partitionColumns].map(
    (column) => `CAST(NULL AS ${engineType(column.type)}) AS ${ident(column.name)}`,
  );
  return `CREATE OR REPLACE VIEW ${viewName(table)} AS SELECT ${columns.join(', ')} WHERE CAST(error(${literal(reason)}) AS BOOLEAN)`;
}

/** A partition value as a typed constant; null is null. */
export function partitionValue(value: string | null, type: ColumnType): string {
  if (value === null) return `CAST(NULL AS ${engineType(type)})`;
  // A cast from text would take a backslash for an escape.
  if (type === 'binary') return `encode(${literal(value)})`;
  return `CAST(${literal(value)} AS ${engineType(type)})`;
}

function viewName(table: ViewedTable): string {
  return `${ident(table.database)}.${ident(table.table)}`;
}

/** The engine takes these for patterns also in a list of files; in brackets each stands for itself. */
function escapeGlob(path: string): string {
  return path.replaceAll(/[*?[]/g, '[$&]');
}
