import { checkpointKey, lockKey, logKey, logPrefix, publishedKey } from '../../shared/commit/keys.ts';
import { openLog } from '../../shared/commit/log.ts';
import { duckdbEngine } from '../../shared/engine/duckdb-engine.ts';
import { LOG_CHECKPOINT_EVERY } from '../../shared/limits.ts';
import { memoryCatalog } from '../doubles/memory-catalog.ts';
import { memoryObjectStore } from '../doubles/memory-object-store.ts';
import { makeWorld } from '../doubles/world.ts';
import { type ActRecord, recordActs } from './acts.ts';

/** Loads of every kind, and what goes wrong in them, with a record of all that each step did meanwhile. */
export async function everythingThatSteps(): Promise<ActRecord> {
  const record = recordActs();
  const store = memoryObjectStore();
  const catalog = memoryCatalog();
  const target = { database: 'shop', graceMinutes: 0 };
  const world = makeWorld({
    objects: record.objects(store),
    catalog: record.catalog(catalog),
    observed: { objects: store, catalog },
    datasets: [
      {
        name: 'sales',
        source: { prefix: 'sales/' },
        target: { ...target, table: 'sales', partitionBy: ['day'], formats: ['parquet', 'avro'] },
      },
      {
        name: 'notes',
        source: { prefix: 'notes/', pick: 'new' },
        rejects: { rows: 1 },
        target: { ...target, table: 'notes', mode: 'append' },
      },
      {
        name: 'orders',
        source: { prefix: 'orders/', pick: 'new' },
        widening: 'rewrite',
        concurrency: { singleFlight: true },
        target: { ...target, table: 'orders', mode: 'append', onReupload: 'replace' },
      },
      { name: 'mirrored', source: { prefix: 'files/' }, target: { layout: 'mirror', formats: ['parquet'] } },
    ],
  });
  world.ports.executions = record.executions(world.ports.executions);

  type Steps = typeof world.steps;
  const steps: Steps = Object.fromEntries(
    Object.entries(world.steps).map(([step, handler]) => [
      step,
      (event: unknown, attempt: string) => record.as(step, () => handler(event, attempt)),
    ]),
  );
  const lost = () => Promise.reject(Object.assign(new Error('lost'), { name: 'Lambda.Unknown' }));
  const work = (key: string) => ({ bucket: 'work', key });

  /** One execution, which has to end where the scenario means it to; its run. */
  async function run(input: object, endState: string, replaced: Steps = {}): Promise<string> {
    const outcome = await world.run(input, { ...steps, ...replaced });
    if (outcome.endState === endState) return outcome.run;
    throw new Error(`${JSON.stringify(input)} ended in ${outcome.endState}: ${JSON.stringify(outcome.error)}`);
  }

  async function leaveLock(dataset: string): Promise<void> {
    const lock = { run: 'gone', executionId: 'arn:gone', attempt: 'gone', expires: '2099-01-01T00:00:00Z' };
    await store.put(work(lockKey(dataset)), JSON.stringify(lock));
  }

  /** What is known of the catalog is as it was before any commit, and so is the quarantine that one emptied. */
  async function forgetPublished(dataset: string): Promise<void> {
    await store.delete(work(checkpointKey(dataset)));
    await store.delete(work(publishedKey(dataset)));
    for (const [key, body] of redriven) await store.put(work(key), body);
  }
  const redriven = new Map<string, Uint8Array>();

  // Partitions, replaced; files of fixed names; several files into one.
  await world.put('sales/a.csv', 'id,day\n1,x\n2,y\n');
  await run({ dataset: 'sales' }, 'Succeeded');
  world.clock.time = new Date('2026-01-03T00:00:00Z');
  await world.put('sales/a.csv', 'id,day\n3,x\n');
  await run({ dataset: 'sales' }, 'Succeeded');
  await world.put('files/a.csv', 'id\n1\n');
  await run({ dataset: 'mirrored' }, 'Succeeded');

  // Rows that are replaced and a column that widens, by one run at a time, which lets go of that where it fails too.
  const narrow = { dataset: 'orders', schema: { id: 'string', v: 'int' } };
  await world.put('orders/a.csv', 'id,v\n1,1\n');
  await world.put('orders/b.csv', 'id,v\n2,2\n');
  await run(narrow, 'Succeeded');
  await world.put('orders/a.csv', 'id,v\n3,9000000000\n');
  await run({ dataset: 'orders' }, 'Succeeded');
  await world.put('orders/c.csv', '');
  await run({ dataset: 'orders' }, 'Failed');

  // Rejected rows and a bad object; then nothing but a bad object, nothing at all, one that is asked for by name.
  await world.put('notes/a.csv', 'id\n1\n!\n');
  await world.put('notes/empty.csv', '');
  await run({ dataset: 'notes' }, 'Succeeded');
  await world.put('notes/c.csv', '');
  await run({ dataset: 'notes' }, 'Failed');
  await run({ dataset: 'notes' }, 'NothingToLoad');
  await world.put('notes/d.csv', 'id\n4\n');
  await run({ dataset: 'notes', objects: [{ bucket: 'landing', key: 'notes/d.csv' }] }, 'Succeeded');
  await run({ dataset: 'notes', compact: true }, 'Succeeded');

  // Two objects that fail, redriven: one is mended, one is gone but for its copy, which fails once more among others and
  // then alone.
  for (const key of ['x', 'y']) await world.put(`notes/${key}.csv`, 'id\n!\n!\n3\n');
  await world.put('notes/z.csv', 'id\n5\n');
  const failing = await run({ dataset: 'notes' }, 'Succeeded');
  await world.put('notes/x.csv', 'id\n6\n');
  await store.delete({ bucket: 'landing', key: 'notes/y.csv' });
  for (const key of await keysOf('failed/notes/')) redriven.set(key, await store.read(work(key)));
  const failingAgain = await run({ redrive: failing }, 'Succeeded');
  await run({ redrive: failingAgain }, 'Failed');

  // A task that its own step gives up; a run that dies before its verdict, whose claims another takes over.
  await world.put('sales/e.csv', 'id,day\n5,z\n');
  await run({ dataset: 'sales' }, 'Failed', { Convert: lost });
  await world.put('notes/h.csv', 'id\n8\n');
  await run({ dataset: 'notes' }, 'QuarantineRun', { Plan: lost, Quarantine: lost });
  await run({ dataset: 'notes' }, 'Succeeded');

  // An object loaded again: what came with others is copied to a new place. Its publisher dies right behind the verdict,
  // which is to say that the rest of its work is taken away again.
  await world.put('notes/f.csv', 'id\n6\n');
  await run({ dataset: 'notes' }, 'Succeeded');
  const again = { dataset: 'notes', objects: [{ bucket: 'landing', key: 'notes/f.csv' }], force: true };
  await run(again, 'Succeeded');
  await run(again, 'Failed', {
    async Publish(event, attempt) {
      const before = await keysOf(logPrefix('notes'));
      await steps.Publish(event, attempt);
      for (const key of await keysOf(logPrefix('notes'))) if (!before.includes(key)) await store.delete(work(key));
      await forgetPublished('notes');
      await leaveLock('notes');
      return lost();
    },
  });

  // A log that is long enough for a checkpoint, which each step finds missing as it finds a lock that was left.
  const { version: head } = await openLog(store, 'work', 'notes').head();
  for (let version = head + 1; version <= head + LOG_CHECKPOINT_EVERY; version++) {
    const entry = {
      kind: 'void',
      run: `void-${version}`,
      dataset: 'notes',
      at: '2026-01-03T00:00:00Z',
      reason: 'test',
    };
    await store.put(work(logKey('notes', version)), JSON.stringify(entry));
  }
  const behind = Object.entries(steps).map(([step, handler]): [string, Steps[string]] => [
    step,
    async (event, attempt) => {
      await forgetPublished('notes');
      await leaveLock('notes');
      return handler(event, attempt);
    },
  ]);
  await run(again, 'Succeeded', Object.fromEntries(behind));
  await everythingThatClusters(record);
  return record;

  async function keysOf(prefix: string): Promise<string[]> {
    const keys: string[] = [];
    for await (const { key } of store.list('work', prefix)) keys.push(key);
    return keys;
  }
}

/** Loads that are clustered: points by an algorithm of each kind, and distances; with a log that wants a checkpoint. */
async function everythingThatClusters(record: ActRecord): Promise<void> {
  const store = memoryObjectStore();
  const target = { database: 'shop', graceMinutes: 0 };
  const engine = duckdbEngine({ threads: 1 });
  const world = makeWorld({
    objects: record.objects(store),
    catalog: record.catalog(memoryCatalog()),
    observed: { objects: store, catalog: memoryCatalog() },
    engine,
    datasets: [
      {
        name: 'points',
        source: { prefix: 'points/' },
        target: { ...target, table: 'points', mode: 'append' },
        cluster: { features: ['x', 'y'], kMax: 2 },
      },
      {
        name: 'pairs',
        source: { prefix: 'pairs/', format: 'distances' },
        target: { ...target, table: 'pairs', mode: 'overwrite' },
        cluster: { output: { path: 'out' } },
      },
    ],
  });
  const steps = Object.fromEntries(
    Object.entries(world.steps).map(([step, handler]) => [
      step,
      (event: unknown, attempt: string) => record.as(step, () => handler(event, attempt)),
    ]),
  );
  const behind = {
    ...steps,
    async ChooseClusters(event: unknown, attempt: string) {
      await store.delete({ bucket: 'work', key: checkpointKey('points') });
      return steps.ChooseClusters!(event, attempt);
    },
  };
  for (let version = 1; version <= LOG_CHECKPOINT_EVERY; version++) {
    const at = '2026-01-01T00:00:00Z';
    const entry = { kind: 'void', run: `void-${version}`, dataset: 'points', at, reason: 'test' };
    await store.put({ bucket: 'work', key: logKey('points', version) }, JSON.stringify(entry));
  }
  await world.put('points/a.csv', 'x,y\n1,1\n1,2\n9,9\n9,8\n');
  await world.put('pairs/a.csv', 'key1,key2,distance\na,b,0.1\n');
  for (const input of [
    { dataset: 'points' },
    { dataset: 'points', cluster: { algorithm: 'DBSCAN' } },
    { dataset: 'pairs' },
  ]) {
    const outcome = await world.run(input, behind);
    if (outcome.endState !== 'Succeeded') throw new Error(`${JSON.stringify(input)}: ${JSON.stringify(outcome.error)}`);
  }
  await engine.close();
}
