import { mkdir, rm } from 'node:fs/promises';
import { z } from 'zod';
import { FileUploads } from '../../../shared/commit/file-uploads.ts';
import { openLog } from '../../../shared/commit/log.ts';
import { readOutcomes } from '../../../shared/commit/receipts.ts';
import { attemptFolder, type RunRequest, runFiles } from '../../../shared/commit/run-files.ts';
import { readTasks } from '../../../shared/commit/tasks.ts';
import { type ClusterPlan, clusterPlanOf } from '../../../shared/dataset/cluster.ts';
import type { Clustered, ClusterReport, FitReceipt, FitTask } from '../../../shared/domain/cluster.ts';
import type { FinalStoredFile, Plan, StoredFile } from '../../../shared/domain/load.ts';
import type { ClusterTablesJob } from '../../../shared/engine/cluster-jobs.ts';
import type { FinalFile } from '../../../shared/engine/table-engine.ts';
import { BadInput, SluiceError } from '../../../shared/errors.ts';
import type { Ports } from '../../../shared/ports/ports.ts';
import { clusteredKeys, clusteredPoints } from './labelled.ts';
import { clustersTable, summaryTable } from './tables.ts';

export const ChooseClustersInput = z.object({ run: z.string() });
export type ChooseClustersInput = z.infer<typeof ChooseClustersInput>;

export interface ChooseClustersOutput {
  clusters: number;
  reason: string;
}

/** What a run's labels come to, for either kind of input. */
export interface Labelled {
  labels: Int32Array;
  unlabelled: Uint8Array | undefined;
  distances: Float64Array | undefined;
  /** The rows or keys, as a file in the work bucket. */
  rows: StoredFile;
  /** Numbers about each cluster, of which noise has none. */
  summary: ClusterTablesJob['summary']['values'];
  clusters: Int32Array;
  report: Omit<ClusterReport, 'sample'>;
  /** `[x, y, cluster]` of the points that a map shows. */
  sample: [number, number, number][] | undefined;
  file: StoredFile | undefined;
}

/**
 * Decides on one of the fits and writes the rows with their clusters, and the clusters, as the files of two tables, which publish commits
 * with the run's own. Throws the error of a fit that failed.
 */
export function makeChooseClusters(ports: Ports) {
  return async (event: ChooseClustersInput, attempt: string): Promise<ChooseClustersOutput> => {
    const files = runFiles(ports, event.run);
    const held = await files.clusteredIfAny();
    const clustered = held ?? (await files.fixClustered(await choose(ports, await files.request(), attempt)));
    return { clusters: clustered.report.clusters, reason: clustered.report.reason };
  };
}

async function choose(ports: Ports, fixed: RunRequest, attempt: string): Promise<Clustered> {
  const { dataset } = fixed.request;
  const files = runFiles(ports, fixed.run);
  const [plan, prepared] = await Promise.all([files.plan(), files.prepared()]);
  const cluster = clusterPlanOf(dataset, prepared.points ? 'points' : 'distances');
  const fits = await fitsOf(
    ports,
    fixed.run,
    await readTasks<FitTask>(ports.objects, ports.places.work, prepared.tasks),
  );
  const labelled = prepared.points
    ? await clusteredPoints(ports, dataset, cluster, prepared.points, fits)
    : await clusteredKeys(ports, dataset, cluster, fits);
  const index = prepared.points?.table ?? 0;
  const tables = await writeTables(ports, fixed, plan, index, cluster, labelled, attempt);
  const folder = attemptFolder(fixed.run, 'cluster', attempt);
  const sample = labelled.sample && `${folder}/sample.json`;
  if (sample) await ports.objects.put({ bucket: ports.places.work, key: sample }, JSON.stringify(labelled.sample));
  return {
    tables,
    ...(labelled.file ? { file: { ...labelled.file, ...outputPlace(ports, fixed) } } : {}),
    report: { ...labelled.report, ...(sample ? { sample } : {}) },
  };
}

async function fitsOf(ports: Ports, run: string, tasks: FitTask[]): Promise<FitReceipt[]> {
  const names = tasks.map(({ task }) => task);
  const outcomes = await readOutcomes<FitReceipt>(ports.objects, ports.places.work, run, 'fit', names);
  return outcomes.map((outcome, i) => {
    if ('receipt' in outcome) return outcome.receipt;
    const { name, message, where } = outcome.failure.error;
    const k = tasks[i]!.k;
    throw new SluiceError(
      name,
      `Clustering${k === null ? '' : ` with k = ${k}`} failed: ${message}`,
      where ? { where } : {},
    );
  });
}

async function writeTables(
  ports: Ports,
  fixed: RunRequest,
  plan: Plan,
  index: number,
  cluster: ClusterPlan,
  labelled: Labelled,
  attempt: string,
): Promise<Clustered['tables']> {
  const { dataset } = fixed.request;
  const base = plan.tables[index]!;
  const state = await openLog(ports.objects, ports.places.work, dataset.name).head();
  const table = clustersTable(base, dataset, state, labelled.distances !== undefined);
  const summary = summaryTable(
    table,
    base,
    dataset,
    state,
    labelled.summary.map(({ name }) => name),
  );
  const scratch = await ports.newScratch();
  try {
    const rows = `${scratch}/rows.parquet`;
    const { key, etag } = labelled.rows;
    await ports.objects.download({ bucket: ports.places.work, key }, rows, { ifMatch: etag });
    await mkdir(`${scratch}/out`, { recursive: true });
    const engine = await ports.engine();
    const isKeys = cluster.kind === undefined;
    const folder = attemptFolder(fixed.run, 'cluster', attempt);
    await using uploads = new FileUploads(ports, (n) => `${folder}/final-${n}`);
    const written = await engine.writeClusters({
      rows,
      columns: isKeys ? base.columns.filter(({ name }) => name === 'key') : base.columns,
      labels: labelled.labels,
      unlabelled: labelled.unlabelled,
      distances: labelled.distances,
      clusteredOnly: isKeys && !dataset.cluster!.keepNoise,
      table: { columns: table.columns, writing: table.writing },
      summary: {
        columns: summary.columns,
        writing: summary.writing,
        clusters: labelled.clusters,
        values: labelled.summary,
      },
      scratch: `${scratch}/out`,
      onFile: uploads.begin,
    });
    return [
      { planned: table, files: await storedFiles(uploads, written.clusters) },
      { planned: summary, files: await storedFiles(uploads, written.summary) },
    ];
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function storedFiles(uploads: FileUploads, files: FinalFile[]): Promise<FinalStoredFile[]> {
  return Promise.all(
    files.map(async (file) => ({
      ...(await uploads.stored(file)),
      format: file.format,
      partition: file.partition,
    })),
  );
}

/** Where `clusters.csv.gz` goes: a fixed name, outside every table. */
function outputPlace(ports: Ports, { request }: RunRequest): { bucket: string; to: string } {
  const output = request.dataset.cluster!.output!;
  const path = output.path.replaceAll(/\{(\w+)\}/g, (token, name: string) => {
    const value = request.constants[name];
    if (value === undefined) throw new BadInput(`cluster.output.path has ${token}, which the run has no value for`);
    return value;
  });
  return { bucket: output.bucket ?? ports.places.lake, to: `${path}/clusters.csv.gz` };
}
