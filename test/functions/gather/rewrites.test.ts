import { describe, expect, it } from '@jest/globals';
import { rewritesOf } from '../../../functions/gather/rewrites.ts';
import type { LiveGroup } from '../../../shared/domain/load.ts';
import { REWRITE_TASK_BYTES } from '../../../shared/limits.ts';

function group(name: string, rowsOf: Record<string, number>, over: Partial<LiveGroup> = {}): LiveGroup {
  const rows = Object.values(rowsOf).reduce((sum, count) => sum + count, 0);
  return {
    ...{ task: name, table: 0, partition: ['x'], bucket: 'lake', rows, bytes: 10, rowsOf, widens: false, of: [1] },
    inputs: [{ key: name, etag: 'e', rows, bytes: 10 }],
    keys: { 'db.t': [name], 'db.t_avro': [`${name}.avro`] },
    ...over,
  };
}

describe('what is written again', () => {
  it('is what the loaded objects replace, and nothing for those that failed', () => {
    const groups = [group('one', { a: 2, b: 3 }), group('two', { c: 1, d: 1 })];
    const replaced = { 'a-new': ['a'], 'c-new': ['c'] };
    const { tasks, ...plan } = rewritesOf(groups, replaced, new Set(['a-new', 'other']));
    expect(plan).toEqual({
      drops: ['a'],
      rewrites: { 'db.t': ['one'], 'db.t_avro': ['one.avro'] },
      rowsRewritten: 3,
    });
    expect(tasks).toEqual([
      {
        table: 0,
        inputs: groups[0].inputs,
        partition: { values: ['x'], bucket: 'lake' },
        rewrites: { of: [1], without: ['a'], rowsDropped: 2 },
      },
    ]);
  });

  it('is no task where all rows leave', () => {
    const { tasks, rewrites, rowsRewritten } = rewritesOf(
      [group('one', { a: 2, b: 3 })],
      { n: ['a', 'b'] },
      new Set(['n']),
    );
    expect([tasks, rewrites!['db.t'], rowsRewritten]).toEqual([[], ['one'], 0]);
  });

  it('is all that has a column that gets wider, whatever is loaded', () => {
    const { tasks, rowsRewritten } = rewritesOf([group('one', { a: 2 }, { widens: true })], {}, new Set());
    expect(tasks).toHaveLength(1);
    expect(rowsRewritten).toBe(2);
  });

  it('is put together by partition, as much as one task should write', () => {
    const half = { bytes: REWRITE_TASK_BYTES / 2, widens: true };
    const groups = [
      ...Array.from({ length: 5 }, (_, i) => group(`x${i}`, { [`s${i}`]: 1 }, { ...half, of: [i, 9] })),
      group('y', { s9: 1 }, { ...half, partition: ['y'] }),
    ];
    const { tasks } = rewritesOf(groups, {}, new Set());
    expect(tasks.map(({ inputs }) => inputs.map(({ key }) => key))).toEqual([
      ['x0', 'x1'],
      ['x2', 'x3'],
      ['x4'],
      ['y'],
    ]);
    expect(tasks[0].rewrites!.of).toEqual([0, 1, 9]);
  });
});
