import { describe, expect, it } from '@jest/globals';
import { headOf, makeWorld, type World } from '../doubles/world.ts';

const SALES = {
  name: 'sales',
  source: { prefix: 'sales/' },
  target: { database: 'shop', table: 'sales', partitionBy: ['day'], formats: ['parquet' as const, 'avro' as const] },
};
const NOTES = {
  name: 'notes',
  source: { prefix: 'notes/', pick: 'new' as const },
  rejects: { rows: 1 },
  target: { database: 'shop', table: 'notes' },
};

const world = (...datasets: Parameters<typeof makeWorld>[0]['datasets']): World => makeWorld({ datasets });
const sorted = (rows: Record<string, unknown>[]) => rows.map((row) => JSON.stringify(row)).sort();

describe('a load', () => {
  it('brings every row of every object into both formats, partitioned', async () => {
    const w = world(SALES);
    await w.put('sales/a.csv', 'id,day\n1,x\n2,y\n');
    await w.put('sales/b.csv', 'id,day\n3,x\n');
    const outcome = await w.run({ dataset: 'sales' });
    expect(outcome.status).toBe('SUCCEEDED');
    expect(sorted(await w.rows('shop', 'sales'))).toEqual(
      sorted([
        { id: '1', day: 'x' },
        { id: '2', day: 'y' },
        { id: '3', day: 'x' },
      ]),
    );
    expect(sorted(await w.rows('shop', 'sales_avro'))).toEqual(sorted(await w.rows('shop', 'sales')));
    expect(outcome.history.map((line) => [line.source, line.rows_read, line.rows_written])).toEqual([
      ['s3://landing/sales/a.csv', 2, 2],
      ['s3://landing/sales/b.csv', 1, 1],
    ]);
  });

  it('replaces only the partitions that come again, and leaves nothing else under the root', async () => {
    const w = world(SALES);
    await w.put('sales/a.csv', 'id,day\n1,x\n2,y\n');
    await w.run({ dataset: 'sales' });
    w.clock.time = new Date('2026-01-03T00:00:00Z');
    await w.put('sales/a.csv', 'id,day\n9,x\n');
    const outcome = await w.run({ dataset: 'sales' });
    expect(outcome.status).toBe('SUCCEEDED');
    expect(sorted(await w.rows('shop', 'sales'))).toEqual(
      sorted([
        { id: '9', day: 'x' },
        { id: '2', day: 'y' },
      ]),
    );
    const live = (await headOf(w, 'sales')).tables.get('shop.sales')!.files.map((file) => file.key);
    expect(await w.lakeKeys('shop/sales/')).toEqual(live.sort());
  });

  it('appends what is new, once', async () => {
    const w = world(NOTES);
    await w.put('notes/a.csv', 'id\n1\n');
    await w.run({ dataset: 'notes' });
    await w.put('notes/b.csv', 'id\n2\n');
    await w.run({ dataset: 'notes' });
    const third = await w.run({ dataset: 'notes' });
    expect(third.endState).toBe('NothingToLoad');
    expect(sorted(await w.rows('shop', 'notes'))).toEqual(sorted([{ id: '1' }, { id: '2' }]));
  });

  it('loads an object that is loaded again in place of itself', async () => {
    const w = world({ ...NOTES, source: { prefix: 'notes/' } });
    await w.put('notes/a.csv', 'id\n1\n');
    await w.run({ dataset: 'notes' });
    const again = await w.run({ dataset: 'notes' });
    expect(again.status).toBe('SUCCEEDED');
    expect(await w.rows('shop', 'notes')).toEqual([{ id: '1' }]);
  });

  it('makes the table of a file with a header only', async () => {
    const w = world(NOTES);
    await w.put('notes/a.csv', 'id,text\n');
    const outcome = await w.run({ dataset: 'notes' });
    expect(outcome.status).toBe('SUCCEEDED');
    expect((await w.ports.catalog.table('shop', 'notes'))?.columns.map((column) => column.name)).toEqual([
      'id',
      'text',
    ]);
    expect(await w.rows('shop', 'notes')).toEqual([]);
  });

  it('quarantines one bad object of several, with its reason, and loads the others', async () => {
    const w = world(NOTES);
    await w.put('notes/a.csv', 'id\n1\n');
    await w.put('notes/bad.csv', 'id\n!\n!\n3\n');
    await w.put('notes/empty.csv', '');
    const outcome = await w.run({ dataset: 'notes' });
    expect(outcome.status).toBe('SUCCEEDED');
    expect(await w.rows('shop', 'notes')).toEqual([{ id: '1' }]);
    const failed = await w.workKeys('failed/');
    expect(failed.map((key) => key.replace(/^failed\/notes\/2026-01-02\/[^/]+\//, ''))).toEqual([
      'notes/bad.csv',
      'notes/bad.csv.error.json',
      'notes/empty.csv',
      'notes/empty.csv.error.json',
    ]);
    const names = outcome.history.filter((line) => line.source_status === 'quarantined').map((line) => line.error_name);
    expect(names.sort()).toEqual(['EmptyObject', 'TooManyRejects']);
  });

  it('tries a quarantined object again only when somebody asks', async () => {
    const w = world(NOTES);
    await w.put('notes/a.csv', 'id\n1\n');
    await w.put('notes/empty.csv', '');
    await w.run({ dataset: 'notes' });
    expect((await w.run({ dataset: 'notes' })).endState).toBe('NothingToLoad');
    const forced = await w.run({
      dataset: 'notes',
      objects: [{ bucket: 'landing', key: 'notes/empty.csv' }],
      force: true,
    });
    expect(forced.error?.name).toBe('EmptyObject');
    await w.put('notes/empty.csv', 'id\n2\n');
    await w.run({ dataset: 'notes' });
    expect(sorted(await w.rows('shop', 'notes'))).toEqual(sorted([{ id: '1' }, { id: '2' }]));
  });

  it('puts a quarantined object through again once it is mended, and empties the quarantine', async () => {
    const w = world(NOTES);
    await w.put('notes/a.csv', 'id\n1\n');
    await w.put('notes/bad.csv', 'id\n!\n!\n3\n');
    const first = await w.run({ dataset: 'notes' });
    const second = await w.run({ redrive: first.run });
    expect(second.error?.name).toBe('TooManyRejects');
    await w.put('notes/bad.csv', 'id\n2\n3\n');
    const again = await w.run({ redrive: second.run });
    expect(again.status).toBe('SUCCEEDED');
    expect(again.history.map((line) => [line.source, line.rows_written])).toEqual([['s3://landing/notes/bad.csv', 2]]);
    expect(sorted(await w.rows('shop', 'notes'))).toEqual(sorted([{ id: '1' }, { id: '2' }, { id: '3' }]));
    expect(await w.workKeys('failed/')).toEqual([]);
    expect((await w.run({ redrive: first.run })).error?.name).toBe('BadRequest');
  });

  it('redrives an object that has gone from its copy', async () => {
    const w = world(NOTES);
    await w.put('notes/a.csv', 'id\n1\n');
    const dying = () => Promise.reject(Object.assign(new Error('out of memory'), { name: 'Runtime.ExitError' }));
    const failed = await w.run({ dataset: 'notes' }, { Convert: dying });
    expect(failed.error?.name).toBe('Runtime.ExitError');
    await w.ports.objects.delete({ bucket: 'landing', key: 'notes/a.csv' });
    expect((await w.run({ redrive: failed.run })).status).toBe('SUCCEEDED');
    expect(await w.rows('shop', 'notes')).toEqual([{ id: '1' }]);
    expect(await w.workKeys('failed/')).toEqual([]);
  });

  it('fails under the objects’ own error when all of them fail, and commits nothing', async () => {
    const w = world(NOTES);
    await w.put('notes/empty.csv', '');
    const outcome = await w.run({ dataset: 'notes' });
    expect(outcome.status).toBe('FAILED');
    expect(outcome.error?.name).toBe('EmptyObject');
    expect(outcome.history[0]).toMatchObject({ status: 'failed', error_name: 'EmptyObject' });
    expect((await headOf(w, 'notes')).version).toBe(0);
  });

  it('fails the run when the accounts do not add up', async () => {
    const w = world(NOTES);
    await w.put('notes/a.csv', 'id\n1\n');
    const lying = {
      ...w.ports,
      engine: async () => {
        const engine = await w.ports.engine();
        const convert: typeof engine.convert = async (job) => {
          const outcome = await engine.convert(job);
          return {
            ...outcome,
            accounts: outcome.accounts.map((account) => ({ ...account, rowsRead: account.rowsRead + 1 })),
          };
        };
        return { ...engine, convert };
      },
    };
    const { makeConvert } = await import('../../functions/convert/step.ts');
    const convert = makeConvert(lying);
    const outcome = await w.run(
      { dataset: 'notes' },
      { Convert: (event, attempt) => convert(event as never, attempt) },
    );
    expect(outcome.error?.name).toBe('AccountsMismatch');
    expect(await w.ports.catalog.table('shop', 'notes')).toBeUndefined();
  });

  it('ends with the error of a bucket that failed, by its own name', async () => {
    const w = world({ ...SALES, splitBytes: 64 });
    const lines = Array.from({ length: 30 }, (_, i) => `${i},day-${i % 3}`);
    await w.put('sales/a.csv', `id,day\n${lines.join('\n')}\n`);
    const broken = () => Promise.reject(Object.assign(new Error('no room left'), { name: 'DiskFull' }));
    const outcome = await w.run({ dataset: 'sales' }, { Repartition: broken });
    expect(outcome.error).toMatchObject({ name: 'DiskFull' });
    expect(outcome.history[0].error_message).toBe('repartition-000000 failed: no room left');
    expect(await w.ports.catalog.table('shop', 'sales')).toBeUndefined();
  });

  it('keeps rejected rows with their lines', async () => {
    const w = world(NOTES);
    await w.put('notes/a.csv', 'id\n1\n!\n3\n');
    const outcome = await w.run({ dataset: 'notes' });
    expect(outcome.history[0]).toMatchObject({ rows_read: 3, rows_written: 2, rows_rejected: 1 });
    const [key] = await w.workKeys('rejected/notes/');
    const row = JSON.parse(Buffer.from(await w.ports.objects.read({ bucket: 'work', key })).toString('utf8'));
    expect(row).toMatchObject({ uri: 's3://landing/notes/a.csv', line: 3, raw: '!' });
  });

  it('adds the lines before a range to those of its rejected rows', async () => {
    const w = world({ ...NOTES, splitBytes: 64 });
    const lines = Array.from({ length: 60 }, (_, i) => (i === 50 ? '!' : `row${i}`));
    await w.put('notes/a.csv', `id\n${lines.join('\n')}\n`);
    const outcome = await w.run({ dataset: 'notes' });
    expect(outcome.status).toBe('SUCCEEDED');
    expect(outcome.history[0]).toMatchObject({ rows_read: 60, rows_written: 59, rows_rejected: 1 });
    const [key] = await w.workKeys('rejected/notes/');
    const row = JSON.parse(Buffer.from(await w.ports.objects.read({ bucket: 'work', key })).toString('utf8'));
    expect(row.line).toBe(52);
    expect(await w.rows('shop', 'notes')).toHaveLength(59);
  });

  it('takes each task’s first receipt when an attempt that was thought lost finishes late', async () => {
    const w = world(NOTES);
    await w.put('notes/a.csv', 'id\n1\n2\n');
    const convert = w.steps.Convert;
    let late: Promise<unknown> | undefined;
    const twice = await w.run(
      { dataset: 'notes' },
      {
        async Convert(event, attempt) {
          const first = await convert(event, attempt);
          late = convert(event, `${attempt}-late`);
          await late;
          return first;
        },
      },
    );
    expect(twice.status).toBe('SUCCEEDED');
    expect(sorted(await w.rows('shop', 'notes'))).toEqual(sorted([{ id: '1' }, { id: '2' }]));
    const receipts = (await w.workKeys(`runs/${twice.run}/convert/`)).filter((key) => key.endsWith('receipt.json'));
    expect(receipts).toHaveLength(1);
  });

  it('takes 1,500 objects, and of them the latest by time and key', async () => {
    const w = world({ ...NOTES, name: 'last', source: { prefix: 'many/', pick: 'latest' } });
    for (let i = 0; i < 1500; i++) await w.put(`many/${String(i).padStart(4, '0')}.csv`, `id\n${i}\n`);
    const outcome = await w.run({ dataset: 'last' });
    expect(outcome.history.map((line) => line.source)).toEqual(['s3://landing/many/1499.csv']);
    const all = await w.run({ dataset: 'last', source: { pick: 'all' } });
    expect(all.history).toHaveLength(1500);
  });

  it('says nothing where nothing is, or fails, as the data set wants', async () => {
    const w = world(NOTES, { ...SALES, source: { prefix: 'sales/', onNothing: 'fail' } });
    expect((await w.run({ dataset: 'notes' })).endState).toBe('NothingToLoad');
    const outcome = await w.run({ dataset: 'sales' });
    expect(outcome.error?.name).toBe('NoInputObjects');
    expect(outcome.history[0]).toMatchObject({ status: 'failed', error_name: 'NoInputObjects' });
  });

  it('empties the table of a format that is no longer written, and refuses one that would lack rows', async () => {
    const w = world({ ...NOTES, target: { database: 'shop', table: 'notes', formats: ['parquet', 'avro'] } });
    await w.put('notes/a.csv', 'id\n1\n');
    await w.run({ dataset: 'notes' });
    await w.put('notes/b.csv', 'id\n2\n');
    const fewer = await w.run({ dataset: 'notes', target: { formats: ['parquet'] } });
    expect(fewer.error?.name).toBe('SchemaMismatch');
    const more = await w.run({ dataset: 'notes', force: true, target: { formats: ['parquet', 'avro', 'csv'] } });
    expect(more.error?.name).toBe('SchemaMismatch');
    const whole = await w.run({ dataset: 'notes', force: true, target: { formats: ['parquet'], mode: 'overwrite' } });
    expect(whole.status).toBe('SUCCEEDED');
    expect(await w.rows('shop', 'notes')).toHaveLength(2);
    expect(await w.rows('shop', 'notes_avro')).toEqual([]);
  });

  it('merges the files of a partition in every format, the same rows', async () => {
    const w = world({ ...NOTES, target: { database: 'shop', table: 'notes', formats: ['parquet', 'avro'] } });
    for (const id of ['1', '2', '3']) {
      await w.put(`notes/${id}.csv`, `id\n${id}\n`);
      await w.run({ dataset: 'notes' });
    }
    expect(await w.lakeKeys('shop/notes/')).toHaveLength(3);
    const outcome = await w.run({ dataset: 'notes', compact: true });
    expect(outcome.status).toBe('SUCCEEDED');
    for (const table of ['notes', 'notes_avro']) {
      expect(await w.lakeKeys(`shop/${table}/`)).toHaveLength(1);
      expect(sorted(await w.rows('shop', table))).toEqual(sorted([{ id: '1' }, { id: '2' }, { id: '3' }]));
    }
    expect((await w.run({ dataset: 'notes' })).endState).toBe('NothingToLoad');
  });
});
