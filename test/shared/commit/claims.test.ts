import { describe, expect, it } from '@jest/globals';
import { type Claimant, claim, claimMany, failedClaim, markLoaded } from '../../../shared/commit/claims.ts';
import { emptyState } from '../../../shared/commit/fold.ts';
import { readJson } from '../../../shared/commit/json-object.ts';
import { claimKey, loadedKey } from '../../../shared/commit/keys.ts';
import { settle, verdictOf } from '../../../shared/commit/verdict.ts';
import { type SourceObject, sourceId } from '../../../shared/domain/source.ts';
import { testPorts } from '../../doubles/ports.ts';

const SOURCE: SourceObject = {
  id: sourceId('landing', 'a.csv', 'e1'),
  bucket: 'landing',
  key: 'a.csv',
  etag: 'e1',
  sizeBytes: 3,
  lastModified: '2026-01-01T00:00:00.000Z',
};
const by = (run: string, force = false): Claimant => ({
  run,
  executionId: `x-${run}`,
  dataset: 'd',
  force,
  redrives: false,
});

/** With what a store of files has for one body under many keys; how often it was used. */
function withPutMany(ports: ReturnType<typeof testPorts>) {
  const { objects } = ports;
  let used = 0;
  objects.putMany = async (bucket, keys, body, options = {}) => {
    used++;
    const put = (key: string) =>
      objects.put({ bucket, key }, body, options).then(
        () => true,
        () => false,
      );
    return Promise.all(keys.map(put));
  };
  return { ports, used: () => used };
}

describe.each([
  ['one by one', () => ({ ports: testPorts(), used: () => undefined })],
  ['at once where the store can', () => withPutMany(testPorts())],
] as const)('many objects, %s', (_, scene) => {
  const sources = Array.from({ length: 6 }, (_, i) => ({
    ...SOURCE,
    id: sourceId('landing', `k${i}`, 'e'),
    key: `k${i}`,
  }));
  const held = (i: number) => claimKey('d', sources[i]!.id);

  it('come out as each does by itself', async () => {
    const { ports, used } = scene();
    ports.executionsKnown.set('x-running', { status: 'RUNNING', gone: false });
    const state = emptyState();
    state.sources.set(sources[0]!.id, 1);
    await claim(ports, by('running'), sources[2]!, emptyState());
    await claim(ports, by('dead'), sources[3]!, emptyState());
    await claim(ports, by('r1'), sources[4]!, emptyState());
    expect(await claimMany(ports, by('r1'), sources, state)).toEqual([
      'loaded',
      'claimed',
      'held',
      'claimed',
      'claimed',
      'claimed',
    ]);
    for (const i of [1, 3, 4, 5])
      expect(await readJson(ports.objects, { bucket: 'work', key: held(i) })).toEqual({
        run: 'r1',
        executionId: 'x-r1',
      });
    expect(used() ?? 1).toBe(1);
  });

  it('say of what was loaded before that it was', async () => {
    const { ports } = scene();
    const state = emptyState();
    state.sources.set(sources[0]!.id, 1);
    expect(await claimMany(ports, by('r1', true), sources.slice(0, 2), state)).toEqual(['claimed', 'claimed']);
    expect(await readJson(ports.objects, { bucket: 'work', key: held(0) })).toMatchObject({ loaded: true });
    expect(await readJson(ports.objects, { bucket: 'work', key: held(1) })).not.toHaveProperty('loaded');
  });

  it('are marked as loaded, each under its own key', async () => {
    const { ports } = scene();
    const ids = sources.map(({ id }) => id);
    await markLoaded(ports, 'd', ids, 'r0');
    await markLoaded(ports, 'd', ids, 'r1');
    for (const id of ids)
      expect(await readJson(ports.objects, { bucket: 'work', key: loadedKey('d', id) })).toEqual({ run: 'r1' });
  });
});

describe('claim', () => {
  it('gives an object to the first of many', async () => {
    const ports = testPorts();
    const runs = Array.from({ length: 16 }, (_, i) => `r${i}`);
    for (const run of runs) ports.executionsKnown.set(`x-${run}`, { status: 'RUNNING', gone: false });
    const outcomes = await Promise.all(runs.map((run) => claim(ports, by(run), SOURCE, emptyState())));
    expect(outcomes.filter((outcome) => outcome === 'claimed')).toHaveLength(1);
    expect(outcomes.filter((outcome) => outcome === 'held')).toHaveLength(15);
  });

  it('is the same run’s again when it asks twice', async () => {
    const ports = testPorts();
    await claim(ports, by('r1'), SOURCE, emptyState());
    expect(await claim(ports, by('r1'), SOURCE, emptyState())).toBe('claimed');
  });

  it('leaves what is loaded, unless it is asked for again', async () => {
    const ports = testPorts();
    const state = emptyState();
    state.sources.set(SOURCE.id, 1);
    state.runs.set('r1', { version: 1, void: false });
    expect(await claim(ports, by('r2'), SOURCE, state)).toBe('loaded');
    await claim(ports, by('r1'), SOURCE, emptyState());
    expect(await claim(ports, by('r2', true), SOURCE, state)).toBe('claimed');
  });

  it('takes over from a holder that is dead, and aborts it', async () => {
    const ports = testPorts();
    await claim(ports, by('r1'), SOURCE, emptyState());
    expect(await claim(ports, by('r2'), SOURCE, emptyState())).toBe('claimed');
    expect(await verdictOf(ports.objects, 'work', 'r1')).toBe('abort');
  });

  it('never takes over from a holder that decided to commit; a dead one is to be finished', async () => {
    const ports = testPorts();
    await claim(ports, by('r1'), SOURCE, emptyState());
    await settle(ports.objects, 'work', 'r1', 'commit', 'r1');
    expect(await claim(ports, by('r2'), SOURCE, emptyState())).toEqual({ unfinished: 'r1' });
    ports.executionsKnown.set('x-r1', { status: 'RUNNING', gone: false });
    expect(await claim(ports, by('r2'), SOURCE, emptyState())).toBe('held');
  });

  it('leaves a quarantined object to whoever asks for it', async () => {
    const ports = testPorts();
    await claim(ports, by('r1'), SOURCE, emptyState());
    const claimed = await failedClaim(ports, 'd', SOURCE.id, 'r1', 'failed/d/a.csv');
    expect(await claimed?.mark()).toBe(true);
    expect(await claim(ports, by('r2'), SOURCE, emptyState())).toBe('quarantined');
    expect(await claim(ports, by('r2', true), SOURCE, emptyState())).toBe('claimed');
  });

  it('does not mark what another run has taken over', async () => {
    const ports = testPorts();
    await claim(ports, by('r1'), SOURCE, emptyState());
    const late = await failedClaim(ports, 'd', SOURCE.id, 'r1', 'failed/d/a.csv');
    await claim(ports, by('r2'), SOURCE, emptyState());
    expect(await late?.mark()).toBe(false);
    expect(await failedClaim(ports, 'd', SOURCE.id, 'r1', 'failed/d/a.csv')).toBeUndefined();
    expect(await claim(ports, by('r2'), SOURCE, emptyState())).toBe('claimed');
  });

  it('keeps the first verdict', async () => {
    const ports = testPorts();
    const verdicts = await Promise.all([
      settle(ports.objects, 'work', 'r', 'commit', 'r'),
      settle(ports.objects, 'work', 'r', 'abort', 'other'),
    ]);
    expect(new Set(verdicts).size).toBe(1);
    expect(await settle(ports.objects, 'work', 'r', 'abort', 'late')).toBe(verdicts[0]);
  });
});
