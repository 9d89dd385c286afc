import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RecordScanner, type ScannedRecord } from '../../../../shared/formats/csv/record-scanner.ts';
import {
  findSliceStart,
  isSliceable,
  planRanges,
  type Slice,
  type SlicedObject,
  type SliceSource,
  takeSlice,
  verifyChain,
} from '../../../../shared/formats/csv/slice.ts';
import type { CsvDialect } from '../../../../shared/formats/csv-dialect.ts';
import { dialectOf, writtenCsv } from '../../../fixtures/csv-text.ts';

/** An object in memory that counts what is read of it. */
class MemoryObject implements SliceSource {
  reads: [number, number][] = [];
  downloads: [number, number][] = [];
  private readonly bytes: Buffer;
  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
  read = async (start: number, end: number): Promise<Uint8Array> => {
    expect(0 <= start && start <= end && end <= this.bytes.length).toBe(true);
    this.reads.push([start, end]);
    return this.bytes.subarray(start, end);
  };
  download = async (start: number, end: number, path: string): Promise<void> => {
    expect(end).toBeLessThanOrEqual(this.bytes.length);
    this.downloads.push([start, end]);
    writeFileSync(path, this.bytes.subarray(start, end));
  };
}

function whole(bytes: Buffer, dialect: CsvDialect, columns: number) {
  const starts: number[] = [];
  const onRecord = ({ start }: ScannedRecord) => starts.push(start);
  const scanner = new RecordScanner(dialect, { columns, onRecord });
  scanner.feed(bytes);
  return { ...scanner.end(), starts };
}

/** Every range of an object taken on its own, as workers would. */
async function takeAll(
  bytes: Buffer,
  object: SlicedObject,
  splitBytes: number,
): Promise<{ slices: Slice[]; texts: Buffer[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'slice-'));
  try {
    const slices: Slice[] = [];
    const texts: Buffer[] = [];
    for (const range of planRanges(object, splitBytes)) {
      const path = join(folder, `${range.start}`);
      const slice = await takeSlice(new MemoryObject(bytes), range, object, path);
      slices.push(slice);
      texts.push(slice.count ? readFileSync(path) : Buffer.alloc(0));
    }
    return { slices, texts };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What a proven chain promises: the ranges' records are the object's, each once, each where it starts. */
function expectExact(bytes: Buffer, object: SlicedObject, slices: Slice[], texts: Buffer[]): void {
  const all = whole(bytes, object.dialect, object.columns);
  expect(Buffer.concat(texts).equals(bytes.subarray(object.dataStart))).toBe(true);
  for (const [k, { link, count }] of slices.entries()) {
    const owned = all.starts.filter((start) => link.start <= start && start < link.end);
    expect([k, count?.records ?? 0]).toEqual([k, owned.length]);
    expect(link.quotes).toBe(count?.quotes ?? 0);
  }
  const lines = slices.reduce((sum, { count }) => sum + (count?.lines ?? 0), 0);
  const quotes = slices.reduce((sum, { link }) => sum + link.quotes, 0);
  const head = whole(bytes.subarray(0, object.dataStart), object.dialect, object.columns);
  expect([lines, quotes]).toEqual([all.lines - head.lines, all.quotes - head.quotes]);
}

function objectOf(bytes: Buffer, dialect: CsvDialect, columns: number): SlicedObject {
  return { sizeBytes: bytes.length, dataStart: whole(bytes, dialect, columns).dataStart, dialect, columns };
}

describe('planRanges', () => {
  it('covers the data evenly with ranges of at most the size asked for', () => {
    fc.assert(
      fc.property(
        fc.nat(10_000),
        fc.nat(100),
        fc.integer({ min: 64, max: 3_000 }),
        fc.boolean(),
        (size, start, splitBytes, wide) => {
          const unit = wide ? 2 : 1;
          const sizeBytes = (start + size) * unit;
          const dataStart = start * unit;
          const object = { sizeBytes, dataStart, dialect: dialectOf({ encoding: wide ? 'utf-16be' : 'utf-8' }) };
          const ranges = planRanges(object, splitBytes);
          expect(ranges[0]!.start).toBe(dataStart);
          expect(ranges.at(-1)!.end).toBe(sizeBytes);
          const sizes = ranges.map((range) => range.end - range.start);
          expect(Math.max(...sizes)).toBeLessThanOrEqual(splitBytes);
          expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(unit);
          for (const [k, range] of ranges.entries()) {
            expect((range.start - dataStart) % unit).toBe(0);
            if (k > 0) expect(range.start).toBe(ranges[k - 1]!.end);
          }
          expect(planRanges(object, splitBytes)).toEqual(ranges);
        },
      ),
    );
  });

  it('makes no range of its own of a small rest', () => {
    const ranges = planRanges({ sizeBytes: 1_010, dataStart: 0, dialect: dialectOf() }, 1_000);
    expect(ranges).toEqual([
      { start: 0, end: 505 },
      { start: 505, end: 1_010 },
    ]);
  });

  it('is not for objects with footer rows', () => {
    expect([isSliceable(dialectOf()), isSliceable(dialectOf({ footerRows: 1 }))]).toEqual([true, false]);
  });
});

describe('slices', () => {
  it('are exact or known to be wrong, for any CSV cut anywhere', async () => {
    let proven = 0;
    let cuts = 0;
    await fc.assert(
      fc.asyncProperty(
        writtenCsv({ minRows: 2, maxRows: 40 }),
        fc.integer({ min: 5, max: 200 }),
        fc.constantFrom('utf-8', 'utf-16le', 'utf-16be' as const),
        fc.boolean(),
        async ({ dialect: written, columns, text }, splitBytes, encoding, header) => {
          fc.pre(encoding === 'utf-8' || written.delimiter !== '§');
          const dialect = { ...written, encoding, headerRows: header ? 1 : 0 };
          const bytes = Buffer.from(text, encoding === 'utf-8' ? 'utf8' : 'utf16le');
          if (encoding === 'utf-16be') bytes.swap16();
          const object = objectOf(bytes, dialect, columns);
          fc.pre(object.dataStart < object.sizeBytes);
          const { slices, texts } = await takeAll(bytes, object, splitBytes);
          const broken = verifyChain(slices.map(({ link }) => link));
          if (slices.length > 1) cuts++;
          if (broken !== undefined) {
            // What comes before the first broken range is exact all the same.
            const before = Buffer.concat(texts.slice(0, broken));
            expect(bytes.subarray(object.dataStart, object.dataStart + before.length).equals(before)).toBe(true);
            return;
          }
          if (slices.length > 1) proven++;
          expectExact(bytes, object, slices, texts);
        },
      ),
      { numRuns: 200 },
    );
    // Values here are little else than quotes and line ends, yet most guesses are right.
    expect(proven / cuts).toBeGreaterThan(0.5);
  });

  it('are never silently wrong, whatever the text', async () => {
    const pieces = fc.constantFrom('a', 'b', ',', ',', '\n', '\n', '"', '"', '""', '\n"', '",', ' ', '#', '\\');
    await fc.assert(
      fc.asyncProperty(
        fc.array(pieces, { minLength: 5, maxLength: 120 }),
        fc.integer({ min: 1, max: 40 }),
        fc.record({ escape: fc.constantFrom('"', '\\'), comment: fc.constantFrom('', '#') }),
        fc.integer({ min: 1, max: 3 }),
        async (parts, splitBytes, changes, columns) => {
          const bytes = Buffer.from(parts.join(''));
          const object = objectOf(bytes, dialectOf(changes), columns);
          const { slices, texts } = await takeAll(bytes, object, splitBytes);
          if (verifyChain(slices.map(({ link }) => link)) === undefined) expectExact(bytes, object, slices, texts);
        },
      ),
      { numRuns: 300 },
    );
  });

  const row = (i: number) =>
    `${i},2023-01-02T10:11:12Z,${i / 7},${i % 10 === 0 ? `"first ${i}\nsecond, ""quoted""\n"` : 'plain'}\n`;
  const shape = { columns: 4 };

  it('of an ordinary file are all proven, also where ranges begin inside quotes', async () => {
    const bytes = Buffer.from(`id,at,value,note\n${Array.from({ length: 3_000 }, (_, i) => row(i)).join('')}`);
    const object = objectOf(bytes, dialectOf({ headerRows: 1 }), 4);
    let inside = 0;
    for (const splitBytes of [700, 997, 5_000, 64_000]) {
      const { slices, texts } = await takeAll(bytes, object, splitBytes);
      expect(verifyChain(slices.map(({ link }) => link))).toBeUndefined();
      expectExact(bytes, object, slices, texts);
      inside += slices.filter(({ link }) => link.startedInQuotes).length;
    }
    expect(inside).toBeGreaterThan(10);
  });

  it.each([
    ['some quotes', (i: number) => `${i},${i % 3 ? 'plain' : `"a ""b""\n,${i}"`},${i * 7}\n`, {}],
    ['every field in quotes', (i: number) => `"${i}","${i % 4 ? '' : `first\nsecond, ""${i}""`}",""\n`, {}],
    ['backslashes', (i: number) => `${i},"\\"a\\"\n\\\\",x\n`, { escape: '\\' }],
    ['mixed line ends', (i: number) => `${i},"a\r\n\rb",x${['\n', '\r\n', '\r'][i % 3]}`, { lineEnd: 'mixed' }],
    ['a delimiter of two characters', (i: number) => `${i}||"a||\n"||x|y\n`, { delimiter: '||' }],
    ['blanks before quotes', (i: number) => `${i}, "a, ${i}\n", x\n`, {}],
  ] as const)('begin right wherever they are cut: %s', async (_, line, changes) => {
    const bytes = Buffer.from(Array.from({ length: 90 }, (_, i) => line(i)).join(''));
    const object = objectOf(bytes, dialectOf(changes as Partial<CsvDialect>), 3);
    const { starts } = whole(bytes, object.dialect, 3);
    const { read } = new MemoryObject(bytes);
    const wrong: number[] = [];
    for (let start = 1; start < starts[40]!; start++) {
      const found = await findSliceStart(read, { start, end: bytes.length }, object);
      if (found.firstRecordStart !== starts.find((offset) => offset >= start)) wrong.push(start);
    }
    expect(wrong.map((at) => bytes.subarray(at - 12, at + 12).toString())).toEqual([]);
  });

  it('take a stray quote in plain text, which the parity of quotes would not', async () => {
    const text = Array.from({ length: 500 }, (_, i) => `${i},12" pipe,${i % 9 ? 'x' : '"a\nb"'}\n`).join('');
    const bytes = Buffer.from(text);
    const object = objectOf(bytes, dialectOf(), 3);
    const { slices, texts } = await takeAll(bytes, object, 1_000);
    expect(slices.some(({ link }) => link.quotes % 2 === 1)).toBe(true);
    expect(verifyChain(slices.map(({ link }) => link))).toBeUndefined();
    expectExact(bytes, object, slices, texts);
  });

  it('may hold no record, where one is longer than several ranges', async () => {
    const bytes = Buffer.from(`a,b\n1,"${'long text\n'.repeat(500)}"\n2,c\n`);
    const object = objectOf(bytes, dialectOf(), 2);
    const { slices, texts } = await takeAll(bytes, object, 1_000);
    expect(slices.map(({ count }) => count?.records ?? 0)).toEqual([2, 0, 0, 0, 0, 1]);
    expect(verifyChain(slices.map(({ link }) => link))).toBeUndefined();
    expectExact(bytes, object, slices, texts);
  });

  it('whose quoted text looks like rows are found out', async () => {
    const rows = 'a,b\n'.repeat(2_000);
    const bytes = Buffer.from(`${rows}1,"${rows}"\n${rows}`);
    const object = objectOf(bytes, dialectOf(), 2);
    const { slices } = await takeAll(bytes, object, 4_000);
    const broken = verifyChain(slices.map(({ link }) => link));
    // The first range that begins inside the long field.
    expect(broken).toBe(slices.findIndex(({ link }) => link.start > rows.length + 3));
  });

  it('are told apart by a check of the fields where their number does not tell', async () => {
    const rows = 'a,b\n'.repeat(2_000);
    const bytes = Buffer.from(`${'1,2\n'.repeat(2_000)}1,"${rows}"\n${'1,2\n'.repeat(2_000)}`);
    const object = { ...objectOf(bytes, dialectOf(), 2), check: ([first]: string[]) => /^\d+$/.test(first!) };
    const { slices, texts } = await takeAll(bytes, object, 4_000);
    expect(verifyChain(slices.map(({ link }) => link))).toBeUndefined();
    expectExact(bytes, object, slices, texts);
  });

  it('cost one short read and one download, and more only where a record goes far beyond the range', async () => {
    const bytes = Buffer.from(Array.from({ length: 40_000 }, (_, i) => row(i)).join(''));
    const object = { ...objectOf(bytes, dialectOf(), 4), ...shape };
    const folder = mkdtempSync(join(tmpdir(), 'slice-'));
    try {
      const source = new MemoryObject(bytes);
      const range = { start: 600_000, end: 1_200_000 };
      const { link } = await takeSlice(source, range, object, join(folder, 'a'));
      expect(source.reads).toEqual([[600_000 - 64, 600_000 + 262_144]]);
      expect(source.downloads).toEqual([[link.firstRecordStart, 1_200_000 + 65_536]]);

      const tail = Buffer.from(`1,2,3,4\n1,2,3,"${'x'.repeat(960_000)}"\n1,2,3,4\n`);
      const long = new MemoryObject(tail);
      const { count } = await takeSlice(
        long,
        { start: 0, end: 100 },
        objectOf(tail, dialectOf(), 4),
        join(folder, 'b'),
      );
      expect(count!.records).toBe(2);
      expect(long.downloads).toEqual([[0, 100 + 65_536]]);
      expect(long.reads.map(([start, end]) => end - start)).toEqual([65_536, 131_072, 262_144, 435_637]);
      expect(readFileSync(join(folder, 'b')).equals(tail.subarray(0, -8))).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    ['text without an end', 'text without an end '],
    ['lines of a single field', 'text\nwith lines\n'],
  ])('look further where no record ends in what is judged: %s', async (_, text) => {
    const bytes = Buffer.from(`a,b\n${`1,"${text.repeat(50_000)}"\n`.repeat(4)}`);
    const { starts } = whole(bytes, dialectOf(), 2);
    const source = new MemoryObject(bytes);
    const range = { start: starts[2]! + 50_000, end: starts[4]! - 50_000 };
    const start = await findSliceStart(source.read, range, objectOf(bytes, dialectOf(), 2));
    expect(start.firstRecordStart).toBe(starts[3]);
    expect(source.reads.length).toBeGreaterThan(1);
  });
});

describe('verifyChain', () => {
  const link = (start: number, end: number, firstRecordStart?: number, lastRecordEnd?: number) => ({
    start,
    end,
    ...(firstRecordStart === undefined ? {} : { firstRecordStart, lastRecordEnd: lastRecordEnd! }),
    startedInQuotes: false,
    quotes: 0,
  });

  it('holds where each range ends where the next begins', () => {
    expect(verifyChain([])).toBeUndefined();
    expect(verifyChain([link(10, 20, 10, 25), link(20, 30, 25, 30)])).toBeUndefined();
    expect(verifyChain([link(0, 10, 0, 35), link(10, 20), link(20, 30), link(30, 40, 35, 40)])).toBeUndefined();
    expect(verifyChain([link(0, 10, 0, 20), link(10, 20), link(20, 30, 20, 30)])).toBeUndefined();
  });

  it('names the first range that does not', () => {
    expect(verifyChain([link(0, 10, 0, 12), link(10, 20, 13, 22), link(20, 30, 22, 30)])).toBe(1);
    expect(verifyChain([link(0, 10, 0, 12), link(10, 20)])).toBe(1);
    expect(verifyChain([link(0, 10, 0, 25), link(10, 20, 12, 25), link(20, 30, 25, 30)])).toBe(1);
    expect(verifyChain([link(0, 10, 3, 12), link(10, 20, 12, 20)])).toBe(0);
    expect(verifyChain([link(0, 10, 0, 10), link(11, 20, 11, 20)])).toBe(1);
  });
});
