import { describe, expect, it, jest } from '@jest/globals';
import { BadDefinition, parseDefinition } from '../../local/machine/definition.ts';
import { type Handler, runMachine } from '../../local/machine.ts';
import { BadRequest, PreconditionFailed } from '../../shared/errors.ts';
import { STATE_PAYLOAD_MAX_BYTES } from '../../shared/limits.ts';
import { memoryObjectStore } from '../doubles/memory-object-store.ts';
import { named, runStates, task } from './machine/run-states.ts';

const text = (bytes: number) => 'x'.repeat(bytes);

describe('what states hand on', () => {
  it('shapes input and result by Parameters, ResultSelector, ResultPath and OutputPath', async () => {
    const seen: unknown[] = [];
    const { result } = await runStates(
      {
        A: task('F', {
          Parameters: {
            fixed: [1, 2],
            list: [{ 'n.$': '$.in.n', deep: [{ x: 1 }] }, 5],
            'at.$': '$.in.at',
            'key.$': "States.Format('runs/{}/{}', $.in.run, $.in.n)",
          },
          ResultSelector: { 'sum.$': '$.total' },
          ResultPath: '$.out.deep',
          Next: 'B',
        }),
        B: { Type: 'Pass', InputPath: '$.out', ResultPath: '$.again', OutputPath: '$.again', End: true },
      },
      {
        input: { in: { at: [7], run: 'R', n: 3 } },
        handlers: {
          F: async (event) => {
            seen.push(event);
            return { total: 9, other: 1 };
          },
        },
      },
    );
    expect(seen).toEqual([{ fixed: [1, 2], list: [{ n: 3, deep: [{ x: 1 }] }, 5], at: [7], key: 'runs/R/3' }]);
    expect(result.output).toEqual({ deep: { sum: 9 } });
  });

  it.each([
    ['$', { r: 1 }],
    [undefined, { r: 1 }],
    [null, { a: 1 }],
    ['$.a', { a: { r: 1 } }],
  ])('ResultPath %j', async (ResultPath, expected) => {
    const { result } = await runStates(
      { A: task('F', { ...(ResultPath === undefined ? {} : { ResultPath }), End: true }) },
      { input: { a: 1 }, handlers: { F: async () => ({ r: 1 }) } },
    );
    expect(result.output).toEqual(expected);
  });

  it('copies through JSON: no state sees what another does to its objects later', async () => {
    const kept: { list: number[]; when?: unknown } = { list: [1] };
    const { result } = await runStates(
      { A: task('F', { Next: 'B' }), B: task('G', { Next: 'C' }), C: task('H', { End: true }) },
      {
        handlers: {
          F: async () => Object.assign(kept, { when: new Date(0), gone: undefined }),
          G: async (event) => {
            kept.list.push(2);
            (event as { own: number }).own = 3;
            return event;
          },
          H: async (event) => event,
        },
      },
    );
    expect(result.output).toEqual({ list: [1], when: '1970-01-01T00:00:00.000Z', own: 3 });
  });

  it('gives null for a function that returns nothing', async () => {
    const { result } = await runStates({ A: task('F', { End: true }) }, { handlers: { F: async () => undefined } });
    expect(result).toMatchObject({ status: 'SUCCEEDED', output: null });
  });

  it('has the context object, with the start time that was given', async () => {
    const paths = [
      'Execution.Id',
      'Execution.Name',
      'Execution.StartTime',
      'Execution.Input.a',
      'State.Name',
      'State.RetryCount',
      'StateMachine.Id',
    ];
    const Parameters = Object.fromEntries(paths.map((path, i) => [`p${i}.$`, `$$.${path}`]));
    const { result } = await runStates({ A: { Type: 'Pass', Parameters, End: true } }, { input: { a: 5 } });
    expect(Object.values(result.output as object)).toEqual([
      'arn:aws:states:local:000000000000:execution:test:run',
      'run',
      '2026-03-01T00:00:00.000Z',
      5,
      'A',
      0,
      'arn:aws:states:local:000000000000:stateMachine:test',
    ]);
    expect(result.startTime).toBe('2026-03-01T00:00:00.000Z');
  });

  it('ends as States.Runtime, which nothing catches, where a path leads nowhere', async () => {
    const Catch = [{ ErrorEquals: ['States.ALL'], Next: 'B' }];
    const { result } = await runStates(
      { A: task('F', { Parameters: { 'x.$': '$.missing' }, Catch, Next: 'B' }), B: { Type: 'Succeed' } },
      { handlers: { F: async () => 1 } },
    );
    expect(result).toMatchObject({ status: 'FAILED', endState: 'A', error: { name: 'States.Runtime' } });
    expect(result.error?.cause).toContain('$.missing');
  });
});

describe('Choice', () => {
  const branch = async (rule: object, input: unknown): Promise<string> => {
    const { result } = await runStates(
      {
        A: { Type: 'Choice', Choices: [{ ...rule, Next: 'Yes' }], Default: 'No' },
        Yes: { Type: 'Succeed' },
        No: { Type: 'Succeed' },
      },
      { input },
    );
    return result.status === 'SUCCEEDED' ? result.endState : (result.error?.name as string);
  };

  it.each<[object, unknown, string]>([
    [{ Variable: '$.v', NumericGreaterThan: 0 }, { v: 1 }, 'Yes'],
    [{ Variable: '$.v', NumericGreaterThan: 0 }, { v: 0 }, 'No'],
    // The interpreter by itself takes these two for numbers.
    [{ Variable: '$.v', NumericGreaterThan: 0 }, { v: '5' }, 'No'],
    [{ Variable: '$.v', NumericGreaterThan: 0 }, { v: true }, 'No'],
    [{ Not: { Variable: '$.v', NumericLessThanEquals: 3 } }, { v: 4 }, 'Yes'],
    [{ Variable: '$.v', StringEquals: 'a' }, { v: 'a' }, 'Yes'],
    [{ Variable: '$.v', StringEquals: 'a' }, { v: null }, 'No'],
    [{ Variable: '$.v', BooleanEquals: false }, { v: false }, 'Yes'],
    [{ Variable: '$.v', IsPresent: false }, {}, 'Yes'],
    [{ Variable: '$.v', IsPresent: false }, { v: null }, 'No'],
    [{ Variable: '$.v', IsPresent: true }, { v: null }, 'Yes'],
    [{ Variable: '$.v', IsNull: false }, { v: 1 }, 'Yes'],
    [
      {
        And: [
          { Variable: '$.v', IsString: true },
          { Variable: '$.w', IsNumeric: false },
        ],
      },
      { v: 'a', w: 'b' },
      'Yes',
    ],
    [
      {
        Or: [
          { Variable: '$.v', StringEquals: 'a' },
          { Variable: '$.v', StringEquals: 'b' },
        ],
      },
      { v: 'b' },
      'Yes',
    ],
    [{ Variable: '$.v', StringEquals: 'a' }, {}, 'States.Runtime'],
  ])('%j over %j: %s', async (rule, input, expected) => {
    expect(await branch(rule, input)).toBe(expected);
  });

  it('hands its input on, and fails without a match', async () => {
    const states = {
      A: { Type: 'Choice', Choices: [{ Variable: '$.v', NumericEquals: 1, Next: 'B' }] },
      B: { Type: 'Succeed' },
    };
    expect((await runStates(states, { input: { v: 1 } })).result.output).toEqual({ v: 1 });
    expect((await runStates(states, { input: { v: 2 } })).result.error?.name).toBe('States.Runtime');
  });
});

describe('Catch', () => {
  const caught = async (thrown: unknown): Promise<{ Error: string; Cause: string }> => {
    const { result } = await runStates(
      {
        A: task('F', { Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'B' }], Next: 'B' }),
        B: { Type: 'Succeed' },
      },
      {
        input: { kept: 1 },
        handlers: {
          F: async () => {
            throw thrown;
          },
        },
      },
    );
    expect(result.status).toBe('SUCCEEDED');
    expect(result.output).toMatchObject({ kept: 1 });
    return (result.output as { error: { Error: string; Cause: string } }).error;
  };

  it('gets the name, and as the cause the JSON that Lambda makes of an error', async () => {
    const error = await caught(named('BadInput', 'row 3'));
    expect(error.Error).toBe('BadInput');
    const { trace, ...cause } = JSON.parse(error.Cause) as { trace: string[] };
    expect(cause).toEqual({ errorType: 'BadInput', errorMessage: 'row 3' });
    expect(trace[0]).toMatch(/row 3/);
  });

  it('gets what was thrown that is no error', async () => {
    expect(await caught('plain')).toEqual({
      Error: 'string',
      Cause: '{"errorType":"string","errorMessage":"plain","trace":[]}',
    });
  });

  it('gets a cause of at most 32,768 characters', async () => {
    expect((await caught(named('Long', text(40_000)))).Cause).toHaveLength(32_768);
  });

  it('sees a function fail that returns what has no JSON, and one that throws before it awaits', async () => {
    const states = { A: task('F', { End: true }) };
    const failing = async (F: Handler) => (await runStates(states, { handlers: { F } })).result.error?.name;
    expect(await failing(async () => 1n)).toBe('Error');
    expect(
      await failing(() => {
        throw named('Early');
      }),
    ).toBe('Early');
  });
});

describe('Retry', () => {
  const retry = [
    {
      ErrorEquals: ['Busy'],
      IntervalSeconds: 2,
      BackoffRate: 3,
      MaxAttempts: 4,
      MaxDelaySeconds: 10,
      JitterStrategy: 'FULL',
    },
    { ErrorEquals: ['Died'], MaxAttempts: 1 },
  ];

  it('calls again with a fresh attempt id, after the pauses of the retrier', async () => {
    const attempts: string[] = [];
    const { result, slept } = await runStates(
      { A: task('F', { Retry: retry, End: true }) },
      {
        handlers: {
          F: async (_event, { attemptId }) => {
            attempts.push(attemptId);
            if (attempts.length < 5) throw named(attempts.length === 2 ? 'Died' : 'Busy');
            return 'done';
          },
        },
      },
    );
    expect(result).toMatchObject({ status: 'SUCCEEDED', output: 'done' });
    expect(attempts).toEqual(['id-1', 'id-2', 'id-3', 'id-4', 'id-5']);
    expect(slept).toEqual([1, 1, 3, 5]);
  });

  it('fails with the last error once the attempts are used up, and never retries what is not named', async () => {
    for (const [name, calls] of [
      ['Died', 2],
      ['BadInput', 1],
    ] as const) {
      const handler = jest.fn(async () => {
        throw named(name);
      });
      const { result } = await runStates({ A: task('F', { Retry: retry, End: true }) }, { handlers: { F: handler } });
      expect(result).toMatchObject({ status: 'FAILED', endState: 'A', error: { name } });
      expect(handler).toHaveBeenCalledTimes(calls);
    }
  });

  it('shortens its pauses by retryScale, and leaves the count to the context', async () => {
    let calls = 0;
    const { result, slept } = await runStates(
      { A: task('F', { Parameters: { 'n.$': '$$.State.RetryCount' }, Retry: retry, End: true }) },
      {
        retryScale: 0,
        handlers: {
          F: async (event) => {
            if (++calls < 3) throw named('Busy');
            return event;
          },
        },
      },
    );
    expect(slept).toEqual([]);
    expect(result.output).toEqual({ n: 2 });
  });
});

describe('time', () => {
  it('waits the seconds of a path, scaled, and carries its input through', async () => {
    const states = { A: { Type: 'Wait', SecondsPath: '$.s', Next: 'B' }, B: { Type: 'Wait', Seconds: 7, End: true } };
    const whole = await runStates(states, { input: { s: 5 } });
    expect(whole.slept).toEqual([5, 7]);
    expect(whole.result.output).toEqual({ s: 5 });
    expect((await runStates(states, { input: { s: 5 }, waitScale: 0 })).slept).toEqual([]);
    expect((await runStates(states, { input: { s: 'soon' } })).result.error?.name).toBe('States.Runtime');
  });

  it('fails a Task whose time is up with States.Timeout, and tells the function', async () => {
    jest.useFakeTimers();
    try {
      const signals: AbortSignal[] = [];
      const running = runStates(
        {
          A: task('F', {
            TimeoutSeconds: 900,
            Catch: [
              { ErrorEquals: ['States.TaskFailed'], Next: 'No' },
              { ErrorEquals: ['States.Timeout'], Next: 'Yes' },
            ],
            Next: 'No',
          }),
          Yes: { Type: 'Succeed' },
          No: { Type: 'Succeed' },
        },
        {
          handlers: {
            F: async (_event, { signal }) => {
              signals.push(signal);
              return await new Promise(() => undefined);
            },
          },
        },
      );
      await jest.advanceTimersByTimeAsync(899_999);
      expect(signals[0]?.aborted).toBe(false);
      await jest.advanceTimersByTimeAsync(1);
      const { result } = await running;
      expect(result).toMatchObject({ endState: 'Yes', output: { Error: 'States.Timeout', Cause: '' } });
      expect(signals[0]?.aborted).toBe(true);
    } finally {
      jest.useRealTimers();
    }
  });
});

describe('the payload limit', () => {
  const Catch = [{ ErrorEquals: ['States.ALL'], Next: 'B' }];
  const B = { Type: 'Succeed' };

  it('lets 262,144 bytes through and reports them', async () => {
    const { result } = await runStates({ B }, { input: text(STATE_PAYLOAD_MAX_BYTES - 2) });
    expect(result).toMatchObject({ status: 'SUCCEEDED', maxPayloadBytes: 262_144 });
  });

  it.each<[string, object, unknown, string]>([
    ['an execution input', B, text(STATE_PAYLOAD_MAX_BYTES - 1), 'The input of A has 262145 bytes'],
    [
      'an input in bytes, not characters',
      B,
      'ä'.repeat(STATE_PAYLOAD_MAX_BYTES / 2),
      'The input of A has 262146 bytes',
    ],
    ['a result', task('Big', { Catch, ResultPath: null, Next: 'B' }), {}, 'The result of A has 300002 bytes'],
    ['an output', task('Half', { Catch, ResultPath: '$.b', Next: 'B' }), { a: text(150_000) }, 'The output of A has'],
    [
      'parameters',
      task('Half', { Catch, Parameters: { 'a.$': '$', 'b.$': '$' }, Next: 'B' }),
      text(150_000),
      "A's call has",
    ],
  ])('stops at %s beyond it, and nothing catches that', async (_what, state, input, cause) => {
    const handlers = { Big: async () => text(300_000), Half: async () => text(150_000) };
    const { result } = await runStates({ A: state, ...('Next' in state ? { B } : {}) }, { input, handlers });
    expect(result).toMatchObject({ status: 'FAILED', endState: 'A', error: { name: 'States.DataLimitExceeded' } });
    expect(result.error?.cause).toContain(cause);
  });

  it('counts the bytes of children too', async () => {
    const Each = {
      Type: 'Map',
      ItemProcessor: { StartAt: 'One', States: { One: task('Half', { ResultPath: null, End: true }) } },
      End: true,
    };
    const { result } = await runStates({ Each }, { input: [1], handlers: { Half: async () => text(150_000) } });
    expect(result.maxPayloadBytes).toBe(150_002);
  });
});

describe('Fail', () => {
  it('ends with its own words, or those of its input', async () => {
    const own = await runStates({ A: { Type: 'Fail', Error: 'NoInputObjects', Cause: 'none' } });
    expect(own.result).toMatchObject({
      status: 'FAILED',
      endState: 'A',
      error: { name: 'NoInputObjects', cause: 'none' },
    });
    const read = { A: { Type: 'Fail', ErrorPath: '$.e', CausePath: '$.c' } };
    const input = { e: 'BadInput', c: 'row 3' };
    expect((await runStates(read, { input })).result.error).toEqual({ name: 'BadInput', cause: 'row 3' });
    expect((await runStates(read, { input: { e: 1, c: '' } })).result.error?.name).toBe('States.Runtime');
    expect((await runStates({ A: { Type: 'Fail' } })).result.error).toEqual({ name: '', cause: '' });
  });
});

describe('stopping', () => {
  const never = async () => await new Promise(() => undefined);
  const Catch = [{ ErrorEquals: ['States.ALL'], Next: 'End' }];
  const End = { Type: 'Succeed' };

  it('ends at once while a function hangs: ABORTED, no Catch, and the function is told', async () => {
    const controller = new AbortController();
    const told = jest.fn();
    const { result, events } = await runStates(
      { A: task('F', { Catch, Next: 'End' }), End },
      {
        signal: controller.signal,
        handlers: {
          F: async (_event, { signal }) => {
            signal.addEventListener('abort', told);
            controller.abort();
            return await never();
          },
        },
      },
    );
    expect(result).toMatchObject({ status: 'ABORTED', endState: 'A' });
    expect(result.error).toBeUndefined();
    expect(told).toHaveBeenCalledTimes(1);
    expect(events.map((event) => event.type)).not.toContain('StateCaught');
  });

  it('ends at once in a pause before a retry, in a Wait, and in the middle of a Map', async () => {
    const Retry = [{ ErrorEquals: ['States.ALL'] }];
    const Each = {
      Type: 'Map',
      ItemProcessor: { StartAt: 'One', States: { One: task('Never', { End: true }) } },
      End: true,
    };
    for (const state of [task('Fails', { Retry, End: true }), { Type: 'Wait', Seconds: 9, End: true }, Each]) {
      const controller = new AbortController();
      const { result } = await runStates(
        { A: state },
        {
          input: [1, 2, 3],
          signal: controller.signal,
          onEvent: (event) => {
            if (['StateRetried', 'WaitStarted', 'MapStarted'].includes(event.type))
              setImmediate(() => controller.abort());
          },
          sleep: never as never,
          handlers: {
            Never: never,
            Fails: async () => {
              throw named('Busy');
            },
          },
        },
      );
      expect(result).toMatchObject({ status: 'ABORTED', endState: 'A' });
    }
  });

  it('does not begin where the signal has aborted already', async () => {
    const handler = jest.fn(never);
    const { result } = await runStates(
      { A: task('F', { End: true }) },
      { signal: AbortSignal.abort(), handlers: { F: handler } },
    );
    expect(result.status).toBe('ABORTED');
    expect(handler).not.toHaveBeenCalled();
  });
});

describe('history', () => {
  it('counts events as Step Functions writes them', async () => {
    const one = await runStates({ A: { Type: 'Pass', End: true } });
    // Started; entered, exited; succeeded.
    expect(one.result.events).toBe(4);
    let calls = 0;
    const handlers = {
      F: async () => {
        if (calls++ === 0) throw named('Busy');
      },
    };
    const retried = await runStates({ A: task('F', { Retry: [{ ErrorEquals: ['Busy'] }], End: true }) }, { handlers });
    // Twice scheduled, started, ended.
    expect(retried.result.events).toBe(10);
    const failed = await runStates({ A: { Type: 'Fail' } });
    expect(failed.result.events).toBe(3);
  });

  it('ends an execution whose history grows beyond 25,000 events', async () => {
    const states = {
      A: { Type: 'Pass', Next: 'B' },
      B: { Type: 'Choice', Choices: [{ Variable: '$.n', NumericEquals: 1, Next: 'A' }], Default: 'C' },
      C: { Type: 'Succeed' },
    };
    const { result } = await runStates(states, { input: { n: 1 } });
    expect(result).toMatchObject({ status: 'FAILED', error: { name: 'States.Runtime' } });
    expect(result.error?.cause).toContain('25000 events');
  });
});

describe('starting another execution', () => {
  const START = task('arn:aws:states:::states:startExecution', {
    Parameters: { 'StateMachineArn.$': '$$.StateMachine.Id', 'Name.$': '$.next.name', 'Input.$': '$.next.input' },
    ResultPath: '$.started',
    Next: 'End',
  });
  const states = {
    Which: { Type: 'Choice', Choices: [{ Variable: '$.next', IsPresent: true, Next: 'Start' }], Default: 'Work' },
    Start: START,
    Work: task('F', { End: true }),
    End: { Type: 'Succeed' },
  };

  it('runs it to its end, too, under the name and with the input that it was given', async () => {
    const { result, events } = await runStates(states, {
      input: { next: { name: 'second', input: { n: 2 } } },
      handlers: { F: async (event) => event },
    });
    expect(result).toMatchObject({ status: 'SUCCEEDED', endState: 'End', name: 'run' });
    expect(result.output).toMatchObject({
      started: {
        ExecutionArn: 'arn:aws:states:local:000000000000:execution:test:second',
        StartDate: expect.any(String),
      },
    });
    expect(result.successors).toMatchObject([
      { name: 'second', status: 'SUCCEEDED', output: { n: 2 }, startTime: '2026-03-02T00:00:00.000Z' },
    ]);
    expect(events.filter((event) => event.type === 'ExecutionStarted').map((event) => event.execution)).toEqual([
      'run',
      'second',
    ]);
  });

  it('keeps a failure of the other to itself', async () => {
    const { result } = await runStates(states, {
      input: { next: { name: 'second', input: {} } },
      handlers: {
        F: async () => {
          throw named('BadInput');
        },
      },
    });
    expect(result.status).toBe('SUCCEEDED');
    expect(result.successors).toMatchObject([{ status: 'FAILED', error: { name: 'BadInput' } }]);
  });

  it('refuses a name that is taken, by the name of the error that Step Functions gives', async () => {
    const again = await runStates(states, {
      input: { next: { name: 'run', input: { n: 1 } } },
      handlers: { F: async () => 1 },
    });
    expect(again.result.error?.name).toBe('StepFunctions.ExecutionAlreadyExistsException');
    const executions = {
      begin: async (name: string) => {
        if (name === 'second') throw new PreconditionFailed('taken');
      },
      end: async () => undefined,
    };
    const taken = await runStates(states, {
      executions,
      input: { next: { name: 'second', input: 1 } },
      handlers: { F: async () => 1 },
    });
    expect(taken.result.error?.name).toBe('StepFunctions.ExecutionAlreadyExistsException');
  });

  it('is one execution when the same is started twice while it runs', async () => {
    const release = Promise.withResolvers<void>();
    const twice = { ...states, Start: { ...START, Next: 'Again' }, Again: START, End: task('Release', { End: true }) };
    const { result } = await runStates(twice, {
      input: { next: { name: 'second', input: {} } },
      handlers: { F: async () => await release.promise, Release: async () => release.resolve() },
    });
    expect(result.status).toBe('SUCCEEDED');
    expect(result.successors).toHaveLength(1);
  });
});

describe('runMachine', () => {
  it('puts its executions on record, with their end and what is still at work then', async () => {
    const log: unknown[] = [];
    const release = Promise.withResolvers<void>();
    const controller = new AbortController();
    const executions = {
      begin: async (name: string) => void log.push(['begin', name]),
      end: async (name: string, status: string, atWork?: Promise<unknown>) => {
        log.push([name, status]);
        atWork?.then(() => log.push('settled'));
      },
    };
    const handlers = {
      F: async () => {
        controller.abort();
        await release.promise;
      },
    };
    const { result } = await runStates(
      { A: task('F', { End: true }) },
      { executions, handlers, signal: controller.signal },
    );
    expect(result.status).toBe('ABORTED');
    expect(log).toEqual([
      ['begin', 'run'],
      ['run', 'ABORTED'],
    ]);
    release.resolve();
    await new Promise(setImmediate);
    expect(log.at(-1)).toBe('settled');
  });

  it('does not begin without every handler, or under a name that Step Functions would refuse', async () => {
    const run = (name: string) =>
      runMachine({
        definition: parseDefinition(
          JSON.stringify({ StartAt: 'A', States: { A: task('F', { End: true }) } }),
          'test.yml',
        ),
        handlers: name === 'fine' ? {} : { F: async () => 1 },
        objects: memoryObjectStore(),
        input: {},
        name,
        clock: { now: () => new Date(0) },
      });
    await expect(run('fine')).rejects.toThrow(BadDefinition);
    await expect(run('fine')).rejects.toThrow('Cannot run test: no handler for F');
    for (const name of ['a:b', 'a/b', 'a b', '', text(81)]) await expect(run(name)).rejects.toThrow(BadRequest);
  });
});
