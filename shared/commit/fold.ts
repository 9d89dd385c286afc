import { createHash } from 'node:crypto';
import { partitionPath } from '../domain/hive.ts';
import type { Pace } from '../domain/pace.ts';
import type { Column, OutputFormat, PartitionValues } from '../domain/schema.ts';
import type { Address } from '../ports/object-store.ts';
import type { FixedFile, Intent, LogEntry, NewFile, TableChange } from './entry.ts';
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
  /** By `objectKey` the live versions of each object, as ids, oldest commit first; seldom more than the one. */
  objects: Map<string, string | string[]>;
  /** By format within `database.table`. */
  tables: Map<string, TableLog>;
  /**
   * What each commit's newest source was modified at, for "a late older file never wins". A checkpoint forgets commits of
   * which no live file holds rows: nobody asks for those.
   */
  freshness: Map<number, string>;
  /** Files with fixed names by `bucket/key`, and the version that put them there. */
  fixed: Map<string, FixedFile & { version: number }>;
  /** Files that were live once, and the version that replaced them. A checkpoint forgets those that are gone by then. */
  retired: Map<string, number>;
  /** How fast plain CSV was converted, by the last commit that tells. */
  pace?: Pace;
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
  /** The version that gave a column its type: older files lack the column. Not said: unknown, or the first. */
  columnsSince?: Record<string, number>;
}

export interface LiveFile {
  partition: PartitionValues;
  /** The partition's one location, with the closing slash; all its live files lie right in it. */
  location: string;
  /** Final key in the lake bucket. */
  key: string;
  /**
   * Where it is copied from: its keys in the lake before it moved to this location, oldest first, of which the publisher
   * may have skipped the last; before those the run's own. A checkpoint forgets them once the file was seen in its place.
   */
  previous: string[];
  staged: string;
  etag: string;
  rows: number;
  bytes: number;
  /** The commit that brought the file. */
  version: number;
  /** The commits that brought its rows, ascending: the same one, or those whose files were merged into it. */
  holds: number[];
  /** Rows by source id, in tables that carry `_source_id`; those from before the table did are in none. */
  rowsOf?: Record<string, number>;
  /** The commit that gave the file this key. */
  since: number;
}

export function emptyState(): LogState {
  return {
    version: 0,
    runs: new Map(),
    sources: new Map(),
    objects: new Map(),
    tables: new Map(),
    freshness: new Map(),
    fixed: new Map(),
    retired: new Map(),
  };
}

export function tableKey(table: { database: string; table: string }): string {
  return `${table.database}.${table.table}`;
}

/**
 * Stands for an object, in 96 bits of a hash: keys may have a thousand bytes, and a checkpoint millions of them. That any two
 * of a billion objects meet is one to 10^11 against.
 */
export function objectKey({ bucket, key }: Address): string {
  return createHash('sha256').update(`${bucket}\0${key}`).digest('base64url').slice(0, 16);
}

/** Live versions of an object, as ids. */
export function liveVersions(state: LogState, object: Address): string[] {
  return versionsOf(state.objects.get(objectKey(object)));
}

function versionsOf(held: string | string[] | undefined): string[] {
  if (held === undefined) return [];
  return typeof held === 'string' ? [held] : held;
}

/** A million objects are held: a list for each would take more than all else. */
function hold(objects: LogState['objects'], object: string, ids: string[]): void {
  if (ids.length === 0) objects.delete(object);
  else objects.set(object, ids.length === 1 ? ids[0] : ids);
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
  if (entry.pace) state.pace = entry.pace;

  let newest = '';
  for (const change of entry.tables) applyChange(state, version, entry.run, change);
  for (const file of entry.fixed) state.fixed.set(`${file.bucket}/${file.key}`, { ...file, version });
  dropReplacedSources(state, entry);
  for (const source of entry.sources) {
    const others = liveVersions(state, source).filter((id) => id !== source.id && state.sources.has(id));
    hold(state.objects, objectKey(source), [...others, source.id]);
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
  const table = state.tables.get(tableKey(change));
  const before = table?.files ?? [];
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
      files.push({ ...file, location, key, previous: [...file.previous, file.key], since: version });
    }
    const merged = isMerge(change) ? heldBy(left) : [version];
    for (const file of added) {
      const { partition, staged, etag, rows, bytes, of: holds = merged, rowsOf } = file;
      const key = `${location}${uniqueName(file.name, folder)}`;
      files.push({
        ...{ partition, location, key, previous: [], staged, etag, rows, bytes, version, holds, since: version },
        ...(rowsOf ? { rowsOf } : {}),
      });
    }
  }
  const { database, format, bucket, root, columns, partitionColumns, parameters } = change;
  state.tables.set(tableKey(change), {
    ...{ database, table: change.table, format, bucket, root, columns, partitionColumns, parameters, files },
    since: version,
    columnsSince: sinceWhen(change, table, version),
  });
}

function sinceWhen(change: TableChange, table: TableLog | undefined, version: number): Record<string, number> {
  const known = change.replaces === 'everything' ? undefined : table;
  return Object.fromEntries(
    change.columns.map(({ name, type }) => {
      const same = known?.columns.some((column) => column.name === name && column.type === type);
      return [name, same ? (known?.columnsSince?.[name] ?? 0) : version];
    }),
  );
}

/** Which of the table's files a change takes away. */
export function leaving(change: TableChange): (file: LiveFile) => boolean {
  const rewritten = new Set(change.rewrites);
  const replaced = replacing(change);
  return (file) => rewritten.has(file.key) || replaced(file);
}

function replacing(change: TableChange): (file: LiveFile) => boolean {
  const { replaces } = change;
  if (replaces === 'everything') return () => true;
  if (replaces === 'nothing') return () => false;
  if (typeof replaces === 'object' && 'commits' in replaces) {
    const gone = new Set(replaces.commits);
    return (file) => file.holds.some((version) => gone.has(version));
  }
  if (typeof replaces === 'object') {
    const gone = new Set(replaces.keys);
    return (file) => gone.has(file.key);
  }
  const replaced = replacedPartitions(change);
  return (file) => replaced.has(partitionKey(file.partition));
}

/** Partitions that `replaces: partitions` takes away: those that get rows of the run's own, and those that it emptied. */
export function replacedPartitions({ files, emptied }: Pick<TableChange, 'files' | 'emptied'>): Set<string> {
  const own = files.filter((file) => file.of === undefined);
  return new Set([...own.map((file) => file.partition), ...emptied].map(partitionKey));
}

/** The same rows in other files. */
function isMerge({ replaces }: TableChange): boolean {
  return typeof replaces === 'object' && 'keys' in replaces;
}

/** The commits whose rows the files hold. */
export function heldBy(files: LiveFile[]): number[] {
  return [...new Set(files.flatMap((file) => file.holds))].sort((one, other) => one - other);
}

/**
 * The commits whose files have to leave so that the rows of `commits` do: theirs, and those whose rows lie in one file with
 * theirs since a compaction, and so on.
 */
export function commitsHeldWith(state: LogState, commits: Iterable<number>): Set<number> {
  const all = new Set(commits);
  for (let before = -1; before < all.size; ) {
    before = all.size;
    for (const table of state.tables.values()) {
      for (const { holds } of table.files) {
        if (holds.some((version) => all.has(version))) for (const version of holds) all.add(version);
      }
    }
  }
  return all;
}

/** Commits some of whose rows lie in files that do not say which source they are of. */
export function commitsWithRowsUnknown(state: LogState): Set<number> {
  const unknown = new Set<number>();
  for (const table of state.tables.values()) {
    for (const { rows, rowsOf = {}, holds } of table.files) {
      const known = Object.values(rowsOf).reduce((sum, count) => sum + count, 0);
      if (known < rows) for (const commit of holds) unknown.add(commit);
    }
  }
  return unknown;
}

/** `part-00000.parquet` → `part-00000-<generation>.parquet`: unique however files are gathered in a folder later. */
function uniqueName(name: string, folder: string): string {
  const dot = name.indexOf('.');
  return `${name.slice(0, dot)}-${folder}${name.slice(dot)}`;
}

/**
 * A source stays live while the table holds its rows as far as the log can tell: overwriting everything ends all others;
 * replacing the files of whole commits ends theirs, a newer version of an object the ones that it replaces. Replacing
 * partitions ends none: such a source was loaded, and what replaced its rows is said by the log.
 */
function dropReplacedSources(state: LogState, { tables, drops = [] }: Intent): void {
  for (const id of drops) state.sources.delete(id);
  if (tables.length === 0) return;
  if (tables.every((change) => change.replaces === 'everything')) {
    state.sources.clear();
    state.objects.clear();
    return;
  }
  const gone = new Set<number>();
  for (const { replaces } of tables) {
    if (typeof replaces === 'object' && 'commits' in replaces) for (const n of replaces.commits) gone.add(n);
  }
  if (gone.size === 0) return;
  for (const [id, version] of state.sources) if (gone.has(version)) state.sources.delete(id);
  for (const [object, held] of state.objects) {
    const ids = versionsOf(held);
    const left = ids.filter((id) => state.sources.has(id));
    if (left.length < ids.length) hold(state.objects, object, left);
  }
}

interface StoredState
  extends Omit<LogState, 'runs' | 'sources' | 'objects' | 'tables' | 'freshness' | 'fixed' | 'retired'> {
  runs: [string, { version: number; void: boolean }][];
  /** Those that are with no object. */
  sources: [string, number][];
  /** One behind the other: an object, the id of a live version of it, the version of its commit. */
  objects?: (string | number)[];
  tables: [string, TableLog][];
  freshness: [number, string][];
  fixed: [string, FixedFile & { version: number }][];
  retired: [string, number][];
}

/**
 * For a checkpoint: without what nothing asks for any more, given how far the root follows the log. Gone are the files that
 * versions up to `applied` replaced, and one that turns up there again is nobody's; files lie in the place that a version
 * up to `version` gave them; and only the commits of live rows are compared by their times.
 */
export function storeState(state: LogState, published = { version: 0, applied: 0 }): StoredState {
  const tables = [...state.tables].map(([key, table]): [string, TableLog] => [
    key,
    {
      ...table,
      files: table.files.map((file) => (file.since <= published.version ? { ...file, previous: [] } : file)),
    },
  ]);
  const held = new Set(tables.flatMap(([, table]) => table.files.flatMap((file) => file.holds)));
  const objects: (string | number)[] = [];
  const told = new Set<string>();
  for (const [object, held] of state.objects) {
    for (const id of versionsOf(held)) {
      const version = state.sources.get(id);
      if (version === undefined) continue;
      objects.push(object, id, version);
      told.add(id);
    }
  }
  return {
    version: state.version,
    runs: [...state.runs],
    sources: [...state.sources].filter(([id]) => !told.has(id)),
    objects,
    tables,
    freshness: [...state.freshness].filter(([version]) => held.has(version)),
    fixed: [...state.fixed],
    retired: [...state.retired].filter(([, version]) => version > published.applied),
    ...(state.pace ? { pace: state.pace } : {}),
  };
}

export function restoreState(stored: StoredState): LogState {
  const sources = new Map(stored.sources);
  const objects: LogState['objects'] = new Map();
  const { objects: told = [] } = stored;
  for (let i = 0; i < told.length; i += 3) {
    const object = told[i] as string;
    const id = told[i + 1] as string;
    const before = objects.get(object);
    objects.set(object, before === undefined ? id : [...versionsOf(before), id]);
    sources.set(id, told[i + 2] as number);
  }
  return {
    version: stored.version,
    runs: new Map(stored.runs),
    sources,
    objects,
    tables: new Map(stored.tables),
    freshness: new Map(stored.freshness),
    fixed: new Map(stored.fixed),
    retired: new Map(stored.retired),
    ...(stored.pace ? { pace: stored.pace } : {}),
  };
}

export type { StoredState };
