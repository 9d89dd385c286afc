import { describe, expect, it } from '@jest/globals';
import type { HistoryLine } from '../../../shared/commit/history.ts';
import type { ClusterReport } from '../../../shared/domain/cluster.ts';
import { random } from '../../../shared/kernels/random.ts';
import { MAP_MAX_POINTS } from '../../../shared/limits.ts';
import { COLOURS, SHAPES } from '../../../shared/report/draw.ts';
import { pageOf } from '../../../shared/report/page.ts';
import { picturesOf, type Sample } from '../../../shared/report/pictures.ts';

const line: HistoryLine = {
  run: 'r-1',
  dataset: 'storms',
  status: 'succeeded',
  started_at: '2024-01-05T13:00:00.000Z',
  ended_at: '2024-01-05T13:00:09.000Z',
  source: 's3://landing/<a>&.csv',
  entry: null,
  source_status: 'loaded',
  rows_read: 1234,
  rows_written: 1230,
  rows_rejected: 4,
  bytes_read: 99,
  duration_ms: 5,
  first_reject: 'line 3: "x" is no number',
  error_name: null,
  error_message: null,
  tables: [{ database: 'd', table: 't', format: 'parquet', rows: 1230, files: 1, bytes: 5000, partitions: 1 }],
  notices: [],
};

function report(points: number, kind: ClusterReport['kind'] = 'vectors'): ClusterReport {
  const made = (k: number, inertia: number, mean: number) => ({
    k,
    inertia,
    silhouette: { mean, method: 'sampled' as const, interval: [mean - 0.05, mean + 0.05] as const },
  });
  return {
    algorithm: 'KMeans',
    params: {},
    unit: 'km',
    features: ['lat', 'lon'],
    kind,
    rows: points + 2,
    points,
    dropped: { missing: 1, notFinite: 1, outOfRange: 0 },
    clusters: 3,
    noise: 0,
    k: 3,
    inertia: 10,
    elbow: 2,
    silhouetteK: 3,
    reason: 'The mean silhouette is greatest at 3',
    curve: [{ k: 1, inertia: 100 }, made(2, 30, 0.5), made(3, 20, 0.7), made(4, 15, 0.6)],
    silhouette: made(3, 0, 0.7).silhouette,
    summary: [0, 1, 2].map((cluster) => ({ cluster, size: 5, share: 1 / 3, centre: [cluster, 179.5], radius: 100 })),
  };
}

const sample = (count: number): Sample => {
  const source = random(1);
  return Array.from(
    { length: count },
    () => [source.uniform() > 0.5 ? 179 : -179, source.uniform(), source.below(3)] as const,
  );
};

describe('the pictures of a clustering', () => {
  it('are the curves with what was chosen, and a map with coastlines', async () => {
    const pictures = await picturesOf(report(40), sample(40));
    expect(pictures.map(({ name }) => name)).toEqual(['elbow', 'silhouette', 'map']);
    const [elbow, silhouette, map] = pictures.map(({ svg }) => svg) as [string, string, string];
    for (const svg of [elbow, silhouette, map]) expect(svg).toMatch(/^<svg /);
    expect(elbow).toContain('elbow: 2');
    expect(elbow).toContain('chosen: 3');
    expect(silhouette).toContain('greatest and chosen: 3');
    expect(silhouette).toContain('Mean silhouette (estimate, 95%)');
    // What lies on both sides of the antimeridian is drawn together, and in the picture.
    const xs = [...map.matchAll(/translate\((-?[\d.]+),(-?[\d.]+)\)/g)].map(([, x]) => Number(x));
    expect(xs.filter((x) => x > 150 && x < 650).length).toBeGreaterThan(40);
  });

  it('stay below 2 MB with a million points, and say that they show a sample', async () => {
    const pictures = await picturesOf(report(1_000_000), sample(MAP_MAX_POINTS));
    expect(pictures[2]!.title).toBe(`Map (a sample of ${MAP_MAX_POINTS} of 1000000 points)`);
    const page = pageOf([line], report(1_000_000), pictures);
    expect(page.length).toBeLessThan(2e6);
    expect(page).toContain('a sample of');
  });

  it('of points in the plane are drawn without a map; of distances there are none', async () => {
    const [, , plane] = await picturesOf({ ...report(9, 'plane'), features: ['x', 'y'] }, sample(9));
    expect(plane!.title).toBe('Clusters (all points)');
    expect(plane!.svg).toContain('>y<');
    expect(await picturesOf({ ...report(9, 'distances'), curve: [], summary: [] }, undefined)).toEqual([]);
  });

  it('tell clusters apart without colours: neighbours differ in lightness or in shape', () => {
    const lightness = COLOURS.map((colour) => {
      const [r, g, b] = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16)) as [
        number,
        number,
        number,
      ];
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    });
    for (let i = 1; i < COLOURS.length; i++) {
      const isOther = SHAPES[i % SHAPES.length] !== SHAPES[(i - 1) % SHAPES.length];
      expect(isOther || Math.abs(lightness[i]! - lightness[i - 1]!) > 20).toBe(true);
    }
    const pairs = new Set(Array.from({ length: 23 }, (_, i) => `${i % COLOURS.length} ${i % SHAPES.length}`));
    expect(pairs.size).toBe(23);
  });
});

describe('the page of a run', () => {
  it('has its counts, escaped, and nothing from elsewhere', () => {
    const page = pageOf([line], undefined, []);
    expect(page).toContain('1,234');
    expect(page).toContain('s3://landing/&lt;a&gt;&amp;.csv');
    expect(page).toContain('line 3: &quot;x&quot; is no number');
    expect(page).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)|<link|src=/);
  });

  it('tells of a run that failed, and of what was quarantined', () => {
    const failed = {
      ...line,
      status: 'failed' as const,
      source_status: 'quarantined' as const,
      error_name: 'EmptyObject',
      error_message: 'it is <empty>',
    };
    const page = pageOf([failed], undefined, []);
    expect(page).toContain('<b>EmptyObject</b>: it is &lt;empty&gt;');
    expect(page).toContain('Objects quarantined<b>1</b>');
  });
});
