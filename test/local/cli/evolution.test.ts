import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { localExecutions } from '../../../shared/adapters/local-executions.ts';
import { describeWithPython } from '../../setup/available.ts';
import { makeSluice, multiset, type RunJson, type Sluice } from './sluice.ts';

const DATASET = `
source:
  prefix: orders/
  pick: new
evolution: rescue
widening: rewrite
target:
  database: shop
  table: orders
  mode: append
  onReupload: replace
  partitionBy: [country]
  formats: [parquet, avro, csv]
  compression: {csv: none}
concurrency:
  singleFlight: true
`;
const PLAIN = `
source:
  prefix: plain/
  pick: new
target:
  database: shop
  table: plain
  onReupload: fail
`;
/** The first load has the narrower type. */
const NARROW = ['--set', 'schema={"id":"int","total":"int","country":"string"}'];

interface Row {
  id: number;
  total: string | number;
  country: string;
  _rescued: string | null;
}

describe('a table whose objects and columns change', () => {
  let sluice: Sluice;

  beforeAll(async () => {
    sluice = await makeSluice();
    await mkdir(join(sluice.folder, 'datasets'));
    await sluice.file('datasets/orders.yml', DATASET);
    await sluice.file('datasets/plain.yml', PLAIN);
  });
  afterAll(() => sluice.remove());

  const rows = async (table: string) =>
    multiset(
      (await sluice.query<Row>(`select id, total, country, _rescued from shop.${table}`)).map((row) => [
        Number(row.id),
        Number(row.total),
        row.country,
        row._rescued,
      ]),
    );
  const types = async (table: string) =>
    Object.fromEntries(
      (await sluice.query<{ column_name: string; column_type: string }>(`describe shop.${table}`)).map((column) => [
        column.column_name,
        column.column_type,
      ]),
    );
  /** What every format has. */
  const expectRows = async (...expected: [number, number, string, string | null][]) => {
    for (const table of ['orders', 'orders_csv']) expect(await rows(table)).toEqual(multiset(expected));
  };

  it('replaces the rows of an object that was uploaded again, in the files that hold them', async () => {
    await sluice.land('orders/a.csv', 'id,total,country\n1,10,BR\n2,20,AR\n');
    await sluice.land('orders/b.csv', 'id,total,country\n3,30,BR\n4,40,UY\n');
    const first = await sluice.json<RunJson>(['run', 'orders', ...NARROW]);
    expect(first.tables.map(({ rows }) => rows)).toEqual([4, 4, 4]);
    await expectRows([1, 10, 'BR', null], [2, 20, 'AR', null], [3, 30, 'BR', null], [4, 40, 'UY', null]);
    expect(await types('orders')).toMatchObject({ id: 'INTEGER', total: 'INTEGER', _source_id: 'VARCHAR' });

    const uy = await sluice.keys('lake', 'shop/orders/country=UY/');
    await sluice.land('orders/a.csv', 'id,total,country\n1,11,BR\n');
    const second = await sluice.json<RunJson>(['run', 'orders', ...NARROW]);
    expect(second.sources.map(({ uri, rowsWritten }) => [uri, rowsWritten])).toEqual([
      ['s3://landing/orders/a.csv', 1],
    ]);
    await expectRows([1, 11, 'BR', null], [3, 30, 'BR', null], [4, 40, 'UY', null]);
    expect(await sluice.keys('lake', 'shop/orders/country=UY/')).toEqual(uy);
    const ids = await sluice.query<{ n: number }>('select count(distinct _source_id) as n from shop.orders');
    expect(Number(ids[0].n)).toBe(2);
  });

  it('widens a column in every file and format, exactly', async () => {
    await sluice.land('orders/c.csv', 'id,total,country\n5,9000000000.50,AR\n6,0.25,AR\n');
    const run = await sluice.json<RunJson>(['run', 'orders']);
    expect(run.sources.map(({ rowsRejected }) => rowsRejected)).toEqual([0]);
    expect(await types('orders')).toMatchObject({ id: 'BIGINT', total: 'DECIMAL(18,2)' });
    const files = await sluice.query<{ n: number }>(
      `select count(distinct typeof(total)) as n from shop.orders where total in (11, 30, 40, 9000000000.50, 0.25)`,
    );
    expect(Number(files[0].n)).toBe(1);
    await expectRows(
      [1, 11, 'BR', null],
      [3, 30, 'BR', null],
      [4, 40, 'UY', null],
      [5, 9000000000.5, 'AR', null],
      [6, 0.25, 'AR', null],
    );
    const [{ total }] = await sluice.query<Row>('select total from shop.orders where id = 5');
    expect(String(total)).toBe('9000000000.50');
  });

  it('keeps unknown columns as JSON, and takes columns in any order', async () => {
    await sluice.land('orders/d.csv', 'Country,Cost Total $,ID,Total,note\nUY,"1,5",7,70.00,"a ""b"""\nUY,,8,80.00,\n');
    const run = await sluice.json<RunJson>(['run', 'orders']);
    expect(run.sources.map(({ rowsWritten }) => rowsWritten)).toEqual([2]);
    const [{ _rescued }] = await sluice.query<Row>('select _rescued from shop.orders where id = 7');
    expect(JSON.parse(_rescued!)).toEqual({ 'Cost Total $': '1,5', note: 'a "b"' });
    expect((await sluice.query<Row>('select _rescued from shop.orders where id = 8'))[0]._rescued).toBeNull();
    expect(await rows('orders_csv')).toEqual(await rows('orders'));
  });

  it('still knows whose rows are whose after all that', async () => {
    await sluice.land('orders/c.csv', 'id,total,country\n9,1.00,UY\n');
    await sluice.json<RunJson>(['run', 'orders']);
    const ids = (await sluice.query<Row>('select id from shop.orders order by id')).map(({ id }) => Number(id));
    expect(ids).toEqual([1, 3, 4, 7, 8, 9]);
    const compacted = await sluice.json<RunJson>(['compact', 'shop.orders']);
    expect(compacted.run.status).toBe('succeeded');
    await sluice.land('orders/d.csv', 'id,total,country\n7,71.00,UY\n');
    await sluice.json<RunJson>(['run', 'orders']);
    const left = (await sluice.query<Row>('select id from shop.orders order by id')).map(({ id }) => Number(id));
    expect(left).toEqual([1, 3, 4, 7, 9]);
    expect(await rows('orders_csv')).toEqual(await rows('orders'));
    expect(await sluice.keys('work', 'locks/')).toEqual([]);
  });

  describeWithPython('read by pyarrow and fastavro', () => {
    it('has the same rows and types in every file', async () => {
      for (const table of ['orders', 'orders_avro']) {
        const { columns, rows: found } = await sluice.readWithPython(`shop/${table}`);
        const id = columns.indexOf('id');
        const total = columns.indexOf('total');
        const values = found.map((row) => [Number(row[id]), Number(row[total])]);
        expect(multiset(values)).toEqual(
          multiset([
            [1, 11],
            [3, 30],
            [4, 40],
            [7, 71],
            [9, 1],
          ]),
        );
      }
    });
  });

  it('leaves its objects to the next run while another is under way, and says so', async () => {
    const executions = localExecutions(sluice.home);
    await executions.begin('other');
    const lock = { run: 'other-run', executionId: 'arn:execution:other', expires: '2999-01-01T00:00:00Z' };
    await sluice.objects.put({ bucket: 'work', key: 'locks/orders.run' }, JSON.stringify(lock));
    await sluice.land('orders/e.csv', 'id,total,country\n10,1.00,BR\n');
    const busy = await sluice.json<RunJson>(['run', 'orders']);
    expect([busy.run.status, busy.notices]).toEqual(['nothing', ['left to the next run: other-run is under way']]);
    await executions.end('other', 'ABORTED');
    const next = await sluice.json<RunJson>(['run', 'orders']);
    expect(next.sources.map(({ uri }) => uri)).toEqual(['s3://landing/orders/e.csv']);
  });

  it('refuses what the data set does not want, by name and of the object alone', async () => {
    await sluice.land('plain/a.csv', 'id\n1\n');
    await sluice.json<RunJson>(['run', 'plain']);
    await sluice.land('plain/a.csv', 'id\n2\n');
    await sluice.land('plain/b.csv', 'id\n2.50\n');
    await sluice.land('plain/c.csv', 'id\n3\n');
    const { sources } = await sluice.json<RunJson>(['run', 'plain']);
    expect(sources.map(({ uri, status, error }) => [uri, status, error?.name])).toEqual([
      ['s3://landing/plain/c.csv', 'loaded', undefined],
      ['s3://landing/plain/a.csv', 'quarantined', 'ReuploadRefused'],
      ['s3://landing/plain/b.csv', 'quarantined', 'SchemaWouldWiden'],
    ]);
    expect((await sluice.query('select id from shop.plain order by id')).map(({ id }) => Number(id))).toEqual([1, 3]);
  });
});
