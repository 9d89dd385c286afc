import { createWriteStream } from 'node:fs';
import { stat, writeFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { ClusterMethod } from '../../../shared/clustering/algorithms.ts';
import { clusterDistances, distancesNeeded } from '../../../shared/clustering/run.ts';
import { readOutcomes } from '../../../shared/commit/receipts.ts';
import { runFiles } from '../../../shared/commit/run-files.ts';
import { storeFile } from '../../../shared/commit/store-file.ts';
import type { Dataset } from '../../../shared/dataset/dataset.ts';
import type { FitReceipt } from '../../../shared/domain/cluster.ts';
import type { ConvertReceipt, StoredFile, StoredGraph } from '../../../shared/domain/load.ts';
import { csvField } from '../../../shared/formats/csv/write-field.ts';
import { readEdges, readKeys } from '../../../shared/formats/distances/graph-file.ts';
import { KeyTable } from '../../../shared/formats/distances/key-table.ts';
import { writeParquetColumns } from '../../../shared/formats/parquet/write-columns.ts';
import { EdgeStore, type NeighbourGraph } from '../../../shared/kernels/edge-store.ts';
import type { Ports } from '../../../shared/ports/ports.ts';

/**
 * Clusters the keys of the run's lists of distances, in the order of the keys: whatever the order of lists and lines, the clusters are
 * the same to their numbers. Leaves labels, keys and, where it is asked for, the file of `cluster,key`.
 */
export async function fitDistances(
  ports: Ports,
  run: string,
  dataset: Dataset,
  method: ClusterMethod,
  { scratch, folder }: { scratch: string; folder: string },
): Promise<Omit<FitReceipt, 'task' | 'attempt'>> {
  const { cluster } = dataset;
  const integers = cluster?.keys === 'integers';
  const { graph, keys, order } = await graphOf(ports, run, distancesNeeded(method).kept, integers);
  const { labels, clusters, noise } = clusterDistances(graph, method);

  const put = async (name: string, path: string) =>
    storeFile(ports, { path, rows: keys.count, bytes: (await stat(path)).size }, `${folder}/${name}`);
  await writeFile(`${scratch}/labels`, Buffer.from(labels.buffer, labels.byteOffset, labels.byteLength));
  const values = integers
    ? BigInt64Array.from(order, (key) => BigInt(keys.textOf(key)))
    : (row: number) => keys.bytesOf(order[row]!);
  await writeParquetColumns(
    `${scratch}/keys.parquet`,
    [{ name: 'key', type: integers ? 'bigint' : 'string', values }],
    keys.count,
  );
  let csv: StoredFile | undefined;
  if (cluster?.output) {
    const lines = linesOf(keys, order, labels, cluster.keepNoise);
    await pipeline(lines, createGzip(), createWriteStream(`${scratch}/clusters.csv.gz`));
    csv = await put('clusters.csv.gz', `${scratch}/clusters.csv.gz`);
  }
  return {
    clusters,
    noise,
    labels: await put('labels', `${scratch}/labels`),
    keys: await put('keys.parquet', `${scratch}/keys.parquet`),
    ...(csv ? { csv } : {}),
  };
}

/** The graph of all lists, its nodes in the order of their keys. What it is made of is let go of when it is made. */
async function graphOf(
  ports: Ports,
  run: string,
  weighted: boolean,
  integers: boolean,
): Promise<{ graph: NeighbourGraph; keys: KeyTable; order: Uint32Array }> {
  const graphs = await graphsOf(ports, run);
  const keys = new KeyTable();
  const numbers: Uint32Array[] = [];
  for (const graph of graphs) numbers.push(await readKeys(await streamOf(ports, graph.keys), keys, graph.keys.rows));
  const order = keys.sorted(integers ? 'integers' : 'bytes');
  const places = new Uint32Array(order.length);
  for (let place = 0; place < order.length; place++) places[order[place]!] = place;

  const store = new EdgeStore({ distances: weighted });
  for (const [i, graph] of graphs.entries()) {
    const own = numbers[i]!;
    for (let key = 0; key < own.length; key++) own[key] = places[own[key]!]!;
    await readEdges(await streamOf(ports, graph.edges), weighted, (a, b, distance) =>
      store.add(own[a]!, own[b]!, distance),
    );
  }
  return { graph: store.toGraph(keys.count), keys, order };
}

/** Of lists that were read to their ends. */
async function graphsOf(ports: Ports, run: string): Promise<StoredGraph[]> {
  const gathered = await runFiles(ports, run).gathered();
  const tasks = gathered.counted.map(({ task }) => task);
  const outcomes = await readOutcomes<ConvertReceipt>(ports.objects, ports.places.work, run, 'convert', tasks);
  return outcomes.flatMap((outcome) => ('receipt' in outcome ? (outcome.receipt.graphs ?? []) : []));
}

function streamOf(ports: Ports, { key, etag }: StoredFile): Promise<AsyncIterable<Uint8Array>> {
  return ports.objects.stream({ bucket: ports.places.work, key }, { ifMatch: etag });
}

/** `cluster,key` in CSV, block by block. */
function* linesOf(keys: KeyTable, order: Uint32Array, labels: Int32Array, keepNoise: boolean): Generator<string> {
  let block = 'cluster,key\n';
  for (const [place, key] of order.entries()) {
    if (labels[place]! < 0 && !keepNoise) continue;
    const text = keys.textOf(key);
    block += `${labels[place]},${csvField(text)}\n`;
    if (block.length < 1 << 16) continue;
    yield block;
    block = '';
  }
  if (block !== '') yield block;
}
