import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import pMap from 'p-map';
import type { Column, PartitionValues } from '../domain/schema.ts';
import { CUT_ROW_GROUP_ROWS, FILE_SIZE_TOLERANCE } from '../limits.ts';
import { cutFiles, type RowRange, type RowSize } from './file-sizes.ts';
import { FILE_ENDINGS, type RowsFile, rangeWriter } from './file-writers.ts';
import { parquetOptions, passingParquetOptions } from './parquet-options.ts';
import { partitionValue, varyingPartitions } from './partition-sql.ts';
import type { Session } from './session.ts';
import { ident, literal } from './sql.ts';
import type { FinalFile, TableWriting } from './table-engine.ts';

export interface FinalFiles {
  rows: number;
  files: FinalFile[];
}

/** The rows of one partition, which lie together. */
interface PartitionRange extends RowRange {
  values: PartitionValues;
}

/**
 * Writes a relation (`t0`, `t1`, … for `columns`) as the final files of a table. The rows are put in order and into one Parquet file
 * first, and every format is cut from that, so that all have the same rows. Where Parquet is asked for and there is nothing to
 * order or to cut, that file is the table's.
 *
 * @param folder for the files and what they are cut from; made anew
 */
export async function finalFiles(
  session: Session,
  relation: string,
  columns: readonly Column[],
  writing: TableWriting,
  folder: string,
): Promise<FinalFiles> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const varying = varyingPartitions(writing.partitions);
  const isWhole = varying.length === 0 && writing.sortBy.length === 0 && writing.formats.includes('parquet');
  const rowsPath = join(folder, 'rows.parquet');
  const source = isWhole
    ? await writeWhole(session, relation, columns, writing, rowsPath)
    : await writeOrdered(session, relation, columns, writing, rowsPath);
  if (source.rows === 0 && !(writing.emptyFile && varying.length === 0)) {
    await rm(rowsPath);
    return { rows: 0, files: [] };
  }
  const partitions = await partitionRanges(session, source, writing);
  const files: FinalFile[] = [];
  const bytes = (await stat(rowsPath)).size;
  const keepsRows = isWhole && bytes <= writing.fileSizeBytes * (1 + FILE_SIZE_TOLERANCE);
  for (const format of writing.formats) {
    if (format === 'parquet' && keepsRows) continue;
    const write = rangeWriter(session, source, writing, format);
    const ending = FILE_ENDINGS[format](writing);
    const size: RowSize = { bytesPerRow: format === 'parquet' && isWhole ? bytes / source.rows : undefined };
    const written = await pMap(
      partitions,
      async ({ values, ...range }, partition) => {
        const pathOf = (part: number) => join(folder, `${format}-${partition}-${part}.${ending}`);
        const cuts = await cutFiles(range, writing.fileSizeBytes, size, (rows, part) => write(rows, pathOf(part)));
        return cuts.map(
          (cut, part): FinalFile => ({
            path: pathOf(part),
            rows: cut.rows,
            bytes: cut.bytes,
            format,
            partition: values,
            part,
          }),
        );
      },
      { concurrency: session.threads },
    );
    files.push(...written.flat());
  }
  if (keepsRows) {
    const path = join(folder, `parquet-0-0.${FILE_ENDINGS.parquet(writing)}`);
    await rename(rowsPath, path);
    files.unshift({ path, rows: source.rows, bytes, format: 'parquet', partition: partitions[0]!.values, part: 0 });
  } else await rm(rowsPath);
  return { rows: source.rows, files };
}

/** Rows in the order in which they come, as a file of the table. */
async function writeWhole(
  session: Session,
  relation: string,
  columns: readonly Column[],
  writing: TableWriting,
  path: string,
): Promise<RowsFile> {
  const list = writing.columns.map((column) => `t${indexOf(column.name, columns)} AS ${ident(column.name)}`);
  const rows = await session.runUnpushed(
    `COPY (SELECT ${list.join(', ')} FROM (${relation})) TO ${literal(path)} (${parquetOptions(writing)})`,
  );
  return { path, rows, nameOf: ({ name }) => ident(name) };
}

/** Rows in the order of their partitions, and in these by the columns that are asked for, with the partition values as `p0`, … */
async function writeOrdered(
  session: Session,
  relation: string,
  columns: readonly Column[],
  writing: TableWriting,
  path: string,
): Promise<RowsFile> {
  const partitions = varyingPartitions(writing.partitions);
  const values = partitions.map((spec, p) => `${partitionValue(spec, columns)} AS p${p}`);
  const order = [...partitions.map((_, p) => `p${p}`), ...writing.sortBy.map((name) => `t${indexOf(name, columns)}`)];
  const data = writing.columns.map(({ name }) => `t${indexOf(name, columns)}`);
  const sort = order.length > 0 ? ` ORDER BY ${order.join(', ')}` : '';
  const list = [...data, ...partitions.map((_, p) => `p${p}`)].join(', ');
  const rows = await session.runUnpushed(
    `COPY (SELECT ${list} FROM (SELECT *${values.map((value) => `, ${value}`).join('')} FROM (${relation}))${sort}) ` +
      `TO ${literal(path)} (${passingParquetOptions(CUT_ROW_GROUP_ROWS)})`,
  );
  return { path, rows, nameOf: ({ name }) => `t${indexOf(name, columns)}` };
}

/** The partitions in their order in the file, each with its rows; throws where they are not each in one piece. */
async function partitionRanges(session: Session, source: RowsFile, writing: TableWriting): Promise<PartitionRange[]> {
  const varying = varyingPartitions(writing.partitions);
  const place = new Map(varying.map((spec, p) => [spec, p]));
  const valuesOf = (row: readonly unknown[]): PartitionValues =>
    writing.partitions.map((spec) =>
      'constant' in spec.from ? spec.from.constant || null : (row[place.get(spec)!] as string | null),
    );
  if (varying.length === 0) return [{ from: 0, rows: source.rows, values: valuesOf([]) }];
  const names = varying.map((_, p) => `p${p}`).join(', ');
  const found = await session.rows(
    `SELECT ${names}, min(file_row_number), max(file_row_number), count(*) ` +
      `FROM read_parquet(${literal(source.path)}, hive_partitioning = false) GROUP BY ${names} ORDER BY min(file_row_number)`,
  );
  return found.map((row) => {
    const [first, last, rows] = row.slice(-3).map(Number) as [number, number, number];
    if (last - first + 1 !== rows)
      throw new Error(`Rows of partition ${JSON.stringify(valuesOf(row))} lie apart after sorting`);
    return { from: first, rows, values: valuesOf(row) };
  });
}

function indexOf(name: string, columns: readonly Column[]): number {
  const index = columns.findIndex((column) => column.name === name);
  if (index < 0) throw new TypeError(`The table is to be written with the column ${name}, which it does not have`);
  return index;
}
