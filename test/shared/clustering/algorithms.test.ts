import { describe, expect, it } from '@jest/globals';
import { ALGORITHM_NAMES, chooseMethod, readMethod } from '../../../shared/clustering/algorithms.ts';

describe("scikit-learn's defaults", () => {
  it.each([
    ['DBSCAN', { eps: 0.5, minSamples: 5, metric: 'euclidean' }],
    ['OPTICS', { minSamples: 5, maxEps: Number.POSITIVE_INFINITY, clusterMethod: 'xi', eps: null, xi: 0.05 }],
    ['OPTICS', { predecessorCorrection: true, minClusterSize: null }],
    ['KMeans', { clusters: 8, clustersGiven: false, nInit: 10, maxIter: 100, tol: 1e-4, engine: 'sluice' }],
    ['AgglomerativeClustering', { cut: { clusters: 2 }, linkage: 'ward' }],
  ])('of %s', (name, values) => {
    for (const nothing of [undefined, null, {}, '{}', ' ']) {
      const { method, notices, problems } = readMethod(name, nothing, 'points');
      expect(problems).toEqual([]);
      expect(notices).toEqual([]);
      expect(method).toMatchObject({ algorithm: name, ...values });
    }
  });
});

describe('readMethod', () => {
  it('takes an object or its JSON', () => {
    const values = { eps: 0.2, min_samples: 3, metric: 'precomputed' };
    const read = readMethod('DBSCAN', values, 'distances');
    expect(read.method).toEqual({ algorithm: 'DBSCAN', metric: 'euclidean', eps: 0.2, minSamples: 3 });
    expect(readMethod('DBSCAN', JSON.stringify(values), 'distances')).toEqual(read);
  });

  it("takes all of the constructors' names, and says which have no effect", () => {
    const constructors: Record<string, object> = {
      DBSCAN: {
        eps: 0.5,
        min_samples: 5,
        metric: 'euclidean',
        metric_params: null,
        algorithm: 'auto',
        leaf_size: 30,
        p: null,
        n_jobs: null,
      },
      OPTICS: {
        min_samples: 5,
        max_eps: 'Infinity',
        metric: 'minkowski',
        p: 2,
        metric_params: null,
        cluster_method: 'xi',
        eps: null,
        xi: 0.05,
        predecessor_correction: true,
        min_cluster_size: null,
        algorithm: 'auto',
        leaf_size: 30,
        memory: null,
        n_jobs: null,
      },
      KMeans: {
        n_clusters: 8,
        init: 'k-means++',
        n_init: 'auto',
        max_iter: 300,
        tol: 1e-4,
        verbose: 0,
        random_state: null,
        copy_x: true,
        algorithm: 'lloyd',
      },
      AgglomerativeClustering: {
        n_clusters: 2,
        metric: 'euclidean',
        memory: null,
        connectivity: null,
        compute_full_tree: 'auto',
        linkage: 'ward',
        distance_threshold: null,
        compute_distances: false,
      },
    };
    expect(Object.keys(constructors)).toEqual(ALGORITHM_NAMES);
    for (const [name, values] of Object.entries(constructors)) {
      const { problems, notices } = readMethod(name, values, 'points');
      expect(problems).toEqual([]);
      expect(notices.length).toBeGreaterThan(2);
      for (const notice of notices) expect(notice).toMatch(new RegExp(`^${name}'s \\w+ has no effect here$`));
    }
  });

  it('reads what Python writes for infinity', () => {
    const { method } = readMethod('OPTICS', '{"max_eps": Infinity, "eps": 2}', 'points');
    expect(method).toMatchObject({ maxEps: Number.POSITIVE_INFINITY, eps: 2 });
  });

  it("takes scikit-learn's n_init auto for one restart, and a seed", () => {
    const values = { n_init: 'auto', random_state: 7, n_clusters: 12 };
    expect(readMethod('KMeans', values, 'points').method).toMatchObject({
      nInit: 1,
      randomState: 7,
      clusters: 12,
      clustersGiven: true,
    });
  });

  it('cuts a hierarchy at a distance', () => {
    for (const values of [
      { distance_threshold: 0.3, linkage: 'single' },
      { distance_threshold: 0.3, linkage: 'single', n_clusters: null },
    ]) {
      const { method } = readMethod('AgglomerativeClustering', values, 'distances');
      expect(method).toEqual({ algorithm: 'AgglomerativeClustering', linkage: 'single', cut: { distance: 0.3 } });
    }
  });

  it.each([
    ['DBSCN', {}, 'points', 'No algorithm is named "DBSCN"; the algorithms are DBSCAN, '],
    ['DBSCN', {}, 'points', '; did you mean "DBSCAN"?'],
    [
      'HDBSCAN',
      {},
      'points',
      'The algorithm HDBSCAN is not offered: OPTICS finds clusters of different densities too; the',
    ],
    ['toString', {}, 'points', 'No algorithm is named "toString"'],
    ['KMeans', {}, 'distances', 'Cannot run KMeans on distances: it needs points with coordinates'],
    ['KMeans', {}, 'distances', 'the algorithms for distances are DBSCAN, OPTICS, AgglomerativeClustering'],
    ['DBSCAN', { minsamples: 4 }, 'points', 'DBSCAN has no hyper-parameter "minsamples"; did you mean "min_samples"?'],
    ['DBSCAN', { n_job: 4 }, 'points', 'did you mean "n_jobs"?'],
    ['DBSCAN', { constructor: 4 }, 'points', 'DBSCAN has no hyper-parameter "constructor"'],
    ['DBSCAN', { eps: 0 }, 'points', 'eps is 0 where a finite number above 0 is expected'],
    ['DBSCAN', { eps: '0.5' }, 'points', 'eps is "0.5" where a finite number above 0 is expected'],
    ['DBSCAN', { min_samples: 2.5 }, 'points', 'min_samples is 2.5 where an integer of at least 1 is expected'],
    ['DBSCAN', { metric: 'cosine' }, 'points', 'metric is "cosine" where euclidean, l2, minkowski or haversine is'],
    ['DBSCAN', { metric: 'euclidean' }, 'distances', 'metric is "euclidean" where precomputed is expected'],
    ['DBSCAN', { p: 1 }, 'points', 'p is 1 where 2 or null is expected'],
    ['DBSCAN', '{eps: 1}', 'points', 'Cannot read HYPER_PARAMS as JSON: '],
    ['DBSCAN', '[1]', 'points', 'HYPER_PARAMS is [1] where an object of names and values is expected'],
    ['OPTICS', { min_samples: 1 }, 'points', 'min_samples is 1 where an integer of at least 2, or a share of the rows'],
    ['OPTICS', { eps: 3, max_eps: 2 }, 'points', 'eps is 3 where at most max_eps, 2, is expected'],
    ['KMeans', { init: 'random' }, 'points', 'init is "random" where k-means++ is expected'],
    ['KMeans', { random_state: -1 }, 'points', 'random_state is -1 where an integer of 0 to 4294967295 or null is'],
    ['AgglomerativeClustering', {}, 'distances', 'linkage is ward (the default), which needs points, where single'],
    ['AgglomerativeClustering', { connectivity: [] }, 'points', 'connectivity is [] where null is expected'],
    [
      'AgglomerativeClustering',
      { n_clusters: 2, distance_threshold: 1 },
      'points',
      'n_clusters is 2 and distance_threshold 1 where one of them is expected to be null',
    ],
    ['AgglomerativeClustering', { n_clusters: null }, 'points', 'n_clusters is null and distance_threshold null'],
  ] as const)('refuses %s with %j of %s', (name, values, input, message) => {
    const { method, problems } = readMethod(name, values, input);
    expect(method).toBeUndefined();
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(message);
    expect(() => chooseMethod(name, values, input)).toThrow(message);
  });

  it('gives all problems at once', () => {
    expect(readMethod('DBSCAN', { eps: -1, min_sample: 2, leaf_size: 3 }, 'points')).toEqual({
      problems: [
        'Cannot run DBSCAN: eps is -1 where a finite number above 0 is expected',
        'DBSCAN has no hyper-parameter "min_sample"; did you mean "min_samples"?',
      ],
      notices: ["DBSCAN's leaf_size has no effect here"],
    });
  });
});
