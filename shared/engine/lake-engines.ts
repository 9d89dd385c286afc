import { randomUUID } from 'node:crypto';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import type { DuckDBInstance } from '@duckdb/node-api';
import { LAKE_MEMORY_SHARE, SPARE_DATABASE_IDLE_MS } from '../limits.ts';
import { openDatabase } from './duckdb.ts';

/**
 * By the folder for spill, an instance with nothing attached, and what closes it if nobody comes for it. To make one takes 10 ms,
 * longer than most of what is done with a lake.
 */
const idle = new Map<string, { engine: Promise<DuckDBInstance>; timer: NodeJS.Timeout }>();

/** Begins to make an instance for whoever opens a lake next, unless there is one. */
export function prepareLakeEngine(scratch = tmpdir()): void {
  if (idle.has(scratch)) return;
  const engine = makeLakeEngine(scratch);
  // What went wrong is told to whoever takes it.
  engine.catch(() => undefined);
  keep(engine, scratch);
}

/** An instance to attach a lake to; who is done with it gives it back, or closes it. */
export async function takeLakeEngine(scratch = tmpdir()): Promise<DuckDBInstance> {
  const held = idle.get(scratch);
  if (!held) return makeLakeEngine(scratch);
  idle.delete(scratch);
  clearTimeout(held.timer);
  return held.engine;
}

/** Takes an instance back: with its settings as they were made, and nothing attached. */
export function giveBackLakeEngine(engine: DuckDBInstance, scratch = tmpdir()): void {
  if (idle.has(scratch)) engine.closeSync();
  else keep(Promise.resolve(engine), scratch);
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

function keep(engine: Promise<DuckDBInstance>, scratch: string): void {
  const close = (): void => {
    idle.delete(scratch);
    engine.then(
      (instance) => instance.closeSync(),
      () => undefined,
    );
  };
  idle.set(scratch, { engine, timer: setTimeout(close, SPARE_DATABASE_IDLE_MS).unref() });
}
