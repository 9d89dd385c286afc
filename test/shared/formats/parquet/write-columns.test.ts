import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openDatabase, rowsOf } from '../../../../shared/engine/duckdb.ts';
import { type PlainColumn, writeParquetColumns } from '../../../../shared/formats/parquet/write-columns.ts';
import { DEFAULT_ROW_GROUP_ROWS } from '../../../../shared/limits.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sluice-columns-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function written(columns: PlainColumn[], rows: number, sql: string): Promise<unknown[][]> {
  const path = join(folder, 'a.parquet');
  await writeParquetColumns(path, columns, rows);
  const database = await openDatabase({ path: ':memory:', threads: 1, memoryBytes: 2e8, scratch: folder });
  try {
    return await rowsOf(await database.connect(), sql.replace('$', `read_parquet('${path}')`));
  } finally {
    database.closeSync();
  }
}

describe('columns written as Parquet', () => {
  it('come back as they are, of every type, with and without values', async () => {
    const columns: PlainColumn[] = [
      { name: 'i', type: 'int', values: [1, -2, 0], nulls: Uint8Array.of(0, 0, 1) },
      { name: 'b', type: 'bigint', values: Float64Array.of(2 ** 53 - 1, -5, 0) },
      { name: 'd', type: 'double', values: Float64Array.of(0.1, -1e300, 5e-324) },
      { name: 'y', type: 'boolean', values: [1, 0, 1], nulls: Uint8Array.of(0, 1, 0) },
      { name: 't', type: 'timestamp', values: [1_530_505_980_000_123, 0, -1] },
      { name: 's', type: 'string', values: ['ä', '', 'c'], nulls: Uint8Array.of(0, 0, 1) },
      { name: 'c', type: 'string', values: 'G16' },
    ];
    const rows = await written(columns, 3, 'SELECT i, b, d, y, epoch_us(t), s, c FROM $');
    // The engine gives whole numbers of 64 bits as text.
    expect(rows).toEqual([
      [1, String(2 ** 53 - 1), 0.1, true, '1530505980000123', 'ä', 'G16'],
      [-2, '-5', -1e300, null, '0', '', 'G16'],
      [null, '0', 5e-324, true, '-1', null, 'G16'],
    ]);
  });

  it('may have no row, or more than a row group', async () => {
    expect(await written([{ name: 'i', type: 'int', values: [] }], 0, 'SELECT i FROM $')).toEqual([]);
    const rows = DEFAULT_ROW_GROUP_ROWS * 2 + 5;
    const values = Int32Array.from({ length: rows }, (_, i) => i);
    const nulls = Uint8Array.from(values, (value) => Number(value % 7 === 0));
    const [[count, sum]] = (await written(
      [{ name: 'i', type: 'int', values, nulls }],
      rows,
      'SELECT CAST(count(i) AS INTEGER), CAST(sum(i) AS DOUBLE) FROM $',
    )) as [[number, number]];
    const kept = values.filter((value) => value % 7 !== 0);
    expect([count, sum]).toEqual([kept.length, kept.reduce((all, value) => all + value, 0)]);
  });

  it('are refused where they differ in length', async () => {
    await expect(written([{ name: 'i', type: 'int', values: [1] }], 2, '')).rejects.toThrow(
      'Column i has 1 values where there are 2 rows',
    );
  });
});
