import { describe, expect, it } from '@jest/globals';
import { needsContainer } from '../../../shared/domain/container-tasks.ts';
import type { ConvertTask } from '../../../shared/domain/load.ts';
import { FUNCTION_UNSPLIT_MAX_BYTES } from '../../../shared/limits.ts';

const task = (part: object, sizeBytes: number) =>
  ({
    task: 'convert-000000',
    table: 0,
    inputs: [{ source: { sizeBytes }, part, columns: [] }],
  }) as unknown as ConvertTask;
const LARGE = FUNCTION_UNSPLIT_MAX_BYTES + 1;

describe('a task for a container', () => {
  it.each([
    ['a large .gz', { format: 'csv', compression: 'gzip' }, LARGE, true],
    ['a .gz that a function can do', { format: 'csv', compression: 'gzip' }, LARGE - 1, false],
    ['plain CSV, which is split', { format: 'csv', compression: 'none' }, LARGE * 100, false],
    ['a large Parquet file', { format: 'parquet', compression: 'none' }, LARGE, true],
    [
      'a small entry of a large archive',
      { format: 'csv', compression: 'zip', entry: { compressedBytes: 10 } },
      LARGE,
      false,
    ],
    ['a large entry', { format: 'csv', compression: 'zip', entry: { compressedBytes: LARGE } }, LARGE, true],
  ])('is %s', (_, part, bytes, expected) => {
    expect(needsContainer(task(part, bytes))).toBe(expected);
  });
});
