import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { takeLock } from '../../shared/commit/lock.ts';
import { openLog } from '../../shared/commit/log.ts';
import type { TableEngine } from '../../shared/engine/table-engine.ts';
import { Lab, type Mutation, PLACES } from './lab.ts';
import { Model, type Promised } from './model.ts';
import { MUTATIONS, overwritesReceipts } from './mutations.ts';
import { seeded } from './turns.ts';

/** Single steps of the protocol, each in the one situation that needs it. */
const scratches: string[] = [];

afterEach(async () => {
  for (const scratch of scratches.splice(0)) await rm(scratch, { recursive: true, force: true });
});

async function labOf(mode: Promised['mode'], mutation: Mutation = {}, partitionBy: string[] = ['part']) {
  const scratch = await mkdtemp(join(tmpdir(), 'sluice-scenario-'));
  scratches.push(scratch);
  const lab = new Lab(
    seeded(5),
    {
      name: 'd',
      source: { prefix: 'in/', pick: 'new' },
      target: { database: 'db', table: 't', mode, partitionBy, formats: ['parquet', 'avro'] },
    },
    scratch,
    mutation,
  );
  const model = new Model(lab, { mode, formats: ['parquet', 'avro'], onReupload: 'append', tolerated: 0 });
  return { lab, model };
}

const event = (key: string) => [{ bucket: PLACES.landing, key }];

/** Why commits were void, in the order of the log. */
async function voids(lab: Lab): Promise<string[]> {
  const log = openLog(lab.base.objects, PLACES.work, 'd');
  const reasons: string[] = [];
  for (let version = 1; version <= (await log.head()).version; version++) {
    const entry = await log.entry(version);
    if (entry.kind === 'void') reasons.push(entry.reason);
  }
  return reasons;
}

describe('an older file that comes late', () => {
  it('leaves the partitions of a newer one alone, in one run', async () => {
    const { lab, model } = await labOf('overwrite-partitions');
    await model.land('in/old.csv', [
      ['o1', 'x'],
      ['o2', 'y'],
    ]);
    await model.land('in/new.csv', [['n1', 'x']]);
    await lab.execute(event('in/new.csv'));
    const late = await lab.execute(event('in/old.csv'));
    expect(late).toMatchObject({ endState: 'Succeeded', successors: [] });
    expect(await model.violations()).toEqual([]);
    expect((await lab.execute({ dataset: 'd' })).endState).toBe('NothingToLoad');
  });
});

describe('a run that is helped', () => {
  it('is finished under the helper’s own lock, which nobody takes from it', async () => {
    let watched = 0;
    let watching = false;
    const { lab, model } = await labOf('append', {
      ports: (ports) => ({
        ...ports,
        catalog: {
          ...ports.catalog,
          async swap(state) {
            const other = { run: 'other', executionId: 'other', attempt: '1' };
            if (watching) await expect(takeLock(ports, 'd', other)).rejects.toMatchObject({ name: 'LockHeld' });
            watched += watching ? 1 : 0;
            return ports.catalog.swap(state);
          },
        },
      }),
    });
    await model.land('in/a.csv', [['a1', 'x']]);
    const dead = await lab.execute({ dataset: 'd' }, { fault: 'killed-after', at: /verdict/, k: 0 });
    expect((await lab.head()).version).toBe(0);
    watching = true;
    await lab.execute({ dataset: 'd' });
    expect(watched).toBeGreaterThan(0);
    expect([...(await lab.head()).runs.keys()]).toEqual([dead.run]);
    expect(await model.violations()).toEqual([]);
  });

  it('is succeeded once by two successors', async () => {
    const { lab, model } = await labOf('append');
    await model.land('in/a.csv', [['a1', 'x']]);
    await model.land('in/b.csv', [['b1', 'x']]);
    const dead = await lab.execute({ dataset: 'd' }, { fault: 'killed-before', at: /plan/, k: 0 });
    await Promise.all([1, 2].map(() => lab.execute({ successorOf: dead.run })));
    await lab.settle(1);
    expect(await voids(lab)).toEqual([]);
    expect(await model.violations()).toEqual([]);
  });
});

describe('a run whose commit is void and that ends before its successor begins', () => {
  it('leaves its objects in quarantine, where somebody finds them', async () => {
    const { lab, model } = await labOf('append');
    await model.land('in/a.csv', [['a1', 'x']]);
    const key = 'in/wide.csv';
    const ended = await lab.execute(event('in/a.csv'), {
      fault: 'stopped',
      at: /^log\/d\/0+2\.json/,
      k: 0,
      around: {
        async Publish(call, input, attempt) {
          await lab.base.objects.put({ bucket: PLACES.landing, key }, 'id,part,more\nw1,y,1\n');
          await lab.execute(event(key));
          return call(input, attempt);
        },
      },
    });
    expect(ended.status).toBe('ABORTED');
    await lab.idle();
    expect(await voids(lab)).toEqual([expect.stringContaining('column more of db.t is')]);
    await lab.endAgain();
    expect((await lab.quarantined()).map(({ record }) => [record.source.uri, record.error.name])).toEqual([
      ['s3://landing/in/a.csv', 'ExecutionAborted'],
    ]);
    expect((await lab.execute({ redrive: ended.run })).endState).toBe('Succeeded');
    expect(await lab.quarantined()).toEqual([]);
    expect((await lab.head()).sources.size).toBe(2);
  });
});

describe('a run that is taken over while its last call is under way', () => {
  const takenOver = async (mutation?: Mutation) => {
    const { lab, model } = await labOf('append', mutation);
    await model.land('in/a.csv', [['a1', 'x']]);
    await lab.execute({ dataset: 'd' }, { fault: 'stopped', at: /verdict/, k: 0 });
    await lab.execute({ dataset: 'd' });
    await lab.idle();
    return { lab, model };
  };

  it('has heard the verdict by then', async () => {
    const { lab, model } = await takenOver();
    expect(await voids(lab)).toEqual([]);
    expect((await lab.head()).version).toBe(1);
    expect(await model.violations()).toEqual([]);
  });

  it('would commit too without a verdict', async () => {
    const { lab } = await takenOver(MUTATIONS['a takeover without verdict']);
    expect(await voids(lab)).toEqual([expect.stringContaining('already loaded')]);
  });
});

describe('a step that is attempted twice, with differing outputs', () => {
  /** The second attempt comes after the first was counted, and finds one row fewer. */
  const attemptedTwice = async (stores?: Mutation['stores']) => {
    let conversions = 0;
    const { lab, model } = await labOf(
      'append',
      {
        ...(stores ? { stores } : {}),
        ports: (ports) => ({ ...ports, engine: async () => losing(await ports.engine(), () => conversions++ > 0) }),
      },
      [],
    );
    await model.land('in/a.csv', [
      ['a1', 'x'],
      ['a2', 'x'],
    ]);
    let again: () => Promise<unknown> = async () => undefined;
    const loaded = await lab.execute(
      { dataset: 'd' },
      {
        around: {
          Convert(call, input, attempt) {
            again = () => call(input, 'late');
            return call(input, attempt);
          },
          async Publish(call, input, attempt) {
            await again();
            return call(input, attempt);
          },
        },
      },
    );
    expect(conversions).toBe(2);
    return loaded;
  };

  it('counts as its first receipt says', async () => {
    expect(await attemptedTwice()).toMatchObject({ endState: 'Succeeded' });
  });

  it('would not come out even if receipts were written over', async () => {
    const loaded = await attemptedTwice(overwritesReceipts.stores);
    expect(loaded.error?.name).toBe('AccountsMismatch');
  });
});

/** An engine that drops a row of each conversion, once it is told to. */
function losing(engine: TableEngine, loses: () => boolean): TableEngine {
  return {
    ...engine,
    async convert(job) {
      if (!loses()) return engine.convert(job);
      const cut = {
        ...job,
        inputs: job.inputs.map((input) => ({ ...input, dialect: { ...input.dialect!, skipLines: 1 } })),
      };
      return engine.convert(cut);
    },
  };
}
