import { open, stat } from 'node:fs/promises';
import { distancesNeeded } from '../../shared/clustering/run.ts';
import { readFailure, storeOf } from '../../shared/commit/source-store.ts';
import { storeFile } from '../../shared/commit/store-file.ts';
import { clusterPlanOf } from '../../shared/dataset/cluster.ts';
import type { Dataset } from '../../shared/dataset/dataset.ts';
import type { ConvertInput, ConvertReceipt, ConvertTask, StoredFile, StoredGraph } from '../../shared/domain/load.ts';
import { judgeRejects } from '../../shared/domain/tolerance.ts';
import type { RejectedRow } from '../../shared/engine/table-engine.ts';
import { CorruptFile, isObjectFault, objectErrorRecord } from '../../shared/errors.ts';
import { EdgeFileWriter, keyBytes } from '../../shared/formats/distances/graph-file.ts';
import { type DistanceCounts, DistanceReader } from '../../shared/formats/distances/read-distances.ts';
import { inflateChunks } from '../../shared/formats/gzip.ts';
import { uri } from '../../shared/ports/object-store.ts';
import type { Ports } from '../../shared/ports/ports.ts';

type Account = ConvertReceipt['accounts'][number];

/**
 * Lists of distances as the edges that their clustering needs: each is read once, in a stream, and leaves its keys and the pairs
 * within reach. What a list holds in memory are its keys.
 */
export async function convertDistances(
  ports: Ports,
  dataset: Dataset,
  task: ConvertTask,
  scratch: string,
  folder: string,
): Promise<Pick<ConvertReceipt, 'accounts' | 'rejects' | 'graphs' | 'staged' | 'files'>> {
  const accounts: Account[] = [];
  const graphs: StoredGraph[] = [];
  const rejects = await openRejects(`${scratch}/rejects.jsonl`);
  for (const [index, input] of task.inputs.entries()) {
    const startedAt = ports.clock.now().getTime();
    const where = uri(input.source);
    const base = { input: index, rowsRead: 0, rowsWritten: 0, rowsRejected: 0, bytesRead: 0, lines: 0 };
    const paths = { keys: `${scratch}/keys-${index}`, edges: `${scratch}/edges-${index}` };
    try {
      const { counts, keys, edges } = await readList(ports, dataset, input, paths, rejects.add);
      const { rows, rejected, lines } = counts;
      accounts.push({
        ...base,
        ...{ rowsRead: rows, rowsWritten: rows - rejected, rowsRejected: rejected, lines },
        bytesRead: input.source.sizeBytes,
        durationMs: ports.clock.now().getTime() - startedAt,
        ...(counts.first === undefined ? {} : { firstReject: counts.first }),
      });
      graphs.push({
        input: index,
        keys: await store(ports, paths.keys, keys, `${folder}/keys-${index}`),
        edges: await store(ports, paths.edges, edges, `${folder}/edges-${index}`),
      });
    } catch (error) {
      if (!isObjectFault(error)) throw error;
      const durationMs = ports.clock.now().getTime() - startedAt;
      accounts.push({ ...base, durationMs, failed: objectErrorRecord(error, where) });
    }
  }
  const rows = await rejects.close();
  const file = rows > 0 ? await store(ports, `${scratch}/rejects.jsonl`, rows, `${folder}/rejects.jsonl`) : undefined;
  return { accounts, graphs, rejects: file, staged: [], files: [] };
}

async function store(ports: Ports, path: string, rows: number, key: string): Promise<StoredFile> {
  return storeFile(ports, { path, rows, bytes: (await stat(path)).size }, key);
}

interface Counts extends DistanceCounts {
  /** The first rejected line's reason. */
  first: string | undefined;
}

async function readList(
  ports: Ports,
  dataset: Dataset,
  { source, part }: ConvertInput,
  paths: { keys: string; edges: string },
  reject: (row: RejectedRow) => Promise<void>,
): Promise<{ counts: Counts; keys: number; edges: number }> {
  const where = uri(source);
  const needed = distancesNeeded(clusterPlanOf(dataset, 'distances').method);
  const edges = await EdgeFileWriter.create(paths.edges, needed.kept);
  let isFull = false;
  let first: string | undefined;
  const bad: RejectedRow[] = [];
  const reader = new DistanceReader(
    { within: needed.within, integers: dataset.cluster?.keys === 'integers' },
    {
      edge(a, b, distance) {
        if (edges.add(a, b, distance)) isFull = true;
      },
      reject(line) {
        first ??= `line ${line.line}: ${line.reason}`;
        bad.push({ uri: where, entry: null, ...line });
      },
    },
  );
  try {
    for await (const chunk of chunksOf(ports, dataset, { source, part })) {
      try {
        reader.feed(chunk);
      } catch (cause) {
        if (!(cause instanceof RangeError)) throw cause;
        throw new CorruptFile(`${where} is no list of distances: ${cause.message}`, { where, cause });
      }
      // Without waiting for the disk, what is yet to be written would pile up.
      if (isFull) await edges.flush();
      isFull = false;
      for (const row of bad.splice(0)) await reject(row);
    }
    const counts = reader.end();
    for (const row of bad.splice(0)) await reject(row);
    const beyond = judgeRejects(where, { rejected: counts.rejected, read: counts.rows, first }, dataset.rejects);
    if (beyond) throw beyond;
    const file = await open(paths.keys, 'w');
    try {
      for (const block of keyBytes(reader.keys)) await file.writeFile(block);
    } finally {
      await file.close();
    }
    return { counts: { ...counts, first }, keys: reader.keys.count, edges: edges.edges };
  } finally {
    await edges.close();
  }
}

async function* chunksOf(
  ports: Ports,
  dataset: Dataset,
  { source, part }: Pick<ConvertInput, 'source' | 'part'>,
): AsyncGenerator<Uint8Array> {
  const kind = part.compression;
  try {
    const store = storeOf(ports, dataset.source.access, source);
    const stream = await store.stream(source, { ifMatch: source.etag });
    yield* kind === 'gzip' || kind === 'zstd' ? inflateChunks(stream, kind, { where: uri(source) }) : stream;
  } catch (error) {
    throw readFailure(source, error);
  }
}

/** Rejected lines of all lists, as they come. */
async function openRejects(path: string) {
  const file = await open(path, 'w');
  let rows = 0;
  return {
    add: async (row: RejectedRow): Promise<void> => {
      rows++;
      await file.writeFile(`${JSON.stringify(row)}\n`);
    },
    close: async (): Promise<number> => {
      await file.close();
      return rows;
    },
  };
}
