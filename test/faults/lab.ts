import { AsyncLocalStorage } from 'node:async_hooks';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { makeSteps, type StepHandler } from '../../functions/steps.ts';
import { type Definition, loadDefinition } from '../../local/machine/definition.ts';
import { type ExecutionResult, runMachine } from '../../local/machine.ts';
import { runId } from '../../shared/commit/keys.ts';
import { openLog } from '../../shared/commit/log.ts';
import { quarantined } from '../../shared/commit/redrive.ts';
import type { DatasetDefinition } from '../../shared/dataset/dataset.ts';
import { parseDataset } from '../../shared/dataset/parse.ts';
import { registryOf } from '../../shared/dataset/registry.ts';
import { toRequest } from '../../shared/dataset/to-request.ts';
import { LAMBDA_MAX_SECONDS } from '../../shared/limits.ts';
import type { Catalog } from '../../shared/ports/catalog.ts';
import type { ObjectStore } from '../../shared/ports/object-store.ts';
import type { Ports } from '../../shared/ports/ports.ts';
import { memoryCatalog } from '../doubles/memory-catalog.ts';
import { memoryObjectStore } from '../doubles/memory-object-store.ts';
import { plainEngine } from '../doubles/plain-engine.ts';
import { asAttempt, type Call, type Fault, type Faulty, faultyStores, SandboxTimedOut } from './faults.ts';
import { Turns } from './turns.ts';

export const PLACES = { landing: 'landing', work: 'work', lake: 'lake' };
const DEFINITION = join(import.meta.dirname, '..', '..', 'statemachines', 'load.asl.yml');
const LAMBDA_MAX_MS = LAMBDA_MAX_SECONDS * 1000;
/** How much a machine's clock may be wrong. */
const SKEW_MS = 1000;
/** What an operator sees of the drill's faults. */
const BEFALLS = new Set([
  'ObjectStoreBusy',
  'CatalogConflict',
  'AccessDenied',
  'PreconditionFailed',
  'LockHeld',
  'Killed',
]);
/** What passes when it is tried again. */
const TRANSIENT: Fault[] = ['busy-before', 'busy-after', 'conflict', 'refused-after'];
let definition: Promise<Definition> | undefined;

export interface Stores {
  objects: ObjectStore;
  catalog: Catalog;
}

/** A protocol that is broken on purpose, to see that the drill finds it. */
export interface Mutation {
  stores?: (stores: Stores) => Stores;
  /** Of the port itself: what it tells of executions, time or grace. */
  ports?: (ports: Ports) => Ports;
}

export interface ExecuteOptions {
  fault?: Fault | undefined;
  k?: number;
  /** Of the calls whose key, or table, matches. */
  at?: RegExp | undefined;
  /** Share of the steps' calls that Lambda makes twice at once. */
  doubled?: number;
  /** Share of the calls to the stores that take minutes. */
  slow?: number;
  /** Share of the calls that fail for a moment. */
  storm?: number;
  name?: string;
  /** By state machine's name of a step: what is done around its calls. */
  around?: Record<string, (call: StepHandler, event: unknown, attempt: string) => Promise<unknown>>;
}

export interface Executed extends ExecutionResult {
  run: string;
  struck: boolean;
  calls: readonly Call[];
}

/**
 * A deployment in memory: the real steps and state machine over stores that go wrong, with sandboxes that outlive their
 * executions, and time of its own. Everything is drawn from one generator.
 */
export class Lab {
  readonly turns: Turns;
  readonly base: { objects: ReturnType<typeof memoryObjectStore>; catalog: Catalog };
  readonly dataset: string;
  executions = 0;
  readonly random: () => number;
  private readonly mutation: Mutation;
  private readonly stores: Stores;
  private readonly scratch: string;
  private readonly datasets: ReturnType<typeof registryOf>;
  private readonly faulty = new AsyncLocalStorage<Faulty>();
  /** By execution's ARN: when it ended; undefined while it runs. */
  private readonly known = new Map<string, { ended?: number; killed: () => boolean }>();
  private readonly atWork = new Set<Promise<unknown>>();
  /** What was told of the ends of executions, by a Catch or EventBridge. */
  private readonly endings: { name: string; step: string; event: unknown }[] = [];
  private ids = 0;

  constructor(
    random: () => number,
    dataset: DatasetDefinition & { name: string },
    scratch: string,
    mutation: Mutation = {},
  ) {
    this.random = random;
    this.mutation = mutation;
    this.scratch = scratch;
    this.dataset = dataset.name;
    this.turns = new Turns(random, '2026-01-01T00:00:00Z');
    this.base = {
      objects: memoryObjectStore(Object.values(PLACES), () => new Date(this.turns.now)),
      catalog: memoryCatalog({
        onStep: (step) => this.faulty.getStore()?.catalogStep(`${step.database}.${step.table} ${step.change}`),
      }),
    };
    this.stores = mutation.stores ? mutation.stores(this.base) : this.base;
    this.datasets = registryOf([parseDataset(dataset, 'the drill')]);
  }

  draw(n: number): number {
    return Math.floor(this.random() * n);
  }

  chance(share: number): boolean {
    return this.random() < share;
  }

  /** For who looks on, or works beside the executions: no faults, but for what the mutation breaks. */
  ports(stores: Stores = this.stores): Ports {
    const engine = plainEngine();
    const ports: Ports = {
      objects: stores.objects,
      sources: () => stores.objects,
      catalog: stores.catalog,
      executions: {
        status: async (id) => {
          const known = this.known.get(id);
          return known && known.ended === undefined ? 'RUNNING' : 'UNKNOWN';
        },
        gone: async (id) => {
          const known = this.known.get(id);
          if (!known || known.killed()) return true;
          return known.ended !== undefined && this.turns.now - known.ended > LAMBDA_MAX_MS;
        },
      },
      engine: async () => engine,
      clock: { now: () => new Date(this.turns.now) },
      newId: () => `id-${this.ids++}`,
      places: PLACES,
      graceMinutes: 0,
      splitBytes: 64,
      newScratch: () => mkdtemp(join(this.scratch, 's-')),
    };
    return this.mutation.ports ? this.mutation.ports(ports) : ports;
  }

  /** Work of an operator's, outside of any execution; what befalls it ends it, and is no harm. */
  async operate(work: (ports: Ports) => Promise<unknown>, options: ExecuteOptions = {}): Promise<void> {
    const { faulty, ports } = this.deploy(options);
    await this.faulty
      .run(faulty, () => work(ports))
      .catch((error: Error) => {
        if (!BEFALLS.has(error.name)) throw error;
      });
  }

  async execute(input: unknown, options: ExecuteOptions = {}): Promise<Executed> {
    definition ??= loadDefinition(DEFINITION);
    const machine = await definition;
    const stopping = new AbortController();
    const { faulty, ports, steps } = this.deploy(options, () => stopping.abort());
    const name = options.name ?? `e${this.executions}`;
    const startTime = new Date(this.turns.now).toISOString();
    const run = runId({ name, startTime });
    const handlers = Object.fromEntries(
      Object.entries(steps).map(([step, handler]) => [
        `${step}LambdaFunction`,
        (event: unknown, { attemptId }: { attemptId: string }) => {
          const around = options.around?.[step];
          if (step === 'Quarantine' && 'state' in (event as object)) this.endings.push({ name, step, event });
          if (around) return this.sandbox(() => around(handler, event, attemptId));
          if (this.chance(options.doubled ?? 0))
            this.sandbox(() => handler(event, ports.newId())).catch(() => undefined);
          return this.sandbox(() => handler(event, attemptId));
        },
      ]),
    );
    const result = await this.faulty.run(faulty, () =>
      runMachine({
        definition: machine,
        handlers,
        objects: ports.objects,
        input,
        name,
        startTime,
        clock: ports.clock,
        sleep: (ms, signal) => this.turns.wait(ms, signal),
        random: this.random,
        newId: ports.newId,
        signal: stopping.signal,
        executions: {
          begin: async (of) => {
            this.executions++;
            this.known.set(idOf(of), { killed: faulty.killed });
          },
          end: async (of) => {
            this.known.set(idOf(of), { ended: this.turns.now, killed: faulty.killed });
          },
        },
      }),
    );
    if (result.status !== 'SUCCEEDED') this.endings.push({ name, step: 'Quarantine', event: told(result) });
    return { ...result, run, struck: faulty.struck() !== undefined || faulty.storms() > 0, calls: faulty.calls() };
  }

  private deploy(options: ExecuteOptions, stop?: () => void) {
    const faulty = faultyStores(this.stores.objects, this.stores.catalog, {
      turn: () => this.turns.wait(this.chance(options.slow ?? 0) ? this.draw(LAMBDA_MAX_MS) : 0),
      late: () => this.turns.wait(this.draw(LAMBDA_MAX_MS)),
      storm: () => (this.chance(options.storm ?? 0) ? TRANSIENT[this.draw(TRANSIENT.length)] : undefined),
      ...(stop ? { stop } : {}),
    });
    faulty.arm(options.fault, options.k ?? -1, options.at);
    // Clocks of two machines differ.
    const skew = this.draw(2 * SKEW_MS) - SKEW_MS;
    const ports = { ...this.ports(faulty), clock: { now: () => new Date(this.turns.now + skew) } };
    const steps = makeSteps(ports, (asked, now) =>
      toRequest(asked, { environment: {}, datasets: this.datasets, places: PLACES, now }),
    );
    return { faulty, ports, steps };
  }

  /**
   * How an execution ended is told once more: by EventBridge, which tells late and twice, or by Step Functions' redrive of
   * an execution, which repeats the call that failed, days later if need be. False where none has ended so far.
   */
  async endAgain(): Promise<boolean> {
    if (this.endings.length === 0) return false;
    const { name, step, event } = this.endings[this.draw(this.endings.length)];
    const { faulty, ports, steps } = this.deploy({});
    const redriven = 'state' in (event as object);
    const before = this.known.get(idOf(name));
    if (redriven && before) this.known.set(idOf(name), { killed: () => false });
    await this.faulty.run(faulty, () => this.sandbox(() => steps[step](event, ports.newId())).catch(() => undefined));
    if (redriven && before) this.known.set(idOf(name), { ended: this.turns.now, killed: () => false });
    return true;
  }

  /** A Lambda: it ends with its time, not with whoever called it. */
  private sandbox(step: () => Promise<unknown>): Promise<unknown> {
    const { attempt, heard, ended } = asAttempt(step);
    const over = new AbortController();
    this.turns.wait(LAMBDA_MAX_MS, over.signal).then(() => {
      attempt.dead = true;
      attempt.giveUp(new SandboxTimedOut());
    });
    const work = ended.then(() => {
      over.abort();
      this.atWork.delete(work);
    });
    this.atWork.add(work);
    return heard;
  }

  /** Resolves once no sandbox is at work any more, whatever became of its execution. */
  async idle(): Promise<void> {
    while (this.atWork.size > 0) await Promise.all([...this.atWork]);
  }

  head() {
    return openLog(this.base.objects, PLACES.work, this.dataset).head();
  }

  quarantined() {
    return quarantined(this.ports(this.base), this.dataset);
  }

  /** What an operator's nights do: sweeps until one finds nothing, and what lies in quarantine redriven. */
  async settle(rounds = 3): Promise<Executed[]> {
    const done: Executed[] = [];
    for (let round = 0; round < rounds; round++) {
      this.turns.now += 3_600_000;
      done.push(await this.execute({ dataset: this.dataset, source: { pick: 'new' } }));
      const runs = new Set((await this.quarantined()).map(({ record }) => record.run));
      for (const run of runs) done.push(await this.execute({ redrive: run }));
      await this.idle();
    }
    return done;
  }
}

function idOf(name: string): string {
  return `arn:aws:states:local:000000000000:execution:load:${name}`;
}

/** EventBridge's word of an execution that ended without success. */
function told({ id, name, status, startTime, error }: ExecutionResult): unknown {
  return {
    source: 'aws.states',
    'detail-type': 'Step Functions Execution Status Change',
    detail: {
      executionArn: id,
      name,
      status,
      startDate: Date.parse(startTime),
      error: error?.name ?? null,
      cause: error?.cause ?? null,
    },
  };
}
