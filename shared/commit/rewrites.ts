import type { Intent, TableChange } from './entry.ts';
import { partitionKey, replacedPartitions } from './fold.ts';

/**
 * The intent without live files that were written again in partitions that it replaces whole: their rows leave with all others.
 * Which partitions a run replaces is known only when it commits.
 */
export function withoutNeedlessRewrites(intent: Intent): Intent {
  return { ...intent, tables: intent.tables.map(needed) };
}

function needed(change: TableChange): TableChange {
  const { replaces } = change;
  if (change.files.every((file) => file.of === undefined)) return change;
  if (replaces === 'everything') return { ...change, files: change.files.filter((file) => file.of === undefined) };
  if (replaces !== 'partitions') return change;
  const replaced = replacedPartitions(change);
  return {
    ...change,
    files: change.files.filter((file) => file.of === undefined || !replaced.has(partitionKey(file.partition))),
  };
}
