import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { typedCast } from '../../../shared/engine/parquet-relation.ts';
import { literal } from '../../../shared/engine/sql.ts';
import type { LocalInput } from '../../../shared/engine/table-engine.ts';
import { columnsOf, rejectsOf, type Types, Workbench, writingOf } from './jobs.ts';

let bench: Workbench;
beforeAll(() => {
  bench = new Workbench();
});
afterAll(() => bench.close());

async function parquet(select: string): Promise<string> {
  const path = bench.path('in.parquet');
  await bench.query(`COPY (${select}) TO ${literal(path)} (FORMAT parquet)`);
  return path;
}

function inputOf(path: string, names: string[], targets = names): LocalInput {
  return {
    path,
    uri: `s3://landing/${path.split('/').at(-1)}`,
    sourceId: path,
    format: 'parquet',
    columns: names.map((original, c) => ({ original, target: targets[c] })),
    firstByte: 0,
    firstLine: 1,
  };
}

async function load(select: string, types: Types) {
  const columns = columnsOf(types);
  const path = await parquet(select);
  const outcome = await bench.convert([inputOf(path, Object.keys(types))], types, { writing: writingOf(columns) });
  const rows = outcome.files[0] ? await bench.read([outcome.files[0].path]) : [];
  return { rows, account: outcome.accounts[0]!, rejects: rejectsOf(outcome) };
}

describe('a Parquet file', () => {
  it('is described by its own names, its rows, and the nearest type that loses nothing', async () => {
    const path = await parquet(
      `SELECT 1::TINYINT AS "a""b", 2::UINTEGER AS "A", 3::UBIGINT AS "a", 4::HUGEINT AS h, 1.5::DECIMAL(7,2) AS d, 1.5::FLOAT AS f,
       uuid() AS u, TIME '10:00' AS t, INTERVAL 1 DAY AS iv, [1, 2] AS l, {'k': {'x': [1]}} AS s, MAP {'a': 1} AS m,
       'x'::ENUM('x', 'y') AS e, TIMESTAMPTZ '2024-01-01 00:00:00+02' AS z, TIMESTAMP_NS '2024-01-01' AS ns, 'b'::BLOB AS raw,
       DATE '2024-01-01' AS day, TRUE AS ok, NULL::VARCHAR AS "" FROM range(3)`.replace(', NULL::VARCHAR AS ""', ''),
    );
    const { columns, rows } = await bench.engine.describeParquet(path);
    expect(rows).toBe(3);
    expect(columns.map(({ original, type }) => [original, type])).toEqual([
      ['a"b', 'int'],
      ['A', 'bigint'],
      ['a_1', 'decimal(20,0)'],
      ['h', 'double'],
      ['d', 'decimal(7,2)'],
      ['f', 'float'],
      ['u', 'string'],
      ['t', 'string'],
      ['iv', 'string'],
      ['l', 'string'],
      ['s', 'string'],
      ['m', 'string'],
      ['e', 'string'],
      ['z', 'timestamp'],
      ['ns', 'timestamp'],
      ['raw', 'binary'],
      ['day', 'date'],
      ['ok', 'boolean'],
    ]);
  });

  it('that is none, is cut short or is empty is corrupt', async () => {
    const path = bench.path('bad.parquet');
    for (const bytes of ['', 'hello', `PAR1${'x'.repeat(100)}`, `PAR1${'x'.repeat(100)}PAR1`]) {
      writeFileSync(path, bytes);
      await expect(bench.engine.describeParquet(path)).rejects.toMatchObject({ name: 'CorruptFile' });
    }
  });

  it('keeps what it says when it becomes text, an instant or a wider number', async () => {
    const { rows } = await load(
      `SELECT 3::TINYINT AS i, 5::INTEGER AS l, 7::UBIGINT AS d, 1.5::FLOAT AS f, 1.25::DECIMAL(5,2) AS w, TIMESTAMPTZ '2024-01-01 00:00:00+02' AS z,
       DATE '2024-01-01' AS day, TIMESTAMP_NS '2024-01-01 00:00:00.123456' AS ns, [1, NULL] AS list, {'k': 'v'} AS s, TIME '10:00:00.5' AS t, TRUE AS b, 'ü' AS raw`,
      {
        i: 'int',
        l: 'bigint',
        d: 'decimal(20,0)',
        f: 'double',
        w: 'decimal(9,3)',
        z: 'timestamp',
        day: 'timestamp',
        ns: 'timestamp',
        list: 'string',
        s: 'string',
        t: 'string',
        b: 'string',
        raw: 'binary',
      },
    );
    expect(rows).toEqual([
      [
        3,
        '5',
        '7',
        1.5,
        '1.250',
        '2023-12-31 22:00:00',
        '2024-01-01 00:00:00',
        '2024-01-01 00:00:00.123456',
        '[1,null]',
        '{"k":"v"}',
        '10:00:00.5',
        'true',
        '\\xC3\\xBC',
      ],
    ]);
  });

  it('has rejected rows where a value has no place in the column', async () => {
    const { rows, rejects, account } = await load(
      `SELECT * FROM (VALUES (1::BIGINT, TIMESTAMP_NS '2024-01-01 00:00:00.123456789', 1::BIGINT), (3000000000, NULL, 2), (3, NULL, 9007199254740993), (NULL, NULL, NULL)) t(n, "at", x)`,
      { n: 'int', at: 'timestamp', x: 'double' },
    );
    expect(rows).toEqual([[null, null, null]]);
    expect(account).toMatchObject({ rowsRead: 4, rowsWritten: 1, rowsRejected: 3 });
    expect(rejects.map(({ line, byteOffset, column, reason, raw }) => [line, byteOffset, column, reason, raw])).toEqual(
      [
        [null, null, 'at', 'row 1: "2024-01-01 00:00:00.123456789" is no timestamp', null],
        [null, null, 'n', 'row 2: "3000000000" is no int', null],
        [null, null, 'x', 'row 3: "9007199254740993" is no double', null],
      ],
    );
  });

  it('fails where a column is missing or would lose something', async () => {
    const path = await parquet("SELECT 1.5::DOUBLE AS x, 'a' AS s, 1.25::DECIMAL(5,2) AS d");
    const types: Types = { x: 'double', s: 'string', d: 'decimal(9,3)' };
    const cases: [string[], Types, RegExp][] = [
      [['x', 's', 'gone'], types, /lacks the column "gone": it has "x", "s", "d"/],
      [['x', 's', 'd'], { ...types, x: 'int' }, /Column "x" .* is DOUBLE, which does not become int without loss/],
      [['x', 's', 'd'], { ...types, s: 'double' }, /is VARCHAR/],
      [['x', 's', 'd'], { ...types, d: 'decimal(9,1)' }, /is DECIMAL\(5,2\)/],
      [['x', 's', 'd'], { ...types, d: 'double' }, /is DECIMAL\(5,2\)/],
    ];
    for (const [names, table, message] of cases) {
      const { accounts, files } = await bench.convert(
        [inputOf(path, names, Object.keys(table)), inputOf(path, ['x', 's', 'd'])],
        types,
        {
          columns: columnsOf(table),
          writing: writingOf(columnsOf(table)),
        },
      );
      expect(accounts[0]!.failed).toMatchObject({ name: 'SchemaMismatch', message: expect.stringMatching(message) });
      // With the first table's types the second fails too, but where only a name was wrong.
      expect(files).toHaveLength(names.includes('gone') ? 1 : 0);
    }
  });

  it('of other columns in another order, and a CSV, make one table', async () => {
    const types: Types = { id: 'bigint', s: 'string' };
    const inputs = [
      inputOf(await parquet("SELECT 1::BIGINT AS id, 'a' AS s"), ['id', 's']),
      inputOf(
        await parquet("SELECT 'b' AS s, 9 AS more, 2::INTEGER AS id"),
        ['s', 'more', 'id'],
        ['s', undefined as never, 'id'],
      ),
      inputOf(await parquet('SELECT 3::BIGINT AS id'), ['id']),
      bench.csv('id,s\n4,d\nx,e\n', types),
    ];
    const { files, accounts } = await bench.convert(inputs, types);
    expect((await bench.read(files.map(({ path }) => path))).sort()).toEqual([
      ['1', 'a'],
      ['2', 'b'],
      ['3', null],
      ['4', 'd'],
    ]);
    expect(accounts.map(({ rowsRead, rowsWritten, rowsRejected }) => [rowsRead, rowsWritten, rowsRejected])).toEqual([
      [1, 1, 0],
      [1, 1, 0],
      [1, 1, 0],
      [2, 1, 1],
    ]);
  });

  it('with a damaged page fails by itself', async () => {
    const { readFileSync } = await import('node:fs');
    const path = await parquet('SELECT i, md5(i::VARCHAR) AS s FROM range(20000) t(i)');
    const bytes = readFileSync(path);
    bytes.fill(0xff, 2_000, 40_000);
    writeFileSync(path, bytes);
    const types: Types = { i: 'bigint', s: 'string' };
    const good = inputOf(await parquet("SELECT i, 'x' AS s FROM range(5) t(i)"), ['i', 's']);
    const { accounts, files } = await bench.convert([inputOf(path, ['i', 's']), good], types);
    expect(accounts.map(({ failed }) => failed?.name)).toEqual(['BadInput', undefined]);
    expect(files.map(({ rows }) => rows)).toEqual([5]);
  });
});

describe('files that are merged', () => {
  it('may lack columns that the table got later', async () => {
    const columns = columnsOf({ id: 'bigint', added: 'string', newest: 'double' });
    const inputs = [await parquet('SELECT 1::BIGINT AS id'), await parquet("SELECT 'x' AS added, 2::INTEGER AS id")];
    const { files, rowsRead } = await bench.engine.repartition({
      inputs,
      columns,
      writing: writingOf(columns, { sortBy: ['id'] }),
      scratch: bench.path('scratch'),
    });
    expect(rowsRead).toBe(2);
    expect(await bench.read(files.map(({ path }) => path))).toEqual([
      ['1', null, null],
      ['2', 'x', null],
    ]);
  });

  it('are refused where a value would be lost', async () => {
    const merge = async (select: string, type: 'int' | 'date') => {
      const columns = columnsOf({ v: type });
      const writing = writingOf(columns);
      return bench.engine.repartition({
        inputs: [await parquet(select)],
        columns,
        writing,
        scratch: bench.path('scratch'),
      });
    };
    await expect(merge("SELECT 'x' AS v", 'date')).rejects.toMatchObject({ name: 'SchemaMismatch' });
    await expect(merge('SELECT 3000000000 AS v', 'int')).rejects.toThrow(/does not fit/);
    expect((await merge('SELECT 3::BIGINT AS v', 'int')).rowsRead).toBe(1);
  });
});

describe('a cast from one type to another', () => {
  it.each([
    ['DOUBLE', 'bigint'],
    ['DOUBLE', 'float'],
    ['DOUBLE', 'decimal(38,10)'],
    ['VARCHAR', 'int'],
    ['VARCHAR', 'timestamp'],
    ['TIMESTAMP', 'date'],
    ['BOOLEAN', 'int'],
    ['DATE', 'int'],
    ['DECIMAL(10,2)', 'decimal(38,1)'],
    ['BLOB', 'timestamp'],
    ['INTEGER', 'boolean'],
    ['TIME', 'timestamp'],
  ] as const)('is none where it could lose something: %s to %s', (from, to) => {
    expect(typedCast(from, to)).toBeUndefined();
  });
});
