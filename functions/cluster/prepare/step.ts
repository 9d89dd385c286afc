import { mkdir, rm } from 'node:fs/promises';
import pMap from 'p-map';
import { z } from 'zod';
import { prepareFeatures } from '../../../shared/clustering/features.ts';
import { writeFeatures } from '../../../shared/clustering/features-file.ts';
import { attemptFolder, type RunRequest, runFiles } from '../../../shared/commit/run-files.ts';
import { finalFiles } from '../../../shared/commit/run-output.ts';
import { storeFile } from '../../../shared/commit/store-file.ts';
import { taskName, writeTasks } from '../../../shared/commit/tasks.ts';
import { type ClusterPlan, clusterPlanOf } from '../../../shared/dataset/cluster.ts';
import type { FitTask, PreparedClusters, PreparedPoints } from '../../../shared/domain/cluster.ts';
import type { Plan } from '../../../shared/domain/load.ts';
import { resolveColumns } from '../../../shared/domain/partition-spec.ts';
import { BadDataset } from '../../../shared/errors.ts';
import { canonicalOrder, countDistinct } from '../../../shared/kernels/points.ts';
import { FILES_AT_ONCE } from '../../../shared/limits.ts';
import type { Ports } from '../../../shared/ports/ports.ts';

export const PrepareFeaturesInput = z.object({ run: z.string() });
export type PrepareFeaturesInput = z.infer<typeof PrepareFeaturesInput>;

export interface PrepareFeaturesOutput {
  /** Items of the Map over fits. */
  fits: string;
  count: number;
}

/**
 * Takes the features of what the run loaded, clean and normalised or on the sphere, as an Arrow file, and says which fits are to be tried: a
 * k each for k-means, one for other algorithms and for distances. Throws `BadDataset` for features that are no numbers of the table.
 */
export function makePrepareFeatures(ports: Ports) {
  return async (event: PrepareFeaturesInput, attempt: string): Promise<PrepareFeaturesOutput> => {
    const files = runFiles(ports, event.run);
    const held = await files.preparedIfAny();
    const prepared = held ?? (await files.fixPrepared(await prepare(ports, await files.request(), attempt)));
    return { fits: prepared.tasks.items, count: prepared.tasks.count };
  };
}

async function prepare(ports: Ports, fixed: RunRequest, attempt: string): Promise<PreparedClusters> {
  const { dataset } = fixed.request;
  const distances = dataset.source.format === 'distances';
  const plan = clusterPlanOf(dataset, distances ? 'distances' : 'points');
  const { method, fixedK, notices } = plan;
  const write = async (ks: (number | null)[]) => {
    const tasks = ks.map((k, i): FitTask => ({ task: taskName('fit', i), k }));
    return writeTasks(ports.objects, ports.places.work, attemptFolder(fixed.run, 'cluster', attempt), tasks);
  };
  if (distances) return { tasks: await write([null]), notices };
  const { points, distinct } = await preparePoints(ports, fixed, plan, attempt);
  const isKMeans = method.algorithm === 'KMeans';
  return {
    tasks: await write(distinct === 0 ? [] : isKMeans ? ksOf(dataset.cluster!.kMax, fixedK, distinct) : [null]),
    points,
    notices,
  };
}

/** The whole curve, also where k is given: it tells how good a choice that is. */
function ksOf(kMax: number, fixedK: number | undefined, distinct: number): number[] {
  const ks = Array.from({ length: Math.min(kMax, distinct) }, (_, i) => i + 1);
  const wanted = fixedK === undefined ? undefined : Math.min(fixedK, distinct);
  return wanted !== undefined && wanted > ks.length ? [...ks, wanted] : ks;
}

async function preparePoints(
  ports: Ports,
  fixed: RunRequest,
  { features, kind }: ClusterPlan,
  attempt: string,
): Promise<{ points: PreparedPoints; distinct: number }> {
  const { dataset, run } = { ...fixed.request, run: fixed.run };
  const [plan, gathered] = await Promise.all([runFiles(ports, run).plan(), runFiles(ports, run).gathered()]);
  const index = tableOf(plan, dataset.cluster!.of);
  const table = plan.tables[index]!;
  const columns = resolveColumns(features, table.columns, 'cluster.features');
  const odd = columns.find(({ type }) => !/^(int|bigint|float|double|decimal)/.test(type));
  if (odd) throw new BadDataset(`cluster.features "${odd.name}" is ${odd.type}, not a number`);
  // Live files that were written again hold rows that an earlier run brought.
  const loaded = (await finalFiles(ports, run, plan, gathered)).filter(({ of }) => of === undefined);
  const finals = loaded.filter((file) => file.table === index && file.format === 'parquet');
  const scratch = await ports.newScratch();
  try {
    const inputs = await pMap(
      finals,
      async (file, i) => {
        const path = `${scratch}/in-${i}.parquet`;
        await ports.objects.download({ bucket: ports.places.work, key: file.key }, path, { ifMatch: file.etag });
        return { path, partition: file.partition };
      },
      { concurrency: FILES_AT_ONCE },
    );
    const engine = await ports.engine();
    await mkdir(`${scratch}/out`, { recursive: true });
    const names = columns.map(({ name }) => name);
    const { partitions } = table;
    const job = { inputs, columns: table.columns, partitions, features: names, scratch: `${scratch}/out` };
    const collected = await engine.collectRows(job);
    const { normalize, ranges } = dataset.cluster!;
    const byName = Object.fromEntries(
      Object.entries(ranges).map(([name, range]) => [
        resolveColumns([name], table.columns, 'cluster.ranges')[0]!.name,
        range,
      ]),
    );
    const options = { features: names, kind: kind ?? 'plane', normalize, ranges: byName };
    const prepared = prepareFeatures(collected.features, options, collected.missing);
    const { points, dimensions, rows, space, dropped } = prepared;
    const folder = attemptFolder(run, 'cluster', attempt);
    const stored = { path: collected.path, rows: collected.rows, bytes: 0 };
    const arrow = writeFeatures(points, dimensions, rows);
    const key = `${folder}/features.arrow`;
    const { etag } = await ports.objects.put({ bucket: ports.places.work, key }, arrow);
    return {
      points: {
        table: index,
        rows: await storeFile(ports, stored, `${folder}/rows.parquet`),
        features: { key, etag, rows: rows.length, bytes: arrow.length },
        space,
        dropped,
      },
      distinct: countDistinct(points, dimensions, canonicalOrder(points, dimensions)),
    };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function tableOf(plan: Plan, level: string): number {
  const index = plan.tables.findIndex(({ suffix }) => suffix === `_${level}`);
  return index < 0 ? 0 : index;
}
