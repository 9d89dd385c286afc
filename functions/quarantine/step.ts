import { z } from 'zod';
import { finishRun } from '../../shared/commit/finish.ts';
import { writeHistory } from '../../shared/commit/history.ts';
import { putOnce } from '../../shared/commit/json-object.ts';
import { runId, runKeys } from '../../shared/commit/keys.ts';
import { quarantine } from '../../shared/commit/quarantine.ts';
import type { TaskFailure } from '../../shared/commit/receipts.ts';
import { type RunRequest, runFiles } from '../../shared/commit/run-files.ts';
import { readTasks, TaskItem } from '../../shared/commit/tasks.ts';
import { settle } from '../../shared/commit/verdict.ts';
import type { FailedSource, ReadTask } from '../../shared/domain/load.ts';
import type { ErrorRecord } from '../../shared/errors.ts';
import { uri } from '../../shared/ports/object-store.ts';
import type { Ports } from '../../shared/ports/ports.ts';

/** What Step Functions hands to a Catch: the error's name, and Lambda's JSON about it. */
export const CaughtError = z.object({ Error: z.string(), Cause: z.string().optional() });
export type CaughtError = z.infer<typeof CaughtError>;

export const QuarantineInput = z.discriminatedUnion('scope', [
  TaskItem.extend({
    scope: z.literal('task'),
    run: z.string(),
    step: z.enum(['read', 'convert', 'whole', 'repartition']),
    error: CaughtError,
  }),
  z.object({
    scope: z.literal('run'),
    /** The state that the run broke off in: named once list-latest is through. */
    state: z.object({
      run: z.string().optional(),
      execution: z.object({ id: z.string(), name: z.string(), startTime: z.string() }).optional(),
      error: CaughtError,
    }),
  }),
]);
export type QuarantineInput = z.infer<typeof QuarantineInput>;

export interface QuarantineOutput {
  /** Name and one sentence, for the state machine's Fail state. */
  error: string;
  cause: string;
}

/** What still fails after its retries goes to quarantine: one task's objects, or the whole run's. */
export function makeQuarantine(ports: Ports) {
  return async (event: QuarantineInput, attempt: string): Promise<QuarantineOutput> => {
    const caught = event.scope === 'task' ? event.error : event.state.error;
    const error = errorOf(caught);
    if (event.scope === 'task') {
      const failure: TaskFailure = { task: event.task, error };
      const key = runKeys.failure(event.run, event.step, event.task);
      await putOnce(ports.objects, { bucket: ports.places.work, key }, failure);
      return outputOf(error);
    }
    const { run, execution } = event.state;
    const id = run ?? (execution ? runId(execution) : undefined);
    return outputOf(id === undefined ? error : await quarantineRun(ports, id, error, attempt));
  };
}

/**
 * The run ends here. The verdict first: a run that decided to commit is finished instead, and quarantines nothing.
 */
async function quarantineRun(ports: Ports, run: string, caught: ErrorRecord, attempt: string): Promise<ErrorRecord> {
  const files = runFiles(ports, run);
  const fixed = await files.requestIfAny();
  if (!fixed) return caught;
  const verdict = await settle(ports.objects, ports.places.work, run, 'abort', run);
  if (verdict === 'commit') {
    await finishRun(ports, fixed, { run, executionId: fixed.executionId, attempt });
    return caught;
  }
  const failed = await failedSources(ports, fixed, caught);
  const error = placed(caught, failed);
  await quarantine(ports, fixed, failed);
  await writeHistory(ports, {
    run,
    dataset: fixed.request.dataset.name,
    status: 'failed',
    startedAt: fixed.startedAt,
    accounts: [],
    failed,
    tables: [],
    notices: fixed.request.notices,
    error,
  });
  return error;
}

/** A state hands on an error's name and message only: where it was is known by the object that failed with it. */
function placed(error: ErrorRecord, failed: FailedSource[]): ErrorRecord {
  const culprit = failed.find((failure) => failure.step !== 'run' && failure.error.name === error.name);
  return error.where !== undefined || !culprit
    ? error
    : { ...error, where: culprit.error.where ?? uri(culprit.source) };
}

function outputOf(error: ErrorRecord): QuarantineOutput {
  return { error: error.name, cause: JSON.stringify({ errorMessage: error.message, where: error.where }) };
}

/** All objects of the run, those that failed by themselves with their own error. */
async function failedSources(ports: Ports, fixed: RunRequest, error: ErrorRecord): Promise<FailedSource[]> {
  const files = runFiles(ports, fixed.run);
  const listed = await files.listedIfAny();
  if (!listed) return [];
  const known = [await files.planIfAny(), await files.gatheredIfAny('first'), await files.gatheredIfAny('second')];
  const own = new Map(known.flatMap((file) => file?.failed ?? []).map((failure) => [failure.source.id, failure]));
  const tasks = await readTasks<ReadTask>(ports.objects, ports.places.work, listed.tasks);
  return tasks.flatMap((task) => task.sources).map((source) => own.get(source.id) ?? { source, step: 'run', error });
}

function errorOf(caught: CaughtError): ErrorRecord {
  const { message, where } = causeOf(caught.Cause);
  return { name: caught.Error, message: message || caught.Cause || caught.Error, ...(where ? { where } : {}) };
}

/** Lambda's JSON about an error. Step Functions cuts long causes short, and what is cut is no JSON any more. */
function causeOf(cause: string | undefined): { message?: string; where?: string } {
  if (!cause?.startsWith('{')) return {};
  let parsed: { errorMessage?: unknown; where?: unknown };
  try {
    parsed = JSON.parse(cause);
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
  return {
    ...(typeof parsed.errorMessage === 'string' ? { message: parsed.errorMessage } : {}),
    ...(typeof parsed.where === 'string' ? { where: parsed.where } : {}),
  };
}
