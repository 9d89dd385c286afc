import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OWN_PREFIXES } from '../../shared/commit/keys.ts';
import { vacuum } from '../../shared/commit/vacuum.ts';
import { type Call, canMeet, type Fault } from './faults.ts';
import { Lab, type Mutation, PLACES } from './lab.ts';
import { Model, type Promised } from './model.ts';
import { seeded } from './turns.ts';

/**
 * The promise, call by call: whatever happens to any single call of a load, once it was tried again every row of every
 * object is in the table exactly once, in both formats, and under the root lies what the log says.
 */
/** `replace`: appended, where a later version of an object takes the place of the earlier one's rows. */
export type Mode = 'append' | 'overwrite-partitions' | 'replace';

type Rows = [id: string, partition: string][];
const BEFORE: Record<string, Rows> = { 'in/a.csv': rows('old', 4), 'in/kept.csv': rows('kept', 3) };
/** Two objects in one batch, one in two ranges; a row that no column takes; a version that comes in the place of another. */
const OBJECTS: Record<string, Rows> = {
  'in/a.csv': rows('a', 2),
  'in/b.csv': [...rows('b', 3), ['b-bad', '!']],
  'in/long.csv': rows('long', 12),
};

/** Always the same, so that the k-th call is the same call whatever befalls it. */
const SEED = 1;

function rows(name: string, count: number): Rows {
  return Array.from({ length: count }, (_, i): [string, string] => [`${name}${i}`, i % 2 ? 'x' : 'y']);
}

export interface CallDrill {
  violations: string[];
  /** Of the load that met the fault. */
  calls: readonly Call[];
  struck: boolean;
}

/** Every call, or each `stride`-th, that the fault can befall; what was not as promised, by call. */
export async function drillCalls(mode: Mode, fault: Fault, stride = 1, from = 0): Promise<string[]> {
  const { calls } = await drillCall(mode, undefined, -1);
  const found: string[] = [];
  for (let k = from % stride; k < calls.length; k += stride) {
    if (!canMeet(fault, calls[k])) continue;
    const { violations, struck } = await drillCall(mode, fault, k);
    if (!struck) violations.push('the call was never made');
    const { method, what } = calls[k];
    if (violations.length > 0)
      found.push(`${mode}, ${fault} at call ${k} (${method} ${what}): ${violations.join('; ')}`);
  }
  return found;
}

/**
 * A table of one commit, then a load of three objects whose k-th call meets the fault; what is abandoned comes late. Then the
 * nights: sweeps, redrives, a vacuum.
 */
export async function drillCall(
  mode: Mode,
  fault: Fault | undefined,
  k: number,
  mutation?: Mutation,
): Promise<CallDrill> {
  const scratch = await mkdtemp(join(tmpdir(), 'sluice-call-'));
  try {
    const promised: Promised = {
      mode: mode === 'replace' ? 'append' : mode,
      formats: ['parquet', 'avro'],
      onReupload: mode === 'replace' ? 'replace' : 'append',
      tolerated: 1,
    };
    const dataset = {
      name: 'd',
      source: { prefix: 'in/', pick: 'new' as const },
      splitBytes: 64,
      rejects: { rows: 1 },
      target: {
        database: 'db',
        table: 't',
        mode: promised.mode,
        ...(promised.mode === 'append' ? { onReupload: promised.onReupload } : {}),
        partitionBy: ['part'],
        formats: ['parquet' as const, 'avro' as const],
      },
    };
    const lab = new Lab(seeded(SEED), dataset, scratch, mutation);
    const model = new Model(lab, promised);
    for (const [key, rows] of Object.entries(BEFORE)) await model.land(key, rows);
    await lab.execute({ dataset: 'd' });
    lab.turns.now += 3_600_000;
    for (const [key, rows] of Object.entries(OBJECTS)) await model.land(key, rows);

    const loaded = await lab.execute({ dataset: 'd' }, { fault, k });
    const violations: string[] = [];
    if (loaded.endState === 'Succeeded' && !(await lab.head()).runs.has(loaded.run))
      violations.push('told of a commit that is none');
    await lab.idle();
    const nights = await lab.settle(1);
    const failed = nights.find((night) => night.status !== 'SUCCEEDED');
    if (failed) violations.push(`a later run failed: ${failed.error?.name}: ${failed.error?.cause}`);
    violations.push(...(await model.violations()));
    await vacuum(lab.ports(), 'drill', 0.25);
    const last = await lab.execute({ dataset: 'd' });
    if (last.endState !== 'NothingToLoad') violations.push(`there was more to load after all: ${last.endState}`);
    violations.push(...(await model.violations()), ...(await leftovers(lab)));
    return { violations, calls: loaded.calls, struck: loaded.struck };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** A vacuum leaves no run behind that is done with, and nobody writes outside the product's own prefixes. */
async function leftovers(lab: Lab): Promise<string[]> {
  const found: string[] = [];
  const runs = new Set<string>();
  for await (const { key } of lab.base.objects.list(PLACES.work, '')) {
    if (!OWN_PREFIXES.some((prefix) => key.startsWith(prefix))) found.push(`${key} is outside of what is Sluice's own`);
    if (key.startsWith('runs/')) runs.add(key.split('/')[1]);
  }
  if (runs.size > 3) found.push(`${runs.size} runs are left after a vacuum: ${[...runs].join(', ')}`);
  return found;
}
