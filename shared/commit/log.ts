import { LRUCache } from 'lru-cache';
import pMap from 'p-map';
import { ObjectStoreBusy, PreconditionFailed, SluiceError } from '../errors.ts';
import { LOG_CACHE_BYTES, LOG_CACHE_ENTRY_BYTES, LOG_CHECKPOINT_EVERY, SMALL_CALLS_AT_ONCE } from '../limits.ts';
import type { ObjectInfo, ObjectStore } from '../ports/object-store.ts';
import type { Intent, LogEntry, TableChange, VoidEntry } from './entry.ts';
import {
  applyEntry,
  commitsHeldWith,
  emptyState,
  type LiveFile,
  type LogState,
  leaving,
  liveVersions,
  restoreState,
  type StoredState,
  storeState,
  type TableLog,
  tableKey,
} from './fold.ts';
import { findJson, readJson, readJsonIfAny } from './json-object.ts';
import { checkpointKey, logKey, logPrefix, logVersion, publishedKey } from './keys.ts';
import { withoutOutdated } from './outdated.ts';
import type { Published } from './publish.ts';
import { withoutNeedlessRewrites } from './rewrites.ts';

/** One data set's log: numbered entries, each written once, and a checkpoint of the fold to start from. */
export interface Log {
  /** The fold of all entries there are. */
  head(): Promise<LogState>;
  /**
   * P6: puts the intent at the next version, or a void entry where the world moved on since the run was planned.
   * Doing it twice finds the first entry. Returns the state right after the head.
   */
  commit(intent: Intent): Promise<{ entry: LogEntry; version: number; state: LogState }>;
  entry(version: number): Promise<LogEntry>;
}

export function openLog(objects: ObjectStore, bucket: string, dataset: string): Log {
  const keyOf = (version: number) => ({ bucket, key: logKey(dataset, version) });

  const read = new Map<number, LogEntry>();

  async function readOn(state: LogState): Promise<LogState> {
    const infos: ObjectInfo[] = [];
    for await (const info of objects.list(bucket, logPrefix(dataset), { startAfter: logKey(dataset, state.version) })) {
      if (logVersion(info.key) !== undefined) infos.push(info);
    }
    const entries = await pMap(infos, (info) => readEntry(objects, info), { concurrency: SMALL_CALLS_AT_ONCE });
    for (const [i, info] of infos.entries()) {
      const version = logVersion(info.key)!;
      read.set(version, entries[i]!);
      applyEntry(state, version, entries[i]!);
    }
    return state;
  }

  async function head(): Promise<LogState> {
    const checkpoint = await findJson<StoredState>(objects, { bucket, key: checkpointKey(dataset) });
    const state = await readOn(checkpoint ? restoreState(checkpoint.value) : emptyState());
    const behind = state.version - (checkpoint?.value.version ?? 0);
    if (behind >= LOG_CHECKPOINT_EVERY) await writeCheckpoint(state, checkpoint?.etag);
    return state;
  }

  /** A cache only: whoever loses the race leaves the other's, which is as good. */
  async function writeCheckpoint(state: LogState, etag: string | undefined): Promise<void> {
    const condition = etag === undefined ? ({ ifNoneMatch: '*' } as const) : { ifMatch: etag };
    const published = await readJsonIfAny<Published>(objects, { bucket, key: publishedKey(dataset) });
    try {
      const body = JSON.stringify(storeState(state, published));
      await objects.put({ bucket, key: checkpointKey(dataset) }, body, { condition, contentType: 'application/json' });
    } catch (error) {
      if (!(error instanceof PreconditionFailed)) throw error;
    }
  }

  async function commit(intent: Intent): Promise<{ entry: LogEntry; version: number; state: LogState }> {
    let state = await head();
    for (;;) {
      const mine = state.runs.get(intent.run);
      if (mine) {
        return { entry: await entry(mine.version), version: mine.version, state };
      }
      const reason = movedOn(state, intent);
      const next: LogEntry = reason === undefined ? asCommitted(state, intent) : voided(intent, reason);
      const version = state.version + 1;
      try {
        const condition = { ifNoneMatch: '*' } as const;
        await objects.put(keyOf(version), JSON.stringify(next), { condition, contentType: 'application/json' });
      } catch (error) {
        // Lost to another run, or written and not answered: the log itself tells which.
        if (!(error instanceof PreconditionFailed) && !(error instanceof ObjectStoreBusy)) throw error;
        const before = state.version;
        state = await readOn(state);
        if (state.version === before && error instanceof SluiceError) throw error;
        continue;
      }
      return { entry: next, version, state: applyEntry(state, version, next) };
    }
  }

  const entry = async (version: number) => read.get(version) ?? readJson<LogEntry>(objects, keyOf(version));

  return { head, commit, entry };
}

/**
 * Entries never change, so a process reads each but once however often it asks for the head: by the ETag that the listing
 * has, lest a store that was begun anew answers with what another one held.
 */
const known = new WeakMap<ObjectStore, LRUCache<string, LogEntry>>();

async function readEntry(objects: ObjectStore, info: ObjectInfo): Promise<LogEntry> {
  let cache = known.get(objects);
  if (!cache) {
    cache = new LRUCache({ maxSize: LOG_CACHE_BYTES, maxEntrySize: LOG_CACHE_ENTRY_BYTES });
    known.set(objects, cache);
  }
  const key = `${info.bucket}/${info.key} ${info.etag}`;
  const held = cache.get(key);
  if (held) return held;
  const entry = await readJson<LogEntry>(objects, info);
  cache.set(key, entry, { size: info.sizeBytes });
  return entry;
}

function asCommitted(state: LogState, intent: Intent): Intent {
  return withoutNeedlessRewrites(withoutOutdated(state, intent));
}

function voided(intent: Intent, reason: string): VoidEntry {
  return { kind: 'void', run: intent.run, dataset: intent.dataset, at: intent.at, reason };
}

/** Why the intent may not be committed onto `state`, or undefined where it may. */
export function movedOn(state: LogState, intent: Intent): string | undefined {
  if (!intent.force) {
    const live = intent.sources.find((source) => state.sources.has(source.id));
    if (live) return `source s3://${live.bucket}/${live.key} (${live.etag}) is already loaded`;
  }
  const again = reuploaded(state, intent);
  if (again) return again;
  for (const change of intent.tables) {
    const table = state.tables.get(tableKey(change));
    if (!table) continue;
    const moved =
      schemaMoved(table.columns, change) ??
      filesMoved(state, table.files, intent, change) ??
      notWidened(table, change) ??
      reloadedSince(state, intent, change);
    if (moved) return moved;
  }
  return undefined;
}

/** A version of one of the sources is live that the run did not know of when it was planned: it may be the fresher one. */
function reuploaded(state: LogState, intent: Intent): string | undefined {
  if (intent.onReupload === undefined) return undefined;
  const drops = new Set(intent.drops);
  for (const source of intent.sources) {
    const other = liveVersions(state, source).find((id) => id !== source.id && !drops.has(id));
    if (other === undefined) continue;
    return `another version of s3://${source.bucket}/${source.key} was loaded by commit ${state.sources.get(other)} since the plan`;
  }
  return undefined;
}

function schemaMoved(columns: { name: string; type: string }[], change: TableChange): string | undefined {
  if (change.replaces === 'everything') return undefined;
  const wanted = new Map(change.columns.map((column) => [column.name, column.type]));
  const before = new Map(change.widens?.map(({ column, from }) => [column, from]));
  for (const column of columns) {
    const type = wanted.get(column.name);
    if (type !== column.type && before.get(column.name) !== column.type) {
      return `column ${column.name} of ${tableKey(change)} is ${column.type} where the plan has ${type ?? 'none'}`;
    }
  }
  return undefined;
}

/** The files that the run read to write them again are not those any more that hold the rows. */
function filesMoved(state: LogState, files: LiveFile[], intent: Intent, change: TableChange): string | undefined {
  const { replaces, rewrites = [] } = change;
  const live = new Set(files.map((file) => file.key));
  const read = typeof replaces === 'object' && 'keys' in replaces ? [...replaces.keys, ...rewrites] : rewrites;
  const lost = read.find((key) => !live.has(key));
  if (lost !== undefined) return `${lost} was replaced since the plan`;
  const drops = new Set(intent.drops);
  const leaves = leaving(change);
  for (const file of drops.size > 0 ? files : []) {
    const holds = Object.keys(file.rowsOf ?? {}).find((id) => drops.has(id));
    if (holds !== undefined && !leaves(file)) return `${file.key} has rows since the plan that are to be replaced`;
  }
  if (typeof replaces !== 'object' || !('commits' in replaces)) return undefined;
  const newer = replaces.commits.find((version) => version > intent.plannedAt);
  if (newer !== undefined) return `commit ${newer} is newer than the plan`;
  const merged = [...commitsHeldWith(state, replaces.commits)].find((version) => !replaces.commits.includes(version));
  return merged === undefined
    ? undefined
    : `rows of commit ${merged} lie in one file with those of commits ${replaces.commits.join(', ')} since the plan`;
}

/** A file came since the plan that has a column in the type that it is to have no more. */
function notWidened({ files, columnsSince }: TableLog, change: TableChange): string | undefined {
  const leaves = leaving(change);
  for (const { column, from } of change.widens ?? []) {
    const left = files.find((file) => !leaves(file) && file.version >= (columnsSince?.[column] ?? 0));
    if (left) return `${left.key} has the column ${column} as ${from} since the plan`;
  }
  return undefined;
}

/** A source that the run loads again was loaded once more meanwhile: rows that it would only add to. */
function reloadedSince(state: LogState, intent: Intent, change: TableChange): string | undefined {
  const { replaces } = change;
  const commits = typeof replaces === 'object' && 'commits' in replaces ? replaces.commits : undefined;
  if (replaces !== 'nothing' && !commits) return undefined;
  const drops = new Set(intent.drops);
  const again = intent.sources.find(({ id }) => {
    const version = state.sources.get(id);
    return version !== undefined && !drops.has(id) && !commits?.includes(version);
  });
  return again && `source s3://${again.bucket}/${again.key} was loaded again since the plan`;
}
