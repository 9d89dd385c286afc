import { z } from 'zod';
import type { LogState } from '../../shared/commit/fold.ts';
import { putJson } from '../../shared/commit/json-object.ts';
import { openLog } from '../../shared/commit/log.ts';
import { readOutcomes } from '../../shared/commit/receipts.ts';
import { attemptFolder, type RunRequest, runFiles } from '../../shared/commit/run-files.ts';
import { readTasks, taskName, writeTasks } from '../../shared/commit/tasks.ts';
import { type Dataset, modeOf } from '../../shared/dataset/dataset.ts';
import { needsContainer } from '../../shared/domain/container-tasks.ts';
import type {
  FailedSource,
  FoundPart,
  LiveGroup,
  Plan,
  PlannedTable,
  ReadReceipt,
  ReadTask,
} from '../../shared/domain/load.ts';
import { planRangeBytes } from '../../shared/domain/pace.ts';
import type { SourceObject } from '../../shared/domain/source.ts';
import { bucketsOf, type PlannedFile, planTasks } from '../../shared/domain/splits.ts';
import { judgeFailures } from '../../shared/domain/tolerance.ts';
import { fromErrorRecord, toErrorRecord } from '../../shared/errors.ts';
import { LAMBDA_MAX_SECONDS } from '../../shared/limits.ts';
import type { Ports } from '../../shared/ports/ports.ts';
import { checkTables } from './check-tables.ts';
import { distanceTable } from './distance-table.ts';
import { liveGroups } from './live-groups.ts';
import { mirrorTables } from './mirror.ts';
import { lightningTables, oneTable } from './one-table.ts';
import { type Screened, screen } from './screen.ts';

export const PlanInput = z.object({ run: z.string() });
export type PlanInput = z.infer<typeof PlanInput>;

export interface PlanOutput {
  /** Items of the Map over convert tasks. */
  splits: string;
  tasks: number;
  buckets: number;
}

/** What read found of one object. */
export interface FoundObject {
  source: SourceObject;
  parts: FoundPart[];
}

export interface Planned {
  tables: PlannedTable[];
  files: PlannedFile[];
}

/**
 * One schema for all files, the tasks that convert them, and whether rows must be shuffled: fixed once, and dependent on
 * nothing but what read found and the log says. Throws what the schema makes impossible, `TooManyFailures`, or the one
 * error that every object failed with.
 */
export function makePlan(ports: Ports) {
  return async (event: PlanInput, attempt: string): Promise<PlanOutput> => {
    const files = runFiles(ports, event.run);
    const plan = (await files.planIfAny()) ?? (await files.fixPlan(await makeNewPlan(ports, event.run, attempt)));
    if (plan.error) throw fromErrorRecord(plan.error);
    return { splits: plan.tasks.items, tasks: plan.tasks.count, buckets: plan.buckets };
  };
}

async function makeNewPlan(ports: Ports, run: string, attempt: string): Promise<Plan> {
  const fixed = await runFiles(ports, run).request();
  const { dataset } = fixed.request;
  const read = await readings(ports, run);
  const state = await openLog(ports.objects, ports.places.work, dataset.name).head();
  const { admitted, refused, replaced } = screen(read.found, dataset, state);
  const failed = [...read.failed, ...refused];
  const verdict = judgeFailures(failed, admitted.length, dataset.failures.share);
  // Written down with each object's own error before the run fails of it: quarantine tells them apart.
  if (verdict) return { ...NOTHING, failed, notices: fixed.request.notices, error: toErrorRecord(verdict) };

  const { tables, files } = plannedTables(ports, fixed, admitted, state);
  if (dataset.target.layout === 'table') for (const table of tables) await checkTables(ports, dataset, table);
  const { splitBytes, taskSeconds = LAMBDA_MAX_SECONDS } = ports;
  const ranges = planRangeBytes(fixed.request, state.pace, { splitBytes, taskSeconds });
  const tasks = planTasks(files, ranges.bytes, (index) => taskName('convert', index));
  const bytes = files.reduce((sum, file) => sum + file.part.sizeBytes, 0);
  const writings = tables.map((table) => table.writing);
  const appends = modeOf(dataset) === 'append' && dataset.target.layout === 'table';
  const isPlaced = writings.some(({ partitions, sortBy }) => partitions.length > 0 || sortBy.length > 0);
  const needsShuffle = isPlaced || (appends && tasks.length > 1);
  return {
    tables,
    plannedAt: state.version,
    buckets:
      dataset.target.layout === 'mirror' || dataset.source.format === 'distances'
        ? 0
        : bucketsOf(tasks, needsShuffle, bytes),
    tasks: await writeTasks(ports.objects, ports.places.work, attemptFolder(run, 'plan', attempt), tasks, (task) =>
      needsContainer(task) ? (ports.worker ?? null) : null,
    ),
    ranges,
    failed,
    notices: fixed.request.notices,
    ...(await writeLive(
      ports,
      attemptFolder(run, 'plan', attempt),
      replaced,
      liveGroupsOf(dataset, tables, replaced, state),
    )),
  };
}

function liveGroupsOf(
  dataset: Dataset,
  tables: PlannedTable[],
  replaced: Screened['replaced'],
  state: LogState,
): LiveGroup[] {
  // What is replaced whole need not be written again.
  const whole = modeOf(dataset) === 'overwrite-partitions' && tables.every((table) => table.partitions.length === 0);
  if (dataset.target.layout === 'mirror' || whole) return [];
  return liveGroups(tables, new Set([...replaced.values()].flat()), dataset, state);
}

/** In files of their own: they grow with the table, and the plan is read by every task. */
async function writeLive(
  ports: Ports,
  folder: string,
  replaced: Screened['replaced'],
  groups: LiveGroup[],
): Promise<Pick<Plan, 'live' | 'replaced'>> {
  const { objects, places } = ports;
  const key = `${folder}/replaced.json`;
  if (replaced.size > 0) await putJson(objects, { bucket: places.work, key }, Object.fromEntries(replaced));
  return {
    ...(replaced.size > 0 ? { replaced: key } : {}),
    ...(groups.length > 0 ? { live: await writeTasks(objects, places.work, `${folder}/live`, groups) } : {}),
  };
}

const NOTHING = { tables: [], plannedAt: 0, buckets: 0, tasks: { items: '', tasks: '', count: 0 } };

/** What read found, and what failed there, by itself or with its task. */
async function readings(ports: Ports, run: string): Promise<{ found: FoundObject[]; failed: FailedSource[] }> {
  const listed = await runFiles(ports, run).listed();
  const tasks = await readTasks<ReadTask>(ports.objects, ports.places.work, listed.tasks);
  const names = tasks.map((task) => task.task);
  const outcomes = await readOutcomes<ReadReceipt>(ports.objects, ports.places.work, run, 'read', names);
  const found: FoundObject[] = [];
  const failed: FailedSource[] = [];
  outcomes.forEach((outcome, i) => {
    if ('receipt' in outcome) {
      found.push(...outcome.receipt.found);
      failed.push(...outcome.receipt.failed);
      return;
    }
    const { error } = outcome.failure;
    failed.push(...tasks[i].sources.map((source) => ({ source, step: 'read', error })));
  });
  return { found, failed };
}

function plannedTables(ports: Ports, fixed: RunRequest, found: FoundObject[], state: LogState): Planned {
  if (fixed.request.dataset.target.layout === 'mirror') return mirrorTables(fixed, found, ports.places);
  if (fixed.request.dataset.source.format === 'distances') return distanceTable(fixed, found);
  const isLightning = found.some(({ parts }) => parts.some((part) => part.level !== undefined));
  return isLightning ? lightningTables(fixed, found, state) : oneTable(fixed, found, state);
}
