import type { LoadRequest } from '../dataset/request.ts';
import type { Clustered, PreparedClusters } from '../domain/cluster.ts';
import type { Gathered, Listed, Plan } from '../domain/load.ts';
import { RunAborted } from '../errors.ts';
import type { Ports } from '../ports/ports.ts';
import { keepFixed, readFixed } from './fixed-cache.ts';
import { putOnce, readJson, readJsonIfAny } from './json-object.ts';
import { runId, runKeys } from './keys.ts';

/** What list-latest fixed of a run: every later step reads it first. */
export interface RunRequest {
  run: string;
  executionId: string;
  /** ISO 8601. */
  startedAt: string;
  request: LoadRequest;
}

/**
 * The files that the steps of one run leave for one another. Each is written once: an attempt that comes second adopts
 * what the first one wrote.
 */
export function runFiles(ports: Ports, run: string) {
  const bucket = ports.places.work;
  const { objects } = ports;
  const at = (key: string) => ({ bucket, key });
  return {
    async request(): Promise<RunRequest> {
      const fixed = await readFixed<RunRequest>(objects, at(runKeys.request(run)));
      keepFixed(objects, fixed.request.dataset.cacheEntries);
      return fixed;
    },
    requestIfAny: () => readJsonIfAny<RunRequest>(objects, at(runKeys.request(run))),
    fixRequest: async (value: RunRequest) => (await putOnce(objects, at(runKeys.request(run)), value)).value,
    listed: () => readJson<Listed>(objects, at(runKeys.listed(run))),
    listedIfAny: () => readJsonIfAny<Listed>(objects, at(runKeys.listed(run))),
    fixListed: async (value: Listed) => (await putOnce(objects, at(runKeys.listed(run)), value)).value,
    plan: () => readFixed<Plan>(objects, at(runKeys.plan(run))),
    planIfAny: () => readJsonIfAny<Plan>(objects, at(runKeys.plan(run))),
    fixPlan: async (value: Plan) => (await putOnce(objects, at(runKeys.plan(run)), value)).value,
    gatheredIfAny: (pass: 'first' | 'second') => readJsonIfAny<Gathered>(objects, at(runKeys.gathered(run, pass))),
    fixGathered: async (pass: 'first' | 'second', value: Gathered) =>
      (await putOnce(objects, at(runKeys.gathered(run, pass)), value)).value,
    prepared: () => readJson<PreparedClusters>(objects, at(runKeys.prepared(run))),
    preparedIfAny: () => readJsonIfAny<PreparedClusters>(objects, at(runKeys.prepared(run))),
    fixPrepared: async (value: PreparedClusters) => (await putOnce(objects, at(runKeys.prepared(run)), value)).value,
    clusteredIfAny: () => readJsonIfAny<Clustered>(objects, at(runKeys.clustered(run))),
    fixClustered: async (value: Clustered) => (await putOnce(objects, at(runKeys.clustered(run)), value)).value,
    /** What publish commits: the second pass where there was one. */
    async gathered(): Promise<Gathered> {
      const last = (await this.gatheredIfAny('second')) ?? (await this.gatheredIfAny('first'));
      if (!last) throw new RunAborted(`Run ${run} was not gathered`, { where: runKeys.gathered(run, 'first') });
      return last;
    },
  };
}

/**
 * What an execution's run was asked, by what is known of it from outside; undefined where it never got so far. Its start is
 * looked for as it is told first, then among the executions of its name: clocks and digits may differ by who tells.
 */
export async function runOf(
  ports: Ports,
  execution: { id: string; name: string; startTime: string },
): Promise<RunRequest | undefined> {
  const told = await runFiles(ports, runId(execution)).requestIfAny();
  if (told?.executionId === execution.id) return told;
  const prefix = `runs/${execution.name}-`;
  for await (const run of runsUnder(ports, prefix)) {
    const fixed = await runFiles(ports, run).requestIfAny();
    if (fixed?.executionId === execution.id) return fixed;
  }
  return undefined;
}

/** Run names, each found by one listing call: the next one starts behind all that the last one wrote. */
export async function* runsUnder(ports: Ports, prefix: string): AsyncGenerator<string> {
  let after: string | undefined = prefix;
  while (after !== undefined) {
    let next: string | undefined;
    for await (const { key } of ports.objects.list(ports.places.work, prefix, { startAfter: after })) {
      next = key.split('/')[1];
      break;
    }
    if (next === undefined) return;
    yield next;
    // The highest key there can be under the run's folder: no UTF-8 byte is above it.
    after = `runs/${next}/\u{10ffff}`;
  }
}

/** A fresh folder in the work bucket for one attempt of a step that has no tasks. */
export function attemptFolder(run: string, step: string, attempt: string): string {
  return `runs/${run}/${step}/${attempt}`;
}
