import { z } from 'zod';
import { TaskItem } from '../../shared/commit/tasks.ts';
import type { ErrorRecord } from '../../shared/errors.ts';
import { placeIn } from '../error-place.ts';

/** What Step Functions hands to a Catch: the error's name, and Lambda's JSON about it. */
export const CaughtError = z.object({ Error: z.string(), Cause: z.string().optional() });
export type CaughtError = z.infer<typeof CaughtError>;

const FailedTask = TaskItem.extend({
  scope: z.literal('task'),
  run: z.string(),
  step: z.enum(['read', 'convert', 'whole', 'repartition', 'fit']),
  error: CaughtError,
});

const FailedRun = z.object({
  scope: z.literal('run'),
  /** The state that the run broke off in: `run` is there once list-latest is through. */
  state: z.object({
    run: z.string().optional(),
    execution: z.object({ id: z.string(), name: z.string(), startTime: z.string() }).optional(),
    /** Under the name of the state that failed. */
    error: z.record(z.string(), CaughtError),
  }),
});

/** EventBridge, of an execution that ended without a Catch of its own: it was stopped, or its time ran out. */
const EndedExecution = z.object({
  source: z.literal('aws.states'),
  'detail-type': z.literal('Step Functions Execution Status Change'),
  detail: z.object({
    executionArn: z.string(),
    name: z.string(),
    status: z.enum(['FAILED', 'TIMED_OUT', 'ABORTED']),
    /** Milliseconds since 1970. */
    startDate: z.number(),
    error: z.string().nullish(),
    cause: z.string().nullish(),
  }),
});
export type EndedExecution = z.infer<typeof EndedExecution>;

export const QuarantineInput = z.union([z.discriminatedUnion('scope', [FailedTask, FailedRun]), EndedExecution]);
export type QuarantineInput = z.infer<typeof QuarantineInput>;

/** The error that a Catch was given, in the state of this name if it is known. */
export function errorOf(caught: CaughtError, state?: string): ErrorRecord {
  const { message, where = state } = causeOf(caught.Cause);
  return { name: caught.Error, message: message || caught.Cause || caught.Error, ...(where ? { where } : {}) };
}

/** What ended the execution, as far as the event tells. */
export function endingOf({ detail }: EndedExecution): ErrorRecord {
  const { status, name, error, cause } = detail;
  if (status === 'FAILED' && error) return errorOf({ Error: error, ...(cause ? { Cause: cause } : {}) });
  const told = cause ? `: ${cause}` : '';
  if (status === 'TIMED_OUT') return { name: 'States.Timeout', message: `Execution ${name} ran out of time${told}` };
  if (status === 'ABORTED') return { name: 'ExecutionAborted', message: `Execution ${name} was stopped${told}` };
  return { name: 'ExecutionFailed', message: `Execution ${name} failed${told}` };
}

/** Lambda's JSON about an error. Step Functions cuts long causes short, and what is cut is no JSON any more. */
function causeOf(cause: string | undefined): { message?: string; where?: string } {
  if (!cause?.startsWith('{')) return {};
  let parsed: { errorMessage?: unknown; where?: unknown; trace?: unknown };
  try {
    parsed = JSON.parse(cause);
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
  // The Fail state's own cause has it beside the message.
  const where = typeof parsed.where === 'string' ? parsed.where : placeIn(parsed.trace);
  return {
    ...(typeof parsed.errorMessage === 'string' ? { message: parsed.errorMessage } : {}),
    ...(where === undefined ? {} : { where }),
  };
}
