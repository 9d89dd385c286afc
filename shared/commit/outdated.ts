import type { PartitionValues } from '../domain/schema.ts';
import type { Intent, TableChange } from './entry.ts';
import { type LiveFile, type LogState, partitionKey, tableKey } from './fold.ts';

/**
 * The intent as it may be committed onto `state`: a file that comes late never replaces what newer ones brought. Of each
 * table the partitions that hold rows of newer sources stay as they are; what the run has for them counts as replaced the
 * moment it was committed, as it would be had the files come in the order of their times. A run is as new as its newest
 * source. Pure, so that whoever commits the intent commits the same. What a person forces is never outdated.
 */
export function withoutOutdated(state: LogState, intent: Intent): Intent {
  if (intent.force) return intent;
  const newest = intent.sources.reduce((max, source) => (source.lastModified > max ? source.lastModified : max), '');
  return { ...intent, tables: intent.tables.map((change) => current(state, change, newest)) };
}

function current(state: LogState, change: TableChange, newest: string): TableChange {
  const table = state.tables.get(tableKey(change));
  if (!table || (change.replaces !== 'partitions' && change.replaces !== 'everything')) return change;
  const fresher = table.files.filter((file) => freshest(state, file) > newest);
  if (fresher.length === 0) return change;
  // Live files that were only written again are as new as they were.
  const own = change.files.filter((file) => file.of === undefined);
  const brought = distinct([...own.map((file) => file.partition), ...change.emptied]);
  if (change.replaces === 'everything') {
    const { columns, partitionColumns, parameters } = table;
    return {
      ...change,
      ...{ columns, partitionColumns, parameters },
      ...{ replaces: 'nothing', emptied: [], files: [], outdated: brought, rewrites: [], widens: [] },
    };
  }
  const stay = new Set(fresher.map((file) => partitionKey(file.partition)));
  const outdated = brought.filter((values) => stay.has(partitionKey(values)));
  if (outdated.length === 0) return change;
  return {
    ...change,
    files: change.files.filter((file) => file.of !== undefined || !stay.has(partitionKey(file.partition))),
    emptied: change.emptied.filter((values) => !stay.has(partitionKey(values))),
    outdated,
  };
}

/** When the newest source of a file's rows was modified: of the commits that brought them, for merged files of several. */
function freshest(state: LogState, file: LiveFile): string {
  return file.holds.reduce((max, version) => {
    const time = state.freshness.get(version) ?? '';
    return time > max ? time : max;
  }, '');
}

function distinct(partitions: PartitionValues[]): PartitionValues[] {
  return [...new Map(partitions.map((values) => [partitionKey(values), values])).values()];
}
