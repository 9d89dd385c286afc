import { rm, stat, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import type { ClusterMethod, KMeansMethod } from '../../../shared/clustering/algorithms.ts';
import { readFeatures } from '../../../shared/clustering/features-file.ts';
import { clusterPoints, fitKMeans } from '../../../shared/clustering/run.ts';
import { runKeys } from '../../../shared/commit/keys.ts';
import { writeReceipt } from '../../../shared/commit/receipts.ts';
import { runFiles } from '../../../shared/commit/run-files.ts';
import { storeFile } from '../../../shared/commit/store-file.ts';
import { readTask, TaskItem } from '../../../shared/commit/tasks.ts';
import { clusterPlanOf } from '../../../shared/dataset/cluster.ts';
import type { FitReceipt, FitTask, PreparedPoints } from '../../../shared/domain/cluster.ts';
import { BadInput } from '../../../shared/errors.ts';
import { type KMeansData, prepareKMeans } from '../../../shared/kernels/kmeans.ts';
import { silhouette } from '../../../shared/kernels/silhouette.ts';
import type { Ports } from '../../../shared/ports/ports.ts';
import { fitDistances } from './distances.ts';

export const FitInput = TaskItem.extend({ run: z.string() });
export type FitInput = z.infer<typeof FitInput>;

/** Points of one run, made ready once for every k that this process fits. */
interface Ready {
  key: string;
  points: Float64Array;
  dimensions: number;
  data?: KMeansData;
}

type Fit = Omit<FitReceipt, 'task' | 'attempt'>;

/** Clusters the run's points with one k, or with an algorithm that finds the number itself; or the run's distances. */
export function makeFit(ports: Ports) {
  let ready: Promise<Ready> | undefined;
  let readyKey = '';
  const pointsOf = ({ features }: PreparedPoints): Promise<Ready> => {
    if (ready === undefined || readyKey !== features.key) {
      readyKey = features.key;
      ready = load(ports, features.key, features.etag);
      // The next attempt reads again.
      ready.catch(() => {
        if (readyKey === features.key) ready = undefined;
      });
    }
    return ready;
  };

  return async (event: FitInput, attempt: string): Promise<{ clusters: number }> => {
    const files = runFiles(ports, event.run);
    const [{ request }, prepared] = await Promise.all([files.request(), files.prepared()]);
    const task = await readTask<FitTask>(ports.objects, ports.places.work, event.at);
    const { dataset } = request;
    const { method } = clusterPlanOf(dataset, prepared.points ? 'points' : 'distances');
    const folder = runKeys.attempt(event.run, 'fit', event.task, attempt);
    const scratch = await ports.newScratch();
    try {
      const fit = prepared.points
        ? await fitPoints(ports, await pointsOf(prepared.points), method, task, { scratch, folder })
        : await fitDistances(ports, event.run, dataset, method, { scratch, folder });
      const receipt: FitReceipt = { task: event.task, attempt, ...fit };
      const held = await writeReceipt(ports.objects, ports.places.work, event.run, 'fit', event.task, receipt);
      return { clusters: held.clusters };
    } catch (error) {
      // What a kernel refuses lies in the points or the parameters: trying again would not help.
      if (error instanceof RangeError) throw new BadInput(error.message, { cause: error });
      throw error;
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  };
}

async function load(ports: Ports, key: string, etag: string): Promise<Ready> {
  const bytes = await ports.objects.read({ bucket: ports.places.work, key }, { ifMatch: etag });
  const { points, dimensions } = readFeatures(bytes);
  return { key, points, dimensions };
}

async function fitPoints(
  ports: Ports,
  ready: Ready,
  method: ClusterMethod,
  { k }: FitTask,
  { scratch, folder }: { scratch: string; folder: string },
): Promise<Fit> {
  const { points, dimensions } = ready;
  if (method.algorithm === 'KMeans') return fitK(ready, method, k ?? method.clusters);
  const { labels, clusters, noise } = clusterPoints(points, dimensions, method);
  const path = `${scratch}/labels`;
  await writeFile(path, Buffer.from(labels.buffer, labels.byteOffset, labels.byteLength));
  const { size } = await stat(path);
  return {
    clusters,
    noise,
    ...measured(points, dimensions, labels),
    labels: await storeFile(ports, { path, rows: labels.length, bytes: size }, `${folder}/labels`),
  };
}

function fitK(ready: Ready, method: KMeansMethod, k: number): Fit {
  ready.data ??= prepareKMeans(ready.points, ready.dimensions);
  const { labels, clusters, kmeans } = fitKMeans(ready.data, method, k);
  const { centres, inertia, iterations, converged, restart } = kmeans;
  return {
    clusters,
    noise: 0,
    ...measured(ready.points, ready.dimensions, labels, method.randomState),
    kmeans: { k: kmeans.k, centres: [...centres], inertia, iterations, converged, restart },
  };
}

function measured(
  points: Float64Array,
  dimensions: number,
  labels: Int32Array,
  randomState = 0,
): Pick<Fit, 'silhouette'> {
  const { mean, method, interval } = silhouette(points, dimensions, labels, { randomState });
  return Number.isNaN(mean) ? {} : { silhouette: { mean, method, interval } };
}
