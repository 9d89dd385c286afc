import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { buildZip } from '../../fixtures/zip-builder.ts';
import { accountsAddUp, makeSluice, type RunJson, type Sluice } from './sluice.ts';

const GOOD = 'id,city\n1,Oslo\n2,Rome\n';
const ORDERS = `
source:
  prefix: orders/
target:
  database: shop
  table: orders
  mode: overwrite
`;

/** Every failure by its name and exit code; and after each the table is as it was and every object where it was. */
describe('bad input', () => {
  let sluice: Sluice;

  beforeAll(async () => {
    sluice = await makeSluice();
    await mkdir(join(sluice.folder, 'datasets'));
    await sluice.file('datasets/orders.yml', ORDERS);
    await sluice.land('orders/a.csv', GOOD);
    await sluice.json(['run', 'orders']);
  });

  afterAll(() => sluice.remove());

  afterEach(async () => {
    expect(await sluice.query('select * from shop.orders order by id')).toEqual([
      { id: 1, city: 'Oslo' },
      { id: 2, city: 'Rome' },
    ]);
    expect(await sluice.keys('landing', 'orders/')).toEqual(['orders/a.csv']);
  });

  describe('is wrong usage, and nothing runs, where it is', () => {
    /** The runs that are on record, also those that failed. */
    const runs = () => sluice.keys('work', 'runs/');

    it.each([
      ['a data set that does not exist', ['run', 'odrers'], 'UnknownDataset', 'did you mean "orders"?'],
      [
        'a folder of data sets that does not exist',
        ['run', 'orders', '--datasets', 'no'],
        'UnknownDataset',
        'folder no',
      ],
      ['a data set file that does not exist', ['run', 'no.yml'], 'BadRequest', 'no.yml: there is no such file'],
      ['a key of the input that does not exist', ['run', 'orders', '--set', 'forse=true'], 'BadRequest', '"force"'],
      ['an input that is no JSON', ['run', 'orders', '--input', '{'], 'BadRequest', 'parse the input as JSON'],
      ['a directory', ['load', 'datasets', '--table', 'shop.orders'], 'BadRequest', 'datasets: it is a directory'],
      ['a file that does not exist', ['load', 'no.csv', '--table', 'shop.orders'], 'BadRequest', 'no such file'],
      ['a table without a database', ['load', 'datasets/orders.yml', '--table', 'x'], 'BadRequest', 'database.table'],
      ['an event that does not exist', ['event', 'no.json'], 'BadRequest', 'no.json: there is no such file'],
      ['an event that is none', ['event', 'datasets/orders.yml'], 'BadRequest', 'as JSON'],
    ])('%s', async (_, args, name, said) => {
      const before = await runs();
      const { code, stdout, stderr } = await sluice.run(...args);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain(`error ${name}: `);
      expect(stderr).toContain(said);
      expect(await runs()).toEqual(before);
    });

    it('a typo in a key, named with the nearest key, the file and the line', async () => {
      await sluice.file('typo.yml', 'source:\n  prefix: orders/\ntarget:\n  database: shop\n  tabel: orders\n');
      const { code, stderr } = await sluice.run('run', 'typo.yml');
      expect(code).toBe(2);
      expect(stderr).toContain('error BadDataset: ');
      expect(stderr).toContain('unknown key "tabel" at typo.yml:5:3 (target.tabel); did you mean "table"?');
    });

    it('an output prefix inside that of the source', async () => {
      const before = await runs();
      await sluice.file(
        'loop.yml',
        'source:\n  bucket: lake\n  prefix: shop/\ntarget:\n  database: shop\n  table: loop\n',
      );
      const { code, stdout, stderr } = await sluice.run('run', 'loop.yml');
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain('error OutputInsideSource: ');
      expect(stderr).toContain('s3://lake/shop/loop/');
      expect(await runs()).toEqual(before);
    });
  });

  /** Lands the object, runs the data set over it alone, and takes it away again. */
  async function runOver(name: string, content: string | Uint8Array, settings: string[] = []): Promise<RunJson> {
    await sluice.land(`bad/${name}`, content);
    const over = ['--set', `source.prefix=bad/`, ...settings.flatMap((setting) => ['--set', setting])];
    const result = await sluice.json<RunJson>(['run', 'orders', ...over], 1);
    expect(await sluice.keys('landing', 'bad/')).toEqual([`bad/${name}`]);
    await sluice.objects.delete({ bucket: 'landing', key: `bad/${name}` });
    return result;
  }

  describe('fails the run, and its object goes to quarantine, where it is', () => {
    const zip = buildZip([{ name: 'a.csv', text: GOOD, crc32: 1 }]);

    it.each([
      ['an empty object', 'EmptyObject', 'empty.csv', '', []],
      ['a .gz cut short', 'CorruptFile', 'cut.csv.gz', gzipSync(GOOD).subarray(0, 20), []],
      ['a .gz with a wrong checksum', 'CorruptFile', 'sum.csv.gz', damaged(gzipSync(GOOD), -8), []],
      ['a ZIP with a wrong CRC', 'CorruptFile', 'crc.zip', zip, []],
      ['a ZIP cut short', 'CorruptFile', 'cut.zip', zip.subarray(0, zip.length - 9), []],
      ['a Parquet file cut short', 'CorruptFile', 'cut.parquet', Buffer.from('PAR1\x15\x00\x15\x0eand no more'), []],
      ['no table at all', 'UnknownFormat', 'photo.csv', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), []],
      ['without a declared column', 'SchemaMismatch', 'names.csv', GOOD, ['schema=["id","town"]']],
      [
        'with a row too many to reject',
        'TooManyRejects',
        'rows.csv',
        'id,city\n1,Oslo\nx,Rome\n',
        ['schema={"id":"int","city":"string"}'],
      ],
    ])('%s: %s', async (_, name, key, content, settings) => {
      const result = await runOver(key, content, settings);
      expect(result.run.status).toBe('failed');
      expect(result.error).toEqual({
        name,
        message: expect.stringContaining(`s3://landing/bad/${key}`),
        where: expect.stringContaining(`s3://landing/bad/${key}`),
      });
      expect(result.sources).toMatchObject([
        { uri: `s3://landing/bad/${key}`, status: 'quarantined', rowsWritten: 0, error: { name } },
      ]);
      expect(result.tables).toEqual([]);
      const kept = (await sluice.keys('work', 'failed/orders/')).filter((failed) => failed.includes(`/bad/${key}`));
      expect(kept).toEqual([expect.stringMatching(/[^n]$/), expect.stringMatching(/\.error\.json$/)]);
      const copy = await sluice.objects.read({ bucket: 'work', key: kept[0]! });
      expect(Buffer.from(copy).equals(Buffer.from(content))).toBe(true);
    });

    it('names the nearest column where a declared one is not in the header', async () => {
      const { error } = await runOver('header.csv', GOOD, ['schema=["id","ctiy"]']);
      expect(error?.message).toContain('no column "ctiy"');
      expect(error?.message).toContain('did you mean "city"?');
    });
  });

  it('fails with exit code 1 where there is no such bucket', async () => {
    const { run, error } = await sluice.json<RunJson>(['run', 'orders', '--set', 'source.bucket=nowhere'], 1);
    expect(run.status).toBe('failed');
    expect(error).toMatchObject({ name: 'BucketNotFound', message: expect.stringContaining('s3://nowhere') });
  });

  it('fails as wrong usage where a partition column does not exist, with the columns there are', async () => {
    const over = ['--set', 'target.table=parted', '--set', 'target.partitionBy=["contry"]'];
    const { error } = await sluice.json<RunJson>(['run', 'orders', ...over], 2);
    expect(error?.name).toBe('BadDataset');
    expect(error?.message).toContain('partitionBy "contry" is no column of the table: it has id, city');
  });

  it('makes the table of a header without rows', async () => {
    const header = await sluice.file('header.csv', 'id,city\n');
    const result = await sluice.json(['load', header, '--table', 'shop.header', '--format', 'parquet,avro']);
    expect(result.sources).toMatchObject([{ rowsRead: 0, rowsWritten: 0, rowsRejected: 0 }]);
    expect(result.tables.map(({ table, rows, files }) => [table, rows, files])).toEqual([
      ['header', 0, 0],
      ['header_avro', 0, 0],
    ]);
    expect(await sluice.query('describe shop.header')).toMatchObject([{ column_name: 'id' }, { column_name: 'city' }]);
    expect(await sluice.query('select * from shop.header')).toEqual([]);
  });

  it('loads objects whatever their keys are, and has them in the history under exactly these', async () => {
    const keys = [
      'a b+c=d%20e%é☃.csv',
      'a b+c=d e%é☃.csv',
      '*?[x]{y}!~#&@$,;.csv',
      `'"quotes"'.csv`,
      'line\nend\tand tab.csv',
      '..csv',
      'x/../y.csv',
      'x//double.csv',
      'x',
      '日本語/ファイル.csv',
      'back\\slash.csv',
    ].map((key) => `odd/${key}`);
    for (const [i, key] of keys.entries()) await sluice.land(key, `n\n${i}\n`);
    const result = await sluice.json(['run', 'orders', '--set', 'source.prefix=odd/', '--set', 'target.table=odd']);
    const uris = keys.map((key) => `s3://landing/${key}`).sort();
    expect(result.sources.map((source) => source.uri).sort()).toEqual(uris);
    expect(result.sources.every((source) => source.status === 'loaded')).toBe(true);
    expect(accountsAddUp(result)).toBe(true);
    const rows = await sluice.query<{ n: number }>('select n from shop.odd order by n');
    expect(rows.map(({ n }) => n)).toEqual([...keys.keys()]);
    const history = await sluice.query<{ source: string }>(
      `select source from sluice.loads where run = '${result.run.id}'`,
    );
    expect(history.map(({ source }) => source).sort()).toEqual(uris);
  });

  it('puts a bad object aside and loads the others, with exit code 0 and a warning', async () => {
    await sluice.land('mixed/good.csv', GOOD);
    await sluice.land('mixed/bad.csv.gz', gzipSync(GOOD).subarray(0, 20));
    const over = ['--set', 'source.prefix=mixed/', '--set', 'target.table=mixed'];
    const { code, stdout, stderr } = await sluice.run('run', 'orders', '-q', ...over, '--set', 'source.pick=new');
    expect(code).toBe(0);
    expect(stderr).toContain('writes shop.mixed as the data set "orders-shop-mixed"');
    expect(stdout).toContain('2 rows read from 1 object, 2 written, 0 rejected');
    expect(stdout).toContain('1 object quarantined:\n  s3://landing/mixed/bad.csv.gz\n    CorruptFile: ');
    const again = await sluice.run('run', 'orders', '-q', ...over, '--set', 'source.pick=new');
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing to load') });
    expect(again.stderr).toContain('1 object loaded already');
    expect(again.stderr).toContain('1 object left in quarantine, having failed before; sluice redrive tries again');
  });
});

/** One byte of it is another, `at` from the end. */
function damaged(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[copy.length + at]! ^= 1;
  return copy;
}
