import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DatasetDefinition } from '../../shared/dataset/dataset.ts';
import type { Places } from '../../shared/ports/ports.ts';

/** What a process of publishers is told: where everything lies, and the objects of which each is an execution's. */
export interface Order {
  at:
    | { kind: 'directory'; home: string }
    | { kind: 'aws'; endpoint: string; places: Places /** A folder of the process's own. */; scratch: string };
  dataset: DatasetDefinition & { name: string };
  keys: string[];
}

export type Go = 'go';

/** What a process of publishers tells at its end. */
export interface Report {
  outcomes: { key: string; status: string; endState: string; publishes: number; error?: string }[];
  calls: number;
}

export interface Published extends Report {
  /** From when all of them began to publish. */
  milliseconds: number;
}

const PROCESS = fileURLToPath(new URL('./publisher-process.ts', import.meta.url));
const NODE = join(import.meta.dirname, '..', '..', 'node_modules', '.bin', 'node');

/** One execution for each object, in so many processes; all of them publish at the same moment. */
export async function publishAtOnce(order: Order, processes: number): Promise<Published> {
  const { NODE_OPTIONS: _, ...env } = process.env;
  const children: ChildProcess[] = [];
  const ready = Promise.withResolvers<void>();
  let waiting = order.keys.length;
  const reports = Array.from({ length: processes }, (_, i) => {
    const keys = order.keys.filter((_, n) => n % processes === i);
    const child = fork(PROCESS, [JSON.stringify({ ...order, keys } satisfies Order)], {
      execPath: NODE,
      execArgv: [],
      env,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    children.push(child);
    return reportOf(child, () => {
      waiting--;
      if (waiting === 0) ready.resolve();
    });
  });
  const all = Promise.all(reports);
  try {
    // One that ends early is not waited for in vain.
    await Promise.race([ready.promise, all]);
    const startedAt = performance.now();
    for (const child of children) child.send('go' satisfies Go);
    const done = await all;
    return {
      outcomes: done.flatMap((report) => report.outcomes),
      calls: done.reduce((sum, report) => sum + report.calls, 0),
      milliseconds: performance.now() - startedAt,
    };
  } finally {
    for (const child of children) child.kill('SIGKILL');
  }
}

function reportOf(child: ChildProcess, onReady: () => void): Promise<Report> {
  let errors = '';
  child.stderr!.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  return new Promise((resolve, reject) => {
    child.on('message', (message: 'ready' | Report) => {
      if (message === 'ready') onReady();
      else resolve(message);
    });
    child.once('error', reject);
    child.once('close', (code) => reject(new Error(`A publisher ended with code ${code}: ${errors}`)));
  });
}
