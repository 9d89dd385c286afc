import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GlueClient } from '@aws-sdk/client-glue';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHome } from '../../local/home.ts';
import { glueCatalog } from '../../shared/adapters/glue-catalog.ts';
import { s3ObjectStore } from '../../shared/adapters/s3-object-store.ts';
import { openLog } from '../../shared/commit/log.ts';
import { tableState } from '../../shared/commit/publish.ts';
import { queryLake } from '../../shared/engine/lake-database.ts';
import type { Catalog } from '../../shared/ports/catalog.ts';
import type { ObjectStore } from '../../shared/ports/object-store.ts';
import type { Places } from '../../shared/ports/ports.ts';
import { parsePlainFile } from '../doubles/plain-engine.ts';
import { describeWithMoto } from '../setup/available.ts';
import { type Order, type Published, publishAtOnce } from './publishers.ts';

const PUBLISHERS = 32;
const PROCESSES = 4;
const KEYS = Array.from({ length: PUBLISHERS }, (_, i) => `in/${String(i).padStart(2, '0')}.csv`);

/** Each has a row for the partition of all, and one for a partition that it shares with three others. */
const csvOf = (i: number) => `id,day\n${2 * i},all\n${2 * i + 1},d${i % 8}\n`;
const IDS = Array.from({ length: 2 * PUBLISHERS }, (_, i) => i);

type Mode = 'append' | 'overwrite';
const datasetOf = (database: string, mode: Mode): Order['dataset'] => ({
  name: `many-${mode}`,
  source: { prefix: 'in/', pick: 'new' },
  target: { database, table: mode, mode, partitionBy: ['day'], graceMinutes: 0 },
});

/** The log has each of them, and everything is as its last entry says. */
async function check(
  objects: ObjectStore,
  catalog: Catalog,
  places: Places,
  dataset: Order['dataset'],
  done: Published,
) {
  const problems = done.outcomes.filter(({ endState }) => endState !== 'Succeeded');
  expect(problems).toEqual([]);
  const log = openLog(objects, places.work, dataset.name);
  const head = await log.head();
  expect(head.version).toBe(PUBLISHERS);
  const entries = await Promise.all(Array.from({ length: PUBLISHERS }, (_, i) => log.entry(i + 1)));
  expect(entries.filter((entry) => entry.kind !== 'commit')).toEqual([]);
  expect(new Set(entries.map((entry) => entry.run)).size).toBe(PUBLISHERS);

  const { database, table } = dataset.target as { database: string; table: string };
  const wanted = tableState(head.tables.get(`${database}.${table}`)!, head.version);
  const held = (await catalog.table(database, table))!;
  expect(held.columns.map(({ name, type }) => [name, type])).toEqual(
    wanted.columns.map(({ name, type }) => [name, type]),
  );
  expect(held.parameters).toMatchObject(wanted.parameters);
  const placed = (partitions: { values: unknown; location: string }[]) =>
    partitions.map(({ values, location }) => `${values} ${location}`).sort();
  expect(placed(await catalog.partitions(database, table))).toEqual(placed(wanted.partitions));

  const there: string[] = [];
  for await (const { key } of objects.list(places.lake, `${database}/${table}/`))
    there.push(`s3://${places.lake}/${key}`);
  expect(there.sort()).toEqual(wanted.partitions.flatMap((partition) => partition.files).sort());
  return wanted;
}

describe(`${PUBLISHERS} publishers of one table in a directory, in ${PROCESSES} processes`, () => {
  let root: string;

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'sluice-publishers-'));
  });
  afterAll(() => rm(root, { recursive: true, force: true }));

  it.each<Mode>(['append', 'overwrite'])(
    'all commit, and lake and catalog end as the last commit says: %s',
    async (mode) => {
      const home = await openHome(join(root, mode));
      const dataset = datasetOf('shop', mode);
      for (const [i, key] of KEYS.entries()) await home.ports.objects.put({ bucket: 'landing', key }, csvOf(i));
      const order: Order = { at: { kind: 'directory', home: home.root }, dataset, keys: KEYS };
      const done = await publishAtOnce(order, PROCESSES);
      await check(home.ports.objects, home.ports.catalog, home.places, dataset, done);
      const { rows } = await queryLake({ path: home.lake }, `select id from shop.${mode} order by id`);
      const ids = rows.map(([id]) => id);
      if (mode === 'append') expect(ids).toEqual(IDS);
      else expect(ids).toEqual([ids[0], (ids[0] as number) + 1]);
      await home.close();
      report(mode, 'directory', done);
    },
    300_000,
  );
});

describeWithMoto(`${PUBLISHERS} publishers of one table on S3 and Glue, in ${PROCESSES} processes`, (endpoint) => {
  const own = randomUUID().slice(0, 8);
  const places = { landing: `landing-${own}`, work: `work-${own}`, lake: `lake-${own}` };
  const connection = { endpoint, region: 'us-east-1', credentials: { accessKeyId: 't', secretAccessKey: 't' } };
  const s3 = new S3Client({ ...connection, forcePathStyle: true });
  const glue = new GlueClient(connection);
  const objects = s3ObjectStore({ client: s3 });
  let scratch: string;

  beforeAll(async () => {
    scratch = await mkdtemp(join(tmpdir(), 'sluice-publishers-'));
    for (const Bucket of Object.values(places)) await s3.send(new CreateBucketCommand({ Bucket }));
    for (const [i, key] of KEYS.entries()) await objects.put({ bucket: places.landing, key }, csvOf(i));
  });
  afterAll(async () => {
    s3.destroy();
    glue.destroy();
    await rm(scratch, { recursive: true, force: true });
  });

  it.each<Mode>(['append', 'overwrite'])(
    'all commit, and S3 and Glue end as the last commit says: %s',
    async (mode) => {
      const dataset = datasetOf(`shop_${own}`, mode);
      const done = await publishAtOnce(
        { at: { kind: 'aws', endpoint, places, scratch }, dataset, keys: KEYS },
        PROCESSES,
      );
      const table = await check(objects, glueCatalog({ client: glue }), places, dataset, done);
      const ids: number[] = [];
      for (const uri of table.partitions.flatMap((partition) => partition.files)) {
        const key = uri.slice(`s3://${places.lake}/`.length);
        for (const row of parsePlainFile(await objects.read({ bucket: places.lake, key }))) ids.push(Number(row['id']));
      }
      ids.sort((a, b) => a - b);
      if (mode === 'append') expect(ids).toEqual(IDS);
      else expect(ids).toEqual([ids[0], ids[0]! + 1]);
      report(mode, 'S3 and Glue', done);
    },
    300_000,
  );
});

/** With SLUICE_FIGURES, what it took. */
function report(mode: Mode, where: string, { milliseconds, calls, outcomes }: Published): void {
  if (process.env['SLUICE_FIGURES'] === undefined) return;
  const attempts = outcomes.reduce((sum, { publishes }) => sum + publishes, 0);
  const seconds = milliseconds / 1000;
  console.log(
    `${mode} on ${where}: ${PUBLISHERS} commits in ${seconds.toFixed(1)} s (${(PUBLISHERS / seconds).toFixed(1)}/s), ${attempts} publish attempts, ${calls} calls`,
  );
}
