import { describe, expect, it } from '@jest/globals';
import { judge, type Outcome } from '../../../functions/gather/judge.ts';
import { paceOf } from '../../../functions/gather/timed-out.ts';
import type { ConvertInput, InputRange } from '../../../shared/domain/load.ts';
import type { RangePlan } from '../../../shared/domain/pace.ts';
import { dialectOf } from '../../fixtures/csv-text.ts';

const MB = 1e6;
const PLANNED: RangePlan = { bytes: 256 * MB, taskSeconds: 900 };
const NONE = { rows: 0, share: 0 };

const input = (key: string, sizeBytes: number, over: Partial<ConvertInput['part']> = {}): ConvertInput => ({
  source: { id: key, bucket: 'b', key, etag: 'e', sizeBytes, lastModified: '2026-01-01T00:00:00.000Z' },
  part: { format: 'csv', compression: 'none', dialect: dialectOf({}), ...over },
  columns: [],
});
const ranged = (key: string, index: number, of: number, bytes: number): ConvertInput => {
  const range: InputRange = {
    ...{ index, of, start: index * bytes, end: (index + 1) * bytes },
    ...{ dataStart: 0, dataLine: 0 },
  };
  return { ...input(key, of * bytes), range };
};
const lost = (inputs: ConvertInput[], name = 'Sandbox.Timedout', message = name): Outcome => ({
  step: 'convert',
  task: { task: 't', table: 0, inputs },
  failure: { task: 't', error: { name, message } },
});
const done = (one: ConvertInput, ms: number): Outcome => {
  const rows = { rowsRead: 1, rowsWritten: 1, rowsRejected: 0, bytesRead: 1, lines: 1 };
  const account = { input: 0, ...rows, durationMs: ms };
  return {
    step: 'convert',
    task: { task: 't', table: 0, inputs: [one] },
    receipt: { task: 't', attempt: 'a', table: 0, accounts: [account], staged: [], files: [], rejects: undefined },
  };
};
const failures = (outcomes: Outcome[], planned: RangePlan | undefined = PLANNED) =>
  judge(outcomes, NONE, planned).failed.map(({ error, splitBytes }) => ({ ...error, splitBytes }));

describe('a range whose time ran out', () => {
  const RANGE = ranged('x.csv', 1, 3, 240 * MB);
  const tried = 'Cannot convert s3://b/x.csv: range 2 of 3, from byte 240000000 to 480000000 (240000000 bytes),';

  it.each(['Sandbox.Timedout', 'States.Timeout'])(
    'tells its size, its time, and the size by the pace measured: %s',
    (name) => {
      // 0.1 MB/s, of which the whole would have ended within the time: another range was slower.
      const measured = done(ranged('x.csv', 0, 3, 60 * MB), 600_000);
      expect(failures([measured, lost([RANGE], name)])).toEqual([
        {
          name,
          message: `${tried} did not end within the 900 s that a task has, twice; at the 0.1 MB/s measured, splitBytes 30000000 would have done`,
          where: 's3://b/x.csv',
          splitBytes: 30 * MB,
        },
      ]);
    },
  );

  it('goes by the pace that was planned with, where the run measured none', () => {
    const planned = { ...PLANNED, pace: { bytes: 100 * MB, ms: 500_000 } };
    expect(failures([lost([RANGE])], planned)).toMatchObject([{ splitBytes: 60 * MB }]);
  });

  it('is to be a third at most: it was slower than what was measured', () => {
    const measured = done(ranged('x.csv', 0, 3, 200 * MB), 10_000);
    const message = `${tried} did not end within the 900 s that a task has, twice; a third of it, splitBytes 80000000, may do`;
    expect(failures([measured, lost([RANGE])])).toMatchObject([{ message, splitBytes: 80 * MB }]);
  });

  it('is to be a third where nothing was measured', () => {
    const message = `${tried} did not end within the 900 s that a task has, twice; a third of it, splitBytes 80000000, may do`;
    expect(failures([lost([RANGE])])).toMatchObject([{ message, splitBytes: 80 * MB }]);
  });

  it('is to be a third where its process died without a word, whatever the pace: it may have been the memory', () => {
    const measured = done(ranged('x.csv', 0, 3, 60 * MB), 600_000);
    for (const name of ['Lambda.Unknown', 'Runtime.ExitError']) {
      const message = `${tried} ended without a word within the 900 s that a task has, twice; a third of it, splitBytes 80000000, may do`;
      expect(failures([measured, lost([RANGE], name)])).toMatchObject([{ name, message, splitBytes: 80 * MB }]);
    }
    expect(failures([measured, lost([RANGE], 'Lambda.Unknown', 'Task timed out after 900.00 seconds')])).toMatchObject([
      { splitBytes: 30 * MB },
    ]);
  });

  it('says which time a stage gave', () => {
    expect(failures([lost([RANGE])], { ...PLANNED, taskSeconds: 300 })[0]!.message).toContain('the 300 s that');
  });
});

describe('other tasks whose time ran out', () => {
  it('of several files: each is told of the task, and none is to be cut for the others', () => {
    const files = [input('a.csv', 2000), input('b.csv', 1000)];
    expect(failures([lost(files)])).toEqual(
      ['a', 'b'].map((key) => ({
        name: 'Sandbox.Timedout',
        message: `Cannot convert s3://b/${key}.csv: its task of 2 files with 3000 bytes did not end within the 900 s that a task has, twice; a third of it, splitBytes 1000, may do`,
        where: `s3://b/${key}.csv`,
        splitBytes: undefined,
      })),
    );
  });

  it('of one whole CSV: it is to be cut', () => {
    expect(failures([lost([input('a.csv', 3000)])])).toMatchObject([
      { message: expect.stringContaining('its 3000 bytes in one task did not end'), splitBytes: 1000 },
    ]);
  });

  it.each([
    ['gzip is not converted in ranges', { compression: 'gzip' as const }],
    ['zip is not converted in ranges', { compression: 'zip' as const }],
    ['parquet is not converted in ranges', { format: 'parquet' as const }],
    ['a CSV with a footer or several tables is not cut', { dialect: dialectOf({ footerRows: 1 }) }],
  ])('of what is not cut: says so (%s)', (told, over) => {
    const [failure] = failures([lost([input('a', 3000, over)])]);
    expect(failure!.message).toContain(told);
    expect(failure!.message).toMatch(/; files of a third, 1000 bytes, may do$/);
    expect(failure!.splitBytes).toBeUndefined();
  });

  it('of an object whose ranges did not hold: says so', () => {
    const outcome: Outcome = { ...lost([input('a.csv', 3000)]), step: 'whole' };
    const [failure] = failures([outcome]);
    expect(failure!.message).toContain('its quotes do not show where ranges of it could begin');
    expect(failure!.splitBytes).toBeUndefined();
  });

  it('in a container: no function’s time is told of it', () => {
    const [failure] = failures([lost([input('a.gz', 1e9, { compression: 'gzip' })], 'States.Timeout')]);
    expect(failure!.message).toContain('did not end within the time it had, twice, and gzip');
  });

  it('leaves every other error as it is', () => {
    expect(failures([lost([input('a.csv', 10)], 'AccessDenied', 'no')])).toEqual([
      { name: 'AccessDenied', message: 'no', splitBytes: undefined },
    ]);
  });
});

describe('paceOf', () => {
  it('is that of the slowest task of plain CSV', () => {
    const gzip = done(input('a.gz', 100, { compression: 'gzip' }), 900_000);
    const outcomes = [done(input('a', 50 * MB), 10_000), done(input('b', 50 * MB), 20_000), gzip];
    expect(paceOf(outcomes, PLANNED)).toEqual({ bytes: 50 * MB, ms: 20_000 });
    expect(paceOf([gzip], PLANNED)).toBeUndefined();
  });

  it('knows of a task whose time ran out that it was slower still', () => {
    const outcomes = [done(input('a', 50 * MB), 10_000), lost([ranged('b', 0, 2, 90 * MB)])];
    expect(paceOf(outcomes, PLANNED)).toEqual({ bytes: 90 * MB, ms: 900_000 });
    expect(paceOf([outcomes[0]!, lost([input('c', 90 * MB)], 'AccessDenied')], PLANNED)).toEqual({
      bytes: 50 * MB,
      ms: 10_000,
    });
  });

  it('takes many small files for what they are', () => {
    const files = (bytes: number) => Array.from({ length: 40 }, (_, i) => input(`${i}.csv`, bytes));
    const batch = (bytes: number): Outcome => {
      const one = done(input('a', bytes), 20_000) as Extract<Outcome, { receipt: unknown }>;
      return { ...one, task: { ...one.task, inputs: files(bytes) } };
    };
    expect(paceOf([batch(10_000), lost(files(10_000))], PLANNED)).toBeUndefined();
    expect(paceOf([batch(MB)], PLANNED)).toEqual({ bytes: 40 * MB, ms: 20_000 });
    expect(paceOf([lost(files(MB))], PLANNED)).toEqual({ bytes: 40 * MB, ms: 900_000 });
  });

  it('says nothing of a task with an object that failed', () => {
    const outcome = done(input('a', 50 * MB), 10_000) as Extract<Outcome, { receipt: unknown }>;
    outcome.receipt.accounts[0]!.failed = { name: 'TooManyRejects', message: 'bad' };
    expect(paceOf([outcome], PLANNED)).toBeUndefined();
  });
});
