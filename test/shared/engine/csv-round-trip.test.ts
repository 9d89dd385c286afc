import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ColumnType } from '../../../shared/domain/schema.ts';
import type { CsvDialect } from '../../../shared/formats/csv-dialect.ts';
import { PLAIN, sorted, Workbench } from './jobs.ts';

let bench: Workbench;
beforeAll(() => {
  bench = new Workbench();
});
afterAll(() => bench.close());

/** A value as CSV text and as the engine gives it back in JSON. */
interface Value {
  text: string;
  read: unknown;
}

const digits = (n: number) => String(n).padStart(2, '0');
const day = fc.date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true });

const VALUES: [ColumnType, fc.Arbitrary<Value>][] = [
  ['int', fc.integer().map((n) => ({ text: String(n), read: n }))],
  ['bigint', fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((n) => ({ text: String(n), read: String(n) }))],
  [
    'double',
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => ({ text: String(n), read: n === 0 ? 0 : n })),
  ],
  ['boolean', fc.boolean().map((b) => ({ text: b ? 'true' : 'FALSE', read: b }))],
  [
    'decimal(12,3)',
    fc.integer({ min: -999_999_999, max: 999_999_999 }).map((n) => {
      const whole = Math.trunc(Math.abs(n) / 1000);
      const text = `${n < 0 ? '-' : ''}${whole}.${String(Math.abs(n) % 1000).padStart(3, '0')}`;
      return { text, read: text };
    }),
  ],
  ['date', day.map((d) => ({ text: d.toISOString().slice(0, 10), read: d.toISOString().slice(0, 10) }))],
  [
    'timestamp',
    fc
      .tuple(day, fc.integer({ min: -14 * 60, max: 14 * 60 }))
      .filter(([d]) => Math.abs(d.getTime()) < 2e14)
      .map(([d, offset]) => {
        const local = new Date(d.getTime() + offset * 60_000).toISOString().slice(0, -1);
        const sign = offset < 0 ? '-' : '+';
        const zone = `${sign}${digits(Math.trunc(Math.abs(offset) / 60))}:${digits(Math.abs(offset) % 60)}`;
        const utc = d.toISOString().replace('T', ' ').slice(0, -1);
        return {
          text: `${local}${zone}`,
          read: utc.replace(/\.?0+$/, (zeros) => (zeros.startsWith('.') ? '' : '')).replace(/:$/, ':00'),
        };
      }),
  ],
  [
    'string',
    fc
      .string({ unit: 'binary', maxLength: 12 })
      .map((s) => s.toWellFormed())
      .map((s) => ({ text: s, read: s })),
  ],
  [
    'string',
    fc
      .array(fc.constantFrom('a', '"', '""', ',', ';', "'", '\\', '\n', '\r', '\r\n', ' ', '\t', 'NA', '#'), {
        maxLength: 6,
      })
      .map((parts) => ({
        text: parts.join(''),
        read: parts.join(''),
      })),
  ],
];

const DIALECTS: Partial<CsvDialect>[] = [
  {},
  { lineEnd: '\r\n' },
  { lineEnd: '\r' },
  { delimiter: ';', quote: "'", escape: "'" },
  { delimiter: '\t', escape: '\\' },
  { delimiter: '||', headerRows: 0 },
];

/** A field as a careful writer puts it; an absent one as an empty field. */
function fieldOf(value: Value | null, { quote, escape: escaper }: CsvDialect, always: boolean): string {
  if (value === null) return '';
  const plain = /^[A-Za-z0-9+:.T-]+$/.test(value.text);
  if (plain && !always) return value.text;
  const inside = escaper === '\\' ? value.text.replace(/[\\"]/g, '\\$&') : value.text.replaceAll(quote, quote + quote);
  return `${quote}${inside}${quote}`;
}

describe('a CSV', () => {
  it('comes back as it went in, whatever its types, texts and dialect', async () => {
    const table = fc.array(fc.constantFrom(...VALUES.keys()), { minLength: 2, maxLength: 7 }).chain((picks) =>
      fc.record({
        picks: fc.constant(picks),
        rows: fc.array(fc.tuple(...picks.map((pick) => fc.option(VALUES[pick]![1], { freq: 5 }))), { maxLength: 30 }),
        like: fc.constantFrom(...DIALECTS),
        gzip: fc.boolean(),
        quoteAll: fc.boolean(),
        endless: fc.boolean(),
      }),
    );
    await fc.assert(
      fc.asyncProperty(table, async ({ picks, rows, like, gzip, quoteAll, endless }) => {
        const dialect = { ...PLAIN, ...like };
        const types = Object.fromEntries(picks.map((pick, c) => [`c${c}`, VALUES[pick]![0]]));
        const lines = rows.map((row) => row.map((value) => fieldOf(value, dialect, quoteAll)).join(dialect.delimiter));
        if (dialect.headerRows === 1) lines.unshift(Object.keys(types).join(dialect.delimiter));
        const text = lines.join(dialect.lineEnd) + (endless ? '' : dialect.lineEnd);
        const loaded = await bench.load(gzip ? gzipSync(text) : text, types, { like, gzip });
        expect(loaded.rejects).toEqual([]);
        expect(loaded.account).toMatchObject({ rowsRead: rows.length, rowsWritten: rows.length, rowsRejected: 0 });
        expect(sorted(loaded.rows)).toEqual(sorted(rows.map((row) => row.map((value) => value?.read ?? null))));
      }),
      { numRuns: 50 },
    );
  });
});

describe('bad values', () => {
  /** Fields that fit no column but a text. */
  const BAD = ['abc', '1.5.5', '--1', '2023-13-01', '"x y"', '0x10', '1_0', '+-3'];

  it('are each rejected where they stand, and take no other row along', async () => {
    const plan = fc.record({
      rows: fc.array(
        fc.record({
          fault: fc.option(fc.constantFrom('value', 'short', 'long', 'quote'), { freq: 3, nil: undefined }),
          bad: fc.constantFrom(...BAD),
          column: fc.integer({ min: 0, max: 2 }),
          note: fc.constantFrom('', 'plain', '"two\nlines"', '"a ""b"" c"', '"x\r\ny\n\nz"', 'ü€𝄞'),
          blanks: fc.integer({ min: 0, max: 2 }),
        }),
        { maxLength: 40 },
      ),
      crlf: fc.boolean(),
      skip: fc.constantFrom('', 'a note', 'an "odd note', 'one\ntwo'),
      gzip: fc.boolean(),
      slice: fc.constantFrom({ firstByte: 0, firstLine: 1 }, { firstByte: 1_000_000, firstLine: 501 }),
    });
    await fc.assert(
      fc.asyncProperty(plan, async ({ rows, crlf, skip, gzip, slice }) => {
        const end = crlf ? '\r\n' : '\n';
        const head = `${skip === '' ? '' : skip.replaceAll('\n', end) + end}n,d,t,note${end}`;
        let text = head;
        const expected: { line: number; byteOffset: number; column: string | null; raw: string }[] = [];
        const good: unknown[] = [];
        const names = ['n', 'd', 't'] as const;
        rows.forEach(({ fault, bad, column, note, blanks }, i) => {
          const values = [String(i), '2023-05-06', '2023-05-06T07:08:09Z'];
          if (fault === 'value') values[column] = bad;
          if (fault === 'quote') values[0] = '"1"x';
          let row = [...values, note].join(',');
          if (fault === 'short') row = values.slice(0, column + 1).join(',');
          if (fault === 'long') row += ',more';
          if (fault) {
            expected.push({
              line: slice.firstLine + text.split('\n').length - 1,
              byteOffset: slice.firstByte + Buffer.byteLength(text),
              column:
                fault === 'value'
                  ? names[column]!
                  : fault === 'long'
                    ? null
                    : fault === 'quote'
                      ? 'n'
                      : ([...names, 'note'][column + 1] ?? null),
              raw: row,
            });
          } else good.push([i, '2023-05-06', '2023-05-06 07:08:09', noteOf(note)]);
          text += row + end + end.repeat(blanks);
        });
        const {
          account,
          rejects,
          rows: written,
        } = await bench.load(
          gzip ? gzipSync(text) : text,
          { n: 'int', d: 'date', t: 'timestamp', note: 'string' },
          { gzip, ...slice, like: { lineEnd: end, skipLines: skip === '' ? 0 : skip.split('\n').length } },
        );
        expect(rejects.map(({ line, byteOffset, column, raw }) => ({ line, byteOffset, column, raw }))).toEqual(
          expected,
        );
        expect(written).toEqual(good);
        expect(account).toMatchObject({
          rowsRead: rows.length,
          rowsWritten: good.length,
          rowsRejected: expected.length,
        });
      }),
      { numRuns: 50 },
    );
  });

  function noteOf(field: string): string | null {
    if (field === '') return null;
    return field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field;
  }
});
