import type { ConvertReceipt, FinalStoredFile, RepartitionReceipt, RepartitionTask } from '../domain/load.ts';
import { SluiceError } from '../errors.ts';
import type { Ports } from '../ports/ports.ts';
import { readOutcomes } from './receipts.ts';
import { runFiles } from './run-files.ts';
import { readTasks } from './tasks.ts';

/**
 * The final files that the run made of what it loaded, from receipts; live files that it wrote again are not among them. Throws the error
 * of a task that failed for good.
 */
export async function loadedFiles(ports: Ports, run: string): Promise<(FinalStoredFile & { table: number })[]> {
  const { objects, places } = ports;
  const [plan, gathered] = await Promise.all([runFiles(ports, run).plan(), runFiles(ports, run).gathered()]);
  const receipts: (ConvertReceipt | RepartitionReceipt)[] = [];
  const take = async (step: 'convert' | 'whole' | 'repartition', tasks: string[]) => {
    const outcomes = await readOutcomes<ConvertReceipt | RepartitionReceipt>(objects, places.work, run, step, tasks);
    for (const outcome of outcomes) {
      if ('receipt' in outcome) {
        receipts.push(outcome.receipt);
        continue;
      }
      const { name, message, where } = outcome.failure.error;
      throw new SluiceError(name, `${outcome.task} failed: ${message}`, where ? { where } : {});
    }
  };
  if (plan.buckets > 0) {
    const tasks = gathered.buckets ? await readTasks<RepartitionTask>(objects, places.work, gathered.buckets) : [];
    const own = tasks.filter((task) => !task.rewrites);
    await take(
      'repartition',
      own.map(({ task }) => task),
    );
  } else {
    for (const step of ['convert', 'whole'] as const) {
      await take(
        step,
        gathered.counted.filter((counted) => counted.step === step).map(({ task }) => task),
      );
    }
  }
  return receipts.flatMap((receipt) => receipt.files.map((file) => ({ table: receipt.table, ...file })));
}
