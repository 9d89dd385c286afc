import { DuckDBInstance } from '@duckdb/node-api';
import { SPARE_DATABASE_IDLE_MS } from '../limits.ts';
import { ident, literal } from './sql.ts';

/** No extension is fetched or loaded behind the user's back. */
const ALWAYS = { autoinstall_known_extensions: 'false', autoload_known_extensions: 'false' };

/** An instance in memory that nothing was done with yet, and what closes it if nobody comes for it. */
let spare: { made: Promise<DuckDBInstance>; timer: NodeJS.Timeout } | undefined;

/**
 * Begins to make an instance in memory for whoever opens the next one. It takes 10 ms of another thread, and who knows that one
 * will be needed has other things to do meanwhile.
 */
export function prepareDatabase(): void {
  if (spare) return;
  const made = DuckDBInstance.create(':memory:', ALWAYS);
  const close = () => {
    if (spare?.made !== made) return;
    spare = undefined;
    made.then(
      (instance) => instance.closeSync(),
      () => undefined,
    );
  };
  // What went wrong is told to whoever takes it.
  made.catch(() => undefined);
  spare = { made, timer: setTimeout(close, SPARE_DATABASE_IDLE_MS).unref() };
}

/** Opens a database with settings by the engine's names; of those in memory one that was prepared, where there is one. */
export async function createDatabase(path: string, settings: Record<string, string>): Promise<DuckDBInstance> {
  if (path !== ':memory:' || !spare) return DuckDBInstance.create(path, { ...ALWAYS, ...settings });
  const { made, timer } = spare;
  spare = undefined;
  clearTimeout(timer);
  const instance = await made;
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
