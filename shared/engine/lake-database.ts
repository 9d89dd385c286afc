import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, realpathSync } from 'node:fs';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { types } from 'node:util';
import type { DuckDBConnection, DuckDBExtractedStatements } from '@duckdb/node-api';
import { BadInput, CatalogConflict } from '../errors.ts';
import { LAKE_MEMORY_SHARE, LAKE_OPEN_ATTEMPTS, LAKE_OPEN_PAUSE_MS } from '../limits.ts';
import { interruptAll, openDatabase, rowsOf } from './duckdb.ts';
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
 * instances in one). `CatalogConflict` where another process holds it all the while, `BadInput` where it is no database
 * or, to read, not there.
 */
export function withLake<T>(file: LakeFile, mode: 'read' | 'write', work: (lake: Lake) => Promise<T>): Promise<T> {
  return withConnection(file, mode, (connection) =>
    work({
      run: async (sql) => void (await connection.run(sql)),
      rows: (sql) => rowsOf(connection, sql),
    }),
  );
}

/**
 * A person's query over the lake, opened to read only. Local files may be read too; the engine's settings are locked and no
 * extension is fetched. Of several statements the last one's result counts. `BadInput` for what the engine refuses, also
 * where `signal` has interrupted it.
 */
export async function queryLake(file: LakeFile, sql: string, signal?: AbortSignal): Promise<QueryResult> {
  return withConnection(file, 'read', async (connection) => {
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
  });
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

async function withConnection<T>(
  file: LakeFile,
  mode: 'read' | 'write',
  work: (connection: DuckDBConnection) => Promise<T>,
): Promise<T> {
  if (mode === 'write') mkdirSync(dirname(file.path), { recursive: true });
  else if (!existsSync(file.path)) throw new BadInput(`No lake at ${file.path}: nothing has been published there yet`);
  return inTurn(join(realpathSync(dirname(file.path)), basename(file.path)), async () => {
    const database = await openDatabase({
      path: ':memory:',
      threads: availableParallelism(),
      memoryBytes: totalmem() * LAKE_MEMORY_SHARE,
      // A folder of its own: the engine names its spill files by number only.
      scratch: join(file.scratch ?? tmpdir(), `lake-spill-${randomUUID()}`),
    });
    try {
      const connection = await database.connect();
      try {
        await attach(connection, file, mode);
        return await work(connection);
      } finally {
        connection.closeSync();
      }
    } finally {
      database.closeSync();
    }
  });
}

const turns = new Map<string, Promise<unknown>>();

async function inTurn<T>(path: string, work: () => Promise<T>): Promise<T> {
  const before = turns.get(path) ?? Promise.resolve();
  const mine = before.then(work, work);
  turns.set(path, mine);
  try {
    return await mine;
  } finally {
    if (turns.get(path) === mine) turns.delete(path);
  }
}

async function attach(connection: DuckDBConnection, file: LakeFile, mode: 'read' | 'write'): Promise<void> {
  const attempts = file.attempts ?? LAKE_OPEN_ATTEMPTS;
  const pause = file.pause ?? ((milliseconds: number) => sleep(milliseconds));
  const options = mode === 'read' ? ' (READ_ONLY)' : '';
  for (let attempt = 1; ; attempt++) {
    try {
      await connection.run(`ATTACH ${literal(file.path)} AS ${ident(LAKE)}${options}`);
      break;
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
  await connection.run(`USE ${ident(LAKE)}`);
  // Instants are shown, and read from text, in UTC wherever the machine stands.
  await connection.run(`SET TimeZone = 'UTC'`);
}

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
