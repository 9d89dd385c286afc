import type { Ports } from '../ports/ports.ts';
import { markLoaded } from './claims.ts';
import type { Intent, LogEntry } from './entry.ts';
import type { LogState } from './fold.ts';
import { type TableResult, writeHistory } from './history.ts';
import type { Lock } from './lock.ts';
import { openLog } from './log.ts';
import { findPublished, type Published, promoteAndSwap, writePublished } from './publish.ts';
import { emptyQuarantine } from './redrive.ts';
import { runFiles } from './run-files.ts';

export interface Head {
  state: LogState;
  published: Published;
  /** Of `published`, to write on from it. */
  etag: string | undefined;
}

/**
 * Brings root, catalog, history and ledger to the head of the log; only the lock's holder calls it. That they are there is
 * written down last, so that whoever comes after one that died on the way does all of it again, which changes nothing.
 */
export async function bringToHead(ports: Ports, dataset: string, lock: Lock): Promise<Head> {
  const log = openLog(ports.objects, ports.places.work, dataset);
  const state = await log.head();
  const { published, etag } = await findPublished(ports, dataset);
  if (published.version >= state.version) return { state, published, etag };
  await promoteAndSwap(ports, state, published, lock);
  // Not when the commits were made: a publisher may come hours later, and readers follow the catalog until then.
  const at = ports.clock.now().toISOString();
  const entries: LogEntry[] = [];
  for (let version = published.version + 1; version <= state.version; version++) {
    const entry = await log.entry(version);
    await record(ports, entry);
    entries.push(entry);
  }
  const now = shown(published, state.version, entries, at);
  lock.check();
  return { state, published: now, etag: await writePublished(ports, dataset, now, etag) };
}

function shown(before: Published, version: number, entries: LogEntry[], at: string): Published {
  const commits = entries.filter((entry) => entry.kind === 'commit');
  const last = commits.at(-1);
  if (!last) return { ...before, version };
  const graceSeconds = Math.max(...commits.map((commit) => commit.graceSeconds));
  const all = [...before.shown, { version, at, graceSeconds }];
  return {
    ...before,
    version,
    graceSeconds: last.graceSeconds,
    // Who lists the root wants all of it gone at once, also what an earlier commit left for readers of the catalog.
    shown: last.readers === 'path' ? all.map((step) => ({ ...step, graceSeconds: 0 })) : all,
  };
}

/** History and ledger of one commit. A run whose folder is gone by now was recorded before. */
async function record(ports: Ports, entry: LogEntry): Promise<void> {
  const files = runFiles(ports, entry.run);
  const fixed = await files.requestIfAny();
  if (!fixed) return;
  const gathered = await files.gathered();
  await writeHistory(ports, {
    run: entry.run,
    dataset: entry.dataset,
    status: entry.kind === 'commit' ? 'succeeded' : 'superseded',
    startedAt: fixed.startedAt,
    accounts: gathered.accounts,
    failed: gathered.failed,
    tables: entry.kind === 'commit' ? resultsOf(entry) : [],
    notices: fixed.request.notices,
  });
  if (entry.kind === 'void') return;
  const ids = entry.sources.map(({ id }) => id);
  await markLoaded(ports, entry.dataset, ids, entry.run);
  if (entry.sources.length > 0) await emptyQuarantine(ports, entry.dataset, fixed.request.redrives, entry.sources);
}

/** What a run wrote, by table. */
export function resultsOf(intent: Intent): TableResult[] {
  return intent.tables.map(({ database, table, format, files }) => ({
    database,
    table,
    format,
    rows: files.reduce((sum, file) => sum + file.rows, 0),
    files: files.length,
    bytes: files.reduce((sum, file) => sum + file.bytes, 0),
    partitions: new Set(files.map((file) => JSON.stringify(file.partition))).size,
  }));
}
