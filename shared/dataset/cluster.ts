import { z } from 'zod';
import { ALGORITHM_NAMES, type AlgorithmName, type ClusterMethod, readMethod } from '../clustering/algorithms.ts';
import { BadDataset } from '../errors.ts';
import { GLM_LEVELS } from '../formats/glm/columns.ts';
import { CLUSTER_K_MAX, CLUSTER_K_MOST } from '../limits.ts';

/** The section `cluster` of a data set: what is clustered, how, and where the clusters go. */
export const ClusterSettings = z
  .strictObject({
    algorithm: z
      .enum(ALGORITHM_NAMES as [AlgorithmName, ...AlgorithmName[]])
      .optional()
      .describe("By scikit-learn's name. Default: KMeans for points, DBSCAN for distances"),
    params: z
      .union([z.record(z.string(), z.unknown()), z.string()])
      .default({})
      .describe("Its hyper-parameters by scikit-learn's names, or their JSON. n_clusters fixes k"),
    features: z
      .array(z.string().min(1))
      .min(1)
      .optional()
      .describe('Columns that points are made of; needed, but for distances'),
    of: z.enum(GLM_LEVELS).default('flashes').describe('Of granules of lightning, the table that is clustered'),
    surface: z
      .enum(['auto', 'sphere', 'plane'])
      .default('auto')
      .describe('auto: two features that are latitude and longitude by their names lie on the sphere'),
    normalize: z.enum(['none', 'zscore', 'minmax']).default('none').describe('Of features in the plane'),
    ranges: z
      .record(z.string(), z.tuple([z.number(), z.number()]))
      .default({})
      .describe('By feature, the least and the greatest value; rows beyond are not clustered'),
    kMax: z
      .int()
      .min(1)
      .max(CLUSTER_K_MOST)
      .default(CLUSTER_K_MAX)
      .describe('KMeans is tried with 1 … kMax clusters, each in a task of its own'),
    choose: z
      .enum(['silhouette', 'elbow'])
      .default('silhouette')
      .describe('Which of the two curves decides on k, where n_clusters is not given'),
    keys: z.enum(['text', 'integers']).default('text').describe('What the keys of distances are'),
    keepNoise: z.boolean().default(true).describe('Whether keys of no cluster are in the output, as cluster -1'),
    output: z
      .strictObject({
        bucket: z.string().min(1).optional().describe('Default: the lake bucket'),
        path: z.string().min(1).describe('Folder of the file clusters.csv.gz; {day} stands for the day'),
      })
      .optional()
      .describe('For distances: cluster,key also as a file, beside the table'),
  })
  .describe('What is clustered, once it is loaded');

export type ClusterSettings = z.output<typeof ClusterSettings>;

/** The settings put together. */
export interface ClusterPlan {
  method: ClusterMethod;
  notices: string[];
  /** How points are made of the features; undefined for distances. */
  kind: 'plane' | 'vectors' | 'places' | undefined;
  /** In the order of the coordinates: on the sphere latitude comes first. */
  features: string[];
  /** The number of clusters that was asked for. */
  fixedK: number | undefined;
}

const LATITUDE = /(^|[^a-z])lat(itude)?([^a-z]|$)/i;
const LONGITUDE = /(^|[^a-z])(lon|lng|long|longitude)([^a-z]|$)/i;

/** What the settings come to, or what is wrong with them, sentence by sentence. */
export function clusterPlan(
  settings: ClusterSettings,
  input: 'points' | 'distances',
): { plan: ClusterPlan } | { problems: { key: string; message: string }[] } {
  const name = settings.algorithm ?? (input === 'points' ? 'KMeans' : 'DBSCAN');
  const given = input === 'points' ? geographic(settings) : undefined;
  const measures = name === 'DBSCAN' || name === 'OPTICS';
  const params = given && measures ? withMetric(settings.params) : settings.params;
  const { method, notices, problems } = readMethod(name, params, input);
  if (!method) return { problems: problems.map((message) => ({ key: 'params', message })) };
  const onArc = 'metric' in method && method.metric === 'haversine';
  if (onArc && settings.features?.length !== 2) {
    const message = `metric is haversine, which takes two features, latitude and longitude, not ${settings.features?.length ?? 0}`;
    return { problems: [{ key: 'features', message }] };
  }
  if (settings.surface === 'sphere' && !given) {
    const message = `surface is sphere, which takes two features, latitude and longitude, not ${settings.features?.join(', ')}`;
    return { problems: [{ key: 'surface', message }] };
  }
  const kind = input === 'distances' ? undefined : onArc ? 'places' : given && !measures ? 'vectors' : 'plane';
  const features = [...(kind === 'plane' ? settings.features! : (given ?? settings.features ?? []))];
  const fixedK = method.algorithm === 'KMeans' && method.clustersGiven ? method.clusters : undefined;
  return { plan: { method, notices, kind, features, fixedK } };
}

/** The same of a data set that has been checked; throws `BadDataset` where it says nothing that can be done. */
export function clusterPlanOf(
  { name, cluster }: { name: string; cluster?: ClusterSettings | undefined },
  input: 'points' | 'distances',
): ClusterPlan {
  if (!cluster) throw new BadDataset(`Data set ${name} does not say what is clustered`);
  const read = clusterPlan(cluster, input);
  if ('problems' in read) throw new BadDataset(read.problems[0]!.message);
  return read.plan;
}

/** Latitude and longitude, in this order, where the features are these and are not to be taken for the plane's. */
function geographic({ features = [], surface }: ClusterSettings): [string, string] | undefined {
  if (surface === 'plane' || features.length !== 2) return undefined;
  const [a, b] = features as [string, string];
  if (LATITUDE.test(a) && LONGITUDE.test(b)) return [a, b];
  if (LONGITUDE.test(a) && LATITUDE.test(b)) return [b, a];
  return surface === 'sphere' ? [a, b] : undefined;
}

/** Places are measured along the arc, in radians as in scikit-learn, unless something else is said. */
function withMetric(params: ClusterSettings['params']): ClusterSettings['params'] {
  if (typeof params !== 'string') return { metric: 'haversine', ...params };
  try {
    const read = JSON.parse(params) as Record<string, unknown>;
    return { metric: 'haversine', ...read };
  } catch (error) {
    // What is wrong with it is told by whoever reads it next.
    if (error instanceof SyntaxError) return params;
    throw error;
  }
}
