import pMap from 'p-map';
import { LockHeld, ObjectNotFound, PreconditionFailed } from '../errors.ts';
import { SMALL_CALLS_AT_ONCE } from '../limits.ts';
import type { CatalogPartition, TableState } from '../ports/catalog.ts';
import { uri } from '../ports/object-store.ts';
import type { Ports } from '../ports/ports.ts';
import { type LiveFile, type LogState, partitionKey, type TableLog } from './fold.ts';
import { findJson, readJsonIfAny } from './json-object.ts';
import { publishedKey } from './keys.ts';
import type { Lock } from './lock.ts';

/** How far root and catalog follow the log; a cache (P1), written by the lock's holder only. */
export interface Published {
  /** Root and catalog show this version. */
  version: number;
  /** What this version and earlier ones replaced is gone from the root. */
  applied: number;
  /** Of the last commit: how long what no commit names may lie there. */
  graceSeconds: number;
  /** Since when readers of the catalog find the versions behind `applied`, oldest first: their grace counts from then. */
  shown: Shown[];
}

/** This version, and those between it and the one shown before, came to the catalog. */
export interface Shown {
  version: number;
  /** ISO 8601; no reader that asked the catalog later found what was replaced. */
  at: string;
  /** What was replaced stays so long. */
  graceSeconds: number;
}

const NEVER: Published = { version: 0, applied: 0, graceSeconds: 0, shown: [] };

export async function readPublished(ports: Ports, dataset: string): Promise<Published> {
  const address = { bucket: ports.places.work, key: publishedKey(dataset) };
  return { ...NEVER, ...(await readJsonIfAny<Published>(ports.objects, address)) };
}

/** The same with the ETag that it was read under; undefined before the first. */
export async function findPublished(
  ports: Ports,
  dataset: string,
): Promise<{ published: Published; etag: string | undefined }> {
  const held = await findJson<Published>(ports.objects, { bucket: ports.places.work, key: publishedKey(dataset) });
  return { published: { ...NEVER, ...held?.value }, etag: held?.etag };
}

/**
 * Writes it over what was read under `etag`, and returns the new one. Throws `LockHeld` where another publisher wrote it
 * meanwhile: whoever was overtaken must not set it back, for what it promises may be gone by now.
 */
export async function writePublished(
  ports: Ports,
  dataset: string,
  published: Published,
  etag: string | undefined,
): Promise<string> {
  const address = { bucket: ports.places.work, key: publishedKey(dataset) };
  const condition = etag === undefined ? ({ ifNoneMatch: '*' } as const) : { ifMatch: etag };
  const body = JSON.stringify(published);
  try {
    return (await ports.objects.put(address, body, { condition, contentType: 'application/json' })).etag;
  } catch (error) {
    if (!(error instanceof PreconditionFailed) && !(error instanceof ObjectNotFound)) throw error;
    // An answer that was lost on the way: then it is there as it was written.
    const there = await findJson<Published>(ports.objects, address);
    if (there && JSON.stringify(there.value) === body) return there.etag;
    throw new LockHeld(`Another publisher of data set ${dataset} came in between at version ${there?.value.version}`);
  }
}

/** P8: root and catalog from what `published` says to the fold of the log: the files first, then schema and partitions. */
export async function promoteAndSwap(ports: Ports, state: LogState, published: Published, lock: Lock): Promise<void> {
  for (const table of state.tables.values()) {
    const due = table.files.filter((file) => file.since > published.version);
    await promote(ports, table.bucket, due, lock);
  }
  await promoteFixed(ports, state, published.version, lock);
  for (const table of state.tables.values()) {
    if (table.since <= published.version) continue;
    lock.check();
    await ports.catalog.swap(tableState(table, state.version));
  }
}

/** Server-side copies to keys that no other commit uses, so that copying again changes nothing. */
async function promote(ports: Ports, bucket: string, files: LiveFile[], lock: Lock): Promise<void> {
  await pMap(
    files,
    async (file) => {
      lock.check();
      const to = { bucket, key: file.key };
      const staged = { bucket: ports.places.work, key: file.staged, etag: file.etag };
      for (const key of file.previous.toReversed()) {
        try {
          await ports.objects.copy({ bucket, key }, to);
          return;
        } catch (error) {
          // The publisher of that commit never got so far: the file lies where it was before, or is the run's own still.
          if (!(error instanceof ObjectNotFound)) throw error;
        }
      }
      await ports.objects.copy(staged, to);
    },
    { concurrency: SMALL_CALLS_AT_ONCE },
  );
}

async function promoteFixed(ports: Ports, state: LogState, publishedVersion: number, lock: Lock): Promise<void> {
  const due = [...state.fixed.values()].filter((file) => file.version > publishedVersion);
  await pMap(
    due,
    async (file) => {
      lock.check();
      const staged = { bucket: ports.places.work, key: file.staged, etag: file.etag };
      await ports.objects.copy(staged, { bucket: file.bucket, key: file.key });
    },
    { concurrency: SMALL_CALLS_AT_ONCE },
  );
}

/** The table as readers must see it at this version. */
export function tableState(table: TableLog, version: number): TableState {
  const partitions = new Map<string, CatalogPartition>();
  for (const file of table.files) {
    const key = partitionKey(file.partition);
    const location = uri({ bucket: table.bucket, key: file.location });
    const partition = partitions.get(key) ?? { values: file.partition, location, files: [], rows: 0 };
    partition.files.push(uri({ bucket: table.bucket, key: file.key }));
    partition.rows += file.rows;
    partitions.set(key, partition);
  }
  return {
    database: table.database,
    table: table.table,
    format: table.format,
    root: uri({ bucket: table.bucket, key: table.root }),
    columns: table.columns,
    partitionColumns: table.partitionColumns,
    partitions: [...partitions.values()],
    parameters: { ...table.parameters, 'sluice.version': String(version) },
  };
}
