import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ENGINE_JOBS_AT_ONCE, ENGINE_LIMIT_SHARE, STREAMING_BYTES_A_THREAD } from '../limits.ts';
import { clusterTablesJob, collectJob } from './cluster-jobs.ts';
import { convertJob } from './convert-job.ts';
import { describeShape, parquetShape } from './parquet-files.ts';
import { varyingPartitions } from './partition-sql.ts';
import { repartitionJob } from './repartition-job.ts';
import { Session } from './session.ts';
import { sizingOf } from './sizing.ts';
import type { ConvertJob, ConvertOutcome, TableEngine } from './table-engine.ts';
import { Turns } from './turns.ts';

export interface DuckdbEngineOptions {
  /** Threads of a job; by default `sizingOf`. */
  threads?: number;
  /** What a job may take of the machine's memory, in bytes; by default `sizingOf`. */
  memoryBytes?: number;
  /** … and what one is given at first whose rows only pass through; by default a share for each thread. */
  streamingBytes?: number;
  /** Ends the job under way and refuses others: for a process that is to end at once, and would wait for the engine's threads. */
  signal?: AbortSignal;
}

/**
 * The table engine on DuckDB. Jobs run one at a time, since each takes all threads and the memory, but for batches of inputs: of these
 * some run side by side, each with its share of both. Each job is on an instance of its own that can touch its files and no others.
 */
export function duckdbEngine(options: DuckdbEngineOptions = {}): TableEngine {
  const sizing = sizingOf();
  const threads = options.threads ?? sizing.threads;
  const { signal } = options;
  const memoryBytes = options.memoryBytes === undefined ? sizing.engineBytes : options.memoryBytes * ENGINE_LIMIT_SHARE;
  const atOnce = threads > 1 ? ENGINE_JOBS_AT_ONCE : 1;
  const turns = new Turns(atOnce);

  function withSession<T>(
    job: { scratch: string; inputs: readonly string[]; timezone?: string; log?: boolean; memoryBytes?: number },
    work: (session: Session) => Promise<T>,
    jobsAtOnce = 1,
  ): Promise<T> {
    return turns.take(Math.floor(atOnce / jobsAtOnce), async () => {
      signal?.throwIfAborted();
      const session = await Session.open({
        memoryBytes,
        ...job,
        threads: Math.max(1, Math.floor(threads / jobsAtOnce)),
      });
      const interrupt = () => session.interrupt();
      signal?.addEventListener('abort', interrupt, { once: true });
      try {
        signal?.throwIfAborted();
        return await work(session);
      } finally {
        signal?.removeEventListener('abort', interrupt);
        await session.close();
      }
    });
  }

  /**
   * Rows that only pass through are given little memory at first, and all of it where that turns out too little. Batches share that
   * little, and the threads: what one does by a single thread, as reading its inputs and encoding Avro, another's engine works beside.
   */
  async function convert(job: ConvertJob): Promise<ConvertOutcome> {
    const given = { ...job, inputs: job.inputs.map(({ path }) => path), log: true };
    const work = (session: Session) => convertJob(session, job);
    const little = options.streamingBytes ?? threads * STREAMING_BYTES_A_THREAD;
    if (!isStreamed(job) || little >= memoryBytes) return withSession(given, work);
    const jobsAtOnce = job.othersFollow && job.inputs.length > 1 ? atOnce : 1;
    try {
      return await withSession({ ...given, memoryBytes: little / jobsAtOnce }, work, jobsAtOnce);
    } catch (error) {
      if (!isOutOfMemory(error)) throw error;
      return withSession(given, work);
    }
  }

  return {
    convert,
    repartition: (job) => withSession(job, (session) => repartitionJob(session, job)),
    collectRows: (job) =>
      withSession({ ...job, inputs: job.inputs.map(({ path }) => path) }, (session) => collectJob(session, job)),
    writeClusters: (job) => withSession({ ...job, inputs: [job.rows] }, (session) => clusterTablesJob(session, job)),
    async describeParquet(path) {
      const scratch = await mkdtemp(join(tmpdir(), 'sluice-describe-'));
      try {
        return await withSession({ scratch, inputs: [path] }, async (session) =>
          describeShape(await parquetShape(session, path, path)),
        );
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
    },
    close: () => turns.idle(),
  };
}

/** Whether rows are written as they are read, in no other order and to one file at a time. */
function isStreamed({ target, writing }: ConvertJob): boolean {
  return target.kind === 'final' && writing.sortBy.length === 0 && varyingPartitions(writing.partitions).length === 0;
}

function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && /^Out of Memory/i.test(error.message);
}
