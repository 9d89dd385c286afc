import { describe, expect, it } from '@jest/globals';
import type { StepHandler } from '../../functions/steps.ts';
import { runKeys } from '../../shared/commit/keys.ts';
import type { QuarantineRecord } from '../../shared/commit/quarantine.ts';
import { readTask } from '../../shared/commit/tasks.ts';
import type { DatasetDefinition } from '../../shared/dataset/dataset.ts';
import type { ConvertTask, Plan } from '../../shared/domain/load.ts';
import { SPLIT_BYTES, SPLIT_MIN_BYTES } from '../../shared/limits.ts';
import { plainEngine } from '../doubles/plain-engine.ts';
import { headOf, makeWorld, type World } from '../doubles/world.ts';

const NOTES: DatasetDefinition & { name: string } = {
  name: 'notes',
  source: { prefix: 'notes/', pick: 'new' },
  target: { database: 'shop', table: 'notes' },
};
const MB = 1e6;

const textOf = (rows: number, from = 0) =>
  `id\n${Array.from({ length: rows }, (_, i) => `row-${from + i}`).join('\n')}\n`;

async function json<T>(world: World, key: string): Promise<T> {
  return JSON.parse(Buffer.from(await world.ports.objects.read({ bucket: 'work', key })).toString('utf8')) as T;
}
const planOf = (world: World, run: string) => json<Plan>(world, runKeys.plan(run));

async function quarantinedIn(world: World): Promise<QuarantineRecord[]> {
  const keys = (await world.workKeys('failed/')).filter((key) => key.endsWith('.error.json'));
  return Promise.all(keys.map((key) => json<QuarantineRecord>(world, key)));
}

/** Loads of which each convert task takes as long as `seconds` says. */
function timed(seconds: { now: number }, dataset: Partial<DatasetDefinition> = {}): World {
  const plain = plainEngine();
  const world = makeWorld({
    datasets: [{ ...NOTES, ...dataset }],
    engine: {
      ...plain,
      async convert(job) {
        world.clock.time = new Date(world.clock.time.getTime() + seconds.now * 1000);
        return plain.convert(job);
      },
    },
  });
  return world;
}

describe('the size of ranges', () => {
  it('follows from the pace that the last commit measured', async () => {
    const seconds = { now: 20 };
    const world = timed(seconds);
    const load = async (name: string, bytes: number) => {
      await world.put(`notes/${name}.csv`, `id\n${`${'x'.repeat(999)}\n`.repeat(bytes / 1000)}`);
      const outcome = await world.run({ dataset: 'notes' });
      expect(outcome.status).toBe('SUCCEEDED');
      return (await planOf(world, outcome.run)).ranges;
    };
    const limits = { taskSeconds: 900 };
    expect(await load('first', 2 * MB)).toEqual({ ...limits, bytes: SPLIT_BYTES });
    // 0.1 MB/s, so 30 MB in 300 s. What is small and soon done tells nothing else.
    seconds.now = 1;
    const pace = { bytes: 2 * MB + 3, ms: 20_000 };
    expect(await load('second', 1 * MB)).toEqual({ ...limits, bytes: 30 * MB + 45, pace });
    seconds.now = 100;
    expect(await load('third', 1 * MB)).toEqual({ ...limits, bytes: 30 * MB + 45, pace });
    expect((await load('fourth', 1 * MB))!.bytes).toBe(SPLIT_MIN_BYTES);
    seconds.now = 10;
    await load('fifth', 8 * MB);
    expect((await load('sixth', 1 * MB))!.bytes).toBe(240 * MB + 90);
  });

  it('is fixed with the plan: an attempt that comes second plans nothing else, whatever was committed since', async () => {
    const seconds = { now: 20 };
    const world = timed(seconds);
    await world.put('notes/a.csv', textOf(1000));
    const first = await world.run({ dataset: 'notes' });
    const plan = await planOf(world, first.run);
    expect((await headOf(world, 'notes')).pace).toBeDefined();
    const again = await world.steps['Plan']!({ run: first.run }, 'another');
    expect(again).toMatchObject({ splits: plan.tasks.items, tasks: plan.tasks.count });
    expect(await planOf(world, first.run)).toEqual(plan);
  });

  it('does not depend on when it is planned', async () => {
    const world = timed({ now: 20 });
    await world.put('notes/a.csv', textOf(1000));
    await world.run({ dataset: 'notes' });
    await world.put('notes/b.csv', textOf(1000));
    const second = await world.run({ dataset: 'notes' });
    const plan = await planOf(world, second.run);
    const tasks = await world.ports.objects.read({ bucket: 'work', key: plan.tasks.tasks });
    // The same run planned anew, days later, from the same log but for its own commit.
    await world.ports.objects.delete({ bucket: 'work', key: runKeys.plan(second.run) });
    const entries = await world.workKeys('log/notes/');
    await world.ports.objects.delete({ bucket: 'work', key: entries.at(-1)! });
    world.clock.time = new Date(world.clock.time.getTime() + 5 * 86_400_000);
    await world.steps['Plan']!({ run: second.run }, 'late');
    const late = await planOf(world, second.run);
    expect(late.ranges).toEqual(plan.ranges);
    expect(await world.ports.objects.read({ bucket: 'work', key: late.tasks.tasks })).toEqual(tasks);
  });

  it('is what the data set says, whatever was measured', async () => {
    const world = timed({ now: 1000 }, { splitBytes: 5 * MB });
    for (const name of ['a', 'b']) {
      await world.put(`notes/${name}.csv`, textOf(100));
      const { run } = await world.run({ dataset: 'notes' });
      expect((await planOf(world, run)).ranges!.bytes).toBe(5 * MB);
    }
  });
});

describe('a range that times out twice', () => {
  const SPLIT = 3000;

  /** Convert as a function whose time runs out on ranges above a size. */
  function slow(world: World, limit: number, name = 'Sandbox.Timedout') {
    const attempts = new Map<string, number>();
    const sizes: number[] = [];
    const Convert: StepHandler = async (event, attempt) => {
      const { at, task } = event as { task: string; at: { key: string; start: number; end: number } };
      const { inputs } = await readTask<ConvertTask>(world.ports.objects, 'work', at);
      const { range } = inputs[0]!;
      const bytes = range ? range.end - range.start : inputs.reduce((sum, { source }) => sum + source.sizeBytes, 0);
      if (range) sizes.push(bytes);
      if (bytes > limit) {
        attempts.set(task, (attempts.get(task) ?? 0) + 1);
        throw Object.assign(new Error('2026-01-02 id Task timed out after 900.00 seconds'), { name });
      }
      return world.steps['Convert']!(event, attempt);
    };
    return { handlers: { Convert }, attempts, sizes };
  }

  async function loaded() {
    const world = makeWorld({ datasets: [{ ...NOTES, splitBytes: SPLIT }] });
    await world.put('notes/large.csv', textOf(1000));
    await world.put('notes/small.csv', textOf(10, 5000));
    return world;
  }
  const ids = async (world: World) => (await world.rows('shop', 'notes')).map((row) => row['id']).sort();
  const expected = (...texts: string[]) => texts.flatMap((text) => text.trim().split('\n').slice(1)).sort();

  it.each(['Sandbox.Timedout', 'States.Timeout', 'Lambda.Unknown'])(
    'puts its object aside, saying what would have done, and stops no other: %s',
    async (name) => {
      const world = await loaded();
      const { handlers, attempts, sizes } = slow(world, 2000, name);
      const outcome = await world.run({ dataset: 'notes' }, handlers);
      expect(outcome.status).toBe('SUCCEEDED');
      expect(await ids(world)).toEqual(expected(textOf(10, 5000)));
      expect(attempts.size).toBeGreaterThan(1);
      expect(new Set(attempts.values())).toEqual(new Set([2]));
      const [record, ...others] = await quarantinedIn(world);
      expect(others).toEqual([]);
      const splitBytes = Math.floor(Math.min(...sizes) / 3);
      expect(record).toMatchObject({ step: 'convert', error: { name, where: 's3://landing/notes/large.csv' } });
      expect(Math.abs(record!.splitBytes! - splitBytes)).toBeLessThanOrEqual(1);
      expect(record!.error.message).toMatch(
        /^Cannot convert s3:\/\/landing\/notes\/large\.csv: range 1 of \d, from byte 3 to \d+ \(\d+ bytes\), did not end within the 900 s that a task has, twice; a third of it, splitBytes \d+, may do$/,
      );
      expect(outcome.history.find(({ source }) => source?.endsWith('large.csv'))).toMatchObject({
        source_status: 'quarantined',
        error_message: record!.error.message,
      });
    },
  );

  it('comes in by a redrive, in ranges of the size that would have done', async () => {
    const world = await loaded();
    const first = await world.run({ dataset: 'notes' }, slow(world, 2000).handlers);
    const [record] = await quarantinedIn(world);
    const { handlers, sizes } = slow(world, 2000);
    const second = await world.run({ redrive: first.run }, handlers);
    expect(second.status).toBe('SUCCEEDED');
    expect(Math.max(...sizes)).toBeLessThanOrEqual(record!.splitBytes!);
    expect((await planOf(world, second.run)).ranges!.bytes).toBe(record!.splitBytes);
    expect(await ids(world)).toEqual(expected(textOf(1000), textOf(10, 5000)));
    expect(await world.workKeys('failed/')).toEqual([]);
  });

  it('gets smaller with each redrive until it ends', async () => {
    const world = await loaded();
    let { run } = await world.run({ dataset: 'notes' }, slow(world, 200).handlers);
    const sizes: number[] = [];
    for (let i = 0; i < 5 && (await quarantinedIn(world)).length > 0; i++) {
      sizes.push((await quarantinedIn(world))[0]!.splitBytes!);
      ({ run } = await world.run({ redrive: run }, slow(world, 200).handlers));
    }
    expect(sizes).toHaveLength(3);
    expect(sizes[2]).toBeLessThanOrEqual(200);
    expect(await ids(world)).toEqual(expected(textOf(1000), textOf(10, 5000)));
  });

  it('comes in smaller by the data set as well', async () => {
    const world = await loaded();
    await world.run({ dataset: 'notes' }, slow(world, 500).handlers);
    const objects = [{ bucket: 'landing', key: 'notes/large.csv' }];
    const again = { dataset: 'notes', objects, force: true, splitBytes: 400 };
    expect((await world.run(again, slow(world, 500).handlers)).status).toBe('SUCCEEDED');
    expect(await ids(world)).toEqual(expected(textOf(1000), textOf(10, 5000)));
    expect(await world.workKeys('failed/')).toEqual([]);
  });

  it('fails the run where it is all there is, under its own name', async () => {
    const world = makeWorld({ datasets: [{ ...NOTES, splitBytes: SPLIT }] });
    await world.put('notes/large.csv', textOf(1000));
    const outcome = await world.run({ dataset: 'notes' }, slow(world, 2000).handlers);
    expect(outcome).toMatchObject({ status: 'FAILED', error: { name: 'Sandbox.Timedout' } });
    expect((await quarantinedIn(world))[0]!.error.message).toContain('splitBytes');
    expect((await world.run({ redrive: outcome.run }, slow(world, 2000).handlers)).status).toBe('SUCCEEDED');
    expect(await ids(world)).toEqual(expected(textOf(1000)));
  });

  it('tells later plans that it was slower still, where others of its run were committed', async () => {
    const world = makeWorld({ datasets: [NOTES] });
    world.ports.splitBytes = SPLIT;
    await world.put('notes/large.csv', textOf(1000));
    await world.put('notes/small.csv', textOf(10, 5000));
    await world.run({ dataset: 'notes' }, slow(world, 2000).handlers);
    const { pace } = await headOf(world, 'notes');
    expect(pace!.ms).toBe(900_000);
    expect(pace!.bytes).toBeGreaterThan(2000);
  });
});
