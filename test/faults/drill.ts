import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { type HistoryOutcome, runHistory } from './history.ts';

/**
 * `npm run drill -- --histories N --seed S`: N random histories from seed S on, shared out over processes (`--workers`, by
 * default one a core). A failing one prints the line that replays it.
 */
const { values } = parseArgs({
  options: {
    histories: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    workers: { type: 'string', default: String(availableParallelism()) },
    /** Of a worker: every so many seeds. */
    stride: { type: 'string' },
  },
});

type Sum = Record<Exclude<keyof HistoryOutcome, 'violations'>, number> & { violations: number; peakMiB: number };

async function drill(first: number, last: number, stride: number): Promise<Sum> {
  const sum: Sum = { executions: 0, faults: 0, vacuumed: 0, polls: 0, violations: 0, peakMiB: 0 };
  for (let seed = first; seed <= last; seed += stride) {
    const { violations, ...counts } = await runHistory(seed);
    for (const [key, count] of Object.entries(counts)) sum[key as keyof typeof counts] += count;
    if (violations.length === 0) continue;
    sum.violations++;
    const told = violations.slice(0, 5).map((violation) => `  ${violation}\n`);
    process.stdout.write(`npm run drill -- --histories 1 --seed ${seed}\n${told.join('')}`);
  }
  sum.peakMiB = Math.round(process.resourceUsage().maxRSS / 1024);
  return sum;
}

/** A worker's sum; its failure is the drill's. */
function inProcess(first: number, last: number, stride: number): Promise<Sum> {
  return new Promise((resolve, reject) => {
    const args = ['--seed', String(first), '--histories', String(last - first + 1), '--stride', String(stride)];
    const child = fork(import.meta.filename, args);
    let sum: Sum | undefined;
    child.on('message', (message) => {
      sum = message as Sum;
    });
    child.on('exit', (code) => (sum ? resolve(sum) : reject(new Error(`A worker of the drill ended with ${code}`))));
  });
}

const first = Number(values.seed);
const histories = Number(values.histories);
const last = first + histories - 1;
if (values.stride !== undefined) {
  const sum = await drill(first, last, Number(values.stride));
  process.send?.(sum);
} else {
  const startedAt = performance.now();
  const workers = Math.max(1, Math.min(Number(values.workers), histories));
  const sums =
    workers === 1
      ? [await drill(first, last, 1)]
      : await Promise.all(Array.from({ length: workers }, (_, i) => inProcess(first + i, last, workers)));
  const total = (key: keyof Sum) => sums.reduce((sum, part) => sum + part[key], 0);
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(0);
  console.log(
    `${histories} histories, ${total('executions')} executions, ${total('faults')} faults injected, ` +
      `${total('vacuumed')} runs vacuumed, ${total('polls')} polls by readers, ${total('violations')} violations, ` +
      `${seconds} s in ${workers} processes of at most ${Math.max(...sums.map((sum) => sum.peakMiB))} MiB`,
  );
  process.exitCode = total('violations') === 0 ? 0 : 1;
}
