import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { locateMisfits } from '../../../shared/engine/locate-misfits.ts';
import type { LoggedMisfit } from '../../../shared/engine/misfit-log.ts';
import { PLAIN } from './jobs.ts';

const folder = mkdtempSync(join(tmpdir(), 'locate-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Rows of `x<i>,"text of <i>",<value>`, some of which have a bad value, over several chunks of the scan. */
function fileOf(rows: number, bad: ReadonlyMap<number, string>, quoted: boolean): string {
  let text = 'a,b,c\n';
  for (let i = 0; i < rows; i++) {
    const b = quoted ? `"text, of\n${i}"` : `text of ${i}`;
    text += `x${i},${b},${bad.get(i) ?? i}\n`;
  }
  return text;
}

function misfitAt(row: number, value: string, quoted: boolean): LoggedMisfit {
  const bytes = `x${row}`.length + (quoted ? `text, of\n${row}` : `text of ${row}`).length + value.length;
  return { input: 0, road: 'strict', column: 2, value, head: `x${row}`, bytes };
}

describe('locateMisfits', () => {
  const bad = new Map([
    [0, 'first'],
    [40_000, 'in the middle'],
    [80_000, 'in the middle'],
    [99_999, 'last'],
  ]);

  it.each([false, true])('finds logged rows in a file of several chunks, in quotes: %s', async (quoted) => {
    const text = fileOf(100_000, bad, quoted);
    expect(text.length).toBeGreaterThan(2 << 20);
    const path = join(folder, `${quoted}.csv`);
    writeFileSync(path, text);
    const columns = ['a', 'b', 'c'].map((original) => ({ original, target: original }));
    const input = { path, uri: 's3://b/k', sourceId: 'x', format: 'csv' as const, columns, firstByte: 0, firstLine: 1 };
    const read = { paths: [path], where: 'k', dialect: PLAIN, columns, gzip: false };
    const csv = { input: { ...input, dialect: PLAIN }, dialect: PLAIN, read };
    const logged = [...bad].map(([row, value]) => misfitAt(row, value, quoted));
    const found = await locateMisfits(csv, logged, [2], { records: 100_000, broken: 0 });
    const lines = quoted ? 2 : 1;
    expect(found?.rows.map(({ line, value }) => [line, value])).toEqual(
      [...bad].map(([row, value]) => [2 + row * lines, value]),
    );
    for (const { start, end, value } of found!.rows) expect(text.slice(start, end).endsWith(`,${value}\n`)).toBe(true);
    // Where not all are found, nothing is told.
    expect(
      await locateMisfits(csv, [...logged, misfitAt(5, 'not there', quoted)], [2], { records: 100_000, broken: 0 }),
    ).toBeUndefined();
    expect(await locateMisfits(csv, logged.slice(1), [2], { records: 100_000, broken: 0 })).toMatchObject({
      rows: { length: 3 },
    });
  });

  it('finds records with another number of fields too, and gives up where quotes leave doubt', async () => {
    const path = join(folder, 'broken.csv');
    const columns = ['a', 'b', 'c'].map((original) => ({ original, target: original }));
    const input = { path, uri: 's3://b/k', sourceId: 'x', format: 'csv' as const, columns, firstByte: 0, firstLine: 1 };
    const read = { paths: [path], where: 'k', dialect: PLAIN, columns, gzip: false };
    const csv = { input: { ...input, dialect: PLAIN }, dialect: PLAIN, read };
    const text = 'a,b,c\n1,x,2\n3,x\n"4","x,\ny",5\n\n"6",x,7,8\nx9,x,bad\n';
    writeFileSync(path, text);
    const logged: LoggedMisfit[] = [{ input: 0, road: 'strict', column: 2, value: 'bad', head: 'x9', bytes: 6 }];
    const found = await locateMisfits(csv, logged, [2], { records: 5, broken: 2 });
    expect(found?.rows).toMatchObject([{ line: 8, value: 'bad' }]);
    expect(found?.broken.map(({ start, end, line }) => [line, text.slice(start, end)])).toEqual([
      [3, '3,x\n'],
      [7, '"6",x,7,8\n'],
    ]);
    writeFileSync(path, `${text}10,"q"6",x\n`);
    expect(await locateMisfits(csv, logged, [2], { records: 6, broken: 2 })).toBeUndefined();
  });

  it('does not take what stands before a comment for the value in quotes that it looks like', async () => {
    const path = join(folder, 'comment.csv');
    const columns = ['a', 'b', 'c'].map((original) => ({ original, target: original }));
    const dialect = { ...PLAIN, comment: '#' };
    const input = { path, uri: 's3://b/k', sourceId: 'x', format: 'csv' as const, columns, firstByte: 0, firstLine: 1 };
    const csv = {
      ...{ input: { ...input, dialect }, dialect },
      read: { paths: [path], where: 'k', dialect, columns, gzip: false },
    };
    const logged: LoggedMisfit[] = [{ input: 0, road: 'strict', column: 2, value: '5#x', head: 'x', bytes: 5 }];
    const rows = Array.from({ length: 200_000 }, () => 'x,y,5\n').join('');
    expect(rows.length).toBeGreaterThan(1 << 20);
    writeFileSync(path, `a,b,c\nx,y,5#x\n${rows}x,y,"5#x"\n`);
    expect(await locateMisfits(csv, logged, [2], { records: 200_002, broken: 0 })).toBeUndefined();
  });
});
