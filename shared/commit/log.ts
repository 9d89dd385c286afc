import pMap from 'p-map';
import { ObjectStoreBusy, PreconditionFailed, SluiceError } from '../errors.ts';
import { LOG_CHECKPOINT_EVERY, SMALL_CALLS_AT_ONCE } from '../limits.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import type { Intent, LogEntry, VoidEntry } from './entry.ts';
import {
  applyEntry,
  emptyState,
  type LogState,
  partitionKey,
  restoreState,
  type StoredState,
  storeState,
  tableKey,
} from './fold.ts';
import { findJson, readJson, readJsonIfAny } from './json-object.ts';
import { checkpointKey, logKey, logPrefix, logVersion, publishedKey } from './keys.ts';
import type { Published } from './publish.ts';

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

  async function readOn(state: LogState): Promise<LogState> {
    const versions: number[] = [];
    for await (const info of objects.list(bucket, logPrefix(dataset), { startAfter: logKey(dataset, state.version) })) {
      const version = logVersion(info.key);
      if (version !== undefined) versions.push(version);
    }
    const entries = await pMap(versions, (version) => readJson<LogEntry>(objects, keyOf(version)), {
      concurrency: SMALL_CALLS_AT_ONCE,
    });
    for (const [i, version] of versions.entries()) applyEntry(state, version, entries[i]);
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
      const body = JSON.stringify(storeState(state, published?.applied));
      await objects.put({ bucket, key: checkpointKey(dataset) }, body, { condition, contentType: 'application/json' });
    } catch (error) {
      if (!(error instanceof PreconditionFailed)) throw error;
    }
  }

  async function commit(intent: Intent): Promise<{ entry: LogEntry; version: number; state: LogState }> {
    let state = await head();
    for (;;) {
      const known = state.runs.get(intent.run);
      if (known) {
        const entry = await readJson<LogEntry>(objects, keyOf(known.version));
        return { entry, version: known.version, state };
      }
      const reason = movedOn(state, intent);
      const entry: LogEntry = reason === undefined ? intent : voided(intent, reason);
      const version = state.version + 1;
      try {
        const condition = { ifNoneMatch: '*' } as const;
        await objects.put(keyOf(version), JSON.stringify(entry), { condition, contentType: 'application/json' });
      } catch (error) {
        // Lost to another run, or written and not answered: the log itself tells which.
        if (!(error instanceof PreconditionFailed) && !(error instanceof ObjectStoreBusy)) throw error;
        const before = state.version;
        state = await readOn(state);
        if (state.version === before && error instanceof SluiceError) throw error;
        continue;
      }
      return { entry, version, state: applyEntry(state, version, entry) };
    }
  }

  return { head, commit, entry: (version) => readJson<LogEntry>(objects, keyOf(version)) };
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
  for (const change of intent.tables) {
    const table = state.tables.get(tableKey(change));
    if (!table) continue;
    const moved = schemaMoved(table.columns, change);
    if (moved) return moved;
    const { replaces } = change;
    if (typeof replaces === 'object' && 'keys' in replaces) {
      const live = new Set(table.files.map((file) => file.key));
      const lost = replaces.keys.find((key) => !live.has(key));
      if (lost !== undefined) return `${lost} was replaced since the plan`;
    }
    if (typeof replaces === 'object' && 'commits' in replaces) {
      const lost = replaces.commits.find((version) => version > intent.plannedAt);
      if (lost !== undefined) return `commit ${lost} is newer than the plan`;
    }
    if (replaces === 'partitions' && !intent.force) {
      const fresher = fresherPartition(state, intent, change, table.files);
      if (fresher) return fresher;
    }
  }
  return undefined;
}

function schemaMoved(columns: { name: string; type: string }[], change: Intent['tables'][number]): string | undefined {
  if (change.replaces === 'everything') return undefined;
  const wanted = new Map(change.columns.map((column) => [column.name, column.type]));
  for (const column of columns) {
    const type = wanted.get(column.name);
    if (type !== column.type) {
      return `column ${column.name} of ${tableKey(change)} is ${column.type} where the plan has ${type ?? 'none'}`;
    }
  }
  return undefined;
}

function fresherPartition(
  state: LogState,
  intent: Intent,
  change: Intent['tables'][number],
  files: { partition: (string | null)[]; version: number }[],
): string | undefined {
  const newest = intent.sources.reduce((max, source) => (source.lastModified > max ? source.lastModified : max), '');
  const replaced = new Set([...change.files.map((file) => file.partition), ...change.emptied].map(partitionKey));
  for (const file of files) {
    if (!replaced.has(partitionKey(file.partition))) continue;
    const there = state.freshness.get(file.version) ?? '';
    if (there > newest) {
      return `partition ${partitionKey(file.partition)} of ${tableKey(change)} has sources of ${there}, the run's newest is of ${newest}`;
    }
  }
  return undefined;
}
