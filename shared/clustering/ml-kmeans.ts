import { kmeans as run } from 'ml-kmeans';
import { type KMeansData, type KMeansResult, kmeans } from '../kernels/kmeans.ts';
import type { KMeansMethod } from './algorithms.ts';

/**
 * k-means by the library ml-kmeans, to compare with: k-means++, the best of `n_init` starts by inertia. Its own rule ends a start, when no
 * centre moves by more than `tol` × the points' spread.
 */
export function mlKMeans(data: KMeansData, k: number, method: KMeansMethod): KMeansResult {
  const { dimensions, count, distinct, points, mean, variance } = data;
  const clusters = Math.min(k, distinct);
  const model = kmeans(data);
  // Nothing is left to choose, and the library needs more points than centres.
  if (clusters <= 1 || clusters >= count) return model.cluster(k, { ...method, nInit: 1 });
  const rows = Array.from({ length: count }, (_, i) =>
    Array.from(points.subarray(i * dimensions, (i + 1) * dimensions)),
  );
  let best: KMeansResult | undefined;
  for (let restart = 0; restart < method.nInit; restart++) {
    const { centroids, iterations, converged } = run(rows, clusters, {
      initialization: 'kmeans++',
      seed: method.randomState + restart,
      maxIterations: method.maxIter,
      tolerance: method.tol * Math.sqrt(variance),
    });
    const centres = Float64Array.from(centroids.flat(), (x, i) => x + mean[i % dimensions]!);
    const inertia = model.inertiaOf(centres);
    if (best !== undefined && best.inertia <= inertia) continue;
    best = model.label({ k: clusters, centres, inertia, iterations, converged, restart });
  }
  return best!;
}
