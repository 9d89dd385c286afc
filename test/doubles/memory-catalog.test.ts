import { expect, it } from '@jest/globals';
import { describeCatalog, partitionOf, tableOf } from '../contract/catalog.ts';
import { type CatalogStep, memoryCatalog } from './memory-catalog.ts';

describeCatalog('the catalog in memory', async () => ({
  catalog: memoryCatalog(),
  keepsFiles: true,
  lay: async () => {},
  close: async () => {},
}));

it('shows every state between two partitions, and stops where a step throws', async () => {
  const steps: CatalogStep['change'][] = [];
  const seen: string[][] = [];
  let failAt = Number.POSITIVE_INFINITY;
  const catalog = memoryCatalog({
    onStep: async ({ change }) => {
      steps.push(change);
      seen.push((await catalog.partitions('demo', 't')).map((partition) => partition.location));
      if (steps.length === failAt) throw new Error('gone');
    },
  });
  const state = tableOf({ values: [['a'], ['b']] });
  await catalog.swap(state);
  expect(steps).toEqual(['table', 'create', 'create']);
  expect(seen.map((locations) => locations.length)).toEqual([0, 1, 2]);

  failAt = 4;
  const next = { ...state, partitions: ['a', 'b'].map((value) => partitionOf(state, [value], 'g2', 1)) };
  await expect(catalog.swap(next)).rejects.toThrow('gone');
  expect((await catalog.partitions('demo', 't')).map((partition) => partition.location)).toEqual([
    's3://lake/demo/t/day=a/g2/',
    's3://lake/demo/t/day=b/g1/',
  ]);
  failAt = Number.POSITIVE_INFINITY;
  expect(await catalog.swap(next)).toMatchObject({ created: 0, updated: 1, deleted: 0 });
});
