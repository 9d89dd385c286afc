import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeSteps } from '../../functions/steps.ts';
import { type Definition, loadDefinition } from '../../local/machine/definition.ts';
import { runMachine } from '../../local/machine.ts';
import { runId } from '../../shared/commit/keys.ts';
import { openLog } from '../../shared/commit/log.ts';
import { quarantined } from '../../shared/commit/redrive.ts';
import { vacuum } from '../../shared/commit/vacuum.ts';
import { parseDataset } from '../../shared/dataset/parse.ts';
import { registryOf } from '../../shared/dataset/registry.ts';
import { toRequest } from '../../shared/dataset/to-request.ts';
import type { Catalog } from '../../shared/ports/catalog.ts';
import type { ObjectStore } from '../../shared/ports/object-store.ts';
import type { Ports } from '../../shared/ports/ports.ts';
import { memoryCatalog } from '../doubles/memory-catalog.ts';
import { memoryObjectStore } from '../doubles/memory-object-store.ts';
import { parsePlainFile, plainEngine } from '../doubles/plain-engine.ts';
import { FAULTS, type Fault, faultyStores } from './faults.ts';
import { seeded, Turns } from './turns.ts';

/**
 * A random history: several executions at once over shared objects, events that come late, twice and in any order, an object
 * overwritten midway, deaths and faults; and then the promise. Everything is drawn from the seed.
 */
export interface HistoryOutcome {
  violations: string[];
  executions: number;
  faults: number;
}

/** A protocol that is broken on purpose, to see that the drill finds it. */
export type Mutation = (stores: { objects: ObjectStore; catalog: Catalog }) => {
  objects: ObjectStore;
  catalog: Catalog;
};

type Mode = 'append' | 'overwrite-partitions';
const PLACES = { landing: 'landing', work: 'work', lake: 'lake' };
const DEFINITION = join(import.meta.dirname, '..', '..', 'statemachines', 'load.asl.yml');
let definition: Promise<Definition> | undefined;

export async function runHistory(seed: number, mutate: Mutation = (stores) => stores): Promise<HistoryOutcome> {
  const scratch = await mkdtemp(join(tmpdir(), 'sluice-drill-'));
  try {
    definition ??= loadDefinition(DEFINITION);
    return await new History(seed, mutate, scratch, await definition).run();
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** One version of one object that was at its key for a time. */
interface Version {
  key: string;
  etag: string;
  ids: string[];
}

class History {
  private readonly random: () => number;
  private readonly turns: Turns;
  private readonly mode: Mode;
  private readonly base = { objects: memoryObjectStore(Object.values(PLACES)), catalog: memoryCatalog() };
  private readonly stores: { objects: ObjectStore; catalog: Catalog };
  private readonly scratch: string;
  private readonly definition: Definition;
  private readonly running = new Set<string>();
  private readonly versions: Version[] = [];
  /** Runs that told their caller that they committed. */
  private readonly succeeded: string[] = [];
  private readonly outcome: HistoryOutcome = { violations: [], executions: 0, faults: 0 };
  private time = Date.parse('2026-01-01T00:00:00Z');
  private ids = 0;

  constructor(seed: number, mutate: Mutation, scratch: string, definition: Definition) {
    this.random = seeded(seed);
    this.turns = new Turns(this.random);
    this.mode = this.random() < 0.5 ? 'append' : 'overwrite-partitions';
    this.stores = mutate(this.base);
    this.scratch = scratch;
    this.definition = definition;
  }

  async run(): Promise<HistoryOutcome> {
    const keys = Array.from({ length: 2 + this.draw(3) }, (_, i) => `in/${i}.csv`);
    for (const key of keys) await this.land(key);
    const events = this.events(keys);
    const work: Promise<unknown>[] = [];
    if (this.random() < 0.5) {
      for (let i = 2 + this.draw(5); i > 0; i--) work.push(this.execute(this.request(events), this.drawFault()));
    } else {
      // Each to its own: they reach the log at about the same time.
      for (const key of keys) {
        const own = events.filter((event) => event.key === key);
        work.push(this.execute(own, this.drawFault()));
      }
    }
    if (this.random() < 0.4) work.push(this.overwrite(keys[this.draw(keys.length)], events));
    if (this.random() < 0.3) work.push(this.vacuum());
    await Promise.all(work);
    await this.checkCommits();
    await this.settle();
    await this.checkCommits();
    await this.check(keys);
    return this.outcome;
  }

  private draw(n: number): number {
    return Math.floor(this.random() * n);
  }

  private drawFault(): { fault: Fault; k: number } | undefined {
    if (this.random() < 0.25) return undefined;
    return { fault: FAULTS[this.draw(FAULTS.length)], k: this.draw(this.random() < 0.5 ? 25 : 140) };
  }

  /** Rows of an object: in its own partition, or all over two. */
  private async land(key: string): Promise<Version> {
    const ids = Array.from({ length: 1 + this.draw(6) }, () => `r${this.ids++}`);
    const partition = (i: number) => (this.mode === 'append' ? `p${i % 2}` : key.replace(/\W/g, '_'));
    const text = `id,part\n${ids.map((id, i) => `${id},${partition(i)}\n`).join('')}`;
    this.time += 1000;
    const { etag } = await this.base.objects.put({ bucket: PLACES.landing, key }, text);
    const version = { key, etag, ids };
    this.versions.push(version);
    return version;
  }

  /** Every object's event once to four times, shuffled. */
  private events(keys: string[]): { bucket: string; key: string; etag: string }[] {
    const all = keys.flatMap((key) => {
      const { etag } = this.versions.findLast((version) => version.key === key)!;
      return Array.from({ length: 1 + this.draw(4) }, () => ({ bucket: PLACES.landing, key, etag }));
    });
    for (let i = all.length - 1; i > 0; i--) {
      const j = this.draw(i + 1);
      [all[i], all[j]] = [all[j], all[i]];
    }
    return all;
  }

  private request(events: { bucket: string; key: string; etag: string }[]): unknown {
    if (this.random() < 0.3) return { dataset: 'd', source: { pick: 'new' } };
    const some = events.filter(() => this.random() < 0.6);
    return some.length > 0 ? some : [...events];
  }

  private async overwrite(key: string, events: { bucket: string; key: string; etag: string }[]): Promise<void> {
    for (let i = this.draw(100); i > 0; i--) await this.turns.wait();
    const { etag } = await this.land(key);
    const event = { bucket: PLACES.landing, key, etag };
    events.push(event);
    await this.execute([event], this.drawFault());
  }

  private async vacuum(): Promise<void> {
    for (let i = this.draw(150); i > 0; i--) await this.turns.wait();
    await vacuum(this.ports(this.stores), 'drill');
  }

  private ports(stores: { objects: ObjectStore; catalog: Catalog }): Ports {
    const clock = { now: () => new Date(this.time) };
    const engine = plainEngine();
    return {
      objects: stores.objects,
      sources: () => stores.objects,
      catalog: stores.catalog,
      executions: {
        status: async (id) => (this.running.has(id) ? 'RUNNING' : 'UNKNOWN'),
        gone: async (id) => !this.running.has(id),
      },
      engine: async () => engine,
      clock,
      newId: () => `id-${this.ids++}`,
      places: PLACES,
      graceMinutes: 0,
      newScratch: () => mkdtemp(join(this.scratch, 's-')),
    };
  }

  private async execute(input: unknown, fault?: { fault: Fault; k: number }): Promise<{ status: string }> {
    const faulty = faultyStores(this.takingTurns(this.stores.objects), this.stores.catalog);
    faulty.arm(fault?.fault, fault?.k ?? -1);
    const ports = this.ports(faulty);
    const dataset = parseDataset(
      {
        name: 'd',
        source: { prefix: 'in/', pick: 'new' },
        splitBytes: 64,
        target: { database: 'db', table: 't', mode: this.mode, partitionBy: ['part'], formats: ['parquet', 'avro'] },
      },
      'the drill',
    );
    const datasets = registryOf([dataset]);
    const steps = makeSteps(ports, (asked, now) =>
      toRequest(asked, { environment: {}, datasets, places: PLACES, now }),
    );
    const handlers = Object.fromEntries(
      Object.entries(steps).map(([step, handler]) => [
        `${step}LambdaFunction`,
        (event: unknown, { attemptId }: { attemptId: string }) => handler(event, attemptId),
      ]),
    );
    const name = `e${this.outcome.executions++}`;
    const id = `arn:aws:states:local:000000000000:execution:load:${name}`;
    this.running.add(id);
    const result = await runMachine({
      definition: this.definition,
      handlers,
      objects: ports.objects,
      input,
      name,
      startTime: new Date(this.time).toISOString(),
      clock: ports.clock,
      sleep: () => this.turns.wait(),
      random: this.random,
      newId: ports.newId,
    });
    this.running.delete(id);
    if (result.error?.name === 'BadRequest' && !('redrive' in (input as object))) {
      this.violation(`the drill's own input was refused: ${result.error.cause}`);
    }
    if (faulty.struck()) this.outcome.faults++;
    if (result.endState === 'Succeeded') this.succeeded.push(runId({ name, startTime: result.startTime }));
    return result;
  }

  /** Calls of all executions go one at a time, in an order of the seed's. */
  private takingTurns(objects: ObjectStore): ObjectStore {
    const turns = this.turns;
    const outer = { ...objects };
    for (const method of [
      'head',
      'read',
      'put',
      'copy',
      'delete',
      'deleteMany',
      'upload',
      'download',
      'stream',
    ] as const) {
      // biome-ignore lint/suspicious/noExplicitAny: methods of any signature are passed through
      const call = objects[method] as any;
      // biome-ignore lint/suspicious/noExplicitAny: as above
      (outer as any)[method] = async (...args: any[]) => {
        await turns.wait();
        return call(...args);
      };
    }
    outer.list = async function* (...args: Parameters<ObjectStore['list']>) {
      await turns.wait();
      yield* objects.list(...args);
    };
    return outer;
  }

  /** What an operator's nights do: sweeps until one finds nothing, and quarantine redriven. */
  private async settle(): Promise<void> {
    for (let round = 0; round < 4; round++) {
      this.time += 3_600_000;
      await this.execute({ dataset: 'd' });
      const ports = this.ports(this.base);
      const runs = new Set((await quarantined(ports, 'd')).map(({ record }) => record.run));
      for (const run of runs) {
        this.time += 1000;
        await this.execute({ redrive: run });
      }
    }
  }

  /** Who was told that its run committed finds it in the log; and no two runs ever loaded one version of an object. */
  private async checkCommits(): Promise<void> {
    const log = openLog(this.base.objects, PLACES.work, 'd');
    const head = await log.head();
    for (const run of this.succeeded)
      if (!head.runs.has(run)) this.violation(`run ${run} succeeded and is not in the log`);
    for (let version = 1; version <= head.version; version++) {
      const entry = await log.entry(version);
      if (entry.kind === 'void' && entry.reason.includes('already loaded')) {
        this.violation(`two runs held one object: ${entry.reason}`);
      }
    }
  }

  private violation(text: string): void {
    this.outcome.violations.push(text);
  }

  /**
   * Append: the rows of an object's last version exactly once, those of an earlier one at most once. Overwrite: exactly the
   * last version's. The same in both formats, and under the root nothing but what the log says.
   */
  private async check(keys: string[]): Promise<void> {
    const head = await openLog(this.base.objects, PLACES.work, 'd').head();
    for (const table of ['t', 't_avro']) {
      const counts = await this.rowCounts(table);
      for (const version of this.versions) {
        const last = this.versions.findLast(({ key }) => key === version.key) === version;
        for (const id of version.ids) {
          const times = counts.get(id) ?? 0;
          counts.delete(id);
          const most = last || this.mode === 'append' ? 1 : 0;
          if (times > most || (last && times < 1)) {
            this.violation(
              `${this.mode}: row ${id} of ${version.key} (${last ? 'last' : 'earlier'} version) is ${times} times in ${table}`,
            );
          }
        }
      }
      for (const id of counts.keys()) this.violation(`row ${id} of nowhere is in ${table}`);
      const live = (head.tables.get(`db.${table}`)?.files ?? []).map((file) => file.key).sort();
      const there: string[] = [];
      for await (const { key } of this.base.objects.list(PLACES.lake, `db/${table}/`)) there.push(key);
      if (JSON.stringify(there) !== JSON.stringify(live)) {
        this.violation(`under db/${table}/ lie ${there.length} files where the log has ${live.length}`);
      }
    }
    if (keys.length === 0) this.violation('the history had no objects');
  }

  private async rowCounts(table: string): Promise<Map<string, number>> {
    const counts = new Map<string, number>();
    for (const { location } of await this.base.catalog.partitions('db', table)) {
      for await (const info of this.base.objects.list(PLACES.lake, location.slice('s3://lake/'.length))) {
        for (const row of parsePlainFile(await this.base.objects.read(info))) {
          counts.set(row.id!, (counts.get(row.id!) ?? 0) + 1);
        }
      }
    }
    return counts;
  }
}
