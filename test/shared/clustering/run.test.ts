import { describe, expect, it } from '@jest/globals';
import { type ClusterMethod, chooseMethod, type KMeansMethod } from '../../../shared/clustering/algorithms.ts';
import { clusterDistances, clusterPoints, distancesNeeded, fitKMeans } from '../../../shared/clustering/run.ts';
import { EdgeStore, type NeighbourGraph } from '../../../shared/kernels/edge-store.ts';
import { prepareKMeans } from '../../../shared/kernels/kmeans.ts';
import { random } from '../../../shared/kernels/random.ts';
import { golden } from '../kernels/golden.ts';

function method(name: string, values: object, input: 'points' | 'distances' = 'points'): ClusterMethod {
  return chooseMethod(name, values, input).method;
}

/** Three squares of 30 points each and one point far from all. */
function squares(): { points: Float64Array; expected: number[] } {
  const source = random(3);
  const points = new Float64Array(91 * 2);
  for (let i = 0; i < 90; i++) {
    points[2 * i] = (i % 3) * 5 + source.uniform();
    points[2 * i + 1] = (i % 3) * 3 + source.uniform();
  }
  points.set([-50, -50], 180);
  return { points, expected: Array.from({ length: 90 }, (_, i) => i % 3) };
}

function graphWithin(points: Float64Array, { within, kept }: { within: number; kept: boolean }): NeighbourGraph {
  const store = new EdgeStore({ distances: kept });
  for (let i = 0; i < points.length / 2; i++) {
    for (let j = 0; j < i; j++) {
      const distance = Math.hypot(points[2 * i]! - points[2 * j]!, points[2 * i + 1]! - points[2 * j + 1]!);
      if (distance <= within) store.add(i, j, distance);
    }
  }
  return store.toGraph(points.length / 2);
}

describe('clusterPoints and clusterDistances', () => {
  const { points, expected } = squares();

  it.each([
    ['DBSCAN', { eps: 0.9, min_samples: 4 }],
    ['OPTICS', { max_eps: 2, min_samples: 5, min_cluster_size: 20, xi: 0.2 }],
    ['OPTICS', { cluster_method: 'dbscan', eps: 0.9, min_samples: 4 }],
    ['OPTICS', { cluster_method: 'dbscan', max_eps: 0.9, min_samples: 4 }],
  ])('find squares and noise by %s %j, from points and from their distances', (name, values) => {
    const chosen = method(name, values);
    const result = clusterPoints(points, 2, chosen);
    expect([...result.labels]).toEqual([...expected, -1]);
    expect(result).toMatchObject({ clusters: 3, noise: 1 });
    const graph = graphWithin(points, distancesNeeded(chosen));
    expect([...clusterDistances(graph, method(name, values, 'distances')).labels]).toEqual([...expected, -1]);
  });

  it.each([
    { linkage: 'single', n_clusters: 4 },
    { linkage: 'average', distance_threshold: 3 },
    { linkage: 'complete', n_clusters: 4 },
  ])('find squares by a hierarchy %j', (values) => {
    const chosen = method('AgglomerativeClustering', values);
    expect(clusterPoints(points, 2, chosen)).toMatchObject({ clusters: 4, noise: 0 });
    const graph = graphWithin(points, distancesNeeded(chosen));
    const labels = [...clusterDistances(graph, chosen).labels];
    expect(labels).toEqual([...expected, 3]);
    expect([...clusterPoints(points, 2, chosen).labels]).toEqual(labels);
  });

  it('puts nothing together that no distance links', () => {
    const chosen = method('AgglomerativeClustering', { linkage: 'single', n_clusters: 1 }, 'distances');
    expect(clusterDistances(graphWithin(points, { within: 2, kept: true }), chosen).clusters).toBe(4);
  });

  it('clusters places on the sphere by haversine', () => {
    const places = Float64Array.of(10, 179.9, 10, -179.9, 10, 180, 50, 50, 50, 50.1);
    const values = { eps: 0.01, min_samples: 2, metric: 'haversine' };
    expect([...clusterPoints(places, 2, method('DBSCAN', values)).labels]).toEqual([0, 0, 0, 1, 1]);
    const optics = { max_eps: 0.01, min_samples: 2, metric: 'haversine', cluster_method: 'dbscan' };
    expect([...clusterPoints(places, 2, method('OPTICS', optics)).labels]).toEqual([0, 0, 0, 1, 1]);
    expect(() => clusterPoints(new Float64Array(3), 3, method('DBSCAN', values))).toThrow('3 dimensions by haversine');
  });

  it('fits k-means, for several k over one preparation, and by ml-kmeans', () => {
    const few = points.slice(0, 180);
    const chosen = method('KMeans', { n_clusters: 3 }) as KMeansMethod;
    const result = clusterPoints(few, 2, chosen);
    expect(result).toMatchObject({ clusters: 3, noise: 0, kmeans: { k: 3, converged: true } });
    const data = prepareKMeans(few, 2);
    expect(fitKMeans(data, chosen, 3)).toEqual(result);
    expect(fitKMeans(data, chosen, 2).clusters).toBe(2);
    const other = fitKMeans(data, { ...chosen, engine: 'ml-kmeans' });
    expect(other.kmeans.inertia).toBeCloseTo(result.kmeans!.inertia, 9);
    expect(other.kmeans.counts).toEqual(Float64Array.of(30, 30, 30));
    expect(() => clusterDistances(new EdgeStore().toGraph(2), chosen)).toThrow('Cannot run KMeans on distances');
  });

  it.each(['DBSCAN', 'OPTICS', 'KMeans', 'AgglomerativeClustering'])('%s takes no, one and two points', (name) => {
    for (const count of [0, 1, 2]) {
      const few = Float64Array.from({ length: 2 * count }, (_, i) => i * 10);
      const { labels, clusters, noise } = clusterPoints(few, 2, method(name, {}));
      expect(labels).toHaveLength(count);
      const grouped = name === 'KMeans' || name === 'AgglomerativeClustering';
      expect({ clusters, noise }).toEqual(grouped ? { clusters: count, noise: 0 } : { clusters: 0, noise: count });
    }
    expect(() => clusterPoints(Float64Array.of(1, Number.NaN), 2, method(name, {}))).toThrow('coordinate 1 is NaN');
  });
});

it("ml-kmeans ends no better than k-means here, on scikit-learn's sets", () => {
  const sets = golden<{ name: string; dimensions: number; points: number[]; start: number[] }>('kmeans');
  for (const { dimensions, points, start } of sets) {
    const data = prepareKMeans(Float64Array.from(points), dimensions);
    const k = start.length / dimensions;
    const chosen = method('KMeans', { n_clusters: k }) as KMeansMethod;
    const own = fitKMeans(data, chosen).kmeans.inertia;
    const other = fitKMeans(data, { ...chosen, engine: 'ml-kmeans' }).kmeans.inertia;
    expect(own).toBeLessThanOrEqual(other * 1.001);
    expect(other).toBeLessThanOrEqual(own * 1.25);
  }
});
