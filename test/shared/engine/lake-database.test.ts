import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { lakeReleased, queryLake, withLake } from '../../../shared/engine/lake-database.ts';
import { prepareLakeEngine } from '../../../shared/engine/lake-engines.ts';
import { literal } from '../../../shared/engine/sql.ts';
import { BadInput } from '../../../shared/errors.ts';

let folder: string;
let path: string;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-lake-'));
  path = join(folder, 'lake.duckdb');
  await withLake({ path }, 'write', (lake) => lake.run('CREATE TABLE t AS SELECT range AS n FROM range(3)'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const ask = (sql: string) => queryLake({ path }, sql);

describe('a query over the lake', () => {
  it('gives names, types and values that JSON can hold', async () => {
    const sql = `SELECT 1 AS a, 2 AS a, 9007199254740991 AS n, 9007199254740993 AS wide, sum(n) AS total, 1.50 AS d,
      'NaN'::DOUBLE AS nan, NULL AS nothing, DATE '2024-02-29' AS day, TIMESTAMPTZ '2024-01-01 02:00:00+02' AS instant,
      [1, 2] AS list FROM t`;
    const { columns, types, rows } = await ask(sql);
    expect(columns.slice(0, 3)).toEqual(['a', 'a', 'n']);
    expect(types.slice(3, 6)).toEqual(['BIGINT', 'HUGEINT', 'DECIMAL(3,2)']);
    expect(JSON.parse(JSON.stringify(rows))).toEqual([
      [
        1,
        2,
        9007199254740991,
        '9007199254740993',
        3,
        '1.50',
        'NaN',
        null,
        '2024-02-29',
        '2024-01-01 00:00:00+00',
        [1, 2],
      ],
    ]);
  });

  it('may be of several statements: the last one counts', async () => {
    expect((await ask('CREATE TEMP TABLE q AS SELECT 5 AS z; SELECT z + 1 AS y FROM q; -- end')).rows).toEqual([[6]]);
  });

  it('may read local files, but changes neither the lake nor the settings', async () => {
    const csv = join(folder, "it's.csv");
    writeFileSync(csv, 'x\n7\n');
    expect((await ask(`SELECT x FROM read_csv(${literal(csv)})`)).rows).toEqual([[7]]);
    for (const sql of [
      'DELETE FROM t',
      'DROP TABLE t',
      'CREATE VIEW v AS SELECT 1',
      'SET threads = 1',
      'LOAD httpfs',
    ]) {
      await expect(ask(sql)).rejects.toThrow(BadInput);
    }
    expect((await ask('SELECT count(*) FROM t')).rows).toEqual([[3]]);
  });

  it('says what the engine says of a wrong one', async () => {
    await expect(ask('SELEC 1')).rejects.toThrow(/^Cannot run the query: .*syntax error/);
    for (const sql of ['', '-- nothing', ';'])
      await expect(ask(sql)).rejects.toThrow('Cannot run the query: it holds no');
    await expect(ask('SELECT * FROM absent')).rejects.toThrow(/absent does not exist/);
  });

  it('runs while others in this process read and write the same file', async () => {
    const insert = () => withLake({ path }, 'write', (lake) => lake.run('INSERT INTO t VALUES (9)'));
    await Promise.all([insert(), ask('SELECT 1'), insert(), ask('SELECT 1'), insert()]);
    expect((await ask('SELECT count(*) FROM t WHERE n = 9')).rows).toEqual([[3]]);
  });
});

describe('an engine that has had a lake', () => {
  const count = (of: string) => withLake({ path: of }, 'read', (lake) => lake.rows('SELECT count(*) FROM t'));

  it('has the next one, with nothing left of the one before', async () => {
    const other = join(folder, 'other.duckdb');
    await withLake({ path: other }, 'write', (lake) => lake.run('CREATE TABLE t AS SELECT 1 AS n'));
    await withLake({ path }, 'write', async (lake) => {
      await lake.run('CREATE TEMP TABLE mine AS SELECT 1');
      await lake.run("SET TimeZone = 'Asia/Tokyo'");
    });
    await expect(withLake({ path: other }, 'read', (lake) => lake.rows('FROM mine'))).rejects.toThrow(/does not exist/);
    const sql = "SELECT current_setting('TimeZone'), count(*) FROM t";
    expect(await withLake({ path: other }, 'read', (lake) => lake.rows(sql))).toEqual([['UTC', '1']]);
    expect(await Promise.all([count(path), count(other)])).toEqual([[['3']], [['1']]]);
  });

  it('is not the one that a person’s query had, whose settings are locked', async () => {
    prepareLakeEngine();
    await ask('SELECT 1');
    await withLake({ path }, 'read', (lake) => lake.run('SET threads = 1'));
  });

  it('may still tidy up when what was committed is on the disk, until it is released', async () => {
    const insert = () => withLake({ path }, 'write', (lake) => lake.run('INSERT INTO t VALUES (9)'), 'later');
    await insert();
    expect(await count(path)).toEqual([['4']]);
    await insert();
    await lakeReleased({ path });
    expect(existsSync(`${path}.wal`)).toBe(false);
    await expect(withLake({ path }, 'write', (lake) => lake.run('FROM absent'), 'later')).rejects.toThrow(/absent/);
    await lakeReleased({ path });
    expect(await count(path)).toEqual([['5']]);
  });

  it('goes on with it where somebody asks at once, also for a query, and keeps nothing of a work that failed', async () => {
    const insert = (n: number) =>
      withLake({ path }, 'write', (lake) => lake.run(`INSERT INTO t VALUES (${n})`), 'later');
    const attached = () =>
      withLake({ path }, 'write', (lake) => lake.rows('SELECT current_setting($$TimeZone$$)'), 'later');
    await insert(1);
    expect(await attached()).toEqual([['UTC']]);
    expect(existsSync(`${path}.wal`)).toBe(true);
    await expect(withLake({ path }, 'write', (lake) => lake.run('FROM absent'), 'later')).rejects.toThrow(/absent/);
    await insert(2);
    expect((await ask('SELECT count(*) FROM t')).rows).toEqual([[5]]);
    expect(existsSync(`${path}.wal`)).toBe(false);
  });

  it('undoes what was begun and not committed', async () => {
    const work = withLake({ path }, 'write', async (lake) => {
      await lake.run('BEGIN TRANSACTION; DELETE FROM t');
      throw new Error('half-way');
    });
    await expect(work).rejects.toThrow('half-way');
    await withLake({ path }, 'write', (lake) => lake.run('BEGIN TRANSACTION; DELETE FROM t'));
    expect(await count(path)).toEqual([['3']]);
  });
});
