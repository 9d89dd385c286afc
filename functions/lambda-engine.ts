import { duckdbEngine } from '../shared/engine/duckdb-engine.ts';
import type { TableEngine } from '../shared/engine/table-engine.ts';

/**
 * The engine of a Lambda function, for the steps that read or write tables. Only their handlers may import this: the engine
 * is a native library, packaged with these functions alone (package.patterns in serverless.yml).
 */
export function lambdaEngine(): TableEngine {
  return duckdbEngine();
}
