import { describe, expect, it } from '@jest/globals';
import type { TableChange } from '../../../shared/commit/entry.ts';
import { applyEntry, emptyState } from '../../../shared/commit/fold.ts';
import { findPublished, promoteAndSwap, readPublished, writePublished } from '../../../shared/commit/publish.ts';
import { PreconditionFailed } from '../../../shared/errors.ts';
import { testPorts } from '../../doubles/ports.ts';

const at = (version: number) => ({ version, applied: 0, graceSeconds: 0, shown: [] });
const lock = { check: () => undefined, release: async () => undefined };

describe('writePublished', () => {
  it('is refused to a publisher that was overtaken, whatever it would set back', async () => {
    const p = testPorts();
    const slow = await findPublished(p, 'd');
    await writePublished(p, 'd', at(1), slow.etag);
    const { etag } = await findPublished(p, 'd');
    await writePublished(p, 'd', at(2), etag);
    await expect(writePublished(p, 'd', at(1), slow.etag)).rejects.toMatchObject({ name: 'LockHeld' });
    await expect(writePublished(p, 'd', at(1), etag)).rejects.toMatchObject({
      name: 'LockHeld',
      message: 'Another publisher of data set d came in between at version 2',
    });
    expect((await readPublished(p, 'd')).version).toBe(2);
  });

  it('finds its own behind an answer that was lost', async () => {
    const p = testPorts();
    const { put } = p.objects;
    p.objects.put = async (...given) => {
      await put(...given);
      throw new PreconditionFailed('sent again by the SDK');
    };
    const etag = await writePublished(p, 'd', at(1), undefined);
    p.objects.put = put;
    await writePublished(p, 'd', at(2), etag);
    expect((await readPublished(p, 'd')).version).toBe(2);
  });
});

describe('promoteAndSwap', () => {
  const joins = (...names: string[]): TableChange => ({
    ...{ database: 'db', table: 't', format: 'parquet', bucket: 'lake', root: 'db/t/', columns: [] },
    ...{ partitionColumns: [], parameters: {}, replaces: 'nothing', emptied: [] },
    files: names.map((name) => ({
      ...{ partition: [], name: `${name}.parquet`, staged: `runs/${name}`, rows: 1, bytes: 1 },
      etag: name,
    })),
  });
  const commit = (run: string, change: TableChange) => ({
    ...{ kind: 'commit' as const, run, dataset: 'd', at: '2026-01-01T00:00:00.000Z', force: false },
    ...{ readers: 'catalog' as const, graceSeconds: 0, sources: [], tables: [change], fixed: [], plannedAt: 0 },
  });

  it('finds a file that moved twice since it was last published, when its run’s folder is gone', async () => {
    const p = testPorts();
    const state = applyEntry(emptyState(), 1, commit('a', joins('one')));
    const [{ key: shown }] = state.tables.get('db.t')!.files;
    await p.objects.put({ bucket: 'lake', key: shown }, 'rows of one');
    applyEntry(state, 2, commit('b', joins('two', 'three')));
    applyEntry(state, 3, commit('c', joins('four', 'five')));
    const files = state.tables.get('db.t')!.files;
    for (const file of files.filter(({ staged }) => staged !== 'runs/one')) {
      const { etag } = await p.objects.put({ bucket: 'work', key: file.staged }, file.staged);
      file.etag = etag;
    }
    await promoteAndSwap(p, state, at(1), lock);
    const one = files.find(({ staged }) => staged === 'runs/one')!;
    expect(one.key).not.toBe(shown);
    expect(String(await p.objects.read({ bucket: 'lake', key: one.key }))).toBe('rows of one');
  });

  it('changes nothing any more once the lease is about to end', async () => {
    const p = testPorts();
    const state = applyEntry(emptyState(), 1, commit('a', joins('one')));
    await p.objects.put({ bucket: 'work', key: 'runs/one' }, 'rows');
    const check = () => {
      throw new Error('over');
    };
    await expect(promoteAndSwap(p, state, at(0), { ...lock, check })).rejects.toThrow('over');
    expect(p.objects.calls.copy).toBe(0);
  });
});
