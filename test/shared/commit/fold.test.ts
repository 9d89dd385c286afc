import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Intent, LogEntry, TableChange } from '../../../shared/commit/entry.ts';
import {
  applyEntry,
  commitsHeldWith,
  emptyState,
  type LogState,
  restoreState,
  storeState,
} from '../../../shared/commit/fold.ts';
import { movedOn } from '../../../shared/commit/log.ts';
import { withoutOutdated } from '../../../shared/commit/outdated.ts';

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
    expect(live(state).find((file) => file.version === 1)?.previous).toEqual([before]);
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

describe('the pace of conversion', () => {
  const pace = (ms: number) => ({ pace: { bytes: 1e9, ms } });
  const folded = (...entries: LogEntry[]) =>
    entries.reduce((state, entry, i) => applyEntry(state, i + 1, entry), emptyState());

  it('is that of the last commit that tells, also from a checkpoint', () => {
    const state = folded(intent('a', [], pace(1)), intent('b', [], pace(2)), intent('c', []));
    expect(state.pace).toEqual({ bytes: 1e9, ms: 2 });
    const restored = restoreState(JSON.parse(JSON.stringify(storeState(state))));
    expect(restored.pace).toEqual(state.pace);
    expect(applyEntry(restored, 4, intent('d', [], pace(3))).pace).toEqual({ bytes: 1e9, ms: 3 });
  });

  it('is unknown until one tells', () => {
    expect(folded(intent('a', []))).not.toHaveProperty('pace');
    expect(storeState(folded(intent('a', [])))).not.toHaveProperty('pace');
  });
});

describe('storeState', () => {
  it('forgets what the root shows to be done with, and leads to the same table', () => {
    const replaces = fc.constantFrom<TableChange['replaces']>('nothing', 'partitions', 'everything');
    const commit = fc.record({ replaces, days: fc.array(fc.constantFrom('x', 'y'), { maxLength: 4 }) });
    fc.assert(
      fc.property(fc.array(commit, { minLength: 2, maxLength: 10 }), fc.nat(9), (commits, n) => {
        const whole = emptyState();
        let cut = emptyState();
        commits.forEach(({ replaces, days }, i) => {
          const files = days.map((day, f): [string, string] => [day, `part-${i}-${f}`]);
          const entry = intent(`r${i}`, [change(replaces, files)]);
          applyEntry(whole, i + 1, entry);
          applyEntry(cut, i + 1, entry);
          if (i === n) cut = restoreState(JSON.parse(JSON.stringify(storeState(cut, { version: i + 1, applied: i }))));
        });
        const bare = (state: LogState) => live(state).map(({ previous: _, ...file }) => file);
        expect(bare(cut)).toEqual(bare(whole));
        expect(cut.sources).toEqual(whole.sources);
        expect(cut.runs).toEqual(whole.runs);
        for (const [key, version] of cut.retired) expect(whole.retired.get(key)).toBe(version);
        for (const [key, version] of whole.retired) if (version > n) expect(cut.retired.get(key)).toBe(version);
        const stored = storeState(cut, { version: commits.length, applied: commits.length });
        expect(stored.retired).toEqual([]);
        expect(stored.freshness.length).toBeLessThanOrEqual(live(cut).length);
      }),
    );
  });
});

describe('withoutOutdated', () => {
  const state = emptyState();
  applyEntry(
    state,
    1,
    intent('a', [
      change('partitions', [
        ['x', 'one'],
        ['y', 'one'],
      ]),
    ]),
  );
  const files: [string, string][] = [
    ['x', 'two'],
    ['z', 'two'],
  ];
  const late = (replaces: TableChange['replaces'], over: Partial<Intent> = {}) => {
    const made = intent('b', [change(replaces, files)], over);
    made.sources[0].lastModified = '2025-12-31T00:00:00.000Z';
    return made;
  };

  it('keeps partitions that hold rows of newer sources, and takes the others', () => {
    const [table] = withoutOutdated(state, late('partitions')).tables;
    expect(table.files.map((file) => file.partition)).toEqual([['z']]);
    expect(table.outdated).toEqual([['x']]);
  });

  it('keeps a table of newer sources whole', () => {
    const entry = withoutOutdated(state, late('everything'));
    expect(entry.tables[0]).toMatchObject({ replaces: 'nothing', files: [], outdated: [['x'], ['z']] });
    const after = applyEntry(restoreState(JSON.parse(JSON.stringify(storeState(state)))), 2, entry);
    expect(live(after)).toEqual(live(state));
    expect([...after.sources.keys()]).toEqual(['s-a', 's-b']);
  });

  it('changes nothing that is as new, is appended, or that a person forces', () => {
    const same = intent('b', [change('partitions', files)]);
    expect(withoutOutdated(state, same)).toEqual(same);
    expect(withoutOutdated(state, late('nothing'))).toEqual(late('nothing'));
    expect(withoutOutdated(state, late('partitions', { force: true }))).toEqual(late('partitions', { force: true }));
  });

  it('knows how new merged rows are', () => {
    const merged = applyEntry(emptyState(), 1, intent('a', [change('partitions', [['x', 'one']])]));
    const keys = live(merged).map((file) => file.key);
    applyEntry(merged, 2, intent('m', [change({ keys }, [['x', 'merged']])], { sources: [] }));
    expect(withoutOutdated(merged, late('partitions')).tables[0].outdated).toEqual([['x']]);
  });
});

describe('movedOn', () => {
  const state = applyEntry(emptyState(), 1, intent('a', [change('partitions', [['x', 'one']])]));

  it('refuses a source that is live, unless it is loaded again on purpose', () => {
    const again = intent('b', [change('partitions', [['x', 'two']])], { sources: intent('a', []).sources });
    expect(movedOn(state, again)).toContain('is already loaded');
    expect(movedOn(state, { ...again, force: true })).toBeUndefined();
  });

  it('refuses to replace a commit whose rows were merged with another’s since the plan', () => {
    const merged = emptyState();
    applyEntry(merged, 1, intent('a', [change('nothing', [['x', 'one']])]));
    applyEntry(merged, 2, intent('b', [change('nothing', [['x', 'two']])]));
    const keys = live(merged).map((file) => file.key);
    const reload = intent('c', [change({ commits: [1] }, [['x', 'three']])], { force: true, plannedAt: 2 });
    expect(movedOn(merged, reload)).toBeUndefined();
    applyEntry(merged, 3, intent('m', [change({ keys }, [['x', 'merged']])], { sources: [] }));
    expect(movedOn(merged, reload)).toContain('rows of commit 2 lie in one file');
    expect([...commitsHeldWith(merged, [1])].sort()).toEqual([1, 2]);
    applyEntry(merged, 4, intent('c', [change({ commits: [1, 2] }, [['x', 'three']])], { force: true }));
    expect(live(merged).map((file) => file.version)).toEqual([4]);
  });

  it('refuses a plan made against another schema', () => {
    const columns = [{ name: 'id', original: 'id', type: 'string' as const }];
    const moved = intent('b', [change('partitions', [['y', 'two']], { columns })]);
    expect(movedOn(state, moved)).toContain('column id of db.t is bigint where the plan has string');
  });
});
