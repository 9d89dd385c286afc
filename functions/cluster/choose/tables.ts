import { type LogState, tableKey } from '../../../shared/commit/fold.ts';
import { CLUSTERS_SUFFIX, type Dataset, modeOf, SUMMARY_SUFFIX } from '../../../shared/dataset/dataset.ts';
import type { PlannedTable } from '../../../shared/domain/load.ts';
import type { Column } from '../../../shared/domain/schema.ts';
import { PLANNED_COLUMNS, tableName } from '../../../shared/domain/tables.ts';
import { BadDataset, SchemaMismatch } from '../../../shared/errors.ts';

/** The clusters of the table's rows: all its columns, the cluster, and how far it is to that one's centre. */
export function clustersTable(
  base: PlannedTable,
  dataset: Dataset,
  state: LogState,
  hasDistances: boolean,
): PlannedTable {
  if (dataset.source.format === 'distances') {
    const columns = evolved(base.columns, dataset, state, '');
    return tableOf(base, columns, '');
  }
  const suffix = `${base.suffix ?? ''}${CLUSTERS_SUFFIX}`;
  const own: Column[] = [
    { name: 'cluster', original: 'cluster', type: 'int' },
    ...(hasDistances
      ? [{ name: 'distance_to_centre', original: 'distance_to_centre', type: 'double' } satisfies Column]
      : []),
  ];
  const taken = base.columns.find(({ name }) => own.some((column) => column.name === name));
  if (taken) throw new BadDataset(`The table has a column "${taken.name}" already, which its clusters need`);
  const columns = evolved([...base.columns, ...own], dataset, state, suffix);
  return tableOf(base, columns, suffix);
}

/** One row a cluster and partition: how many rows, which share of the partition's, and numbers about the whole cluster. */
export function summaryTable(
  table: PlannedTable,
  base: PlannedTable,
  dataset: Dataset,
  state: LogState,
  values: readonly string[],
): PlannedTable {
  const suffix = `${base.suffix ?? ''}${SUMMARY_SUFFIX}`;
  const varying = table.partitions.filter(({ from }) => !('constant' in from));
  const inPath = varying.map(({ name, type }): Column => ({ name, original: name, type }));
  const found = [
    ...inPath,
    { name: 'cluster', original: 'cluster', type: 'int' },
    { name: 'size', original: 'size', type: 'bigint' },
    { name: 'share', original: 'share', type: 'double' },
    ...values.map((name): Column => ({ name, original: name, type: 'double' })),
  ] satisfies Column[];
  const columns = evolved(found, dataset, state, suffix);
  // Their values are columns of the summary by now.
  const partitions = table.partitions.map((spec) =>
    'constant' in spec.from ? spec : { ...spec, from: { column: spec.name } },
  );
  return {
    columns,
    partitions,
    suffix,
    writing: {
      ...table.writing,
      columns: columns.filter(({ name }) => !partitions.some((spec) => spec.name === name)),
      partitions,
      sortBy: [],
    },
  };
}

/** As the table that is clustered is written, but for what that one alone has: ids of sources, widened columns. */
function tableOf(
  { partitions, writing: { sourceIds: _, ...writing }, ...base }: PlannedTable,
  columns: Column[],
  suffix: string,
): PlannedTable {
  const metadata = { ...writing.metadata, 'sluice.columns': JSON.stringify(columns) };
  return {
    columns,
    partitions,
    ...(suffix === '' ? {} : { suffix }),
    writing: { ...writing, metadata, columns: withoutPartitions(columns, { ...base, writing }) },
  };
}

function withoutPartitions(columns: Column[], base: { columns: Column[]; writing: { columns: Column[] } }): Column[] {
  const left = new Set(base.columns.map(({ name }) => name));
  for (const { name } of base.writing.columns) left.delete(name);
  return columns.filter(({ name }) => !left.has(name));
}

/** The published columns stay, where the table is not replaced whole: other features leave theirs empty. */
function evolved(columns: Column[], dataset: Dataset, state: LogState, suffix: string): Column[] {
  if (modeOf(dataset) !== 'overwrite-partitions') return columns;
  const { database, table } = dataset.target;
  const known = state.tables.get(tableKey({ database, table: tableName(table, 'parquet', suffix) }));
  if (!known) return columns;
  const published = JSON.parse(known.parameters[PLANNED_COLUMNS]!) as Column[];
  const added = columns.filter(({ name }) => !published.some((column) => column.name === name));
  for (const { name, type } of columns) {
    const before = published.find((column) => column.name === name);
    if (!before || before.type === type) continue;
    throw new SchemaMismatch(`Column ${name} of ${database}.${table}${suffix} is ${before.type}, and would be ${type}`);
  }
  return [...published, ...added];
}
