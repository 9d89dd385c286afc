import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

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
}

export async function openDatabase(options: DatabaseOptions): Promise<DuckDBInstance> {
  return DuckDBInstance.create(options.path, {
    threads: String(options.threads),
    memory_limit: `${Math.floor(options.memoryBytes / (1024 * 1024))}MiB`,
    temp_directory: options.scratch,
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
    ...(options.readOnly ? { access_mode: 'READ_ONLY' } : {}),
  });
}

/** All rows of a query as arrays of JSON-safe values. */
export async function rowsOf(connection: DuckDBConnection, sql: string): Promise<unknown[][]> {
  const reader = await connection.runAndReadAll(sql);
  return reader.getRowsJson() as unknown[][];
}
