import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeWithPython, describeWithSharedData } from '../../setup/available.ts';
import { accountsAddUp, makeSluice, multiset, type RunJson, type Sluice } from './sluice.ts';

const DEFINITION = `
source:
  prefix: csv/
target:
  layout: mirror
  formats: [parquet, avro, csv]
`;
const NOTES = 'id,text\n1,"a, ""b""\nc"\n2,\n3,""\n';
const PRICES = 'day;price\n2024-01-05;1.50\n2024-01-06;2\n';

describe('layout: mirror', () => {
  let sluice: Sluice;
  let loaded: RunJson;

  beforeAll(async () => {
    sluice = await makeSluice();
    await sluice.file('files.yml', DEFINITION);
    await sluice.land('csv/notes.csv', NOTES);
    await sluice.land('csv/2024/prices.csv', PRICES);
    loaded = await sluice.json(['run', 'files.yml']);
  });

  afterAll(() => sluice.remove());

  const lakePath = (key: string) => join(sluice.home, 's3', 'lake', key);

  it('makes one output an object and format, of the same relative name, and says where', async () => {
    const keys = ['parquet/2024/prices.parquet', 'avro/2024/prices.avro', 'csv/2024/prices.csv.gz'];
    const others = ['parquet/notes.parquet', 'avro/notes.avro', 'csv/notes.csv.gz'];
    expect(await sluice.keys('lake')).toEqual([...keys, ...others].sort());
    expect(loaded.files?.map((file) => [file.uri, file.rows]).sort()).toEqual(
      [...keys.map((key) => [`s3://lake/${key}`, 2]), ...others.map((key) => [`s3://lake/${key}`, 3])].sort(),
    );
    expect(loaded.tables).toEqual([]);
    expect(loaded.sources.map(({ uri, rowsRead }) => [uri, rowsRead])).toEqual([
      ['s3://landing/csv/2024/prices.csv', 2],
      ['s3://landing/csv/notes.csv', 3],
    ]);
    expect(accountsAddUp(loaded)).toBe(true);
  });

  it('writes CSV that reads back equal, null and the empty text kept apart', async () => {
    expect(gunzipSync(readFileSync(lakePath('csv/notes.csv.gz'))).toString()).toBe(NOTES);
    await sluice.json(['load', lakePath('csv/notes.csv.gz'), '--table', 'back.notes']);
    expect(await sluice.query('select * from back.notes order by id')).toEqual([
      { id: 1, text: 'a, "b"\nc' },
      { id: 2, text: null },
      { id: 3, text: '' },
    ]);
  });

  it('replaces each output when its object comes again, and nothing else', async () => {
    await sluice.land('csv/notes.csv', 'id,text\n9,new\n');
    const before = readFileSync(lakePath('parquet/2024/prices.parquet'));
    const again = await sluice.json(['run', 'files.yml', '--set', 'source.pick=new']);
    expect(again.files?.map((file) => file.uri).sort()).toEqual([
      's3://lake/avro/notes.avro',
      's3://lake/csv/notes.csv.gz',
      's3://lake/parquet/notes.parquet',
    ]);
    expect(gunzipSync(readFileSync(lakePath('csv/notes.csv.gz'))).toString()).toBe('id,text\n9,new\n');
    expect(readFileSync(lakePath('parquet/2024/prices.parquet')).equals(before)).toBe(true);
  });

  describeWithPython('by other readers', () => {
    it('gives each object its own schema and the same rows in both formats', async () => {
      const parquet = await sluice.readWithPython('parquet/2024');
      const avro = await sluice.readWithPython('avro/2024');
      expect(parquet.columns).toEqual(['day', 'price']);
      expect(parquet.types).toEqual({ day: 'date32[day]', price: 'double' });
      expect(avro.types).toEqual({ day: 'date', price: 'double' });
      const rows = [
        ['2024-01-05', 1.5],
        ['2024-01-06', 2],
      ];
      expect(parquet.rows).toEqual(rows);
      expect(avro.rows).toEqual(rows);
    });
  });

  describeWithSharedData('of titanic.csv', (data) => {
    it('gives parquet/titanic.parquet and avro/titanic.avro with the same 1,309 rows', async () => {
      const mirror = await makeSluice();
      try {
        const asked = ['--format', 'parquet,avro', '--set', 'target.layout=mirror'];
        const result = await mirror.json(['load', join(data, 'titanic.csv'), '--table', 'demo.titanic', ...asked]);
        expect(await mirror.keys('lake')).toEqual(['avro/titanic.avro', 'parquet/titanic.parquet']);
        expect(result.files?.map((file) => file.rows)).toEqual([1309, 1309]);
        if (process.env['SLUICE_TEST_PYTHON'] === undefined) return;
        const [parquet, avro] = [await mirror.readWithPython('parquet'), await mirror.readWithPython('avro')];
        expect(parquet.rows).toHaveLength(1309);
        expect(multiset(avro.rows)).toEqual(multiset(parquet.rows));
      } finally {
        await mirror.remove();
      }
    });
  });
});
