import type {
  ConvertReceipt,
  FinalStoredFile,
  Gathered,
  Plan,
  RepartitionReceipt,
  RepartitionTask,
} from '../domain/load.ts';
import { type ErrorRecord, RETRYABLE, SluiceError } from '../errors.ts';
import type { Ports } from '../ports/ports.ts';
import { readOutcomes } from './receipts.ts';
import { readTasks } from './tasks.ts';

/** `of`: the commits that brought the rows of a live file that was written again. */
export type TableFile = FinalStoredFile & { table: number; of?: number[] };

/** The files that a run left for its tables, from receipts alone. Throws the error of a task that failed for good. */
export async function finalFiles(ports: Ports, run: string, plan: Plan, gathered: Gathered): Promise<TableFile[]> {
  const { objects, places } = ports;
  const files: TableFile[] = [];
  if (gathered.buckets) {
    const tasks = await readTasks<RepartitionTask>(objects, places.work, gathered.buckets);
    const names = tasks.map((task) => task.task);
    const outcomes = await readOutcomes<RepartitionReceipt>(objects, places.work, run, 'repartition', names);
    for (const [i, { rewrites }] of tasks.entries()) {
      files.push(...finalsOf([outcomes[i]]).map((file) => (rewrites ? { ...file, of: rewrites.of } : file)));
    }
    if (plan.buckets > 0) return files;
  }
  for (const step of ['convert', 'whole'] as const) {
    const names = gathered.counted.filter((counted) => counted.step === step).map((counted) => counted.task);
    files.push(...finalsOf(await readOutcomes<ConvertReceipt>(objects, places.work, run, step, names)));
  }
  return files;
}

function finalsOf(
  outcomes: Awaited<ReturnType<typeof readOutcomes<ConvertReceipt | RepartitionReceipt>>>,
): TableFile[] {
  return outcomes.flatMap((outcome) => {
    if ('failure' in outcome) {
      throw bucketFailure(outcome.task, outcome.failure.error);
    }
    return outcome.receipt.files.map((file) => ({ table: outcome.receipt.table, ...file }));
  });
}

/** A bucket of the shuffle failed for good: to ask for its files again would not mend it, whatever its error is called. */
function bucketFailure(task: string, { name, message, where }: ErrorRecord): SluiceError {
  const retried = (RETRYABLE as readonly string[]).includes(name);
  return new SluiceError(retried ? 'RepartitionFailed' : name, `${task} failed: ${message}`, where ? { where } : {});
}
