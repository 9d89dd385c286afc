import { suggestion } from '../domain/nearest.ts';
import { BadRequest } from '../errors.ts';
import { LINKAGE_METHODS, type LinkageMethod } from '../kernels/linkage.ts';
import {
  DBSCAN_EPS,
  DBSCAN_MIN_SAMPLES,
  KMEANS_MAX_ITER,
  KMEANS_N_CLUSTERS,
  KMEANS_N_INIT,
  KMEANS_TOL,
  LINKAGE_N_CLUSTERS,
  OPTICS_XI,
} from '../limits.ts';
import { choice, flag, number, optional, type Parameter, whole, wholeOrShare } from './parameter.ts';

/** What is clustered: points with coordinates, or keys with distances between some of them. */
export type ClusterInput = 'points' | 'distances';

/** How far two points are apart; `haversine` is the angle in radians between places `[latitude, longitude]` in degrees. */
export type Metric = 'euclidean' | 'haversine';

export interface DbscanMethod {
  readonly algorithm: 'DBSCAN';
  readonly metric: Metric;
  readonly eps: number;
  readonly minSamples: number;
}

export interface OpticsMethod {
  readonly algorithm: 'OPTICS';
  readonly metric: Metric;
  /** A number of neighbours, the point itself among them, or a share of the points below 1. */
  readonly minSamples: number;
  readonly maxEps: number;
  readonly clusterMethod: 'xi' | 'dbscan';
  /** Of `dbscan`; null is `maxEps`. */
  readonly eps: number | null;
  readonly xi: number;
  readonly predecessorCorrection: boolean;
  /** Null is `minSamples`. */
  readonly minClusterSize: number | null;
}

export interface KMeansMethod {
  readonly algorithm: 'KMeans';
  readonly clusters: number;
  /** Whether `n_clusters` was given, or is scikit-learn's default: a search over k sets it aside then. */
  readonly clustersGiven: boolean;
  readonly nInit: number;
  readonly maxIter: number;
  readonly tol: number;
  readonly randomState: number;
  /** Ours, or `ml-kmeans` to compare with. */
  readonly engine: 'sluice' | 'ml-kmeans';
}

export interface AgglomerativeMethod {
  readonly algorithm: 'AgglomerativeClustering';
  readonly linkage: LinkageMethod;
  /** Where the hierarchy is cut. */
  readonly cut: { readonly clusters: number } | { readonly distance: number };
}

/** An algorithm with all its hyper-parameters, checked. Plain data: it may stand in a state machine's input. */
export type ClusterMethod = DbscanMethod | OpticsMethod | KMeansMethod | AgglomerativeMethod;
export type AlgorithmName = ClusterMethod['algorithm'];

/** What the reading of `ALGORITHM` and `HYPER_PARAMS` gives. */
export interface MethodReading {
  /** Absent where there are problems. */
  readonly method?: ClusterMethod;
  /** A sentence for each hyper-parameter that was given and has no effect here. */
  readonly notices: string[];
  /** A sentence for each thing that is wrong. */
  readonly problems: string[];
}

type Values = Readonly<Record<string, unknown>>;

interface Algorithm {
  readonly inputs: readonly ClusterInput[];
  /** Hyper-parameters that change the clusters. */
  readonly parameters: Readonly<Record<string, Parameter<unknown>>>;
  /** Names of scikit-learn's that say how to compute, not what: taken, and without effect here. */
  readonly idle: readonly string[];
  /** Names of scikit-learn's for what is not offered, with the one value they may have (their default). */
  readonly fixed: Readonly<Record<string, Parameter<unknown>>>;
  readonly toMethod: (values: Values, given: ReadonlySet<string>) => ClusterMethod | string;
}

const METRICS = ['euclidean', 'l2', 'minkowski'] as const;
/** Only null: what the name would switch on is not offered. */
const absent: Parameter<null> = {
  fallback: null,
  expected: 'null',
  read: (value) => (value === null ? null : undefined),
};
/** Minkowski's power: 2 is Euclid's. */
const power: Parameter<unknown> = {
  fallback: 2,
  expected: '2 or null',
  read: (value) => (value === 2 || value === null ? 2 : undefined),
};
const seed: Parameter<unknown> = optional(whole(0, 0, 0xffff_ffff));

function metricOf(values: Values): Metric {
  return values['metric'] === 'haversine' ? 'haversine' : 'euclidean';
}

/**
 * The algorithms by scikit-learn's class names, with its constructors' names and defaults, but for k-means' `n_init` 10 and `max_iter` 100,
 * which the older pipelines ran with.
 */
const ALGORITHMS: Readonly<Record<AlgorithmName, Algorithm>> = {
  DBSCAN: {
    inputs: ['points', 'distances'],
    parameters: {
      eps: number(DBSCAN_EPS, { above: 0 }),
      min_samples: whole(DBSCAN_MIN_SAMPLES, 1),
      metric: choice<string>(...METRICS, 'haversine'),
    },
    idle: ['algorithm', 'leaf_size', 'n_jobs'],
    fixed: { metric_params: absent, p: power },
    toMethod: (values) => ({
      algorithm: 'DBSCAN',
      metric: metricOf(values),
      eps: values['eps'] as number,
      minSamples: values['min_samples'] as number,
    }),
  },
  OPTICS: {
    inputs: ['points', 'distances'],
    parameters: {
      min_samples: wholeOrShare(DBSCAN_MIN_SAMPLES, 2),
      max_eps: number(Number.POSITIVE_INFINITY, { least: 0, infinite: true }),
      metric: choice<string>('minkowski', 'euclidean', 'l2', 'haversine'),
      cluster_method: choice<string>('xi', 'dbscan'),
      eps: optional(number(0, { least: 0 })),
      xi: number(OPTICS_XI, { least: 0, most: 1 }),
      predecessor_correction: flag(true),
      min_cluster_size: optional(wholeOrShare(2, 2)),
    },
    idle: ['algorithm', 'leaf_size', 'memory', 'n_jobs'],
    fixed: { metric_params: absent, p: power },
    toMethod(values) {
      const eps = values['eps'] as number | null;
      const maxEps = values['max_eps'] as number;
      if (eps !== null && eps > maxEps) return `eps is ${eps} where at most max_eps, ${maxEps}, is expected`;
      return {
        algorithm: 'OPTICS',
        metric: metricOf(values),
        minSamples: values['min_samples'] as number,
        maxEps,
        clusterMethod: values['cluster_method'] as 'xi' | 'dbscan',
        eps,
        xi: values['xi'] as number,
        predecessorCorrection: values['predecessor_correction'] as boolean,
        minClusterSize: values['min_cluster_size'] as number | null,
      };
    },
  },
  KMeans: {
    inputs: ['points'],
    parameters: {
      n_clusters: whole(KMEANS_N_CLUSTERS, 1),
      n_init: {
        fallback: KMEANS_N_INIT,
        expected: 'an integer of at least 1, or auto',
        // scikit-learn's `auto` is one restart where k-means++ seeds, as it always does here.
        read: (value) => (value === 'auto' ? 1 : whole(1, 1).read(value)),
      },
      max_iter: whole(KMEANS_MAX_ITER, 1),
      tol: number(KMEANS_TOL, { least: 0 }),
      random_state: seed,
      engine: choice<string>('sluice', 'ml-kmeans'),
    },
    idle: ['verbose', 'copy_x', 'algorithm'],
    fixed: { init: choice('k-means++') },
    toMethod: (values, given) => ({
      algorithm: 'KMeans',
      clusters: values['n_clusters'] as number,
      clustersGiven: given.has('n_clusters'),
      nInit: values['n_init'] as number,
      maxIter: values['max_iter'] as number,
      tol: values['tol'] as number,
      randomState: (values['random_state'] as number | null) ?? 0,
      engine: values['engine'] as KMeansMethod['engine'],
    }),
  },
  AgglomerativeClustering: {
    inputs: ['points', 'distances'],
    parameters: {
      n_clusters: optional(whole(LINKAGE_N_CLUSTERS, 1), LINKAGE_N_CLUSTERS),
      metric: choice<string>('euclidean', 'l2'),
      linkage: choice<string>('ward', ...LINKAGE_METHODS.filter((method) => method !== 'ward')),
      distance_threshold: optional(number(0, { least: 0 })),
    },
    idle: ['memory', 'compute_full_tree', 'compute_distances'],
    fixed: { connectivity: absent },
    toMethod(values, given) {
      const distance = values['distance_threshold'] as number | null;
      const clusters = distance !== null && !given.has('n_clusters') ? null : (values['n_clusters'] as number | null);
      if ((distance === null) === (clusters === null)) {
        return `n_clusters is ${clusters} and distance_threshold ${distance} where one of them is expected to be null`;
      }
      return {
        algorithm: 'AgglomerativeClustering',
        linkage: values['linkage'] as LinkageMethod,
        cut: clusters === null ? { distance: distance! } : { clusters },
      };
    },
  },
};

/**
 * Classes of scikit-learn that are not offered, and what to take instead. HDBSCAN's tree has many equal distances (a core distance stands on every
 * edge around it), and its labels hang on the order in which they are sorted, which scikit-learn leaves to the processor.
 */
const NOT_OFFERED: Readonly<Record<string, string>> = {
  HDBSCAN: 'OPTICS finds clusters of different densities too',
  MiniBatchKMeans: 'KMeans runs on all points',
};

/** The names that `ALGORITHM` takes. */
export const ALGORITHM_NAMES = Object.keys(ALGORITHMS) as readonly AlgorithmName[];

/**
 * Reads an algorithm's name and its hyper-parameters, and gives everything that is wrong with them at once.
 * @param name `ALGORITHM`, a class name of scikit-learn's clustering.
 * @param hyperParams `HYPER_PARAMS`: an object, its JSON, or nothing.
 * @param input what is clustered; a graph of distances takes no algorithm that needs coordinates.
 */
export function readMethod(name: string, hyperParams: unknown, input: ClusterInput): MethodReading {
  const notices: string[] = [];
  const algorithm = Object.hasOwn(ALGORITHMS, name) ? ALGORITHMS[name as AlgorithmName] : undefined;
  if (algorithm === undefined) {
    const known = `the algorithms are ${ALGORITHM_NAMES.join(', ')}`;
    if (Object.hasOwn(NOT_OFFERED, name)) {
      return { notices, problems: [`The algorithm ${name} is not offered: ${NOT_OFFERED[name]}; ${known}`] };
    }
    return { notices, problems: [`No algorithm is named "${name}"; ${known}${suggestion(name, ALGORITHM_NAMES)}`] };
  }
  if (!algorithm.inputs.includes(input)) {
    const able = ALGORITHM_NAMES.filter((other) => ALGORITHMS[other].inputs.includes(input)).join(', ');
    const why = 'it needs points with coordinates, and a list of distances has none';
    return { notices, problems: [`Cannot run ${name} on distances: ${why}; the algorithms for distances are ${able}`] };
  }
  const given = objectOf(hyperParams);
  if (typeof given === 'string') return { notices, problems: [given] };
  const { values, problems } = readValues(name, algorithm, given, input, notices);
  if (problems.length > 0) return { notices, problems };
  const method = algorithm.toMethod(values, new Set(Object.keys(given)));
  if (typeof method === 'string') return { notices, problems: [`Cannot run ${name}: ${method}`] };
  if (input === 'distances' && method.algorithm === 'AgglomerativeClustering' && method.linkage === 'ward') {
    const why = 'linkage is ward (the default), which needs points';
    return {
      notices,
      problems: [`Cannot run ${name} on distances: ${why}, where single, complete or average is expected`],
    };
  }
  return { method, notices, problems };
}

/**
 * As `readMethod`, for callers that go no further where anything is wrong.
 * @throws BadRequest with the first problem.
 */
export function chooseMethod(
  name: string,
  hyperParams: unknown,
  input: ClusterInput,
): { method: ClusterMethod; notices: string[] } {
  const { method, notices, problems } = readMethod(name, hyperParams, input);
  if (method === undefined) throw new BadRequest(problems[0] ?? `Cannot run ${name}`);
  return { method, notices };
}

/** The object that was given as one or as its JSON; a string is what is wrong with it. */
function objectOf(hyperParams: unknown): Values | string {
  let value = hyperParams ?? {};
  if (typeof value === 'string') {
    const text = value.trim();
    try {
      // Python's json writes infinity as a bare word, which is no JSON.
      value = text === '' ? {} : JSON.parse(text.replace(/:\s*Infinity\b/g, ': "Infinity"'));
    } catch (error) {
      return `Cannot read HYPER_PARAMS as JSON: ${(error as Error).message}`;
    }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return `HYPER_PARAMS is ${JSON.stringify(value)} where an object of names and values is expected`;
  }
  return value as Values;
}

function readValues(
  name: string,
  algorithm: Algorithm,
  given: Values,
  input: ClusterInput,
  notices: string[],
): { values: Values; problems: string[] } {
  const { parameters, fixed, idle } = algorithm;
  const values = Object.fromEntries(Object.entries(parameters).map(([key, { fallback }]) => [key, fallback]));
  const problems: string[] = [];
  for (const [key, value] of Object.entries(given)) {
    if (idle.includes(key)) {
      notices.push(`${name}'s ${key} has no effect here`);
      continue;
    }
    const parameter = Object.hasOwn(parameters, key)
      ? parameters[key]
      : Object.hasOwn(fixed, key)
        ? fixed[key]
        : undefined;
    if (parameter === undefined) {
      const known = [...Object.keys(parameters), ...Object.keys(fixed), ...idle];
      problems.push(`${name} has no hyper-parameter "${key}"${suggestion(key, known)}`);
      continue;
    }
    if (key === 'metric' && input === 'distances') {
      // Whoever gives distances has measured them already.
      if (value !== 'precomputed') problems.push(expected(name, key, value, 'precomputed'));
      continue;
    }
    const read = parameter.read(value);
    if (read === undefined) problems.push(expected(name, key, value, parameter.expected));
    else values[key] = read;
  }
  return { values, problems };
}

function expected(name: string, key: string, value: unknown, what: string): string {
  return `Cannot run ${name}: ${key} is ${JSON.stringify(value)} where ${what} is expected`;
}
