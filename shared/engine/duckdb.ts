import { lstatSync } from 'node:fs';
import { mkdir, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { INTERRUPT_AGAIN_MS } from '../limits.ts';
import { createDatabase } from './spare-databases.ts';
import { ident, literal, literals } from './sql.ts';

/**
 * Opens DuckDB with what Sluice always wants: no extension is fetched or loaded behind the user's back, spill goes to the
 * given folder (its default is the current directory), memory and threads are bounded.
 */
export interface DatabaseOptions {
  /** A database file, or `:memory:`. */
  path: string;
  threads: number;
  memoryBytes: number;
  /** Folder for spill. */
  scratch: string;
  readOnly?: boolean;
  /** Further settings, by DuckDB's names. */
  settings?: Record<string, string>;
  /** All that SQL may touch; nothing it says can then reach another file, or change a setting but those named. */
  confine?: { folder: string; files: readonly string[]; settings: readonly string[] };
  /** Folder for what statements write to the engine's log; left out: they cannot. */
  log?: string;
}

export async function openDatabase(options: DatabaseOptions): Promise<DuckDBInstance> {
  const instance = await createDatabase(options.path, {
    threads: String(options.threads),
    memory_limit: `${Math.floor(options.memoryBytes / (1024 * 1024))}MiB`,
    temp_directory: options.scratch,
    ...(options.readOnly ? { access_mode: 'READ_ONLY' } : {}),
    ...options.settings,
  });
  if (options.confine) {
    try {
      await confine(instance, options.confine, options.log);
    } catch (error) {
      instance.closeSync();
      throw error;
    }
  }
  return instance;
}

/** All rows of a query as arrays of JSON-safe values. */
export async function rowsOf(connection: DuckDBConnection, sql: string): Promise<unknown[][]> {
  const reader = await connection.runAndReadAll(sql);
  return reader.getRowsJson() as unknown[][];
}

async function confine(
  instance: DuckDBInstance,
  to: NonNullable<DatabaseOptions['confine']>,
  log: string | undefined,
): Promise<void> {
  await Promise.all([to.folder, ...(log === undefined ? [] : [log])].map((path) => mkdir(path, { recursive: true })));
  // The engine compares paths with all links followed.
  const folder = await realpath(to.folder);
  const files = new Set([...(await realPaths(to.files)), ...to.files]);
  const connection = await instance.connect();
  try {
    await connection.run(
      [
        `SET allowed_directories = ${literals([`${folder}/`])}`,
        `SET allowed_paths = ${literals([...files])}`,
        `SET allowed_configs = ${literals(to.settings)}`,
        'SET enable_external_file_cache = false',
        // With its log open every statement takes longer, so it comes late; but what is confined can open none.
        ...(log === undefined
          ? []
          : [`CALL enable_logging(level = 'error', storage = 'file', storage_path = ${literal(log)})`]),
        'SET enable_external_access = false',
        'SET lock_configuration = true',
      ].join('; '),
    );
  } finally {
    connection.closeSync();
  }
}

/** With all links followed: there may be a thousand files in few folders, of which each is asked for once. */
function realPaths(files: readonly string[]): Promise<string[]> {
  const folders = new Map<string, Promise<string>>();
  const inFolder = async (folder: string, name: string) => {
    if (!folders.has(folder)) folders.set(folder, realpath(folder));
    return join(await folders.get(folder)!, name);
  };
  return Promise.all(
    files.map((file) => (lstatSync(file).isSymbolicLink() ? realpath(file) : inFolder(dirname(file), basename(file)))),
  );
}

/** A setting of a connection or instance. */
export async function setOption(connection: DuckDBConnection, name: string, value: string): Promise<void> {
  await connection.run(`SET ${ident(name)} = ${literal(value)}`);
}

/**
 * Ends what the connections have under way, and what they begin from now on: an interrupt that comes while a statement is
 * only being prepared is lost, so it is said again and again. Returns what stops that; to be called before they are closed.
 */
export function interruptAll(connections: readonly DuckDBConnection[]): () => void {
  const interrupt = () => {
    for (const connection of connections) connection.interrupt();
  };
  interrupt();
  const timer = setInterval(interrupt, INTERRUPT_AGAIN_MS);
  return () => clearInterval(timer);
}
