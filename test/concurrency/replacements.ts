import { makeRetire } from '../../functions/retire/step.ts';
import { openLog } from '../../shared/commit/log.ts';
import { repair } from '../../shared/commit/repair.ts';
import type { ObjectStore } from '../../shared/ports/object-store.ts';
import type { Ports } from '../../shared/ports/ports.ts';
import { memoryCatalog } from '../doubles/memory-catalog.ts';
import { memoryObjectStore } from '../doubles/memory-object-store.ts';
import { testPorts } from '../doubles/ports.ts';
import { seeded } from '../faults/turns.ts';
import { committer, DATASET, type Replacement, TABLE } from './committer.ts';

export interface ReplacementOptions {
  replacements: number;
  seed: number;
  readers: 'catalog' | 'path';
  graceMinutes: number;
  /** Breaks the protocol on purpose; `retiring` are the ports of the retire step alone. */
  mutate?: {
    objects?: (objects: ObjectStore) => ObjectStore;
    retiring?: (ports: Ports) => Ports;
  };
}

export interface ReplacementOutcome {
  reads: number;
  /** Reads that found no row, or rows that are no whole state of the partition. */
  empty: number;
  mixed: number;
  /** Publishers that died between commit and swap, and were followed by a repair. */
  deaths: number;
  /** Replacements after which other files lay under the root than the log names. */
  strays: number;
}

const DAYS = ['mon', 'tue', 'wed'];
const START = Date.parse('2026-01-01T00:00:00Z');

class Died extends Error {}

/**
 * One publisher that replaces partitions, retires what it replaced once grace is over, and now and then dies before its
 * swap; and readers that come at any moment between two calls of it, ask the catalog, wait up to grace, and read what lies
 * there then. Time is simulated: whatever is due by then happens when it moves.
 */
export async function replaceManyTimes(options: ReplacementOptions): Promise<ReplacementOutcome> {
  const random = seeded(options.seed);
  const draw = (n: number) => Math.floor(random() * n);
  const graceMs = options.readers === 'path' ? 0 : options.graceMinutes * 60_000;
  const outcome: ReplacementOutcome = { reads: 0, empty: 0, mixed: 0, deaths: 0, strays: 0 };
  let time = START;
  const clock = { now: () => new Date(time) };
  const inner = memoryObjectStore(['landing', 'work', 'lake'], clock.now);
  const states = new Map<string, Set<string>>(DAYS.map((day) => [day, new Set()]));
  let waiting: { due: number; day: string; location: string }[] = [];
  let dying = false;

  const catalog = memoryCatalog({ onStep: () => moment() });

  async function read(day: string, location: string): Promise<void> {
    const rows: string[] = [];
    for await (const { key } of inner.list('lake', location.slice('s3://lake/'.length))) {
      rows.push(Buffer.from(await inner.read({ bucket: 'lake', key })).toString('utf8'));
    }
    outcome.reads++;
    if (rows.length === 0) outcome.empty++;
    else if (!states.get(day)!.has(contentOf(rows))) outcome.mixed++;
  }

  /** Moves the time on, with every read that is due on the way at its own time. */
  async function advance(to: number): Promise<void> {
    const due = waiting.filter((reader) => reader.due <= to).sort((a, b) => a.due - b.due);
    waiting = waiting.filter((reader) => reader.due > to);
    for (const reader of due) {
      time = reader.due;
      await read(reader.day, reader.location);
    }
    time = to;
  }

  /** Between two calls of a publisher: a little time goes by, and sometimes a reader comes. */
  async function moment(): Promise<void> {
    await advance(time + draw(2000));
    if (options.readers === 'catalog' && random() < 0.15) await plan();
  }

  async function plan(): Promise<void> {
    for (const { values, location } of await catalog.partitions(TABLE.database, TABLE.table)) {
      // Some read at once, and some as late as they may.
      const waits = [0, graceMs, draw(graceMs + 1)];
      waiting.push({ due: time + waits[draw(3)]!, day: values[0]!, location });
    }
  }

  const objects: ObjectStore = { ...inner };
  for (const method of ['put', 'copy', 'delete', 'deleteMany'] as const) {
    // biome-ignore lint/suspicious/noExplicitAny: methods of any signature are passed through
    (objects as any)[method] = async (...args: any[]) => {
      await moment();
      if (method === 'copy' && dying) throw new Died();
      // biome-ignore lint/suspicious/noExplicitAny: as above
      return (inner as any)[method](...args);
    };
  }
  const ports: Ports = {
    ...testPorts(),
    objects: options.mutate?.objects?.(objects) ?? objects,
    catalog,
    clock,
    graceMinutes: options.graceMinutes,
  };
  const writing = committer(ports, options.readers);
  const retire = makeRetire(options.mutate?.retiring?.(ports) ?? ports);
  const retiring: { due: number; run: string }[] = [];

  async function idle(ms: number): Promise<void> {
    const until = time + ms;
    for (let next = retiring[0]; next && next.due <= until; next = retiring[0]) {
      await advance(Math.max(time, next.due));
      retiring.shift();
      await retire({ run: next.run }, ports.newId());
    }
    await advance(Math.max(time, until));
  }

  for (let i = 0; i < options.replacements; i++) {
    const replacement = draws(i, draw, i === 0 ? DAYS : undefined);
    for (const [day, files] of replacement) states.get(day)!.add(contentOf(files.map(bodyOf)));
    dying = options.readers === 'catalog' && i > 0 && random() < 0.1;
    try {
      const run = await writing.commit(replacement);
      retiring.push({ due: time + graceMs, run });
    } catch (error) {
      if (!(error instanceof Died)) throw error;
      outcome.deaths++;
      dying = false;
      await idle(draw(3 * graceMs));
      await plan();
      const holder = ports.newId();
      await repair(ports, { name: DATASET }, { run: holder, executionId: holder, attempt: holder });
    }
    if (options.readers === 'catalog') await idle(draw(0.8 * graceMs));
    else {
      await idle(0);
      outcome.strays += (await straysUnderRoot(inner)) ? 1 : 0;
    }
  }
  await idle(3 * graceMs);
  return outcome;
}

/** One partition or several, of one file or several, all rows of which name the replacement. */
function draws(i: number, draw: (n: number) => number, all: string[] | undefined): Replacement {
  const days = all ?? DAYS.filter(() => draw(2) === 0);
  const replaced = days.length > 0 ? days : [DAYS[draw(DAYS.length)]!];
  return new Map(
    replaced.map((day) => [
      day,
      Array.from({ length: 1 + draw(3) }, (_, file) =>
        Array.from({ length: 1 + draw(4) }, (_, n) => `${i}.${file}.${n}`),
      ),
    ]),
  );
}

function bodyOf(rows: string[]): string {
  return rows.map((row) => `${row}\n`).join('');
}

/** A partition's files without their order. */
function contentOf(files: string[]): string {
  return [...files].sort().join('');
}

async function straysUnderRoot(objects: ObjectStore): Promise<boolean> {
  const head = await openLog(objects, 'work', DATASET).head();
  const live = head.tables.get(`${TABLE.database}.${TABLE.table}`)!.files.map((file) => file.key);
  const there: string[] = [];
  for await (const { key } of objects.list(TABLE.bucket, TABLE.root)) there.push(key);
  return JSON.stringify(there) !== JSON.stringify(live.sort());
}
