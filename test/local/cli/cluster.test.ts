import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeSluice, type Sluice } from './sluice.ts';

let sluice: Sluice;
beforeAll(async () => {
  sluice = await makeSluice();
});
afterAll(() => sluice.remove());

const labels = async (name = 'labels.csv') => (await readFile(join(sluice.folder, name), 'utf8')).trim().split('\n');

describe('sluice cluster', () => {
  it('clusters a list of distances, keys in the order of the input', async () => {
    const file = await sluice.file('d.csv.gz', gzipSync('key1,key2,distance\nz,y,0.1\ny,x,0.2\na,z,0.9\n'));
    const params = '{"eps": 0.3, "min_samples": 2}';
    const outcome = await sluice.json(['cluster', file, '--params', params, '--out', 'labels.csv']);
    expect(outcome).toEqual({ clusters: 1, noise: 1 });
    expect(await labels()).toEqual(['key,cluster', 'z,0', 'y,0', 'x,0', 'a,-1']);
  });

  it('clusters the points of a file, with k by silhouette, and rows without a value without a cluster', async () => {
    const file = await sluice.file('p.csv', 'id,x,y\na,0,0\nb,0,1\nc,9,9\nd,,1\ne,9,8\nf,0,0.5\ng,9,8.5\n');
    const features = ['--features', 'x,y', '--normalize', 'minmax'];
    const outcome = await sluice.json<Record<string, number>>([
      'cluster',
      file,
      ...features,
      '--out',
      'labels.csv',
      '--key',
      'id',
    ]);
    expect(outcome).toMatchObject({ clusters: 2, noise: 0, k: 2 });
    expect(Object.keys(outcome).sort()).toEqual(['clusters', 'inertia', 'k', 'noise', 'silhouette']);
    const [, a, b, c, d, e] = await labels();
    expect([a!.at(-1), c!.at(-1)]).toEqual([b!.at(-1), e!.at(-1)]);
    expect(a!.at(-1)).not.toBe(c!.at(-1));
    expect(d).toBe('d,');
  });

  it('clusters a published table, and leaves nothing in the lake', async () => {
    const file = await sluice.file('q.csv', 'x\n1\n2\n50\n51\n');
    await sluice.json(['load', file, '--table', 'geo.q']);
    const before = await sluice.keys('lake');
    const outcome = await sluice.json([
      'cluster',
      'geo.q',
      '--features',
      'x',
      '--algorithm',
      'AgglomerativeClustering',
      '--out',
      'labels.csv',
    ]);
    expect(outcome).toMatchObject({ clusters: 2 });
    expect(await labels()).toEqual(['key,cluster', '0,0', '1,0', '2,1', '3,1']);
    expect(await sluice.keys('lake')).toEqual(before);
  });

  it('tells what is missing or wrong', async () => {
    const file = await sluice.file('p.csv', 'x,y\n0,0\n');
    const points = ['cluster', file, '--features', 'x,y'];
    for (const [args, message] of [
      [['cluster', file], 'Say which columns points are made of'],
      [[...points, '--params', '{n: 1}'], 'Cannot read --params as JSON'],
      [[...points, '--algorithm', 'Kmeans'], '--algorithm'],
      [['cluster', 'no.such', '--features', 'x'], 'no'],
    ] as const) {
      const { code, stderr } = await sluice.run(...args);
      expect([code, stderr.includes(message)]).toEqual([code === 0 ? 2 : code, true]);
      expect(code).not.toBe(0);
    }
  });
});

describe('sluice report', () => {
  it('tells where the page of a run lies, and makes that of one that failed', async () => {
    const good = await sluice.file('g.csv', 'x\n1\n');
    await sluice.json(['load', good, '--table', 'geo.g']);
    const { stdout } = await sluice.run('report');
    expect(await readFile(stdout.trim(), 'utf8')).toContain('geo.g');
    const bad = await sluice.file('b.csv', '');
    await sluice.run('load', bad, '--table', 'geo.b');
    const made = await sluice.json<{ path: string }>(['report']);
    expect(existsSync(made.path)).toBe(true);
    expect(await readFile(made.path, 'utf8')).toContain('EmptyObject');
    expect((await sluice.run('report', 'nobody')).stderr).toContain('There is no run nobody');
  });
});
