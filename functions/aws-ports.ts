import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { glueCatalog } from '../shared/adapters/glue-catalog.ts';
import { s3ObjectStore } from '../shared/adapters/s3-object-store.ts';
import { sfnExecutions } from '../shared/adapters/sfn-executions.ts';
import type { TableEngine } from '../shared/engine/table-engine.ts';
import { BadDataset } from '../shared/errors.ts';
import { DEFAULT_GRACE_MINUTES, SPLIT_BYTES } from '../shared/limits.ts';
import { systemClock } from '../shared/ports/clock.ts';
import type { ObjectStore, SourceAccess } from '../shared/ports/object-store.ts';
import type { Ports } from '../shared/ports/ports.ts';

const SCRATCH = 'sluice-';

/**
 * The ports of a Lambda function; bucket names come from the environment. To be made once a process, since they hold
 * connections. `makeEngine` is called when a step first asks for the engine; steps that have no use for one give none.
 */
export function awsPorts(makeEngine?: () => TableEngine): Ports {
  const objects = s3ObjectStore({});
  const others = new Map<string, ObjectStore>();
  let engine: TableEngine | undefined;
  let swept: Promise<void> | undefined;
  return {
    objects,
    sources(access: SourceAccess): ObjectStore {
      if (Object.keys(access).length === 0) return objects;
      const key = JSON.stringify(access);
      const known = others.get(key) ?? s3ObjectStore({ access });
      others.set(key, known);
      return known;
    },
    catalog: glueCatalog({}),
    executions: sfnExecutions(),
    async engine() {
      if (!makeEngine) throw new Error('This function is packaged without the engine');
      engine ??= makeEngine();
      return engine;
    },
    clock: systemClock,
    newId: randomUUID,
    places: {
      landing: required('LANDING_BUCKET'),
      work: required('WORK_BUCKET'),
      lake: required('LAKE_BUCKET'),
    },
    graceMinutes: DEFAULT_GRACE_MINUTES,
    splitBytes: SPLIT_BYTES,
    async newScratch() {
      swept ??= sweepScratch();
      await swept;
      return mkdtemp(join(tmpdir(), SCRATCH));
    },
    ...workerOf(process.env['WORKER']),
    ...taskSecondsOf(process.env['TASK_SECONDS']),
  };
}

/** Where a stage has none, its variable is empty. */
function workerOf(text: string | undefined): Pick<Ports, 'worker'> {
  return text === undefined || text === '' ? {} : { worker: JSON.parse(text) };
}

/** Told to who plans; others plan nothing. */
function taskSecondsOf(text: string | undefined): Pick<Ports, 'taskSeconds'> {
  return text === undefined || text === '' ? {} : { taskSeconds: Number(text) };
}

/**
 * A process that ran out of time or memory leaves its files in the sandbox's disk, on which the next one begins. A sandbox
 * runs one process at a time, so all that is there is left behind.
 */
async function sweepScratch(): Promise<void> {
  if (process.env['AWS_LAMBDA_FUNCTION_NAME'] === undefined) return;
  const left = (await readdir(tmpdir())).filter((name) => name.startsWith(SCRATCH));
  await Promise.all(left.map((name) => rm(join(tmpdir(), name), { recursive: true, force: true })));
}

function required(name: string): string {
  const value = process.env[name];
  if (value === undefined || value === '') throw new BadDataset(`The environment variable ${name} is not set`);
  return value;
}
