import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RowRules } from '../../../shared/engine/table-engine.ts';
import { columnsOf, type Types, Workbench, writingOf } from './jobs.ts';

let bench: Workbench;
beforeAll(() => {
  bench = new Workbench();
});
afterAll(() => bench.close());

const TYPES: Types = { a: 'int', b: 'string', c: 'date' };
const IRREGULAR = { irregular: true };

const placed = (rejects: { line: number | null; column: string | null; reason: string }[]) =>
  rejects.map(({ line, column, reason }) => [line, column, reason]);

describe('an irregular CSV', () => {
  it.each([false, true])(
    'comes out with what fits, typed as ever, and the rest rejected where it stands; gzip: %s',
    async (gzip) => {
      const text =
        'a,b,c\n1,"x, ""y""",2024-01-02\n2,""  ,2024-01-03\r\n3,,NA\n4,"stray,2024-01-04\n5,short\n6,in"side,soon\n' +
        '7,a,2024-01-05,more\n8,b,2024-01-06,\n\n9,"two\nlines",2024-01-07\n';
      const { rows, rejects, account } = await bench.load(gzip ? gzipSync(text) : text, TYPES, { ...IRREGULAR, gzip });
      expect(rows).toEqual([
        [1, 'x, "y"', '2024-01-02'],
        [2, '', '2024-01-03'],
        [3, null, null],
        [4, '"stray', '2024-01-04'],
        [8, 'b', '2024-01-06'],
        [9, 'two\nlines', '2024-01-07'],
      ]);
      expect(placed(rejects)).toEqual([
        [6, 'c', 'the row has 2 fields where 3 are expected'],
        [7, 'c', '"soon" is no date'],
        [8, null, 'the row has 4 fields where 3 are expected'],
      ]);
      expect(rejects.map(({ byteOffset, raw }) => text.slice(byteOffset!, byteOffset! + raw!.length) === raw)).toEqual([
        true,
        true,
        true,
      ]);
      expect(account).toMatchObject({ rowsRead: 9, rowsWritten: 6, rowsRejected: 3, lines: 12 });
    },
  );

  it('ends its lines in any way, also within one file', async () => {
    const text = 'a,b,c\r1,x,2024-01-02\r\n2,"y\rz",2024-01-03\n3,w,2024-01-04\r';
    const { rows, account } = await bench.load(text, TYPES, { ...IRREGULAR, like: { lineEnd: 'mixed' } });
    expect(rows.map(([, b]) => b)).toEqual(['x', 'y\rz', 'w']);
    expect(account).toMatchObject({ rowsRead: 3, rowsWritten: 3, lines: 5 });
  });

  it('rejects rows of other tables in the file, and leaves titles and notes out', async () => {
    const text = 'A title\na,b,c\n1,x,2024-01-02\n2,y,2024-01-03\n\nk,v\nq,1\nr,2\nTotal of all\n';
    const like = { skipLines: 1, footerRows: 1, otherTables: [{ firstLine: 6, lastLine: 8 }] };
    const { rows, rejects, account } = await bench.load(text, TYPES, { ...IRREGULAR, like });
    expect(rows).toHaveLength(2);
    expect(placed(rejects)).toEqual(
      [6, 7, 8].map((line) => [line, null, 'the row belongs to another table of the file']),
    );
    expect(account).toMatchObject({ rowsRead: 5, rowsWritten: 2, rowsRejected: 3 });
  });

  it('rejects text that is no UTF-8, as the strict reader does', async () => {
    const bytes = Buffer.from('a,b,c\n1,xq,2024-01-02\n2,Łódź,2024-01-03\n');
    bytes[bytes.indexOf('q')] = 0xff;
    for (const irregular of [false, true]) {
      const { rows, rejects } = await bench.load(bytes, TYPES, { irregular });
      expect(rows).toEqual([[2, 'Łódź', '2024-01-03']]);
      expect(placed(rejects)).toEqual([[2, 'b', 'the text is no UTF-8']]);
    }
  });

  it('rejects a row that is too long, and goes on behind it', async () => {
    const text = `a,b,c\n1,${'x'.repeat(17 << 20)},2024-01-02\n2,y,2024-01-03\n`;
    const { rows, rejects } = await bench.load(text, TYPES, IRREGULAR);
    expect(rows).toEqual([[2, 'y', '2024-01-03']]);
    expect(placed(rejects)).toEqual([[2, null, 'the row is too long']]);
  });

  it('knows blanks behind delimiters and runs of them', async () => {
    const blanks = await bench.load('a, b, c\n1, "x, y", 2024-01-02\n', TYPES, {
      ...IRREGULAR,
      like: { skipInitialSpace: true },
    });
    expect(blanks.rows).toEqual([[1, 'x, y', '2024-01-02']]);
    const runs = await bench.load('a  b     c\n1  x     2024-01-02\n10 yy    2024-01-03\n', TYPES, {
      ...IRREGULAR,
      like: { delimiter: ' ', delimiterRuns: true },
    });
    expect(runs.rows).toEqual([
      [1, 'x', '2024-01-02'],
      [10, 'yy', '2024-01-03'],
    ]);
  });
});

describe('rows with another number of fields', () => {
  const types: Types = { a: 'int', b: 'string', _rescued: 'string' };
  const text = 'a,b,extra\n1,x,e\n2\n3,y,f,"g ""h""",i\n4,z,w,\n';
  const columns = [
    { original: 'a', target: 'a' },
    { original: 'b', target: 'b' },
    { original: 'extra', target: '_rescued', rescue: true as const },
  ];
  const load = (rowRules: RowRules, irregular: boolean, over: Types = types) =>
    bench.load(text, over, {
      ...{ irregular, columns },
      job: { rowRules, columns: columnsOf(over), writing: writingOf(columnsOf(over)) },
    });

  it.each([false, true])('are padded and rescued where the data set says so; irregular: %s', async (irregular) => {
    const { rows, rejects, account } = await load({ short: 'pad', long: 'rescue' }, irregular);
    expect([...rows].sort((x, y) => Number(x[0]) - Number(y[0]))).toEqual([
      [1, 'x', '{"extra":"e"}'],
      [2, null, null],
      [3, 'y', '{"extra":"f","column3":"g \\"h\\"","column4":"i"}'],
      [4, 'z', '{"extra":"w"}'],
    ]);
    expect(rejects).toEqual([]);
    expect(account).toMatchObject({ rowsRead: 4, rowsWritten: 4, rowsRejected: 0 });
  });

  it.each([false, true])('are rejected else, but where the surplus is empty; irregular: %s', async (irregular) => {
    const { rows, rejects } = await load({ short: 'reject', long: 'reject' }, irregular);
    expect(rows.map(([a]) => a).sort()).toEqual([1, 4]);
    expect(rejects.map(({ line }) => line)).toEqual([3, 4]);
  });

  it('are rejected also where the table has no column for what is surplus', async () => {
    const { rejects } = await load({ short: 'pad', long: 'rescue' }, true, { a: 'int', b: 'string' });
    expect(rejects.map(({ line }) => line)).toEqual([4]);
  });
});
