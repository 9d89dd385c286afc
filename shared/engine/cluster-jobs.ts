import type { Column, PartitionValues } from '../domain/schema.ts';
import { writeParquetColumns } from '../formats/parquet/write-columns.ts';
import { DEFAULT_ROW_GROUP_ROWS } from '../limits.ts';
import { sqlType } from './column-types.ts';
import { finalFiles } from './final-files.ts';
import { passingParquetOptions } from './parquet-options.ts';
import { varyingPartitions } from './partition-sql.ts';
import type { Session } from './session.ts';
import { ident, literal, literals } from './sql.ts';
import type { FileListener, FinalFile, PartitionSpec, TableWriting } from './table-engine.ts';

/** A table's Parquet files, to be read together: what is in their paths and not in them comes along. */
export interface CollectJob {
  inputs: { path: string; partition: PartitionValues }[];
  /** All columns of the table. */
  columns: Column[];
  partitions: PartitionSpec[];
  /** Columns to be given back as numbers. */
  features: string[];
  scratch: string;
}

export interface CollectedRows {
  /** All columns and rows as one Parquet file in `scratch`, in an order that stays. */
  path: string;
  rows: number;
  /** One array a feature, in the order of the rows; NaN where there is no value, */
  features: Float64Array[];
  /** … and 1 here. */
  missing: Uint8Array[];
}

/** Clusters of rows as a table, and what is to be said of each cluster as another. */
export interface ClusterTablesJob {
  /** Parquet with all columns of the table, in the order of the labels. */
  rows: string;
  columns: Column[];
  /** One a row. */
  labels: Int32Array;
  /** 1 for rows that were not clustered: their cluster is null. */
  unlabelled: Uint8Array | undefined;
  /** From each row to its cluster's centre; NaN is null. Undefined: the table has no such column. */
  distances: Float64Array | undefined;
  /** Without noise (−1), and without rows that were not clustered. */
  clusteredOnly: boolean;
  /** Columns of `columns`, `cluster`, and `distance_to_centre` where there are distances. */
  table: { columns: Column[]; writing: TableWriting };
  /**
   * Columns: the partitions of the table, `cluster`, `size` and `share` within the partition, then those of `values`, which are numbers
   * about the whole cluster.
   */
  summary: {
    columns: Column[];
    writing: TableWriting;
    clusters: Int32Array;
    values: { name: string; values: Float64Array }[];
  };
  scratch: string;
  /** Is told of the files of both tables. */
  onFile?: FileListener;
}

/** Reads a table's files into one, and its features into memory. */
export async function collectJob(session: Session, job: CollectJob): Promise<CollectedRows> {
  const path = session.path('rows.parquet');
  const parts = groupByPartition(job.inputs).map(({ paths, partition }) => selectFiles(job, paths, partition));
  const relation = parts.length > 0 ? parts.join(' UNION ALL ') : nothing(job.columns);
  const rows = await session.run(
    `COPY (${relation}) TO ${literal(path)} (${passingParquetOptions(DEFAULT_ROW_GROUP_ROWS)})`,
  );
  const features = job.features.map(() => new Float64Array(rows).fill(Number.NaN));
  const missing = job.features.map(() => new Uint8Array(rows));
  const list = job.features.map((name) => `CAST(${ident(name)} AS DOUBLE)`).join(', ');
  if (job.features.length === 0) return { path, rows, features, missing };
  let at = 0;
  for await (const chunk of session.chunks(`SELECT ${list} FROM read_parquet(${literal(path)})`)) {
    for (const [f, values] of features.entries()) {
      const column = chunk.getColumnValues(f) as (number | null)[];
      for (let i = 0; i < column.length; i++) {
        values[at + i] = column[i] ?? Number.NaN;
        if (column[i] === null) missing[f]![at + i] = 1;
      }
    }
    at += chunk.rowCount;
  }
  if (at !== rows) throw new Error(`Read the features of ${at} rows of ${rows}`);
  return { path, rows, features, missing };
}

/** Partitions of the same values have their files read in one scan. */
function groupByPartition(inputs: CollectJob['inputs']): { paths: string[]; partition: PartitionValues }[] {
  const groups = new Map<string, { paths: string[]; partition: PartitionValues }>();
  for (const { path, partition } of inputs) {
    const key = JSON.stringify(partition);
    const group = groups.get(key) ?? { paths: [], partition };
    group.paths.push(path);
    groups.set(key, group);
  }
  return [...groups.values()];
}

function selectFiles({ columns, partitions }: CollectJob, paths: string[], partition: PartitionValues): string {
  const list = columns.map(({ name, type }) => {
    const place = partitions.findIndex(({ from }) => 'column' in from && !('part' in from) && from.column === name);
    if (place < 0) return ident(name);
    const value = partition[place];
    return `CAST(${value === null || value === undefined ? 'NULL' : literal(value)} AS ${sqlType(type)}) AS ${ident(name)}`;
  });
  return `SELECT ${list.join(', ')} FROM read_parquet(${literals(paths)}, hive_partitioning = false, union_by_name = true)`;
}

function nothing(columns: readonly Column[]): string {
  const list = columns.map(({ name, type }) => `CAST(NULL AS ${sqlType(type)}) AS ${ident(name)}`);
  return `SELECT ${list.join(', ')} WHERE FALSE`;
}

/** Writes the rows with their clusters, and the clusters themselves, as final files. */
export async function clusterTablesJob(
  session: Session,
  job: ClusterTablesJob,
): Promise<{ clusters: FinalFile[]; summary: FinalFile[] }> {
  const labels = session.path('labels.parquet');
  const { distances, unlabelled } = job;
  const isFar = distances?.some(Number.isNaN) ? Uint8Array.from(distances, (d) => Number(Number.isNaN(d))) : undefined;
  await writeParquetColumns(
    labels,
    [
      { name: 'cluster', type: 'int', values: job.labels, ...(unlabelled ? { nulls: unlabelled } : {}) },
      ...(distances
        ? [{ name: 'd', type: 'double' as const, values: distances, ...(isFar ? { nulls: isFar } : {}) }]
        : []),
    ],
    job.labels.length,
  );
  const rows = `(FROM read_parquet(${literal(job.rows)})) AS r POSITIONAL JOIN (FROM read_parquet(${literal(labels)})) AS l`;
  const kept = job.clusteredOnly ? ' WHERE l.cluster >= 0' : '';
  const list = job.table.columns.map(({ name }, t) => {
    const own = job.columns.some((column) => column.name === name);
    const value = own ? `r.${ident(name)}` : name === CLUSTER ? 'l.cluster' : name === DISTANCE ? 'l.d' : 'NULL';
    return `${own || name === CLUSTER || name === DISTANCE ? value : castNull(job.table.columns[t]!)} AS t${t}`;
  });
  const relation = `SELECT ${list.join(', ')} FROM ${rows}${kept}`;
  const { columns, writing } = job.table;
  const clusters = await finalFiles(
    session,
    relation,
    columns,
    { ...writing, emptyFile: false },
    session.path('clusters'),
    job.onFile,
  );
  const summary = await summaryFiles(session, job, relation);
  return { clusters: clusters.files, summary };
}

const CLUSTER = 'cluster';
const DISTANCE = 'distance_to_centre';

function castNull({ type }: Column): string {
  return `CAST(NULL AS ${sqlType(type)})`;
}

/** Sizes and shares by partition, beside what is known of the whole cluster. */
async function summaryFiles(session: Session, job: ClusterTablesJob, relation: string): Promise<FinalFile[]> {
  const known = session.path('known.parquet');
  const { clusters, values, columns, writing } = job.summary;
  await writeParquetColumns(
    known,
    [
      { name: CLUSTER, type: 'int', values: clusters },
      ...values.map(({ name, values }) => ({
        name: `v_${name}`,
        type: 'double' as const,
        values,
        nulls: Uint8Array.from(values, (value) => Number(Number.isNaN(value))),
      })),
    ],
    clusters.length,
  );
  const varying = varyingPartitions(job.table.writing.partitions);
  const parts = varying.map(({ from, type }, p) => `${partOf(from, job.table.columns, type)} AS p${p}`);
  const cluster = `t${job.table.columns.findIndex(({ name }) => name === CLUSTER)}`;
  const groups = `SELECT ${[...parts, `${cluster} AS cluster`, 'count(*) AS size'].join(', ')} FROM (${relation}) WHERE ${cluster} IS NOT NULL GROUP BY ALL`;
  const within = varying.length > 0 ? `PARTITION BY ${varying.map((_, p) => `p${p}`).join(', ')}` : '';
  const list = columns.map((column, t) => {
    const place = varying.findIndex(({ name }) => name === column.name);
    const value =
      place >= 0
        ? `p${place}`
        : column.name === CLUSTER
          ? 'cluster'
          : column.name === 'size'
            ? 'size'
            : column.name === 'share'
              ? `size / sum(size) OVER (${within})`
              : values.some(({ name }) => name === column.name)
                ? ident(`v_${column.name}`)
                : 'NULL';
    return `CAST(${value} AS ${sqlType(column.type)}) AS t${t}`;
  });
  const summary = `SELECT ${list.join(', ')} FROM (${groups}) LEFT JOIN read_parquet(${literal(known)}) USING (cluster) ORDER BY cluster`;
  return (await finalFiles(session, summary, columns, writing, session.path('summary'), job.onFile)).files;
}

/** The value of a partition in its own type. */
function partOf(from: PartitionSpec['from'], columns: readonly Column[], type: Column['type']): string {
  if ('constant' in from) return literal(from.constant);
  const t = `t${columns.findIndex(({ name }) => name === from.column)}`;
  if (!('part' in from)) return t;
  const formats = { year: '%Y', month: '%Y-%m', day: '%Y-%m-%d', hour: '%Y-%m-%d-%H' } as const;
  return `CAST(strftime(${t}, ${literal(formats[from.part])}) AS ${sqlType(type)})`;
}
