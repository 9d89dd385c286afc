import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import fc from 'fast-check';
import type { ColumnType } from '../../../shared/domain/schema.ts';
import { PlainReading, patternsOf } from '../../../shared/engine/plain-reading.ts';
import { Session } from '../../../shared/engine/session.ts';
import type { FileColumn } from '../../../shared/engine/table-engine.ts';
import { SCAN_CHUNK_BYTES, SMALL_CSV_MAX_BYTES } from '../../../shared/limits.ts';
import { columnsOf, sorted, type Types, Workbench } from './jobs.ts';

let bench: Workbench;
beforeAll(() => {
  bench = new Workbench();
});
afterAll(() => bench.close());

const TYPES = {
  n: 'bigint',
  at: 'timestamp',
  day: 'date',
  price: 'decimal(18,2)',
  x: 'double',
  ok: 'boolean',
  note: 'string',
} as const satisfies Types;
const HEAD = Object.keys(TYPES).join(',');
/** Of more bytes than are looked at before the engine begins. */
const ROWS = 20_000;

function plainRow(i: number): string {
  const note = i % 100 === 0 ? '"two\nlines, ""quoted"""' : i % 7 === 0 ? '' : `driver ${i}`;
  const two = String((i % 28) + 1).padStart(2, '0');
  const price = i % 11 === 0 ? '' : `${i % 500}.${String(i % 100).padStart(2, '0')}`;
  return `${i},2023-03-${two}T12:34:56.789Z,2024-02-${two},${price},${i / 8},${i % 2 === 0},${note}`;
}

/** With comments, which take the careful road alone. */
const CAREFUL = { comment: '#' };

/** Compressed: a small file that is not is counted as a whole before, and then read the careful way. */
function quickly(text: string, over: Parameters<Workbench['load']>[2] = {}) {
  return bench.load(gzipSync(text), TYPES, { ...over, gzip: true });
}

async function isReadAlike(text: string) {
  const relation = jest.spyOn(PlainReading.prototype, 'relation');
  const quick = await quickly(text);
  expect(relation).toHaveBeenCalledTimes(1);
  relation.mockClear();
  const careful = await bench.load(text, TYPES, { like: CAREFUL });
  expect(relation).not.toHaveBeenCalled();
  expect(sorted(quick.rows)).toEqual(sorted(careful.rows));
  expect(quick.account).toEqual(careful.account);
  const found = (rejects: typeof quick.rejects) => rejects.map(({ uri: __, ...reject }) => reject);
  expect(found(quick.rejects)).toEqual(found(careful.rejects));
  return quick;
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe('a CSV that is plain but for a value far behind its beginning', () => {
  const plain = Array.from({ length: ROWS }, (_, i) => plainRow(i));

  it('comes out as by the careful road without it', async () => {
    expect(plain.join('\n').length).toBeGreaterThan(1.1 * SCAN_CHUNK_BYTES);
    const { account } = await isReadAlike(`${HEAD}\n${plain.join('\n')}`);
    expect(account).toMatchObject({ rowsRead: ROWS, rowsWritten: ROWS, rowsRejected: 0, lines: ROWS + 1 + ROWS / 100 });
  });

  // What the engine would take silently, or leave out, where it parses text to types at once.
  it.each([
    ['n', '1.9', 1],
    ['n', '1_000', 1],
    ['n', '0x1F', 1],
    ['n', '1e3', 1],
    ['n', 'NA', 0],
    ['n', '+7', 0],
    ['n', '9223372036854775808', 1],
    ['price', '12345678901234567', 1],
    ['at', '2023-01-01T00:00:00+02:00', 0],
    ['at', '2023-01-01T00:00:00.1234567Z', 1],
    ['at', '2023-02-30T00:00:00Z', 1],
    ['day', '2023-02-30', 1],
    ['day', '2023-02-01x', 1],
    ['price', '1.005', 1],
    ['price', '"1.5"', 0],
    ['x', '1e400', 1],
    ['ok', 'yes', 0],
    ['note', 'a" b', 0],
  ] as const)('rejects or reads %s as %s, as the careful road does', async (column, value, rejected) => {
    const fields = plainRow(1).split(',');
    fields[Object.keys(TYPES).indexOf(column)] = value;
    const rows = plain.with(ROWS - 5, fields.join(','));
    const { account } = await isReadAlike(`${HEAD}\n${rows.join('\n')}\n`);
    expect(account).toMatchObject({ rowsRead: ROWS, rowsRejected: rejected });
  });

  it('is read once where it is plain', async () => {
    const rows = Array.from({ length: 4 }, () => plain.join('\n')).join('\n');
    expect(rows.length).toBeGreaterThan(SMALL_CSV_MAX_BYTES);
    const until = jest.spyOn(Session.prototype, 'until');
    const unpushed = jest.spyOn(Session.prototype, 'runUnpushed');
    const { account } = await bench.load(`${HEAD}\n${rows}\n`, TYPES);
    expect(account).toMatchObject({ rowsRead: 4 * ROWS, rowsWritten: 4 * ROWS });
    expect([until, unpushed].map((spy) => spy.mock.calls.length)).toEqual([1, 1]);
  });

  it('is not plain to who counted other rows in it before', async () => {
    const text = `${HEAD}\n${plain.join('\n')}\n`;
    const counted = { records: ROWS + 1, bytes: text.length, lines: 7, longestAtLeast: 0 };
    const { account } = await quickly(text, { counted });
    // Which does not add up, and fails the run.
    expect(account).toMatchObject({ rowsRead: ROWS + 1, rowsWritten: ROWS, rowsRejected: 0, lines: 7 });
    const right = { ...counted, records: ROWS };
    expect((await quickly(text, { counted: right })).account).toMatchObject({ rowsRead: ROWS, lines: 7 });
  });

  it('is written to every format, and staged, from what the careful road finds', async () => {
    const text = `${HEAD}\n${plain.with(ROWS - 9, plainRow(1).replace('1,', '1.9,')).join('\n')}\n`;
    const { outcome } = await quickly(text, { job: { target: { kind: 'stage', buckets: 2 } } });
    expect(outcome.accounts[0]).toMatchObject({ rowsWritten: ROWS - 1, rowsRejected: 1 });
    expect(outcome.staged.reduce((sum, { rows }) => sum + rows, 0)).toBe(ROWS - 1);
  });
});

describe('any CSV', () => {
  it('comes out as by the careful road', async () => {
    const columns = Object.keys(TYPES);
    const odd = fc.tuple(
      fc.constantFrom(...columns),
      fc.constantFrom(
        '',
        '5',
        '-5',
        '1.5',
        '"5"',
        ' 5',
        '1_0',
        'NA',
        'x',
        '"x\ny"',
        '2024-02-29',
        '2023-02-29',
        '1',
        'é',
      ),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(odd, { maxLength: 3 }),
        fc.constantFrom('\n', '\r\n'),
        fc.boolean(),
        async (odds, lineEnd, isEnded) => {
          const rows = Array.from({ length: 12 }, (_, i) => plainRow(i + 1).split(','));
          for (const [i, [column, value]] of odds.entries()) rows[i * 3]![columns.indexOf(column)] = value;
          const text = [HEAD, ...rows.map((row) => row.join(','))].join(lineEnd) + (isEnded ? lineEnd : '');
          const like = { lineEnd: lineEnd as '\n' | '\r\n' };
          const other = `${HEAD}${lineEnd}${plainRow(0)}${lineEnd}`;
          const [quick, careful, joined] = await Promise.all([
            quickly(text, { like }),
            bench.load(text, TYPES, { like: { ...like, ...CAREFUL } }),
            bench.convert([bench.csv(text, TYPES, { like }), bench.csv(other, TYPES, { like })], TYPES),
          ]);
          expect(sorted(quick.rows)).toEqual(sorted(careful.rows));
          const { input: _, ...account } = careful.account;
          expect(quick.account).toMatchObject(account);
          // Joined with another, it is plain or not by itself.
          const beside = await bench.load(other, TYPES, { like: { ...like, ...CAREFUL } });
          const all = await bench.read(joined.files.map(({ path }) => path));
          expect(sorted(all)).toEqual(sorted([...careful.rows, ...beside.rows]));
          expect(joined.accounts[0]).toMatchObject(account);
        },
      ),
      { numRuns: 12 },
    );
  }, 120_000);
});

describe('the patterns of a file', () => {
  const of = (types: [string, ColumnType][], over: Partial<FileColumn> = {}) =>
    patternsOf(
      types.map(([name]) => ({ original: name, target: name, ...over })),
      columnsOf(Object.fromEntries(types)),
      { nullTokens: ['NA'], timezone: 'UTC' },
    );

  it('are none where a column has none, where there is nothing but text, or where they would compile long', () => {
    const numbers = (count: number) =>
      Array.from({ length: count }, (_, i): [string, ColumnType] => [`n${i}`, 'bigint']);
    expect(
      of([
        ['a', 'int'],
        ['b', 'string'],
      ]),
    ).toEqual(['-?[0-9]+', undefined]);
    expect(
      of([
        ['a', 'string'],
        ['b', 'string'],
      ]),
    ).toBeUndefined();
    expect(
      of([
        ['a', 'int'],
        ['b', 'binary'],
      ]),
    ).toBeUndefined();
    expect(
      of(
        [
          ['a', 'int'],
          ['b', 'date'],
        ],
        { format: '%d.%m.%Y' },
      ),
    ).toBeUndefined();
    expect(
      of(
        [
          ['a', 'int'],
          ['b', 'string'],
        ],
        { rescue: true },
      ),
    ).toBeUndefined();
    expect(of(numbers(100))).toHaveLength(100);
    expect(of(numbers(200))).toBeUndefined();
  });
});
