import { describe, expect, it } from '@jest/globals';
import type { ObjectStore } from '../../shared/ports/object-store.ts';
import { memoryCatalog } from '../doubles/memory-catalog.ts';
import { memoryObjectStore } from '../doubles/memory-object-store.ts';
import { headOf, makeWorld, type World } from '../doubles/world.ts';

/** A world in which `look` is called between any two calls that publish or retire make. */
function watchedWorld(
  mode: 'append' | 'overwrite' | 'overwrite-partitions',
  readers: 'catalog' | 'path',
  partitionBy: string[],
) {
  let look: () => Promise<void> = async () => undefined;
  let watching = false;
  const inner = memoryObjectStore(['landing', 'work', 'lake']);
  const peek = async () => {
    if (watching) return;
    watching = true;
    await look();
    watching = false;
  };
  const objects: ObjectStore = { ...inner };
  for (const method of ['put', 'copy', 'delete', 'deleteMany', 'upload'] as const) {
    // biome-ignore lint/suspicious/noExplicitAny: the five methods have five signatures, and all are passed through
    (objects as any)[method] = async (...args: any[]) => {
      await peek();
      // biome-ignore lint/suspicious/noExplicitAny: as above
      const done = await (inner as any)[method](...args);
      await peek();
      return done;
    };
  }
  const world = makeWorld({
    objects,
    catalog: memoryCatalog({ onStep: peek }),
    datasets: [
      {
        name: 'sales',
        source: { prefix: 'sales/', pick: 'new' },
        target: { database: 'shop', table: 'sales', mode, readers, partitionBy },
      },
    ],
  });
  return {
    world,
    async whileRunning(check: () => Promise<void>): Promise<void> {
      look = check;
      const outcome = await world.run({ dataset: 'sales' });
      look = async () => undefined;
      expect(outcome.status).toBe('SUCCEEDED');
    },
  };
}

const text = (rows: Record<string, unknown>[]) =>
  rows
    .map((row) => JSON.stringify(row))
    .sort()
    .join('');

/** Rows of one partition as a reader finds them who asks the catalog at this moment. */
async function partition(world: World, day: string): Promise<string> {
  return text((await world.rows('shop', 'sales')).filter((row) => row.day === day));
}

describe('a reader of the catalog, between any two steps of publish and retire', () => {
  it('sees a replaced partition whole, before or after', async () => {
    const { world, whileRunning } = watchedWorld('overwrite-partitions', 'catalog', ['day']);
    await world.put('sales/a.csv', 'id,day\n1,x\n2,x\n3,y\n');
    await world.run({ dataset: 'sales' });
    const [before, other] = [await partition(world, 'x'), await partition(world, 'y')];
    await world.put('sales/b.csv', 'id,day\n7,x\n8,x\n9,x\n');
    const seen = new Set<string>();
    await whileRunning(async () => {
      seen.add(await partition(world, 'x'));
      expect(await partition(world, 'y')).toBe(other);
    });
    const after = await partition(world, 'x');
    expect(after).not.toBe(before);
    expect(seen).toEqual(new Set([before, after]));
  });

  it.each([['append' as const], ['overwrite' as const]])('sees a table without partitions whole: %s', async (mode) => {
    const { world, whileRunning } = watchedWorld(mode, 'catalog', []);
    await world.put('sales/a.csv', 'id,day\n1,x\n2,x\n');
    await world.run({ dataset: 'sales' });
    const before = text(await world.rows('shop', 'sales'));
    await world.put('sales/b.csv', 'id,day\n7,x\n');
    const seen = new Set<string>();
    await whileRunning(async () => void seen.add(text(await world.rows('shop', 'sales'))));
    const after = text(await world.rows('shop', 'sales'));
    expect(seen).toEqual(new Set([before, after]));
  });
});

describe('a reader of the root, once replaced files are retired', () => {
  it.each([
    ['overwrite-partitions' as const, ['day']],
    ['append' as const, ['day']],
    ['append' as const, []],
    ['overwrite' as const, ['day']],
  ])('sees exactly the committed files: %s by %j', async (mode, partitionBy) => {
    const { world } = watchedWorld(mode, 'path', partitionBy);
    for (const [name, rows] of [
      ['a', '1,x\n2,y\n3,z\n'],
      ['b', '4,x\n'],
      ['c', '5,x\n6,y\n'],
    ]) {
      await world.put(`sales/${name}.csv`, `id,day\n${rows}`);
      await world.run({ dataset: 'sales' });
      const head = await headOf(world, 'sales');
      const live = head.tables.get('shop.sales')!.files.map((file) => file.key);
      expect(await world.lakeKeys('shop/sales/')).toEqual(live.sort());
    }
  });
});
