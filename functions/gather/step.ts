import { z } from 'zod';
import { quarantine } from '../../shared/commit/quarantine.ts';
import { readOutcomes } from '../../shared/commit/receipts.ts';
import { attemptFolder, runFiles } from '../../shared/commit/run-files.ts';
import { readTasks, type TaskList, taskName, writeTasks } from '../../shared/commit/tasks.ts';
import type {
  ConvertReceipt,
  ConvertTask,
  Gathered,
  Plan,
  RepartitionTask,
  StoredFile,
} from '../../shared/domain/load.ts';
import { judgeFailures } from '../../shared/domain/tolerance.ts';
import { AccountsMismatch, fromErrorRecord, toErrorRecord } from '../../shared/errors.ts';
import type { Ports } from '../../shared/ports/ports.ts';
import { judge, type Outcome } from './judge.ts';
import { writeRejects } from './rejects.ts';
import { planRewrites, type Rewrites } from './rewrites.ts';
import { paceOf } from './timed-out.ts';

export const GatherInput = z.object({
  run: z.string(),
  /** The second pass follows objects that had to be converted whole. */
  pass: z.enum(['first', 'second']),
});
export type GatherInput = z.infer<typeof GatherInput>;

export interface GatherOutput {
  broken: number;
  /** Items of the Map over objects to convert whole; empty string where there are none. */
  whole: string;
  shuffle: boolean;
  buckets: string;
  rowsWritten: number;
  failed: number;
}

/**
 * Checks every account (rows read = written + rejected, and the files hold what was written), proves the quote chain of
 * objects that were converted in ranges, judges the failures, and plans the shuffle. Throws `AccountsMismatch`,
 * `TooManyFailures`, or the one error that every object failed with.
 */
export function makeGather(ports: Ports) {
  return async (event: GatherInput, attempt: string): Promise<GatherOutput> => {
    const files = runFiles(ports, event.run);
    const held = await files.gatheredIfAny(event.pass);
    const gathered = held ?? (await files.fixGathered(event.pass, await gather(ports, event, attempt)));
    if (gathered.error) throw fromErrorRecord(gathered.error);
    return {
      broken: gathered.broken,
      whole: gathered.whole?.items ?? '',
      shuffle: gathered.buckets !== undefined,
      buckets: gathered.buckets?.items ?? '',
      rowsWritten: gathered.rowsWritten,
      failed: gathered.failed.length,
    };
  };
}

async function gather(ports: Ports, event: GatherInput, attempt: string): Promise<Gathered> {
  const files = runFiles(ports, event.run);
  const [fixed, plan] = await Promise.all([files.request(), files.plan()]);
  const folder = attemptFolder(event.run, `gather-${event.pass}`, attempt);
  const outcomes = await outcomesOf(ports, event, plan);
  const judged = judge(outcomes, fixed.request.dataset.rejects, plan.ranges);
  const pace = paceOf(outcomes, plan.ranges);
  if (event.pass === 'first' && judged.broken.length > 0) {
    const whole = await planWhole(ports, folder, judged.broken);
    return { ...NOTHING, broken: judged.broken.length, whole };
  }
  const judgedFailed = [...plan.failed, ...judged.failed];
  const loaded = new Set(judged.accounts.map((account) => account.source.id)).size;
  const verdict = judgeFailures(judgedFailed, loaded, fixed.request.dataset.failures.share);
  // Written down with each object's own error before the run fails of it: quarantine tells them apart.
  if (verdict) return { ...NOTHING, failed: judgedFailed, error: toErrorRecord(verdict) };
  const failed = await quarantine(ports, fixed, judgedFailed);

  checkFiles(judged.counted);
  await writeRejects(ports, fixed, judged.counted);
  const sources = new Set(judged.accounts.map((account) => account.source.id));
  const { tasks, ...rewrites } = await planRewrites(ports, plan, sources);
  return {
    ...NOTHING,
    counted: judged.counted.map(({ step, task }) => ({ step, task: task.task })),
    accounts: judged.accounts,
    failed,
    buckets: await planBuckets(ports, folder, plan, judged.counted, tasks),
    rowsWritten: judged.accounts.reduce((sum, account) => sum + account.rowsWritten, 0),
    ...(pace ? { pace } : {}),
    ...rewrites,
  };
}

const NOTHING: Gathered = {
  broken: 0,
  whole: undefined,
  counted: [],
  accounts: [],
  failed: [],
  buckets: undefined,
  rowsWritten: 0,
};

/** Every task with its receipt or failure; in the second pass, ranges of objects converted whole are left out. */
async function outcomesOf(ports: Ports, event: GatherInput, plan: Plan): Promise<Outcome[]> {
  const { objects, places } = ports;
  const tasks = await readTasks<ConvertTask>(objects, places.work, plan.tasks);
  const first = await outcomesOfTasks(ports, event.run, 'convert', tasks);
  if (event.pass === 'first') return first;
  const gathered = await runFiles(ports, event.run).gatheredIfAny('first');
  const whole = await readTasks<ConvertTask>(objects, places.work, gathered!.whole!);
  const again = new Set(whole.map((task) => task.inputs[0].source.id));
  const kept = first.filter(({ task }) => !task.inputs.some((input) => again.has(input.source.id)));
  return [...kept, ...(await outcomesOfTasks(ports, event.run, 'whole', whole))];
}

async function outcomesOfTasks(
  ports: Ports,
  run: string,
  step: 'convert' | 'whole',
  tasks: ConvertTask[],
): Promise<Outcome[]> {
  const names = tasks.map((task) => task.task);
  const outcomes = await readOutcomes<ConvertReceipt>(ports.objects, ports.places.work, run, step, names);
  return outcomes.map((outcome, i) => ({ step, ...outcome, task: tasks[i] }));
}

async function planWhole(ports: Ports, folder: string, broken: ConvertTask[]): Promise<TaskList> {
  const tasks = broken.map((task, i): ConvertTask => {
    const { range: _, ...input } = task.inputs[0];
    return { task: taskName('whole', i), table: task.table, inputs: [input] };
  });
  return writeTasks(ports.objects, ports.places.work, `${folder}/whole`, tasks);
}

/** What was written is what lies in the files, whatever the accounts say. */
function checkFiles(counted: Extract<Outcome, { receipt: ConvertReceipt }>[]): void {
  for (const { receipt } of counted) {
    const written = receipt.accounts.reduce((sum, account) => sum + account.rowsWritten, 0);
    for (const [what, rows] of rowsByKind(receipt)) {
      if (rows !== written) {
        throw new AccountsMismatch(`Task ${receipt.task} wrote ${written} rows but its ${what} files hold ${rows}`);
      }
    }
  }
}

function rowsByKind(receipt: ConvertReceipt): Map<string, number> {
  const rows = new Map<string, number>();
  for (const file of receipt.staged) rows.set('staged', (rows.get('staged') ?? 0) + file.rows);
  for (const file of receipt.files) rows.set(file.format, (rows.get(file.format) ?? 0) + file.rows);
  return rows;
}

async function planBuckets(
  ports: Ports,
  folder: string,
  plan: Plan,
  counted: Extract<Outcome, { receipt: ConvertReceipt }>[],
  rewrites: Rewrites['tasks'],
): Promise<TaskList | undefined> {
  if (plan.buckets === 0 && rewrites.length === 0) return undefined;
  const byBucket = new Map<string, { table: number; inputs: StoredFile[] }>();
  for (const { receipt } of counted) {
    for (const { bucket, table = receipt.table, ...file } of receipt.staged) {
      const key = `${table} ${bucket}`;
      const group = byBucket.get(key) ?? { table, inputs: [] };
      group.inputs.push(file);
      byBucket.set(key, group);
    }
  }
  const tasks = [...byBucket.values(), ...rewrites].map(
    (group, i): RepartitionTask => ({ task: taskName('repartition', i), ...group }),
  );
  return writeTasks(ports.objects, ports.places.work, `${folder}/buckets`, tasks);
}
