import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Column } from '../domain/schema.ts';
import { DEFAULT_ROW_GROUP_ROWS } from '../limits.ts';
import { passingParquetOptions } from './parquet-options.ts';
import { bucketOf, varyingPartitions } from './partition-sql.ts';
import type { Session } from './session.ts';
import { ident, literal } from './sql.ts';
import type { FileListener, PartitionSpec, StagedFile } from './table-engine.ts';

/**
 * Writes a relation (`t0`, `t1`, … for `columns`) as one Parquet file a bucket, with all columns under their own names.
 *
 * @param folder for the files; made anew
 */
export async function stagedFiles(
  session: Session,
  relation: string,
  columns: readonly Column[],
  partitions: readonly PartitionSpec[],
  buckets: number,
  folder: string,
  onFile?: FileListener,
): Promise<{ rows: number; files: StagedFile[] }> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const named = columns.map((column, t) => `t${t} AS ${ident(column.name)}`).join(', ');
  const options = passingParquetOptions(DEFAULT_ROW_GROUP_ROWS);
  if (buckets <= 1 || varyingPartitions(partitions).length === 0) {
    const path = join(folder, 'bucket-0.parquet');
    const rows = await session.runUnpushed(
      `COPY (SELECT ${named} FROM (${relation})) TO ${literal(path)} (${options})`,
    );
    if (rows === 0) return { rows, files: [] };
    const file: StagedFile = { path, rows, bytes: (await stat(path)).size, bucket: 0 };
    onFile?.(file);
    return { rows, files: [file] };
  }
  const bucket = unusedName(columns);
  const written = await session.rowsUnpushed(
    `COPY (SELECT ${named}, ${bucketOf(partitions, columns, buckets)} AS ${ident(bucket)} FROM (${relation})) ` +
      `TO ${literal(folder)} (${options}, PARTITION_BY (${ident(bucket)}), OVERWRITE_OR_IGNORE true, RETURN_STATS true)`,
  );
  const files = written.map((row): StagedFile => {
    const [path, rows, bytes] = row as [string, unknown, unknown];
    const keys = row.at(-1) as { key: string; value: string }[];
    return { path, rows: Number(rows), bytes: Number(bytes), bucket: Number(keys[0]!.value) };
  });
  for (const file of files) onFile?.(file);
  return { rows: files.reduce((sum, file) => sum + file.rows, 0), files };
}

/** A name for the bucket that no column of the table has. */
function unusedName(columns: readonly Column[]): string {
  let name = 'bucket';
  while (columns.some((column) => column.name.toLowerCase() === name)) name += '_';
  return name;
}
