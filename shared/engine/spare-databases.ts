import { DuckDBInstance } from '@duckdb/node-api';
import { IdleEngines } from './idle-engines.ts';
import { ident, literal } from './sql.ts';

/** No extension is fetched or loaded behind the user's back. */
const ALWAYS = { autoinstall_known_extensions: 'false', autoload_known_extensions: 'false' };

const MEMORY = ':memory:';

/** An instance in memory that nothing was done with yet, or none. */
const spare = new IdleEngines();

/**
 * Begins to make an instance in memory for whoever opens the next one. It takes 10 ms of another thread, and who knows that one
 * will be needed has other things to do meanwhile.
 */
export function prepareDatabase(): void {
  if (!spare.has(MEMORY)) spare.keep(MEMORY, DuckDBInstance.create(MEMORY, ALWAYS));
}

/** Opens a database with settings by the engine's names; of those in memory one that was prepared, where there is one. */
export async function createDatabase(path: string, settings: Record<string, string>): Promise<DuckDBInstance> {
  const prepared = spare.take(path);
  if (!prepared) return DuckDBInstance.create(path, { ...ALWAYS, ...settings });
  const instance = await prepared;
  try {
    const sets = Object.entries(settings).map(([name, value]) => `SET GLOBAL ${ident(name)} = ${literal(value)}`);
    const connection = await instance.connect();
    try {
      await connection.run(sets.join('; '));
    } finally {
      connection.closeSync();
    }
  } catch (error) {
    instance.closeSync();
    throw error;
  }
  return instance;
}
