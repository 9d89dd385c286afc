import { randomUUID } from 'node:crypto';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeSteps, type StepHandler } from '../../functions/steps.ts';
import { loadDefinition } from '../../local/machine/definition.ts';
import { type ExecutionResult, runMachine } from '../../local/machine.ts';
import type { HistoryLine } from '../../shared/commit/history.ts';
import { runId } from '../../shared/commit/keys.ts';
import { openLog } from '../../shared/commit/log.ts';
import type { DatasetDefinition } from '../../shared/dataset/dataset.ts';
import { parseDataset } from '../../shared/dataset/parse.ts';
import { type DatasetRegistry, registryOf } from '../../shared/dataset/registry.ts';
import { toRequest } from '../../shared/dataset/to-request.ts';
import type { TableEngine } from '../../shared/engine/table-engine.ts';
import { SPLIT_BYTES } from '../../shared/limits.ts';
import type { Catalog } from '../../shared/ports/catalog.ts';
import type { ObjectStore } from '../../shared/ports/object-store.ts';
import type { Places, Ports } from '../../shared/ports/ports.ts';
import { memoryCatalog } from './memory-catalog.ts';
import { memoryObjectStore } from './memory-object-store.ts';
import { type PlainRow, parsePlainFile, plainEngine } from './plain-engine.ts';

const DEFINITION = join(import.meta.dirname, '..', '..', 'statemachines', 'load.asl.yml');

export interface World {
  ports: Ports;
  datasets: DatasetRegistry;
  steps: Record<string, StepHandler>;
  /** Time as the steps see it; a test moves it. */
  clock: { time: Date; now(): Date };
  put(key: string, text: string): Promise<void>;
  /** One execution of load.asl.yml. `handlers` replaces some of the steps. */
  run(input: unknown, handlers?: Record<string, StepHandler>): Promise<RunOutcome>;
  /** Rows as a reader of the catalog finds them. */
  rows(database: string, table: string): Promise<PlainRow[]>;
  /** Keys under a table's folder of the lake bucket. */
  lakeKeys(prefix?: string): Promise<string[]>;
  workKeys(prefix: string): Promise<string[]>;
}

export interface RunOutcome extends ExecutionResult {
  run: string;
  history: HistoryLine[];
}

export interface WorldOptions {
  datasets: (DatasetDefinition & { name: string })[];
  objects?: ObjectStore;
  catalog?: Catalog;
  /** Where the test itself looks, past what it does to the steps' own stores. */
  observed?: { objects: ObjectStore; catalog: Catalog };
  /** By default the plain one, which knows no types and no formats. */
  engine?: TableEngine;
  /** By default buckets of these names. */
  places?: Places;
  graceMinutes?: number;
}

/** Everything that a load needs, in memory: the real steps and state machine over doubles of the stores and the engine. */
export function makeWorld(options: WorldOptions): World {
  const clock = {
    time: new Date('2026-01-02T03:04:05.000Z'),
    now: () => clock.time,
  };
  const objects = options.objects ?? memoryObjectStore(['landing', 'work', 'lake'], clock.now);
  const catalog = options.catalog ?? memoryCatalog();
  const seen = options.observed ?? { objects, catalog };
  const datasets = registryOf(options.datasets.map((definition) => parseDataset(definition, 'the test')));
  const places = options.places ?? { landing: 'landing', work: 'work', lake: 'lake' };
  const engine = options.engine ?? plainEngine();
  const running = new Set<string>();
  const ports: Ports = {
    objects,
    sources: () => objects,
    catalog,
    executions: {
      status: async (id) => (running.has(id) ? 'RUNNING' : 'UNKNOWN'),
      gone: async (id) => !running.has(id),
    },
    engine: async () => engine,
    clock,
    newId: randomUUID,
    places,
    graceMinutes: options.graceMinutes ?? 0,
    splitBytes: SPLIT_BYTES,
    newScratch: () => mkdtemp(join(tmpdir(), 'sluice-test-')),
  };
  const resolve = (input: unknown, now: Date) => toRequest(input, { environment: {}, datasets, places, now });
  const steps = makeSteps(ports, resolve);
  let executions = 0;

  async function run(input: unknown, replaced: Record<string, StepHandler> = {}): Promise<RunOutcome> {
    const name = `e${executions++}`;
    const startTime = clock.now().toISOString();
    const handlers = Object.fromEntries(
      Object.entries({ ...steps, ...replaced }).map(([step, handler]) => [
        `${step}LambdaFunction`,
        (event: unknown, context: { attemptId: string }) => handler(event, context.attemptId),
      ]),
    );
    const id = `arn:aws:states:local:000000000000:execution:load:${name}`;
    running.add(id);
    const definition = await loadDefinition(DEFINITION);
    const outcome = await runMachine({
      definition,
      handlers,
      objects,
      input,
      name,
      startTime,
      clock,
      sleep: async () => undefined,
    });
    running.delete(id);
    const r = runId({ name, startTime });
    return { ...outcome, run: r, history: await historyOf(r) };
  }

  async function keys(bucket: string, prefix: string): Promise<string[]> {
    const found: string[] = [];
    for await (const info of seen.objects.list(bucket, prefix)) found.push(info.key);
    return found;
  }

  async function historyOf(r: string): Promise<HistoryLine[]> {
    const key = (await keys(places.work, 'history/')).find((known) => known.endsWith(`/${r}.json`));
    if (key === undefined) return [];
    const text = Buffer.from(await seen.objects.read({ bucket: places.work, key })).toString('utf8');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as HistoryLine);
  }

  return {
    ports,
    datasets,
    steps,
    clock,
    put: async (key, text) => void (await seen.objects.put({ bucket: places.landing, key }, text)),
    run,
    async rows(database, table) {
      const found = await seen.catalog.table(database, table);
      const names = (found?.partitionColumns ?? []).map((column) => column.name);
      const rows: PlainRow[] = [];
      for (const partition of await seen.catalog.partitions(database, table)) {
        const values = Object.fromEntries(names.map((name, i) => [name, partition.values[i]]));
        const prefix = partition.location.slice(`s3://${places.lake}/`.length);
        for (const key of await keys(places.lake, prefix)) {
          const read = parsePlainFile(await seen.objects.read({ bucket: places.lake, key }));
          rows.push(...read.map((row) => ({ ...row, ...values })));
        }
      }
      return rows;
    },
    lakeKeys: (prefix = '') => keys(places.lake, prefix),
    workKeys: (prefix) => keys(places.work, prefix),
  };
}

/** All objects of a data set's log, folded. */
export function headOf(world: World, dataset: string) {
  return openLog(world.ports.objects, world.ports.places.work, dataset).head();
}
