import { LockHeld } from '../errors.ts';
import type { Ports } from '../ports/ports.ts';
import { type LockHolder, takeLock } from './lock.ts';
import { openLog } from './log.ts';
import { readPublished } from './publish.ts';
import { retireReplaced } from './retire.ts';

export interface Repaired {
  /** Whether anything was left undone. */
  unfinished: boolean;
  version: number;
}

/**
 * P10: finishes what runs left that died after their commit. Where another publisher is at work it is left to it. Cheap
 * where nothing is to be done: the log's head and one small object.
 */
export async function repair(ports: Ports, dataset: { name: string }, holder: LockHolder): Promise<Repaired> {
  const state = await openLog(ports.objects, ports.places.work, dataset.name).head();
  const published = await readPublished(ports, dataset.name);
  const done = published.version >= state.version && published.applied >= state.version;
  if (done) return { unfinished: false, version: state.version };
  try {
    const lock = await takeLock(ports, dataset.name, holder);
    try {
      await retireReplaced(ports, dataset.name, lock);
    } finally {
      await lock.release();
    }
  } catch (error) {
    if (!(error instanceof LockHeld)) throw error;
  }
  return { unfinished: true, version: state.version };
}
