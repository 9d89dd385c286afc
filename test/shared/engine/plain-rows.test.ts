import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ColumnType } from '../../../shared/domain/schema.ts';
import { sqlType } from '../../../shared/engine/column-types.ts';
import { readCsv } from '../../../shared/engine/csv-scan.ts';
import { isPlainDialect, PlainRows, plainPattern } from '../../../shared/engine/plain-rows.ts';
import { textCast } from '../../../shared/engine/text-cast.ts';
import { RecordScanner } from '../../../shared/formats/csv/record-scanner.ts';
import { PLAIN_PIECE_BYTES } from '../../../shared/limits.ts';
import { dialectOf } from '../../fixtures/csv-text.ts';

const STYLE = { nullTokens: ['NA', 'NaN', '\\N'], decimalComma: false, thousands: '', timezone: 'UTC' };
const TYPES: ColumnType[] = [
  'int',
  'bigint',
  'float',
  'double',
  'boolean',
  'date',
  'timestamp',
  'decimal(18,2)',
  'decimal(18,18)',
  'decimal(9,0)',
];

let folder: string;
let instance: DuckDBInstance;
let connection: DuckDBConnection;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'plain-rows-'));
  instance = await DuckDBInstance.create(':memory:', { threads: '1' });
  connection = await instance.connect();
});
afterAll(() => {
  connection.closeSync();
  instance.closeSync();
  rmSync(folder, { recursive: true });
});

describe('a plain spelling', () => {
  const dialect = dialectOf({});
  const near = fc.string({ unit: fc.constantFrom(...'0123456789.-+e_:TZ xtrue/'), maxLength: 12 });

  for (const type of TYPES) {
    it(`of ${type} is to the engine's own reader what the careful cast makes of it, and no misfit`, async () => {
      const whole = new RegExp(`^(?:${plainPattern(type, STYLE)!})$`);
      let compared = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom('UTC', 'Europe/Berlin'),
          fc.array(fc.oneof({ weight: 9, arbitrary: fc.stringMatching(whole) }, near), {
            minLength: 50,
            maxLength: 80,
          }),
          async (timezone, texts) => {
            const style = { ...STYLE, timezone };
            const pattern = new RegExp(`^(?:${plainPattern(type, style)!})$`);
            const plain = texts.filter((text) => pattern.test(text));
            const path = join(folder, 'values.csv');
            writeFileSync(
              path,
              ['-1,', ...plain.map((text, i) => `${i},${i % 3 === 0 ? `"${text}"` : text}`)].join('\n'),
            );
            await connection.run(`SET TimeZone = '${timezone}'`);
            const scan = { paths: [path], columns: 2, dialect, skipLines: 0, gzip: false, parallel: true };
            const { value, misfit } = textCast(type, style)!;
            const careful =
              `SELECT CAST(c0 AS BIGINT) AS i, CAST(v AS VARCHAR) AS v, coalesce(${misfit('c1', 'v')}, FALSE) AS bad ` +
              `FROM (SELECT *, ${value('c1')} AS v FROM ${readCsv(scan)})`;
            const quick = `SELECT c0 AS i, CAST(c1 AS VARCHAR) AS v FROM ${readCsv({ ...scan, types: ['BIGINT', sqlType(type)] })}`;
            const reader = await connection.runAndReadAll(
              `SELECT q.i, q.v, c.v, c.bad FROM (${quick}) q LEFT JOIN (${careful}) c USING (i) ORDER BY q.i`,
            );
            const rows = reader.getRowsJson();
            compared += rows.length - 1;
            const wrong = rows.filter(([, own, cast, bad]) => own !== cast || bad !== false);
            expect(wrong.map(([i, own, cast]) => [plain[Number(i)], own, cast])).toEqual([]);
            // What the engine leaves out is found by its number: days that there are none of, and numbers too large.
            if (type === 'double' || type === 'float' || type === 'boolean') expect(rows.length).toBe(plain.length + 1);
          },
        ),
        { numRuns: 40 },
      );
      expect(compared).toBeGreaterThan(1_000);
    });
  }

  it('is none that loses something, and none that may stand for a missing value', () => {
    const none: [ColumnType, string[]][] = [
      ['int', ['1.9', '1_0', '0x1F', '1e2', '+5', ' 5', '', '-', '١']],
      ['bigint', ['1.0', '--1', '5 ']],
      ['double', ['1_0.5', '1e999', 'nan', 'inf', '.', '1,5', '1e500', '+-3']],
      ['decimal(18,2)', ['1.005', '1e2', '.', '+1', '1_0.00']],
      ['date', ['0000-00-00', '2023-13-01', '2023-1-1', '20230101', '2023-01-01x', 'infinity']],
      ['timestamp', ['2023-01-01T00:00:00+02:00', '2023-01-01 00:00:00.1234567', '2023-01-01', '2023-01-01 24:00:00']],
    ];
    for (const [type, texts] of none) {
      const whole = new RegExp(`^(?:${plainPattern(type, STYLE)})$`);
      expect([type, texts.filter((text) => whole.test(text))]).toEqual([type, []]);
    }
    expect(plainPattern('int', { ...STYLE, nullTokens: ['-999'] })).toBeUndefined();
    expect(plainPattern('boolean', { ...STYLE, nullTokens: ['f'] })).toBeUndefined();
    expect(plainPattern('decimal(38,2)', STYLE)).toBeUndefined();
    expect(plainPattern('binary', STYLE)).toBeUndefined();
    const berlin = new RegExp(`^${plainPattern('timestamp', { ...STYLE, timezone: 'Europe/Berlin' })}$`);
    expect(['2023-01-01 00:00:00', '2023-01-01 00:00:00Z'].map((text) => berlin.test(text))).toEqual([false, true]);
  });
});

describe('PlainRows', () => {
  const patterns = ['-?[0-9]{1,9}', undefined, 'true|false'];

  function seen(bytes: Buffer, cuts: number[], over: Parameters<typeof dialectOf>[0] = {}, skipLines = 0) {
    const rows = new PlainRows(dialectOf(over), patterns, skipLines, true);
    const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
    for (let i = 1; i < at.length; i++) rows.feed(bytes.subarray(at[i - 1], at[i]));
    return rows.end();
  }

  it('sees the same however the file comes, and counts as the scanner does', async () => {
    const cell = fc.constantFrom(
      '1',
      '-22',
      '',
      'true',
      'x',
      'ü',
      '"a"',
      '"a ""b"""',
      '"two\nlines"',
      '"x',
      'y"z',
      '"7"',
      ' ',
    );
    const row = fc.array(cell, { minLength: 1, maxLength: 4 }).map((cells) => cells.join(','));
    const good = fc
      .tuple(fc.constantFrom('1', '"3"', ''), cell, fc.constantFrom('true', ''))
      .map((cells) => cells.join(','));
    let plain = 0;
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 30, arbitrary: good }, row, fc.constant('')), { maxLength: 12 }),
        fc.array(fc.nat(300), { maxLength: 4 }),
        fc.constantFrom('\n' as const, '\r\n' as const),
        fc.boolean(),
        (rows, cuts, lineEnd, isEnded) => {
          const bytes = Buffer.from(`head,of,it${lineEnd}${rows.join(lineEnd)}${isEnded ? lineEnd : ''}`);
          const whole = seen(bytes, [], { lineEnd }, 1);
          expect(seen(bytes, cuts, { lineEnd }, 1)).toEqual(whole);
          if (!whole) return;
          plain++;
          const scanner = new RecordScanner(dialectOf({ lineEnd, headerRows: 1 }), { columns: 3 });
          scanner.feed(bytes);
          expect(whole).toEqual(
            (({ records, lines, bytes: size }) => ({ records, lines, bytes: size }))(scanner.end()),
          );
        },
      ),
      { numRuns: 3_000 },
    );
    expect(plain).toBeGreaterThan(500);
  });

  it('takes nothing for plain that has another number of fields, an open quote, or a value spelled otherwise', () => {
    const of = (text: string, over = {}) => seen(Buffer.from(text), [], over)?.records;
    expect(of('1,a,true\n2,"b,\n",\n')).toBe(2);
    expect(of('\n\n1,a,true\n\n2,b,\n\n')).toBe(2);
    expect(of('')).toBe(0);
    for (const text of [
      '1,a\n',
      '1,a,true,\n',
      '1,"a,true\n',
      '1,a"b,true\n',
      '1,"a" ,true\n',
      '1.5,a,true\n',
      '1,a,yes\n',
    ]) {
      expect([text, of(text)]).toEqual([text, undefined]);
    }
    expect(of('1,a,true\r\n')).toBeUndefined();
    expect(of('1,a,true\n', { lineEnd: '\r\n' })).toBeUndefined();
    expect(of('1,"a,true\n', { quote: '', escape: '' })).toBe(1);
    expect(of('"1",a,true\n', { quote: '', escape: '' })).toBeUndefined();
    const bare = new PlainRows(dialectOf({}), patterns, 0);
    expect(bare.feed(Buffer.from('1,a,true\n"2",a,true\n'))).toBe(true);
    expect(bare.end()).toBeUndefined();
  });

  it('goes on over pieces, and gives up at a record longer than one', () => {
    const text = 'x'.repeat(PLAIN_PIECE_BYTES - 100);
    const two = Buffer.from(`1,${text},true\n2,"${text}\n",false\n`);
    expect(seen(two, [])).toEqual({ records: 2, lines: 3, bytes: two.length });
    expect(seen(two, [5, PLAIN_PIECE_BYTES, PLAIN_PIECE_BYTES + 7])).toEqual({
      records: 2,
      lines: 3,
      bytes: two.length,
    });
    expect(seen(Buffer.from(`1,${text}${text},true\n`), [])).toBeUndefined();
  });

  it('is asked about dialects alone in which a pattern tells records', () => {
    expect(isPlainDialect(dialectOf({}))).toBe(true);
    expect(isPlainDialect(dialectOf({ delimiter: '|' }))).toBe(true);
    expect(isPlainDialect(dialectOf({ delimiter: '^', quote: '', escape: '' }))).toBe(true);
    for (const over of [
      { delimiter: '||' },
      { delimiter: ' ' },
      { delimiter: ':' },
      { quote: "'" },
      { escape: '\\' },
      { comment: '#' },
      { lineEnd: 'mixed' },
      { lineEnd: '\r' },
      { footerRows: 1 },
      { skipInitialSpace: true },
      { delimiterRuns: true },
      { decimalComma: true },
      { thousands: ' ' },
      { encoding: 'latin-1' },
    ] as Parameters<typeof dialectOf>[0][]) {
      expect([over, isPlainDialect(dialectOf(over))]).toEqual([over, false]);
    }
    const odd = new PlainRows(dialectOf({ delimiter: '^' }), patterns, 0);
    odd.feed(Buffer.from('1^a,b^true\n'));
    expect(odd.end()).toMatchObject({ records: 1 });
  });
});
