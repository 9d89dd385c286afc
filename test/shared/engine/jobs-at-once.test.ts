import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Session, type SessionOptions } from '../../../shared/engine/session.ts';
import type { ConvertJob } from '../../../shared/engine/table-engine.ts';
import { ENGINE_JOBS_AT_ONCE } from '../../../shared/limits.ts';
import { sorted, Workbench } from './jobs.ts';

const TYPES = { a: 'int', b: 'string' } as const;
const MiB = 1024 * 1024;

describe('jobs of an engine', () => {
  const benches: Workbench[] = [];
  afterEach(async () => {
    jest.restoreAllMocks();
    for (const bench of benches.splice(0)) await bench.close();
  });

  function benchOf(options: ConstructorParameters<typeof Workbench>[0]): Workbench {
    const bench = new Workbench(options);
    benches.push(bench);
    return bench;
  }

  /** The options of all sessions; with `together`, none is opened before so many are asked for. */
  function sessions(together = 1): { asked: SessionOptions[]; mostOpen: () => number } {
    const asked: SessionOptions[] = [];
    let [open, most] = [0, 0];
    let all: () => void = () => undefined;
    const gathered = new Promise<void>((resolve) => {
      all = resolve;
    });
    const { open: real } = Session;
    jest.spyOn(Session, 'open').mockImplementation(async (options) => {
      asked.push(options);
      if (asked.length >= together) all();
      await gathered;
      most = Math.max(most, ++open);
      const session = await real.call(Session, options);
      const { close } = session;
      session.close = () => {
        open--;
        return close.call(session);
      };
      return session;
    });
    return { asked, mostOpen: () => most };
  }

  /** A job of some inputs, each of a row of its number. */
  function batch(bench: Workbench, name: string, inputs: number, over: Partial<ConvertJob>) {
    const files = Array.from({ length: inputs }, (_, i) => bench.csv(`a,b\n${i},${name}${i}\n`, TYPES));
    return bench.convert(files, TYPES, over);
  }

  it('are converted side by side where they are batches of several, each with its share', async () => {
    const threads = 2 * ENGINE_JOBS_AT_ONCE + 1;
    const bench = benchOf({ threads, memoryBytes: 1024 * MiB, streamingBytes: 300 * MiB });
    const names = Array.from({ length: ENGINE_JOBS_AT_ONCE }, (_, i) => `job ${i}`);
    // Were they one after another, the first would wait for ever.
    const { asked } = sessions(names.length);
    const outcomes = await Promise.all(names.map((name) => batch(bench, name, 3, { othersFollow: true })));
    for (const options of asked)
      expect([options.threads, options.memoryBytes]).toEqual([2, (300 * MiB) / ENGINE_JOBS_AT_ONCE]);
    for (const [i, { files }] of outcomes.entries()) {
      const name = names[i];
      const rows = await bench.read(files.map(({ path }) => path));
      expect(sorted(rows)).toEqual(sorted([0, 1, 2].map((n) => [n, `${name}${n}`])));
    }
  });

  it.each([
    ['that no other follows', { inputs: 3, othersFollow: false, threads: 2 }],
    ['of one input', { inputs: 1, othersFollow: true, threads: 2 }],
    ['of an engine of one thread', { inputs: 3, othersFollow: true, threads: 1 }],
  ])('are converted one by one, with all that there is: those %s', async (_, { inputs, othersFollow, threads }) => {
    const bench = benchOf({ threads, memoryBytes: 1024 * MiB, streamingBytes: 200 * MiB });
    const { asked, mostOpen } = sessions();
    await Promise.all(['x', 'y'].map((name) => batch(bench, name, inputs, { othersFollow })));
    expect(asked.map((options) => [options.threads, options.memoryBytes])).toEqual([
      [threads, 200 * MiB],
      [threads, 200 * MiB],
    ]);
    expect(mostOpen()).toBe(1);
  });

  it('are given all that there is where a share of it does not do', async () => {
    const little = 48 * MiB;
    const bench = benchOf({ threads: 2, memoryBytes: 1024 * MiB, streamingBytes: little });
    const { asked } = sessions();
    const row = 'x'.repeat(1_000_000);
    const wide = [0, 1].map((file) =>
      bench.csv(`a,b\n${Array.from({ length: 32 }, (_, i) => `${i},${row}${file}\n`).join('')}`, TYPES),
    );
    const { accounts } = await bench.convert(wide, TYPES, { othersFollow: true });
    expect(accounts).toMatchObject([{ rowsWritten: 32 }, { rowsWritten: 32 }]);
    expect(asked.map((options) => [options.threads, options.memoryBytes])).toEqual([
      [1, little / ENGINE_JOBS_AT_ONCE],
      [2, 1024 * MiB * 0.6],
    ]);
  });
});
