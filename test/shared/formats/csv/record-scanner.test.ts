import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { countRecords } from '../../../../shared/formats/csv/count-records.ts';
import {
  type RecordCount,
  RecordScanner,
  type ScannedRecord,
  type ScanOptions,
} from '../../../../shared/formats/csv/record-scanner.ts';
import type { CsvDialect } from '../../../../shared/formats/csv-dialect.ts';
import { dialectOf, writtenCsv } from '../../../fixtures/csv-text.ts';

function scan(
  text: string | Uint8Array,
  changes: Partial<CsvDialect> = {},
  options: Partial<ScanOptions> = {},
  size = 1 << 20,
) {
  const scanner = new RecordScanner(dialectOf(changes), { columns: 2, ...options });
  const bytes = Buffer.from(text as string);
  for (let i = 0; i < bytes.length; i += size) scanner.feed(bytes.subarray(i, i + size));
  return scanner.end();
}

function isSame({ index }: ScannedRecord): (record: ScannedRecord) => boolean {
  return (record) => record.index === index;
}

/** [text, records, lines] */
type Case = [
  text: string,
  records: number,
  lines: number,
  changes?: Partial<CsvDialect>,
  options?: Partial<ScanOptions>,
];

/** All parts of each, since Jest takes a parameter without a value for a callback. */
const cases = (list: Case[]) =>
  list.map(([text, records, lines, changes = {}, options = {}]) => [text, records, lines, changes, options] as const);

describe('RecordScanner', () => {
  it.each(
    cases([
      ['', 0, 0],
      ['a,b', 1, 1],
      ['a,b\n', 1, 1],
      ['a,b\nc,d', 2, 2],
      ['a,"b\nc"\nd,e\n', 2, 3],
      ['a,"b""\nc"\nd,e\n', 2, 3],
      ['a,"b\n', 1, 1],
      ['a,"b\nc', 1, 2],
      ['"",""\n', 1, 1],
      ['a\r\nb\r\n', 2, 2, { lineEnd: '\r\n' }],
      ['a,"b\r\nc"\r\nd,e\r\n', 2, 3, { lineEnd: '\r\n' }],
      ['a,"b\rc"\rd,e', 2, 3, { lineEnd: '\r' }],
      ['a,b\nc,d\r\ne,f\rg,h', 4, 4, { lineEnd: 'mixed' }],
      ['a,"b\nc\r\nd\re"\r\nf,g\r', 2, 5, { lineEnd: 'mixed' }],
      ['a||"b||\nc"\nd||e\n', 2, 3, { delimiter: '||' }],
      ['a|"b\nc||d\n', 2, 2, { delimiter: '||' }],
      ['xaaab"x\ny"\n', 1, 2, { delimiter: 'aab' }],
      ["a,'b\nc'\n", 1, 2, { quote: "'", escape: "'" }],
      ['a,"b\nc"\n', 2, 2, { quote: '', escape: '' }],
      ['a,"b\\"\nc"\n', 1, 2, { escape: '\\' }],
      ['a,"b\\\\"\nc,d\n', 2, 2, { escape: '\\' }],
      ['a,"b\\\nc"\n', 1, 2, { escape: '\\' }],
      ['a\\,"b\nc"\n', 1, 2, { escape: '\\' }],
    ]),
  )('counts %j: %i records, %i lines', (text, records, lines, changes, options) => {
    const bytes = Buffer.byteLength(text);
    for (const size of [1, 2, 3, 1000])
      expect(scan(text, changes, options, size)).toMatchObject({ records, lines, bytes, dataEnd: bytes });
  });

  // Each found by trial in DuckDB; record-scanner-duckdb.test.ts holds both against each other.
  it.each(
    cases([
      ['a"x,b\nc,d"\n', 2, 2],
      ['a, "b\nc"\n', 1, 2],
      ['a,  "b\nc"\n', 2, 2],
      ['a,  "b\nc"\n', 1, 2, { skipInitialSpace: true }],
      ['  "b\nc",a\n', 2, 2],
      ['  "b\nc",a\n', 1, 2, { skipInitialSpace: true }],
      [' "b\nc",a\n', 1, 2],
      ['a b\n "c\nd"\n', 2, 3, { delimiter: ' ' }],
      ['a,\t"b\nc"\n', 2, 2],
      ['a,"b" "c\nd"\n', 1, 2],
      ['a,"b"x"c\nd"\n', 2, 2],
      ['"b"x,"c\nd"\n', 1, 2],
      ['a,"b""c\nd"\n', 2, 2, { escape: '' }],
    ]),
  )('reads irregular quotes as the engine does: %j: %i records', (text, records, lines, changes, options) => {
    for (const size of [1, 2, 1000]) expect(scan(text, changes, options, size)).toMatchObject({ records, lines });
  });

  it.each(
    cases([
      ['a,b\n\n\nc,d\n\n', 2, 5],
      ['a,b\r\n\r\nc,d\r\n', 2, 3, { lineEnd: '\r\n' }],
      ['a,b\r\rc,d\r', 2, 3, { lineEnd: '\r' }],
      ['a,b\n\r\n\rc,d\n', 2, 4, { lineEnd: 'mixed' }],
      ['a\n\nc\n\n', 4, 4, {}, { columns: 1 }],
      ['a\r\n\r\nc\r\n', 3, 3, { lineEnd: '\r\n' }, { columns: 1 }],
      ['\n\n', 2, 2, {}, { columns: 1 }],
      ['a,b\n  \nc,d\n', 3, 3],
      ['""\n', 1, 1],
    ]),
  )('counts blank lines in files of one column only: %j: %i records', (text, records, lines, changes, options) => {
    for (const size of [1, 2, 1000]) expect(scan(text, changes, options, size)).toMatchObject({ records, lines });
  });

  it.each(
    cases([
      ['#x\na,b\n#"y\n # z\n  # z\nc,d\n', 2, 6],
      ['a,b#"x\nc,"d"#"\n#e', 2, 3],
      ['a,"b#\n#c"\n', 1, 2],
      ['a\n#x\n\nb\n', 3, 4, {}, { columns: 1 }],
      [' #x\n', 1, 1, { delimiter: ' ' }],
      ['a,#"x\nc,d\n', 2, 2],
      ['#x\r\na,b\r\n', 1, 2, { lineEnd: '\r\n' }],
    ]),
  )('passes over comments: %j: %i records', (text, records, lines, changes, options) => {
    for (const size of [1, 2, 1000])
      expect(scan(text, { comment: '#', ...changes }, options, size)).toMatchObject({ records, lines });
  });

  it.each<[string, Partial<CsvDialect>, Partial<ScanOptions>, Partial<RecordCount>]>([
    ['h,i\na,b\nc,d\n', { headerRows: 1 }, {}, { records: 2, dataStart: 4, dataEnd: 12 }],
    ['"h\nh",i\na,b\n', { headerRows: 1 }, {}, { records: 1, dataStart: 8 }],
    ['h,i\nj,k\na,b', { headerRows: 2 }, {}, { records: 1, dataStart: 8 }],
    ['\n\nh,i\n\na,b\n', { headerRows: 1 }, {}, { records: 1, dataStart: 6 }],
    ['\n\nh\n\na\n', { headerRows: 1 }, { columns: 1 }, { records: 2, dataStart: 4 }],
    [
      'by "us\n"and" you\nh,i\na,b\n',
      { skipLines: 2, headerRows: 1 },
      {},
      { records: 1, lines: 4, quotes: 3, dataStart: 21 },
    ],
    [
      'x\r\ny\rh,i\na,b\n',
      { skipLines: 2, headerRows: 1, lineEnd: 'mixed' },
      {},
      { records: 1, lines: 4, dataStart: 9 },
    ],
    ['\ufeff"h",i\na,b\n', { bomBytes: 3, headerRows: 1 }, {}, { records: 1, dataStart: 9 }],
    ['h,i\na,b\n', { headerRows: 1 }, { stopAt: 2 }, { records: 0, dataStart: 4, dataEnd: 4 }],
    ['h,i\n', { headerRows: 1 }, {}, { records: 0, dataStart: 4, dataEnd: 4 }],
    ['h,i', { headerRows: 1 }, {}, { records: 0, dataStart: 3, dataEnd: 3 }],
    ['a,b\nc,d\n\nt,9\n', { footerRows: 1 }, {}, { records: 2, dataEnd: 9 }],
    ['h,i\na,b\nc,d\nt,9\nu,9', { headerRows: 1, footerRows: 2 }, {}, { records: 2, dataEnd: 12 }],
    ['h,i\nt,9\n', { headerRows: 1, footerRows: 3 }, {}, { records: 0, dataStart: 4, dataEnd: 4 }],
  ])('leaves out head and foot: %j', (text, changes, options, expected) => {
    for (const size of [1, 2, 3, 1000]) expect(scan(text, changes, options, size)).toMatchObject(expected);
  });

  it('knows where the data begins as soon as the header has ended', () => {
    const scanner = new RecordScanner(dialectOf({ headerRows: 1, skipLines: 1 }), { columns: 2 });
    scanner.feed(Buffer.from('note\nh,"i'));
    expect(scanner.dataStart).toBeUndefined();
    scanner.feed(Buffer.from('\n"\n'));
    expect(scanner.dataStart).toBe(12);
  });

  it('reports the records asked for, with place, line and ordinal', () => {
    const text = 'h,i\n\na,"b\nc"\n#x\n\n"d",e\nf,g';
    const changes = { headerRows: 1, comment: '#' };
    const all: ScannedRecord[] = [];
    scan(text, changes, { onRecord: (record) => all.push(record), firstByte: 100, firstLine: 10 });
    expect(all).toEqual([
      { index: 0, ordinal: 3, start: 105, end: 113, line: 12 },
      { index: 1, ordinal: 6, start: 117, end: 123, line: 16 },
      { index: 2, ordinal: 7, start: 123, end: 126, line: 17 },
    ]);
    const some: number[] = [];
    scan(text, changes, { onRecord: ({ index }) => some.push(index), ordinals: [1, 2, 6, 7, 9] }, 3);
    expect(some).toEqual([1, 2]);
  });

  it('stops at the first boundary at or past an offset', () => {
    const text = 'a,b\n"c\n",d\n\ne,f\n';
    const stopped = (stopAt: number, size: number) => {
      const scanner = new RecordScanner(dialectOf(), { columns: 2, stopAt });
      for (let i = 0; i < text.length; i += size) scanner.feed(Buffer.from(text.slice(i, i + size)));
      return [scanner.stoppedAt, scanner.end().records];
    };
    for (const size of [1, 4, 100]) {
      expect(stopped(0, size)).toEqual([0, 0]);
      expect(stopped(1, size)).toEqual([4, 1]);
      expect(stopped(4, size)).toEqual([4, 1]);
      expect(stopped(5, size)).toEqual([11, 2]);
      expect(stopped(12, size)).toEqual([12, 2]);
      expect(stopped(13, size)).toEqual([16, 3]);
      expect(stopped(17, size)).toEqual([undefined, 3]);
    }
  });

  it('counts the records that were written, at their places, in chunks of any size', () => {
    fc.assert(
      fc.property(writtenCsv(), fc.integer({ min: 1, max: 40 }), ({ dialect, columns, rows, text, starts }, size) => {
        const seen: ScannedRecord[] = [];
        const options: ScanOptions = { columns, onRecord: (record) => seen.push(record) };
        const bytes = Buffer.from(text);
        const count = scan(bytes, dialect, options, size);
        expect(count.records).toBe(rows.length);
        expect(count.quotes).toBe(text.split(dialect.quote).length - 1);
        expect(seen.map(({ start }) => start)).toEqual(starts.map((start) => Buffer.byteLength(text.slice(0, start))));
        const lines = { '\n': /\n/, '\r\n': /\n/, '\r': /\r/, mixed: /\r\n|\r|\n/ }[dialect.lineEnd];
        const parts = text.split(lines);
        expect(count.lines).toBe(parts.at(-1) === '' ? parts.length - 1 : parts.length);
        // Where nothing but the number is asked for, whole lines are taken at once.
        expect(scan(bytes, dialect, { columns }, size)).toEqual(count);
      }),
      { numRuns: 500 },
    );
  });

  it('finds the same in any chunks, whatever the text', () => {
    const text = fc.array(fc.constantFrom('a', ',', '|', '\n', '\r', '\r\n', ' ', '"', '""', '\\', '#', 'é'), {
      maxLength: 40,
    });
    const dialect = fc.record({
      lineEnd: fc.constantFrom('\n', '\r\n', '\r', 'mixed' as const),
      delimiter: fc.constantFrom(',', '||', ' '),
      escape: fc.constantFrom('"', '\\', ''),
      comment: fc.constantFrom('', '#'),
      skipLines: fc.integer({ min: 0, max: 2 }),
      headerRows: fc.integer({ min: 0, max: 2 }),
      footerRows: fc.integer({ min: 0, max: 2 }),
      skipInitialSpace: fc.boolean(),
    });
    const rest = fc.record({ columns: fc.integer({ min: 1, max: 2 }), size: fc.integer({ min: 1, max: 20 }) });
    fc.assert(
      fc.property(text, dialect, rest, (parts, changes, { columns, size }) => {
        const records: ScannedRecord[] = [];
        const whole = scan(parts.join(''), changes, { columns, onRecord: (record) => records.push(record) });
        expect(scan(parts.join(''), changes, { columns }, size)).toEqual(whole);
        expect(records.length).toBeGreaterThanOrEqual(whole.records);
        expect(whole.dataStart).toBeLessThanOrEqual(whole.dataEnd);
        const reported: ScannedRecord[] = [];
        const wants = (bytes: Buffer, from: number, to: number) => bytes.subarray(from, to).includes('a');
        const onRecord = (record: ScannedRecord) => reported.push(record);
        expect(scan(parts.join(''), changes, { columns, onRecord, wants }, size)).toEqual(whole);
        const bytes = Buffer.from(parts.join(''));
        const wanted = (record: ScannedRecord) => bytes.subarray(record.start, record.end).includes('a');
        expect(reported).toEqual(records.filter((record) => wanted(record) || reported.some(isSame(record))));
      }),
      { numRuns: 3_000 },
    );
  });

  it('scans UTF-16 as the same text in UTF-8, with offsets of its own', () => {
    fc.assert(
      fc.property(
        writtenCsv(),
        fc.boolean(),
        fc.integer({ min: 1, max: 9 }),
        ({ dialect, columns, text, starts }, big, size) => {
          const bytes = Buffer.from(text, 'utf16le');
          if (big) bytes.swap16();
          const seen: number[] = [];
          const encoding = big ? 'utf-16be' : 'utf-16le';
          const wide = scan(
            bytes,
            { ...dialect, encoding },
            { columns, onRecord: ({ start }) => seen.push(start) },
            size,
          );
          const narrow = scan(text, dialect, { columns });
          expect(wide).toMatchObject({
            records: narrow.records,
            lines: narrow.lines,
            quotes: narrow.quotes,
            bytes: bytes.length,
          });
          expect(seen).toEqual(starts.map((start) => 2 * start));
        },
      ),
    );
  });

  it('refuses what a byte loop cannot look for', () => {
    for (const changes of [{ quote: '“' as '"' }, { escape: 'é' }, { comment: '//' }, { delimiter: '' }])
      expect(() => scan('', changes)).toThrow(expect.objectContaining({ name: 'BadInput' }));
  });
});

describe('countRecords', () => {
  it('counts a file, compressed or not, larger than its buffers', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'count-'));
    try {
      const rows = Array.from({ length: 120_000 }, (_, i) =>
        i % 100 === 0 ? `${i},"first\nsecond ""${i}"""` : `${i},plain text here`,
      );
      const text = `id,note\n${rows.join('\n')}`;
      await writeFile(join(folder, 'a.csv'), text);
      await writeFile(join(folder, 'a.csv.gz'), gzipSync(text, { level: 1 }));
      const expected = {
        records: 120_000,
        lines: 121_201,
        quotes: 7_200,
        bytes: text.length,
        dataStart: 8,
        dataEnd: text.length,
      };
      const dialect = dialectOf({ headerRows: 1 });
      expect(text.length).toBeGreaterThan(2 << 20);
      expect(await countRecords(join(folder, 'a.csv'), dialect, { columns: 2 })).toMatchObject(expected);
      expect(await countRecords(join(folder, 'a.csv.gz'), dialect, { columns: 2, gzip: true })).toMatchObject(expected);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
