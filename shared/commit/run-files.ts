import type { LoadRequest } from '../dataset/request.ts';
import type { Gathered, Listed, Plan } from '../domain/load.ts';
import { RunAborted } from '../errors.ts';
import type { Ports } from '../ports/ports.ts';
import { putOnce, readJson, readJsonIfAny } from './json-object.ts';
import { runKeys } from './keys.ts';

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
    request: () => readJson<RunRequest>(objects, at(runKeys.request(run))),
    requestIfAny: () => readJsonIfAny<RunRequest>(objects, at(runKeys.request(run))),
    fixRequest: async (value: RunRequest) => (await putOnce(objects, at(runKeys.request(run)), value)).value,
    listed: () => readJson<Listed>(objects, at(runKeys.listed(run))),
    listedIfAny: () => readJsonIfAny<Listed>(objects, at(runKeys.listed(run))),
    fixListed: async (value: Listed) => (await putOnce(objects, at(runKeys.listed(run)), value)).value,
    plan: () => readJson<Plan>(objects, at(runKeys.plan(run))),
    planIfAny: () => readJsonIfAny<Plan>(objects, at(runKeys.plan(run))),
    fixPlan: async (value: Plan) => (await putOnce(objects, at(runKeys.plan(run)), value)).value,
    gatheredIfAny: (pass: 'first' | 'second') => readJsonIfAny<Gathered>(objects, at(runKeys.gathered(run, pass))),
    fixGathered: async (pass: 'first' | 'second', value: Gathered) =>
      (await putOnce(objects, at(runKeys.gathered(run, pass)), value)).value,
    /** What publish commits: the second pass where there was one. */
    async gathered(): Promise<Gathered> {
      const last = (await this.gatheredIfAny('second')) ?? (await this.gatheredIfAny('first'));
      if (!last) throw new RunAborted(`Run ${run} was not gathered`, { where: runKeys.gathered(run, 'first') });
      return last;
    },
  };
}

/** A fresh folder in the work bucket for one attempt of a step that has no tasks. */
export function attemptFolder(run: string, step: string, attempt: string): string {
  return `runs/${run}/${step}/${attempt}`;
}
