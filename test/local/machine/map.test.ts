import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Handler, RunOptions } from '../../../local/machine.ts';
import type { ObjectStore } from '../../../shared/ports/object-store.ts';
import { memoryObjectStore } from '../../doubles/memory-object-store.ts';
import { named, type Outcome, runStates, task } from './run-states.ts';

const ITEMS = { bucket: 'work', key: 'items.json' };
const INPUT = { run: 'R', bucket: 'work', items: 'items.json', workers: 3 };

function distributed(
  more: object = {},
  child: object = { StartAt: 'One', States: { One: task('F', { End: true }) } },
): object {
  return {
    Type: 'Map',
    ItemReader: {
      Resource: 'arn:aws:states:::s3:getObject',
      ReaderConfig: { InputType: 'JSON' },
      Parameters: { 'Bucket.$': '$.bucket', 'Key.$': '$.items' },
    },
    ItemSelector: {
      'run.$': '$.run',
      'n.$': '$$.Map.Item.Value.n',
      'i.$': '$$.Map.Item.Index',
      'of.$': '$$.Execution.Name',
    },
    MaxConcurrencyPath: '$.workers',
    ItemProcessor: { ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' }, ...child },
    ResultWriter: {
      Resource: 'arn:aws:states:::s3:putObject',
      Parameters: { 'Bucket.$': '$.bucket', 'Prefix.$': "States.Format('runs/{}/maps/one', $.run)" },
    },
    ...more,
  };
}

async function over(
  items: unknown,
  state: object,
  F: Handler,
  more: Partial<RunOptions> = {},
): Promise<Outcome & { objects: ObjectStore }> {
  const objects = more.objects ?? memoryObjectStore();
  if (items !== undefined) await objects.put(ITEMS, typeof items === 'string' ? items : JSON.stringify(items));
  const outcome = await runStates(
    { Each: state, ...('Next' in state || 'Catch' in state ? { End: { Type: 'Succeed' } } : {}) },
    { input: INPUT, handlers: { F }, objects, ...more },
  );
  return { ...outcome, objects };
}

async function json(objects: ObjectStore, key: string): Promise<unknown> {
  return JSON.parse(Buffer.from(await objects.read({ bucket: 'work', key })).toString('utf8'));
}

async function keysOf(objects: ObjectStore): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of objects.list('work', 'runs/')) keys.push(key);
  return keys;
}

const numbered = (count: number) => Array.from({ length: count }, (_, n) => ({ n }));
const FULL = { ToleratedFailurePercentage: 100, End: true };

describe('a distributed Map', () => {
  it('gives each child what the selector picks from the state, the item and the context', async () => {
    const seen: unknown[] = [];
    const { result, events } = await over(numbered(2), distributed({ ResultPath: null, End: true }), async (event) => {
      seen.push(event);
    });
    expect(seen).toEqual([
      { run: 'R', n: 0, i: 0, of: 'run' },
      { run: 'R', n: 1, i: 1, of: 'run' },
    ]);
    expect(result).toMatchObject({ status: 'SUCCEEDED', output: INPUT, executions: 3 });
    expect(events).toContainEqual(expect.objectContaining({ type: 'MapStarted', state: 'Each', items: 2 }));
    expect(events).toContainEqual(expect.objectContaining({ type: 'MapEnded', items: 2, failed: 0, caught: 0 }));
  });

  it('gives the item itself without a selector, and children executions of their own', async () => {
    const child = {
      StartAt: 'One',
      States: {
        One: task('F', {
          Parameters: { 'item.$': '$', 'id.$': '$$.Execution.Id', 'in.$': '$$.Execution.Input' },
          End: true,
        }),
      },
    };
    const seen: unknown[] = [];
    await over([{ n: 5 }], distributed({ ItemSelector: undefined, End: true }, child), async (event) => {
      seen.push(event);
    });
    expect(seen).toEqual([
      { item: { n: 5 }, in: { n: 5 }, id: 'arn:aws:states:local:000000000000:execution:test/Each:id-1' },
    ]);
  });

  it('runs as many at once as it may, and no more', async () => {
    for (const [workers, most] of [
      [3, 3],
      [50, 10],
      [0, 10],
    ]) {
      let now = 0;
      let peak = 0;
      await over(
        numbered(10),
        distributed({ End: true }),
        async () => {
          peak = Math.max(peak, ++now);
          await new Promise(setImmediate);
          now--;
        },
        { input: { ...INPUT, workers } },
      );
      expect(peak).toBe(most);
    }
    const { result } = await over([], distributed({ End: true }), async () => 1, { input: { ...INPUT, workers: -1 } });
    expect(result.error?.name).toBe('States.Runtime');
  });

  it('succeeds over an empty list', async () => {
    const { result, objects } = await over([], distributed({ End: true }), async () => 1);
    const output = result.output as { MapRunArn: string; ResultWriterDetails: { Bucket: string; Key: string } };
    expect(result).toMatchObject({ status: 'SUCCEEDED', executions: 1, maxChildEvents: 0 });
    expect(await json(objects, output.ResultWriterDetails.Key)).toEqual({
      DestinationBucket: 'work',
      MapRunArn: output.MapRunArn,
      ResultFiles: { FAILED: [], PENDING: [], SUCCEEDED: [] },
    });
  });

  it('writes what became of each child, and a manifest of that, where Step Functions would', async () => {
    const { result, objects } = await over(numbered(3), distributed(FULL), async (event) => {
      if ((event as { n: number }).n === 1) throw named('BadInput', 'row 3');
      return { rows: 7 };
    });
    const folder = 'runs/R/maps/one/id-7';
    expect(result.output).toEqual({
      MapRunArn: 'arn:aws:states:local:000000000000:mapRun:test/Each:id-7',
      ResultWriterDetails: { Bucket: 'work', Key: `${folder}/manifest.json` },
    });
    expect(await keysOf(objects)).toEqual(
      ['FAILED_0', 'SUCCEEDED_0', 'manifest'].map((name) => `${folder}/${name}.json`),
    );
    const succeeded = (await json(objects, `${folder}/SUCCEEDED_0.json`)) as { Input: string; Output: string }[];
    expect(succeeded.map(({ Input, Output }) => [JSON.parse(Input).n, Output])).toEqual([
      [0, '{"rows":7}'],
      [2, '{"rows":7}'],
    ]);
    const failed = (await json(objects, `${folder}/FAILED_0.json`)) as object[];
    expect(failed).toMatchObject([{ Status: 'FAILED', Error: 'BadInput', Cause: expect.stringContaining('row 3') }]);
    const { sizeBytes } = (await objects.head({ bucket: 'work', key: `${folder}/FAILED_0.json` })) as {
      sizeBytes: number;
    };
    expect(await json(objects, `${folder}/manifest.json`)).toMatchObject({
      ResultFiles: { FAILED: [{ Key: `${folder}/FAILED_0.json`, Size: sizeBytes }] },
    });
  });

  it('fails exactly when more than the tolerated share of the items failed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 12 }),
        fc.nat(12),
        fc.integer({ min: 0, max: 100 }),
        async (count, fails, tolerated) => {
          const failing = Math.min(fails, count);
          const { result } = await over(
            numbered(count),
            distributed({ ToleratedFailurePercentage: tolerated, End: true }),
            async (event) => {
              if ((event as { n: number }).n < failing) throw named('BadInput');
            },
          );
          const expected = (failing / count) * 100 > tolerated ? 'States.ExceedToleratedFailureThreshold' : undefined;
          expect(result.error?.name).toBe(expected);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('stops the others once too many have failed, and still writes what became of those that ended', async () => {
    const told: boolean[] = [];
    const started: number[] = [];
    const { result, objects, events } = await over(
      numbered(9),
      distributed({ End: true }),
      async (event, { signal }) => {
        const { n } = event as { n: number };
        started.push(n);
        if (n === 1) throw named('BadInput');
        signal.addEventListener('abort', () => told.push(true));
        await new Promise(() => undefined);
      },
    );
    expect(result.error).toEqual({
      name: 'States.ExceedToleratedFailureThreshold',
      cause: 'The specified tolerated failure threshold was exceeded',
    });
    expect(started).toEqual([0, 1, 2]);
    expect(told).toHaveLength(2);
    expect((await keysOf(objects)).filter((key) => key.includes('FAILED_0'))).toHaveLength(1);
    expect(events).toContainEqual(expect.objectContaining({ type: 'MapEnded', items: 9, failed: 1 }));
  });

  it('counts a child that caught its error as succeeded, and tells that it did', async () => {
    const child = {
      StartAt: 'One',
      States: {
        One: task('F', { Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'Aside' }], End: true }),
        Aside: { Type: 'Pass', End: true },
      },
    };
    const { result, events } = await over(numbered(2), distributed({ End: true }, child), async (event) => {
      if ((event as { n: number }).n === 1) throw named('BadInput');
    });
    expect(result.status).toBe('SUCCEEDED');
    expect(events.filter((event) => event.type === 'ItemEnded')).toMatchObject([
      { index: 0, status: 'SUCCEEDED', caught: false },
      { index: 1, status: 'SUCCEEDED', caught: true },
    ]);
    expect(events).toContainEqual(expect.objectContaining({ type: 'MapEnded', failed: 0, caught: 1 }));
  });

  it.each<[string, unknown]>([
    ['no object', undefined],
    ['no list', { n: 1 }],
    ['no JSON', '[{"n":1}'],
  ])('fails with States.ItemReaderFailed over %s, which Retry and Catch know', async (_what, items) => {
    const guards = {
      Retry: [{ ErrorEquals: ['States.ItemReaderFailed'], MaxAttempts: 2 }],
      Catch: [{ ErrorEquals: ['States.ItemReaderFailed'], Next: 'End' }],
    };
    const { result, slept } = await over(items, distributed({ ...guards, Next: 'End' }), async () => 1);
    expect(slept).toHaveLength(2);
    expect(result).toMatchObject({ endState: 'End', output: { Error: 'States.ItemReaderFailed' } });
    expect((result.output as { Cause: string }).Cause).toMatch(/^Cannot read the items of s3:\/\/work\/items.json: /);
  });

  it('fails with States.ResultWriterFailed where the results cannot be written, and maps again when retried', async () => {
    const memory = memoryObjectStore();
    let refusals = 1;
    const objects: ObjectStore = {
      ...memory,
      put: async (address, body, options) => {
        if (address.key.endsWith('manifest.json') && refusals-- > 0) throw named('ObjectStoreBusy', 'slow down');
        return await memory.put(address, body, options);
      },
    };
    let calls = 0;
    const state = distributed({ Retry: [{ ErrorEquals: ['States.ResultWriterFailed'] }], End: true });
    const { result, events } = await over(numbered(2), state, async () => void calls++, { objects });
    expect(result).toMatchObject({ status: 'SUCCEEDED', executions: 5 });
    expect(calls).toBe(4);
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'StateRetried', error: 'States.ResultWriterFailed' }),
    );
  });

  it('keeps the history short whatever the number of items, and weighs that of the children', async () => {
    const few = await over(numbered(1), distributed({ End: true }), async () => 1);
    const many = await over(numbered(300), distributed({ End: true }), async () => 1);
    expect(many.result.events).toBe(few.result.events);
    // Entered, started, run started; run succeeded, succeeded, exited; and the execution's own two.
    expect(many.result.events).toBe(8);
    // Started; entered, scheduled, started, succeeded, exited; succeeded.
    expect(many.result).toMatchObject({ executions: 301, maxChildEvents: 7 });
  });

  it('ends where a selector leads nowhere, or a child is given too much', async () => {
    const lost = await over([{}], distributed(FULL), async () => 1);
    expect(lost.result.error?.name).toBe('States.Runtime');
    const heavy = await over([{ n: 'x'.repeat(300_000) }], distributed(FULL), async () => 1);
    expect(heavy.result.error?.name).toBe('States.DataLimitExceeded');
  });
});

describe('an inline Map', () => {
  const inline = (more: object = {}): object => ({
    Type: 'Map',
    ItemsPath: '$.list',
    ItemSelector: { 'n.$': '$$.Map.Item.Value', 'of.$': '$.of' },
    ItemProcessor: { ProcessorConfig: { Mode: 'INLINE' }, StartAt: 'One', States: { One: task('F', { End: true }) } },
    ...more,
  });
  const run = (state: object, F: Handler, input: unknown = { list: [1, 2, 3], of: 'x' }) =>
    runStates({ Each: state, ...('Catch' in state ? { End: { Type: 'Succeed' } } : {}) }, { input, handlers: { F } });

  it('has the results in the order of the items, and one history for all', async () => {
    const { result } = await run(inline({ End: true }), async (event) => event);
    expect(result.output).toEqual([1, 2, 3].map((n) => ({ n, of: 'x' })));
    expect(result).toMatchObject({ executions: 1, events: 6 + 3 * 7 });
  });

  it('fails with the first failure of an item, which Catch knows by its own name', async () => {
    const Catch = [{ ErrorEquals: ['BadInput'], Next: 'End' }];
    const { result } = await run(inline({ Catch, Next: 'End' }), async (event) => {
      if ((event as { n: number }).n === 2) throw named('BadInput', 'row 3');
    });
    expect(result).toMatchObject({ endState: 'End', output: { Error: 'BadInput' } });
  });

  it('runs 40 at once at most, and fails over what is no list', async () => {
    let now = 0;
    let peak = 0;
    await run(
      inline({ End: true }),
      async () => {
        peak = Math.max(peak, ++now);
        await new Promise(setImmediate);
        now--;
      },
      { list: Array.from({ length: 100 }, () => 1), of: 1 },
    );
    expect(peak).toBe(40);
    expect((await run(inline({ End: true }), async () => 1, { list: 5 })).result.error?.name).toBe('States.Runtime');
  });
});
