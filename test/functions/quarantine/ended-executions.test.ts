import { describe, expect, it } from '@jest/globals';
import { logPrefix, publishedKey } from '../../../shared/commit/keys.ts';
import { headOf, makeWorld, type RunOutcome, type World } from '../../doubles/world.ts';

/** As EventBridge sends it; what Sluice does not read is left in, to see that it is no matter. */
function eventOf(outcome: RunOutcome, status: 'FAILED' | 'TIMED_OUT' | 'ABORTED', detail: object = {}) {
  return {
    version: '0',
    id: '315c1398-40ff-a850-213b-158f73e60175',
    'detail-type': 'Step Functions Execution Status Change',
    source: 'aws.states',
    account: '000000000000',
    time: '2026-01-02T03:05:00Z',
    region: 'local',
    resources: [outcome.id],
    detail: {
      executionArn: outcome.id,
      stateMachineArn: 'arn:aws:states:local:000000000000:stateMachine:load',
      name: outcome.name,
      status,
      startDate: Date.parse(outcome.startTime),
      stopDate: Date.parse(outcome.startTime) + 1000,
      input: '{}',
      inputDetails: { included: true },
      output: null,
      outputDetails: null,
      error: null,
      cause: null,
      ...detail,
    },
  };
}

const lost = () => Promise.reject(Object.assign(new Error('lost'), { name: 'Lambda.Unknown' }));

function notes(): World {
  return makeWorld({
    datasets: [
      { name: 'notes', source: { prefix: 'notes/', pick: 'new' }, target: { database: 'shop', table: 'notes' } },
    ],
  });
}

const reasons = async (world: World) =>
  (await world.workKeys('failed/')).filter((key) => key.endsWith('.error.json')).map((key) => key.split('/').at(-1));
const tell = (world: World, event: unknown) => world.steps['Quarantine']!(event, 'by-event');

describe('an execution that ended without a Catch of its own', () => {
  it.each([
    ['ABORTED', 'ExecutionAborted'],
    ['TIMED_OUT', 'States.Timeout'],
    ['FAILED', 'ExecutionFailed'],
  ] as const)('has its objects put aside: %s', async (status, name) => {
    const world = notes();
    await world.put('notes/a.csv', 'id\n1\n');
    const dead = await world.run({ dataset: 'notes' }, { Plan: lost, Quarantine: lost });
    expect(await reasons(world)).toEqual([]);
    expect(await tell(world, eventOf(dead, status))).toMatchObject({ error: name });
    expect(await reasons(world)).toEqual(['a.csv.error.json']);
    expect((await world.run({ redrive: dead.run })).status).toBe('SUCCEEDED');
    expect(await world.rows('shop', 'notes')).toEqual([{ id: '1' }]);
    // The same event once more, late: its objects are another run's by now.
    await tell(world, eventOf(dead, status));
    expect(await reasons(world)).toEqual([]);
  });

  it('is finished where it had decided to commit', async () => {
    const world = notes();
    await world.put('notes/a.csv', 'id\n1\n');
    const publish = world.steps['Publish']!;
    const dead = await world.run(
      { dataset: 'notes' },
      {
        Quarantine: lost,
        async Publish(event, attempt) {
          await publish(event, attempt);
          // All that followed its verdict is taken away again.
          for (const key of await world.workKeys(logPrefix('notes')))
            await world.ports.objects.delete({ bucket: 'work', key });
          return lost();
        },
      },
    );
    expect((await headOf(world, 'notes')).version).toBe(0);
    await tell(world, eventOf(dead, 'TIMED_OUT'));
    expect(await reasons(world)).toEqual([]);
    expect((await headOf(world, 'notes')).runs.get(dead.run)).toEqual({ version: 1, void: false });
    expect(await world.rows('shop', 'notes')).toEqual([{ id: '1' }]);
    expect(await world.workKeys(publishedKey('notes'))).toHaveLength(1);
  });

  it('is known by its name where its start is told otherwise', async () => {
    const world = notes();
    await world.put('notes/a.csv', 'id\n1\n');
    const dead = await world.run({ dataset: 'notes' }, { Plan: lost, Quarantine: lost });
    await tell(world, eventOf(dead, 'ABORTED', { startDate: Date.parse(dead.startTime) + 1 }));
    expect(await reasons(world)).toEqual(['a.csv.error.json']);
  });

  it('is nobody’s where it never fixed its request', async () => {
    const world = notes();
    const dead = await world.run({ dataset: 'nothing' });
    expect(await tell(world, eventOf(dead, 'FAILED', { error: 'UnknownDataset', cause: 'no' }))).toEqual({
      error: 'UnknownDataset',
      cause: JSON.stringify({ errorMessage: 'no' }),
    });
    expect(await world.workKeys('failed/')).toEqual([]);
  });
});

describe('an execution that failed through its Catch', () => {
  it('is not gone through again: what is still quarantined, and what a redrive has taken, stay as they are', async () => {
    const world = notes();
    await world.put('notes/a.csv', 'id\n1\n');
    const failed = await world.run({ dataset: 'notes' }, { Gather: lost });
    const before = await world.workKeys('');
    await tell(world, eventOf(failed, 'FAILED', { error: failed.error!.name, cause: failed.error!.cause }));
    expect(await world.workKeys('')).toEqual(before);
    await world.run({ redrive: failed.run });
    await tell(world, eventOf(failed, 'FAILED', { error: failed.error!.name, cause: failed.error!.cause }));
    expect(await world.workKeys('failed/')).toEqual([]);
    expect((await world.run({ dataset: 'notes' })).endState).toBe('NothingToLoad');
  });

  it('of its data set leaves its objects to others also when EventBridge tells of it', async () => {
    const world = notes();
    await world.put('notes/a.csv', 'id\n1\n');
    const input = { dataset: 'notes', target: { partitionBy: ['nothing'] } };
    const failed = await world.run(input, { Quarantine: lost });
    await tell(world, eventOf(failed, 'FAILED', { error: 'BadDataset', cause: '{"errorMessage":"no column"}' }));
    expect(await world.workKeys('failed/')).toEqual([]);
    expect((await world.run({ dataset: 'notes' })).status).toBe('SUCCEEDED');
  });
});

it('a change of status that is no end is refused', async () => {
  const world = notes();
  await world.put('notes/a.csv', 'id\n1\n');
  const running = { ...eventOf(await world.run({ dataset: 'notes' }), 'FAILED', { status: 'RUNNING' }) };
  await expect(tell(world, running)).rejects.toThrow('not what the state machine sends');
});
