import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cutFiles, probeRowSize, type RowRange, rowsOfNextFile } from '../../../shared/engine/file-sizes.ts';

describe('rows of the next file', () => {
  it('are all rows up to a quarter more than the target', () => {
    expect(rowsOfNextFile(125, 1, 100)).toBe(125);
    expect(rowsOfNextFile(126, 1, 100)).toBe(100);
    expect(rowsOfNextFile(160, 1, 100)).toBe(80);
    expect(rowsOfNextFile(1000, 1, 100)).toBe(100);
    expect(rowsOfNextFile(5, 1000, 100)).toBe(1);
  });

  it('make files within a quarter of the target until the last', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20_000 }), fc.integer({ min: 100, max: 10_000 }), (rows, target) => {
        for (let left = rows; left > 0; ) {
          const next = rowsOfNextFile(left, 1, target);
          expect(next).toBeGreaterThan(0);
          expect(next).toBeLessThanOrEqual(Math.max(1, target * 1.25));
          if (next < left) expect(next).toBeGreaterThanOrEqual(target * 0.75 - 1);
          left -= next;
        }
      }),
    );
  });
});

describe('cutting files', () => {
  /** A format in which row `i` takes `bytesOf(i)` bytes, and every file a head on top. */
  const writer = (bytesOf: (row: number) => number) => {
    const writes: RowRange[] = [];
    const write = async ({ from, rows }: RowRange) => {
      writes.push({ from, rows });
      let bytes = 50;
      for (let i = from; i < from + rows; i++) bytes += bytesOf(i);
      return bytes;
    };
    return { write, writes };
  };

  it('covers all rows once, and comes close to the target though rows change in size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 20_000 }),
        fc.constantFrom<(i: number) => number>(
          (_) => 10,
          (i) => 5 + (i % 11),
          (i) => (i < 5_000 ? 4 : 40),
          (i) => 1 + i / 500,
        ),
        fc.option(fc.integer({ min: 1, max: 100 }), { nil: undefined }),
        async (rows, bytesOf, known) => {
          const { write } = writer(bytesOf);
          const target = 10_000;
          const files = await cutFiles({ from: 7, rows }, target, { bytesPerRow: known }, write);
          let next = 7;
          for (const file of files) {
            expect(file.from).toBe(next);
            next += file.rows;
          }
          expect(next).toBe(7 + rows);
          for (const { bytes } of files.slice(0, -1)) expect(Math.abs(bytes / target - 1)).toBeLessThanOrEqual(0.25);
          expect(files.at(-1)!.bytes).toBeLessThanOrEqual(target * 1.25);
        },
      ),
    );
  });

  it('writes each file once where it knows the size of a row', async () => {
    const { write, writes } = writer(() => 10);
    const files = await cutFiles({ from: 0, rows: 5_000 }, 10_000, { bytesPerRow: 10 }, write);
    expect(files).toHaveLength(5);
    expect(writes).toHaveLength(5);
  });

  it('gives in where one row is larger than a file', async () => {
    const { write, writes } = writer(() => 50_000);
    const files = await cutFiles({ from: 0, rows: 4 }, 10_000, { bytesPerRow: undefined }, write);
    expect(files.map(({ rows }) => rows)).toEqual([1, 1, 1, 1]);
    expect(writes.length).toBeLessThanOrEqual(8);
  });

  it('writes one file of no rows', async () => {
    const { write } = writer(() => 1);
    expect(await cutFiles({ from: 0, rows: 0 }, 100, { bytesPerRow: undefined }, write)).toEqual([
      { from: 0, rows: 0, bytes: 50 },
    ]);
  });

  it('learns the size of a row from a first few, and not at all where it is known or rows are few', async () => {
    const { write, writes } = writer(() => 8);
    const size = { bytesPerRow: undefined };
    await probeRowSize({ from: 0, rows: 10_000 }, 1_000_000, size, write);
    expect([size.bytesPerRow, writes.length]).toEqual([undefined, 0]);
    await probeRowSize({ from: 0, rows: 1_000_000 }, 1_000_000, size, write);
    expect(size.bytesPerRow).toBeCloseTo(8, 1);
    const before = writes.length;
    await probeRowSize({ from: 0, rows: 1_000_000 }, 1_000_000, size, write);
    expect(writes.length).toBe(before);
  });
});
