import { describe, expect, it } from '@jest/globals';
import { liveVersions } from '../../shared/commit/fold.ts';
import type { DatasetDefinition } from '../../shared/dataset/dataset.ts';
import type { PlainRow } from '../doubles/plain-engine.ts';
import { headOf, makeWorld, type World } from '../doubles/world.ts';

type Settings = Partial<DatasetDefinition['target']>;

function orders(target: Settings = {}, over: Partial<DatasetDefinition> = {}): DatasetDefinition & { name: string } {
  return {
    name: 'orders',
    source: { prefix: 'orders/', pick: 'new' },
    ...over,
    target: {
      ...{ database: 'shop', table: 'orders', mode: 'append', onReupload: 'replace' },
      formats: ['parquet', 'avro', 'csv'],
      ...target,
    },
  };
}

const TABLES = ['orders', 'orders_avro', 'orders_csv'];
const bare = (rows: PlainRow[]) => rows.map(({ _source_id: _, ...row }) => JSON.stringify(row)).sort();
const ids = (...values: (string | number)[]) => values.map((id) => JSON.stringify({ id: String(id) })).sort();

async function expectRows(world: World, rows: string[], tables = TABLES): Promise<void> {
  for (const table of tables) {
    expect(bare(await world.rows('shop', table))).toEqual(rows);
    const live = (await headOf(world, 'orders')).tables.get(`shop.${table}`)!.files.map((file) => file.key);
    expect(await world.lakeKeys(`shop/${table}/`)).toEqual(live.sort());
  }
}

/** An object is put, and one run takes what is new. */
async function land(world: World, files: Record<string, string>) {
  world.clock.time = new Date(world.clock.time.getTime() + 60_000);
  for (const [key, text] of Object.entries(files)) await world.put(`orders/${key}`, text);
  return world.run({ dataset: 'orders' });
}

describe('onReupload: replace', () => {
  it('says of every row which object version it came from, in every format and the catalog', async () => {
    const world = makeWorld({ datasets: [orders()] });
    await land(world, { 'a.csv': 'id\n1\n', 'b.csv': 'id\n2\n' });
    const state = await headOf(world, 'orders');
    const [a] = liveVersions(state, { bucket: 'landing', key: 'orders/a.csv' });
    for (const table of TABLES) {
      const columns = (await world.ports.catalog.table('shop', table))!.columns.map((column) => column.name);
      expect(columns).toEqual(['id', '_source_id']);
      const [row] = (await world.rows('shop', table)).filter(({ id }) => id === '1');
      expect(row._source_id).toBe(a);
      expect(state.tables.get(`shop.${table}`)!.files.map((file) => file.rowsOf)).toEqual([
        Object.fromEntries([...state.sources.keys()].map((id) => [id, 1])),
      ]);
    }
  });

  it('takes the rows of a changed object in place of the earlier ones, and leaves files that hold none of them', async () => {
    const world = makeWorld({ datasets: [orders()] });
    await land(world, { 'a.csv': 'id\n1\n2\n', 'b.csv': 'id\n3\n' });
    await land(world, { 'c.csv': 'id\n4\n' });
    const before = (await headOf(world, 'orders')).tables.get('shop.orders')!.files;
    const outcome = await land(world, { 'a.csv': 'id\n10\n' });
    expect(outcome.status).toBe('SUCCEEDED');
    await expectRows(world, ids(10, 3, 4));
    const after = (await headOf(world, 'orders')).tables.get('shop.orders')!.files;
    expect(after).toHaveLength(3);
    expect(after.map((file) => file.staged)).toContain(before[1].staged);
    expect(after.map((file) => file.staged)).not.toContain(before[0].staged);
    const [a, ...more] = liveVersions(await headOf(world, 'orders'), { bucket: 'landing', key: 'orders/a.csv' });
    expect(more).toEqual([]);
    expect((await headOf(world, 'orders')).sources.get(a)).toBe(3);
  });

  it('drops a file all of whose rows are replaced without reading it', async () => {
    const world = makeWorld({ datasets: [orders()] });
    await land(world, { 'a.csv': 'id\n1\n' });
    const never = () => Promise.reject(new Error('there is nothing to repartition'));
    world.clock.time = new Date('2026-01-03T00:00:00Z');
    await world.put('orders/a.csv', 'id\n2\n');
    const outcome = await world.run({ dataset: 'orders' }, { Repartition: never });
    expect(outcome.status).toBe('SUCCEEDED');
    await expectRows(world, ids(2));
  });

  it('writes again only the partitions that hold them, each under a new generation', async () => {
    const world = makeWorld({ datasets: [orders({ partitionBy: ['day'] })] });
    await land(world, { 'a.csv': 'id,day\n1,x\n2,y\n', 'b.csv': 'id,day\n3,x\n4,y\n5,z\n' });
    const locations = async () =>
      new Map(
        (await headOf(world, 'orders')).tables
          .get('shop.orders')!
          .files.map((file) => [file.partition[0], file.location]),
      );
    const before = await locations();
    await land(world, { 'a.csv': 'id,day\n6,x\n' });
    const rows = [
      { id: '6', day: 'x' },
      { id: '3', day: 'x' },
      { id: '4', day: 'y' },
      { id: '5', day: 'z' },
    ];
    await expectRows(world, rows.map((row) => JSON.stringify(row)).sort());
    const after = await locations();
    expect(after.get('z')).toBe(before.get('z'));
    for (const day of ['x', 'y']) expect(after.get(day)).not.toBe(before.get(day));
  });

  it('takes an object that goes back to what it was', async () => {
    const world = makeWorld({ datasets: [orders()] });
    await land(world, { 'a.csv': 'id\n1\n', 'b.csv': 'id\n9\n' });
    await land(world, { 'a.csv': 'id\n2\n' });
    const back = await land(world, { 'a.csv': 'id\n1\n' });
    expect(back.status).toBe('SUCCEEDED');
    await expectRows(world, ids(1, 9));
  });

  it('loads an object that is loaded again on purpose in place of itself, alone of its commit', async () => {
    const world = makeWorld({ datasets: [orders()] });
    await land(world, { 'a.csv': 'id\n1\n', 'b.csv': 'id\n2\n' });
    await land(world, { 'b.csv': 'id\n3\n' });
    const again = { dataset: 'orders', objects: [{ bucket: 'landing', key: 'orders/a.csv' }], force: true };
    for (let i = 0; i < 2; i++) expect((await world.run(again)).status).toBe('SUCCEEDED');
    await expectRows(world, ids(1, 3));
    for (const pick of ['all', 'latest']) {
      expect((await world.run({ dataset: 'orders', source: { pick } })).status).toBe('SUCCEEDED');
      await expectRows(world, ids(1, 3));
    }
  });

  it('leaves the earlier rows where they are when the changed object fails', async () => {
    const world = makeWorld({ datasets: [orders()] });
    await land(world, { 'a.csv': 'id\n1\n', 'b.csv': 'id\n2\n' });
    const outcome = await land(world, { 'a.csv': 'id\n!\n7\n', 'b.csv': 'id\n8\n' });
    expect(outcome.status).toBe('SUCCEEDED');
    await expectRows(world, ids(1, 8));
    const loaded = outcome.history.filter((line) => line.source_status === 'quarantined');
    expect(loaded.map((line) => line.source)).toEqual(['s3://landing/orders/a.csv']);
  });

  it('knows what merged files hold', async () => {
    const world = makeWorld({ datasets: [orders()] });
    for (const id of [1, 2, 3]) await land(world, { [`${id}.csv`]: `id\n${id}\n` });
    expect((await world.run({ dataset: 'orders', compact: true })).status).toBe('SUCCEEDED');
    expect(await world.lakeKeys('shop/orders/')).toHaveLength(1);
    await land(world, { '2.csv': 'id\n20\n21\n' });
    await expectRows(world, ids(1, 20, 21, 3));
    await land(world, { '1.csv': 'id\n10\n' });
    await expectRows(world, ids(10, 20, 21, 3));
  });

  it('never lets a version that was overwritten before it was committed replace the newer one', async () => {
    const world = makeWorld({ datasets: [orders()] });
    await land(world, { 'a.csv': 'id\n1\n', 'b.csv': 'id\n9\n' });
    world.clock.time = new Date('2026-01-03T00:00:00Z');
    await world.put('orders/a.csv', 'id\n2\n');
    let newer: Promise<unknown> | undefined;
    const late = await world.run(
      { dataset: 'orders' },
      {
        async Publish(event, attempt) {
          newer ??= land(world, { 'a.csv': 'id\n3\n' });
          await newer;
          return world.steps.Publish(event, attempt);
        },
      },
    );
    expect(late.endState).toBe('Superseded');
    await expectRows(world, ids(3, 9));
    expect(await world.workKeys('failed/')).toEqual([]);
  });

  it('plans again when the files that it wrote again were replaced meanwhile', async () => {
    const world = makeWorld({ datasets: [orders()] });
    await land(world, { 'a.csv': 'id\n1\n', 'b.csv': 'id\n9\n' });
    world.clock.time = new Date('2026-01-03T00:00:00Z');
    await world.put('orders/a.csv', 'id\n2\n');
    let other: Promise<unknown> | undefined;
    const outcome = await world.run(
      { dataset: 'orders' },
      {
        async Publish(event, attempt) {
          other ??= land(world, { 'b.csv': 'id\n8\n' });
          await other;
          return world.steps.Publish(event, attempt);
        },
      },
    );
    expect(outcome.endState).toBe('Superseded');
    expect((await Promise.all(outcome.successors)).map((run) => run.status)).toEqual(['SUCCEEDED']);
    await expectRows(world, ids(2, 8));
  });

  it('cannot tell rows apart that came before the column did, and says so of the object alone', async () => {
    const world = makeWorld({ datasets: [orders({ onReupload: 'append' })] });
    await land(world, { 'a.csv': 'id\n1\n', 'b.csv': 'id\n2\n' });
    world.clock.time = new Date('2026-01-03T00:00:00Z');
    await world.put('orders/a.csv', 'id\n3\n');
    await world.put('orders/c.csv', 'id\n4\n');
    const asked = { dataset: 'orders', target: { onReupload: 'replace' } };
    const outcome = await world.run(asked);
    expect(outcome.status).toBe('SUCCEEDED');
    expect(outcome.history.map((line) => [line.source, line.error_name])).toEqual([
      ['s3://landing/orders/c.csv', null],
      ['s3://landing/orders/a.csv', 'ReloadWouldDouble'],
    ]);
    await expectRows(world, ids(1, 2, 4));
    world.clock.time = new Date('2026-01-04T00:00:00Z');
    await world.put('orders/c.csv', 'id\n5\n');
    await world.run(asked);
    await expectRows(world, ids(1, 2, 5));
    const whole = await world.run({
      ...asked,
      source: { pick: 'all' },
      target: { onReupload: 'replace', mode: 'overwrite' },
    });
    expect(whole.status).toBe('SUCCEEDED');
    await expectRows(world, ids(2, 3, 5));
    world.clock.time = new Date('2026-01-05T00:00:00Z');
    await world.put('orders/b.csv', 'id\n6\n');
    await world.run(asked);
    await expectRows(world, ids(6, 3, 5));
  });

  it('gives a column of the files that is called like its own another name', async () => {
    const world = makeWorld({ datasets: [orders()] });
    await land(world, { 'a.csv': 'id,_source_id\n1,mine\n' });
    await expectRows(world, [JSON.stringify({ id: '1', _source_id_2: 'mine' })]);
  });
});

describe('onReupload: fail', () => {
  it('sets the changed object aside under its own error, and loads the others', async () => {
    const world = makeWorld({ datasets: [orders({ onReupload: 'fail' })] });
    await land(world, { 'a.csv': 'id\n1\n' });
    const outcome = await land(world, { 'a.csv': 'id\n2\n', 'b.csv': 'id\n3\n' });
    expect(outcome.status).toBe('SUCCEEDED');
    expect(outcome.history.map((line) => [line.source, line.error_name])).toEqual([
      ['s3://landing/orders/b.csv', null],
      ['s3://landing/orders/a.csv', 'ReuploadRefused'],
    ]);
    await expectRows(world, ids(1, 3));
    const columns = (await world.ports.catalog.table('shop', 'orders'))!.columns.map((column) => column.name);
    expect(columns).toEqual(['id']);
  });

  it('lets of two versions in two runs only one in', async () => {
    const world = makeWorld({ datasets: [orders({ onReupload: 'fail' })] });
    await world.put('orders/a.csv', 'id\n1\n');
    let other: Promise<unknown> | undefined;
    const outcome = await world.run(
      { dataset: 'orders' },
      {
        async Publish(event, attempt) {
          other ??= land(world, { 'a.csv': 'id\n2\n' });
          await other;
          return world.steps.Publish(event, attempt);
        },
      },
    );
    expect(outcome.endState).toBe('Superseded');
    await expectRows(world, ids(2));
  });
});

describe('onReupload: append', () => {
  it('adds the rows of a changed object to the earlier ones', async () => {
    const world = makeWorld({ datasets: [orders({ onReupload: 'append' })] });
    await land(world, { 'a.csv': 'id\n1\n' });
    await land(world, { 'a.csv': 'id\n2\n' });
    await expectRows(world, ids(1, 2));
  });

  it('refuses to load one object again of several that came together', async () => {
    const world = makeWorld({ datasets: [orders({ onReupload: 'append' })] });
    await land(world, { 'a.csv': 'id\n1\n', 'b.csv': 'id\n2\n' });
    const again = { dataset: 'orders', objects: [{ bucket: 'landing', key: 'orders/a.csv' }], force: true };
    expect((await world.run(again)).error?.name).toBe('ReloadWouldDouble');
    await expectRows(world, ids(1, 2));
  });
});
