import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import type { Machine, State } from '../../local/machine/definition.ts';
import { RUN_TASK } from '../../local/machine/support.ts';
import {
  type ExecutionResult,
  functionNames,
  loadDefinition,
  type MachineEvent,
  runMachine,
} from '../../local/machine.ts';
import { PreconditionFailed } from '../../shared/errors.ts';
import { memoryObjectStore } from '../doubles/memory-object-store.ts';
import { named } from '../local/machine/run-states.ts';

const LOAD = new URL('../../statemachines/load.asl.yml', import.meta.url).pathname;
const definition = await loadDefinition(LOAD);

/** Every state by its path: `Plan`, `ReadEach/Read`. */
const states = new Map<string, State>();
(function collect(machine: Machine, prefix: string): void {
  for (const [name, state] of Object.entries(machine.States)) {
    states.set(prefix + name, state);
    if (state.Type === 'Map') collect(state.ItemProcessor, `${prefix}${name}/`);
  }
})(definition.machine, '');

interface Route {
  nothing: 'no' | 'skip' | 'fail' | 'compact';
  broken: number;
  shuffle: boolean;
  clusters: boolean;
  outcome: 'committed' | 'void';
  /** Where a container runs what is too large for a function. */
  worker: object | null;
}
/** Passes every state that does work, but those that only a failure leads to. */
const WHOLE_WAY: Route = {
  nothing: 'no',
  broken: 1,
  shuffle: true,
  clusters: true,
  outcome: 'committed',
  worker: null,
};
const ITEM = { task: 't-000001', at: { key: 'tasks.jsonl', start: 0, end: 10 } };

interface Walk {
  result: ExecutionResult;
  /** Everything taken on the way: `state Plan`, `branch Committed default`, `catch Plan 0`, `retry Plan 1`. */
  taken: string[];
  events: MachineEvent[];
  /** What each call was given. */
  given: { state: string; event: unknown }[];
}

/** Runs the machine along a route; `fault` says what a state fails of, on its nth attempt of one visit (from 0). */
async function walk(
  route: Partial<Route> = {},
  fault: (state: string, attempt: number) => string | undefined = () => undefined,
): Promise<Walk> {
  const way = { ...WHOLE_WAY, ...route };
  const taken: string[] = [];
  const events: MachineEvent[] = [];
  const given: Walk['given'] = [];
  const attempts = new Map<string, number>();
  let current = '';
  /** Counts an attempt at the current state and throws what it is to fail of. */
  const attempt = (): void => {
    const made = attempts.get(current) ?? 0;
    attempts.set(current, made + 1);
    const name = fault(current, made);
    if (name === 'exists') throw new PreconditionFailed('taken');
    if (name) throw named(name, `${current} fails`);
  };
  const results: Record<string, unknown> = {
    ListLatest: {
      run: 'R',
      bucket: 'work',
      workers: 2,
      nothing: way.nothing,
      sources: { items: 'items.json' },
      gather: { buckets: 'items.json' },
      clusters: way.clusters,
    },
    PrepareFeatures: { fits: 'items.json' },
    Plan: { splits: 'items.json' },
    Publish: { outcome: way.outcome, graceSeconds: 30, successor: { name: 'next', input: { successorOf: 'R' } } },
    Quarantine: { error: 'BadInput', cause: '{"errorMessage":"row 3"}' },
  };
  const gathered = { broken: way.broken, whole: 'items.json', shuffle: way.shuffle, buckets: 'items.json' };
  const handlers = Object.fromEntries(
    [...functionNames(definition), RUN_TASK].map((resource) => [
      resource,
      async (event: unknown) => {
        given.push({ state: current, event });
        attempt();
        return resource.startsWith('Gather') ? gathered : (results[resource.replace('LambdaFunction', '')] ?? {});
      },
    ]),
  );
  const memory = memoryObjectStore();
  await memory.put({ bucket: 'work', key: 'items.json' }, JSON.stringify([{ ...ITEM, worker: way.worker }]));
  const isMap = () => states.get(current)?.Type === 'Map';
  const objects: typeof memory = {
    ...memory,
    read: async (...args) => {
      if (isMap() && fault(current, attempts.get(current) ?? 0) === 'States.ItemReaderFailed') attempt();
      return await memory.read(...args);
    },
    put: async (...args) => {
      if (fault(mapOf(current), attempts.get(mapOf(current)) ?? 0) === 'States.ResultWriterFailed') {
        current = mapOf(current);
        attempt();
      }
      return await memory.put(...args);
    },
  };
  const result = await runMachine({
    definition,
    handlers,
    objects,
    input: { dataset: 'd' },
    name: 'run',
    clock: { now: () => new Date('2026-03-01T00:00:00Z') },
    sleep: async () => undefined,
    random: () => 0.5,
    executions: {
      begin: async (name) => {
        if (name === 'next') attempt();
      },
      end: async () => undefined,
    },
    onEvent: (event) => {
      // The successor goes the same way; it is its own walk.
      if (event.execution !== 'run') return;
      events.push(event);
      if (!('state' in event)) return;
      const path = event.item ? `${event.item.map}/${event.state}` : event.state;
      if (event.type === 'StateEntered') {
        current = path;
        taken.push(`state ${path}`);
      }
      if (event.type === 'StateExited' && event.branch !== undefined) taken.push(`branch ${path} ${event.branch}`);
      if (event.type === 'StateRetried') taken.push(`retry ${path} ${event.retrier}`);
      if (event.type === 'StateCaught') {
        taken.push(`catch ${path} ${event.catcher}`);
        // One that allows no attempt shows in this only, that none was made.
        const { Retry = [] } = states.get(path) as { Retry?: { ErrorEquals: string[]; MaxAttempts?: number }[] };
        const barred = Retry.findIndex((retrier) => retrier.ErrorEquals.includes(event.error));
        if (Retry[barred]?.MaxAttempts === 0) taken.push(`retry ${path} ${barred}`);
      }
    },
  });
  return { result, taken, events, given };
}

function mapOf(path: string): string {
  return path.split('/')[0] as string;
}

/** Everything that the definition has to be walked, enumerated from it. */
function everything(): string[] {
  return [...states].flatMap(([path, state]) => {
    const guards = state as { Retry?: unknown[]; Catch?: unknown[] };
    const branches = state.Type === 'Choice' ? [...state.Choices.keys(), ...(state.Default ? ['default'] : [])] : [];
    return [
      `state ${path}`,
      ...branches.map((branch) => `branch ${path} ${branch}`),
      ...(guards.Retry ?? []).map((_, i) => `retry ${path} ${i}`),
      ...(guards.Catch ?? []).map((_, i) => `catch ${path} ${i}`),
    ];
  });
}

/** The state whose Catch leads to this one, for those that only a failure reaches. */
function failsInto(path: string): string | undefined {
  const scope = path.includes('/') ? `${mapOf(path)}/` : '';
  const leads = [...states].filter(
    ([, state]) => 'Catch' in state && state.Catch?.some(({ Next }) => scope + Next === path),
  );
  return leads.findLast(([from]) => from.startsWith(scope))?.[0];
}

/** The route on which a state is reached. */
function routeTo(path: string): Partial<Route> {
  if (path === 'StartSuccessor') return { outcome: 'void' };
  return path === 'ConvertEach/ConvertOnFargate' ? { worker: WORKER } : {};
}

const WORKER = { cluster: 'c', taskDefinition: 't', network: { Subnets: ['s'], AssignPublicIp: 'DISABLED' } };

/** Each state that can fail, with each error that a retrier of it names. */
const retried = [...states].flatMap(([path, state]) =>
  'Retry' in state
    ? (state.Retry ?? []).flatMap((retrier, i) =>
        retrier.ErrorEquals.map((error) => ({ path, error, retrier: i, most: retrier.MaxAttempts as number })),
      )
    : [],
);

/** The state fails of one error forever: all attempts, and then its Catch or the end. */
async function exhaust(path: string, error: string): Promise<Walk> {
  const before = failsInto(path);
  const only = path.startsWith('Quarantine') || path.includes('/Quarantine') ? before : undefined;
  const shown: Record<string, string> = {
    'StepFunctions.ExecutionAlreadyExistsException': 'exists',
    'States.TaskFailed': 'StepFunctions.ThrottlingException',
  };
  return await walk(routeTo(path), (state) => {
    if (state === only) return 'BadInput';
    return state === path ? (shown[error] ?? error) : undefined;
  });
}

describe('load.asl.yml', () => {
  it.each<[Partial<Route>, string, string]>([
    [{ nothing: 'skip' }, 'SUCCEEDED', 'NothingToLoad'],
    [{ nothing: 'fail' }, 'FAILED', 'NoInputObjects'],
    [{ nothing: 'compact' }, 'SUCCEEDED', 'Succeeded'],
    [{ broken: 0, shuffle: false }, 'SUCCEEDED', 'Succeeded'],
    [{ broken: 0, shuffle: true }, 'SUCCEEDED', 'Succeeded'],
    [{ broken: 2, shuffle: false }, 'SUCCEEDED', 'Succeeded'],
    [{}, 'SUCCEEDED', 'Succeeded'],
    [{ clusters: false }, 'SUCCEEDED', 'Succeeded'],
    [{ outcome: 'void' }, 'SUCCEEDED', 'Superseded'],
  ])('%j ends %s in %s', async (route, status, endState) => {
    const { result, taken } = await walk(route);
    expect(result).toMatchObject({ status, endState });
    expect(taken.includes('state ConvertWhole/ConvertOneWhole')).toBe(!('nothing' in route) && route.broken !== 0);
    expect(taken.includes('state RepartitionEach/Repartition')).toBe(
      'nothing' in route ? route.nothing === 'compact' : route.shuffle !== false,
    );
  });

  it('waits the grace that publish gives, and starts the successor that it names', async () => {
    expect((await walk()).events).toContainEqual(
      expect.objectContaining({ type: 'WaitStarted', state: 'Grace', seconds: 30 }),
    );
    expect((await walk({ outcome: 'void' })).result.successors).toMatchObject([{ name: 'next' }]);
  });

  it('runs what is too large for a function in a container, which is told its task and its token', async () => {
    const { result, given, taken } = await walk({ worker: WORKER });
    expect(result.endState).toBe('Succeeded');
    expect(taken).not.toContain('state ConvertEach/Convert');
    const environment = [
      { Name: 'SLUICE_RUN', Value: 'R' },
      { Name: 'SLUICE_STEP', Value: 'convert' },
      { Name: 'SLUICE_TASK', Value: 't-000001' },
      { Name: 'SLUICE_TASK_KEY', Value: 'tasks.jsonl' },
      { Name: 'SLUICE_TASK_START', Value: '0' },
      { Name: 'SLUICE_TASK_END', Value: '10' },
      { Name: 'SLUICE_TASK_TOKEN', Value: expect.stringMatching(/.+/) },
    ];
    expect(given.find(({ state }) => state === 'ConvertEach/ConvertOnFargate')?.event).toEqual({
      LaunchType: 'FARGATE',
      Cluster: 'c',
      TaskDefinition: 't',
      NetworkConfiguration: { AwsvpcConfiguration: WORKER.network },
      Overrides: { ContainerOverrides: [{ Name: 'convert', Environment: environment }] },
    });
  });

  it.each(retried)('$path tries again $most times at $error', async ({ path, error, retrier, most }) => {
    const { result, events, taken } = await exhaust(path, error);
    const retries = events.filter(
      (event) => event.type === 'StateRetried' && `${event.item ? `${event.item.map}/` : ''}${event.state}` === path,
    );
    expect(retries).toHaveLength(most);
    for (const event of retries) expect(event).toMatchObject({ retrier });
    if (most === 0) expect(taken).toContain('catch StartSuccessor 0');
    const inMap = path.includes('/');
    const caught = taken.some((step) => step.startsWith(`catch ${path} `));
    // What fails in an item is set aside there; the step that follows the Map judges it.
    const expected = path === 'QuarantineRun' || (!inMap && most > 0 && path !== 'Report') ? 'FAILED' : 'SUCCEEDED';
    expect(result.status).toBe(expected);
    expect(caught).toBe('Catch' in (states.get(path) as object));
  });

  it('never tries again what the input is to blame for', async () => {
    for (const path of new Set(retried.map((each) => each.path))) {
      if (states.get(path)?.Type === 'Map' || path === 'StartSuccessor') continue;
      const { taken } = await exhaust(path, 'BadInput');
      expect(taken.filter((step) => step.startsWith('retry'))).toEqual([]);
    }
  });

  it('sets an item aside and goes on, where reading or converting it fails', async () => {
    for (const path of ['ReadEach/Read', 'ConvertEach/Convert', 'ConvertWhole/ConvertOneWhole']) {
      const { result, events } = await exhaust(path, 'BadInput');
      expect(result.endState).toBe('Succeeded');
      expect(events).toContainEqual(
        expect.objectContaining({ type: 'MapEnded', state: mapOf(path), caught: 1, failed: 0 }),
      );
    }
  });

  it('leads every failure of the run through quarantine to Failed, with the words that quarantine found', async () => {
    for (const [path, state] of states) {
      if (!('Catch' in state) || path.includes('/') || path === 'Report') continue;
      const error =
        state.Type === 'Map' ? 'States.ItemReaderFailed' : path === 'StartSuccessor' ? 'Unknown' : 'BadInput';
      const { result } = await exhaust(path, error);
      expect(result).toMatchObject({
        status: 'FAILED',
        endState: 'Failed',
        error: { name: 'BadInput', cause: '{"errorMessage":"row 3"}' },
      });
    }
  });

  it('keeps what is committed, where its page cannot be made', async () => {
    const { result, taken } = await exhaust('Report', 'BadInput');
    expect(result.endState).toBe('Succeeded');
    expect(taken).toContain('state Retire');
  });

  it('has no branch, Catch, Retry or state that these walks leave out', async () => {
    const walked = new Set<string>();
    const add = ({ taken }: Walk): void => {
      for (const step of taken) walked.add(step);
    };
    for (const nothing of ['no', 'skip', 'fail', 'compact'] as const) add(await walk({ nothing }));
    add(await walk({ broken: 0, shuffle: false, clusters: false }));
    add(await walk({ outcome: 'void' }));
    for (const { path, error } of retried) add(await exhaust(path, error));
    for (const path of states.keys()) add(await exhaust(path, 'BadInput'));
    expect(everything().filter((step) => !walked.has(step))).toEqual([]);
  });

  it('is read alike by the deployment', async () => {
    const require = createRequire(import.meta.url);
    const ofServerless = createRequire(require.resolve('serverless/package.json'));
    const yaml = ofServerless('js-yaml') as { load(text: string, options: object): unknown };
    const schema = ofServerless('./lib/utils/serverless-utils/cloudformation-schema.js');
    const deployed = JSON.stringify(yaml.load(await readFile(LOAD, 'utf8'), { schema }));
    expect(JSON.parse(deployed.replace(/\{"Fn::GetAtt":\["(\w+)","Arn"\]\}/g, '"$1"'))).toEqual(definition.machine);
    // It puts the definition into an Fn::Sub, which would take these for its own.
    expect(await readFile(LOAD, 'utf8')).not.toContain('${');
  });

  it('hands on references only: no Map has its results in its output', () => {
    for (const [, state] of states) {
      if (state.Type !== 'Map') continue;
      expect(state.ItemProcessor.ProcessorConfig?.Mode).toBe('DISTRIBUTED');
      expect(state.ResultPath).toBeNull();
    }
  });
});
