import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Planted, plantedIn, TYPED_COLUMNS, typedCsv } from '../../../bench/kit/typed-rows.ts';
import type { ColumnType } from '../../../shared/domain/schema.ts';
import { MISFITS_LOGGED } from '../../../shared/limits.ts';
import { Workbench } from './jobs.ts';

let bench: Workbench;
beforeAll(() => {
  bench = new Workbench();
});
afterAll(() => bench.close());

const TYPES = Object.fromEntries(TYPED_COLUMNS.map(({ name, type }) => [name, type as ColumnType]));

/** Where each planted value stands in the text. */
function placesOf(text: string, planted: readonly Planted[]) {
  const lines = text.split('\n');
  let offset = 0;
  const starts = lines.map((line) => {
    const start = offset;
    offset += Buffer.byteLength(line) + 1;
    return start;
  });
  return planted.map(({ row, column, value }) => ({
    ...{ line: row + 2, byteOffset: starts[row + 1]!, column, raw: lines[row + 1]! },
    reason: `${JSON.stringify(value)} is no ${TYPES[column]}`,
  }));
}

describe('87 bad values of 12 types among 100,000 rows', () => {
  it('are each rejected with line, byte, column, reason and text, and no good row is lost', async () => {
    const planted = plantedIn(100_000, 87);
    const text = [...typedCsv(100_000, planted)].join('');
    const { account, rejects, outcome } = await bench.load(text, TYPES);
    expect(account).toMatchObject({ rowsRead: 100_000, rowsWritten: 99_913, rowsRejected: 87 });
    expect(
      rejects.map(({ line, byteOffset, column, raw, reason }) => ({ line, byteOffset, column, raw, reason })),
    ).toEqual(placesOf(text, planted));
    const [[rows, sum]] = (await bench.query(
      `SELECT count(*), sum(id - 3000000000) FROM '${outcome.files[0]!.path}'`,
    )) as [[string, string]];
    const lost = planted.reduce((total, { row }) => total + row, 0);
    expect([Number(rows), Number(sum)]).toEqual([99_913, (100_000 * 99_999) / 2 - lost]);
  }, 180_000);
});

describe('misfits that were noted while rows were written', () => {
  const types = { n: 'int', note: 'string', d: 'date' } as const;

  it('are found among records in quotes, of several lines and with escaped quotes at their beginning', async () => {
    const text =
      'n,note,d\n"1","a ""b""\nc",2024-01-01\n"x","two\nlines",2024-01-01\n3,plain,2024-01-01\n"""4""",q,2024-01-01\n' +
      '5,"x\ny",never\n6,same,2024-01-01\nx,same,2024-01-01\n';
    const { account, rejects, rows } = await bench.load(text, types);
    expect(account).toMatchObject({ rowsRead: 7, rowsWritten: 3, rowsRejected: 4 });
    expect(rows.map(([n]) => n)).toEqual([1, 3, 6]);
    expect(rejects.map(({ line, column, reason }) => [line, column, reason])).toEqual([
      [4, 'n', '"x" is no int'],
      [7, 'n', '"\\"4\\"" is no int'],
      [8, 'd', '"never" is no date'],
      [11, 'n', '"x" is no int'],
    ]);
  });

  it('are found by another reading where they are too many to be noted, or rows are broken besides', async () => {
    const many = Array.from({ length: MISFITS_LOGGED + 500 }, (_, i) => `x${i},a,2024-01-01`);
    const { account, rejects } = await bench.load(`n,note,d\n1,a,2024-01-01\n${many.join('\n')}\n2,short\n`, types);
    expect(account).toMatchObject({ rowsWritten: 1, rowsRejected: MISFITS_LOGGED + 501 });
    expect(rejects[0]).toMatchObject({ line: 3, column: 'n', reason: '"x0" is no int' });
    expect(rejects.at(-1)).toMatchObject({ line: MISFITS_LOGGED + 503, column: 'd', raw: '2,short' });
  });

  it('are found in irregular files too, by their values', async () => {
    const text = 'n,note,d\n1,a,2024-01-01\nx,"open,2024-01-01\n3,b\n4,"q"tail,soon\n5,c,2024-01-02\n';
    const { account, rejects } = await bench.load(text, types, { irregular: true });
    expect(account).toMatchObject({ rowsRead: 5, rowsWritten: 2, rowsRejected: 3 });
    expect(rejects.map(({ line, column, reason }) => [line, column, reason])).toEqual([
      [3, 'n', '"x" is no int'],
      [4, 'd', 'the row has 2 fields where 3 are expected'],
      [5, 'd', '"soon" is no date'],
    ]);
  });
});
