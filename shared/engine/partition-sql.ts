import { HIVE_DEFAULT_PARTITION } from '../domain/hive.ts';
import type { Column } from '../domain/schema.ts';
import { literal } from './sql.ts';
import type { PartitionSpec } from './table-engine.ts';

/**
 * A partition's value as text, in terms of the relation's `t0`, `t1`, …; null for a missing one and also for the texts that
 * Hive cannot tell from it: the empty one, and the name of the folder that stands for null. (Two partitions in one folder
 * would overwrite each other's files.) Parts are the instant cut to them: `2026`, `2026-11`, `2026-11-21`, `2026-11-21-07`.
 *
 * Throws `TypeError` for a column that the table does not have.
 */
export function partitionValue({ name, from }: PartitionSpec, columns: readonly Column[]): string {
  if ('constant' in from) return from.constant === '' ? 'CAST(NULL AS VARCHAR)' : literal(from.constant);
  const t = columns.findIndex((column) => column.name === from.column);
  if (t < 0)
    throw new TypeError(`Partition ${name} is made of the column ${from.column}, which the table does not have`);
  if ('part' in from) return `strftime(t${t}, ${literal(PART_FORMATS[from.part])})`;
  return `NULLIF(NULLIF(CAST(t${t} AS VARCHAR), ''), ${literal(HIVE_DEFAULT_PARTITION)})`;
}

const PART_FORMATS = { year: '%Y', month: '%Y-%m', day: '%Y-%m-%d', hour: '%Y-%m-%d-%H' } as const;

/** Partition columns that differ from row to row. */
export function varyingPartitions(partitions: readonly PartitionSpec[]): PartitionSpec[] {
  return partitions.filter(({ from }) => !('constant' in from));
}

/**
 * The bucket of a row, from 0: a hash of its partition values modulo `buckets`. MD5, because the engine's own hash is another
 * with another version, and tasks of one run must agree.
 */
export function bucketOf(partitions: readonly PartitionSpec[], columns: readonly Column[], buckets: number): string {
  const varying = varyingPartitions(partitions);
  if (varying.length === 0 || buckets <= 1) return 'CAST(0 AS INTEGER)';
  // The length before each value keeps ('ab', 'c') and ('a', 'bc') apart, the sign null and text.
  const values = varying.map((spec) => {
    const value = partitionValue(spec, columns);
    return `coalesce(strlen(${value}) || '+' || ${value}, '-')`;
  });
  return `CAST(md5_number_lower(${values.join(" || ',' || ")}) % ${buckets} AS INTEGER)`;
}
