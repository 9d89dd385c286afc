import { describe, expect, it } from '@jest/globals';
import { runLockKey } from '../../shared/commit/keys.ts';
import type { DatasetDefinition } from '../../shared/dataset/dataset.ts';
import { headOf, makeWorld, type World } from '../doubles/world.ts';

const NOTES: DatasetDefinition & { name: string } = {
  name: 'notes',
  source: { prefix: 'notes/', pick: 'new' },
  concurrency: { singleFlight: true },
  target: { database: 'shop', table: 'notes', mode: 'append', onReupload: 'replace' },
};
const SWEEP = { dataset: 'notes' };
const lockOf = (world: World) => world.workKeys(runLockKey('notes'));
const idsOf = async (world: World) => (await world.rows('shop', 'notes')).map(({ id }) => id).sort();
const lost = () => Promise.reject(Object.assign(new Error('lost'), { name: 'Lambda.Unknown' }));

/** What `meanwhile` sees while a run is in one of its steps. */
async function during(world: World, step: string, meanwhile: () => Promise<unknown>) {
  let done: Promise<unknown> | undefined;
  return world.run(SWEEP, {
    async [step](event, attempt) {
      done ??= meanwhile();
      await done;
      return world.steps[step](event, attempt);
    },
  });
}

describe('singleFlight', () => {
  it.each(['Read', 'Plan', 'Convert', 'Gather', 'Publish'])(
    'leaves what comes during %s unclaimed to the next run, and says so',
    async (step) => {
      const world = makeWorld({ datasets: [NOTES] });
      await world.put('notes/a.csv', 'id\n1\n');
      let second: Awaited<ReturnType<World['run']>> | undefined;
      const first = await during(world, step, async () => {
        await world.put('notes/b.csv', 'id\n2\n');
        second = await world.run([{ bucket: 'landing', key: 'notes/b.csv' }]);
      });
      expect([first.endState, second!.endState]).toEqual(['Succeeded', 'NothingToLoad']);
      expect(second!.history).toMatchObject([
        { status: 'nothing', notices: [`left to the next run: ${first.run} is under way`] },
      ]);
      expect(await world.workKeys('claims/')).toHaveLength(1);
      expect(await lockOf(world)).toEqual([]);
      expect((await world.run(SWEEP)).endState).toBe('Succeeded');
      expect(await idsOf(world)).toEqual(['1', '2']);
    },
  );

  it('is not held through grace', async () => {
    const world = makeWorld({ datasets: [NOTES] });
    await world.put('notes/a.csv', 'id\n1\n');
    await during(world, 'Retire', async () => {
      await world.put('notes/b.csv', 'id\n2\n');
      expect((await world.run(SWEEP)).endState).toBe('Succeeded');
    });
    expect(await idsOf(world)).toEqual(['1', '2']);
  });

  it('lets a compaction wait too, which holds it in its turn', async () => {
    const world = makeWorld({ datasets: [NOTES] });
    for (const id of [1, 2]) {
      await world.put(`notes/${id}.csv`, `id\n${id}\n`);
      await world.run(SWEEP);
    }
    await world.put('notes/3.csv', 'id\n3\n');
    await during(world, 'Convert', async () => {
      expect((await world.run({ ...SWEEP, compact: true })).endState).toBe('NothingToLoad');
    });
    await world.put('notes/4.csv', 'id\n4\n');
    const compact = await world.run(
      { ...SWEEP, compact: true },
      {
        async Repartition(event, attempt) {
          expect((await world.run(SWEEP)).endState).toBe('NothingToLoad');
          return world.steps.Repartition(event, attempt);
        },
      },
    );
    expect(compact.endState).toBe('Succeeded');
    expect((await world.run({ ...SWEEP, compact: true })).endState).toBe('NothingToLoad');
    expect(await lockOf(world)).toEqual([]);
    expect(await world.lakeKeys('shop/notes/')).toHaveLength(1);
  });

  it('is let go by a run that fails, and by one that finds nothing', async () => {
    const world = makeWorld({ datasets: [NOTES] });
    expect((await world.run(SWEEP)).endState).toBe('NothingToLoad');
    expect(await lockOf(world)).toEqual([]);
    await world.put('notes/a.csv', '');
    expect((await world.run(SWEEP)).endState).toBe('Failed');
    expect(await lockOf(world)).toEqual([]);
  });

  it('is taken from a run that died, and never by two', async () => {
    const world = makeWorld({ datasets: [NOTES] });
    await world.put('notes/a.csv', 'id\n1\n');
    expect((await world.run(SWEEP, { Plan: lost, Quarantine: lost })).status).toBe('FAILED');
    expect(await lockOf(world)).toHaveLength(1);
    const two = await Promise.all([world.run(SWEEP), world.run(SWEEP)]);
    expect(two.map((run) => run.endState).sort()).toEqual(['NothingToLoad', 'Succeeded']);
    expect(await idsOf(world)).toEqual(['1']);
  });

  it('ends with its lease, whatever is known of the execution', async () => {
    const world = makeWorld({ datasets: [NOTES] });
    await world.put('notes/a.csv', 'id\n1\n');
    const first = await during(world, 'Plan', async () => {
      await world.put('notes/b.csv', 'id\n2\n');
      expect((await world.run(SWEEP)).endState).toBe('NothingToLoad');
      world.clock.time = new Date(world.clock.time.getTime() + 25 * 3_600_000);
      expect((await world.run(SWEEP)).endState).toBe('Succeeded');
    });
    expect(first.endState).toBe('Succeeded');
    expect(await idsOf(world)).toEqual(['1', '2']);
    expect(await lockOf(world)).toEqual([]);
  });

  it('goes from a void run to its successor', async () => {
    const world = makeWorld({ datasets: [NOTES] });
    await world.put('notes/a.csv', 'id\n1\n');
    let first = true;
    const outcome = await world.run(SWEEP, {
      async Publish(event, attempt) {
        if (!first) return world.steps.Publish(event, attempt);
        first = false;
        // A run that does not ask for the lock moves the schema.
        await world.put('notes/b.csv', 'id,more\n2,x\n');
        const other = await world.run({ ...SWEEP, concurrency: { singleFlight: false } });
        expect(other.endState).toBe('Succeeded');
        return world.steps.Publish(event, attempt);
      },
    });
    expect(outcome.endState).toBe('Superseded');
    expect((await Promise.all(outcome.successors)).map((run) => run.endState)).toEqual(['Succeeded']);
    expect(await idsOf(world)).toEqual(['1', '2']);
    expect((await headOf(world, 'notes')).version).toBe(3);
    expect(await lockOf(world)).toEqual([]);
  });

  it('finds what its first attempt did, and adopts it', async () => {
    const world = makeWorld({ datasets: [NOTES] });
    await world.put('notes/a.csv', 'id\n1\n');
    let attempts = 0;
    const outcome = await world.run(SWEEP, {
      async ListLatest(event, attempt) {
        const listed = await world.steps.ListLatest(event, attempt);
        if (attempts++ === 0)
          return Promise.reject(Object.assign(new Error('late'), { name: 'Lambda.ServiceException' }));
        return listed;
      },
    });
    expect([outcome.endState, attempts]).toEqual(['Succeeded', 2]);
    expect(await lockOf(world)).toEqual([]);
  });
});
