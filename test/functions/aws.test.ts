import { randomUUID } from 'node:crypto';
import { GlueClient } from '@aws-sdk/client-glue';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { glueCatalog } from '../../shared/adapters/glue-catalog.ts';
import { s3ObjectStore } from '../../shared/adapters/s3-object-store.ts';
import { duckdbEngine } from '../../shared/engine/duckdb-engine.ts';
import type { TableEngine } from '../../shared/engine/table-engine.ts';
import { makeWorld, type World } from '../doubles/world.ts';
import { describeWithMoto } from '../setup/available.ts';
import { runPython } from '../setup/run-python.ts';

/** The whole flow over S3 and Glue as moto has them, read as awswrangler reads. */
describeWithMoto('a load over S3 and Glue', (endpoint) => {
  const connection = {
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'testing', secretAccessKey: 'testing' },
  };
  const own = randomUUID().slice(0, 8);
  const places = { landing: `landing-${own}`, work: `work-${own}`, lake: `lake-${own}` };
  const s3 = new S3Client({ ...connection, forcePathStyle: true });
  const glue = new GlueClient(connection);
  const database = `shop_${own}`;
  let engine: TableEngine;
  let world: World;

  const target = (table: string, readers: 'path' | 'catalog', partitionBy: string[]) => ({
    name: `${table}-${own}`,
    source: { prefix: `${table}/`, pick: 'new' as const },
    target: {
      database,
      table,
      readers,
      partitionBy,
      formats: ['parquet' as const, 'avro' as const],
      graceMinutes: readers === 'path' ? undefined : 60,
    },
  });

  beforeAll(async () => {
    for (const Bucket of Object.values(places)) await s3.send(new CreateBucketCommand({ Bucket }));
    engine = duckdbEngine();
    world = makeWorld({
      objects: s3ObjectStore({ client: s3 }),
      catalog: glueCatalog({ client: glue }),
      engine,
      places,
      datasets: [target('by_path', 'path', ['day']), target('by_catalog', 'catalog', ['day'])],
    });
  });

  afterAll(async () => {
    await engine.close();
    s3.destroy();
    glue.destroy();
  });

  const read = async (table: string, filter?: Record<string, string>): Promise<unknown[][]> => {
    const given = { endpoint, database, table, ...(filter ? { filter } : {}) };
    const [, rows] = await runPython<[string[], unknown[][]]>('wrangler_table.py', [], JSON.stringify(given));
    return rows;
  };

  it('is what awswrangler reads by path, before and after a partition was replaced', async () => {
    await world.put('by_path/a.csv', 'id,amount,day\n1,1.5,mon\n2,2.5,tue\n3,,wed\n');
    const first = await world.run({ dataset: `by_path-${own}` });
    expect(first.error).toBeUndefined();
    expect(await read('by_path')).toEqual([
      [1, 1.5, 'mon'],
      [2, 2.5, 'tue'],
      [3, null, 'wed'],
    ]);
    await world.put('by_path/b.csv', 'id,amount,day\n7,7.5,mon\n8,8.5,mon\n');
    const second = await world.run({ dataset: `by_path-${own}` });
    expect(second.error).toBeUndefined();
    expect(await read('by_path')).toEqual([
      [2, 2.5, 'tue'],
      [3, null, 'wed'],
      [7, 7.5, 'mon'],
      [8, 8.5, 'mon'],
    ]);
  });

  it('is what awswrangler reads by the catalog with its filter at once, and by path after grace', async () => {
    await world.put('by_catalog/a.csv', 'id,amount,day\n1,1.5,mon\n2,2.5,tue\n');
    expect((await world.run({ dataset: `by_catalog-${own}` })).error).toBeUndefined();
    await world.put('by_catalog/b.csv', 'id,amount,day\n7,7.5,mon\n');
    const waiting = world.steps.Retire;
    const replaced = await world.run({ dataset: `by_catalog-${own}` }, { Retire: async () => ({ deleted: 0 }) });
    expect(replaced.error).toBeUndefined();
    expect(await read('by_catalog', { day: 'mon' })).toEqual([[7, 7.5, 'mon']]);
    world.clock.time = new Date(Date.now() + 2 * 3600 * 1000);
    await waiting({ run: replaced.run }, 'later');
    expect(await read('by_catalog')).toEqual([
      [2, 2.5, 'tue'],
      [7, 7.5, 'mon'],
    ]);
  });
});
