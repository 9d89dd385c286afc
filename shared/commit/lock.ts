import { LockHeld, ObjectNotFound, ObjectStoreBusy, PreconditionFailed } from '../errors.ts';
import { LOCK_LEASE_SECONDS, LOCK_WORK_SECONDS } from '../limits.ts';
import type { Ports } from '../ports/ports.ts';
import { findJson } from './json-object.ts';
import { lockKey } from './keys.ts';

/** P7: who may touch a data set's root and catalog. */
interface LockRecord {
  run: string;
  executionId?: string;
  attempt: string;
  /** ISO 8601; after it the holder has stopped, or its Lambda was ended. */
  expires: string;
}

/** Who asks for the lock: the execution that does the work, for whomever it is done. */
export interface LockHolder {
  run: string;
  /** With whose end the lock is anybody's; none: only with its lease. */
  executionId?: string;
  attempt: string;
}

export interface Lock {
  /**
   * Throws `LockHeld` once the lease is about to end: from then on another may hold the lock. Asked before each change
   * that another holder's work would not bear.
   */
  check(): void;
  release(): Promise<void>;
}

/**
 * Takes the data set's lock or throws `LockHeld`, which the state machine retries. A lock whose lease ran out, or whose
 * execution is gone for certain, is taken over.
 */
export async function takeLock(ports: Ports, dataset: string, holder: LockHolder): Promise<Lock> {
  const address = { bucket: ports.places.work, key: lockKey(dataset) };
  const now = ports.clock.now();
  const expires = new Date(now.getTime() + LOCK_LEASE_SECONDS * 1000).toISOString();
  const body = JSON.stringify({ ...holder, expires } satisfies LockRecord);

  const lockOf = (etag: string): Lock => ({
    check: () => checkLease(ports, dataset, now),
    release: () => release(ports, address, etag),
  });

  const held = await findJson<LockRecord>(ports.objects, address);
  if (held && !(await mayTakeOver(ports, held.value, now))) throw lockHeld(dataset, held.value);
  try {
    const condition = held ? { ifMatch: held.etag } : ({ ifNoneMatch: '*' } as const);
    const { etag } = await ports.objects.put(address, body, { condition });
    return lockOf(etag);
  } catch (error) {
    const lost = error instanceof PreconditionFailed || error instanceof ObjectNotFound;
    if (!lost && !(error instanceof ObjectStoreBusy)) throw error;
    // A put whose answer was lost may have taken effect: then the lock is there as it was written.
    const there = await findJson<LockRecord>(ports.objects, address);
    if (there && isMine(there.value, holder) && there.value.expires === expires) return lockOf(there.etag);
    if (!lost) throw error;
    throw new LockHeld(`Another publisher took the lock of data set ${dataset} first`);
  }
}

function checkLease(ports: Ports, dataset: string, taken: Date): void {
  const seconds = (ports.clock.now().getTime() - taken.getTime()) / 1000;
  if (seconds < LOCK_WORK_SECONDS) return;
  throw new LockHeld(
    `The lock of data set ${dataset} was taken ${Math.floor(seconds)} s ago where it is held for ${LOCK_WORK_SECONDS} s`,
  );
}

function isMine(held: LockRecord, holder: { run: string; attempt: string }): boolean {
  return held.run === holder.run && held.attempt === holder.attempt;
}

async function mayTakeOver(ports: Ports, held: LockRecord, now: Date): Promise<boolean> {
  if (new Date(held.expires) <= now) return true;
  return held.executionId !== undefined && (await ports.executions.gone(held.executionId));
}

function lockHeld(dataset: string, held: LockRecord): LockHeld {
  return new LockHeld(`Data set ${dataset} is locked by run ${held.run} until ${held.expires}`);
}

/** Deletes the lock only as it was taken: whoever took it over keeps it. */
async function release(ports: Ports, address: { bucket: string; key: string }, etag: string): Promise<void> {
  try {
    await ports.objects.delete(address, { ifMatch: etag });
  } catch (error) {
    if (!(error instanceof PreconditionFailed) && !(error instanceof ObjectNotFound)) throw error;
  }
}
