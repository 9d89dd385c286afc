import { existsSync, mkdirSync, realpathSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep, setImmediate as soon } from 'node:timers/promises';
import { types } from 'node:util';
import type { DuckDBConnection, DuckDBExtractedStatements, DuckDBInstance } from '@duckdb/node-api';
import { BadInput, CatalogConflict } from '../errors.ts';
import { LAKE_BLOCK_BYTES, LAKE_OPEN_ATTEMPTS, LAKE_OPEN_PAUSE_MS } from '../limits.ts';
import { interruptAll, rowsOf } from './duckdb.ts';
import { giveBackLakeEngine, makeLakeEngine, takeLakeEngine } from './lake-engines.ts';
import { ident, literal } from './sql.ts';

/**
 * `lake.duckdb`: the file in which a local run leaves its tables. One process at a time can open it to write, and then no
 * other even to read; so it is opened for one piece of work and closed again.
 */
export interface LakeFile {
  /** The file's path; made where missing, but not by readers. */
  path: string;
  /** Folder under which to spill; default: the system's. */
  scratch?: string;
  /** Attempts at opening while another process holds the file. */
  attempts?: number;
  /** Waits between two attempts; tests give their own. */
  pause?: (milliseconds: number) => Promise<void>;
}

/** The opened file. Its own name in SQL is `LAKE`, which is also the default. */
export interface Lake {
  run(sql: string): Promise<void>;
  /** All rows, their values as the engine puts them in JSON. */
  rows(sql: string): Promise<unknown[][]>;
}

/**
 * The name under which the file is attached. By default the engine takes the file's own, `lake`, and then `lake.t` would
 * be ambiguous where a database is called `lake`; no database's name has a dot in it.
 */
export const LAKE = 'lake.duckdb';

export interface QueryResult {
  /** As the query names them; a name may come twice. */
  columns: string[];
  /** The engine's names: `BIGINT`, `VARCHAR`, `DECIMAL(18,3)`, … */
  types: string[];
  /**
   * Values that JSON can hold. Whole numbers are numbers up to 2^53 and text beyond; decimals, dates and times are text
   * (times in UTC), and so are `NaN` and the infinities.
   */
  rows: unknown[][];
}

/**
 * Opens the file for one piece of work, one at a time in this process (the engine's lock keeps processes apart, but not two
 * instances in one). What was committed is on the disk when it comes back; other processes can open the file then, or some
 * milliseconds `later`, with `lakeReleased`. `CatalogConflict` where another process holds it all the while, `BadInput` where it is no database
 * or, to read, not there.
 */
export async function withLake<T>(
  file: LakeFile,
  mode: 'read' | 'write',
  work: (lake: Lake) => Promise<T>,
  release: 'before' | 'later' = 'before',
): Promise<T> {
  if (mode === 'write') mkdirSync(dirname(file.path), { recursive: true });
  else requireLake(file);
  const onConnection = (connection: DuckDBConnection): Promise<T> =>
    work({
      run: async (sql) => void (await connection.run(sql)),
      rows: (sql) => rowsOf(connection, sql),
    });
  const { value, released } = await inTurn(file, async (held, queue) => {
    const { engine, value } = await onKeptEngine(file, mode, held, onConnection);
    return { value, released: release === 'before' ? detach(engine, file) : handOver(engine, file, queue) };
  });
  if (release === 'before') await released;
  return value;
}

/**
 * A person's query over the lake, opened to read only. Local files may be read too; the engine's settings are locked and no
 * extension is fetched. Of several statements the last one's result counts. `BadInput` for what the engine refuses, also
 * where `signal` has interrupted it.
 */
export async function queryLake(file: LakeFile, sql: string, signal?: AbortSignal): Promise<QueryResult> {
  requireLake(file);
  const ask = async (connection: DuckDBConnection): Promise<QueryResult> => {
    let stopInterrupting = (): void => undefined;
    const interrupt = () => {
      stopInterrupting = interruptAll([connection]);
    };
    signal?.addEventListener('abort', interrupt, { once: true });
    await connection.run('SET allow_community_extensions = false');
    await connection.run('SET lock_configuration = true');
    try {
      const statements = await statementsOf(connection, sql);
      let result: QueryResult = { columns: [], types: [], rows: [] };
      for (let i = 0; i < statements.count; i++) {
        signal?.throwIfAborted();
        const prepared = await statements.prepare(i);
        const reader = await prepared.runAndReadAll();
        const types = reader.columnTypes().map(String);
        result = { columns: reader.columnNames(), types, rows: withNumbers(reader.getRowsJson(), types) };
      }
      return result;
    } catch (error) {
      throw new BadInput(`Cannot run the query: ${messageOf(error)}`, { cause: error });
    } finally {
      signal?.removeEventListener('abort', interrupt);
      stopInterrupting();
    }
  };
  const { value } = await inTurn(file, async (held) => {
    if (held) await detach(held, file);
    return { value: await onOwnEngine(file, ask), released: NOBODY };
  });
  return value;
}

async function statementsOf(connection: DuckDBConnection, sql: string): Promise<DuckDBExtractedStatements> {
  try {
    return await connection.extractStatements(sql);
  } catch (error) {
    // The binding has no error of its own for text without a statement, a comment for example.
    if (messageOf(error) === 'Error in native callback') throw new Error('it holds no statement', { cause: error });
    throw error;
  }
}

/** Trusted work, on an instance that others had before and will have again; `held` has the lake attached already. */
async function onKeptEngine<T>(
  file: LakeFile,
  mode: 'read' | 'write',
  held: DuckDBInstance | undefined,
  work: (connection: DuckDBConnection) => Promise<T>,
): Promise<{ engine: DuckDBInstance; value: T }> {
  const engine = held ?? (await takeLakeEngine(file.scratch));
  try {
    const connection = await engine.connect();
    try {
      if (held) await connection.run(SETTINGS);
      else await attach(connection, file, mode);
      return { engine, value: await work(connection) };
    } finally {
      connection.closeSync();
    }
  } catch (error) {
    engine.closeSync();
    throw error;
  }
}

/** Lets go of the file, unless somebody goes on with it at once: one table after another is shown in it. */
async function handOver(engine: DuckDBInstance, file: LakeFile, queue: Queue): Promise<Held> {
  await soon();
  return queue.waiting > 0 ? engine : detach(engine, file);
}

/** Lets go of the file, which the engine tidies up before; what was committed is on the disk already. */
async function detach(engine: DuckDBInstance, file: LakeFile): Promise<undefined> {
  try {
    const connection = await engine.connect();
    try {
      await connection.run(`DETACH ${ident(LAKE)}`);
    } finally {
      connection.closeSync();
    }
  } catch {
    // Closing lets go of it in any case, and what could not be tidied up is done by whoever opens it next.
    engine.closeSync();
    return;
  }
  giveBackLakeEngine(engine, file.scratch);
}

/** Anybody's statements, on an instance that nobody else has after them. */
async function onOwnEngine<T>(file: LakeFile, work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  const engine = await makeLakeEngine(file.scratch);
  try {
    const connection = await engine.connect();
    try {
      await attach(connection, file, 'read');
      return await work(connection);
    } finally {
      connection.closeSync();
    }
  } finally {
    engine.closeSync();
  }
}

/** An instance that has the lake attached for whoever comes next; undefined where nobody has. */
type Held = DuckDBInstance | undefined;
const NOBODY: Promise<Held> = Promise.resolve(undefined);

/** Those that want one file in this process. */
interface Queue {
  /** Of whoever came last: what it leaves to the next one, once it is done with the file. */
  last: Promise<Held>;
  waiting: number;
}

const queues = new Map<string, Queue>();

/** Does it once all that came before are done with the file; what comes next waits until this one is (`released`). */
async function inTurn<T>(
  file: LakeFile,
  work: (held: Held, queue: Queue) => Promise<{ value: T; released: Promise<Held> }>,
): Promise<{ value: T; released: Promise<Held> }> {
  const path = turnOf(file);
  const queue = queues.get(path) ?? { last: NOBODY, waiting: 0 };
  queues.set(path, queue);
  queue.waiting++;
  const begun = queue.last.then((held) => {
    queue.waiting--;
    return work(held, queue);
  });
  const last = begun.then(
    ({ released }) => released,
    () => undefined,
  );
  queue.last = last;
  last.then(() => {
    if (queue.last === last) queues.delete(path);
  });
  return begun;
}

/** Comes back once nobody in this process holds the file. */
export async function lakeReleased(file: LakeFile): Promise<void> {
  if (queues.size > 0 && existsSync(dirname(file.path))) await queues.get(turnOf(file))?.last;
}

function turnOf(file: LakeFile): string {
  return join(realpathSync(dirname(file.path)), basename(file.path));
}

function requireLake(file: LakeFile): void {
  if (!existsSync(file.path)) throw new BadInput(`No lake at ${file.path}: nothing has been published there yet`);
}

async function attach(connection: DuckDBConnection, file: LakeFile, mode: 'read' | 'write'): Promise<void> {
  const attempts = file.attempts ?? LAKE_OPEN_ATTEMPTS;
  const pause = file.pause ?? ((milliseconds: number) => sleep(milliseconds));
  // The block size of a file that is there stays as it is.
  const made = existsSync(file.path) ? '' : ` (BLOCK_SIZE ${LAKE_BLOCK_BYTES})`;
  const options = mode === 'read' ? ' (READ_ONLY)' : made;
  for (let attempt = 1; ; attempt++) {
    try {
      await connection.run(`ATTACH ${literal(file.path)} AS ${ident(LAKE)}${options}; ${SETTINGS}`);
      return;
    } catch (error) {
      const message = messageOf(error);
      if (!message.includes('Could not set lock')) {
        throw new BadInput(
          `Cannot open ${file.path} as a lake: ${message}; it can be deleted and is rebuilt from the log by a repair`,
          { where: file.path, cause: error },
        );
      }
      if (attempt >= attempts) {
        throw new CatalogConflict(`Another process holds ${file.path} (${attempt} attempts): ${message}`, {
          where: file.path,
          cause: error,
        });
      }
    }
    await pause(LAKE_OPEN_PAUSE_MS);
  }
}

/** Instants are shown, and read from text, in UTC wherever the machine stands. */
const SETTINGS = `USE ${ident(LAKE)}; SET TimeZone = 'UTC'`;

const WHOLE: ReadonlySet<string> = new Set(['BIGINT', 'HUGEINT', 'UBIGINT', 'UHUGEINT']);

/** The engine gives wide whole numbers as text; those that a number holds exactly become one. */
function withNumbers(rows: unknown[][], types: string[]): unknown[][] {
  const wide = types.flatMap((type, i) => (WHOLE.has(type) ? [i] : []));
  for (const row of rows) {
    for (const i of wide) {
      const number = typeof row[i] === 'string' ? Number(row[i]) : Number.NaN;
      if (Number.isSafeInteger(number)) row[i] = number;
    }
  }
  return rows;
}

function messageOf(error: unknown): string {
  return types.isNativeError(error) ? error.message.trim() : String(error);
}
