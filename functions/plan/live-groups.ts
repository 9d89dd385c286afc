import {
  heldBy,
  type LiveFile,
  type LogState,
  partitionKey,
  type TableLog,
  tableKey,
} from '../../shared/commit/fold.ts';
import { taskName } from '../../shared/commit/tasks.ts';
import type { Dataset } from '../../shared/dataset/dataset.ts';
import type { LiveGroup, PlannedTable } from '../../shared/domain/load.ts';
import { tableName } from '../../shared/domain/tables.ts';
import { BadDataset } from '../../shared/errors.ts';

/**
 * The live files that hold rows of `replaced` sources, or a column that gets a wider type: in groups that have the same rows
 * in every format. These are the files of one commit and partition; where there is one format, each file by itself. Throws
 * `BadDataset` where a group has no Parquet files to be read again.
 */
export function liveGroups(
  tables: PlannedTable[],
  replaced: ReadonlySet<string>,
  dataset: Dataset,
  state: LogState,
): LiveGroup[] {
  return tables
    .flatMap((table, index) => groupsOf(table, index, replaced, dataset, state))
    .map((group, i): LiveGroup => ({ task: taskName('live', i), ...group }));
}

function groupsOf(
  { suffix, widened = [] }: PlannedTable,
  index: number,
  replaced: ReadonlySet<string>,
  { target }: Dataset,
  state: LogState,
): Omit<LiveGroup, 'task'>[] {
  const logs = target.formats.flatMap((format) => {
    const known = state.tables.get(tableKey({ ...target, table: tableName(target.table, format, suffix) }));
    return known ? [known] : [];
  });
  const nameOf = (file: LiveFile) => (logs.length === 1 ? file.key : `${file.version} ${partitionKey(file.partition)}`);
  const widens = ({ columnsSince }: TableLog, file: LiveFile) =>
    widened.some(({ column }) => file.version >= (columnsSince?.[column] ?? 0));
  const holds = ({ rowsOf }: LiveFile) => rowsOf !== undefined && Object.keys(rowsOf).some((id) => replaced.has(id));

  const groups = new Map<string, { files: [TableLog, LiveFile][]; widens: boolean; leaves: boolean }>();
  for (const log of logs) {
    for (const file of log.files) {
      const group = groups.get(nameOf(file)) ?? { files: [], widens: false, leaves: false };
      groups.set(nameOf(file), group);
      group.files.push([log, file]);
      group.widens ||= widens(log, file);
      group.leaves ||= group.widens || holds(file);
    }
  }
  return [...groups.values()]
    .filter((group) => group.leaves)
    .map(({ files, widens }) => {
      const parquet = files.filter(([log]) => log.format === 'parquet').map(([, file]) => file);
      const [[log, first]] = files;
      if (parquet.length === 0) {
        throw new BadDataset(`${tableKey(log)} has rows to be written again, but no Parquet files to read them from`);
      }
      return {
        table: index,
        partition: first.partition,
        inputs: parquet.map(({ key, etag, rows, bytes }) => ({ key, etag, rows, bytes })),
        bucket: log.bucket,
        keys: keysByTable(files),
        of: heldBy(parquet),
        rows: parquet.reduce((sum, file) => sum + file.rows, 0),
        bytes: parquet.reduce((sum, file) => sum + file.bytes, 0),
        rowsOf: rowsBySource(parquet),
        widens,
      };
    });
}

function keysByTable(files: [TableLog, LiveFile][]): Record<string, string[]> {
  const keys: Record<string, string[]> = {};
  for (const [log, file] of files) keys[tableKey(log)] = [...(keys[tableKey(log)] ?? []), file.key];
  return keys;
}

function rowsBySource(files: LiveFile[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const { rowsOf = {} } of files) for (const [id, rows] of Object.entries(rowsOf)) sum[id] = (sum[id] ?? 0) + rows;
  return sum;
}
