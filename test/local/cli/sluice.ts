import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createBucket, directoryObjectStore } from '../../../shared/adapters/directory-object-store.ts';
import { queryLake } from '../../../shared/engine/lake-database.ts';
import type { ObjectStore } from '../../../shared/ports/object-store.ts';
import { runPython } from '../../setup/run-python.ts';

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));
const NODE = join(REPOSITORY, 'node_modules', '.bin', 'node');

export interface Ended {
  /** Null where a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/** `run --json`, as documented. */
export interface RunJson {
  run: { id: string; status: string };
  tables: {
    database: string;
    table: string;
    format: string;
    rows: number;
    files: number;
    bytes: number;
    partitions: number;
  }[];
  files?: { uri: string; rows: number; bytes: number }[];
  clusters?: { algorithm: string; clusters: number; noise: number; points: number; reason: string; k?: number };
  sources: {
    uri: string;
    entry?: string;
    status: string;
    rowsRead: number;
    rowsWritten: number;
    rowsRejected: number;
    error?: { name: string; message: string };
  }[];
  objectStoreCalls: Record<string, number>;
  durationMs: number;
  notices: string[];
  error?: { name: string; message: string; where?: string };
}

/** A table as another reader has it. */
export interface ReadTable {
  columns: string[];
  types: Record<string, string>;
  metadata: Record<string, string>;
  rows: unknown[][];
}

/** The command line in child processes, over a temporary home. */
export interface Sluice {
  /** Working directory of the commands; the home is its `.sluice`. */
  folder: string;
  home: string;
  /** The home's objects. */
  objects: ObjectStore;
  run(...args: string[]): Promise<Ended>;
  /** What `--json` prints; throws where the exit code is another than `code`. */
  json<T = RunJson>(args: string[], code?: number): Promise<T>;
  /** Without a process, as other clients of the lake do it. */
  query<T = Record<string, unknown>>(sql: string): Promise<T[]>;
  /** A process under way. */
  start(...args: string[]): ChildProcessWithoutNullStreams;
  /** Writes a file into the working directory; its path. */
  file(name: string, content: string | Uint8Array): Promise<string>;
  /** Puts an object into the landing bucket. */
  land(key: string, content: string | Uint8Array): Promise<void>;
  keys(bucket: string, prefix?: string): Promise<string[]>;
  /** A table's folder of the lake bucket as pyarrow or fastavro reads it. */
  readWithPython(folder: string): Promise<ReadTable>;
  remove(): Promise<void>;
}

export async function makeSluice(): Promise<Sluice> {
  // A home may have any name: what is a pattern, an escape or a quote somewhere must be none here.
  const folder = await mkdtemp(join(tmpdir(), `sluice's %41 [cli]* "é" `));
  const home = join(folder, '.sluice');
  const store = join(home, 's3');
  const objects = directoryObjectStore(store);

  const children = new Set<ChildProcessWithoutNullStreams>();

  const start = (...args: string[]): ChildProcessWithoutNullStreams => {
    // Jest's own options are none of a user's; colours are not what is tested here.
    const { NODE_OPTIONS: _, FORCE_COLOR: __, ...environment } = process.env;
    const child = spawn(NODE, [join(REPOSITORY, 'local', 'cli.ts'), ...args], {
      cwd: folder,
      env: { ...environment, NO_COLOR: '1' },
    });
    child.stdin.end();
    children.add(child);
    child.once('close', () => children.delete(child));
    return child;
  };
  const run = (...args: string[]): Promise<Ended> => ended(start(...args));
  const json = async <T>(args: string[], code = 0): Promise<T> => {
    const result = await run(...args, '--json');
    if (result.code !== code) {
      throw new Error(`sluice ${args.join(' ')} ended with code ${result.code}: ${result.stderr}${result.stdout}`);
    }
    return JSON.parse(result.stdout) as T;
  };
  return {
    folder,
    home,
    objects,
    run,
    json,
    async query<T>(sql: string) {
      const { columns, rows } = await queryLake({ path: join(home, 'lake.duckdb') }, sql);
      return rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]]))) as T[];
    },
    start,
    async file(name, content) {
      const path = join(folder, name);
      await writeFile(path, content);
      return path;
    },
    async land(key, content) {
      await createBucket(store, 'landing');
      await objects.put({ bucket: 'landing', key }, content);
    },
    async keys(bucket, prefix = '') {
      const found: string[] = [];
      for await (const info of objects.list(bucket, prefix)) found.push(info.key);
      return found;
    },
    readWithPython: (table) => runPython<ReadTable>('read_table.py', [join(store, 'lake', table)]),
    async remove() {
      // A test that failed may have left one at work.
      for (const child of children) child.kill('SIGKILL');
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What a process printed, once it has ended. */
export async function ended(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  return { code, stdout, stderr };
}

/** Rows without their order, and with the values of each in the order of the columns. */
export function multiset(rows: readonly unknown[]): string[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}

/** Of every source: what was read is what was written and what was rejected. */
export function accountsAddUp({ sources }: RunJson): boolean {
  return sources.every(({ rowsRead, rowsWritten, rowsRejected }) => rowsRead === rowsWritten + rowsRejected);
}
