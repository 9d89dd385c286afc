import { afterEach, describe, expect, it } from '@jest/globals';
import { ROW_GROUP_BYTES } from '../../../shared/limits.ts';
import { Workbench } from './jobs.ts';

const TYPES = { a: 'int', b: 'string' } as const;

describe('a CSV of wide rows', () => {
  const benches: Workbench[] = [];
  afterEach(async () => {
    for (const bench of benches.splice(0)) await bench.close();
  });

  /** Loads rows of a number and as much text, by one thread. */
  async function load(rows: number, width: number, options: { memoryBytes: number; streamingBytes?: number }) {
    const bench = new Workbench({ threads: 1, ...options });
    benches.push(bench);
    const text = 'x'.repeat(width);
    const lines = Array.from({ length: rows }, (_, i) => Buffer.from(`${i},${text}${i}\n`));
    const input = bench.csv(Buffer.concat([Buffer.from('a,b\n'), ...lines]), TYPES);
    const { accounts, files } = await bench.convert([input], TYPES);
    return { bench, account: accounts[0]!, path: files[0]!.path };
  }

  it('has row groups of no more text than a reader wants at once', async () => {
    const [rows, width] = [9_000, 16_000];
    expect(rows * width).toBeGreaterThan(2 * ROW_GROUP_BYTES);
    const { bench, account, path } = await load(rows, width, { memoryBytes: 1024 ** 3 });
    expect(account).toMatchObject({ rowsRead: rows, rowsWritten: rows });
    const sql = `SELECT row_group_num_rows FROM parquet_metadata('${path}') WHERE column_id = 0 ORDER BY row_group_id`;
    const groups = (await bench.query(sql)).map(([count]) => Number(count));
    expect(groups.reduce((sum, count) => sum + count, 0)).toBe(rows);
    // A whole vector is the least that there can be.
    expect(Math.max(...groups) * width).toBeLessThanOrEqual(ROW_GROUP_BYTES + 2_048 * width);
  });

  it('is given more memory where little does not do', async () => {
    const little = 24 * 1024 * 1024;
    await expect(load(64, 1_000_000, { memoryBytes: little })).rejects.toThrow(/Out of Memory/);
    const { account } = await load(64, 1_000_000, { memoryBytes: 1024 ** 3, streamingBytes: little });
    expect(account).toMatchObject({ rowsRead: 64, rowsWritten: 64 });
  });
});

describe('a CSV of 1,100 columns', () => {
  it('is loaded, and what is wrong with a row is said', async () => {
    const bench = new Workbench();
    try {
      const names = Array.from({ length: 1_100 }, (_, c) => `c${c}`);
      const row = (last: string) => [...names.slice(1).map((_, c) => c), last].join(',');
      const text = [names.join(','), row('1'), row('x'), row('3')].join('\n');
      const { rows, rejects } = await bench.load(text, Object.fromEntries(names.map((name) => [name, 'int'])));
      expect(rows.map((values) => [values.length, values[0], values.at(-1)])).toEqual([
        [1_100, 0, 1],
        [1_100, 0, 3],
      ]);
      expect(rejects).toMatchObject([{ line: 3, column: 'c1099', reason: '"x" is no int' }]);
    } finally {
      await bench.close();
    }
  }, 60_000);
});
