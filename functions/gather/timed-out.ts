import { needsContainer } from '../../shared/domain/container-tasks.ts';
import type { ConvertInput, FailedSource } from '../../shared/domain/load.ts';
import { bytesInTime, inputBytes, type Pace, pacedBytes, type RangePlan, slowest } from '../../shared/domain/pace.ts';
import { originOf } from '../../shared/domain/source.ts';
import type { ErrorRecord } from '../../shared/errors.ts';
import { isSliceable } from '../../shared/formats/csv/slice.ts';
import { SPLIT_TIME_SHARE } from '../../shared/limits.ts';
import { uri } from '../../shared/ports/object-store.ts';
import type { Outcome } from './judge.ts';

const TIMED_OUT: ReadonlySet<string> = new Set(['States.Timeout', 'Sandbox.Timedout']);
/** The process went without a word: for want of memory, or of time where the service does not tell. */
const DIED: ReadonlySet<string> = new Set(['Lambda.Unknown', 'Runtime.ExitError']);

type Lost = Extract<Outcome, { failure: unknown }>;
type Loss = Pick<FailedSource, 'error' | 'splitBytes'>;

function isTimeOut({ name, message }: ErrorRecord): boolean {
  return TIMED_OUT.has(name) || (DIED.has(name) && /timed out/i.test(message));
}

/** How fast the run's plain CSV was converted: its slowest task. */
export function measuredPace(outcomes: readonly Outcome[]): Pace | undefined {
  return slowest(
    outcomes.flatMap((outcome): Pace[] => {
      const bytes = pacedBytes(outcome.task);
      if (bytes === undefined || !('receipt' in outcome)) return [];
      const { accounts } = outcome.receipt;
      // What failed was not converted to its end.
      if (accounts.some((account) => account.failed)) return [];
      return [{ bytes, ms: accounts.reduce((sum, { durationMs }) => sum + durationMs, 0) }];
    }),
  );
}

/** The same for later plans: a task whose time ran out was slower still than its whole size in the whole time. */
export function paceOf(outcomes: readonly Outcome[], ranges: RangePlan | undefined): Pace | undefined {
  const timedOut = outcomes.flatMap((outcome): Pace[] => {
    const bytes = pacedBytes(outcome.task);
    if (!ranges || bytes === undefined || !('failure' in outcome) || !isTimeOut(outcome.failure.error)) return [];
    return [{ bytes, ms: ranges.taskSeconds * 1000 }];
  });
  const measured = measuredPace(outcomes);
  return slowest(measured ? [measured, ...timedOut] : timedOut);
}

/**
 * Why an object failed with its task. Where the task's time ran out or its process died, in the last attempt as in the one
 * before: which size was tried, how long it had, and which size would have done, by the pace measured or else a third.
 */
export function lossOf(
  { step, task, failure: { error } }: Lost,
  input: ConvertInput,
  ranges: RangePlan | undefined,
  measured: Pace | undefined,
): Loss {
  const timedOut = isTimeOut(error);
  if (!ranges || (!timedOut && !DIED.has(error.name))) return { error };
  const where = uri(originOf(input.source));
  const bytes = task.inputs.reduce((sum, one) => sum + inputBytes(one), 0);
  const had = needsContainer(task) ? 'the time it had' : `the ${ranges.taskSeconds} s that a task has`;
  const ended = timedOut ? `did not end within ${had}, twice` : `ended without a word within ${had}, twice`;
  const tell = (rest: string): ErrorRecord => ({
    name: error.name,
    message: `Cannot convert ${where}: ${triedOf(task.inputs.length, bytes, input)} ${ended}${rest}`,
    where,
  });
  const third = Math.max(1, Math.floor(bytes * SPLIT_TIME_SHARE));
  const uncut = task.inputs.length > 1 ? undefined : whyUncut(step, input);
  if (uncut !== undefined) return { error: tell(`, and ${uncut}; files of a third, ${third} bytes, may do`) };
  const pace = timedOut ? measured : undefined;
  const would = Math.min(third, pace ? bytesInTime(pace, ranges.taskSeconds) : third);
  // Slower than all that was measured, or nothing was.
  const isGuess = !pace || would === third;
  const advice = isGuess
    ? `a third of it, splitBytes ${would}, may do`
    : `at the ${megabytesASecond(pace)} MB/s measured, splitBytes ${would} would have done`;
  return {
    error: tell(`; ${advice}`),
    // Of many files any may be at fault: others are not to be cut small for it.
    ...(task.inputs.length > 1 ? {} : { splitBytes: would }),
  };
}

function triedOf(files: number, bytes: number, { range }: ConvertInput): string {
  if (range)
    return `range ${range.index + 1} of ${range.of}, from byte ${range.start} to ${range.end} (${bytes} bytes),`;
  return files > 1 ? `its task of ${files} files with ${bytes} bytes` : `its ${bytes} bytes in one task`;
}

/** Why smaller ranges are no help; undefined where they are. */
function whyUncut(step: Lost['step'], { part }: ConvertInput): string | undefined {
  const kind = part.compression === 'none' ? part.format : part.compression;
  if (kind !== 'csv') return `${kind} is not converted in ranges, as plain CSV is`;
  if (step === 'whole') return 'its quotes do not show where ranges of it could begin';
  if (part.dialect && !isSliceable(part.dialect)) return 'a CSV with a footer or several tables is not cut into ranges';
  return undefined;
}

function megabytesASecond({ bytes, ms }: Pace): string {
  return String(Number((bytes / ms / 1000).toPrecision(2)));
}
