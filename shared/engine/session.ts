import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection, DuckDBDataChunk, DuckDBInstance } from '@duckdb/node-api';
import { BadDataset } from '../errors.ts';
import { CHUNKS_A_COLLECTION, CHUNKS_AHEAD, PARTITIONED_WRITE_MAX_OPEN_FILES } from '../limits.ts';
import { interruptAll, openDatabase, rowsOf, setOption } from './duckdb.ts';
import { collectYoungGarbage } from './heap.ts';
import { MISFIT_SEQUENCE } from './misfit-log.ts';
import { readAhead } from './read-ahead.ts';
import { literal } from './sql.ts';

export interface SessionOptions {
  threads: number;
  /** DuckDB's own limit, not the process's. */
  memoryBytes: number;
  /** Made if missing. All that is written, spill included, lies in it. */
  scratch: string;
  /** Files to be read outside of `scratch`. */
  inputs: readonly string[];
  /** Zone of timestamps that carry no offset. */
  timezone?: string;
  /** Statements may write to the engine's log. */
  log?: boolean;
}

/** Settings that statements of a session may change; all others are locked. */
const OPEN_SETTINGS = ['disabled_optimizers', 'threads', 'TimeZone'];

/**
 * DuckDB in memory for one job, confined to the job's own files. An instance takes 12 ms to make, and only a new one can be
 * given other files: what is confined cannot be let out again.
 */
export class Session {
  /** The job's scratch folder, with links followed. */
  readonly scratch: string;
  readonly threads: number;
  readonly #instance: DuckDBInstance;
  readonly #timezone: string;
  readonly #log: boolean;
  readonly #idle: DuckDBConnection[] = [];
  readonly #main: DuckDBConnection;
  /** All that were ever made, to be interrupted. */
  readonly #connections: DuckDBConnection[];
  #stopInterrupting: (() => void) | undefined;

  private constructor(
    instance: DuckDBInstance,
    main: DuckDBConnection,
    scratch: string,
    options: { threads: number; timezone: string; log: boolean },
  ) {
    this.#instance = instance;
    this.#main = main;
    this.#connections = [main];
    this.scratch = scratch;
    this.threads = options.threads;
    this.#timezone = options.timezone;
    this.#log = options.log;
  }

  /** Throws `BadDataset` where the time zone is unknown. */
  static async open(options: SessionOptions): Promise<Session> {
    await mkdir(options.scratch, { recursive: true });
    const scratch = await realpath(options.scratch);
    const instance = await openDatabase({
      path: ':memory:',
      threads: options.threads,
      memoryBytes: options.memoryBytes,
      scratch: join(scratch, 'spill'),
      settings: { partitioned_write_max_open_files: String(PARTITIONED_WRITE_MAX_OPEN_FILES) },
      confine: { folder: scratch, files: options.inputs, settings: OPEN_SETTINGS },
      ...(options.log ? { log: join(scratch, 'log') } : {}),
    });
    const timezone = options.timezone ?? 'UTC';
    const main = await instance.connect();
    const log = options.log === true;
    try {
      await main.run(beginning(timezone, log));
    } catch (cause) {
      main.closeSync();
      instance.closeSync();
      throw new BadDataset(`The time zone "${timezone}" is unknown`, { cause });
    }
    return new Session(instance, main, scratch, { threads: options.threads, timezone, log });
  }

  path(name: string): string {
    return join(this.scratch, name);
  }

  /** Runs a statement; the number of rows it wrote. */
  async run(sql: string): Promise<number> {
    this.#goOn();
    return Number((await this.#main.run(sql)).rowsChanged);
  }

  /** All rows of a small result, as arrays of JSON-safe values (64-bit numbers are text). Several may be asked for at once. */
  async rows(sql: string): Promise<unknown[][]> {
    const connection = await this.#take();
    try {
      return await rowsOf(connection, sql);
    } finally {
      this.#idle.push(connection);
    }
  }

  /**
   * The same with filters left where they are. Pushed below the projection that computes what they ask for, they would have
   * every cast computed twice (*measured*: half as long again).
   */
  runUnpushed(sql: string): Promise<number> {
    return this.#unpushed((setting) => this.run(`${setting}; ${sql}`));
  }

  rowsUnpushed(sql: string): Promise<unknown[][]> {
    // Of the instance, and so of any of its connections.
    return this.#unpushed((setting) => this.rows(`${setting}; ${sql}`));
  }

  /** As `run`, on a connection of its own, so that several statements can run at once. */
  async runBeside(sql: string): Promise<number> {
    const connection = await this.#take();
    try {
      return Number((await connection.run(sql)).rowsChanged);
    } finally {
      this.#idle.push(connection);
    }
  }

  /**
   * Runs `work`, whose statements then use one thread each, so that rows that come in order go out in order whatever the statement.
   * Several of them at once use all threads.
   */
  async singleThreaded<T>(when: boolean, work: () => Promise<T>): Promise<T> {
    if (!when) return work();
    await setOption(this.#main, 'threads', '1');
    try {
      return await work();
    } finally {
      await setOption(this.#main, 'threads', String(this.threads));
    }
  }

  /** A result of any size, chunk by chunk, on a connection of its own; the engine makes some while others are used. */
  async *chunks(sql: string): AsyncGenerator<DuckDBDataChunk> {
    const connection = await this.#take();
    try {
      const result = await connection.stream(sql);
      const next = async () => {
        const chunk = await result.fetchChunk();
        return chunk && chunk.rowCount > 0 ? chunk : undefined;
      };
      let chunks = 0;
      for await (const chunk of readAhead(next, CHUNKS_AHEAD)) {
        yield chunk;
        if (++chunks % CHUNKS_A_COLLECTION === 0) collectYoungGarbage();
        this.#goOn();
      }
    } finally {
      this.#idle.push(connection);
    }
  }

  /** Runs `work`, whose statements end with an error from when `signal` is aborted; those that come later run again. */
  async until<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    let stop: (() => void) | undefined;
    const interrupt = () => {
      stop = interruptAll(this.#connections);
    };
    if (signal.aborted) interrupt();
    signal.addEventListener('abort', interrupt, { once: true });
    try {
      return await work();
    } finally {
      signal.removeEventListener('abort', interrupt);
      stop?.();
    }
  }

  /** Ends the statements under way with an error, and begins no other. */
  interrupt(): void {
    this.#stopInterrupting ??= interruptAll(this.#connections);
  }

  /** Its threads are ended first, beside this one: to close an instance waits for them. */
  async close(): Promise<void> {
    // One that was interrupted, or is broken, is closed as it is.
    if (!this.#stopInterrupting && this.threads > 1) await setOption(this.#main, 'threads', '1').catch(() => undefined);
    this.#stopInterrupting?.();
    for (const connection of [this.#main, ...this.#idle]) connection.closeSync();
    this.#instance.closeSync();
  }

  /** The setting goes with the statement: one that has to wait for its turn in this thread waits once. */
  async #unpushed<T>(work: (setting: string) => Promise<T>): Promise<T> {
    try {
      return await work(`SET disabled_optimizers = 'filter_pushdown'`);
    } finally {
      await setOption(this.#main, 'disabled_optimizers', '');
    }
  }

  #goOn(): void {
    if (this.#stopInterrupting) throw new Error('The engine was interrupted');
  }

  async #take(): Promise<DuckDBConnection> {
    this.#goOn();
    const idle = this.#idle.pop();
    if (idle) return idle;
    const connection = await this.#instance.connect();
    this.#connections.push(connection);
    await connection.run(beginning(this.#timezone, this.#log));
    return connection;
  }
}

/** What a connection is given before anything else. */
function beginning(timezone: string, log: boolean): string {
  const sequence = log ? [`CREATE TEMP SEQUENCE ${MISFIT_SEQUENCE}`] : [];
  return [`SET TimeZone = ${literal(timezone)}`, ...sequence].join('; ');
}
