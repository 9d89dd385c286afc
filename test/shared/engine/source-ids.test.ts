import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SOURCE_ID_COLUMN } from '../../../shared/domain/source.ts';
import type { FinalFile, TableWriting } from '../../../shared/engine/table-engine.ts';
import { columnsOf, sorted, Workbench, writingOf } from './jobs.ts';

const TYPES = { id: 'int', day: 'string' } as const;
const COLUMNS = columnsOf({ ...TYPES, [SOURCE_ID_COLUMN]: 'string' });
const DAY = { name: 'day', from: { column: 'day' }, type: 'string' as const };

function writing(over: Partial<TableWriting> = {}): TableWriting {
  return writingOf(COLUMNS, { formats: ['parquet', 'avro', 'csv'], sourceIds: true, ...over });
}

const partitioned = (over: Partial<TableWriting> = {}) =>
  writing({ columns: COLUMNS.filter(({ name }) => name !== 'day'), partitions: [DAY], ...over });

/** Rows by source over all files of a format. */
function totals(files: FinalFile[], format: string): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const file of files.filter((one) => one.format === format)) {
    for (const [id, rows] of Object.entries(file.rowsOf!)) sum[id] = (sum[id] ?? 0) + rows;
    expect(Object.values(file.rowsOf!).reduce((all, rows) => all + rows, 0)).toBe(file.rows);
  }
  return sum;
}

let bench: Workbench;
beforeAll(() => {
  bench = new Workbench();
});
afterAll(() => bench.close());

describe('source ids', () => {
  it('are said of each row, and counted in each file of each format', async () => {
    const inputs = [
      bench.csv('id,day\n1,x\n2,y\n3,y\n', TYPES, { sourceId: 'a' }),
      bench.csv('id,day\n4,y\n', TYPES, { sourceId: "b'" }),
      bench.csv('day;id\nx;5\n', { day: 'string', id: 'int' }, { sourceId: 'c', like: { delimiter: ';' } }),
    ];
    const { files } = await bench.convert(inputs, {}, { columns: COLUMNS, writing: partitioned() });
    for (const format of ['parquet', 'avro', 'csv']) {
      const own = files.filter((file) => file.format === format);
      expect(own.map((file) => [file.partition, file.rowsOf])).toEqual([
        [['x'], { a: 1, c: 1 }],
        [['y'], { a: 2, "b'": 1 }],
      ]);
    }
    const parquet = files.filter((file) => file.format === 'parquet').map((file) => file.path);
    expect(sorted(await bench.read(parquet))).toEqual(
      sorted([
        [1, 'a'],
        [2, 'a'],
        [3, 'a'],
        [4, "b'"],
        [5, 'c'],
      ]),
    );
  });

  it('are counted right wherever files are cut, and leave with their rows', async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(sizes, fc.boolean(), fc.nat(3), async (rows, byDay, out) => {
        const inputs = rows.map((count, i) =>
          bench.csv(
            `id,day\n${Array.from({ length: count }, (_, r) => `${i * 1000 + r},${'d'.repeat(1 + (r % 3))}\n`).join('')}`,
            TYPES,
            { sourceId: `s${i}` },
          ),
        );
        const small = { fileSizeBytes: 2048, sortBy: ['id'] };
        const job = { columns: COLUMNS, writing: byDay ? partitioned(small) : writing(small) };
        const { files } = await bench.convert(inputs, {}, job);
        const expected = Object.fromEntries(rows.map((count, i) => [`s${i}`, count]));
        for (const format of job.writing.formats) expect(totals(files, format)).toEqual(expected);

        const without = [`s${out}`];
        const outcome = await bench.engine.repartition({
          inputs: files.filter((file) => file.format === 'parquet').map((file) => file.path),
          columns: job.writing.columns,
          writing: { ...job.writing, partitions: [], sortBy: [] },
          without,
          scratch: bench.path('again'),
        });
        const dropped = rows[out] ?? 0;
        const all = rows.reduce((sum, count) => sum + count, 0);
        expect([outcome.rowsRead, outcome.rowsDropped]).toEqual([all, dropped]);
        delete expected[`s${out}`];
        for (const format of job.writing.formats) expect(totals(outcome.files, format)).toEqual(expected);
      }),
      { numRuns: 12 },
    );
  });

  it('are unknown of rows from before the table had them, which stay', async () => {
    const old = await bench.convert([bench.csv('id,day\n1,x\n', TYPES)], TYPES);
    const now = await bench.convert(
      [bench.csv('id,day\n2,x\n', TYPES, { sourceId: 'a' })],
      {},
      {
        columns: COLUMNS,
        writing: writing({ formats: ['parquet'] }),
      },
    );
    const outcome = await bench.engine.repartition({
      inputs: [...old.files, ...now.files].map((file) => file.path),
      columns: COLUMNS,
      writing: writing(),
      without: ['a'],
      scratch: bench.path('mixed'),
    });
    expect(outcome).toMatchObject({ rowsRead: 2, rowsDropped: 1 });
    for (const file of outcome.files) expect([file.rows, file.rowsOf]).toEqual([1, {}]);
  });
});

describe('unknown columns of Parquet', () => {
  it('are kept as text by their own names', async () => {
    const path = bench.path('in.parquet');
    await bench.query(
      `COPY (SELECT 1 AS id, DATE '2026-01-02' AS d, 1.50::DECIMAL(4,2) AS "Price €", {'a': [1, 2]} AS nested, '\\xFF'::BLOB AS b
       UNION ALL SELECT 2, NULL, NULL, NULL, NULL) TO '${path}' (FORMAT parquet)`,
    );
    const columns = columnsOf({ id: 'int', _rescued: 'string' });
    const names = ['d', 'Price €', 'nested', 'b'];
    const input = bench.csv('', {}, { path, format: 'parquet' });
    input.columns = [
      { original: 'id', target: 'id' },
      ...names.map((original) => ({ original, target: '_rescued', rescue: true as const })),
    ];
    const { files } = await bench.convert([input], {}, { columns, writing: writingOf(columns) });
    const [[, text], second] = await bench.read([files[0]!.path]);
    expect(JSON.parse(text as string)).toEqual({
      d: '2026-01-02',
      'Price €': '1.50',
      nested: '{"a":[1,2]}',
      b: '/w==',
    });
    expect(second).toEqual([2, null]);
  });
});

describe('rescued columns of one name', () => {
  it('are told apart by numbers', async () => {
    const columns = columnsOf({ a: 'int', _rescued: 'string' });
    const rescue = { target: '_rescued', rescue: true as const };
    const input = bench.csv('a,b,b,b_2\n1,x,y,z\n', {});
    input.columns = [{ original: 'a', target: 'a' }, ...['b', 'b', 'b_2'].map((original) => ({ original, ...rescue }))];
    const { files } = await bench.convert([input], {}, { columns, writing: writingOf(columns) });
    const [[, text]] = await bench.read([files[0]!.path]);
    expect(Object.values(JSON.parse(text as string)).sort()).toEqual(['x', 'y', 'z']);
  });
});
