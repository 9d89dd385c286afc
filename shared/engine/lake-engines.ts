import { randomUUID } from 'node:crypto';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import type { DuckDBInstance } from '@duckdb/node-api';
import { LAKE_MEMORY_SHARE } from '../limits.ts';
import { openDatabase } from './duckdb.ts';
import { IdleEngines } from './idle-engines.ts';

/** By the folder for spill, an instance with nothing attached. To make one takes 10 ms, longer than most of what is done with a lake. */
const idle = new IdleEngines();

/** Begins to make an instance for whoever opens a lake next, unless there is one. */
export function prepareLakeEngine(scratch = tmpdir()): void {
  if (!idle.has(scratch)) idle.keep(scratch, makeLakeEngine(scratch));
}

/** An instance to attach a lake to; who is done with it gives it back, or closes it. */
export function takeLakeEngine(scratch = tmpdir()): Promise<DuckDBInstance> {
  return idle.take(scratch) ?? makeLakeEngine(scratch);
}

/** Takes an instance back: with its settings as they were made, and nothing attached. */
export function giveBackLakeEngine(engine: DuckDBInstance, scratch = tmpdir()): void {
  if (idle.has(scratch)) engine.closeSync();
  else idle.keep(scratch, Promise.resolve(engine));
}

/** An instance of one's own, to do with what one likes; the caller closes it. */
export function makeLakeEngine(scratch = tmpdir()): Promise<DuckDBInstance> {
  return openDatabase({
    path: ':memory:',
    threads: availableParallelism(),
    memoryBytes: totalmem() * LAKE_MEMORY_SHARE,
    // A folder of its own: the engine names its spill files by number only.
    scratch: join(scratch, `lake-spill-${randomUUID()}`),
  });
}
