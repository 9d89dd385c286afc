import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { duckdbCatalog } from '../../../shared/adapters/duckdb-catalog.ts';
import type { Column, PartitionValues } from '../../../shared/domain/schema.ts';
import { openDatabase, rowsOf } from '../../../shared/engine/duckdb.ts';
import { queryLake } from '../../../shared/engine/lake-database.ts';
import { engineType } from '../../../shared/engine/lake-views.ts';
import { ident, literal } from '../../../shared/engine/sql.ts';
import { BadInput, CatalogConflict, ObjectNotFound } from '../../../shared/errors.ts';
import type { CatalogPartition, TableState } from '../../../shared/ports/catalog.ts';
import { column, describeCatalog, type LiveFile, partitionOf, tableOf } from '../../contract/catalog.ts';

const MIB = 1024 * 1024;

let home: string;
let database: Awaited<ReturnType<typeof openDatabase>>;
let connection: Awaited<ReturnType<typeof database.connect>>;

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'sluice-catalog-'));
  database = await openDatabase({ path: ':memory:', threads: 1, memoryBytes: 256 * MIB, scratch: join(home, 'spill') });
  connection = await database.connect();
});

afterEach(() => {
  connection.closeSync();
  database.closeSync();
  rmSync(home, { recursive: true, force: true });
});

const lake = () => join(home, 'lake.duckdb');
const resolve = (uri: string) => join(home, 's3', uri.slice('s3://'.length));
const catalogHere = () => duckdbCatalog({ path: lake(), resolve, scratch: join(home, 'spill') });
const ask = async (sql: string) => (await queryLake({ path: lake() }, sql)).rows;

/** Writes a file of the given select, in the way that Sluice writes its own. */
async function write(uri: string, select: string): Promise<void> {
  const path = resolve(uri);
  mkdirSync(dirname(path), { recursive: true });
  const options = path.includes('.csv') ? `(FORMAT csv, HEADER, DELIMITER ',', NULLSTR '')` : '(FORMAT parquet)';
  await connection.run(`COPY (${select}) TO ${literal(path)} ${options}`);
}

async function lay({ uri, format, columns, rows }: LiveFile): Promise<void> {
  if (format === 'avro') {
    mkdirSync(dirname(resolve(uri)), { recursive: true });
    writeFileSync(resolve(uri), 'Obj\u0001');
    return;
  }
  const nulls = columns.map((one) => `CAST(NULL AS ${engineType(one.type)}) AS ${ident(one.name)}`);
  await write(uri, `SELECT ${nulls.join(', ')} FROM range(${rows})`);
}

/** A table of one file a partition, written and swapped. */
async function publish(state: TableState, selects: string[]): Promise<void> {
  for (const [i, partition] of state.partitions.entries())
    await write(partition.files[0] as string, selects[i] as string);
  await catalogHere().swap(state);
}

describeCatalog('the DuckDB catalog', async () => ({
  catalog: catalogHere(),
  keepsFiles: true,
  lay,
  close: async () => {},
}));

describe('the views of a lake', () => {
  it('show the live files and no others, with the partition values of the catalog', async () => {
    const partitionColumns = [column('klass', 'int'), column('land', 'string')];
    const values: PartitionValues[] = [
      ['1', 'a"; drop table x --'],
      ['2', '../../x'],
      ['3', "it's\nnew"],
      ['4', null],
      [null, 'null'],
      ['5', '日本 ✓ %2F'],
      ['6', ''],
    ];
    const state = tableOf({ columns: [column('n', 'bigint')], partitionColumns, values });
    await publish(
      state,
      values.map((_, i) => `SELECT ${i}::BIGINT AS n`),
    );
    await write(`${state.partitions[0]?.location}part-9.parquet`, 'SELECT 99::BIGINT AS n');
    expect(await ask('SELECT n, klass, land FROM demo.t ORDER BY n')).toEqual(
      values.map(([klass, land], i) => [i, klass === null ? null : Number(klass), land]),
    );
    expect(await ask(`SELECT n FROM demo.t WHERE land = '../../x' AND klass = 2`)).toEqual([[1]]);
    expect(await ask('SELECT column_name, column_type FROM (DESCRIBE demo.t)')).toEqual([
      ['n', 'BIGINT'],
      ['klass', 'INTEGER'],
      ['land', 'VARCHAR'],
    ]);
  });

  it('open only the files of the partitions that a filter leaves', async () => {
    const state = tableOf({ columns: [column('n', 'bigint')], values: [['a'], ['b']] });
    await publish(state, ['SELECT 1::BIGINT AS n', 'SELECT 2::BIGINT AS n']);
    const [plan] = await ask(`EXPLAIN SELECT sum(n) FROM demo.t WHERE day = 'b'`);
    expect(String(plan).match(/Function:/g)).toHaveLength(1);
  });

  it('show a column as null where a file is older, lacks it, or none has it', async () => {
    const columns = [column('late', 'decimal(9,2)'), column('n', 'bigint'), column('never', 'date')];
    const state = tableOf({ columns, values: [['old'], ['new']] });
    await publish(state, ['SELECT 1::BIGINT AS n', 'SELECT 2::INTEGER AS n, 1.5::DECIMAL(9,2) AS late']);
    const result = await queryLake({ path: lake() }, 'SELECT * FROM demo.t ORDER BY n');
    expect(result).toEqual({
      columns: ['late', 'n', 'never', 'day'],
      types: ['DECIMAL(9,2)', 'BIGINT', 'DATE', 'VARCHAR'],
      rows: [
        [null, 1, null, 'old'],
        ['1.50', 2, null, 'new'],
      ],
    });
  });

  it.each(['parquet', 'csv'] as const)(
    'show %s files of fewer columns and another order in one partition',
    async (format) => {
      const state = tableOf({ format, columns: [column('n', 'bigint'), column('s', 'string')], values: [['x']] });
      const [only] = state.partitions as [CatalogPartition];
      const files = [0, 1, 2].map((i) => `${only.location}part-${i}.${format}`);
      const selects = ['SELECT 1::BIGINT AS n', `SELECT 'b' AS s, 2::BIGINT AS n`, `SELECT 3::BIGINT AS n, 'c' AS s`];
      for (const [i, uri] of files.entries()) await write(uri, selects[i] as string);
      await catalogHere().swap({ ...state, partitions: [{ ...only, files }] });
      expect(await ask('SELECT * FROM demo.t ORDER BY n')).toEqual([
        [1, null, 'x'],
        [2, 'b', 'x'],
        [3, 'c', 'x'],
      ]);
    },
  );

  it('show an empty table with its columns and types', async () => {
    for (const format of ['parquet', 'csv'] as const) {
      const columns = [column('n', 'bigint'), column('at', 'timestamp'), column('b', 'binary')];
      await catalogHere().swap(tableOf({ table: format, format, columns, partitions: [] }));
      const result = await queryLake({ path: lake() }, `SELECT * FROM demo.${format}`);
      expect(result).toEqual({
        columns: ['n', 'at', 'b', 'day'],
        types: ['BIGINT', 'TIMESTAMP', 'BLOB', 'VARCHAR'],
        rows: [],
      });
    }
  });

  it('read CSV back as it was: types, nulls, quotes, line ends, files of fewer columns', async () => {
    const columns = [
      column('s', 'string'),
      column('i', 'int'),
      column('f', 'boolean'),
      column('at', 'timestamp'),
      column('late', 'double'),
    ];
    const state = tableOf({ format: 'csv', columns, values: [['x'], ['y']] });
    const text = ['', 'a,b', 'say "hi"\nnew', ' led ', '\\', '#no comment', 'NA'];
    const rows = text.map(
      (one, i) => `(${literal(one)}, ${i}, ${i % 2 === 0}, TIMESTAMP '2024-02-29 01:02:03.000004')`,
    );
    await publish(state, [
      `SELECT * FROM (VALUES ${rows.join(', ')}) t(s, i, f, "at")`,
      `SELECT NULL::VARCHAR AS s, 7::INTEGER AS i, NULL::BOOLEAN AS f, NULL::TIMESTAMP AS "at", 1.5::DOUBLE AS late`,
    ]);
    expect(await ask('SELECT * FROM demo.t ORDER BY i')).toEqual([
      ...text.map((one, i) => [one, i, i % 2 === 0, '2024-02-29 01:02:03.000004', null, 'x']),
      [null, 7, null, null, 1.5, 'y'],
    ]);
  });

  it('show a timestamp as it is written wherever the reader stands', async () => {
    const state = tableOf({ columns: [column('at', 'timestamp')], partitionColumns: [], values: [[]] });
    await publish(state, [`SELECT TIMESTAMP '2024-07-01 10:00:00' AS "at"`]);
    expect(await ask('SELECT "at", typeof("at") FROM demo.t')).toEqual([['2024-07-01 10:00:00', 'TIMESTAMP']]);
    const plain = await openDatabase({
      path: lake(),
      threads: 1,
      memoryBytes: 256 * MIB,
      scratch: home,
      readOnly: true,
    });
    const reader = await plain.connect();
    await reader.run(`SET TimeZone = 'America/New_York'`);
    expect(await rowsOf(reader, 'SELECT CAST("at" AS VARCHAR) FROM demo.t')).toEqual([['2024-07-01 10:00:00']]);
    reader.closeSync();
    plain.closeSync();
  });

  it('take odd names of tables, databases and columns as they are', async () => {
    for (const [i, odd] of ['a"; drop table x --', '../../x', "it's", 'é ✓', 'new\nline'].entries()) {
      const columns: Column[] = [{ name: odd, original: odd, type: 'int' }];
      const state = tableOf({
        database: odd,
        table: odd,
        root: `s3://lake/${i}/`,
        columns,
        partitionColumns: [],
        values: [[]],
      });
      await publish(state, [`SELECT ${i}::INTEGER AS ${ident(odd)}`]);
      expect(await ask(`SELECT ${ident(odd)} FROM ${ident(odd)}.${ident(odd)}`)).toEqual([[i]]);
      expect(await catalogHere().table(odd, odd)).toMatchObject({ database: odd, table: odd, columns });
    }
  });

  it('read files whose path looks like a pattern as just those', async () => {
    const odd = 's3://lake/h[1]/';
    const state = tableOf({ root: odd, columns: [column('n', 'int')], partitionColumns: [], values: [[]] });
    await write('s3://lake/h1/g1/part-0.parquet', 'SELECT 13::INTEGER AS n');
    await publish(state, ['SELECT 1::INTEGER AS n']);
    expect(await ask('SELECT n FROM demo.t')).toEqual([[1]]);
  });

  it('answer in a database called lake, like the file', async () => {
    const state = tableOf({ database: 'lake', columns: [column('n', 'int')], values: [['x']] });
    await publish(state, ['SELECT 1::INTEGER AS n']);
    expect(await ask('SELECT n FROM lake.t')).toEqual([[1]]);
  });

  it('say of an Avro table why it cannot be read, and list its files', async () => {
    const state = tableOf({ format: 'avro', table: 't_avro', values: [['x']] });
    const uri = state.partitions[0]?.files[0] as string;
    await lay({ uri, format: 'avro', columns: state.columns, rows: 1 });
    await catalogHere().swap(state);
    for (const sql of ['SELECT * FROM demo.t_avro', 'SELECT count(*) FROM demo.t_avro']) {
      await expect(ask(sql)).rejects.toThrow(/demo\.t_avro is kept as Avro/);
    }
    expect(await ask('SELECT column_name FROM (DESCRIBE demo.t_avro)')).toEqual([['id'], ['name'], ['day']]);
    expect(await ask('SELECT uri, path FROM sluice.files')).toEqual([[uri, resolve(uri)]]);
  });
});

describe('the file', () => {
  it('is ready for plain DuckDB, with no log beside it', async () => {
    const state = tableOf({ columns: [column('n', 'int')], values: [['x']] });
    await publish(state, ['SELECT 1::INTEGER AS n']);
    expect(existsSync(`${lake()}.wal`)).toBe(false);
    const plain = await openDatabase({
      path: lake(),
      threads: 1,
      memoryBytes: 256 * MIB,
      scratch: home,
      readOnly: true,
    });
    const reader = await plain.connect();
    expect(await rowsOf(reader, 'SELECT n, day FROM demo.t')).toEqual([[1, 'x']]);
    reader.closeSync();
    plain.closeSync();
  });

  it('is made anew after it was deleted, and mended where its view was dropped', async () => {
    const state = tableOf({ columns: [column('n', 'int')], values: [['x']] });
    await publish(state, ['SELECT 1::INTEGER AS n']);
    rmSync(lake());
    expect(await catalogHere().table('demo', 't')).toBeUndefined();
    expect(await catalogHere().swap(state)).toMatchObject({ created: 1 });
    const plain = await openDatabase({ path: lake(), threads: 1, memoryBytes: 256 * MIB, scratch: home });
    const writer = await plain.connect();
    await writer.run('DROP VIEW demo.t');
    writer.closeSync();
    plain.closeSync();
    expect(await catalogHere().swap(state)).toMatchObject({ created: 0, updated: 0 });
    expect(await ask('SELECT n FROM demo.t')).toEqual([[1]]);
  });

  it('follows a home that moved', async () => {
    const state = tableOf({ columns: [column('n', 'int')], values: [['x']] });
    await publish(state, ['SELECT 1::INTEGER AS n']);
    const elsewhere = (uri: string) => join(home, 'moved', uri.slice('s3://'.length));
    mkdirSync(dirname(elsewhere(state.partitions[0]?.files[0] as string)), { recursive: true });
    await connection.run(
      `COPY (SELECT 2::INTEGER AS n) TO ${literal(elsewhere(state.partitions[0]?.files[0] as string))} (FORMAT parquet)`,
    );
    await duckdbCatalog({ path: lake(), resolve: elsewhere }).swap(state);
    expect(await ask('SELECT n FROM demo.t')).toEqual([[2]]);
  });

  it('stays as it was when a swap fails', async () => {
    const state = tableOf({ columns: [column('n', 'int')], partitionColumns: [column('k', 'int')], values: [['1']] });
    await publish(state, ['SELECT 1::INTEGER AS n']);
    const absent = { ...state, partitions: [partitionOf(state, ['1'], 'g2', 1)] };
    await expect(catalogHere().swap(absent)).rejects.toThrow(ObjectNotFound);
    const wrong = { ...state, partitions: [{ ...state.partitions[0], values: ['one'] }] } as TableState;
    await expect(catalogHere().swap(wrong)).rejects.toThrow(
      'Cannot publish demo.t: the partition value "one" of k is no int',
    );
    expect(await catalogHere().partitions('demo', 't')).toEqual(state.partitions);
    expect(await ask('SELECT n, k FROM demo.t')).toEqual([[1, 1]]);
  });

  it('refuses the names that the engine or the catalog keeps', async () => {
    for (const [database, table] of [
      ['information_schema', 't'],
      ['sluice', 'files'],
    ] as const) {
      await expect(catalogHere().swap(tableOf({ database, table, partitions: [] }))).rejects.toThrow(BadInput);
    }
    const loads = tableOf({ database: 'sluice', table: 'loads', partitions: [] });
    await catalogHere().swap(loads);
    expect(await ask('SELECT count(*) FROM sluice.loads')).toEqual([[0]]);
  });

  it('says so where it is no database, or not there', async () => {
    await expect(ask('SELECT 1')).rejects.toThrow(/nothing has been published/);
    writeFileSync(lake(), 'this is no database');
    await expect(catalogHere().swap(tableOf({ partitions: [] }))).rejects.toThrow(
      /^Cannot open .*lake\.duckdb as a lake/,
    );
  });
});

describe('while another process holds the file', () => {
  let holder: ChildProcess | undefined;

  afterEach(() => {
    holder?.kill('SIGKILL');
  });

  /** A process of its own that has the file open to write. */
  async function hold(): Promise<void> {
    const engine = join(import.meta.dirname, '../../../shared/engine/duckdb.ts');
    const options = JSON.stringify({ path: lake(), threads: 1, memoryBytes: 256 * MIB, scratch: home });
    const script = `
      const { openDatabase } = await import(${JSON.stringify(engine)});
      await openDatabase(${options});
      console.log('held');
      process.stdin.resume();`;
    holder = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    await new Promise((done) => holder?.stdout?.once('data', done));
  }

  async function release(): Promise<void> {
    const gone = new Promise((done) => holder?.once('exit', done));
    holder?.kill('SIGKILL');
    await gone;
  }

  it('waits for it, and gives up as a conflict', async () => {
    const state = tableOf({ partitions: [] });
    await catalogHere().swap(state);
    await hold();
    let pauses = 0;
    const pause = async () => void pauses++;
    const impatient = duckdbCatalog({ path: lake(), resolve, attempts: 3, pause });
    await expect(impatient.swap(state)).rejects.toThrow(CatalogConflict);
    await expect(impatient.table('demo', 't')).rejects.toThrow(CatalogConflict);
    await expect(queryLake({ path: lake(), attempts: 3, pause }, 'SELECT 1')).rejects.toThrow(CatalogConflict);
    expect(pauses).toBe(6);
    const patient = duckdbCatalog({ path: lake(), resolve, attempts: 2, pause: release });
    expect(await patient.table('demo', 't')).toMatchObject({ table: 't' });
  });
});
