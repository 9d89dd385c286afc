/**
 * The kernels beside scikit-learn, on the same points and one thread each: `node bench/clusters/kernels.ts PYTHON [count]`,
 * where PYTHON has scikit-learn and threadpoolctl. Prints one line of JSON for each comparison, times in seconds.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { dbscanPlaces, dbscanPoints } from '../../shared/kernels/dbscan-points.ts';
import { kmeans, prepareKMeans } from '../../shared/kernels/kmeans.ts';
import { silhouette } from '../../shared/kernels/silhouette.ts';
import { clusteredPoints } from './points.ts';

const [python, countText = '200000'] = process.argv.slice(2);
const count = Number(countText);
const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));

interface Side {
  seconds: number;
  cpuSeconds: number;
}

function timed<T>(work: () => T): [T, Side] {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const result = work();
  const used = process.cpuUsage(cpu);
  return [result, { seconds: (performance.now() - start) / 1e3, cpuSeconds: (used.user + used.system) / 1e6 }];
}

function scikitLearn(task: string, ...options: (string | number)[]): Side & Record<string, number> {
  const script = join(import.meta.dirname, 'scikit_learn.py');
  const run = spawnSync(python!, [script, folder, task, ...options.map(String)], { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`scikit-learn failed at ${task}: ${run.stderr}`);
  return JSON.parse(run.stdout) as Side & Record<string, number>;
}

function report(task: string, sluice: Side, other: Side, more: object = {}): void {
  const ratio = other.seconds / sluice.seconds;
  const cpuRatio = other.cpuSeconds / sluice.cpuSeconds;
  console.log(JSON.stringify({ task, count, sluice, scikitLearn: other, ratio, cpuRatio, ...more }));
}

function put(name: string, values: Float64Array | Int32Array): void {
  writeFileSync(join(folder, name), new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

if (python === undefined) throw new Error('Cannot run: name a Python that has scikit-learn');
try {
  const plane = clusteredPoints(count, 2);
  put('plane.f64', plane);
  for (const breadth of [0, undefined]) {
    const [inertias, side] = timed(() => {
      const model = kmeans(prepareKMeans(plane, 2));
      return Array.from(
        { length: 23 },
        (_, i) => model.cluster(i + 1, { ...(breadth === 0 ? { breadth } : {}) }).inertia,
      );
    });
    const other = scikitLearn('kmeans', 'plane', 2, 1, 23);
    report(`k-means, k = 1…23${breadth === 0 ? ', without breathing' : ''}`, side, other, {
      inertia: inertias[22],
      otherInertia: other['inertia'],
    });
  }
  const few = plane.slice(0, 40_000);
  put('few.f64', few);
  const model = kmeans(prepareKMeans(few, 2));
  for (const k of [2, 8, 23]) {
    const { labels } = model.cluster(k, { nInit: 1 });
    put('labels.i32', labels);
    const [result, side] = timed(() => silhouette(few, 2, labels));
    const other = scikitLearn('silhouette', 'few', 2);
    report(`silhouette of 20,000 points, k = ${k}`, side, other, {
      difference: Math.abs(result.mean - other['mean']!),
    });
  }
  const places = plane.map((_, i) => (i % 2 === 0 ? Math.max(-60, Math.min(60, plane[i + 1]!)) : plane[i - 1]!));
  put('places.f64', places);
  const [flat, flatSide] = timed(() => dbscanPoints(places, 2, { eps: 0.25, minSamples: 10 }));
  put('labels.i32', flat.labels);
  const flatOther = scikitLearn('dbscan', 'places', 0.25, 10, 'euclidean');
  report('DBSCAN, Euclidean', flatSide, flatOther, { labelsThatDiffer: flatOther['differ'] });
  const [round, roundSide] = timed(() => dbscanPlaces(places, { eps: 0.004, minSamples: 10 }));
  put('labels.i32', round.labels);
  const roundOther = scikitLearn('dbscan', 'places', 0.004, 10, 'haversine');
  report('DBSCAN, haversine', roundSide, roundOther, { labelsThatDiffer: roundOther['differ'] });
} finally {
  rmSync(folder, { recursive: true });
}
