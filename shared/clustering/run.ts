import { dbscanGraph } from '../kernels/dbscan.ts';
import { dbscanPlaces, dbscanPoints } from '../kernels/dbscan-points.ts';
import type { NeighbourGraph } from '../kernels/edge-store.ts';
import { type KMeansData, type KMeansResult, kmeans, prepareKMeans } from '../kernels/kmeans.ts';
import { cutLinkage, linkageGraph, linkagePoints } from '../kernels/linkage.ts';
import { type Optics, opticsGraph, opticsPlaces, opticsPoints } from '../kernels/optics.ts';
import { opticsDbscan, opticsXi } from '../kernels/optics-clusters.ts';
import type { ClusterMethod, KMeansMethod, OpticsMethod } from './algorithms.ts';
import { mlKMeans } from './ml-kmeans.ts';

export interface Clustering {
  /** The cluster of each row, from 0; −1 for noise. */
  readonly labels: Int32Array;
  readonly clusters: number;
  /** Rows in no cluster. */
  readonly noise: number;
  /** k-means' centres, inertia and iterations. */
  readonly kmeans?: KMeansResult;
}

/** The distances that an algorithm makes use of, so that a reader may drop the others. */
export interface DistancesNeeded {
  /** Pairs farther apart than this change nothing. */
  readonly within: number;
  /** Whether the distances themselves are needed, or only which pairs are within reach: `EdgeStore`'s `distances`. */
  readonly kept: boolean;
}

/**
 * Clusters points by any algorithm.
 * @param points flat coordinates; places `[latitude, longitude, …]` in degrees where the method's metric is `haversine`.
 * @throws RangeError as the kernels do: coordinates that are no numbers, latitudes beyond 90, too many points.
 */
export function clusterPoints(points: Float64Array, dimensions: number, method: ClusterMethod): Clustering {
  const onSphere = 'metric' in method && method.metric === 'haversine';
  if (onSphere && dimensions !== 2) {
    throw new RangeError(
      `Cannot cluster points of ${dimensions} dimensions by haversine: latitude and longitude are expected`,
    );
  }
  switch (method.algorithm) {
    case 'DBSCAN':
      return onSphere ? dbscanPlaces(points, method) : dbscanPoints(points, dimensions, method);
    case 'OPTICS':
      return cutOptics(onSphere ? opticsPlaces(points, method) : opticsPoints(points, dimensions, method), method);
    case 'AgglomerativeClustering':
      return counted(cutLinkage(linkagePoints(points, dimensions, method.linkage), method.cut));
    case 'KMeans':
      return fitKMeans(prepareKMeans(points, dimensions), method);
  }
}

/**
 * k-means of points that were made ready once for several k.
 * @param k in place of the method's own.
 */
export function fitKMeans(
  data: KMeansData,
  method: KMeansMethod,
  k = method.clusters,
): Clustering & { kmeans: KMeansResult } {
  const result = method.engine === 'ml-kmeans' ? mlKMeans(data, k, method) : kmeans(data).cluster(k, method);
  return { labels: result.labels, clusters: result.k, noise: 0, kmeans: result };
}

/** Clusters the nodes of a distance graph; a missing pair is infinitely far. */
export function clusterDistances(graph: NeighbourGraph, method: ClusterMethod): Clustering {
  switch (method.algorithm) {
    case 'DBSCAN':
      return dbscanGraph(graph, method.minSamples);
    case 'OPTICS':
      return cutOptics(opticsGraph(graph, method), method);
    case 'AgglomerativeClustering':
      return counted(cutLinkage(linkageGraph(graph, method.linkage), method.cut));
    case 'KMeans':
      throw new RangeError('Cannot run KMeans on distances: it needs points with coordinates');
  }
}

/** What a list of distances is read for: DBSCAN needs no distance, only the pairs within eps; its graph must hold those alone. */
export function distancesNeeded(method: ClusterMethod): DistancesNeeded {
  if (method.algorithm === 'DBSCAN') return { within: method.eps, kept: false };
  return { within: method.algorithm === 'OPTICS' ? method.maxEps : Number.POSITIVE_INFINITY, kept: true };
}

function cutOptics(optics: Optics, method: OpticsMethod): Clustering {
  const { clusterMethod, eps, maxEps, xi, predecessorCorrection, minClusterSize } = method;
  if (clusterMethod === 'dbscan') return counted(opticsDbscan(optics, eps ?? maxEps));
  return counted(
    opticsXi(optics, { xi, predecessorCorrection, ...(minClusterSize === null ? {} : { minClusterSize }) }),
  );
}

function counted(labels: Int32Array): Clustering {
  let clusters = 0;
  let noise = 0;
  for (const label of labels) {
    if (label < 0) noise++;
    else if (label >= clusters) clusters = label + 1;
  }
  return { labels, clusters, noise };
}
