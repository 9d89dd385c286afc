import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ColumnType } from '../../../shared/domain/schema.ts';
import { literal } from '../../../shared/engine/sql.ts';
import { type TextStyle, textCast } from '../../../shared/engine/text-cast.ts';

let instance: DuckDBInstance;
let connection: DuckDBConnection;
beforeAll(async () => {
  instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  connection = await instance.connect();
});
afterAll(() => {
  connection.closeSync();
  instance.closeSync();
});

const PLAIN: TextStyle = { nullTokens: ['NA', 'NaN'], decimalComma: false, thousands: '', timezone: 'UTC' };
const REJECTED: unique symbol = Symbol('rejected');
type Result = string | null | typeof REJECTED;

/** What becomes of each text, all in one vector; also holds that no misfit goes unsuspected. */
async function cast(
  type: ColumnType,
  texts: string[],
  style: Partial<TextStyle> = {},
  format?: string,
): Promise<Result[]> {
  const full = { ...PLAIN, ...style };
  const { value, suspect, misfit } = textCast(type, full, format)!;
  await connection.run(`SET TimeZone = ${literal(full.timezone)}`);
  const rows = texts.map((text, i) => `(${i}, ${literal(text)})`).join(', ');
  const reader = await connection.runAndReadAll(
    `SELECT CAST(v AS VARCHAR), ${suspect('s', 'v')}, ${misfit('s', 'v')} ` +
      `FROM (SELECT *, ${value('s')} AS v FROM (VALUES ${rows}) t(i, s)) ORDER BY i`,
  );
  return reader.getRowsJson().map(([text, suspected, wrong], i) => {
    if (wrong === true && suspected !== true) throw new Error(`"${texts[i]}" is a misfit that nobody suspects`);
    return wrong === true ? REJECTED : (text as string | null);
  });
}

const no: typeof REJECTED = REJECTED;

describe('text as a value', () => {
  const CASES: [ColumnType, Record<string, Result>, Partial<TextStyle>?, string?][] = [
    [
      'int',
      {
        '5': '5',
        ' 5\t': '5',
        '+5': '5',
        '007': '7',
        '5.0': '5',
        '5.': '5',
        '-0': '0',
        '': null,
        NA: null,
        ' NA ': null,
        NaN: null,
      },
    ],
    [
      'int',
      {
        '5.5': no,
        '.5': no,
        '1e3': no,
        '1_0': no,
        '0x1F': no,
        '0b1': no,
        '5x': no,
        '2147483648': no,
        '١': no,
        '1,0': no,
        na: no,
      },
    ],
    [
      'bigint',
      {
        '9223372036854775807': '9223372036854775807',
        '-9223372036854775808': '-9223372036854775808',
        '9223372036854775808': no,
      },
    ],
    ['bigint', { '-999': null, '-998': '-998' }, { nullTokens: ['-999'] }],
    [
      'double',
      { '1.5': '1.5', '1e5': '100000.0', '.5': '0.5', inf: 'inf', '-Infinity': '-inf', NaN: null, nan: null, NA: null },
    ],
    [
      'double',
      {
        '1_0.5': no,
        '1e999': no,
        '1,5': no,
        '1.5f': no,
        '': null,
        '--1': no,
        '.': no,
        'in f': no,
        '+-3': no,
        ' +-3': no,
      },
    ],
    ['double', { NaN: 'nan', NA: no }, { nullTokens: [] }],
    // a vertical tab, which is a blank to the engine's cast
    ['double', { '5.5\v': '5.5', '\v5.5': '5.5' }],
    ['int', { '5\v': '5' }],
    ['float', { '0.1': '0.1', '1e39': no }],
    ['decimal(10,2)', { '1.5': '1.50', '1.500': '1.50', '.5': '0.50', '99999999.99': '99999999.99', '-1': '-1.00' }],
    ['decimal(10,2)', { '1.505': no, '0.001': no, '100000000': no, '1e2': no, '1_0': no, NaN: null, x: no }],
    ['decimal(5,0)', { '1.0': '1', '.0': '0', '1.5': no, '99999': '99999' }],
    [
      'boolean',
      {
        true: 'true',
        FALSE: 'false',
        t: 'true',
        N: 'false',
        '1': 'true',
        yes: 'true',
        ' no ': 'false',
        '2': no,
        on: no,
        '': null,
      },
    ],
    ['boolean', { N: null, n: 'false' }, { nullTokens: ['N'] }],
    [
      'date',
      {
        '2024-02-29': '2024-02-29',
        '2024-2-9': '2024-02-09',
        '2024-02-29T00:00:00Z': '2024-02-29',
        '0001-01-01': '0001-01-01',
      },
    ],
    [
      'date',
      {
        '2023-02-29': no,
        '2024/02/09': no,
        '20240209': no,
        infinity: no,
        epoch: no,
        '10000-01-01': no,
        '0000-01-01': no,
        '2024-02-29 (BC)': no,
        '2024-02-29 12:00': no,
      },
    ],
    [
      'date',
      { '29.2.2024': '2024-02-29', '29.02.2024 ': '2024-02-29', '30.02.2024': no, '2024-02-29': no, NA: null },
      {},
      '%d.%m.%Y',
    ],
    ['date', { '29.02.2024 00:00': '2024-02-29', '29.02.2024 00:01': no }, {}, '%d.%m.%Y %H:%M'],
    [
      'timestamp',
      {
        '2024-01-01': '2024-01-01 00:00:00',
        '2024-01-01T12:34:56.789Z': '2024-01-01 12:34:56.789',
        '2024-01-01T12:34Z': '2024-01-01 12:34:00',
      },
    ],
    [
      'timestamp',
      {
        '2024-01-01 12:00:00+05:30': '2024-01-01 06:30:00',
        '2024-01-01 12:00-08': '2024-01-01 20:00:00',
        '2024-01-01 12:00:00 UTC': '2024-01-01 12:00:00',
      },
    ],
    [
      'timestamp',
      {
        '2024-01-01 12:00:00+25:00': no,
        '2024-01-01 12:00:00 CET': no,
        '1704067200': no,
        infinity: no,
        '20000-01-01': no,
        '2024-01-01 12:00:00.1234567': no,
        '2024-01-01 12:00:00 pm': no,
      },
    ],
    [
      'timestamp',
      {
        '2024-07-01 12:00:00': '2024-07-01 10:00:00',
        '2024-07-01 12:00:00Z': '2024-07-01 12:00:00',
        '2024-03-31 02:15:00': no,
      },
      { timezone: 'Europe/Berlin' },
    ],
    [
      'timestamp',
      { '01.07.2024 12:00': '2024-07-01 10:00:00', '31.03.2024 02:15': no },
      { timezone: 'Europe/Berlin' },
      '%d.%m.%Y %H:%M',
    ],
    [
      'timestamp',
      { '01.07.2024 12:00 +0300': '2024-07-01 09:00:00' },
      { timezone: 'Europe/Berlin' },
      '%d.%m.%Y %H:%M %z',
    ],
    ['timestamp', { '01.07.2024 12:00Z': '2024-07-01 12:00:00' }, { timezone: 'Europe/Berlin' }, '%d.%m.%Y %H:%MZ'],
    ['timestamp', { '1.123456789': no, '1.123456000': '1900-01-01 00:00:01.123456' }, {}, '%S.%n'],
    [
      'double',
      { '1.234,5': '1234.5', '1234,5': '1234.5', '12.345.678': '12345678.0', '1.5': no, '1,2,3': no, '12.34,5': no },
      { decimalComma: true, thousands: '.' },
    ],
    ['bigint', { '1,234': '1234', '12,34,567': '1234567', '1,23': no, '1234': '1234', ',123': no }, { thousands: ',' }],
    ['decimal(9,2)', { '1 234,56': '1234.56', '1 234,567': no, '1.5': no }, { decimalComma: true, thousands: ' ' }],
    ['binary', { 'aGk=': 'hi', '@': no, '': '' }],
  ];

  for (const [type, cases, style, format] of CASES) {
    it(`${type}${format ? ` as ${format}` : ''}: ${Object.keys(cases).join(' | ')}`, async () => {
      const texts = Object.keys(cases);
      const results = await cast(type, texts, style, format);
      expect(Object.fromEntries(texts.map((text, i) => [text, results[i]]))).toEqual(cases);
    });
  }

  it('is what was written, for every whole number and decimal', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }), { minLength: 1 }),
        async (numbers) => {
          expect(await cast('bigint', numbers.map(String))).toEqual(numbers.map(String));
          const decimals = numbers.map(
            (n) =>
              `${n < 0n ? '-' : ''}${(n < 0n ? -n : n) / 1000n}.${String((n < 0n ? -n : n) % 1000n).padStart(3, '0')}`,
          );
          expect(await cast('decimal(18,3)', decimals)).toEqual(
            decimals.map((text) => (/^-?\d{16,}\./.test(text) ? no : text.replace(/^-(0\.000)$/, '$1'))),
          );
        },
      ),
      { numRuns: 20 },
    );
  });

  it('is never changed: whatever is not rejected reads as the same number', async () => {
    const text = fc.string({
      unit: fc.constantFrom('0', '1', '9', '.', '-', '+', 'e', '_', ' ', 'x', ','),
      maxLength: 7,
    });
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 60 }), async (texts) => {
        for (const type of ['int', 'bigint', 'decimal(12,3)', 'double'] as const) {
          (await cast(type, texts)).forEach((result, i) => {
            const said = texts[i]!.trim();
            if (result === no || said === '') return;
            expect([said, Number(result) === Number(said)]).toEqual([said, true]);
          });
        }
      }),
      { numRuns: 60 },
    );
  });

  it('is the decimal that the engine itself would make of it, however many digits it has', async () => {
    const digits = fc.string({ unit: fc.constantFrom('0', '1', '5', '9'), minLength: 0, maxLength: 42 });
    const number = fc
      .tuple(fc.constantFrom('', '', '-', '+', ' '), digits, fc.constantFrom('', '.', '.', '.'), digits)
      .map((parts) => parts.join(''));
    const odd = fc.string({
      unit: fc.constantFrom('0', '1', '9', '.', '-', '+', 'e', '_', ' ', 'x', ','),
      maxLength: 9,
    });
    const type = fc
      .integer({ min: 19, max: 38 })
      .chain((precision) => fc.integer({ min: 0, max: precision }).map((scale) => [precision, scale] as const));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(number, odd), { minLength: 1, maxLength: 40 }),
        fc.oneof(type, fc.constantFrom([38, 0] as const, [38, 2] as const, [20, 3] as const)),
        async (texts, [precision, scale]) => {
          const written = texts.flatMap((text) => [text, text.replace(/\.(.*)$/, `.${'7'.repeat(scale)}`)]);
          const decimal = `decimal(${precision},${scale})` as ColumnType;
          const { misfit } = textCast(decimal, PLAIN)!;
          const rows = written.map((text, i) => `(${i}, ${literal(text)})`).join(', ');
          const own = `TRY_CAST(s AS DECIMAL(${precision},${scale}))`;
          const reader = await connection.runAndReadAll(
            `SELECT CAST(v AS VARCHAR), ${misfit('s', 'v')} FROM (SELECT *, ${own} AS v FROM (VALUES ${rows}) t(i, s)) ORDER BY i`,
          );
          const expected = reader.getRowsJson().map(([text, wrong]) => (wrong === true ? no : (text as string | null)));
          const found = await cast(decimal, written);
          expect(found.map((result, i) => [written[i], result])).toEqual(
            expected.map((result, i) => [written[i], result]),
          );
        },
      ),
      { numRuns: 300 },
    );
  });
});
