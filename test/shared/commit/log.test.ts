import { describe, expect, it } from '@jest/globals';
import type { Intent } from '../../../shared/commit/entry.ts';
import { checkpointKey } from '../../../shared/commit/keys.ts';
import { openLog } from '../../../shared/commit/log.ts';
import { ObjectStoreBusy } from '../../../shared/errors.ts';
import { LOG_CHECKPOINT_EVERY } from '../../../shared/limits.ts';
import { memoryObjectStore } from '../../doubles/memory-object-store.ts';

const intent = (run: string, source = run): Intent => ({
  kind: 'commit',
  run,
  dataset: 'd',
  at: '2026-01-01T00:00:00.000Z',
  force: false,
  readers: 'catalog',
  graceSeconds: 0,
  sources: [{ id: source, bucket: 'landing', key: source, etag: 'e', lastModified: '2026-01-01T00:00:00.000Z' }],
  tables: [],
  fixed: [],
  plannedAt: 0,
});

describe('a log', () => {
  it('gives 32 publishers at once 32 versions without gaps', async () => {
    const objects = memoryObjectStore(['work']);
    const runs = Array.from({ length: 32 }, (_, i) => `r${i}`);
    const done = await Promise.all(runs.map((run) => openLog(objects, 'work', 'd').commit(intent(run))));
    expect(done.map(({ version }) => version).sort((a, b) => a - b)).toEqual(runs.map((_, i) => i + 1));
    const head = await openLog(objects, 'work', 'd').head();
    expect(head.version).toBe(32);
    expect([...head.sources.keys()].sort()).toEqual([...runs].sort());
  });

  it('finds its own entry when it commits twice', async () => {
    const log = openLog(memoryObjectStore(['work']), 'work', 'd');
    await log.commit(intent('a'));
    await log.commit(intent('b'));
    expect((await log.commit(intent('a'))).version).toBe(1);
    expect((await log.head()).version).toBe(2);
  });

  it('finds its own entry behind a put that took effect without an answer', async () => {
    const inner = memoryObjectStore(['work']);
    let lost = 0;
    const objects: typeof inner = {
      ...inner,
      async put(address, body, options) {
        const written = await inner.put(address, body, options);
        if (address.key.startsWith('log/') && lost++ === 0) throw new ObjectStoreBusy('timed out after it took effect');
        return written;
      },
    };
    const log = openLog(objects, 'work', 'd');
    expect((await log.commit(intent('a'))).version).toBe(1);
    expect((await log.head()).version).toBe(1);
  });

  it('voids the commit of a source that another run committed', async () => {
    const log = openLog(memoryObjectStore(['work']), 'work', 'd');
    await log.commit(intent('a', 'same'));
    const second = await log.commit(intent('b', 'same'));
    expect(second.entry).toMatchObject({
      kind: 'void',
      run: 'b',
      reason: 'source s3://landing/same (e) is already loaded',
    });
    expect((await log.head()).sources.get('same')).toBe(1);
  });

  it('starts from a checkpoint once there are many entries', async () => {
    const objects = memoryObjectStore(['work']);
    const log = openLog(objects, 'work', 'd');
    for (let i = 0; i < LOG_CHECKPOINT_EVERY; i++) await log.commit(intent(`r${i}`));
    await log.head();
    expect(await objects.head({ bucket: 'work', key: checkpointKey('d') })).toBeDefined();
    const before = objects.calls.get;
    const head = await openLog(objects, 'work', 'd').head();
    expect(head.sources.size).toBe(LOG_CHECKPOINT_EVERY);
    expect(objects.calls.get - before).toBeLessThan(10);
  });
});
