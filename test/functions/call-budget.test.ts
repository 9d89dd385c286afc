import { describe, expect, it } from '@jest/globals';
import { CALL_BUDGET } from '../../shared/limits.ts';
import type { CallCounts } from '../../shared/ports/object-store.ts';
import { makeWorld } from '../doubles/world.ts';

const sum = (calls: Readonly<CallCounts>) => Object.values(calls).reduce((all, count) => all + count, 0);

/** Calls of one load of so many objects into so many partitions, in both formats. */
async function callsOf(objects: number, partitions: number): Promise<{ calls: number; counts: CallCounts }> {
  const w = makeWorld({
    datasets: [
      {
        name: 'days',
        source: { prefix: 'days/' },
        target: { database: 'db', table: 'days', partitionBy: ['day'], formats: ['parquet', 'avro'] },
      },
    ],
  });
  for (let i = 0; i < objects; i++) {
    const rows = Array.from(
      { length: Math.ceil(partitions / objects) },
      (_, r) => `${i},d${(i + r * objects) % partitions}`,
    );
    await w.put(`days/${String(i).padStart(5, '0')}.csv`, `id,day\n${rows.join('\n')}\n`);
  }
  const before = { ...w.ports.objects.calls };
  const outcome = await w.run({ dataset: 'days' });
  expect(outcome.status).toBe('SUCCEEDED');
  const kinds = Object.keys(before) as (keyof CallCounts)[];
  const counts = Object.fromEntries(kinds.map((kind) => [kind, w.ports.objects.calls[kind] - before[kind]]));
  return { calls: sum(counts as unknown as CallCounts), counts: counts as unknown as CallCounts };
}

describe('the calls of a load', () => {
  it.each([
    [1, 1],
    [1, 40],
    [40, 1],
    [300, 20],
  ])('of %i objects into %i partitions stay within the budget', async (objects, partitions) => {
    const { calls, counts } = await callsOf(objects, partitions);
    const { anObject, aPartition, aRun } = CALL_BUDGET;
    const budget = anObject * objects + aPartition * partitions + aRun;
    expect({ counts, calls: calls <= budget ? 'within' : `${calls} where ${budget} are allowed` }).toEqual({
      counts,
      calls: 'within',
    });
  });
});
