import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeSluice, type RunJson, type Sluice } from './sluice.ts';

const NOTES = (partitionBy: string) => `
source:
  prefix: notes/
  pick: new
schema: {id: int, text: string}
target:
  database: shop
  table: notes
  mode: append
  partitionBy: [${partitionBy}]
`;
const GOOD = 'id,text\n1,one\n2,two\n';
const BAD = 'id,text\nthree,3\n';

interface RunLine {
  run: string;
  status: string;
  objects: number;
  quarantined: number;
  error: { name: string } | null;
}

describe('what failed', () => {
  let sluice: Sluice;
  const path = (bucket: string, key: string) => join(sluice.home, 's3', bucket, key);
  const texts = () => sluice.query<{ id: number }>('select id from shop.notes order by id');
  const attempts = (name: string) =>
    sluice.query(
      `select source_status, error_name from sluice.loads where source = 's3://landing/notes/${name}' order by ended_at`,
    );

  beforeAll(async () => {
    sluice = await makeSluice();
    await sluice.file('notes.yml', NOTES(''));
  });
  afterAll(() => sluice.remove());

  it('comes in by redrive, mended at its source or in quarantine, with both attempts on record', async () => {
    await sluice.land('notes/good.csv', GOOD);
    await sluice.land('notes/source.csv', BAD);
    await sluice.land('notes/copy.csv', BAD);
    const first = await sluice.json(['run', 'notes.yml']);
    expect(first.run.status).toBe('succeeded');
    expect(await texts()).toEqual([{ id: 1 }, { id: 2 }]);
    const kept = (await sluice.keys('work', 'failed/notes/')).filter((key) => key.endsWith('.error.json'));
    const [reason] = await Promise.all(kept.map(async (key) => JSON.parse(await readFile(path('work', key), 'utf8'))));
    expect(reason).toMatchObject({
      run: first.run.id,
      step: 'convert',
      attempts: 1,
      source: { uri: 's3://landing/notes/copy.csv', sizeBytes: BAD.length },
      error: { name: 'TooManyRejects', message: expect.stringContaining('s3://landing/notes/copy.csv') },
    });

    // By an editor that writes into the file that is there.
    await writeFile(path('landing', 'notes/source.csv'), 'id,text\n3,three\n');
    await writeFile(path('work', reason.copy), 'id,text\n4,four\n');
    expect(await readFile(path('landing', 'notes/copy.csv'), 'utf8')).toBe(BAD);
    const again = await sluice.json(['redrive']);
    expect(again.sources.map(({ uri, status }) => [uri, status]).sort()).toEqual([
      ['s3://landing/notes/copy.csv', 'loaded'],
      ['s3://landing/notes/source.csv', 'loaded'],
    ]);
    expect(await texts()).toEqual([{ id: 1 }, { id: 2 }, { id: 3 }, { id: 4 }]);
    expect(await sluice.keys('work', 'failed/')).toEqual([]);
    const both = [
      { source_status: 'quarantined', error_name: 'TooManyRejects' },
      { source_status: 'loaded', error_name: null },
    ];
    expect(await attempts('source.csv')).toEqual(both);
    expect(await attempts('copy.csv')).toEqual(both);
    const runs = await sluice.json<RunLine[]>(['runs', 'notes']);
    expect(runs.map(({ run, status, objects, quarantined }) => [run, status, objects, quarantined])).toEqual([
      [first.run.id, 'succeeded', 1, 2],
      [again.run.id, 'succeeded', 2, 0],
    ]);
    const none = await sluice.run('redrive');
    expect(none).toMatchObject({ code: 0, stderr: expect.stringContaining('Nothing is in quarantine') });
    expect((await sluice.json(['run', 'notes.yml'])).run.status).toBe('nothing');
  });

  it('is not what a wrong data set is run over: that stays, and loads when the data set is mended', async () => {
    await sluice.land('notes/later.csv', 'id,text\n5,five\n');
    const undeclared = (partitionBy: string) =>
      NOTES(partitionBy)
        .replace('table: notes', 'table: others')
        .replace(/schema.*/, '');
    await sluice.file('wrong.yml', undeclared('contry'));
    const failed = await sluice.json<RunJson>(['run', 'wrong.yml'], 2);
    expect(failed.error).toMatchObject({ name: 'BadDataset', where: 'Plan' });
    expect(await sluice.keys('work', 'failed/')).toEqual([]);
    await sluice.file('wrong.yml', undeclared(''));
    expect((await sluice.json(['run', 'wrong.yml'])).sources).toHaveLength(4);
    const runs = await sluice.json<RunLine[]>(['runs', 'wrong']);
    expect(runs.map(({ status, quarantined, error }) => [status, quarantined, error?.name])).toEqual([
      ['failed', 0, 'BadDataset'],
      ['succeeded', 0, undefined],
    ]);
  });

  it('comes in by redrive where the data set was mended', async () => {
    const orders = (more: string) => `${more}\n${NOTES('').replaceAll('notes', 'orders')}`;
    await mkdir(join(sluice.folder, 'datasets'));
    await sluice.file('datasets/orders.yml', orders(''));
    await sluice.land('orders/a.csv', 'id,text\n1,one\ntwo,2\n');
    const failed = await sluice.json<RunJson>(['run', 'orders'], 1);
    expect(failed.error?.name).toBe('TooManyRejects');
    await sluice.file('datasets/orders.yml', orders('rejects: {rows: 1}'));
    expect((await sluice.json(['redrive', failed.run.id])).sources).toMatchObject([
      { rowsWritten: 1, rowsRejected: 1 },
    ]);
    expect(await sluice.keys('work', 'failed/orders/')).toEqual([]);
  });

  it('fails the run beyond the tolerance, before anything is changed', async () => {
    await sluice.file('strict.yml', `failures: {share: 0}\n${NOTES('').replaceAll('notes', 'strict')}`);
    await sluice.land('strict/good.csv', GOOD);
    await sluice.json(['run', 'strict.yml']);
    const before = [await sluice.keys('lake', 'shop/strict/'), await sluice.query('select * from shop.strict')];
    await sluice.land('strict/more.csv', 'id,text\n6,six\n');
    await sluice.land('strict/bad.csv', BAD);
    const failed = await sluice.json<RunJson>(['run', 'strict.yml'], 1);
    expect(failed.error).toMatchObject({ name: 'TooManyFailures', where: 's3://landing/strict/bad.csv' });
    expect([await sluice.keys('lake', 'shop/strict/'), await sluice.query('select * from shop.strict')]).toEqual(
      before,
    );
    await sluice.land('strict/bad.csv', 'id,text\n7,seven\n');
    await sluice.json(['redrive', failed.run.id]);
    const rows = await sluice.query<{ id: number }>('select id from shop.strict order by id');
    expect(rows.map(({ id }) => id)).toEqual([1, 2, 6, 7]);
    expect(await sluice.keys('work', 'failed/strict/')).toEqual([]);
  });
});
