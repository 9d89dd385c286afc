import { VACUUM_AFTER_HOURS } from '../limits.ts';
import type { Ports } from '../ports/ports.ts';
import type { LogState } from './fold.ts';
import { runKeys } from './keys.ts';
import { openLog } from './log.ts';
import { type Published, readPublished } from './publish.ts';
import { leftInQuarantine } from './redrive.ts';
import { type RunRequest, runFiles, runsUnder } from './run-files.ts';
import { settle, verdictOf } from './verdict.ts';

export interface Vacuumed {
  runs: number;
  objects: number;
}

/**
 * P10: deletes the folders of runs that nobody needs any more: aborted ones, and those whose commit (or void) the tables
 * show and whose replaced files are gone. A run that is at work, or decided to commit and is not done, stays; one that died
 * undecided is aborted first. Young ones stay in any case: a successor may yet read them.
 */
export async function vacuum(ports: Ports, by: string, olderThanHours = VACUUM_AFTER_HOURS): Promise<Vacuumed> {
  const horizon = ports.clock.now().getTime() - olderThanHours * 3_600_000;
  const heads = new Map<string, Promise<{ state: LogState; published: Published }>>();
  const headOf = (dataset: string) => {
    const known = heads.get(dataset) ?? readHead(ports, dataset);
    heads.set(dataset, known);
    return known;
  };
  const done: Vacuumed = { runs: 0, objects: 0 };
  for (const run of await Array.fromAsync(runsUnder(ports, 'runs/'))) {
    const fixed = await runFiles(ports, run).requestIfAny();
    if (!fixed || Date.parse(fixed.startedAt) > horizon) continue;
    const { state, published } = await headOf(fixed.request.dataset.name);
    if (!(await isDone(ports, fixed, by, state, published))) continue;
    const { waits, strays } = await leftInQuarantine(ports, fixed);
    if (strays.length > 0) await ports.objects.deleteMany(ports.places.work, strays);
    const deleted = await deleteFolder(ports, run, waits);
    done.objects += deleted + strays.length;
    done.runs += deleted > 0 ? 1 : 0;
  }
  return done;
}

async function readHead(ports: Ports, dataset: string): Promise<{ state: LogState; published: Published }> {
  // In this order: what is published can only be more than what the log said before.
  const published = await readPublished(ports, dataset);
  return { published, state: await openLog(ports.objects, ports.places.work, dataset).head() };
}

async function isDone(
  ports: Ports,
  fixed: RunRequest,
  by: string,
  state: LogState,
  published: Published,
): Promise<boolean> {
  // A Lambda may outlive its execution. Without the verdict it would decide once more, and commit what is deleted here;
  // and a run that waits for its grace still has its last step before it.
  if (!(await ports.executions.gone(fixed.executionId))) return false;
  const entry = state.runs.get(fixed.run);
  if (entry) return entry.version <= published.applied;
  const verdict = await verdictOf(ports.objects, ports.places.work, fixed.run);
  if (verdict !== undefined) return verdict === 'abort';
  return (await settle(ports.objects, ports.places.work, fixed.run, 'abort', by)) === 'abort';
}

/** A run that left objects in quarantine keeps its request and verdict: a redrive asks as it asked. */
async function deleteFolder(ports: Ports, run: string, keepsRequest: boolean): Promise<number> {
  const last = runKeys.request(run);
  const kept = new Set(keepsRequest ? [last, runKeys.verdict(run)] : []);
  const keys: string[] = [];
  for await (const { key } of ports.objects.list(ports.places.work, `runs/${run}/`)) if (!kept.has(key)) keys.push(key);
  // The request goes last: a vacuum that dies half-way is taken up again by it.
  const first = keys.filter((key) => key !== last);
  if (first.length > 0) await ports.objects.deleteMany(ports.places.work, first);
  if (!keepsRequest) await ports.objects.delete({ bucket: ports.places.work, key: last });
  return keys.length;
}
