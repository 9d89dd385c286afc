import { z } from 'zod';
import { takeLock } from '../../shared/commit/lock.ts';
import { readPublished } from '../../shared/commit/publish.ts';
import { retireReplaced } from '../../shared/commit/retire.ts';
import { runFiles } from '../../shared/commit/run-files.ts';
import type { Ports } from '../../shared/ports/ports.ts';

export const RetireInput = z.object({ run: z.string() });
export type RetireInput = z.infer<typeof RetireInput>;

export interface RetireOutput {
  deleted: number;
}

/** P9: once grace is over, what the commit replaced leaves the tables' roots. Throws `LockHeld` to be tried again. */
export function makeRetire(ports: Ports) {
  return async (event: RetireInput, attempt: string): Promise<RetireOutput> => {
    const fixed = await runFiles(ports, event.run).request();
    const dataset = fixed.request.dataset.name;
    const published = await readPublished(ports, dataset);
    // Of several runs that end together, the first retires for all.
    if (published.version > 0 && published.applied >= published.version) return { deleted: 0 };
    const lock = await takeLock(ports, dataset, { run: event.run, executionId: fixed.executionId, attempt });
    try {
      return { deleted: await retireReplaced(ports, dataset, lock) };
    } finally {
      await lock.release();
    }
  };
}
