import pMap from 'p-map';
import type { ErrorRecord } from '../errors.ts';
import { SMALL_CALLS_AT_ONCE } from '../limits.ts';
import type { ObjectStore } from '../ports/object-store.ts';
import { putOnce, readJsonIfAny } from './json-object.ts';
import { runKeys, type TaskStep } from './keys.ts';

/**
 * P4: each attempt of a task writes under its own folder, then the task's receipt, once. An attempt that comes second
 * adopts the first one's receipt; later steps read receipts and never list.
 */
export async function writeReceipt<T>(
  objects: ObjectStore,
  bucket: string,
  run: string,
  step: TaskStep,
  task: string,
  receipt: T,
): Promise<T> {
  const written = await putOnce(objects, { bucket, key: runKeys.receipt(run, step, task) }, receipt);
  return written.value;
}

/** Why a task has no receipt: what quarantine wrote after the last attempt. */
export interface TaskFailure {
  task: string;
  error: ErrorRecord;
}

export type TaskOutcome<T> = { task: string; receipt: T } | { task: string; failure: TaskFailure };

/**
 * What became of each task, in the given order. A receipt counts even beside a failure (an attempt that was thought lost
 * finished late); a task with neither failed without a word.
 */
export async function readOutcomes<T>(
  objects: ObjectStore,
  bucket: string,
  run: string,
  step: TaskStep,
  tasks: readonly string[],
): Promise<TaskOutcome<T>[]> {
  return pMap(
    tasks,
    async (task): Promise<TaskOutcome<T>> => {
      const receipt = await readJsonIfAny<T>(objects, { bucket, key: runKeys.receipt(run, step, task) });
      if (receipt !== undefined) return { task, receipt };
      const failure = await readJsonIfAny<TaskFailure>(objects, { bucket, key: runKeys.failure(run, step, task) });
      const lost = { name: 'TaskLost', message: `Task ${task} of ${step} ended without receipt or failure` };
      return { task, failure: failure ?? { task, error: lost } };
    },
    { concurrency: SMALL_CALLS_AT_ONCE },
  );
}
