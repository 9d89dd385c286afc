import { availableParallelism, totalmem } from 'node:os';
import { ENGINE_LIMIT_SHARE, ENGINE_MEMORY_SHARE, LAMBDA_MB_A_PROCESSOR } from '../limits.ts';

/** What this process may use; everything that grows with memory or processors is derived from it. */
export interface Sizing {
  /** Memory of the function, or of the machine, in bytes. */
  memoryBytes: number;
  /** Threads of the engine. */
  threads: number;
  /** The engine's own limit, in bytes: its process takes more, and Node, fetched files and buffers need the rest. */
  engineBytes: number;
}

export interface Machine {
  memoryBytes: number;
  processors: number;
}

/**
 * A Lambda is given memory, and processors by it: what the machine says that it has is not what the function may use.
 *
 * @param environment of the process; `AWS_LAMBDA_FUNCTION_MEMORY_SIZE` is in MiB
 */
export function sizingOf(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  machine: Machine = { memoryBytes: totalmem(), processors: availableParallelism() },
): Sizing {
  const functionMb = Number(environment['AWS_LAMBDA_FUNCTION_MEMORY_SIZE'] ?? 0);
  const given = functionMb > 0;
  const memoryBytes = given ? functionMb * 1024 * 1024 : machine.memoryBytes;
  const threads = given
    ? Math.min(machine.processors, Math.ceil(functionMb / LAMBDA_MB_A_PROCESSOR))
    : machine.processors;
  return { memoryBytes, threads, engineBytes: memoryBytes * ENGINE_MEMORY_SHARE * ENGINE_LIMIT_SHARE };
}
