import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { chooseK, type KFit } from '../../shared/clustering/choose-k.ts';
import { prepareFeatures } from '../../shared/clustering/features.ts';
import { clusterDistances, clusterPoints, distancesNeeded, fitKMeans } from '../../shared/clustering/run.ts';
import { type ClusterPlan, ClusterSettings, clusterPlan } from '../../shared/dataset/cluster.ts';
import { parseDataset } from '../../shared/dataset/parse.ts';
import type { LoadRequest } from '../../shared/dataset/request.ts';
import { queryLake } from '../../shared/engine/lake-database.ts';
import { ident } from '../../shared/engine/sql.ts';
import { BadInput, BadRequest, CorruptFile, fromErrorRecord, SluiceError } from '../../shared/errors.ts';
import { detectContainer } from '../../shared/formats/container.ts';
import { csvField } from '../../shared/formats/csv/write-field.ts';
import { DistanceReader } from '../../shared/formats/distances/read-distances.ts';
import { inflateChunks, inflateSample } from '../../shared/formats/gzip.ts';
import { EdgeStore } from '../../shared/kernels/edge-store.ts';
import { type KMeansData, prepareKMeans } from '../../shared/kernels/kmeans.ts';
import { silhouette } from '../../shared/kernels/silhouette.ts';
import { CLUSTER_K_MAX } from '../../shared/limits.ts';
import type { Invocation } from '../cli.ts';
import { execute } from '../execute.ts';
import { EXIT } from '../exit.ts';
import { openHome } from '../home.ts';
import { checkFiles } from '../named-file.ts';
import { count } from '../print.ts';
import { placeFiles } from './load.ts';

export interface ClusterOptions {
  algorithm?: string;
  params?: string;
  features?: string[];
  normalize?: string;
  surface?: string;
  key?: string;
  out?: string;
}

/** What is told of a clustering; `--json` prints it as it is. */
interface Outcome {
  clusters: number;
  noise: number;
  inertia?: number;
  silhouette?: number;
  k?: number;
}

interface Labelled {
  outcome: Outcome;
  reason: string | undefined;
  /** One a key or row, in the order of the input; null: not clustered. */
  label(index: number): number | null;
  key(index: number): string;
  count: number;
}

/** `sluice cluster`: the keys of distance lists, or the points of files or of a published table, at once and without a trace in the lake. */
export async function cluster(at: Invocation, inputs: string[], options: ClusterOptions): Promise<number> {
  const isTable = inputs.length === 1 && !existsSync(inputs[0]!) && /^[a-z0-9_]+\.[a-z0-9_]+$/.test(inputs[0]!);
  if (!isTable) await checkFiles(inputs, 'cluster');
  const distances = !isTable && options.features === undefined && (await isDistances(inputs[0]!));
  const plan = planOf(options, distances);
  for (const notice of plan.notices) at.output.err(notice);
  const labelled = distances
    ? await clusterLists(at, inputs, plan, options)
    : await clusterRows(at, inputs, isTable, plan, options);
  if (options.out !== undefined) {
    await pipeline(csv(labelled), createWriteStream(options.out));
  }
  const { outcome, reason } = labelled;
  if (at.output.json) {
    at.output.out(JSON.stringify(outcome, null, 2));
    return EXIT.done;
  }
  const what = count(labelled.count, distances ? 'key' : 'row');
  at.output.out(`${count(outcome.clusters, 'cluster')} of ${what}, ${outcome.noise} noise`);
  if (reason) at.output.out(reason);
  if (outcome.inertia !== undefined) at.output.out(`inertia ${outcome.inertia}`);
  if (outcome.silhouette !== undefined) at.output.out(`mean silhouette ${outcome.silhouette.toFixed(4)}`);
  if (options.out === undefined) at.output.err('--out labels.csv writes the cluster of each');
  return EXIT.done;
}

function planOf(options: ClusterOptions, distances: boolean): ClusterPlan {
  const { algorithm, params, features, normalize, surface } = options;
  if (!distances && !features) {
    throw new BadRequest(
      'Say which columns points are made of: --features a,b; a list of distances has key1,key2,distance',
    );
  }
  const given = { algorithm, params, features, normalize, surface };
  const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  const settings = ClusterSettings.safeParse(said);
  if (!settings.success) {
    const [issue] = settings.error.issues;
    throw new BadRequest(`--${issue!.path.join('.')}: ${issue!.message}`);
  }
  const read = clusterPlan(settings.data, distances ? 'distances' : 'points');
  if ('problems' in read) throw new BadRequest(read.problems[0]!.message.replace('HYPER_PARAMS', '--params'));
  return read.plan;
}

/** By the first line: the three names, in any order. */
async function isDistances(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const head = Buffer.alloc(64 * 1024);
    const { bytesRead } = await file.read(head, 0, head.length, 0);
    const bytes = head.subarray(0, bytesRead);
    const container = detectContainer(bytes, path);
    if (container !== 'plain' && container !== 'gzip' && container !== 'zstd') return false;
    const text = container === 'plain' ? bytes : await inflateSample(bytes, container, 4_096, { where: path });
    const [line = ''] = Buffer.from(text)
      .toString('utf8')
      .replace(/^\ufeff/, '')
      .split(/\r?\n/, 1);
    const names = line.split(',').map((name) => name.trim().replace(/^"|"$/g, '').toLowerCase());
    return ['key1', 'key2', 'distance'].every((name) => names.includes(name));
  } finally {
    await file.close();
  }
}

async function clusterLists(
  at: Invocation,
  files: string[],
  { method }: ClusterPlan,
  options: ClusterOptions,
): Promise<Labelled> {
  if (options.key !== undefined) throw new BadRequest('--key is for points; the keys of distances are key1 and key2');
  const needed = distancesNeeded(method);
  const store = new EdgeStore({ distances: needed.kept });
  let rejected = 0;
  let reader: DistanceReader | undefined;
  for (const file of files) {
    const own = new DistanceReader(
      { within: needed.within, integers: false },
      {
        edge: (a, b, distance) => store.add(a, b, distance),
        reject: ({ line, reason }) => {
          if (rejected++ === 0) at.output.err(`rejected ${file}:${line}: ${reason}`);
        },
      },
      reader?.keys,
    );
    for await (const chunk of await chunksOf(file)) feed(own, chunk, file);
    own.end();
    reader = own;
  }
  if (rejected > 1) at.output.err(`${rejected} lines were rejected`);
  const keys = reader!.keys;
  const { labels, clusters, noise } = told(() => clusterDistances(store.toGraph(keys.count), method));
  return {
    outcome: { clusters, noise },
    reason: undefined,
    label: (index) => labels[index]!,
    key: (index) => keys.textOf(index),
    count: keys.count,
  };
}

function feed(reader: DistanceReader, chunk: Uint8Array, file: string): void {
  try {
    reader.feed(chunk);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new CorruptFile(`${file} is no list of distances: ${cause.message}`, { where: file, cause });
  }
}

async function chunksOf(file: string): Promise<AsyncIterable<Uint8Array>> {
  const handle = await open(file);
  const head = Buffer.alloc(4_096);
  const { bytesRead } = await handle.read(head, 0, head.length, 0);
  await handle.close();
  const container = detectContainer(head.subarray(0, bytesRead), file);
  const stream: AsyncIterable<Uint8Array> = createReadStream(file, { highWaterMark: 1 << 20 });
  return container === 'gzip' || container === 'zstd' ? inflateChunks(stream, container, { where: file }) : stream;
}

async function clusterRows(
  at: Invocation,
  inputs: string[],
  isTable: boolean,
  plan: ClusterPlan,
  options: ClusterOptions,
): Promise<Labelled> {
  if (isTable) return ofTable(join(at.home, 'lake.duckdb'), inputs[0]!, plan, options);
  // Files are read as a load reads them, in a home that is gone afterwards.
  const folder = await mkdtemp(join(tmpdir(), 'sluice-cluster-'));
  try {
    const home = await openHome(folder, { signal: at.signal });
    try {
      const dataset = parseDataset(
        {
          name: 'points',
          source: { prefix: 'points/' },
          target: { database: 'points', table: 'points', mode: 'overwrite' },
        },
        'sluice cluster',
      );
      const request: LoadRequest = {
        dataset,
        trigger: 'person',
        objects: await placeFiles(home, 'points/', inputs),
        referenceTime: new Date().toISOString(),
        constants: {},
        force: true,
        notices: [],
      };
      const result = await execute(home, request, { signal: at.signal });
      if (result.run.status !== 'succeeded') {
        throw result.error
          ? fromErrorRecord(result.error)
          : new BadInput(`There is nothing to cluster in ${inputs.join(', ')}`);
      }
      const made = result.tables.map(({ table }) => table);
      const table = made.includes('points') ? 'points' : 'points_flashes';
      return await ofTable(home.lake, `points.${table}`, plan, options);
    } finally {
      await home.close();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function ofTable(lake: string, table: string, plan: ClusterPlan, options: ClusterOptions): Promise<Labelled> {
  const [database, name] = table.split('.') as [string, string];
  const list = plan.features.map((feature, f) => `CAST(${ident(feature)} AS DOUBLE) AS f${f}`);
  const key = options.key === undefined ? [] : [`CAST(${ident(options.key)} AS VARCHAR) AS key`];
  const sql = `SELECT ${[...list, ...key].join(', ')} FROM ${ident(database)}.${ident(name)}`;
  const { rows } = await queryLake({ path: lake }, sql);
  const columns = plan.features.map((_, f) =>
    Float64Array.from(rows, (row) => (row[f] === null ? Number.NaN : Number(row[f]))),
  );
  const missing = plan.features.map((_, f) => Uint8Array.from(rows, (row) => Number(row[f] === null)));
  const normalize = (options.normalize ?? 'none') as 'none' | 'zscore' | 'minmax';
  const kind = plan.kind ?? 'plane';
  const prepared = prepareFeatures(columns, { features: plan.features, kind, normalize, ranges: {} }, missing);
  const { points, dimensions, rows: rowOf } = prepared;
  const { labels, outcome, reason } = told(() => fitPoints(points, dimensions, plan));
  const place = new Int32Array(rows.length).fill(-1);
  for (let i = 0; i < rowOf.length; i++) place[rowOf[i]!] = i;
  return {
    outcome,
    reason,
    label: (row) => (place[row]! < 0 ? null : labels[place[row]!]!),
    key: (row) => (options.key === undefined ? String(row) : String(rows[row]![plan.features.length] ?? '')),
    count: rows.length,
  };
}

function fitPoints(
  points: Float64Array,
  dimensions: number,
  { method, fixedK }: ClusterPlan,
): {
  labels: Int32Array;
  outcome: Outcome;
  reason: string | undefined;
} {
  if (method.algorithm !== 'KMeans') {
    const { labels, clusters, noise } = clusterPoints(points, dimensions, method);
    const { mean } = silhouette(points, dimensions, labels);
    return {
      labels,
      outcome: { clusters, noise, ...(Number.isNaN(mean) ? {} : { silhouette: mean }) },
      reason: undefined,
    };
  }
  const data: KMeansData = prepareKMeans(points, dimensions);
  const most = Math.min(data.distinct, CLUSTER_K_MAX);
  const ks = fixedK === undefined ? Array.from({ length: most }, (_, i) => i + 1) : data.count > 0 ? [fixedK] : [];
  const fits: KFit[] = ks.map((k) => {
    const { labels, kmeans } = fitKMeans(data, method, k);
    const { mean, method: way, interval } = silhouette(points, dimensions, labels, { randomState: method.randomState });
    const own = Number.isNaN(mean) ? {} : { silhouette: { mean, method: way, interval } };
    return { k: kmeans.k, inertia: kmeans.inertia, ...own };
  });
  const choice = chooseK(fits, 'silhouette', fixedK);
  const chosen = fits.find(({ k }) => k === choice.k);
  if (!chosen) return { labels: new Int32Array(0), outcome: { clusters: 0, noise: 0 }, reason: choice.reason };
  const { labels } = fitKMeans(data, method, chosen.k);
  return {
    labels,
    outcome: {
      clusters: chosen.k,
      noise: 0,
      inertia: chosen.inertia,
      ...(chosen.silhouette ? { silhouette: chosen.silhouette.mean } : {}),
      k: chosen.k,
    },
    reason: choice.reason,
  };
}

/** What a kernel refuses lies in the points or the parameters. */
function told<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof SluiceError || !(cause instanceof RangeError)) throw cause;
    throw new BadInput(cause.message, { cause });
  }
}

function* csv({ label, key, count: rows }: Labelled): Generator<string> {
  let block = 'key,cluster\n';
  for (let i = 0; i < rows; i++) {
    const name = key(i);
    block += `${csvField(name)},${label(i) ?? ''}\n`;
    if (block.length < 1 << 16) continue;
    yield block;
    block = '';
  }
  yield block;
}
