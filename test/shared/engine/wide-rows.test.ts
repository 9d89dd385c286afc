import { statSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { duckdbEngine } from '../../../shared/engine/duckdb-engine.ts';
import { ROW_GROUP_BYTES } from '../../../shared/limits.ts';
import { columnsOf, PLAIN, Workbench, writingOf } from './jobs.ts';

const TYPES = { a: 'int', b: 'string' } as const;

describe('a CSV of wide rows', () => {
  let bench: Workbench;
  beforeAll(() => {
    bench = new Workbench();
  });
  afterAll(() => bench.close());

  /** Rows of a number and as much text. */
  function wideCsv(rows: number, width: number): string {
    const path = bench.path('wide.csv');
    const text = 'x'.repeat(width);
    writeFileSync(path, 'a,b\n');
    for (let at = 0; at < rows; at += 64) {
      const lines = Array.from({ length: Math.min(64, rows - at) }, (_, i) => `${at + i},${text}${at + i}\n`);
      writeFileSync(path, lines.join(''), { flag: 'a' });
    }
    return path;
  }

  async function load(path: string, options: Parameters<typeof duckdbEngine>[0], rowGroupRows?: number) {
    const engine = duckdbEngine({ threads: 1, ...options });
    const columns = columnsOf(TYPES);
    const scratch = bench.path('scratch');
    await mkdir(scratch);
    const { accounts, files } = await engine.convert({
      inputs: [
        {
          path,
          uri: 's3://landing/wide.csv',
          sourceId: 'wide',
          format: 'csv',
          dialect: PLAIN,
          columns: columns.map(({ name }) => ({ original: name, target: name })),
          firstByte: 0,
          firstLine: 1,
        },
      ],
      columns,
      writing: writingOf(columns, rowGroupRows === undefined ? {} : { rowGroupRows }),
      target: { kind: 'final' },
      tolerance: { rows: 0, share: 0 },
      timezone: 'UTC',
      scratch,
    });
    await engine.close();
    return { account: accounts[0]!, file: files[0]!.path };
  }

  async function rowsOfGroups(path: string): Promise<number[]> {
    const connection = await (await DuckDBInstance.create(':memory:')).connect();
    const sql = `SELECT row_group_num_rows FROM parquet_metadata('${path}') WHERE column_id = 0 ORDER BY row_group_id`;
    const rows = (await connection.runAndReadAll(sql)).getRowsJson() as unknown[][];
    connection.closeSync();
    return rows.map(([count]) => Number(count));
  }

  it('has row groups of no more text than a reader wants at once', async () => {
    const width = 16_000;
    const path = wideCsv(9_000, width);
    expect(statSync(path).size).toBeGreaterThan(2 * ROW_GROUP_BYTES);
    const { account, file } = await load(path, { memoryBytes: 1024 ** 3 });
    expect(account).toMatchObject({ rowsRead: 9_000, rowsWritten: 9_000 });
    const groups = await rowsOfGroups(file);
    expect(groups.reduce((sum, rows) => sum + rows, 0)).toBe(9_000);
    // A whole vector is the least that there can be.
    expect(Math.max(...groups) * width).toBeLessThanOrEqual(ROW_GROUP_BYTES + 2_048 * width);
  });

  it('is given more memory where little does not do', async () => {
    const path = wideCsv(64, 1_000_000);
    const little = 24 * 1024 * 1024;
    await expect(load(path, { memoryBytes: little })).rejects.toThrow(/Out of Memory/);
    const { account } = await load(path, { memoryBytes: 1024 ** 3, streamingBytes: little });
    expect(account).toMatchObject({ rowsRead: 64, rowsWritten: 64 });
  });
});
