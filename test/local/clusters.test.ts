import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { madeGranules } from '../../local/demo/storms.ts';
import type { RunResult } from '../../local/result.ts';
import { type Random, random } from '../../shared/kernels/random.ts';
import { type InHome, openInHome } from './in-home.ts';

let sluice: InHome;
beforeEach(async () => {
  sluice = await openInHome();
});
afterEach(() => sluice.remove());

/** Three groups of points, well apart. */
function groups(source: Random, each = 40): [number, number][] {
  const centres: [number, number][] = [
    [0, 0],
    [10, 0],
    [0, 10],
  ];
  return centres.flatMap(([x, y]) =>
    Array.from({ length: each }, (): [number, number] => [x + source.uniform(), y + source.uniform()]),
  );
}

const csv = (points: readonly (readonly [number | string, number | string])[]) =>
  `id,x,y\n${points.map(([x, y], i) => `${i},${x},${y}`).join('\n')}\n`;

const definition = (cluster: string, target = '') =>
  `source: {prefix: 'points/'}
schema: {id: int, x: double, y: double}
target: {database: geo, table: points${target}}
cluster: ${cluster}
`;

interface Row {
  id: number;
  cluster: number | null;
  distance_to_centre: number | null;
}

async function cluster(
  points: Parameters<typeof csv>[0],
  settings: string,
): Promise<{ result: RunResult; rows: Row[] }> {
  await sluice.land('points/a.csv', csv(points));
  const file = await sluice.file('points.yml', definition(settings));
  const result = await sluice.json(['run', file]);
  const rows = await sluice.query<Row>('SELECT id, cluster, distance_to_centre FROM geo.points_clusters ORDER BY id');
  return { result, rows };
}

/** Which rows lie together, whatever the clusters are called. */
function partition(rows: readonly { cluster: number | null }[], of: (i: number) => string): string[] {
  const members = new Map<number | null, string[]>();
  for (const [i, { cluster }] of rows.entries()) members.set(cluster, [...(members.get(cluster) ?? []), of(i)]);
  return [...members.values()].map((names) => names.sort().join()).sort();
}

describe('a load that is clustered', () => {
  it('finds k by silhouette and by elbow, and commits rows with their clusters, and the clusters', async () => {
    const points = groups(random(1));
    const { result, rows } = await cluster(points, '{features: [x, y], kMax: 6}');
    expect(result.tables.map(({ table, rows }) => [table, rows])).toEqual([
      ['points', 120],
      ['points_clusters', 120],
      ['points_cluster_summary', 3],
    ]);
    expect(result.clusters).toMatchObject({ k: 3, silhouette: expect.any(Number), inertia: expect.any(Number) });
    expect(new Set(rows.slice(0, 40).map(({ cluster }) => cluster)).size).toBe(1);
    expect(new Set(rows.map(({ cluster }) => cluster)).size).toBe(3);
    const summary = await sluice.query<Record<string, number>>(
      'SELECT CAST(size AS INTEGER) AS size, share, centre_x, radius FROM geo.points_cluster_summary',
    );
    for (const { size, share, radius } of summary) {
      expect([size, share]).toEqual([40, 1 / 3]);
      expect(radius).toBeLessThan(Math.SQRT2);
    }
    expect(Math.max(...rows.map((row) => row.distance_to_centre!))).toBe(
      Math.max(...summary.map((row) => row['radius']!)),
    );
  });

  it('does not depend on the order of the rows', async () => {
    const points = groups(random(2), 15);
    const order = points.map((_, i) => (i * 7) % points.length);
    const one = await cluster(points, '{features: [x, y], kMax: 5}');
    const other = await cluster(
      order.map((i) => points[i]!),
      '{features: [x, y], kMax: 5}',
    );
    const name = (point: readonly [number, number]) => point.join();
    expect(partition(one.rows, (i) => name(points[i]!))).toEqual(
      partition(other.rows, (i) => name(points[order[i]!]!)),
    );
  });

  it('clusters places on the sphere, across the antimeridian', async () => {
    const places = [-179.9, 179.9, 179.8, -179.8, 0, 0.1, 0.2, 0.3].map((lon, i) => [i % 2, lon] as const);
    await sluice.land('places/a.csv', `lat,lon\n${places.map((place) => place.join()).join('\n')}\n`);
    const file = await sluice.file(
      'places.yml',
      'source: {prefix: places/}\ntarget: {database: geo, table: places}\ncluster: {features: [lon, lat], params: {n_clusters: 2}}\n',
    );
    await sluice.json(['run', file]);
    const rows = await sluice.query<{ lon: number; cluster: number }>('SELECT lon, cluster FROM geo.places_clusters');
    expect(new Set(rows.map(({ lon, cluster }) => `${Math.abs(lon) > 90} ${cluster}`)).size).toBe(2);
    const [far] = await sluice.query<{ lon: number; radius: number }>(
      'SELECT abs(centre_lon) AS lon, radius FROM geo.places_cluster_summary ORDER BY 1 DESC',
    );
    expect(far!.lon).toBeGreaterThan(179.5);
    expect(far!.radius).toBeLessThan(100);
  });

  it.each(['DBSCAN', 'AgglomerativeClustering', 'OPTICS'])('runs %s', async (algorithm) => {
    const params = {
      DBSCAN: '{eps: 2}',
      AgglomerativeClustering: '{n_clusters: 3}',
      OPTICS: '{min_samples: 10, max_eps: 3}',
    };
    const points = [...groups(random(3), 20), [100, 100] as [number, number]];
    const settings = `{features: [x, y], algorithm: ${algorithm}, params: ${params[algorithm as keyof typeof params]}}`;
    const { rows } = await cluster(points, settings);
    const sizes = Object.values(Object.groupBy(rows, ({ cluster }) => String(cluster))).map((group) => group!.length);
    if (algorithm === 'DBSCAN') expect(rows.at(-1)).toEqual({ id: 60, cluster: -1, distance_to_centre: null });
    if (algorithm !== 'AgglomerativeClustering') expect(sizes.sort((a, b) => a - b)).toEqual([1, 20, 20, 20]);
    else expect(sizes).toHaveLength(3);
  });

  it.each<[string, [number | string, number | string][], number, number]>([
    ['one point', [[1, 2]], 1, 0],
    [
      'two points',
      [
        [1, 2],
        [3, 4],
      ],
      1,
      0,
    ],
    ['points that are all equal', Array.from({ length: 9 }, () => [5, 5]), 1, 0],
    [
      'values that are missing',
      [
        [1, 1],
        ['', 1],
        [2, 2],
      ],
      1,
      1,
    ],
  ])('takes %s', async (_, points, clusters, unclustered) => {
    const { result, rows } = await cluster(points, '{features: [x, y], kMax: 5}');
    expect(result.run.status).toBe('succeeded');
    const found = new Set(rows.map(({ cluster }) => cluster).filter((cluster) => cluster !== null));
    expect([found.size, rows.filter(({ cluster }) => cluster === null).length]).toEqual([clusters, unclustered]);
  });

  it.each([
    ['no row at all', 'id,x,y\n', 0],
    ['no row that has its features', 'id,x,y\n1,,1\n2,2,\n', 2],
  ])('takes %s', async (_, text, rows) => {
    await sluice.land('points/a.csv', text);
    const file = await sluice.file('points.yml', definition('{features: [x, y]}'));
    const result = await sluice.json(['run', file]);
    expect(result.run.status).toBe('succeeded');
    expect(result.clusters).toMatchObject({ clusters: 0, points: 0, reason: 'There is no point to cluster' });
    expect(result.tables.map(({ table, rows }) => [table, rows])).toEqual([
      ['points', rows],
      ['points_clusters', rows],
      ['points_cluster_summary', 0],
    ]);
  });

  it('of rows that are added has the clusters of the last run alone, by whatever features', async () => {
    const load = async (name: string, rows: string, features: string) => {
      await sluice.land(`points/${name}.csv`, `id,x,y\n${rows}`);
      const file = await sluice.file('points.yml', definition(`{features: [${features}], kMax: 3}`));
      await sluice.json(['run', file, '--set', `source.glob=${name}.csv`]);
    };
    await load('a', '1,1,1\n2,9,9\n3,9,8\n', 'x, y');
    await load('b', '4,1,1\n5,2,2\n', 'x');
    expect(await sluice.query('SELECT id FROM geo.points ORDER BY id')).toHaveLength(5);
    expect(await sluice.query('SELECT id FROM geo.points_clusters ORDER BY id')).toEqual([{ id: 4 }, { id: 5 }]);
  });

  it('leaves out what is not finite, or no place on Earth, and fixes k where it is given, as far as it goes', async () => {
    await sluice.land('places/a.csv', 'lat,lon\n91,0\n1,1\n2,2\n1,1\nnan,1\ninf,2\n-inf,0\n');
    const file = await sluice.file(
      'places.yml',
      `source: {prefix: places/, csv: {nullTokens: []}}
schema: {lat: double, lon: double}
target: {database: geo, table: places}
cluster: {features: [lat, lon], params: {n_clusters: 9}}
`,
    );
    const result = await sluice.json(['run', file]);
    expect(result.clusters).toMatchObject({ k: 2, points: 3 });
    const rows = await sluice.query<{ cluster: number | null }>('SELECT cluster FROM geo.places_clusters');
    expect(rows.filter(({ cluster }) => cluster !== null)).toHaveLength(3);
    expect(rows).toHaveLength(7);
  });

  it('refuses features that are not there or no numbers, and parameters that nobody knows, by name', async () => {
    await sluice.land('points/a.csv', 'id,name\n1,a\n');
    for (const [settings, message] of [
      ['{features: [nmae]}', /cluster.features "nmae" is no column of the table.*did you mean "name"/],
      ['{features: [name]}', /cluster.features "name" is string, not a number/],
    ] as const) {
      const file = await sluice.file(
        'p.yml',
        `source: {prefix: points/}\ntarget: {database: geo, table: p}\ncluster: ${settings}\n`,
      );
      const failed = await sluice.json(['run', file]);
      expect(failed.error?.message).toMatch(message);
    }
    const file = await sluice.file('q.yml', definition('{features: [x], algorithm: DBSCAN, params: {ep: 1}}'));
    await expect(sluice.json(['run', file])).rejects.toMatchObject({
      name: 'BadDataset',
      message: expect.stringContaining('DBSCAN has no hyper-parameter "ep"'),
    });
  });

  it('replaces the clusters of the partitions that come again, and of no others', async () => {
    const file = await sluice.file(
      'days.yml',
      `source: {prefix: days/}\nschema: {day: string, x: double}
target: {database: geo, table: days, partitionBy: [day]}\ncluster: {features: [x], params: {n_clusters: 2}}\n`,
    );
    const land = (day: string, xs: number[]) =>
      sluice.land(`days/${day}.csv`, `day,x\n${xs.map((x) => `${day},${x}`).join('\n')}\n`);
    await land('mon', [1, 2, 9]);
    await sluice.json(['run', file, '--set', 'source.glob=mon.csv']);
    await land('tue', [1, 5]);
    await sluice.json(['run', file, '--set', 'source.glob=tue.csv']);
    await land('mon', [1, 2]);
    await sluice.json(['run', file, '--set', 'source.glob=mon.csv']);
    const rows = await sluice.query<{ day: string; rows: number; size: number }>(
      `SELECT c.day, CAST(count(*) AS INTEGER) AS rows,
       (SELECT CAST(sum(size) AS INTEGER) FROM geo.days_cluster_summary AS s WHERE s.day = c.day) AS size
       FROM geo.days_clusters AS c GROUP BY c.day ORDER BY c.day`,
    );
    expect(rows).toEqual([
      { day: 'mon', rows: 2, size: 2 },
      { day: 'tue', rows: 2, size: 2 },
    ]);
  });
});

describe('distances that are clustered', () => {
  const pairs = (names: string[]) => names.flatMap((a, i) => names.slice(i + 1).map((b) => `${a},${b},0.1`));
  const settings = (more = '') => `source: {prefix: 'in/day=mon/', format: distances}
rejects: {rows: 2}
target: {database: dist, table: daily, mode: overwrite}
cluster: {params: {eps: 0.3, min_samples: 3}, output: {path: out/day=mon}${more}}
`;
  const output = async () => {
    const bytes = await readFile(join(sluice.root, 's3', 'lake', 'out', 'day=mon', 'clusters.csv.gz'));
    return gunzipSync(bytes).toString().trim().split('\n');
  };

  it('come from many files, in any order, with pairs that repeat: the same clusters', async () => {
    const lines = [
      ...pairs(['a1', 'a2', 'a3', 'a4']),
      ...pairs(['b1', 'b2', 'b3', 'b4']),
      'a1,b1,0.9',
      'n,a1,0.31',
      'n,n,0',
      'b4,b1,0.2',
    ];
    const file = await sluice.file('d.yml', settings());
    const results: string[][] = [];
    for (const order of [lines, lines.toReversed(), lines.map((_, i) => lines[(i * 5) % lines.length]!)]) {
      const half = Math.floor(order.length / 2);
      const put = (name: string, part: string[]) =>
        sluice.land(`in/day=mon/${name}.csv.gz`, gzipSync(`key1,key2,distance\n${part.join('\n')}\n`));
      await put('x', order.slice(0, half));
      await put('y', [...order.slice(half), 'bad,line']);
      const result = await sluice.json(['run', file]);
      expect(result.sources.every((source) => source.rowsRead === source.rowsWritten + source.rowsRejected)).toBe(true);
      expect(result.sources.reduce((sum, { rowsRejected }) => sum + rowsRejected, 0)).toBe(1);
      results.push(await output());
    }
    expect(results[0]).toEqual([
      'cluster,key',
      ...['a1', 'a2', 'a3', 'a4'].map((key) => `0,${key}`),
      ...['b1', 'b2', 'b3', 'b4'].map((key) => `1,${key}`),
      '-1,n',
    ]);
    expect(results[1]).toEqual(results[0]);
    expect(results[2]).toEqual(results[0]);
    const rows = await sluice.query<{ key: string; cluster: number }>(
      'SELECT key, cluster FROM dist.daily ORDER BY key',
    );
    expect(rows.map(({ key, cluster }) => `${cluster},${key}`)).toEqual(results[0]!.slice(1));
    const rejected = (await sluice.work('rejected/')).join();
    expect(rejected).toContain('the line has 2 fields where 3 are expected');
  });

  it('leave noise out of the older output, and take keys for whole numbers', async () => {
    await sluice.land('in/day=mon/a.csv.gz', gzipSync('1,2,0\n2,3,0.1\n03,1,0.1\n10,1,0.9\n'));
    const file = await sluice.file('d.yml', settings(', keys: integers, keepNoise: false'));
    await sluice.json(['run', file]);
    expect(await output()).toEqual(['cluster,key', '0,1', '0,2', '0,3']);
    const rows = await sluice.query<{ key: string }>('SELECT typeof(key) AS key FROM dist.daily');
    expect(rows.map(({ key }) => key)).toEqual(['BIGINT', 'BIGINT', 'BIGINT']);
  });

  it('take any linkage that distances have, and one giant eps; a missing pair is infinitely far', async () => {
    await sluice.land('in/day=mon/a.csv.gz', gzipSync('a,b,1\nb,c,5\nd,e,1\n'));
    const file = await sluice.file('d.yml', settings());
    const run = (...set: string[]) => sluice.json(['run', file, ...set.flatMap((text) => ['--set', text])]);
    await run('cluster.params={"eps": 1e300, "min_samples": 2}');
    expect(await output()).toEqual(['cluster,key', '0,a', '0,b', '0,c', '1,d', '1,e']);
    await run('cluster.algorithm=AgglomerativeClustering', 'cluster.params={"linkage": "single", "n_clusters": 2}');
    expect((await output()).map((line) => line.split(',')[0])).toEqual(['cluster', '0', '0', '0', '1', '1']);
    const kmeans = ['--set', 'cluster.algorithm=KMeans', '--set', 'cluster.params={}'];
    await expect(sluice.json(['run', file, ...kmeans])).rejects.toThrow('Cannot run KMeans on distances');
  });

  it('of a day that is empty are NoInputObjects, and leave the output of before', async () => {
    await sluice.land('in/day=mon/a.csv.gz', gzipSync('a,b,0\nb,c,0\nc,a,0\n'));
    const file = await sluice.file('d.yml', settings());
    await sluice.json(['run', file]);
    const failed = await sluice.json([
      'run',
      file,
      '--set',
      'source.prefix=in/day=tue/',
      '--set',
      'source.onNothing=fail',
    ]);
    expect(failed.error?.name).toBe('NoInputObjects');
    expect(await output()).toHaveLength(4);
  });
});

describe('inputs of the older clustering pipelines', () => {
  const environment = {
    BUCKET: 'landing',
    INPUT_FOLDER: 'similarity/in',
    OUTPUT_FOLDER: '/similarity/out/',
    ALGORITHM: 'DBSCAN',
    HYPER_PARAMS: '{"eps": 0.3, "min_samples": 2, "metric": "precomputed", "n_jobs": -1}',
    CONVERT_KEY_TO_INT: 'True',
    MAX_RECORDS: '1000',
  };
  const output = async (day: string) => {
    const path = join(sluice.root, 's3', 'landing', 'similarity', 'out', `day=${day}`, 'clusters.csv.gz');
    return gunzipSync(await readFile(path))
      .toString()
      .trim()
      .split('\n')
      .slice(1);
  };
  const event = (key: string) => ({
    Records: [
      {
        eventVersion: '2.1',
        eventSource: 'aws:s3',
        eventName: 'ObjectCreated:Put',
        eventTime: '2026-01-01T00:00:00.000Z',
        s3: { bucket: { name: 'landing' }, object: { key: encodeURIComponent(key), size: 10 } },
      },
    ],
  });

  it('{"day": …} beside the environment clusters the whole day into its folder, and into a table', async () => {
    await sluice.land('similarity/in/day=2024-01-05/a.csv.gz', gzipSync('key1,key2,distance\n1,2,0.1\n3,4,0.9\n'));
    await sluice.land('similarity/in/day=2024-01-05/b.csv.gz', gzipSync('key1,key2,distance\n2,5,0.2\n'));
    await sluice.land('similarity/in/day=2024-01-06/a.csv.gz', gzipSync('key1,key2,distance\n7,8,0.1\n'));
    const result = await sluice.input({ day: '2024-01-05' }, environment);
    expect(result.run.status).toBe('succeeded');
    expect(result.notices).toContain("DBSCAN's n_jobs has no effect here");
    expect(await output('2024-01-05')).toEqual(['0,1', '0,2', '-1,3', '-1,4', '0,5']);
    await sluice.input({ ...environment, day: '2024-01-06' });
    expect(await output('2024-01-06')).toEqual(['0,7', '0,8']);
    const [{ database, table }] = result.tables as unknown as [{ database: string; table: string }];
    const rows = await sluice.query(
      `SELECT day, CAST(count(*) AS INTEGER) AS n FROM ${database}.${table} GROUP BY day ORDER BY day`,
    );
    expect(rows).toEqual([
      { day: '2024-01-05', n: 5 },
      { day: '2024-01-06', n: 2 },
    ]);
  });

  it("an upload's event clusters the whole day that it is of, and does nothing when it comes again", async () => {
    await sluice.land('similarity/in/day=x/a.csv.gz', gzipSync('1,2,0.1\n'));
    await sluice.input(event('similarity/in/day=x/a.csv.gz'), environment);
    await sluice.land('similarity/in/day=x/b.csv.gz', gzipSync('2,3,0.1\n'));
    const both = event('similarity/in/day=x/b.csv.gz');
    expect((await sluice.input(both, environment)).run.status).toBe('succeeded');
    expect(await output('x')).toEqual(['0,1', '0,2', '0,3']);
    expect((await sluice.input(both, environment)).run.status).toBe('nothing');
  });

  it('an empty day is NoInputObjects; HYPER_PARAMS that is no JSON, and no day, are told', async () => {
    expect((await sluice.input({ day: 'none' }, environment)).error?.name).toBe('NoInputObjects');
    await expect(sluice.input({ day: 'x' }, { ...environment, HYPER_PARAMS: '{eps: 0.3' })).rejects.toThrow(
      /Cannot read HYPER_PARAMS as JSON/,
    );
    await expect(sluice.input({ ALGORITHM: 'DBSCAN' }, environment)).rejects.toThrow('names no day');
    await expect(sluice.input({ day: '../x' }, environment)).rejects.toThrow('day must be the name of a folder');
  });

  it('GOES_YEAR, GOES_DOY and GOES_HOUR load and cluster that hour of lightning', async () => {
    for await (const { key, bytes } of madeGranules({ start: new Date('2024-01-05T13:00:00Z'), granules: 2 })) {
      await sluice.land(key, bytes);
    }
    const goes = { S3_BUCKET: 'landing', GOES_YEAR: '2024', GOES_DOY: '005', GOES_HOUR: '13', 'source.access': null };
    const result = await sluice.input({ ...goes, NUM_OF_CLUSTERS: 4 });
    expect(result.run.status).toBe('succeeded');
    expect(result.clusters).toMatchObject({ algorithm: 'KMeans', k: 4, reason: 'n_clusters was given: 4' });
    expect((await sluice.input(goes)).clusters).toMatchObject({ k: 12 });
    expect((await sluice.input({ ...goes, GOES_HOUR: 14 })).error?.name).toBe('NoInputObjects');
    await expect(sluice.input({ ...goes, GOES_DOY: 400 })).rejects.toThrow(
      'GOES_DOY must be a whole number from 1 to 366',
    );
  });
});
