import pMap from 'p-map';
import { ObjectNotFound } from '../errors.ts';
import { SMALL_CALLS_AT_ONCE } from '../limits.ts';
import type { CatalogPartition, TableState } from '../ports/catalog.ts';
import { uri } from '../ports/object-store.ts';
import type { Ports } from '../ports/ports.ts';
import { type LiveFile, type LogState, partitionKey, type TableLog } from './fold.ts';
import { putJson, readJsonIfAny } from './json-object.ts';
import { publishedKey } from './keys.ts';

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

export async function writePublished(ports: Ports, dataset: string, published: Published): Promise<void> {
  await putJson(ports.objects, { bucket: ports.places.work, key: publishedKey(dataset) }, published);
}

/** P8: root and catalog from what `published` says to the fold of the log: the files first, then schema and partitions. */
export async function promoteAndSwap(ports: Ports, state: LogState, published: Published): Promise<void> {
  for (const table of state.tables.values()) {
    const due = table.files.filter((file) => file.since > published.version);
    await promote(ports, table.bucket, due);
  }
  await promoteFixed(ports, state, published.version);
  for (const table of state.tables.values()) {
    if (table.since > published.version) await ports.catalog.swap(tableState(table, state.version));
  }
}

/** Server-side copies to keys that no other commit uses, so that copying again changes nothing. */
async function promote(ports: Ports, bucket: string, files: LiveFile[]): Promise<void> {
  await pMap(
    files,
    async (file) => {
      const to = { bucket, key: file.key };
      const staged = { bucket: ports.places.work, key: file.staged, etag: file.etag };
      if (file.previous === undefined) {
        await ports.objects.copy(staged, to);
        return;
      }
      try {
        await ports.objects.copy({ bucket, key: file.previous }, to);
      } catch (error) {
        // The publisher of the earlier commit never got so far; the run's own file is still there.
        if (!(error instanceof ObjectNotFound)) throw error;
        await ports.objects.copy(staged, to);
      }
    },
    { concurrency: SMALL_CALLS_AT_ONCE },
  );
}

async function promoteFixed(ports: Ports, state: LogState, publishedVersion: number): Promise<void> {
  const due = [...state.fixed.values()].filter((file) => file.version > publishedVersion);
  await pMap(
    due,
    async (file) => {
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
