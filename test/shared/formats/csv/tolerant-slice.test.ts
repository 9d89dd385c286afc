import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { planRanges, type SlicedObject, type SliceLink, verifyChain } from '../../../../shared/formats/csv/slice.ts';
import { innerDialect } from '../../../../shared/formats/csv/speculate.ts';
import { readTolerant, type TolerantRow } from '../../../../shared/formats/csv/tolerant-reader.ts';
import { takeTolerantSlice, tolerantDataStart } from '../../../../shared/formats/csv/tolerant-slice.ts';
import type { CsvDialect } from '../../../../shared/formats/csv-dialect.ts';
import { oddCsv } from '../../../fixtures/csv-odd.ts';
import { dialectOf } from '../../../fixtures/csv-text.ts';

async function rowsOf(bytes: Buffer, dialect: CsvDialect, columns: number, firstByte = 0): Promise<TolerantRow[]> {
  const rows: TolerantRow[] = [];
  for await (const some of readTolerant([bytes], dialect, { columns })) rows.push(...some);
  return rows.map((row) => ({ ...row, byteOffset: row.byteOffset + firstByte, byteEnd: row.byteEnd + firstByte }));
}

async function inRanges(bytes: Buffer, object: SlicedObject, splitBytes: number) {
  const folder = mkdtempSync(join(tmpdir(), 'tolerant-slice-'));
  const source = {
    read: async (start: number, end: number) => bytes.subarray(start, end),
    download: async (start: number, end: number, path: string) => writeFileSync(path, bytes.subarray(start, end)),
  };
  try {
    const links: SliceLink[] = [];
    const rows: TolerantRow[] = [];
    for (const range of planRanges(object, splitBytes)) {
      const path = join(folder, `${range.start}`);
      const link = await takeTolerantSlice(source, range, object, path);
      links.push(link);
      if (link.firstRecordStart === undefined) continue;
      const own = readFileSync(path);
      expect(own.length).toBe(link.lastRecordEnd! - link.firstRecordStart);
      rows.push(...(await rowsOf(own, innerDialect(object.dialect), object.columns, link.firstRecordStart)));
    }
    return { links, rows };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const told = ({ line: _, ...row }: TolerantRow) => row;

describe('ranges of an irregular CSV', () => {
  it('have the rows of the whole wherever their starts are proven, whatever the text, its encoding and the ranges', async () => {
    let proven = 0;
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(oddCsv(), fc.integer({ min: 1, max: 400 }), async ({ bytes, dialect, columns }, splitBytes) => {
        const start = tolerantDataStart(bytes, dialect, columns);
        const all = await rowsOf(bytes, dialect, columns);
        if (start === undefined) return;
        expect(start).toEqual({ dataStart: all[0]!.byteOffset, dataLine: all[0]!.line - 1 });
        const object = { sizeBytes: bytes.length, dataStart: start.dataStart, dialect, columns };
        const { links, rows } = await inRanges(bytes, object, splitBytes);
        runs++;
        if (verifyChain(links) !== undefined) return;
        proven++;
        expect(rows.map(told)).toEqual(all.map(told));
      }),
      { numRuns: Number(process.env['RUNS'] ?? 200) },
    );
    expect(proven).toBeGreaterThan(runs / 3);
  }, 120_000);

  it('find their starts by the records behind, also amid text of several lines', async () => {
    const lines = Array.from({ length: 3_000 }, (_, i) =>
      i % 10 === 0 ? `${i},"note of\nthree\nlines",x` : i % 7 === 0 ? `${i},short` : `${i},a "plain" note,y`,
    );
    const bytes = Buffer.from(`${lines.join('\n')}\n`);
    const object = { sizeBytes: bytes.length, dataStart: 0, dialect: dialectOf(), columns: 3 };
    for (const splitBytes of [997, 5_000, 40_000]) {
      const { links, rows } = await inRanges(bytes, object, splitBytes);
      expect(verifyChain(links)).toBeUndefined();
      expect(rows).toHaveLength(3_000);
    }
  });
});
