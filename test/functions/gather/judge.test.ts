import { describe, expect, it } from '@jest/globals';
import { judge, type Outcome } from '../../../functions/gather/judge.ts';
import type { ConvertAccount, ConvertInput } from '../../../shared/domain/load.ts';

const source = (key: string) => ({
  id: key,
  bucket: 'b',
  key,
  etag: 'e',
  sizeBytes: 100,
  lastModified: '2026-01-01T00:00:00.000Z',
});
const input = (key: string, range?: ConvertInput['range']): ConvertInput => ({
  source: source(key),
  part: { format: 'csv', compression: 'none' },
  columns: [],
  ...(range ? { range } : {}),
});
const account = (over: Partial<ConvertAccount> = {}): ConvertAccount => ({
  input: 0,
  rowsRead: 10,
  rowsWritten: 10,
  rowsRejected: 0,
  bytesRead: 100,
  lines: 11,
  durationMs: 1,
  ...over,
});
let tasks = 0;
const outcome = (inputs: ConvertInput[], accounts: ConvertAccount[]): Outcome => {
  const task = `convert-${tasks++}`;
  return {
    step: 'convert',
    task: { task, table: 0, inputs },
    receipt: { task, attempt: 'a', table: 0, accounts, staged: [], files: [], rejects: undefined },
  };
};
const range = (index: number, start: number, end: number) => ({ index, of: 2, start, end, dataStart: 0, dataLine: 0 });
const link = (start: number, end: number, firstRecordStart: number, lastRecordEnd: number) => ({
  link: { start, end, firstRecordStart, lastRecordEnd, startedInQuotes: false, quotes: 0 },
});
const NONE = { rows: 0, share: 0 };

describe('judge', () => {
  it('adds up a source’s accounts', () => {
    const judged = judge(
      [outcome([input('a'), input('b')], [account(), account({ input: 1, rowsRead: 3, rowsWritten: 3 })])],
      NONE,
    );
    expect(judged.accounts.map(({ source, rowsRead }) => [source.key, rowsRead])).toEqual([
      ['a', 10],
      ['b', 3],
    ]);
    expect(judged.failed).toEqual([]);
  });

  it('throws where rows were lost or doubled', () => {
    const lost = outcome([input('a')], [account({ rowsWritten: 9 })]);
    expect(() => judge([lost], NONE)).toThrow(
      's3://b/a has 10 rows but 9 were written and 0 rejected; nothing is committed',
    );
    const doubled = outcome([input('a')], [account({ rowsWritten: 11 })]);
    expect(() => judge([doubled], NONE)).toThrow(expect.objectContaining({ name: 'AccountsMismatch' }));
  });

  it('fails every object of a task that failed, and counts nothing of it', () => {
    const error = { name: 'Lambda.Unknown', message: 'the sandbox died' };
    const failed: Outcome = {
      step: 'convert',
      task: { task: 't', table: 0, inputs: [input('a'), input('b')] },
      failure: { task: 't', error },
    };
    const judged = judge([failed, outcome([input('c')], [account()])], NONE);
    expect(judged.failed.map(({ source, error }) => [source.key, error.name])).toEqual([
      ['a', 'Lambda.Unknown'],
      ['b', 'Lambda.Unknown'],
    ]);
    expect(judged.accounts.map(({ source }) => source.key)).toEqual(['c']);
  });

  it('proves the ranges of an object against each other', () => {
    const first = outcome([input('a', range(0, 0, 50))], [account(link(0, 50, 0, 60))]);
    const good = outcome([input('a', range(1, 50, 100))], [account(link(50, 100, 60, 100))]);
    const bad = outcome([input('a', range(1, 50, 100))], [account(link(50, 100, 55, 100))]);
    expect(judge([first, good], NONE)).toMatchObject({ broken: [], accounts: [{ rowsRead: 20 }] });
    expect(judge([good, first], NONE).broken).toEqual([]);
    expect(judge([first, bad], NONE).broken).toHaveLength(1);
  });

  it('judges the rejected rows of all ranges of an object together', () => {
    const rejecting = { rowsWritten: 9, rowsRejected: 1, firstReject: 'row 3 is bad' };
    const ranges = [
      outcome([input('a', range(0, 0, 50))], [account({ ...link(0, 50, 0, 60), ...rejecting })]),
      outcome([input('a', range(1, 50, 100))], [account({ ...link(50, 100, 60, 100), ...rejecting })]),
    ];
    expect(judge(ranges, { rows: 2, share: 0 }).failed).toEqual([]);
    const judged = judge(ranges, { rows: 1, share: 0 });
    expect(judged.failed[0].error).toMatchObject({
      name: 'TooManyRejects',
      message: 's3://b/a has 2 rejected rows of 20 where 1 are tolerated; the first: row 3 is bad',
    });
    expect(judged.counted).toEqual([]);
    expect(judge(ranges, { rows: 0, share: 0.1 }).failed).toEqual([]);
  });
});
