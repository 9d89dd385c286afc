import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { madeGranules } from '../../../local/demo/storms.ts';
import { describeWithSharedData } from '../../setup/available.ts';
import { accountsAddUp, makeSluice, type RunJson, type Sluice } from './sluice.ts';

interface Golden {
  count: number;
  min: number;
  max: number;
  sum: number;
}

describeWithSharedData('sluice load of real granules', (shared) => {
  const folder = join(shared, 'glm');
  let sluice: Sluice;
  let result: RunJson;
  let files: string[];
  let expected: Record<string, { vars: Record<string, Golden> }>;

  beforeAll(async () => {
    sluice = await makeSluice();
    files = (await readdir(folder)).filter((name) => name.endsWith('.nc'));
    expected = JSON.parse(await readFile(join(folder, 'expected.json'), 'utf8'));
    const paths = await Promise.all(files.map(async (name) => sluice.file(name, await readFile(join(folder, name)))));
    result = await sluice.json<RunJson>(['load', ...paths, '--table', 'db.glm', '--format', 'parquet,avro']);
  });
  afterAll(() => sluice.remove());

  it('makes three tables of them, in each format', () => {
    const rows = Object.fromEntries(result.tables.map(({ database, table, rows }) => [`${database}.${table}`, rows]));
    expect(rows).toEqual({
      'db.glm_flashes': 576,
      'db.glm_flashes_avro': 576,
      'db.glm_groups': 14_660,
      'db.glm_groups_avro': 14_660,
      'db.glm_events': 39_841,
      'db.glm_events_avro': 39_841,
    });
    expect(accountsAddUp(result)).toBe(true);
    expect(result.sources.map(({ entry }) => entry).sort()).toEqual([
      'events',
      'events',
      'flashes',
      'flashes',
      'groups',
      'groups',
    ]);
  });

  it('has every value of every variable in them', async () => {
    for (const [i, name] of files.entries()) {
      const start = `2018-07-02 04:33:${i === 0 ? '00' : '40'}`;
      for (const level of ['flash', 'group', 'event']) {
        const table = `db.glm_${level === 'flash' ? 'flashes' : `${level}s`}`;
        for (const [variable, golden] of Object.entries(expected[name]!.vars)) {
          if (!variable.startsWith(`${level}_`) || golden.count === 1 || variable === 'flash_time_threshold') continue;
          const [found] = await sluice.query<Golden>(
            `SELECT CAST(count(${variable}) AS INTEGER) AS count, CAST(min(${variable}) AS DOUBLE) AS min,
             CAST(max(${variable}) AS DOUBLE) AS max, CAST(sum(${variable}) AS DOUBLE) AS sum
             FROM ${table} WHERE granule_start = '${start}'`,
          );
          expect(found!.count).toBe(golden.count);
          for (const key of ['min', 'max', 'sum'] as const) {
            expect(Math.abs(found![key] - golden[key])).toBeLessThanOrEqual(1e-9 * Math.abs(golden[key]));
          }
        }
      }
    }
  });

  it('sets a damaged granule aside with its name, and none of its rows', async () => {
    const bytes = await readFile(join(folder, files[0]!));
    const good = await sluice.file('good.nc', await readFile(join(folder, files[1]!)));
    const cut = await sluice.file('cut.nc', bytes.subarray(0, 300_000));
    const outcome = await sluice.json<RunJson>(['load', good, cut, '--table', 'db.mixed']);
    expect(outcome.tables.map(({ table, rows }) => [table, rows])).toEqual([
      ['mixed_flashes', 274],
      ['mixed_groups', 7_478],
      ['mixed_events', 21_480],
    ]);
    const failed = outcome.sources.filter(({ status }) => status === 'quarantined');
    expect(failed.map(({ uri, error }) => [uri.split('/').at(-1), error?.name])).toEqual([['cut.nc', 'CorruptFile']]);
  });

  it('inspects one', async () => {
    const { stdout } = await sluice.run('inspect', join(sluice.folder, files[0]!));
    expect(stdout).toContain('level       flashes');
    expect(stdout).toContain('7,182');
  });
});

describe('an hour of lightning in a bucket', () => {
  let sluice: Sluice;
  beforeAll(async () => {
    sluice = await makeSluice();
  });
  afterAll(() => sluice.remove());

  it('is loaded into partitions of day and hour, and an hour that comes again is replaced', async () => {
    const start = new Date('2024-01-05T13:00:00Z');
    for await (const { key, bytes } of madeGranules({ start, granules: 4 })) await sluice.land(key, bytes);
    const definition = await sluice.file(
      'storm.yml',
      `source: {prefix: 'GLM-L2-LCFA/{yyyy}/{ooo}/{HH}/', format: glm, glm: {levels: [flashes, groups], box: {west: -180, east: 180, south: 0, north: 90}}}
target: {database: weather, table: storm, partitionBy: [day(granule_start), hour(granule_start)], sortBy: [flash_id]}`,
    );
    const run = ['run', definition, '--set', 'referenceTime=2024-01-05T13:20:00Z'];
    const first = await sluice.json<RunJson>(run);
    expect(first.tables.map(({ table, partitions }) => [table, partitions])).toEqual([
      ['storm_flashes', 1],
      ['storm_groups', 1],
    ]);
    const count = async () =>
      (
        await sluice.query<{ n: number; south: number; hours: string }>(
          'SELECT CAST(count(*) AS INTEGER) AS n, min(flash_lat) AS south, string_agg(DISTINCT hour) AS hours FROM weather.storm_flashes',
        )
      )[0]!;
    const before = await count();
    expect(before.n).toBe(first.tables[0]!.rows);
    expect(before.south).toBeGreaterThanOrEqual(0);
    expect(before.hours).toBe('2024-01-05-13');
    await sluice.json<RunJson>(run);
    expect(await count()).toEqual(before);
  });
});
