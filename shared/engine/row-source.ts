import { HIVE_DEFAULT_PARTITION } from '../domain/hive.ts';
import type { Column, PartitionValues } from '../domain/schema.ts';
import type { RowRange } from './file-sizes.ts';
import { parquetOptions } from './parquet-options.ts';
import { partitionValue, varyingPartitions } from './partition-sql.ts';
import type { Session } from './session.ts';
import { ident, literal } from './sql.ts';
import type { TableWriting } from './table-engine.ts';

/** Rows in their final order, kept once, from which the files of every format are cut. */
export interface RowSource {
  /** What stands behind FROM. */
  relation: string;
  /** The column that numbers the rows from 0. */
  rowNumber: string;
  rows: number;
  /** The name that a table column has in it. */
  nameOf: (column: Column) => string;
}

/** The rows of one partition, which lie together. */
export interface PartitionRange extends RowRange {
  values: PartitionValues;
}

/** A run of the rows, as what stands behind FROM. */
export function rangeOf({ relation, rowNumber, rows }: RowSource, range: RowRange): string {
  if (range.from === 0 && range.rows === rows) return relation;
  return `${relation} WHERE ${rowNumber} >= ${range.from} AND ${rowNumber} < ${range.from + range.rows}`;
}

/** Keeps rows in the order in which they come, as a Parquet file of the table: it may be all that is asked for. */
export async function keepAsFile(
  session: Session,
  relation: string,
  columns: readonly Column[],
  writing: TableWriting,
  path: string,
): Promise<RowSource> {
  const indexOf = indexesIn(columns);
  const list = writing.columns.map((column) => `t${indexOf(column.name)} AS ${ident(column.name)}`);
  const rows = await session.runUnpushed(
    `COPY (SELECT ${list.join(', ')} FROM (${relation})) TO ${literal(path)} (${parquetOptions(writing)})`,
  );
  return {
    relation: `read_parquet(${literal(path)}, hive_partitioning = false)`,
    rowNumber: 'file_row_number',
    rows,
    nameOf: ({ name }) => ident(name),
  };
}

/**
 * Keeps rows in the order of their partitions, and in these by the columns that are asked for, with the partition values as `p0`, …
 * In a database file, not a Parquet file: where partitions are many, each cut takes half the time.
 */
export async function keepInOrder(
  session: Session,
  relation: string,
  columns: readonly Column[],
  writing: TableWriting,
  path: string,
): Promise<RowSource> {
  const indexOf = indexesIn(columns);
  const partitions = varyingPartitions(writing.partitions);
  const values = partitions.map((spec, p) => `, ${partitionValue(spec, columns)} AS p${p}`).join('');
  const order = [...partitions.map((_, p) => `p${p}`), ...writing.sortBy.map((name) => `t${indexOf(name)}`)];
  const list = [...writing.columns.map(({ name }) => `t${indexOf(name)}`), ...partitions.map((_, p) => `p${p}`)];
  keeping.add(session);
  await session.run(`ATTACH ${literal(path)} AS kept`);
  await session.runUnpushed(
    `CREATE TABLE kept.rows AS SELECT ${list.join(', ')} FROM (SELECT *${values} FROM (${relation}))` +
      (order.length > 0 ? ` ORDER BY ${order.join(', ')}` : ''),
  );
  const [[rows]] = (await session.rows('SELECT count(*) FROM kept.rows')) as [[unknown]];
  return {
    relation: 'kept.rows',
    rowNumber: 'rowid',
    rows: Number(rows),
    nameOf: ({ name }) => `t${indexOf(name)}`,
  };
}

/** Those that `keepInOrder` has had keep something: most never do, and each statement waits for its turn in this thread. */
const keeping = new WeakSet<Session>();

/** Lets go of what `keepInOrder` holds; the file is the caller's to remove. */
export async function dropKept(session: Session): Promise<void> {
  if (keeping.delete(session)) await session.run('DETACH DATABASE IF EXISTS kept');
}

/** The partitions in the order in which they lie, each with its rows; throws where they are not each in one piece. */
export async function partitionRanges(
  session: Session,
  source: RowSource,
  { partitions }: TableWriting,
): Promise<PartitionRange[]> {
  const varying = varyingPartitions(partitions);
  const place = new Map(varying.map((spec, p) => [spec, p]));
  const valuesOf = (row: readonly unknown[]): PartitionValues =>
    partitions.map((spec) =>
      'constant' in spec.from ? constantValue(spec.from.constant) : (row[place.get(spec)!] as string | null),
    );
  if (varying.length === 0) return [{ from: 0, rows: source.rows, values: valuesOf([]) }];
  const names = varying.map((_, p) => `p${p}`).join(', ');
  const number = source.rowNumber;
  const found = await session.rows(
    `SELECT ${names}, min(${number}), max(${number}), count(*) FROM ${source.relation} GROUP BY ${names} ORDER BY min(${number})`,
  );
  return found.map((row) => {
    const [first, last, rows] = row.slice(-3).map(Number) as [number, number, number];
    if (last - first + 1 !== rows) {
      throw new Error(`Rows of partition ${JSON.stringify(valuesOf(row))} lie apart after sorting`);
    }
    return { from: first, rows, values: valuesOf(row) };
  });
}

/** As for the values of a column: what Hive cannot tell from null is null. */
function constantValue(constant: string): string | null {
  return constant === '' || constant === HIVE_DEFAULT_PARTITION ? null : constant;
}

/** Tells the index of a column by its name; of very many columns too. */
function indexesIn(columns: readonly Column[]): (name: string) => number {
  const indexes = new Map(columns.map(({ name }, index) => [name, index]));
  return (name) => {
    const index = indexes.get(name);
    if (index === undefined)
      throw new TypeError(`The table is to be written with the column ${name}, which it does not have`);
    return index;
  };
}
