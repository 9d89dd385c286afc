import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Intent } from '../../shared/commit/entry.ts';
import { finishRun } from '../../shared/commit/finish.ts';
import type { TableResult } from '../../shared/commit/history.ts';
import { putOnce, readJsonIfAny } from '../../shared/commit/json-object.ts';
import { runKeys } from '../../shared/commit/keys.ts';
import { runFiles } from '../../shared/commit/run-files.ts';
import { releaseRunLock } from '../../shared/commit/run-lock.ts';
import { settle } from '../../shared/commit/verdict.ts';
import { reloads } from '../../shared/dataset/request.ts';
import { RunAborted } from '../../shared/errors.ts';
import type { Ports } from '../../shared/ports/ports.ts';
import { buildIntent } from './intent.ts';

export const PublishInput = z.object({ run: z.string() });
export type PublishInput = z.infer<typeof PublishInput>;

export interface PublishOutput {
  outcome: 'committed' | 'void';
  /** Why the commit was void; empty where it was not. */
  reason: string;
  version: number;
  graceSeconds: number;
  tables: TableResult[];
  /** For a void commit: the execution that does it again over the same objects. */
  successor: { name: string; input: unknown };
}

/**
 * P5–P8: intent, verdict, commit, promote and swap. Throws `RunAborted` where another run took over, `LockHeld` and
 * `CatalogConflict` to be tried again.
 */
export function makePublish(ports: Ports) {
  return async (event: PublishInput, attempt: string): Promise<PublishOutput> => {
    const fixed = await runFiles(ports, event.run).request();
    const bucket = ports.places.work;
    const address = { bucket, key: runKeys.intent(event.run) };
    // An earlier attempt may have come as far as the lock, which many wait for.
    if ((await readJsonIfAny<Intent>(ports.objects, address)) === undefined) {
      await putOnce(ports.objects, address, await buildIntent(ports, fixed, reloads(fixed.request)));
    }
    const verdict = await settle(ports.objects, bucket, event.run, 'commit', event.run);
    if (verdict === 'abort') {
      throw new RunAborted(`Run ${event.run} was aborted by another that took over its objects`);
    }
    const finished = await finishRun(ports, fixed, { run: fixed.run, executionId: fixed.executionId, attempt });
    // A void run's successor takes it from there.
    const { name, concurrency } = fixed.request.dataset;
    if (concurrency.singleFlight && finished.outcome === 'committed') await releaseRunLock(ports, name, event.run);
    return {
      ...finished,
      reason: finished.reason ?? '',
      successor: { name: successorName(event.run), input: { successorOf: event.run } },
    };
  };
}

/**
 * One successor a run: starting it twice is starting it once. Names of executions are at most 80 characters, and those of
 * events' executions take all of them: what tells runs apart comes first.
 */
export function successorName(run: string): string {
  return `again-${createHash('sha256').update(run).digest('hex').slice(0, 16)}-${run}`.slice(0, 80);
}
