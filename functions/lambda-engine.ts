import { duckdbEngine } from '../shared/engine/duckdb-engine.ts';
import type { TableEngine } from '../shared/engine/table-engine.ts';
import { ENGINE_MEMORY_SHARE } from '../shared/limits.ts';

/**
 * The engine of a Lambda function, for the steps that read or write tables. Only their handlers may import this: the engine
 * is a native library, packaged with these functions alone (package.patterns in serverless.yml).
 */
export function lambdaEngine(): TableEngine {
  // What the machine says that it has is not what the function was given.
  const memoryMb = Number(process.env['AWS_LAMBDA_FUNCTION_MEMORY_SIZE']);
  return duckdbEngine(memoryMb > 0 ? { memoryBytes: memoryMb * 1024 * 1024 * ENGINE_MEMORY_SHARE } : {});
}
