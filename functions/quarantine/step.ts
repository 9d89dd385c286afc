import { finishRun } from '../../shared/commit/finish.ts';
import { hasHistory, writeHistory } from '../../shared/commit/history.ts';
import { putOnce } from '../../shared/commit/json-object.ts';
import { runId, runKeys } from '../../shared/commit/keys.ts';
import type { LockHolder } from '../../shared/commit/lock.ts';
import { quarantine } from '../../shared/commit/quarantine.ts';
import type { TaskFailure } from '../../shared/commit/receipts.ts';
import { type RunRequest, runFiles, runOf } from '../../shared/commit/run-files.ts';
import { releaseRunLock } from '../../shared/commit/run-lock.ts';
import { readTasks } from '../../shared/commit/tasks.ts';
import { settle } from '../../shared/commit/verdict.ts';
import type { FailedSource, ReadTask } from '../../shared/domain/load.ts';
import { type ErrorRecord, isRequestFault } from '../../shared/errors.ts';
import type { Ports } from '../../shared/ports/ports.ts';
import { type EndedExecution, endingOf, errorOf, type QuarantineInput } from './input.ts';

export interface QuarantineOutput {
  /** Name and one sentence, for the state machine's Fail state. */
  error: string;
  cause: string;
}

/**
 * What still fails after its retries goes to quarantine: one task's objects, or the whole run's, be it that a state of it
 * failed or that EventBridge tells how its execution ended.
 */
export function makeQuarantine(ports: Ports) {
  return async (event: QuarantineInput, attempt: string): Promise<QuarantineOutput> => {
    if ('detail' in event) return outputOf(await quarantineEnded(ports, event, attempt));
    if (event.scope === 'task') {
      const error = errorOf(event.error);
      const failure: TaskFailure = { task: event.task, error };
      const key = runKeys.failure(event.run, event.step, event.task);
      await putOnce(ports.objects, { bucket: ports.places.work, key }, failure);
      return outputOf(error);
    }
    const { run, execution, error: caught } = event.state;
    const [[state, failure]] = Object.entries(caught);
    const error = errorOf(failure, state);
    const id = run ?? (execution ? runId(execution) : undefined);
    const fixed = id === undefined ? undefined : await runFiles(ports, id).requestIfAny();
    if (fixed) await quarantineRun(ports, fixed, error, { run: fixed.run, executionId: fixed.executionId, attempt });
    return outputOf(error);
  };
}

/** The execution is over, and whoever invokes this is none: the lock is its own by the lease alone. */
async function quarantineEnded(ports: Ports, event: EndedExecution, attempt: string): Promise<ErrorRecord> {
  const { detail } = event;
  const error = endingOf(event);
  const fixed = await runOf(ports, {
    id: detail.executionArn,
    name: detail.name,
    startTime: new Date(detail.startDate).toISOString(),
  });
  if (fixed) await quarantineRun(ports, fixed, error, { run: fixed.run, attempt });
  return error;
}

/**
 * The run ends here. The verdict first: a run that decided to commit is finished instead, and quarantines nothing. One that
 * has been here, whose history is written, is left alone: its objects may be another run's by now.
 */
async function quarantineRun(ports: Ports, fixed: RunRequest, error: ErrorRecord, holder: LockHolder): Promise<void> {
  await settleRun(ports, fixed, error, holder);
  const { name, concurrency } = fixed.request.dataset;
  if (concurrency.singleFlight) await releaseRunLock(ports, name, fixed.run);
}

async function settleRun(ports: Ports, fixed: RunRequest, error: ErrorRecord, holder: LockHolder): Promise<void> {
  const verdict = await settle(ports.objects, ports.places.work, fixed.run, 'abort', fixed.run);
  if (verdict === 'commit') {
    const { outcome } = await finishRun(ports, fixed, holder);
    // A void commit is done again by a successor, which the run did not live to begin: what nobody has taken since waits.
    if (outcome === 'void') await quarantine(ports, fixed, await failedSources(ports, fixed, error));
    return;
  }
  const { dataset } = fixed.request;
  if (await hasHistory(ports, dataset.name, fixed.run)) return;
  const failed = await quarantine(ports, fixed, await failedSources(ports, fixed, error));
  // Of one that stays and did not fail by itself there is nothing to tell.
  const told = failed.filter((failure) => !failure.stays || failure.step !== 'run');
  await writeHistory(ports, {
    run: fixed.run,
    dataset: dataset.name,
    status: 'failed',
    startedAt: fixed.startedAt,
    accounts: [],
    failed: told,
    tables: [],
    notices: fixed.request.notices,
    error,
  });
}

function outputOf(error: ErrorRecord): QuarantineOutput {
  return { error: error.name, cause: JSON.stringify({ errorMessage: error.message, where: error.where }) };
}

/**
 * The run's objects that are to wait for somebody: those that failed by themselves, with their own error, and the others
 * with the run's, since no event of theirs comes again. But what was wrong with the request says nothing against any
 * object: those stay where they are and any run may have them.
 */
async function failedSources(ports: Ports, fixed: RunRequest, error: ErrorRecord): Promise<FailedSource[]> {
  const files = runFiles(ports, fixed.run);
  const listed = await files.listedIfAny();
  if (!listed) return [];
  const known = [await files.planIfAny(), await files.gatheredIfAny('first'), await files.gatheredIfAny('second')];
  const own = new Map(known.flatMap((file) => file?.failed ?? []).map((failure) => [failure.source.id, failure]));
  const tasks = await readTasks<ReadTask>(ports.objects, ports.places.work, listed.tasks);
  const failed = tasks
    .flatMap((task) => task.sources)
    .map((source) => own.get(source.id) ?? { source, step: 'run', error });
  return failed.filter((failure) => !isRequestFault(failure.error));
}
