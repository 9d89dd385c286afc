import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Column } from '../../../shared/domain/schema.ts';
import { columnsOf, type PLAIN, rejectsOf, sorted, type Types, Workbench, writingOf } from './jobs.ts';

let bench: Workbench;
beforeAll(() => {
  bench = new Workbench();
});
afterAll(() => bench.close());

const TYPES: Types = { a: 'int', b: 'string' };
const GOOD = 'a,b\n1,x\n2,y\n';

describe('a quote that is never closed', () => {
  it.each([
    ['before the end of a line', 'a,b\n1,x\n2,"open\n3,y\n4,z\n'],
    ['before the end of the file', 'a,b\n1,x\n2,"open\n3,y\n4,z'],
  ])('is part of its value, and takes no row below along: %s', async (_, text) => {
    const { account, rejects, rows } = await bench.load(text, TYPES);
    expect(rows).toEqual([
      [1, 'x'],
      [2, '"open'],
      [3, 'y'],
      [4, 'z'],
    ]);
    expect(account).toMatchObject({ rowsRead: 4, rowsWritten: 4, rowsRejected: 0 });
    expect(rejects).toEqual([]);
  });

  it('is the same where another quote seems to close it', async () => {
    const { rows } = await bench.load('a,b\n1,"open\n2,x\n3,"y"\n4,z\n', TYPES);
    expect(sorted(rows)).toEqual(
      sorted([
        [4, 'z'],
        [1, '"open'],
        [2, 'x'],
        [3, 'y'],
      ]),
    );
  });

  it('rejects where it stands what cannot be mended, and nothing else', async () => {
    const { rows, rejects, account } = await bench.load('a,b\n1,x\n2,"open,3\nno,"y"\n4,z\n', TYPES);
    expect(sorted(rows)).toEqual(
      sorted([
        [1, 'x'],
        [4, 'z'],
      ]),
    );
    expect(rejects).toMatchObject([
      { line: 3, byteOffset: 8, column: null, reason: 'the row has 3 fields where 2 are expected', raw: '2,"open,3' },
      { line: 4, byteOffset: 18, column: 'a', reason: '"no" is no int', raw: 'no,"y"' },
    ]);
    expect(account).toMatchObject({ rowsRead: 4, rowsWritten: 2, rowsRejected: 2 });
  });

  it('is found also before more than the engine holds, where it would go on in the middle', async () => {
    const rest = Array.from({ length: 1_000_000 }, (_, i) => `${i},some text of a row\n`).join('');
    const { account, rejects } = await bench.load(`a,b\n1,x\n2,"open\n${rest}`, TYPES);
    expect(account).toMatchObject({ rowsRead: 1_000_002, rowsWritten: 1_000_002, rowsRejected: 0 });
    expect(rejects).toEqual([]);
  });
});

describe('the head of a CSV', () => {
  it.each([
    ['blank lines before the header', '\n\na,b\n1,x\n', {}],
    ['a mark', '\uFEFFa,b\n1,x\n', {}],
    ['a mark and a quoted first name', '\uFEFF"a",b\n1,x\n', {}],
    ['a mark and no header', '\uFEFF1,x\n', { headerRows: 0 }],
    ['a skipped line with an odd quote', 'all 5" pipes\na,b\n1,x\n', { skipLines: 1 }],
    ['skipped lines, one blank', 'x\n\ny\na,b\n1,x\n', { skipLines: 3 }],
    ['a name of two lines', 'a,"b\nb"\n1,x\n', { names: ['a', 'b\nb'] }],
    ['two header rows', 'A,B\na,b\n1,x\n', { headerRows: 2 }],
    ['comments before the header', '# one\n#"two\na,b\n1,x\n#three\n', { comment: '#' }],
    ['a footer', 'a,b\n1,x\nTotal,1,1\n', { footerRows: 1 }],
    ['lines that end in several ways', 'a,b\r\n1,x\n', { lineEnd: 'mixed' as const }],
  ])('is passed over: %s', async (_, text, { names, ...like }: Partial<typeof PLAIN> & { names?: string[] }) => {
    const columns = (names ?? ['a', 'b']).map((original, c) => ({ original, target: ['a', 'b'][c] }));
    const { rows, account } = await bench.load(text, TYPES, { like, columns });
    expect(rows).toEqual([[1, 'x']]);
    expect(account).toMatchObject({ rowsRead: 1, rowsWritten: 1, rowsRejected: 0 });
  });

  it('fails its input alone where a column is not what is expected', async () => {
    const inputs = [bench.csv(GOOD, TYPES), bench.csv('a,c\n1,x\n', TYPES), bench.csv('a\n1\n', TYPES)];
    const { accounts, files } = await bench.convert(inputs, TYPES);
    expect(accounts.map(({ failed }) => failed?.name)).toEqual([undefined, 'SchemaMismatch', 'SchemaMismatch']);
    expect(accounts[1]!.failed!.message).toBe(
      `The header of ${inputs[1]!.uri} lacks the column "b": column 2 is "c" where 2 are expected`,
    );
    expect(accounts[2]!.failed!.message).toContain('lacks the column "b": it has 1 columns where 2 are expected');
    expect(files.map(({ rows }) => rows)).toEqual([2]);
  });

  it('may be all there is', async () => {
    for (const text of ['a,b\n', 'a,b', '', '\uFEFF']) {
      const { outcome, account } = await bench.load(text, TYPES);
      expect(account).toMatchObject({ rowsRead: 0, rowsWritten: 0, rowsRejected: 0 });
      expect(outcome.files).toEqual([]);
    }
  });
});

describe('an input that fails', () => {
  it('takes no rows of others with it, nor leaves any of its own', async () => {
    const whole = gzipSync(
      `a,b\n${Array.from({ length: 5_000 }, (_, i) => `${i},${(i * 7919) % 1_000_003}\n`).join('')}`,
    );
    const inputs = [
      bench.csv(GOOD, TYPES),
      bench.csv(whole.subarray(0, whole.length - 2_000), TYPES, { gzip: true }),
      bench.csv('a,b\nx,1\ny,2\n3,z\n', TYPES),
      bench.csv(whole, TYPES, { gzip: true }),
      bench.csv(Buffer.from('this is no gzip'), TYPES, { gzip: true }),
      bench.csv('a;b\n1;x\n', TYPES, { like: { delimiter: '=====' } }),
      { ...bench.csv('this is no Parquet', TYPES), format: 'parquet' as const },
    ];
    const { accounts, files, rejects } = await bench.convert(inputs, TYPES, { tolerance: { rows: 1, share: 0 } });
    expect(accounts.map(({ input, failed }) => [input, failed?.name])).toEqual([
      [0, undefined],
      [1, 'CorruptFile'],
      [2, 'TooManyRejects'],
      [3, undefined],
      [4, 'CorruptFile'],
      [5, 'BadInput'],
      [6, 'CorruptFile'],
    ]);
    expect(accounts.map(({ rowsWritten }) => rowsWritten)).toEqual([2, 0, 0, 5_000, 0, 0, 0]);
    expect(files.reduce((sum, { rows }) => sum + rows, 0)).toBe(5_002);
    expect(accounts[2]!.failed!.message).toBe(
      `2 of 3 rows of ${inputs[2]!.uri} were rejected where 1 are tolerated; the first: line 2, column "a": "x" is no int`,
    );
    expect(rejects?.rows).toBe(2);
  });

  it('leaves no file when it is the only one', async () => {
    const { outcome } = await bench.load('a,b\nx,1\n', TYPES, { job: { tolerance: { rows: 0, share: 0 } } });
    expect(outcome).toMatchObject({
      files: [],
      staged: [],
      accounts: [{ rowsRead: 1, rowsWritten: 0, rowsRejected: 1 }],
    });
  });

  it('is one whose rejects are more than both the rows and the share that are tolerated', async () => {
    const text = `a,b\n${'1,x\n'.repeat(97)}x,1\nx,2\nx,3\n`;
    const failed = async (rows: number, share: number) =>
      (await bench.load(text, TYPES, { job: { tolerance: { rows, share } } })).account.failed?.name;
    expect(await failed(3, 0)).toBeUndefined();
    expect(await failed(0, 0.03)).toBeUndefined();
    expect(await failed(2, 0.029)).toBe('TooManyRejects');
    const undecided = await bench.load(text, TYPES, { job: { tolerance: undefined } });
    expect(undecided.account).toMatchObject({ rowsRead: 100, rowsWritten: 97, rowsRejected: 3 });
    expect(undecided.account.failed).toBeUndefined();
  });
});

describe('columns', () => {
  it('may have any name in the file, and no name is ever SQL', async () => {
    const names = ['a"; drop table x --', '__proto__', '', "o'clock", 'select', 'naïve 🚕', 'a\nb', 'c0'];
    const types: Types = Object.fromEntries(names.map((_, c) => [`col_${c}`, 'int']));
    const header = names.map((name) => `"${name.replaceAll('"', '""')}"`).join(',');
    const columns = names.map((original, c) => ({ original, target: `col_${c}` }));
    const { rows, rejects } = await bench.load(`${header}\n1,2,3,4,5,6,7,8\nx,2,3,4,5,6,7,8\n`, types, { columns });
    expect(rows).toEqual([[1, 2, 3, 4, 5, 6, 7, 8]]);
    expect(rejects.map(({ column }) => column)).toEqual([names[0]]);
  });

  it('may have any name in the table', async () => {
    const names = ['a"; drop table x --', '__proto__', "o'clock", 'select', 'f', 't1', 'part', 'bucket'];
    const columns: Column[] = names.map((name) => ({ name, original: name, type: 'int' }));
    const types: Types = Object.fromEntries(names.map((_, c) => [`n${c}`, 'int']));
    const input = bench.csv(`${Object.keys(types).join(',')}\n1,2,3,4,5,6,7,8\n`, types, {
      columns: names.map((target, c) => ({ original: `n${c}`, target })),
    });
    const writing = writingOf(columns.slice(1), {
      partitions: [{ name: 'p', from: { column: names[0]! }, type: 'int' }],
    });
    const { files } = await bench.convert([input], {}, { columns, writing });
    expect(files).toMatchObject([{ rows: 1, partition: ['1'] }]);
    expect(await bench.query(`SELECT name FROM parquet_schema('${files[0]!.path}')`)).toEqual([
      ['duckdb_schema'],
      ...names.slice(1).map((name) => [name]),
    ]);
  });

  it('are taken by name of the table: some left out, some absent, in any order', async () => {
    const columns = columnsOf({ x: 'int', y: 'string', z: 'double' });
    const input = bench.csv(
      'b,skip,a\nhello,?,5\n',
      { b: 'string', skip: 'string', a: 'int' },
      {
        columns: [
          { original: 'b', target: 'y' },
          { original: 'skip', target: undefined },
          { original: 'a', target: 'x' },
        ],
      },
    );
    const { files } = await bench.convert([input], {}, { columns, writing: writingOf(columns) });
    expect(await bench.read([files[0]!.path])).toEqual([[5, 'hello', null]]);
  });

  it('that are rescued come as one JSON text under their own names', async () => {
    const columns = columnsOf({ a: 'int', _rescued: 'string' });
    const input = bench.csv(
      'a,"b ""q""",c\n1,x,\n2,,\n3,"",y\n',
      {},
      {
        columns: [
          { original: 'a', target: 'a' },
          { original: 'b "q"', target: '_rescued', rescue: true },
          { original: 'c', target: '_rescued', rescue: true },
        ],
      },
    );
    const { files } = await bench.convert([input], {}, { columns, writing: writingOf(columns) });
    expect(await bench.read([files[0]!.path])).toEqual([
      [1, '{"b \\"q\\"":"x"}'],
      [2, null],
      [3, '{"b \\"q\\"":"","c":"y"}'],
    ]);
  });
});

describe('several inputs', () => {
  it('of several dialects have each their own account and rejects', async () => {
    const text = 'a,b\n1,x\nbad,y\n';
    const inputs = [
      bench.csv(text, TYPES),
      bench.csv(text.replaceAll('\n', '\r\n'), TYPES, { like: { lineEnd: '\r\n' } }),
      bench.csv(text.replaceAll(',', ';'), TYPES, { like: { delimiter: ';' }, entry: 'in/side.csv' }),
      bench.csv(gzipSync(text), TYPES, { gzip: true }),
      bench.csv(`${text}2,z\n`, TYPES),
    ];
    const outcome = await bench.convert(inputs, TYPES);
    expect(
      outcome.accounts.map(({ rowsRead, rowsWritten, rowsRejected }) => [rowsRead, rowsWritten, rowsRejected]),
    ).toEqual([
      [2, 1, 1],
      [2, 1, 1],
      [2, 1, 1],
      [2, 1, 1],
      [3, 2, 1],
    ]);
    expect(rejectsOf(outcome).map(({ uri, entry, line, raw }) => [uri, entry, line, raw])).toEqual(
      inputs.map(({ uri, entry }, i) => [uri, entry ?? null, 3, i === 2 ? 'bad;y' : 'bad,y']),
    );
    expect(outcome.accounts[2]!.firstReject).toBe('line 3, column "a": "bad" is no int');
  });

  it('of a time zone or a date form that does not exist fail the job', async () => {
    const input = bench.csv(GOOD, TYPES);
    await expect(bench.convert([input], TYPES, { timezone: 'Mars/Olympus' })).rejects.toMatchObject({
      name: 'BadDataset',
    });
    input.columns[0]!.format = '%Q';
    await expect(bench.convert([input], TYPES)).rejects.toMatchObject({ name: 'BadDataset' });
  });
});
