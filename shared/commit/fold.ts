import { partitionPath } from '../domain/hive.ts';
import type { Column, OutputFormat, PartitionValues } from '../domain/schema.ts';
import type { FixedFile, LogEntry, NewFile, TableChange } from './entry.ts';
import { generation } from './keys.ts';

/**
 * P1: an object is loaded if and only if the fold of the log says so, and a table is what the fold says. Pure: the same
 * entries give the same state anywhere.
 */
export interface LogState {
  /** Entries folded; 0 before the first. */
  version: number;
  /** Runs whose entry is in the log, with its version and whether it was void. */
  runs: Map<string, { version: number; void: boolean }>;
  /** Live source ids, each with the version of the commit that holds it. */
  sources: Map<string, number>;
  /** By format within `database.table`. */
  tables: Map<string, TableLog>;
  /** What each commit's newest source was modified at, for "a late older file never wins". */
  freshness: Map<number, string>;
  /** Files with fixed names by `bucket/key`, and the version that put them there. */
  fixed: Map<string, FixedFile & { version: number }>;
  /** Files that were live once, and the version that replaced them. A checkpoint forgets those that are gone by then. */
  retired: Map<string, number>;
}

export interface TableLog {
  database: string;
  table: string;
  format: OutputFormat;
  bucket: string;
  root: string;
  columns: Column[];
  partitionColumns: Column[];
  parameters: Record<string, string>;
  files: LiveFile[];
  /** The last version that changed the table. */
  since: number;
}

export interface LiveFile {
  partition: PartitionValues;
  /** The partition's one location, with the closing slash; all its live files lie right in it. */
  location: string;
  /** Final key in the lake bucket. */
  key: string;
  /** Where it is copied from: its key in the lake before it moved to this location, if any, else the run's own. */
  previous: string | undefined;
  staged: string;
  etag: string;
  rows: number;
  bytes: number;
  /** The commit that brought the rows. */
  version: number;
  /** The commit that gave the file this key. */
  since: number;
}

export function emptyState(): LogState {
  return {
    version: 0,
    runs: new Map(),
    sources: new Map(),
    tables: new Map(),
    freshness: new Map(),
    fixed: new Map(),
    retired: new Map(),
  };
}

export function tableKey(table: { database: string; table: string }): string {
  return `${table.database}.${table.table}`;
}

export function partitionKey(values: PartitionValues): string {
  return JSON.stringify(values);
}

/** The state after one more entry. Changes `state` and returns it. */
export function applyEntry(state: LogState, version: number, entry: LogEntry): LogState {
  if (version !== state.version + 1) {
    throw new RangeError(`Log entry ${version} does not follow version ${state.version}`);
  }
  state.version = version;
  state.runs.set(entry.run, { version, void: entry.kind === 'void' });
  if (entry.kind === 'void') return state;

  let newest = '';
  for (const change of entry.tables) applyChange(state, version, entry.run, change);
  for (const file of entry.fixed) state.fixed.set(`${file.bucket}/${file.key}`, { ...file, version });
  dropReplacedSources(state, entry.tables);
  for (const source of entry.sources) {
    state.sources.set(source.id, version);
    if (source.lastModified > newest) newest = source.lastModified;
  }
  state.freshness.set(version, newest);
  return state;
}

/**
 * Every partition has one location, and a reader that follows it must never see half a change. One file more appears at
 * once where the others lie; any other change of a partition makes a new generation folder, with what is kept copied.
 */
function applyChange(state: LogState, version: number, run: string, change: TableChange): void {
  const before = state.tables.get(tableKey(change))?.files ?? [];
  const leaves = leaving(change);
  const partitions = new Map<string, { kept: LiveFile[]; left: LiveFile[]; added: NewFile[] }>();
  const of = (values: PartitionValues) => {
    const key = partitionKey(values);
    const found = partitions.get(key) ?? { kept: [], left: [], added: [] };
    partitions.set(key, found);
    return found;
  };
  for (const file of before) of(file.partition)[leaves(file) ? 'left' : 'kept'].push(file);
  for (const file of change.files) of(file.partition).added.push(file);

  const columnNames = change.partitionColumns.map((column) => column.name);
  const folder = generation(version, run);
  const files: LiveFile[] = [];
  for (const { kept, left, added } of partitions.values()) {
    for (const file of left) state.retired.set(`${change.bucket}/${file.key}`, version);
    if (added.length === 0 && left.length === 0) {
      files.push(...kept);
      continue;
    }
    if (added.length === 0 && kept.length === 0) continue;
    const appendsOne = left.length === 0 && added.length === 1 && kept.length > 0;
    const path = partitionPath(columnNames, (added[0] ?? kept[0]).partition);
    const location = appendsOne ? kept[0].location : `${change.root}${path === '' ? '' : `${path}/`}${folder}/`;
    for (const file of kept) {
      if (file.location === location) {
        files.push(file);
        continue;
      }
      state.retired.set(`${change.bucket}/${file.key}`, version);
      const key = `${location}${file.key.slice(file.location.length)}`;
      files.push({ ...file, location, key, previous: file.key, since: version });
    }
    for (const file of added) {
      const { partition, staged, etag, rows, bytes } = file;
      const key = `${location}${uniqueName(file.name, folder)}`;
      files.push({ partition, location, key, previous: undefined, staged, etag, rows, bytes, version, since: version });
    }
  }
  const { database, table, format, bucket, root, columns, partitionColumns, parameters } = change;
  state.tables.set(tableKey(change), {
    ...{ database, table, format, bucket, root, columns, partitionColumns, parameters, files },
    since: version,
  });
}

function leaving(change: TableChange): (file: LiveFile) => boolean {
  const { replaces } = change;
  if (replaces === 'everything') return () => true;
  if (replaces === 'nothing') return () => false;
  if (typeof replaces === 'object') {
    const gone = new Set<number | string>('commits' in replaces ? replaces.commits : replaces.keys);
    return (file) => gone.has('commits' in replaces ? file.version : file.key);
  }
  const replaced = new Set([...change.files.map((file) => file.partition), ...change.emptied].map(partitionKey));
  return (file) => replaced.has(partitionKey(file.partition));
}

/** `part-00000.parquet` → `part-00000-<generation>.parquet`: unique however files are gathered in a folder later. */
function uniqueName(name: string, folder: string): string {
  const dot = name.indexOf('.');
  return `${name.slice(0, dot)}-${folder}${name.slice(dot)}`;
}

/**
 * A source stays live while the table holds its rows as far as the log can tell: overwriting everything ends all others;
 * replacing the files of whole commits ends theirs. Replacing partitions ends none: such a source was loaded, and what
 * replaced its rows is said by the log.
 */
function dropReplacedSources(state: LogState, changes: TableChange[]): void {
  if (changes.length === 0) return;
  if (changes.every((change) => change.replaces === 'everything')) {
    state.sources.clear();
    return;
  }
  const gone = new Set<number>();
  for (const { replaces } of changes) {
    if (typeof replaces === 'object' && 'commits' in replaces) for (const n of replaces.commits) gone.add(n);
  }
  if (gone.size === 0) return;
  for (const [id, version] of state.sources) if (gone.has(version)) state.sources.delete(id);
}

interface StoredState extends Omit<LogState, 'runs' | 'sources' | 'tables' | 'freshness' | 'fixed' | 'retired'> {
  runs: [string, { version: number; void: boolean }][];
  sources: [string, number][];
  tables: [string, TableLog][];
  freshness: [number, string][];
  fixed: [string, FixedFile & { version: number }][];
  retired: [string, number][];
}

/** For a checkpoint: without the files that versions up to `applied` replaced, which are gone. */
export function storeState(state: LogState, applied = 0): StoredState {
  return {
    version: state.version,
    runs: [...state.runs],
    sources: [...state.sources],
    tables: [...state.tables],
    freshness: [...state.freshness],
    fixed: [...state.fixed],
    retired: [...state.retired].filter(([, version]) => version > applied),
  };
}

export function restoreState(stored: StoredState): LogState {
  return {
    version: stored.version,
    runs: new Map(stored.runs),
    sources: new Map(stored.sources),
    tables: new Map(stored.tables),
    freshness: new Map(stored.freshness),
    fixed: new Map(stored.fixed),
    retired: new Map(stored.retired),
  };
}

export type { StoredState };
