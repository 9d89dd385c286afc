import { ObjectNotFound, PreconditionFailed } from '../errors.ts';
import { RUN_LOCK_LEASE_SECONDS } from '../limits.ts';
import type { Ports } from '../ports/ports.ts';
import { findJson } from './json-object.ts';
import { runLockKey } from './keys.ts';

/** `singleFlight`: which run of a data set is under way, from list-latest to the end of publish. */
interface RunLockRecord {
  run: string;
  executionId: string;
  /** ISO 8601; after it the holder has no claim to it, whatever is known of its execution. */
  expires: string;
}

/**
 * Takes the lock for a run, or returns the run that has it. Its holder may take it again; it is taken over from a run whose
 * execution ended or whose lease did, and by a void run's successor from that run.
 */
export async function takeRunLock(
  ports: Ports,
  dataset: string,
  { run, executionId }: { run: string; executionId: string },
  predecessor?: string,
): Promise<string | undefined> {
  const address = { bucket: ports.places.work, key: runLockKey(dataset) };
  for (;;) {
    const held = await findJson<RunLockRecord>(ports.objects, address);
    if (held?.value.run === run) return undefined;
    const now = ports.clock.now();
    if (held && held.value.run !== predecessor && !(await isFree(ports, held.value, now))) return held.value.run;
    const expires = new Date(now.getTime() + RUN_LOCK_LEASE_SECONDS * 1000).toISOString();
    const body = JSON.stringify({ run, executionId, expires } satisfies RunLockRecord);
    try {
      const condition = held ? { ifMatch: held.etag } : ({ ifNoneMatch: '*' } as const);
      await ports.objects.put(address, body, { condition, contentType: 'application/json' });
      return undefined;
    } catch (error) {
      // Another run was faster, or let it go meanwhile: look again.
      if (!(error instanceof PreconditionFailed) && !(error instanceof ObjectNotFound)) throw error;
    }
  }
}

async function isFree(ports: Ports, held: RunLockRecord, now: Date): Promise<boolean> {
  return new Date(held.expires) <= now || (await ports.executions.status(held.executionId)) !== 'RUNNING';
}

/** Lets go of the lock, if it is this run's. */
export async function releaseRunLock(ports: Ports, dataset: string, run: string): Promise<void> {
  const address = { bucket: ports.places.work, key: runLockKey(dataset) };
  const held = await findJson<RunLockRecord>(ports.objects, address);
  if (held?.value.run !== run) return;
  try {
    await ports.objects.delete(address, { ifMatch: held.etag });
  } catch (error) {
    if (!(error instanceof PreconditionFailed) && !(error instanceof ObjectNotFound)) throw error;
  }
}
