import type { Column, ColumnType, OutputFormat } from '../domain/schema.ts';
import type { Lake } from '../engine/lake-database.ts';
import { ident, literal } from '../engine/sql.ts';
import { LAKE_INSERT_ROWS } from '../limits.ts';
import type { CatalogPartition, TableState } from '../ports/catalog.ts';

/** Schema of the catalog's own tables, in every lake. A database of this name may have other tables beside them. */
export const BOOKS = 'sluice';
export const BOOK_TABLES = ['tables', 'columns', 'partitions', 'files'] as const;

/** A live file and where it lies here. */
export interface HeldFile {
  uri: string;
  path: string;
}

export interface HeldPartition extends Omit<CatalogPartition, 'files'> {
  files: HeldFile[];
}

/** A table as the lake has it on its books. */
export interface HeldTable extends Omit<TableState, 'partitions'> {
  version: number;
}

const book = (name: (typeof BOOK_TABLES)[number]) => `${ident(BOOKS)}.${ident(name)}`;

export async function makeBooks(lake: Lake): Promise<void> {
  const own = 'database_name VARCHAR NOT NULL, table_name VARCHAR NOT NULL';
  const tables: Record<(typeof BOOK_TABLES)[number], string> = {
    tables: `${own}, format VARCHAR NOT NULL, root VARCHAR NOT NULL, parameters JSON NOT NULL, version BIGINT NOT NULL`,
    columns: `${own}, position BIGINT NOT NULL, name VARCHAR NOT NULL, original VARCHAR NOT NULL, type VARCHAR NOT NULL, is_partition BOOLEAN NOT NULL`,
    partitions: `${own}, position BIGINT NOT NULL, "values" VARCHAR[] NOT NULL, location VARCHAR NOT NULL, "rows" BIGINT NOT NULL`,
    files: `${own}, partition_position BIGINT NOT NULL, position BIGINT NOT NULL, uri VARCHAR NOT NULL, path VARCHAR NOT NULL`,
  };
  const made = BOOK_TABLES.map((name) => `CREATE TABLE IF NOT EXISTS ${book(name)} (${tables[name]})`);
  await lake.run([`CREATE SCHEMA IF NOT EXISTS ${ident(BOOKS)}`, ...made].join('; '));
}

/** Whether the file is a lake at all: an empty one, or one of somebody else's, has no books. */
export async function hasBooks(lake: Lake): Promise<boolean> {
  const found = await lake.rows(
    `SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() AND schema_name = ${literal(BOOKS)}`,
  );
  const names = new Set(found.map(([name]) => name));
  return BOOK_TABLES.every((name) => names.has(name));
}

export async function readTable(lake: Lake, database: string, table: string): Promise<HeldTable | undefined> {
  const [row] = await lake.rows(
    `SELECT format, root, CAST(parameters AS VARCHAR), version FROM ${book('tables')} ${whereTable(database, table)}`,
  );
  if (row === undefined) return undefined;
  const [format, root, parameters, version] = row as [OutputFormat, string, string, string];
  const columns: Column[] = [];
  const partitionColumns: Column[] = [];
  const rows = await lake.rows(
    `SELECT name, original, type, is_partition FROM ${book('columns')} ${whereTable(database, table)} ORDER BY position`,
  );
  for (const [name, original, type, isPartition] of rows as [string, string, ColumnType, boolean][]) {
    (isPartition ? partitionColumns : columns).push({ name, original, type });
  }
  return {
    database,
    table,
    format,
    root,
    columns,
    partitionColumns,
    parameters: JSON.parse(parameters) as Record<string, string>,
    version: Number(version),
  };
}

export async function readPartitions(lake: Lake, database: string, table: string): Promise<HeldPartition[]> {
  const at = whereTable(database, table);
  const rows = await lake.rows(
    `SELECT position, "values", location, "rows" FROM ${book('partitions')} ${at} ORDER BY position`,
  );
  const byPosition = new Map<string, HeldPartition>();
  for (const [position, values, location, count] of rows as [string, (string | null)[], string, string][]) {
    byPosition.set(position, { values, location, files: [], rows: Number(count) });
  }
  const files = await lake.rows(`SELECT partition_position, uri, path FROM ${book('files')} ${at} ORDER BY position`);
  for (const [position, uri, path] of files as [string, string, string][]) {
    byPosition.get(position)?.files.push({ uri, path });
  }
  return [...byPosition.values()];
}

/** Writes the table anew; what the books had of it goes. */
export async function writeTable(lake: Lake, table: HeldTable, partitions: readonly HeldPartition[]): Promise<void> {
  const own = [literal(table.database), literal(table.table)];
  const columns = [
    ...table.columns.map((column) => ({ ...column, isPartition: false })),
    ...table.partitionColumns.map((column) => ({ ...column, isPartition: true })),
  ];
  let position = 0;
  const files = partitions.flatMap((partition, i) =>
    partition.files.map(({ uri, path }) => [...own, `${i}`, `${position++}`, literal(uri), literal(path)]),
  );
  const statements = [
    ...BOOK_TABLES.map((name) => `DELETE FROM ${book(name)} ${whereTable(table.database, table.table)}`),
    ...inserts('tables', [
      [
        ...own,
        literal(table.format),
        literal(table.root),
        literal(JSON.stringify(table.parameters)),
        `${table.version}`,
      ],
    ]),
    ...inserts(
      'columns',
      columns.map((column, i) => [
        ...own,
        `${i}`,
        literal(column.name),
        literal(column.original),
        literal(column.type),
        `${column.isPartition}`,
      ]),
    ),
    ...inserts(
      'partitions',
      partitions.map(({ values, location, rows }, i) => [
        ...own,
        `${i}`,
        textList(values),
        literal(location),
        `${rows}`,
      ]),
    ),
    ...inserts('files', files),
  ];
  // Together where they are short: each call takes longer than what it has done.
  if (partitions.length + files.length < LAKE_INSERT_ROWS) await lake.run(statements.join('; '));
  else for (const statement of statements) await lake.run(statement);
}

function inserts(name: (typeof BOOK_TABLES)[number], rows: string[][]): string[] {
  const statements: string[] = [];
  for (let start = 0; start < rows.length; start += LAKE_INSERT_ROWS) {
    const chunk = rows.slice(start, start + LAKE_INSERT_ROWS).map((row) => `(${row.join(', ')})`);
    statements.push(`INSERT INTO ${book(name)} VALUES ${chunk.join(', ')}`);
  }
  return statements;
}

function textList(values: readonly (string | null)[]): string {
  return `CAST([${values.map((value) => (value === null ? 'NULL' : literal(value))).join(', ')}] AS VARCHAR[])`;
}

function whereTable(database: string, table: string): string {
  return `WHERE database_name = ${literal(database)} AND table_name = ${literal(table)}`;
}
