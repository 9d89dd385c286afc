import pMap from 'p-map';
import type { Gathered } from '../domain/load.ts';
import { SMALL_CALLS_AT_ONCE } from '../limits.ts';
import type { Ports } from '../ports/ports.ts';
import { markLoaded } from './claims.ts';
import type { Intent, LogEntry } from './entry.ts';
import { type TableResult, writeHistory } from './history.ts';
import { readJson } from './json-object.ts';
import { runKeys } from './keys.ts';
import { takeLock } from './lock.ts';
import { openLog } from './log.ts';
import { publishHead } from './publish.ts';
import { type RunRequest, runFiles } from './run-files.ts';

export interface Finished {
  outcome: 'committed' | 'void';
  reason: string | undefined;
  version: number;
  graceSeconds: number;
  tables: TableResult[];
}

/**
 * P6–P8 for a run whose verdict is `commit`: its entry in the log, root and catalog at the head, its history. Anyone may
 * do it, any number of times.
 */
export async function finishRun(ports: Ports, fixed: RunRequest, attempt: string): Promise<Finished> {
  const { run, executionId } = fixed;
  const dataset = fixed.request.dataset.name;
  const intent = await readJson<Intent>(ports.objects, { bucket: ports.places.work, key: runKeys.intent(run) });
  const log = openLog(ports.objects, ports.places.work, dataset);
  const { entry, version, state } = await log.commit(intent);
  const lock = await takeLock(ports, dataset, { run, executionId, attempt });
  try {
    const head = await log.head();
    await publishHead(ports, dataset, head.version >= state.version ? head : state);
  } finally {
    await lock.release();
  }
  const gathered = await runFiles(ports, run).gathered();
  const tables = entry.kind === 'commit' ? resultsOf(entry) : [];
  await recordHistory(ports, fixed, gathered, entry, tables);
  if (entry.kind === 'commit') {
    await pMap(entry.sources, (source) => markLoaded(ports, dataset, source.id, run), {
      concurrency: SMALL_CALLS_AT_ONCE,
    });
  }
  return {
    outcome: entry.kind === 'commit' ? 'committed' : 'void',
    reason: entry.kind === 'void' ? entry.reason : undefined,
    version,
    graceSeconds: intent.graceSeconds,
    tables,
  };
}

async function recordHistory(
  ports: Ports,
  fixed: RunRequest,
  gathered: Gathered,
  entry: LogEntry,
  tables: TableResult[],
): Promise<void> {
  await writeHistory(ports, {
    run: fixed.run,
    dataset: fixed.request.dataset.name,
    status: entry.kind === 'commit' ? 'succeeded' : 'superseded',
    startedAt: fixed.startedAt,
    accounts: gathered.accounts,
    failed: gathered.failed,
    tables,
    notices: fixed.request.notices,
  });
}

/** What the run wrote, by table. */
function resultsOf(intent: Intent): TableResult[] {
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
