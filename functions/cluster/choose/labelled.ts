import { chooseK, type KFit } from '../../../shared/clustering/choose-k.ts';
import { centreOf, distanceTo, valuesOf } from '../../../shared/clustering/features.ts';
import { readFeatures } from '../../../shared/clustering/features-file.ts';
import type { ClusterPlan } from '../../../shared/dataset/cluster.ts';
import type { Dataset } from '../../../shared/dataset/dataset.ts';
import type { ClusterLine, FitReceipt, PreparedPoints } from '../../../shared/domain/cluster.ts';
import type { StoredFile } from '../../../shared/domain/load.ts';
import { kmeans, prepareKMeans } from '../../../shared/kernels/kmeans.ts';
import { random } from '../../../shared/kernels/random.ts';
import { MAP_MAX_POINTS } from '../../../shared/limits.ts';
import type { Ports } from '../../../shared/ports/ports.ts';
import type { Labelled } from './step.ts';

/** The points' labels under the chosen fit, and what is to be said of each cluster. */
export async function clusteredPoints(
  ports: Ports,
  dataset: Dataset,
  plan: ClusterPlan,
  prepared: PreparedPoints,
  fits: FitReceipt[],
): Promise<Labelled> {
  const { space, rows, dropped } = prepared;
  const { key, etag } = prepared.features;
  const arrow = await ports.objects.read({ bucket: ports.places.work, key }, { ifMatch: etag });
  const { points, dimensions, rows: rowOf } = readFeatures(arrow);
  const curve: KFit[] = fits.flatMap(({ kmeans: fit, silhouette }) =>
    fit ? [{ k: fit.k, inertia: fit.inertia, ...(silhouette ? { silhouette } : {}) }] : [],
  );
  const isKMeans = plan.method.algorithm === 'KMeans';
  const choice = isKMeans ? chooseK(curve, dataset.cluster!.choose, plan.fixedK) : undefined;
  const fit = choice ? fits.find((found) => found.kmeans?.k === choice.k) : fits[0];
  const ofPoints = fit ? await labelsOf(ports, points, dimensions, fit) : new Int32Array(0);

  const labels = new Int32Array(rows.rows).fill(-1);
  const unlabelled = new Uint8Array(rows.rows).fill(1);
  const distances = new Float64Array(rows.rows).fill(Number.NaN);
  const members = membersOf(ofPoints);
  const lines: ClusterLine[] = [];
  for (const [cluster, own] of [...members].sort(([a], [b]) => a - b)) {
    const centre = cluster < 0 ? undefined : centreOf(space, points, dimensions, own);
    let radius = 0;
    for (const point of own) {
      const row = rowOf[point]!;
      labels[row] = cluster;
      unlabelled[row] = 0;
      if (!centre) continue;
      distances[row] = distanceTo(space, points, dimensions, point, centre);
      radius = Math.max(radius, distances[row]!);
    }
    lines.push({
      cluster,
      size: own.length,
      share: own.length / ofPoints.length,
      centre: centre ? valuesOf(space, centre) : [],
      radius: centre ? radius : null,
    });
  }
  const column = (of: (line: ClusterLine) => number | null | undefined) =>
    Float64Array.from(lines, (line) => of(line) ?? Number.NaN);
  return {
    labels,
    unlabelled: unlabelled.includes(1) ? unlabelled : undefined,
    distances,
    rows,
    clusters: Int32Array.from(lines, ({ cluster }) => cluster),
    summary: [
      ...space.features.map((name, f) => ({ name: `centre_${name}`, values: column(({ centre }) => centre[f]) })),
      { name: 'radius', values: column(({ radius }) => radius) },
    ],
    report: {
      algorithm: plan.method.algorithm,
      params: { ...plan.method },
      unit: space.kind === 'plane' ? 'points' : 'km',
      features: space.features,
      kind: space.kind,
      rows: rows.rows,
      points: ofPoints.length,
      dropped,
      clusters: lines.filter(({ cluster }) => cluster >= 0).length,
      noise: members.get(-1)?.length ?? 0,
      ...(choice && choice.k > 0 ? { k: choice.k } : {}),
      ...(fit?.kmeans ? { inertia: fit.kmeans.inertia } : {}),
      ...(choice?.elbow === undefined ? {} : { elbow: choice.elbow }),
      ...(choice?.silhouette === undefined ? {} : { silhouetteK: choice.silhouette }),
      reason: choice?.reason ?? reasonOf(plan, ofPoints.length),
      curve,
      ...(fit?.silhouette ? { silhouette: fit.silhouette } : {}),
      summary: lines,
    },
    sample: dimensions >= 2 ? sampleOf(points, dimensions, ofPoints, space) : undefined,
    file: undefined,
  };
}

/** The keys' labels; a list of distances knows no centres. */
export async function clusteredKeys(
  ports: Ports,
  dataset: Dataset,
  plan: ClusterPlan,
  [fit]: FitReceipt[],
): Promise<Labelled> {
  const labels = await readLabels(ports, fit!.labels!);
  const kept = (cluster: number) => cluster >= 0 || dataset.cluster!.keepNoise;
  const members = membersOf(labels);
  const lines = [...members]
    .sort(([a], [b]) => a - b)
    .map(([cluster, own]): ClusterLine => {
      return { cluster, size: own.length, share: own.length / labels.length, centre: [], radius: null };
    });
  return {
    labels,
    unlabelled: undefined,
    distances: undefined,
    rows: fit!.keys!,
    clusters: Int32Array.from(
      lines.filter(({ cluster }) => kept(cluster)),
      ({ cluster }) => cluster,
    ),
    summary: [],
    report: {
      algorithm: plan.method.algorithm,
      params: { ...plan.method },
      unit: 'points',
      features: [],
      kind: 'distances',
      rows: labels.length,
      points: labels.length,
      dropped: { missing: 0, notFinite: 0, outOfRange: 0 },
      clusters: fit!.clusters,
      noise: fit!.noise,
      reason: reasonOf(plan, labels.length),
      curve: [],
      summary: lines,
    },
    sample: undefined,
    file: fit!.csv,
  };
}

function reasonOf({ method }: ClusterPlan, count: number): string {
  if (count === 0) return 'There is no point to cluster';
  return `${method.algorithm} finds the number of clusters itself`;
}

async function labelsOf(ports: Ports, points: Float64Array, dimensions: number, fit: FitReceipt): Promise<Int32Array> {
  if (!fit.kmeans) return readLabels(ports, fit.labels!);
  const centres = Float64Array.from(fit.kmeans.centres);
  return kmeans(prepareKMeans(points, dimensions)).label({ ...fit.kmeans, centres }).labels;
}

async function readLabels(ports: Ports, { key, etag }: StoredFile): Promise<Int32Array> {
  const bytes = await ports.objects.read({ bucket: ports.places.work, key }, { ifMatch: etag });
  return new Int32Array(Uint8Array.from(bytes).buffer);
}

function membersOf(labels: Int32Array): Map<number, Uint32Array> {
  const sizes = new Map<number, number>();
  for (const label of labels) sizes.set(label, (sizes.get(label) ?? 0) + 1);
  const members = new Map([...sizes].map(([label, size]) => [label, new Uint32Array(size)]));
  const filled = new Map<number, number>();
  for (let i = 0; i < labels.length; i++) {
    const at = filled.get(labels[i]!) ?? 0;
    members.get(labels[i]!)![at] = i;
    filled.set(labels[i]!, at + 1);
  }
  return members;
}

/** All points, or as many as a map takes: the first two features, longitude before latitude. */
function sampleOf(
  points: Float64Array,
  dimensions: number,
  labels: Int32Array,
  space: PreparedPoints['space'],
): [number, number, number][] {
  const source = random(0);
  const sample: [number, number, number][] = [];
  let wanted = Math.min(MAP_MAX_POINTS, labels.length);
  for (let i = 0; i < labels.length && wanted > 0; i++) {
    // Each with the same chance, in their order (Knuth, TAOCP 2, algorithm 3.4.2S).
    if (source.uniform() * (labels.length - i) >= wanted) continue;
    wanted--;
    const [a, b] = valuesOf(space, points.subarray(i * dimensions, (i + 1) * dimensions)) as [number, number];
    const [x, y] = space.kind === 'plane' ? [a, b] : [b, a];
    sample.push([rounded(x), rounded(y), labels[i]!]);
  }
  return sample;
}

function rounded(value: number): number {
  return Number(value.toPrecision(7));
}
