import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildZip } from '../../fixtures/zip-builder.ts';
import { describeWithPython, describeWithSharedData } from '../../setup/available.ts';
import { accountsAddUp, makeSluice, multiset, type RunJson, type Sluice } from './sluice.ts';

describeWithSharedData('sluice load titanic.csv', (data) => {
  const path = join(data, 'titanic.csv');
  let sluice: Sluice;
  let loaded: RunJson;

  beforeAll(async () => {
    sluice = await makeSluice();
    const asked = ['--table', 'demo.titanic', '--partition-by', 'pclass', '--format', 'parquet,avro'];
    loaded = await sluice.json(['load', path, ...asked]);
  });

  afterAll(() => sluice.remove());

  it('loads 1,309 rows in 3 partitions in both formats', () => {
    expect(loaded.run.status).toBe('succeeded');
    expect(loaded.tables).toEqual([
      expect.objectContaining({ database: 'demo', table: 'titanic', format: 'parquet', rows: 1309, partitions: 3 }),
      expect.objectContaining({ database: 'demo', table: 'titanic_avro', format: 'avro', rows: 1309, partitions: 3 }),
    ]);
    expect(loaded.sources).toEqual([
      {
        uri: 's3://landing/load/demo.titanic/titanic.csv',
        status: 'loaded',
        rowsRead: 1309,
        rowsWritten: 1309,
        rowsRejected: 0,
      },
    ]);
  });

  it('keeps every value: 263 ages are null, the empty texts are texts, the names have their commas', async () => {
    const [row] = await sluice.query(`
      select count(*) as n, count(*) filter (age is null) as no_age, any_value(typeof(age)) as age,
        count(*) filter (boat = '') as no_boat, count(*) filter (name like '%,%') as commas, sum(survived) as survived,
        count(distinct pclass) as classes, any_value(typeof(pclass)) as pclass
      from demo.titanic`);
    expect(row).toEqual({
      n: 1309,
      no_age: 263,
      age: 'DOUBLE',
      no_boat: fieldsOf(path).filter((fields) => fields[11] === '').length,
      commas: 1309,
      survived: 500,
      classes: 3,
      pclass: 'BIGINT',
    });
  });

  describeWithPython('by other readers', () => {
    it('has the rows of the file, by pyarrow, by fastavro and by the engine', async () => {
      const [parquet, avro, queried] = await Promise.all([
        sluice.readWithPython('demo/titanic'),
        sluice.readWithPython('demo/titanic_avro'),
        sluice.query<Record<string, unknown>>('select * replace (pclass::varchar as pclass) from demo.titanic'),
      ]);
      const expected = multiset(expectedRows(path));
      expect(parquet.columns).toEqual(COLUMNS);
      expect(avro.columns).toEqual(COLUMNS);
      expect(multiset(parquet.rows)).toEqual(expected);
      expect(multiset(avro.rows)).toEqual(expected);
      expect(multiset(queried.map((row) => COLUMNS.map((name) => row[name])))).toEqual(expected);
      expect(parquet.types).toMatchObject({ age: 'double', survived: 'int64', body: 'int64', boat: 'string' });
      expect(avro.types).toMatchObject({ age: 'double', survived: 'long', body: 'long', boat: 'string' });
    });
  });

  describe('in other containers', () => {
    const csv = readFileSync(path);
    const other = 'pclass;survived;name;sex;age;sibsp;parch;ticket;fare;cabin;embarked;boat;body;home.dest\n';

    it.each([
      ['gzipped', 'titanic.csv.gz', gzipSync(csv)],
      [
        'gzipped in two members',
        'members.csv.gz',
        Buffer.concat([gzipSync(csv.subarray(0, 999)), gzipSync(csv.subarray(999))]),
      ],
      ['gzipped under the name of a CSV', 'zipped.csv', gzipSync(csv)],
      ['under the name of a gzip file', 'plain.csv.gz', csv],
      [
        'zipped beside a second file',
        'titanic.zip',
        buildZip([
          { name: 'titanic.csv', text: csv },
          { name: 'a/none.csv', text: other },
        ]),
      ],
    ])('%s it has the same rows', async (_, name, bytes) => {
      const table = `demo.${name.replaceAll(/\W/g, '_')}`;
      const result = await sluice.json(['load', await sluice.file(name, bytes), '--table', table]);
      expect(result.sources.reduce((sum, source) => sum + source.rowsWritten, 0)).toBe(1309);
      expect(accountsAddUp(result)).toBe(true);
      expect(await difference(table)).toEqual([]);
    });

    it('names each entry of a ZIP in its accounts', async () => {
      const second = `${other}9;1;"Second; file";;;;;;;;;;;\n`;
      const zip = buildZip([
        { name: 'titanic.csv', text: csv },
        { name: 'a/second.csv', text: second },
      ]);
      const result = await sluice.json(['load', await sluice.file('two.zip', zip), '--table', 'demo.two']);
      expect(result.sources.map(({ entry, rowsRead, rowsWritten }) => [entry, rowsRead, rowsWritten])).toEqual([
        ['titanic.csv', 1309, 1309],
        ['a/second.csv', 1, 1],
      ]);
      expect(await difference('demo.two')).toEqual([{ name: 'Second; file' }]);
    });
  });

  it('has the same rows again when its own Parquet is loaded', async () => {
    const asked = ['--table', 'demo.copy', '--set', 'target.layout=mirror'];
    const { files } = await sluice.json(['load', path, ...asked]);
    expect(files).toEqual([{ uri: 's3://lake/parquet/titanic.parquet', rows: 1309, bytes: expect.any(Number) }]);
    const parquet = join(sluice.home, 's3', 'lake', 'parquet', 'titanic.parquet');
    const result = await sluice.json(['load', parquet, '--table', 'demo.again']);
    expect(result.sources).toMatchObject([{ rowsRead: 1309, rowsWritten: 1309, rowsRejected: 0 }]);
    expect(await difference('demo.again')).toEqual([]);
  });

  /** Names of the rows that are in one of the tables only, each as often as it is. */
  function difference(table: string) {
    const columns = [...COLUMNS].sort().join(', ');
    const [one, other] = [`select ${columns} from demo.titanic`, `select ${columns} from ${table}`];
    return sluice.query(`select name from ((${one} except all ${other}) union all (${other} except all ${one}))`);
  }
});

/** As the table has them: the partition column last. */
const COLUMNS = [
  ...['survived', 'name', 'sex', 'age', 'sibsp', 'parch', 'ticket', 'fare', 'cabin', 'embarked', 'boat', 'body'],
  ...['home_dest', 'pclass'],
];
const NUMBERS = new Set(['survived', 'age', 'sibsp', 'parch', 'fare', 'body']);

/** The file's rows by the simplest reading that fits it: no quote or line end stands inside a field. */
function fieldsOf(path: string): (string | null)[][] {
  const [, ...lines] = readFileSync(path, 'utf8').trimEnd().split(/\r?\n/);
  return lines.map((line) =>
    Array.from(line.matchAll(/(?:^|;)(?:"((?:[^"]|"")*)"|([^;]*))/g), ([, quoted, bare]) => quoted ?? bare ?? ''),
  );
}

function expectedRows(path: string): unknown[][] {
  return fieldsOf(path).map(([pclass, ...fields]) => {
    const values = fields.map((text, i) => {
      const isNumber = NUMBERS.has(COLUMNS[i]!);
      if (isNumber) return text === 'NA' ? null : Number(text);
      return text;
    });
    return [...values, pclass];
  });
}
