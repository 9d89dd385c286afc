/** Fits one k after another over the shared points; 0 is the end. */
import { parentPort, workerData } from 'node:worker_threads';
import { type KMeansData, type KMeansOptions, kmeans } from '../../shared/kernels/kmeans.ts';

const { data, options } = workerData as { data: KMeansData; options: KMeansOptions };
const model = kmeans(data);
parentPort!.on('message', (k: number) => {
  if (k === 0) parentPort!.close();
  else parentPort!.postMessage(model.cluster(k, options).inertia);
});
