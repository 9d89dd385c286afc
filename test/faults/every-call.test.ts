import { describe, expect, it } from '@jest/globals';
import { OWN_PREFIXES } from '../../shared/commit/keys.ts';
import { memoryCatalog } from '../doubles/memory-catalog.ts';
import { memoryObjectStore } from '../doubles/memory-object-store.ts';
import { headOf, makeWorld, type World } from '../doubles/world.ts';
import { FAULTS, type Fault, type Faulty, faultyStores } from './faults.ts';

/**
 * The promise, call by call: whatever happens to any single call of a load, once it was tried again every row of every
 * object is in the table exactly once, in both formats, and under the root lies what the log says.
 */
const OBJECTS: Record<string, string> = {
  'sales/a.csv': 'id,day\n1,x\n2,y\n',
  'sales/b.csv': 'id,day\n3,x\n4,x\n',
  'sales/long.csv': `id,day\n${Array.from({ length: 12 }, (_, i) => `${100 + i},${i % 2 ? 'x' : 'y'}`).join('\n')}\n`,
};
const IDS = ['1', '2', '3', '4', ...Array.from({ length: 12 }, (_, i) => String(100 + i))].sort();

type Mode = 'append' | 'overwrite-partitions';

function drillWorld(mode: Mode): { world: World; faulty: Faulty } {
  const observed = { objects: memoryObjectStore(['landing', 'work', 'lake']), catalog: memoryCatalog() };
  const faulty = faultyStores(observed.objects, observed.catalog);
  const world = makeWorld({
    observed,
    objects: faulty.objects,
    catalog: faulty.catalog,
    datasets: [
      {
        name: 'sales',
        source: { prefix: 'sales/', pick: mode === 'append' ? 'new' : 'all' },
        splitBytes: 64,
        target: { database: 'shop', table: 'sales', mode, partitionBy: ['day'], formats: ['parquet', 'avro'] },
      },
    ],
  });
  return { world, faulty };
}

async function drill(mode: Mode, fault: Fault | undefined, k: number): Promise<number> {
  const { world, faulty } = drillWorld(mode);
  for (const [key, text] of Object.entries(OBJECTS)) await world.put(key, text);
  faulty.arm(fault, k);
  await world.run({ dataset: 'sales' });
  const calls = faulty.calls();
  faulty.arm(undefined, 0);
  world.clock.time = new Date('2026-01-02T04:00:00.000Z');
  const again = await world.run({ dataset: 'sales' });
  expect(again.status).toBe('SUCCEEDED');
  await redrive(world);
  await check(world);
  return calls;
}

/** What a failed run put aside is asked for again, by name. */
async function redrive(world: World): Promise<void> {
  const { sources } = await headOf(world, 'sales');
  if (sources.size === Object.keys(OBJECTS).length) return;
  const missing: { bucket: string; key: string }[] = [];
  for await (const info of world.ports.objects.list('landing', 'sales/'))
    missing.push({ bucket: 'landing', key: info.key });
  const outcome = await world.run({ dataset: 'sales', objects: missing, force: true });
  expect(outcome.status).toBe('SUCCEEDED');
}

async function check(world: World): Promise<void> {
  for (const table of ['sales', 'sales_avro']) {
    expect((await world.rows('shop', table)).map((row) => row.id).sort()).toEqual(IDS);
    const live = (await headOf(world, 'sales')).tables.get(`shop.${table}`)!.files.map((file) => file.key);
    expect(await world.lakeKeys(`shop/${table}/`)).toEqual(live.sort());
  }
  for (const key of await world.workKeys('')) expect(OWN_PREFIXES.some((prefix) => key.startsWith(prefix))).toBe(true);
}

/** All of them in CI; a sample, another part of it on each call, where time is short. */
const STRIDE = process.env['SLUICE_DRILL'] === 'full' ? 1 : 9;

describe.each<Mode>(['append', 'overwrite-partitions'])('a fault at every call of a load: %s', (mode) => {
  it.each(FAULTS)('%s', async (fault) => {
    const calls = await drill(mode, undefined, -1);
    expect(calls).toBeGreaterThan(100);
    for (let k = FAULTS.indexOf(fault); k < calls; k += STRIDE) {
      try {
        await drill(mode, fault, k);
      } catch (error) {
        throw new Error(`${mode}, ${fault} at call ${k}: ${(error as Error).message}`, { cause: error });
      }
    }
  });
});
