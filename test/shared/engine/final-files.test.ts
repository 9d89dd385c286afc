import { readFileSync, statSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Column, OutputFormat, PartitionValues } from '../../../shared/domain/schema.ts';
import { literal, literals } from '../../../shared/engine/sql.ts';
import type { FinalFile, PartitionSpec, TableWriting } from '../../../shared/engine/table-engine.ts';
import { readWithAvsc } from '../formats/avro/read-with-avsc.ts';
import { columnsOf, sorted, type Types, Workbench, writingOf } from './jobs.ts';

let bench: Workbench;
beforeAll(() => {
  bench = new Workbench();
});
afterAll(() => bench.close());

const ALL: OutputFormat[] = ['parquet', 'avro', 'csv'];

/** Rows of a Parquet file through the repartition job, which is how tables are written from what is staged. */
async function write(select: string, columns: Column[], over: Partial<TableWriting>) {
  const staged = bench.path('staged.parquet');
  await bench.query(`COPY (${select}) TO ${literal(staged)} (FORMAT parquet)`);
  return bench.engine.repartition({
    inputs: [staged],
    columns,
    writing: writingOf(columns, over),
    scratch: bench.path('scratch'),
  });
}

const ofFormat = (files: FinalFile[], format: OutputFormat) => files.filter((file) => file.format === format);

describe('final files', () => {
  it('have the same rows in every format', async () => {
    const columns = columnsOf({
      b: 'boolean',
      i: 'int',
      l: 'bigint',
      f: 'float',
      d: 'double',
      d4: 'decimal(4,1)',
      d9: 'decimal(9,2)',
      d18: 'decimal(18,3)',
      d38: 'decimal(38,4)',
      day: 'date',
      at: 'timestamp',
      s: 'string',
      raw: 'binary',
    });
    const some = (value: string, n: number) => `CASE WHEN i % ${n} = 0 THEN NULL ELSE ${value} END`;
    const { files, rowsRead } = await write(
      `SELECT ${[
        some('i % 2 = 0', 5),
        some('CAST(i - 3000 AS INTEGER)', 7),
        some('CAST(i * 1000003 - 9000000000000 AS BIGINT)', 3),
        some('CAST(i / 8 AS FLOAT)', 4),
        some('i / 3', 6),
        some('CAST(i % 900 / 10 AS DECIMAL(4,1))', 8),
        some('CAST(-i / 100 AS DECIMAL(9,2))', 9),
        some('CAST(i * 1000.123 AS DECIMAL(18,3))', 10),
        some(
          "CAST('12345678901234567890123456789.' || (i % 10000) AS DECIMAL(38,4)) * (CASE WHEN i % 2 = 0 THEN 1 ELSE -1 END)",
          11,
        ),
        some("DATE '1950-01-01' + CAST(i AS INTEGER)", 12),
        some("TIMESTAMP '1969-12-31 23:59:00' + to_microseconds(i * 10007)", 13),
        some(
          "CASE i % 4 WHEN 0 THEN '' WHEN 1 THEN 'ab' WHEN 2 THEN 'exactly 12 b' ELSE 'longer than twelve, \"ü\" ' || i END",
          14,
        ),
        some("encode('bytes ' || i)", 15),
      ]
        .map((value, c) => `${value} AS ${columns[c]!.name}`)
        .join(', ')} FROM range(6000) t(i)`,
      columns,
      { formats: ALL, compression: { parquet: 'snappy', avro: 'snappy', csv: 'gzip' } },
    );
    expect(rowsRead).toBe(6000);
    expect(files.map(({ format, rows, part }) => [format, rows, part])).toEqual(ALL.map((format) => [format, 6000, 0]));
    for (const file of files) expect(statSync(file.path).size).toBe(file.bytes);

    const text = (c: Column) => (c.type === 'binary' ? `to_base64(${c.name})` : `CAST("${c.name}" AS VARCHAR)`);
    const parquet = await bench.query(`SELECT ${columns.map(text).join(', ')} FROM '${files[0]!.path}'`);
    const csv = await bench.query(
      `SELECT * FROM read_csv(${literal(files[2]!.path)}, all_varchar = true, header = true, allow_quoted_nulls = false)`,
    );
    expect(csv).toEqual(parquet);

    // Avro, read by another hand: numbers as they are kept.
    const kept = (c: Column) => {
      if (c.type === 'timestamp') return `CAST(epoch_us("${c.name}") AS VARCHAR)`;
      if (c.type === 'date') return `CAST(datediff('day', DATE '1970-01-01', "${c.name}") AS VARCHAR)`;
      if (c.type.startsWith('decimal')) return `replace(CAST(${c.name} AS VARCHAR), '.', '')`;
      return text(c);
    };
    const numbers = await bench.query(`SELECT ${columns.map(kept).join(', ')} FROM '${files[0]!.path}'`);
    const avro = await readWithAvsc(files[1]!.path);
    const asText = (value: unknown, c: number) => {
      if (value === null) return null;
      if (Buffer.isBuffer(value)) return value.toString('base64');
      return columns[c]!.type === 'decimal(4,1)' ? BigInt(value as bigint).toString() : String(value);
    };
    const comparable = (value: unknown, c: number) =>
      value === null ? null : /^(decimal|float|double)/.test(columns[c]!.type) ? Number(value) : String(value);
    expect(avro.rows.map((row) => row.map((value, c) => comparable(asText(value, c), c)))).toEqual(
      numbers.map((row) => row.map((value, c) => comparable(value, c))),
    );
    expect(avro.rows.map((row) => row[8])).toEqual(
      numbers.map((row) => (row[8] === null ? null : BigInt(row[8] as string))),
    );
  });

  it('are of types that Athena reads, with metadata', async () => {
    const columns = columnsOf({ n: 'decimal(20,0)', at: 'timestamp', b: 'bigint', s: 'string', raw: 'binary' });
    const metadata = { 'sluice.run': 'R \'x\' "y"', 'ü.key': '{"a": 1}' };
    const { files } = await write(
      "SELECT 18446744073709551615::DECIMAL(20,0) AS n, TIMESTAMP '2024-02-29 12:00:00.123456' AS at, 1::BIGINT AS b, 'x' AS s, 'y'::BLOB AS raw",
      columns,
      { formats: ['parquet', 'avro'], metadata, avroRecordName: 'events' },
    );
    const path = literal(files[0]!.path);
    const schema = await bench.query(
      `SELECT name, type, coalesce(logical_type, converted_type) FROM parquet_schema(${path}) OFFSET 1`,
    );
    expect(schema).toEqual([
      ['n', 'FIXED_LEN_BYTE_ARRAY', 'DecimalType(scale=0, precision=20)'],
      ['at', 'INT64', expect.stringContaining('isAdjustedToUTC=0, unit=TimeUnit(MILLIS=<null>, MICROS=MicroSeconds()')],
      ['b', 'INT64', 'INT_64'],
      ['s', 'BYTE_ARRAY', 'UTF8'],
      ['raw', 'BYTE_ARRAY', null],
    ]);
    expect(await bench.query(`SELECT decode(key), decode(value) FROM parquet_kv_metadata(${path})`)).toEqual(
      Object.entries(metadata),
    );
    const codecs = await bench.query(`SELECT DISTINCT compression FROM parquet_metadata(${path})`);
    expect(codecs).toEqual([['ZSTD']]);
    const avro = await readWithAvsc(files[1]!.path);
    expect(avro.metadata).toMatchObject({ ...metadata, 'avro.codec': 'deflate' });
    expect(avro.schema).toMatchObject({
      name: 'events',
      fields: [
        { name: 'n', type: ['null', { type: 'bytes', logicalType: 'decimal', precision: 20, scale: 0 }] },
        { name: 'at', type: ['null', { type: 'long', logicalType: 'timestamp-micros' }] },
        { name: 'b' },
        { name: 's' },
        { name: 'raw', type: ['null', 'bytes'] },
      ],
    });
  });

  it.each([
    ['zstd', 'ZSTD'],
    ['snappy', 'SNAPPY'],
    ['gzip', 'GZIP'],
    ['none', 'UNCOMPRESSED'],
  ] as const)('of Parquet are compressed as asked: %s', async (parquet, name) => {
    const columns = columnsOf({ i: 'bigint' });
    const { files } = await write('SELECT range AS i FROM range(5000)', columns, {
      compression: { parquet, avro: 'null', csv: 'none' },
      rowGroupRows: 2048,
    });
    const groups = await bench.query(
      `SELECT DISTINCT compression, row_group_num_rows FROM parquet_metadata('${files[0]!.path}') ORDER BY 2`,
    );
    expect(groups).toEqual([
      [name, '904'],
      [name, '2048'],
    ]);
  });

  it('of CSV have a header, quotes where they must be, and tell a missing value from an empty text', async () => {
    const columns = columnsOf({ s: 'string', n: 'double' });
    const { files } = await write(
      `SELECT * FROM (VALUES (NULL, NULL), ('', 1.5), ('a,b', 1e300), ('say "x"', 0.1), (e'two\nlines', 3)) t(s, n)`,
      columns,
      { formats: ['csv'] },
    );
    expect(readFileSync(files[0]!.path, 'utf8')).toBe(
      's,n\n,\n"",1.5\n"a,b",1e+300\n"say ""x""",0.1\n"two\nlines",3.0\n',
    );
  });

  it('are none where there is no row, unless one is asked for', async () => {
    const columns = columnsOf({ i: 'int' });
    const nothing = 'SELECT 1 AS i WHERE FALSE';
    expect((await write(nothing, columns, { formats: ALL })).files).toEqual([]);
    const { files } = await write(nothing, columns, { formats: ALL, emptyFile: true });
    expect(files.map(({ format, rows }) => [format, rows])).toEqual(ALL.map((format) => [format, 0]));
    expect(await bench.query(`SELECT count(*) FROM '${files[0]!.path}'`)).toEqual([['0']]);
    expect((await readWithAvsc(files[1]!.path)).rows).toEqual([]);
    expect(readFileSync(files[2]!.path, 'utf8')).toBe('i\n');
  });
});

describe('sizes', () => {
  const text = 'md5(CAST(i AS VARCHAR)) || md5(CAST(i + 1 AS VARCHAR))';

  it.each(ALL)('are within a quarter of the target, but for what is left over: %s', async (format) => {
    const columns = columnsOf({ i: 'bigint', s: 'string' });
    const fileSizeBytes = 300_000;
    const { files, rowsRead } = await write(`SELECT i, ${text} AS s FROM range(100000) t(i)`, columns, {
      formats: [format],
      fileSizeBytes,
      rowGroupRows: 2048,
      sortBy: ['i'],
      compression: { parquet: 'zstd', avro: 'deflate', csv: 'gzip' },
    });
    expect(files.length).toBeGreaterThan(3);
    for (const file of files.slice(0, -1)) expect(Math.abs(file.bytes / fileSizeBytes - 1)).toBeLessThanOrEqual(0.25);
    expect(files.at(-1)!.bytes).toBeLessThanOrEqual(fileSizeBytes * 1.25);
    expect(files.map(({ part }) => part)).toEqual(files.map((_, part) => part));
    const numbers: number[] = [];
    for (const { path, rows } of files) {
      const read =
        format === 'avro'
          ? (await readWithAvsc(path)).rows.map((row) => Number(row[0]))
          : (await bench.query(`SELECT i FROM '${path}'`)).map(([i]) => Number(i));
      expect(read).toHaveLength(rows);
      numbers.push(...read);
    }
    expect(numbers).toEqual(Array.from({ length: rowsRead }, (_, i) => i));
  });

  it('hold within partitions, large and small together', async () => {
    const columns = columnsOf({ i: 'bigint', s: 'string' });
    const fileSizeBytes = 200_000;
    const { files } = await write(
      `SELECT i, ${text} AS s, CASE WHEN i < 60000 THEN 0 ELSE i % 20 END AS p FROM range(70000) t(i)`,
      [...columns, { name: 'p', original: 'p', type: 'bigint' }],
      {
        columns,
        formats: ALL,
        fileSizeBytes,
        rowGroupRows: 2048,
        partitions: [{ name: 'p', from: { column: 'p' }, type: 'bigint' }],
      },
    );
    for (const format of ALL) {
      const large = ofFormat(files, format).filter(({ partition }) => partition[0] === '0');
      const small = ofFormat(files, format).filter(({ partition }) => partition[0] !== '0');
      expect(large.length).toBeGreaterThan(3);
      expect(small).toHaveLength(19);
      for (const { bytes } of large.slice(0, -1)) expect(Math.abs(bytes / fileSizeBytes - 1)).toBeLessThanOrEqual(0.25);
      expect([...large, ...small].reduce((sum, { rows }) => sum + rows, 0)).toBe(70_000);
    }
  });
});

describe('partitions', () => {
  const ODD = [
    '../../x',
    'a=b',
    "it's",
    'say "x"',
    'ü€𝄞',
    'two\nlines',
    ' blank ',
    'NULL',
    '%2F',
    '\\',
    'A',
    'a',
    '*',
    '.',
    'x'.repeat(300),
  ];

  it('have exactly the values of the column, nulls and odd ones too', async () => {
    const columns = columnsOf({ i: 'int' });
    const values = [...ODD, '', '__HIVE_DEFAULT_PARTITION__', null].map((value) =>
      value === null ? 'NULL' : literal(value),
    );
    const { files } = await write(
      `SELECT CAST(row_number() OVER () AS INTEGER) AS i, v FROM (VALUES ${values.map((v) => `(CAST(${v} AS VARCHAR))`).join(', ')}) t(v)`,
      [...columns, { name: 'v', original: 'v', type: 'string' }],
      { columns, formats: ALL, partitions: [{ name: 'v', from: { column: 'v' }, type: 'string' }] },
    );
    for (const format of ALL) {
      const found = ofFormat(files, format);
      // Hive cannot tell these three apart: they are one partition.
      expect(new Set(found.map(({ partition }) => partition[0]))).toEqual(new Set([...ODD, null]));
      expect(found).toHaveLength(ODD.length + 1);
      expect(found.find(({ partition }) => partition[0] === null)!.rows).toBe(3);
    }
    for (const { path, partition } of ofFormat(files, 'parquet')) {
      const [[i]] = (await bench.query(`SELECT min(i) FROM read_parquet(${literal(path)})`)) as [[number]];
      if (partition[0] !== null) expect(ODD[i - 1]).toBe(partition[0]);
    }
  });

  it('may be derived and constant, in any order', async () => {
    const columns = columnsOf({ at: 'timestamp', day: 'date', n: 'double', ok: 'boolean' });
    const partitions: PartitionSpec[] = [
      { name: 'hour', from: { column: 'at', part: 'hour' }, type: 'string' },
      { name: 'data_ref', from: { constant: '20260105' }, type: 'string' },
      { name: 'year', from: { column: 'day', part: 'year' }, type: 'int' },
      { name: 'month', from: { column: 'at', part: 'month' }, type: 'string' },
      { name: 'd', from: { column: 'at', part: 'day' }, type: 'date' },
      { name: 'n', from: { column: 'n' }, type: 'double' },
      { name: 'ok', from: { column: 'ok' }, type: 'boolean' },
    ];
    const { files } = await write(
      "SELECT TIMESTAMP '2026-11-21 07:05:00' AS at, DATE '0098-01-02' AS day, 1.0::DOUBLE AS n, TRUE AS ok UNION ALL SELECT NULL, NULL, NULL, NULL",
      columns,
      { columns: columns.slice(0, 2), partitions },
    );
    expect(files.map(({ partition }) => partition)).toEqual([
      ['2026-11-21-07', '20260105', '0098', '2026-11', '2026-11-21', '1.0', 'true'],
      [null, '20260105', null, null, null, null, null],
    ]);
  });

  it('of constants alone cut nothing apart', async () => {
    const columns = columnsOf({ i: 'bigint' });
    const { files } = await write('SELECT range AS i FROM range(10)', columns, {
      partitions: [
        { name: 'run', from: { constant: 'R' }, type: 'string' },
        { name: 'none', from: { constant: '' }, type: 'string' },
      ],
    });
    expect(files).toMatchObject([{ rows: 10, partition: ['R', null], part: 0 }]);
  });

  it('keep their rows in order, each and in every format', async () => {
    const columns = columnsOf({ k: 'bigint', s: 'string' });
    // More rows than one thread reads at once.
    const { files } = await write(
      "SELECT (i * 7919) % 400009 AS k, 'text' AS s, i % 40 AS p FROM range(400000) t(i)",
      [...columns, { name: 'p', original: 'p', type: 'bigint' }],
      { columns, formats: ALL, sortBy: ['k'], partitions: [{ name: 'p', from: { column: 'p' }, type: 'bigint' }] },
    );
    expect(files).toHaveLength(120);
    for (const format of ALL) {
      for (const { path } of ofFormat(files, format).slice(0, 10)) {
        const keys =
          format === 'avro'
            ? (await readWithAvsc(path)).rows.map((row) => Number(row[0]))
            : (await bench.query(`SELECT k FROM '${path}'`)).flat().map(Number);
        expect(keys).toHaveLength(10_000);
        expect(keys).toEqual([...keys].sort((x, y) => x - y));
      }
    }
  });

  it('take every row to its partition, whatever the table', async () => {
    const value = fc.option(fc.constantFrom(...ODD.slice(0, 8), ''), { nil: null });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(value, fc.option(fc.integer({ min: -2, max: 2 }), { nil: null })), {
          minLength: 1,
          maxLength: 40,
        }),
        fc.constantFrom<OutputFormat>('parquet', 'avro'),
        fc.boolean(),
        async (rows, format, sort) => {
          const columns = columnsOf({ i: 'int' });
          const listed = rows.map(
            ([v, n], i) => `(${i}, CAST(${v === null ? 'NULL' : literal(v)} AS VARCHAR), CAST(${n} AS BIGINT))`,
          );
          const { files } = await write(
            `SELECT * FROM (VALUES ${listed.join(', ')}) t(i, v, n)`,
            [...columns, ...columnsOf({ v: 'string', n: 'bigint' })],
            {
              columns,
              formats: [format],
              sortBy: sort ? ['i'] : [],
              partitions: [
                { name: 'n', from: { column: 'n' }, type: 'bigint' },
                { name: 'v', from: { column: 'v' }, type: 'string' },
              ],
            },
          );
          const found: [PartitionValues, number][] = [];
          for (const { path, partition } of files) {
            const ids =
              format === 'avro'
                ? (await readWithAvsc(path)).rows.map((row) => row[0] as number)
                : (await bench.read([path])).map((row) => row[0] as number);
            if (sort) expect(ids).toEqual([...ids].sort((a, b) => a - b));
            for (const id of ids) found.push([partition, id]);
          }
          expect(sorted(found)).toEqual(
            sorted(rows.map(([v, n], i) => [[n === null ? null : String(n), v === '' ? null : v], i])),
          );
        },
      ),
      { numRuns: 25 },
    );
  });
});

describe('staged files', () => {
  const TYPES: Types = { id: 'bigint', city: 'string', at: 'timestamp', amount: 'decimal(10,2)' };
  const rows = Array.from({ length: 500 }, (_, i) => [
    i,
    `city ${i % 5}`,
    `2024-01-${String(1 + (i % 9)).padStart(2, '0')}T00:00:00Z`,
    `${i}.50`,
  ]);
  const csv = (part: number) =>
    `id,city,at,amount\n${rows
      .filter(([id]) => Number(id) % 2 === part)
      .map((row) => row.join(','))
      .join('\n')}\n`;
  const partitions: PartitionSpec[] = [
    { name: 'city', from: { column: 'city' }, type: 'string' },
    { name: 'day', from: { column: 'at', part: 'day' }, type: 'date' },
  ];

  it('bring each partition of all tasks into one bucket, and make the same table as without', async () => {
    const columns = columnsOf(TYPES);
    const writing = writingOf(
      columns.filter(({ name }) => name !== 'city'),
      { partitions, formats: ALL, sortBy: ['id'] },
    );
    const staged: { path: string; bucket: number; rows: number }[] = [];
    for (const part of [0, 1]) {
      const outcome = await bench.convert([bench.csv(csv(part), TYPES)], TYPES, {
        writing,
        target: { kind: 'stage', buckets: 4 },
      });
      expect(outcome.files).toEqual([]);
      expect(outcome.staged.length).toBeLessThanOrEqual(4);
      expect(new Set(outcome.staged.map(({ bucket }) => bucket)).size).toBe(outcome.staged.length);
      staged.push(...outcome.staged);
    }
    const names = await bench.query(
      `SELECT DISTINCT name FROM parquet_schema(${literals(staged.map(({ path }) => path))}) WHERE num_children IS NULL`,
    );
    expect(names.flat().sort()).toEqual(Object.keys(TYPES).sort());

    const files: FinalFile[] = [];
    const seen = new Map<string, number>();
    for (const bucket of new Set(staged.map((file) => file.bucket))) {
      const inputs = staged.filter((file) => file.bucket === bucket).map(({ path }) => path);
      const outcome = await bench.engine.repartition({ inputs, columns, writing, scratch: bench.path('scratch') });
      for (const { partition } of ofFormat(outcome.files, 'parquet')) {
        const key = JSON.stringify(partition);
        expect(seen.has(key)).toBe(false);
        seen.set(key, bucket);
      }
      files.push(...outcome.files);
    }
    const direct = await bench.convert(
      [0, 1].map((part) => bench.csv(csv(part), TYPES)),
      TYPES,
      { writing },
    );
    const contents = async (of: FinalFile[]) => {
      const all: unknown[] = [];
      for (const { path, partition } of ofFormat(of, 'parquet'))
        for (const row of await bench.read([path])) all.push([partition, row]);
      return sorted(all);
    };
    expect(await contents(files)).toEqual(await contents(direct.files));
    expect(ofFormat(files, 'avro').reduce((sum, file) => sum + file.rows, 0)).toBe(500);
  });

  it('are in buckets that no version of the engine changes', async () => {
    const columns = columnsOf({ v: 'string' });
    const text = `v\n${['a', 'b', 'c', '', 'ü'].join('\n')}\n"x,y"\n`;
    const { staged } = await bench.convert(
      [bench.csv(text, { v: 'string' })],
      { v: 'string' },
      {
        writing: writingOf(columns, { partitions: [{ name: 'p', from: { column: 'v' }, type: 'string' }] }),
        target: { kind: 'stage', buckets: 8 },
      },
    );
    const found: [number, unknown][] = [];
    for (const { bucket, path } of staged) for (const [v] of await bench.read([path])) found.push([bucket, v]);
    expect(sorted(found)).toEqual(sorted(GOLDEN_BUCKETS));
  });

  it('are one where there is nothing to part', async () => {
    const { staged } = await bench.convert(
      [bench.csv('a\n1\n', { a: 'int' }), bench.csv('a\n2\nx\n', { a: 'int' })],
      { a: 'int' },
      { target: { kind: 'stage', buckets: 16 } },
    );
    expect(staged).toMatchObject([{ bucket: 0, rows: 2 }]);
  });
});

/** MD5 of the value with its length before it, modulo 8: a change would tear partitions of running loads apart. */
const GOLDEN_BUCKETS: [number, string | null][] = [
  [5, 'a'],
  [4, 'b'],
  [0, 'c'],
  [1, null],
  [1, 'ü'],
  [3, 'x,y'],
];

describe('compressed CSV', () => {
  it('is one gzip member that everyone reads', async () => {
    const columns = columnsOf({ i: 'bigint', s: 'string' });
    const { files } = await write("SELECT i, repeat('x', 30) || i AS s FROM range(100000) t(i)", columns, {
      formats: ['csv'],
      compression: { parquet: 'zstd', avro: 'null', csv: 'gzip' },
    });
    const bytes = readFileSync(files[0]!.path);
    expect(bytes.length).toBe(files[0]!.bytes);
    const text = gunzipSync(bytes).toString();
    expect(text.length).toBeGreaterThan(3_500_000);
    expect(text.split('\n')).toHaveLength(100_002);
    expect(bytes.length).toBeLessThan(text.length / 5);
  });
});
