import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { PreconditionFailed } from '../errors.ts';
import { FOREIGN_EXECUTION_STALE_MS } from '../limits.ts';
import { type Clock, systemClock } from '../ports/clock.ts';
import type { ExecutionStatus, Executions } from '../ports/executions.ts';
import { isAlive, processToken } from './directory-locks.ts';

/** How an execution ended. */
export type EndStatus = 'SUCCEEDED' | 'FAILED' | 'ABORTED';

export interface LocalExecutions extends Executions {
  /**
   * Puts an execution of this process on record as RUNNING.
   * @throws PreconditionFailed where one of this name is on record, ended or not
   */
  begin(name: string): Promise<void>;
  /**
   * Records the end. Function calls may still be under way, past their time limit or after an interruption; `atWork`
   * settles when the last of them has come back, and only then is the execution gone.
   */
  end(name: string, status: EndStatus, atWork?: Promise<unknown>): Promise<void>;
}

interface ExecutionRecord {
  name: string;
  status: 'RUNNING' | EndStatus;
  /** Calls of an ended execution are still under way. */
  atWork: boolean;
  process: string;
  host: string;
  /** Empty where the system does not tell one boot from another. */
  boot: string;
  startedAt: string;
  endedAt?: string;
}

/** The executions of a home, each a file `<home>/executions/<name>.json` that says which process runs it. */
export function localExecutions(home: string, clock: Clock = systemClock): LocalExecutions {
  const folder = join(home, 'executions');
  const pathOf = (name: string) => join(folder, `${encodeURIComponent(name)}.json`);

  async function write(record: ExecutionRecord, place: (from: string, to: string) => Promise<void>): Promise<void> {
    await mkdir(folder, { recursive: true });
    // Whole or not at all: a reader in another process never sees half a record.
    const draft = join(folder, `.${randomUUID()}`);
    try {
      await writeFile(draft, `${JSON.stringify(record)}\n`);
      await place(draft, pathOf(record.name));
    } finally {
      await rm(draft, { force: true });
    }
  }

  async function read(name: string): Promise<ExecutionRecord | undefined> {
    try {
      return JSON.parse(await readFile(pathOf(name), 'utf8')) as ExecutionRecord;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** Whether the record's process is still there to work on. */
  function runs(record: ExecutionRecord): boolean {
    const alive = isAlive(record.process);
    if (alive !== undefined) return alive;
    // Another boot of this host: whatever ran before it does not any more.
    if (record.host === hostname() && record.boot !== '' && record.boot !== bootId()) return false;
    const since = clock.now().getTime() - new Date(record.endedAt ?? record.startedAt).getTime();
    return since < FOREIGN_EXECUTION_STALE_MS;
  }

  return {
    async begin(name) {
      const startedAt = clock.now().toISOString();
      const process = processToken();
      const record = {
        name,
        status: 'RUNNING',
        atWork: true,
        process,
        host: hostname(),
        boot: bootId(),
        startedAt,
      } as const;
      try {
        // A link, unlike a rename, fails where there is a file: of several that begin one name, one does.
        await write(record, link);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        throw new PreconditionFailed(`An execution named ${name} is on record`, { where: pathOf(name), cause: error });
      }
    },
    async end(name, status, atWork) {
      const record = await read(name);
      if (!record) throw new Error(`Cannot end the execution ${name}: it is not on record in ${folder}`);
      const ended = { ...record, status, endedAt: clock.now().toISOString() };
      await write({ ...ended, atWork: atWork !== undefined }, rename);
      // Failing that, the execution is gone with its process.
      const settle = (): Promise<void> => write({ ...ended, atWork: false }, rename).catch(() => undefined);
      atWork?.then(settle, settle);
    },
    async status(executionId): Promise<ExecutionStatus> {
      const record = await read(nameOf(executionId));
      if (!record) return 'UNKNOWN';
      return record.status === 'RUNNING' && !runs(record) ? 'ABORTED' : record.status;
    },
    async gone(executionId) {
      const record = await read(nameOf(executionId));
      return !record?.atWork || !runs(record);
    },
  };
}

/** Of an execution's ARN or its name alone: the name, in which no colon can stand. */
function nameOf(executionId: string): string {
  return executionId.slice(executionId.lastIndexOf(':') + 1);
}

function bootId(): string {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}
