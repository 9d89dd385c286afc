import { type LiveFile, type LogState, partitionKey, type TableLog, tableKey } from '../../shared/commit/fold.ts';
import { attemptFolder, type RunRequest, runFiles } from '../../shared/commit/run-files.ts';
import { type TaskList, taskName, writeTasks } from '../../shared/commit/tasks.ts';
import type { Gathered, Plan, RepartitionTask } from '../../shared/domain/load.ts';
import { resolveColumns } from '../../shared/domain/partition-spec.ts';
import type { Column } from '../../shared/domain/schema.ts';
import { AVRO_TIMESTAMPS, PLANNED_COLUMNS, SOURCE_IDS, tableName } from '../../shared/domain/tables.ts';
import { BadRequest } from '../../shared/errors.ts';
import { TOOL_VERSION } from '../../shared/limits.ts';
import type { Ports } from '../../shared/ports/ports.ts';

/**
 * Plans a compaction: each partition that has several Parquet files becomes one repartition task, whose outputs replace
 * exactly those files in every format. Rows that arrive meanwhile lie in other files and stay. Returns the tasks; none
 * where there is nothing to merge.
 */
export async function planCompaction(
  ports: Ports,
  fixed: RunRequest,
  state: LogState,
  attempt: string,
): Promise<TaskList> {
  const { target } = fixed.request.dataset;
  const tables = target.formats.flatMap((format) => {
    const known = state.tables.get(tableKey({ database: target.database, table: tableName(target.table, format) }));
    return known ? [known] : [];
  });
  const parquet = tables.find((table) => table.format === 'parquet');
  if (!parquet) {
    throw new BadRequest(
      `${target.database}.${target.table} has no Parquet files of data set ${fixed.request.dataset.name} to compact`,
    );
  }
  const many = partitionsOfMany(parquet);
  const tasks = [...many.values()].map(
    (files, i): RepartitionTask => ({
      task: taskName('repartition', i),
      table: 0,
      inputs: files.map(({ key, etag, rows, bytes }) => ({ key, etag, rows, bytes })),
      partition: { values: files[0].partition, bucket: parquet.bucket },
    }),
  );
  const folder = attemptFolder(fixed.run, 'compaction', attempt);
  const list = await writeTasks(ports.objects, ports.places.work, folder, tasks);
  const plan: Plan = {
    tables: [plannedTable(fixed, parquet)],
    plannedAt: state.version,
    buckets: tasks.length,
    tasks: list,
    failed: [],
    notices: [],
  };
  const gathered: Gathered = {
    broken: 0,
    whole: undefined,
    counted: [],
    accounts: [],
    failed: [],
    buckets: list,
    rowsWritten: [...many.values()].flat().reduce((sum, file) => sum + file.rows, 0),
    compacted: tables.map((table) => ({
      database: table.database,
      table: table.table,
      keys: table.files.filter((file) => many.has(partitionKey(file.partition))).map((file) => file.key),
    })),
  };
  const files = runFiles(ports, fixed.run);
  await files.fixPlan(plan);
  return (await files.fixGathered('first', gathered)).buckets!;
}

/** Rows of one partition are not sorted by what is the same in all of them. */
function sortColumns(sortBy: readonly string[], columns: readonly Column[], inFiles: readonly Column[]): string[] {
  const names = resolveColumns(sortBy, columns, 'sortBy').map((column) => column.name);
  return names.filter((name) => inFiles.some((column) => column.name === name));
}

function partitionsOfMany(table: TableLog): Map<string, LiveFile[]> {
  const partitions = new Map<string, LiveFile[]>();
  for (const file of table.files) {
    const key = partitionKey(file.partition);
    partitions.set(key, [...(partitions.get(key) ?? []), file]);
  }
  return new Map([...partitions].filter(([, files]) => files.length > 1));
}

function plannedTable(fixed: RunRequest, parquet: TableLog): Plan['tables'][number] {
  const { target, name } = fixed.request.dataset;
  const columns = JSON.parse(parquet.parameters[PLANNED_COLUMNS]) as Column[];
  return {
    columns,
    partitions: [],
    writing: {
      columns: parquet.columns,
      partitions: [],
      sortBy: sortColumns(target.sortBy, columns, parquet.columns),
      formats: target.formats,
      compression: target.compression,
      avroTimestamps: parquet.parameters[AVRO_TIMESTAMPS] === 'micros' ? 'micros' : 'millis',
      ...(parquet.parameters[SOURCE_IDS] === 'true' ? { sourceIds: true as const } : {}),
      fileSizeBytes: target.fileSizeBytes,
      rowGroupRows: target.rowGroupRows,
      metadata: {
        'sluice.dataset': name,
        'sluice.run': fixed.run,
        'sluice.version': TOOL_VERSION,
        'sluice.columns': parquet.parameters[PLANNED_COLUMNS],
      },
    },
  };
}
