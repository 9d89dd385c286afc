import { describe, expect, it } from '@jest/globals';
import type { Intent } from '../../../shared/commit/entry.ts';
import { claimKey, logKey } from '../../../shared/commit/keys.ts';
import { sourceId } from '../../../shared/domain/source.ts';
import type { CallCounts } from '../../../shared/ports/object-store.ts';
import { memoryObjectStore } from '../../doubles/memory-object-store.ts';
import { makeWorld, type World } from '../../doubles/world.ts';

const COMMITS = 50;

/** A world in which `loaded` objects are in the ledger and `waiting` are in quarantine, as many runs left them. */
async function aged(loaded: number, waiting: number): Promise<World> {
  const clock = { now: () => new Date('2026-01-02T03:04:05.000Z') };
  const objects = memoryObjectStore(['landing', 'work', 'lake'], clock.now);
  const world = makeWorld({
    objects,
    datasets: [{ name: 'd', source: { prefix: 'in/', pick: 'new' }, target: { database: 'db', table: 't' } }],
  });
  const sources: Intent['sources'] = [];
  for (let i = 0; i < loaded + waiting; i++) {
    const key = `in/${String(i).padStart(7, '0')}.csv`;
    const { etag } = await objects.put({ bucket: 'landing', key }, `id\n${i < loaded ? i : '!'}\n`);
    if (i < loaded) {
      const id = sourceId('landing', key, etag);
      sources.push({ id, bucket: 'landing', key, etag, lastModified: '2026-01-01T00:00:00.000Z' });
      await objects.put({ bucket: 'work', key: claimKey('d', id) }, JSON.stringify({ run: 'r', executionId: 'e' }));
    }
  }
  for (let n = 0; n < COMMITS; n++) {
    const entry: Intent = {
      ...{
        kind: 'commit',
        run: `r${n}`,
        dataset: 'd',
        at: '2026-01-01T00:00:00.000Z',
        force: false,
        readers: 'catalog',
      },
      ...{ graceSeconds: 0, tables: [], fixed: [], plannedAt: 0 },
      sources: sources.filter((_, i) => i % COMMITS === n),
    };
    await objects.put({ bucket: 'work', key: logKey('d', n + 1) }, JSON.stringify(entry));
  }
  if (waiting > 0) {
    const failed = await world.run({ dataset: 'd' });
    if (failed.error?.name !== 'TooManyRejects') throw new Error(JSON.stringify(failed.error));
  }
  return world;
}

async function callsOf(world: World): Promise<CallCounts> {
  await world.run({ dataset: 'd' });
  const before = { ...world.ports.objects.calls };
  const outcome = await world.run({ dataset: 'd' });
  expect(outcome.endState).toBe('NothingToLoad');
  const after = world.ports.objects.calls;
  const kinds = Object.keys(after) as (keyof CallCounts)[];
  return Object.fromEntries(kinds.map((kind) => [kind, after[kind] - before[kind]])) as unknown as CallCounts;
}

describe('a sweep that finds nothing new', () => {
  it('takes a listing page more for each thousand objects and claims, and no other call', async () => {
    const few = await callsOf(await aged(1_000, 0));
    const many = await callsOf(await aged(10_000, 0));
    expect(many).toEqual({ ...few, list: few.list + 9 });
  });

  it('tells those that wait in quarantine apart by a listing', async () => {
    const few = await callsOf(await aged(500, 500));
    const many = await callsOf(await aged(8_000, 2_000));
    expect(many).toEqual({ ...few, list: few.list + 9 + 9 });
  });

  it('asks for each of a few, where a listing would take more', async () => {
    const none = await callsOf(await aged(1_000, 0));
    const some = await callsOf(await aged(1_000, 3));
    // One page more for the source; and a put that loses, and two looks at who holds it, for each.
    expect(some).toEqual({ ...none, list: none.list + 1, put: none.put + 3, head: none.head + 3, get: none.get + 3 });
  });

  it('takes what is new beside them, and what somebody asks for', async () => {
    const world = await aged(100, 100);
    await world.put('in/new.csv', 'id\n7\n');
    const outcome = await world.run({ dataset: 'd' });
    expect(outcome.history.map((line) => line.source)).toEqual(['s3://landing/in/new.csv']);
    await world.put('in/0000150.csv', 'id\n8\n');
    expect((await world.run({ dataset: 'd' })).history.map((line) => line.rows_written)).toEqual([1]);
    const again = await world.run({ dataset: 'd', objects: [{ bucket: 'landing', key: 'in/0000160.csv' }] });
    expect(again.error?.name ?? again.endState).toBe('NothingToLoad');
    const forced = await world.run({
      dataset: 'd',
      force: true,
      objects: [{ bucket: 'landing', key: 'in/0000160.csv' }],
    });
    expect(forced.error?.name).toBe('TooManyRejects');
  });
});
