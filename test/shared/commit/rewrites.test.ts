import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Intent, NewFile, TableChange } from '../../../shared/commit/entry.ts';
import {
  applyEntry,
  commitsWithRowsUnknown,
  emptyState,
  type LogState,
  liveVersions,
  restoreState,
  storeState,
} from '../../../shared/commit/fold.ts';
import { movedOn } from '../../../shared/commit/log.ts';
import { withoutOutdated } from '../../../shared/commit/outdated.ts';
import { withoutNeedlessRewrites } from '../../../shared/commit/rewrites.ts';

const INT = { name: 'v', original: 'v', type: 'int' as const };
const BIGINT = { name: 'v', original: 'v', type: 'bigint' as const };
const EARLY = '2026-01-01T00:00:00.000Z';
const LATE = '2026-01-02T00:00:00.000Z';

function file(day: string, name: string, over: Partial<NewFile> = {}): NewFile {
  return { partition: [day], name: `${name}.parquet`, staged: `runs/${name}`, etag: 'e', rows: 2, bytes: 9, ...over };
}

function change(files: NewFile[], over: Partial<TableChange> = {}): TableChange {
  return {
    ...{ database: 'db', table: 't', format: 'parquet', bucket: 'lake', root: 'db/t/', columns: [INT] },
    partitionColumns: [{ name: 'day', original: 'day', type: 'string' }],
    ...{ parameters: {}, replaces: 'nothing', emptied: [], files },
    ...over,
  };
}

/** A commit of versions `key@etag`. */
function intent(run: string, versions: string[], tables: TableChange[], over: Partial<Intent> = {}): Intent {
  return {
    ...{ kind: 'commit', run, dataset: 'd', at: EARLY, force: false, readers: 'catalog', graceSeconds: 0 },
    sources: versions.map((id) => {
      const [key, etag] = id.split('@') as [string, string];
      return { id, bucket: 'landing', key, etag, lastModified: EARLY };
    }),
    ...{ tables, fixed: [], plannedAt: 0 },
    ...over,
  };
}

function fold(...entries: Intent[]): LogState {
  const state = emptyState();
  for (const [i, entry] of entries.entries()) applyEntry(state, i + 1, entry);
  return state;
}

const live = (state: LogState) => state.tables.get('db.t')!.files;
const keyOf = (state: LogState, staged: string) => live(state).find((one) => one.staged === `runs/${staged}`)!.key;
const first = () =>
  intent('one', ['a@1', 'b@1'], [change([file('x', 'x1', { rowsOf: { 'a@1': 1, 'b@1': 1 } }), file('y', 'y1')])]);

describe('the fold', () => {
  it('knows the live versions of each object, and who took whose place', () => {
    const state = fold(first(), intent('two', ['a@2'], [change([])], { drops: ['a@1'] }), intent('three', ['b@2'], []));
    expect(liveVersions(state, { bucket: 'landing', key: 'a' })).toEqual(['a@2']);
    expect(liveVersions(state, { bucket: 'landing', key: 'b' })).toEqual(['b@1', 'b@2']);
    expect([...state.sources.keys()].sort()).toEqual(['a@2', 'b@1', 'b@2']);
    applyEntry(state, 4, intent('four', ['c@1'], [change([], { replaces: 'everything' })]));
    expect([...state.objects.values()]).toEqual(['c@1']);
  });

  it('is the same from its stored form, whatever was replaced', () => {
    const version = fc.constantFrom('a@1', 'a@2', 'b@1', 'b@2', 'c@1');
    const commit = fc.record({
      versions: fc.uniqueArray(version, { maxLength: 3 }),
      drops: fc.uniqueArray(version, { maxLength: 2 }),
      replaces: fc.constantFrom<TableChange['replaces']>('nothing', 'everything', { commits: [1] }, { commits: [2] }),
    });
    fc.assert(
      fc.property(fc.array(commit, { maxLength: 8 }), (commits) => {
        let cut = emptyState();
        const whole = emptyState();
        for (const [i, { versions, drops, replaces }] of commits.entries()) {
          const entry = intent(`r${i}`, versions, [change([file('x', `f${i}`)], { replaces })], { drops });
          applyEntry(whole, i + 1, entry);
          applyEntry(cut, i + 1, entry);
          cut = restoreState(JSON.parse(JSON.stringify(storeState(cut))));
        }
        expect(cut.sources).toEqual(whole.sources);
        for (const key of ['a', 'b', 'c']) {
          const versions = liveVersions(whole, { bucket: 'landing', key }).filter((id) => whole.sources.has(id));
          expect(liveVersions(cut, { bucket: 'landing', key })).toEqual(versions);
        }
      }),
    );
  });

  it('keeps of files that are written again who brought their rows, and moves what stays of their partitions', () => {
    const state = fold(first(), intent('two', ['c@1'], [change([file('x', 'x2', { rowsOf: { 'c@1': 2 } })])]));
    const [before] = live(state);
    const again = file('x', 'x3', { rows: 1, of: [1], rowsOf: { 'b@1': 1 } });
    const tables = [change([file('x', 'new', { rowsOf: { 'a@2': 2 } }), again], { rewrites: [before.key] })];
    applyEntry(state, 3, intent('three', ['a@2'], tables, { drops: ['a@1'] }));
    const byName = Object.fromEntries(live(state).map((one) => [one.staged, one]));
    expect(Object.keys(byName).sort()).toEqual(['runs/new', 'runs/x2', 'runs/x3', 'runs/y1']);
    expect(byName['runs/x3']).toMatchObject({ holds: [1], version: 3, rowsOf: { 'b@1': 1 } });
    expect(byName['runs/new']).toMatchObject({ holds: [3], rowsOf: { 'a@2': 2 } });
    const inX = live(state).filter((one) => one.partition[0] === 'x');
    expect(new Set(inX.map((one) => one.location)).size).toBe(1);
    expect(state.retired.get(`lake/${before.key}`)).toBe(3);
    expect(byName['runs/y1'].since).toBe(1);
  });

  it('says which commits have rows of whom nobody knows', () => {
    expect([...commitsWithRowsUnknown(fold(first()))]).toEqual([1]);
    expect([
      ...commitsWithRowsUnknown(fold(intent('one', ['a@1'], [change([file('x', 'x', { rowsOf: { 'a@1': 2 } })])]))),
    ]).toEqual([]);
  });

  it('remembers since when a column has its type', () => {
    const state = fold(first());
    applyEntry(state, 2, intent('two', ['c@1'], [change([], { columns: [INT, { ...INT, name: 'w' }] })]));
    const widened = change([], { columns: [BIGINT, { ...INT, name: 'w' }], widens: [{ column: 'v', from: 'int' }] });
    applyEntry(state, 3, intent('three', ['d@1'], [widened]));
    expect(state.tables.get('db.t')!.columnsSince).toEqual({ v: 3, w: 2 });
  });
});

describe('movedOn', () => {
  const state = fold(first());
  const replacing = (over: Partial<Intent> = {}, rewrites = [keyOf(state, 'x1')]) =>
    intent('two', ['a@2'], [change([], { rewrites })], { drops: ['a@1'], onReupload: 'replace', ...over });

  it('lets a version take the place of those that were live when it was planned', () => {
    expect(movedOn(state, replacing())).toBeUndefined();
  });

  it('refuses one beside which another version came since', () => {
    expect(movedOn(state, replacing({ drops: [] }))).toContain(
      'another version of s3://landing/a was loaded by commit 1',
    );
    const fails = intent('two', ['a@2'], [change([])], { onReupload: 'fail' });
    expect(movedOn(state, fails)).toContain('another version');
    expect(movedOn(state, intent('two', ['a@2'], [change([])]))).toBeUndefined();
  });

  it('refuses when a file that was read is not live any more, or another has rows that were to leave', () => {
    expect(movedOn(state, replacing({}, ['db/t/gone']))).toContain('db/t/gone was replaced since the plan');
    expect(movedOn(state, replacing({}, []))).toContain('has rows since the plan that are to be replaced');
  });

  it('refuses to add rows of a source that was loaded again meanwhile', () => {
    const again = intent('two', ['a@1'], [change([])], { force: true });
    expect(movedOn(state, again)).toContain('was loaded again since the plan');
    expect(
      movedOn(state, { ...again, tables: [change([], { replaces: { commits: [1] } })], plannedAt: 1 }),
    ).toBeUndefined();
    const own = { ...again, drops: ['a@1'], tables: [change([], { rewrites: [keyOf(state, 'x1')] })] };
    expect(movedOn(state, own)).toBeUndefined();
  });

  it('lets a column widen when every file that has it leaves', () => {
    const widens = [{ column: 'v', from: 'int' as const }];
    const keys = live(state).map((one) => one.key);
    const wider = (rewrites: string[]) => intent('two', ['c@1'], [change([], { columns: [BIGINT], widens, rewrites })]);
    expect(movedOn(state, wider(keys))).toBeUndefined();
    expect(movedOn(state, wider(keys.slice(1)))).toContain('has the column v as int since the plan');
    expect(movedOn(state, intent('two', ['c@1'], [change([], { columns: [BIGINT], rewrites: keys })]))).toContain(
      'column v of db.t is int where the plan has bigint',
    );
    const twice = fold(first(), intent('two', [], wider(keys).tables));
    expect(movedOn(twice, intent('three', ['d@1'], [change([], { columns: [INT] })]))).toContain('is bigint where');
  });

  it('does not ask for files from before the column', () => {
    const late = fold(
      intent('one', ['a@1'], [change([file('x', 'bare')], { columns: [{ ...INT, name: 'w' }] })]),
      intent('two', ['b@1'], [change([file('x', 'with')], { columns: [{ ...INT, name: 'w' }, INT] })]),
    );
    const columns = [{ ...INT, name: 'w' }, BIGINT];
    const widens = [{ column: 'v', from: 'int' as const }];
    const wider = change([], { columns, widens, rewrites: [keyOf(late, 'with')] });
    expect(movedOn(late, intent('three', ['c@1'], [wider]))).toBeUndefined();
  });
});

describe('where partitions are replaced whole', () => {
  const state = fold(
    intent('one', ['a@1'], [change([file('x', 'x1'), file('y', 'y1')])]),
    intent('two', ['b@1'], [change([file('z', 'z1')])]),
  );
  for (const source of [1, 2]) state.freshness.set(source, source === 1 ? EARLY : LATE);
  const again = live(state).map((one) => file(one.partition[0]!, `again-${one.partition[0]}`, { of: one.holds }));
  const widens = [{ column: 'v', from: 'int' as const }];
  const rewrites = live(state).map((one) => one.key);
  const partly = intent(
    'three',
    ['c@1'],
    [
      change([file('x', 'x2'), file('z', 'z2'), ...again], {
        columns: [BIGINT],
        widens,
        rewrites,
        replaces: 'partitions',
      }),
    ],
  );

  it('a file that was written again leaves with its partition, and stays where newer rows keep theirs', () => {
    const entry = withoutNeedlessRewrites(withoutOutdated(state, partly));
    expect(entry.tables[0].files.map((one) => one.staged).sort()).toEqual(['runs/again-y', 'runs/again-z', 'runs/x2']);
    expect(entry.tables[0].outdated).toEqual([['z']]);
    const after = restoreState(JSON.parse(JSON.stringify(storeState(state))));
    applyEntry(after, 3, entry);
    expect(
      live(after)
        .map((one) => [one.partition[0], one.staged, one.holds])
        .sort(),
    ).toEqual([
      ['x', 'runs/x2', [3]],
      ['y', 'runs/again-y', [1]],
      ['z', 'runs/again-z', [2]],
    ]);
  });

  it('a table that is replaced whole keeps no file that was written again, nor loses any where it stays', () => {
    const whole = { ...partly, tables: [{ ...partly.tables[0], replaces: 'everything' as const }] };
    const late = withoutNeedlessRewrites(withoutOutdated(state, whole)).tables[0];
    expect(late).toMatchObject({ replaces: 'nothing', files: [], rewrites: [], columns: [INT] });
    const forced = withoutNeedlessRewrites(withoutOutdated(state, { ...whole, force: true })).tables[0];
    expect(forced.files.map((one) => one.staged)).toEqual(['runs/x2', 'runs/z2']);
  });
});
