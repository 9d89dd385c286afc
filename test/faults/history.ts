import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLog } from '../../shared/commit/log.ts';
import { repair } from '../../shared/commit/repair.ts';
import { vacuum } from '../../shared/commit/vacuum.ts';
import type { DatasetDefinition } from '../../shared/dataset/dataset.ts';
import { FAULTS, type Fault } from './faults.ts';
import { type Executed, type ExecuteOptions, Lab, type Mutation, PLACES } from './lab.ts';
import { Model } from './model.ts';
import { PollingReader } from './reader.ts';
import { seeded } from './turns.ts';

export interface HistoryOutcome {
  violations: string[];
  executions: number;
  faults: number;
  vacuumed: number;
  polls: number;
}

/**
 * A random history: several executions at once over shared objects, events that come late, twice and in any order, objects
 * overwritten midway, deaths, faults and sandboxes that outlive their executions, compaction, redrives, vacuum and readers;
 * and then the promise. Everything is drawn from the seed.
 */
export async function runHistory(seed: number, mutation: Mutation = {}): Promise<HistoryOutcome> {
  const scratch = await mkdtemp(join(tmpdir(), 'sluice-drill-'));
  try {
    return await new History(seed, mutation, scratch).run();
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

interface Event {
  bucket: string;
  key: string;
  etag: string;
}

const TOLERATED = 1;
const MINUTE = 60_000;
/** What happens in a history happens within this time, in milliseconds of its own. */
const SPAN_MS = 40 * MINUTE;
const GRACE_MINUTES = 10;
/** What outlives its execution is the hardest to bear. */
const DRAWN: Fault[] = [...FAULTS, 'stopped', 'stopped', 'abandoned'];
/** Calls that the protocol consists of: every second fault meets one of these. */
const PROTOCOL = [
  /^claims/,
  /verdict/,
  /intent/,
  /^log/,
  /^locks/,
  /published/,
  /receipt/,
  /^db/,
  /^failed/,
  /^history/,
];

class History {
  private readonly lab: Lab;
  private readonly model: Model;
  private readonly reader: PollingReader | undefined;
  private readonly mode: 'append' | 'overwrite-partitions';
  /** Partitions that several objects have rows for. */
  private readonly shared: boolean;
  private readonly keys: string[];
  private readonly events: Event[] = [];
  /** Runs that told their caller that they committed. */
  private readonly succeeded: string[] = [];
  private readonly outcome: HistoryOutcome = { violations: [], executions: 0, faults: 0, vacuumed: 0, polls: 0 };
  private rows = 0;

  constructor(seed: number, mutation: Mutation, scratch: string) {
    const random = seeded(seed);
    this.mode = random() < 0.5 ? 'append' : 'overwrite-partitions';
    this.shared = this.mode === 'append' || random() < 0.5;
    const readers = random() < 0.5 ? 'catalog' : 'path';
    const onReupload = this.mode === 'append' && random() < 0.5 ? 'replace' : 'append';
    const dataset: DatasetDefinition & { name: string } = {
      name: 'd',
      source: { prefix: 'in/', pick: 'new' },
      splitBytes: 64,
      rejects: { rows: TOLERATED },
      concurrency: { singleFlight: random() < 0.2 },
      target: {
        ...{
          database: 'db',
          table: 't',
          mode: this.mode,
          partitionBy: ['part'],
          formats: ['parquet', 'avro'],
          readers,
        },
        ...(readers === 'catalog' ? { graceMinutes: GRACE_MINUTES } : {}),
        ...(this.mode === 'append' ? { onReupload } : {}),
      },
    };
    this.lab = new Lab(random, dataset, scratch, mutation);
    this.model = new Model(this.lab, {
      ...{ mode: this.mode, formats: ['parquet', 'avro'], onReupload, tolerated: TOLERATED },
    });
    if (readers === 'catalog') this.reader = new PollingReader(this.lab, this.model, GRACE_MINUTES * MINUTE);
    this.keys = Array.from({ length: 2 + this.lab.draw(3) }, (_, i) => `in/${i}.csv`);
  }

  async run(): Promise<HistoryOutcome> {
    const { lab } = this;
    for (const key of this.keys) await this.land(key);
    const reading = this.reader?.run();
    const work: Promise<unknown>[] = [];
    const events = shuffled(this.events, lab);
    if (lab.chance(0.5)) {
      for (let i = 2 + lab.draw(5); i > 0; i--) work.push(this.begin(() => this.request(events)));
    } else {
      // Each to its own: they reach the log at about the same time.
      for (const key of this.keys) {
        const own = events.filter((event) => event.key === key);
        work.push(lab.chance(0.5) ? this.execute(own) : this.begin(() => own));
      }
    }
    for (let i = lab.draw(4); i > 0; i--) work.push(this.overwrite(this.keys[lab.draw(this.keys.length)]));
    if (lab.chance(0.2)) work.push(this.begin(() => ({ dataset: 'd', compact: true })));
    if (lab.chance(0.3)) work.push(this.redriveMidway());
    if (lab.chance(0.3)) work.push(this.begin(() => this.again()));
    for (let i = lab.draw(4); i > 0; i--) work.push(this.endAgain());
    if (lab.chance(0.3)) work.push(this.repair());
    for (let i = lab.draw(3); i > 0; i--) work.push(this.vacuum());
    await Promise.all(work);
    await lab.idle();
    await this.checkCommits();
    this.note(await lab.settle());
    await this.checkCommits();
    this.reader?.stop();
    await reading;
    // What waited for its grace leaves, and nothing else is left to do.
    lab.turns.now += 60 * MINUTE;
    await this.vacuum();
    this.note([await lab.execute({ dataset: 'd' })]);
    await lab.idle();
    this.outcome.violations.push(...(this.reader?.violations ?? []), ...(await this.model.violations()));
    this.outcome.polls = this.reader?.polls ?? 0;
    this.outcome.executions = lab.executions;
    return this.outcome;
  }

  /** Rows of an object: in its own partition, or all over two; now and then some that are rejected, or too many of them. */
  private async land(key: string): Promise<void> {
    const { lab } = this;
    const partition = (i: number) => (this.shared ? `p${i % 2}` : key.replace(/\W/g, '_'));
    const rows = Array.from({ length: 1 + lab.draw(6) }, (_, i): [string, string] => [`r${this.rows++}`, partition(i)]);
    const bad = lab.chance(0.2) ? 1 + lab.draw(2) : 0;
    for (let i = 0; i < bad; i++) rows.push([`r${this.rows++}`, '!']);
    const { etag } = await this.model.land(key, rows);
    for (let i = 1 + lab.draw(5); i > 0; i--) this.events.push({ bucket: PLACES.landing, key, etag });
  }

  private request(events: Event[]): unknown {
    const { lab } = this;
    if (lab.chance(0.3)) return { dataset: 'd', source: { pick: 'new' } };
    const some = events.filter(() => lab.chance(0.6));
    return some.length > 0 ? some : [...events];
  }

  /** A person who has some objects loaded once more. */
  private again(): unknown {
    const objects = this.keys.filter(() => this.lab.chance(0.5)).map((key) => ({ bucket: PLACES.landing, key }));
    return {
      dataset: 'd',
      objects: objects.length > 0 ? objects : [{ bucket: PLACES.landing, key: this.keys[0] }],
      force: true,
    };
  }

  private options(): ExecuteOptions {
    const { lab } = this;
    const at = lab.chance(0.5) ? PROTOCOL[lab.draw(PROTOCOL.length)] : undefined;
    return {
      fault: lab.chance(0.2) ? undefined : DRAWN[lab.draw(DRAWN.length)],
      k: at ? Math.min(lab.draw(4), lab.draw(4)) : lab.draw(lab.chance(0.5) ? 25 : 180),
      at,
      doubled: lab.chance(0.3) ? 0.2 : 0,
      slow: lab.chance(0.1) ? 0.01 : 0,
      storm: lab.chance(0.2) ? 0.02 : 0,
    };
  }

  /** An execution at some time of the history. */
  private async begin(input: () => unknown): Promise<void> {
    await this.lab.turns.wait(this.lab.draw(this.lab.chance(0.5) ? 10_000 : SPAN_MS));
    await this.execute(input());
  }

  private async execute(input: unknown): Promise<void> {
    const options = this.options();
    const executed = await this.lab.execute(input, options);
    this.note([executed]);
    // Who stops an execution often starts it again at once; and so does who sees one fail.
    if (executed.struck && executed.endState !== 'Succeeded' && this.lab.chance(0.5)) {
      this.note([await this.lab.execute(input, { slow: 0.02 })]);
    }
  }

  private note(executed: Executed[]): void {
    for (const { run, endState, struck, error } of executed) {
      if (struck) this.outcome.faults++;
      if (endState === 'Succeeded') this.succeeded.push(run);
      if (
        endState === 'ListLatest' &&
        error?.name === 'BadRequest' &&
        !/quarantine|redrive|compact/.test(error.cause)
      ) {
        this.outcome.violations.push(`the drill's own input was refused: ${error.cause}`);
      }
    }
  }

  private async overwrite(key: string): Promise<void> {
    await this.lab.turns.wait(this.lab.draw(this.lab.chance(0.5) ? 20_000 : SPAN_MS));
    await this.land(key);
    const { etag } = this.model.last(key);
    await this.execute([{ bucket: PLACES.landing, key, etag }]);
    if (this.lab.chance(0.5)) await this.begin(() => this.request(this.events));
  }

  private async endAgain(): Promise<void> {
    await this.lab.turns.wait(this.lab.draw(2 * SPAN_MS));
    await this.lab.endAgain();
  }

  private async redriveMidway(): Promise<void> {
    await this.lab.turns.wait(this.lab.draw(SPAN_MS));
    const runs = [...new Set((await this.lab.quarantined()).map(({ record }) => record.run))];
    if (runs.length > 0) await this.execute({ redrive: runs[this.lab.draw(runs.length)] });
  }

  private async vacuum(): Promise<void> {
    await this.lab.turns.wait(this.lab.draw(2 * SPAN_MS));
    await this.lab.operate(async (ports) => {
      const { runs } = await vacuum(ports, 'drill', this.lab.random() * 0.5);
      this.outcome.vacuumed += runs;
    }, this.options());
  }

  private async repair(): Promise<void> {
    await this.lab.turns.wait(this.lab.draw(2 * SPAN_MS));
    const attempt = `${this.lab.draw(1e9)}`;
    await this.lab.operate((ports) => repair(ports, { name: 'd' }, { run: 'repair', attempt }), this.options());
  }

  /** Who was told that its run committed finds it in the log; and no two runs ever loaded one version of an object. */
  private async checkCommits(): Promise<void> {
    const log = openLog(this.lab.base.objects, PLACES.work, 'd');
    const head = await log.head();
    const { violations } = this.outcome;
    for (const run of this.succeeded)
      if (!head.runs.has(run)) violations.push(`run ${run} succeeded and is not in the log`);
    for (let version = 1; version <= head.version; version++) {
      const entry = await log.entry(version);
      if (entry.kind === 'void' && entry.reason.includes('already loaded')) {
        violations.push(`two runs held one object: ${entry.reason}`);
      }
    }
  }
}

function shuffled<T>(items: T[], lab: Lab): T[] {
  const all = [...items];
  for (let i = all.length - 1; i > 0; i--) {
    const j = lab.draw(i + 1);
    [all[i], all[j]] = [all[j], all[i]];
  }
  return all;
}
