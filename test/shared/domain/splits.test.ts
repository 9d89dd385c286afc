import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { FoundPart } from '../../../shared/domain/load.ts';
import { bucketsOf, type PlannedFile, planTasks } from '../../../shared/domain/splits.ts';
import { BATCH_MAX_BYTES, CONVERT_MAX_OBJECTS } from '../../../shared/limits.ts';
import { dialectOf } from '../../fixtures/csv-text.ts';

const DIALECT = dialectOf({ headerRows: 1 });

function file(key: string, sizeBytes: number, over: Partial<FoundPart> = {}, table = 0): PlannedFile {
  const part: FoundPart = {
    format: 'csv',
    compression: 'none',
    dialect: DIALECT,
    columns: [],
    sizeBytes,
    dataStart: 10,
    dataLine: 1,
    confidence: 1,
    reasons: [],
    ...over,
  };
  const source = { id: key, bucket: 'b', key, etag: 'e', sizeBytes, lastModified: '2026-01-01T00:00:00.000Z' };
  return { source, part, table, columns: [] };
}
const name = (index: number) => `t${index}`;
const keys = (files: PlannedFile[], splitBytes = 1e9) =>
  planTasks(files, splitBytes, name).map((task) => task.inputs.map((input) => input.source.key));

describe('planTasks', () => {
  it('packs small files by bytes and by number', () => {
    expect(keys([file('a', 1), file('b', 1), file('c', BATCH_MAX_BYTES)])).toEqual([['a', 'b'], ['c']]);
    const many = Array.from({ length: CONVERT_MAX_OBJECTS + 1 }, (_, i) => file(String(i), 1));
    expect(keys(many).map((batch) => batch.length)).toEqual([CONVERT_MAX_OBJECTS, 1]);
  });

  it('packs small files into no more than a range has', () => {
    const files = ['a', 'b', 'c'].map((key) => file(key, 100));
    expect(keys(files, 200)).toEqual([['a', 'b'], ['c']]);
    expect(keys([...files, file('d', 500, { compression: 'gzip' })], 200)).toEqual([['a', 'b'], ['c'], ['d']]);
  });

  it('cuts a large plain CSV into ranges that cover it behind its header', () => {
    const tasks = planTasks([file('a', 1000)], 300, name);
    const ranges = tasks.map((task) => task.inputs[0].range!);
    expect(ranges.map(({ index, of }) => [index, of])).toEqual(tasks.map((_, i) => [i, tasks.length]));
    expect(ranges[0].start).toBe(10);
    expect(ranges.at(-1)!.end).toBe(1000);
    for (let i = 1; i < ranges.length; i++) expect(ranges[i].start).toBe(ranges[i - 1].end);
  });

  it('cuts UTF-16 between its code units', () => {
    const tasks = planTasks([file('a', 1000, { dialect: { ...DIALECT, encoding: 'utf-16le' } })], 301, name);
    const starts = tasks.map((task) => task.inputs[0].range!.start);
    expect(starts).toHaveLength(4);
    expect(starts.map((start) => start % 2)).toEqual([0, 0, 0, 0]);
  });

  it.each([
    ['gzip', { compression: 'gzip' as const }],
    ['several tables', { dialect: { ...DIALECT, otherTables: [{ firstLine: 1, lastLine: 2 }] } }],
    ['a footer', { dialect: { ...DIALECT, footerRows: 1 } }],
    ['Parquet', { format: 'parquet' as const }],
  ])('never cuts %s', (_, over) => {
    expect(planTasks([file('a', 1000, over)], 300, name)).toHaveLength(1);
  });

  it('keeps the entries of an object together, and tables apart', () => {
    const entry = (index: number) => ({
      compression: 'zip' as const,
      entry: { index, name: `${index}` } as FoundPart['entry'],
    });
    const zipped = [file('z', BATCH_MAX_BYTES, entry(0)), file('z', BATCH_MAX_BYTES, entry(1))];
    expect(keys([file('a', 1), ...zipped])).toEqual([['a'], ['z', 'z']]);
    expect(keys([file('a', 1), file('b', 1, {}, 1)])).toEqual([['a'], ['b']]);
  });

  it('takes every file exactly once, an object in ranges alone in its tasks', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 5000 }), { maxLength: 40 });
    fc.assert(
      fc.property(sizes, fc.integer({ min: 64, max: 3000 }), (all, splitBytes) => {
        const files = all.map((size, i) => file(String(i), size));
        const tasks = planTasks(files, splitBytes, name);
        const whole = tasks.flatMap((task) => task.inputs).filter((input) => !input.range || input.range.index === 0);
        expect(whole.map((input) => input.source.key).sort()).toEqual(files.map(({ source }) => source.key).sort());
        for (const task of tasks) if (task.inputs.some((input) => input.range)) expect(task.inputs).toHaveLength(1);
      }),
    );
  });
});

describe('bucketsOf', () => {
  const tasks = planTasks([file('a', 1000)], 300, name);
  it('is 0 where nothing is to be shuffled', () => {
    expect(bucketsOf(tasks, false, 1000)).toBe(0);
    expect(bucketsOf(tasks.slice(0, 1), true, 1000)).toBe(0);
  });
  it('grows with the bytes', () => {
    expect(bucketsOf(tasks, true, 1000)).toBe(1);
    expect(bucketsOf(tasks, true, 4 * 1024 ** 3)).toBe(8);
  });
});
