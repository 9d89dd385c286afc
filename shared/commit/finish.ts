import type { Ports } from '../ports/ports.ts';
import type { Intent } from './entry.ts';
import { bringToHead, resultsOf } from './head.ts';
import type { TableResult } from './history.ts';
import { readJson } from './json-object.ts';
import { runKeys } from './keys.ts';
import { type LockHolder, takeLock } from './lock.ts';
import { openLog } from './log.ts';
import { readPublished } from './publish.ts';
import type { RunRequest } from './run-files.ts';

export interface Finished {
  outcome: 'committed' | 'void';
  reason: string | undefined;
  version: number;
  graceSeconds: number;
  tables: TableResult[];
}

/**
 * P6–P8 for a run whose verdict is `commit`: its entry in the log, then everything at the head. Anyone may do it, any
 * number of times; the lock is then the helper's own, for that of an execution that has ended is anybody's. Throws
 * `LockHeld` while another publisher is at work.
 */
export async function finishRun(ports: Ports, fixed: RunRequest, holder: LockHolder): Promise<Finished> {
  const { run } = fixed;
  const dataset = fixed.request.dataset.name;
  const intent = await readJson<Intent>(ports.objects, { bucket: ports.places.work, key: runKeys.intent(run) });
  const { entry, version } = await openLog(ports.objects, ports.places.work, dataset).commit(intent);
  // Of many that commit at once, whoever has the lock publishes for all: the others find it done.
  if ((await readPublished(ports, dataset)).version < version) {
    const lock = await takeLock(ports, dataset, holder);
    try {
      await bringToHead(ports, dataset, lock);
    } finally {
      await lock.release();
    }
  }
  return {
    outcome: entry.kind === 'commit' ? 'committed' : 'void',
    reason: entry.kind === 'void' ? entry.reason : undefined,
    version,
    graceSeconds: intent.graceSeconds,
    tables: entry.kind === 'commit' ? resultsOf(entry) : [],
  };
}
