import { type ChildProcess, spawn } from 'node:child_process';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { figure, median } from './bench.ts';

/** One way to do the work, run in a process of its own; its last line on stdout is a `Report` as JSON. */
export interface Contender {
  name: string;
  program: string;
  /** @param folder empty, for its outputs; removed after the round */
  args: (folder: string) => readonly string[];
  env?: Record<string, string>;
  /** It is left out where it cannot run here. */
  optional?: true;
  /** Rounds that it takes part in, where they are fewer: for one that takes minutes. */
  rounds?: number;
}

/** What a contender says of its work, without the start of its process and the loading of its libraries. */
export interface Report {
  seconds: number;
  /** Of all its threads. */
  cpuSeconds: number;
  rows?: number;
  /** All that it has written. */
  files?: WrittenFile[];
  [more: string]: unknown;
}

export interface WrittenFile {
  path: string;
  format: string;
  bytes: number;
}

export interface Round extends Report {
  /** Of the process and those that it started, at most at any time. */
  peakRssBytes: number;
}

export interface Outcome {
  name: string;
  rounds: Round[];
  seconds: number;
  cpuSeconds: number;
  peakRssBytes: number;
  /** Written bytes by format. */
  bytes: Record<string, number>;
}

export interface ContestOptions {
  rounds: number;
  folder: string;
  log(line: string): void;
  /** Looks at the files of each contender's first round; throws where they are wrong. */
  check?: (contender: Contender, round: Round) => Promise<void>;
}

/** All contenders by turns, round after round, so that what else the machine does weighs on all of them. */
export async function contest(contenders: readonly Contender[], options: ContestOptions): Promise<Outcome[]> {
  const rounds = new Map<Contender, Round[]>(contenders.map((contender) => [contender, []]));
  for (let number = 0; number < options.rounds; number++) {
    for (const contender of contenders) {
      if (!rounds.has(contender)) continue;
      if (number >= (contender.rounds ?? Number.POSITIVE_INFINITY)) continue;
      const folder = join(options.folder, 'out');
      await rm(folder, { recursive: true, force: true });
      const round = await runContender(contender, folder).catch((error: Error) => {
        if (!contender.optional || number > 0) throw error;
        options.log(`${contender.name} is left out: ${error.message.slice(0, 500)}`);
        rounds.delete(contender);
        return undefined;
      });
      if (!round) continue;
      options.log(
        `round ${number + 1}: ${contender.name}: ${figure(round.seconds)} s, ${figure(round.cpuSeconds)} s of CPU, ` +
          `${figure(round.peakRssBytes / 1e6)} MB`,
      );
      if (number === 0) await options.check?.(contender, round);
      rounds.get(contender)!.push(round);
      await rm(folder, { recursive: true, force: true });
    }
  }
  return [...rounds].map(([contender, done]) => outcomeOf(contender.name, done));
}

function outcomeOf(name: string, rounds: Round[]): Outcome {
  const bytes: Record<string, number> = {};
  for (const file of rounds[0]?.files ?? []) bytes[file.format] = (bytes[file.format] ?? 0) + file.bytes;
  return {
    name,
    rounds,
    seconds: median(rounds.map((round) => round.seconds)),
    cpuSeconds: median(rounds.map((round) => round.cpuSeconds)),
    peakRssBytes: median(rounds.map((round) => round.peakRssBytes)),
    bytes,
  };
}

/** Median of the ratios round by round: what slowed a whole round down is in both of its sides. */
export function ratioOf(slow: Outcome, fast: Outcome, of: 'seconds' | 'cpuSeconds' = 'seconds'): number {
  const count = Math.min(slow.rounds.length, fast.rounds.length);
  return median(Array.from({ length: count }, (_, r) => slow.rounds[r]![of] / fast.rounds[r]![of]));
}

export async function runContender(contender: Contender, folder: string): Promise<Round> {
  const child = spawn(contender.program, contender.args(folder), {
    env: { ...process.env, ...contender.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const texts = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    texts.out += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    texts.err = (texts.err + text).slice(-20_000);
  });
  const memory = watchMemory(child);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const peakRssBytes = memory.end();
  const last = texts.out.trimEnd().split('\n').at(-1) ?? '';
  if (code !== 0 || !last.startsWith('{')) {
    throw new Error(`${contender.name} ended with ${code}:\n${texts.err}\n${texts.out.slice(-2000)}`);
  }
  return { ...(JSON.parse(last) as Report), peakRssBytes };
}

const LOOK_MS = 50;

/**
 * The peak of a process and all that it starts, from Linux's own marks (VmHWM): those of several processes are added, though they may not
 * have been reached at the same moment.
 */
function watchMemory(child: ChildProcess): { end(): number } {
  const peaks = new Map<number, number>();
  let isLooking = false;
  const look = async () => {
    for (const pid of await familyOf(child.pid!)) {
      const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
      const kilobytes = Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
      peaks.set(pid, Math.max(peaks.get(pid) ?? 0, kilobytes * 1024));
    }
  };
  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    void look().finally(() => {
      isLooking = false;
    });
  }, LOOK_MS);
  return {
    end() {
      clearInterval(timer);
      return [...peaks.values()].reduce((sum, peak) => sum + peak, 0);
    },
  };
}

async function familyOf(pid: number): Promise<number[]> {
  const family = [pid];
  for (const one of family) {
    for (const task of await readdir(`/proc/${one}/task`).catch(() => [])) {
      const children = await readFile(`/proc/${one}/task/${task}/children`, 'utf8').catch(() => '');
      family.push(...children.split(' ').filter(Boolean).map(Number));
    }
  }
  return family;
}
