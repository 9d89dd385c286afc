import { BadInput } from '../errors.ts';
import { PARTITION_PATH_MAX_BYTES } from '../limits.ts';
import type { PartitionValues } from './schema.ts';

/**
 * Partition paths as Hive writes them (`FileUtils.escapePathName`), so that Athena, Spark and awswrangler read the same
 * value back. A slash is among what is escaped and every segment begins with `column=`: no value, `..` included, can lead
 * out of its folder or be taken for a hidden file.
 */

/** Stands for null, and for empty text, which Hive does not tell apart from it. */
export const HIVE_DEFAULT_PARTITION = '__HIVE_DEFAULT_PARTITION__';

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are among those that Hive escapes
const ESCAPED = /[\x00-\x1f\x7f"#%'*/:=?\\{[\]^]/g;
const ESCAPE = /%([0-9a-fA-F]{2})/g;

/** One value as part of a path segment. Null and empty text are Hive's default partition. */
export function escapePartitionValue(value: string | null): string {
  if (value === null || value === '') return HIVE_DEFAULT_PARTITION;
  return value.replace(ESCAPED, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);
}

/** The value in a path segment; a `%` that begins no escape stands for itself, as in Hive. */
export function unescapePartitionValue(escaped: string): string | null {
  if (escaped === HIVE_DEFAULT_PARTITION) return null;
  return escaped.replace(ESCAPE, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/**
 * `state=New York/day=2012-01-05`, without slashes at the ends; empty for a table without partitions.
 * Throws `BadInput` for a path so long that no key of S3 (1,024 bytes) could hold it beside table and file name.
 */
export function partitionPath(columns: readonly string[], values: PartitionValues): string {
  if (columns.length !== values.length) {
    throw new TypeError(`A partition of ${columns.length} columns cannot have ${values.length} values`);
  }
  const path = columns.map((column, i) => `${escapeColumn(column)}=${escapePartitionValue(values[i]!)}`).join('/');
  const bytes = Buffer.byteLength(path);
  if (bytes > PARTITION_PATH_MAX_BYTES) {
    const start = path.slice(0, 60);
    throw new BadInput(
      `Cannot make a partition of "${start}…": its path has ${bytes} bytes where ${PARTITION_PATH_MAX_BYTES} fit in a key`,
    );
  }
  return path;
}

/** Columns and values of a partition path; undefined where a segment is not `column=value`. */
export function parsePartitionPath(path: string): { columns: string[]; values: PartitionValues } | undefined {
  const columns: string[] = [];
  const values: PartitionValues = [];
  for (const segment of path.split('/').filter((part) => part !== '')) {
    const equals = segment.indexOf('=');
    if (equals < 1) return undefined;
    columns.push(unescapePartitionValue(segment.slice(0, equals)) ?? '');
    values.push(unescapePartitionValue(segment.slice(equals + 1)));
  }
  return { columns, values };
}

function escapeColumn(column: string): string {
  return escapePartitionValue(column.toLowerCase());
}
