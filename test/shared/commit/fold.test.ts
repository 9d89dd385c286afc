import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Intent, TableChange } from '../../../shared/commit/entry.ts';
import { applyEntry, emptyState, type LogState, restoreState, storeState } from '../../../shared/commit/fold.ts';
import { movedOn } from '../../../shared/commit/log.ts';

const COLUMNS = [{ name: 'id', original: 'id', type: 'bigint' as const }];
const BY_DAY = [{ name: 'day', original: 'day', type: 'string' as const }];

function change(
  replaces: TableChange['replaces'],
  files: [string, string][],
  over: Partial<TableChange> = {},
): TableChange {
  return {
    database: 'db',
    table: 't',
    format: 'parquet',
    bucket: 'lake',
    root: 'db/t/',
    columns: COLUMNS,
    partitionColumns: BY_DAY,
    parameters: {},
    replaces,
    emptied: [],
    files: files.map(([day, name]) => ({
      partition: [day],
      name: `${name}.parquet`,
      staged: `runs/${name}`,
      etag: 'e',
      rows: 1,
      bytes: 1,
    })),
    ...over,
  };
}

function intent(run: string, tables: TableChange[], over: Partial<Intent> = {}): Intent {
  return {
    kind: 'commit',
    run,
    dataset: 'd',
    at: '2026-01-01T00:00:00.000Z',
    force: false,
    readers: 'catalog',
    graceSeconds: 0,
    sources: [{ id: `s-${run}`, bucket: 'landing', key: run, etag: 'e', lastModified: '2026-01-01T00:00:00.000Z' }],
    tables,
    fixed: [],
    plannedAt: 0,
    ...over,
  };
}

const live = (state: LogState) => state.tables.get('db.t')!.files;
const locations = (state: LogState, day: string) =>
  new Set(
    live(state)
      .filter((file) => file.partition[0] === day)
      .map((file) => file.location),
  );

describe('applyEntry', () => {
  it('puts the first files of a partition in a generation folder of the commit', () => {
    const state = applyEntry(emptyState(), 1, intent('a', [change('partitions', [['x', 'part-00000']])]));
    expect(live(state)[0].location).toMatch(/^db\/t\/day=x\/0000000001-[0-9a-f]{12}\/$/);
    expect(live(state)[0].key).toMatch(/\/part-00000-0000000001-[0-9a-f]{12}\.parquet$/);
  });

  it('adds one file where the others of its partition lie, so that it appears at once', () => {
    const state = emptyState();
    applyEntry(state, 1, intent('a', [change('nothing', [['x', 'one']])]));
    applyEntry(state, 2, intent('b', [change('nothing', [['x', 'two']])]));
    expect(live(state)).toHaveLength(2);
    expect(locations(state, 'x').size).toBe(1);
    expect(state.retired.size).toBe(0);
  });

  it('makes a new generation with the kept files copied when several files join a partition', () => {
    const state = emptyState();
    applyEntry(state, 1, intent('a', [change('nothing', [['x', 'one']])]));
    const before = live(state)[0].key;
    applyEntry(
      state,
      2,
      intent('b', [
        change('nothing', [
          ['x', 'two'],
          ['x', 'three'],
        ]),
      ]),
    );
    expect(live(state)).toHaveLength(3);
    expect([...locations(state, 'x')]).toEqual([expect.stringContaining('0000000002-')]);
    expect([...state.retired.keys()]).toEqual([`lake/${before}`]);
    expect(live(state).find((file) => file.version === 1)?.previous).toBe(before);
  });

  it('replaces only the partitions that the run has', () => {
    const state = emptyState();
    const first = change('partitions', [
      ['x', 'one'],
      ['y', 'two'],
    ]);
    applyEntry(state, 1, intent('a', [first]));
    applyEntry(state, 2, intent('b', [change('partitions', [['x', 'three']])]));
    expect(live(state).map((file) => [file.partition[0], file.version])).toEqual([
      ['x', 2],
      ['y', 1],
    ]);
  });

  it('forgets the sources whose commits are taken out', () => {
    const state = emptyState();
    applyEntry(state, 1, intent('a', [change('nothing', [['x', 'one']])]));
    applyEntry(state, 2, intent('b', [change({ commits: [1] }, [['x', 'two']])]));
    expect([...state.sources.keys()]).toEqual(['s-b']);
    expect(live(state).map((file) => file.version)).toEqual([2]);
  });

  it('ends every source and file when everything is overwritten', () => {
    const state = emptyState();
    applyEntry(state, 1, intent('a', [change('nothing', [['x', 'one']])]));
    applyEntry(state, 2, intent('b', [change('everything', [])]));
    expect(live(state)).toEqual([]);
    expect([...state.sources.keys()]).toEqual(['s-b']);
  });

  it('refuses an entry that does not follow', () => {
    expect(() => applyEntry(emptyState(), 2, intent('a', []))).toThrow('Log entry 2 does not follow version 0');
  });

  it('comes back the same from its stored form', () => {
    const state = applyEntry(emptyState(), 1, intent('a', [change('nothing', [['x', 'one']])]));
    expect(restoreState(JSON.parse(JSON.stringify(storeState(state))))).toEqual(state);
  });

  it('keeps one location a partition, unique keys, and no live key among the retired, whatever is committed', () => {
    const replaces = fc.constantFrom<TableChange['replaces']>('nothing', 'partitions', 'everything');
    const commit = fc.record({ replaces, days: fc.array(fc.constantFrom('x', 'y', 'z'), { maxLength: 5 }) });
    fc.assert(
      fc.property(fc.array(commit, { maxLength: 12 }), (commits) => {
        const state = emptyState();
        commits.forEach(({ replaces, days }, i) => {
          const files = days.map((day, n): [string, string] => [day, `part-${i}-${n}`]);
          applyEntry(state, i + 1, intent(`r${i}`, [change(replaces, files)]));
          for (const day of ['x', 'y', 'z']) expect(locations(state, day).size).toBeLessThanOrEqual(1);
          const keys = live(state).map((file) => file.key);
          expect(new Set(keys).size).toBe(keys.length);
          for (const file of live(state)) expect(state.retired.has(`lake/${file.key}`)).toBe(false);
        });
      }),
    );
  });
});

describe('movedOn', () => {
  const state = applyEntry(emptyState(), 1, intent('a', [change('partitions', [['x', 'one']])]));

  it('refuses a source that is live, unless it is loaded again on purpose', () => {
    const again = intent('b', [change('partitions', [['x', 'two']])], { sources: intent('a', []).sources });
    expect(movedOn(state, again)).toContain('is already loaded');
    expect(movedOn(state, { ...again, force: true })).toBeUndefined();
  });

  it('refuses to let an older source replace a fresher partition', () => {
    const late = intent('b', [change('partitions', [['x', 'two']])]);
    late.sources[0].lastModified = '2025-12-31T00:00:00.000Z';
    expect(movedOn(state, late)).toContain('has sources of 2026-01-01');
    const other = { ...late, tables: [change('partitions', [['y', 'two']])] };
    expect(movedOn(state, other)).toBeUndefined();
  });

  it('refuses a plan made against another schema', () => {
    const columns = [{ name: 'id', original: 'id', type: 'string' as const }];
    const moved = intent('b', [change('partitions', [['y', 'two']], { columns })]);
    expect(movedOn(state, moved)).toContain('column id of db.t is bigint where the plan has string');
  });
});
