/** Sluice's side of the clusters bench: one argument, the task as JSON; the last line on stdout is its report. */
import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { Worker } from 'node:worker_threads';
import { createGunzip } from 'node:zlib';
import { DistanceReader } from '../../shared/formats/distances/read-distances.ts';
import { dbscanGraph } from '../../shared/kernels/dbscan.ts';
import { dbscanPlaces, dbscanPoints } from '../../shared/kernels/dbscan-points.ts';
import { EdgeStore } from '../../shared/kernels/edge-store.ts';
import { kmeans, prepareKMeans } from '../../shared/kernels/kmeans.ts';
import { silhouette } from '../../shared/kernels/silhouette.ts';
import type { DbscanTask, GraphTask, KMeansTask, SilhouetteTask, Task } from './task.ts';

const CHUNK_BYTES = 1 << 16;

function floats(path: string): Float64Array {
  const bytes = readFileSync(path);
  return new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
}

function put(path: string, values: Int32Array | Uint8Array): void {
  writeFileSync(path, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

/** The seconds of a piece of work and its answer. */
async function timed(work: () => object | Promise<object>): Promise<object> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const answer = await work();
  const seconds = (performance.now() - start) / 1e3;
  const used = process.cpuUsage(cpu);
  return { seconds, cpuSeconds: (used.user + used.system) / 1e6, ...answer };
}

function runKMeans(task: KMeansTask): Promise<object> {
  const points = floats(task.points);
  const { dimensions } = task;
  // A small fit first, as on the other side.
  kmeans(prepareKMeans(points.slice(0, 5_000 * dimensions), dimensions)).cluster(3, { nInit: 1 });
  return timed(async () => {
    const data = prepareKMeans(points, dimensions, { shared: task.workers !== undefined });
    const options = { nInit: task.starts, randomState: task.seed ?? 1 };
    if (task.workers === undefined) {
      const model = kmeans(data);
      return { inertias: task.ks.map((k) => model.cluster(k, options).inertia) };
    }
    // The largest first, so that none is left alone with them.
    const left = [...task.ks].sort((a, b) => a - b);
    const inertias = new Map<number, number>();
    const worker = () =>
      new Promise<void>((resolve, reject) => {
        const thread = new Worker(new URL('./kmeans-worker.ts', import.meta.url), { workerData: { data, options } });
        let k = left.pop() ?? 0;
        thread.on('message', (inertia: number) => {
          inertias.set(k, inertia);
          k = left.pop() ?? 0;
          thread.postMessage(k);
          if (k === 0) resolve();
        });
        thread.on('error', reject);
        thread.postMessage(k);
      });
    await Promise.all(Array.from({ length: task.workers }, worker));
    return { inertias: task.ks.map((k) => inertias.get(k)) };
  });
}

function runSilhouette(task: SilhouetteTask): Promise<object> {
  const points = floats(task.points);
  const bytes = readFileSync(task.labels);
  const labels = new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  silhouette(
    points.slice(0, 500 * task.dimensions),
    task.dimensions,
    Int32Array.from({ length: 500 }, (_, i) => i % 3),
  );
  return timed(() => ({ mean: silhouette(points, task.dimensions, labels).mean }));
}

async function runDbscan(task: DbscanTask): Promise<object> {
  const points = floats(task.points);
  const cluster = (own: Float64Array) =>
    task.metric === 'haversine' ? dbscanPlaces(own, task) : dbscanPoints(own, task.dimensions, task);
  cluster(points.slice(0, 500 * task.dimensions));
  return timed(() => {
    const { labels, clusters } = cluster(points);
    put(task.labels, labels);
    return { clusters };
  });
}

function runGraph(task: GraphTask): Promise<object> {
  return timed(async () => {
    const store = new EdgeStore();
    const reader = new DistanceReader(
      { within: task.eps, integers: false },
      {
        edge: (a, b, distance) => store.add(a, b, distance),
        reject: ({ reason }) => {
          throw new Error(reason);
        },
      },
    );
    const source = createReadStream(task.edges, { highWaterMark: CHUNK_BYTES });
    await pipeline(source, createGunzip({ chunkSize: CHUNK_BYTES }), async (chunks) => {
      for await (const chunk of chunks) reader.feed(chunk as Uint8Array);
    });
    reader.end();
    const { labels, core, clusters } = dbscanGraph(store.toGraph(reader.keys.count), task.minSamples);
    const ofNodes = new Int32Array(task.nodes).fill(-2);
    const cores = new Uint8Array(task.nodes);
    for (let key = 0; key < labels.length; key++) {
      const node = numberIn(reader.keys.bytesOf(key));
      ofNodes[node] = labels[key]!;
      cores[node] = core[key]!;
    }
    put(`${task.answer}.i32`, ofNodes);
    put(`${task.answer}.u8`, cores);
    return { clusters };
  });
}

/** The number of a key, which is a letter and digits. */
function numberIn(key: Uint8Array): number {
  let number = 0;
  for (let i = 1; i < key.length; i++) number = number * 10 + key[i]! - 48;
  return number;
}

function run(task: Task): Promise<object> {
  switch (task.task) {
    case 'kmeans':
      return runKMeans(task);
    case 'silhouette':
      return runSilhouette(task);
    case 'dbscan':
      return runDbscan(task);
    default:
      return runGraph(task);
  }
}

console.log(JSON.stringify(await run(JSON.parse(process.argv[2]!) as Task)));
