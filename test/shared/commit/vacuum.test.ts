import { describe, expect, it } from '@jest/globals';
import { vacuum } from '../../../shared/commit/vacuum.ts';
import { makeWorld } from '../../doubles/world.ts';

const NOTES = {
  name: 'notes',
  source: { prefix: 'notes/', pick: 'new' as const },
  target: { database: 'shop', table: 'notes', graceMinutes: 60 },
};
const later = (hours: number) => new Date(Date.parse('2026-01-02T03:04:05.000Z') + hours * 3_600_000);

describe('vacuum', () => {
  it('takes what is applied or aborted and old, and nothing that a table or a reader needs', async () => {
    const w = makeWorld({ datasets: [NOTES] });
    await w.put('notes/a.csv', 'id\n1\n');
    const first = await w.run({ dataset: 'notes' });
    await w.put('notes/empty.csv', '');
    const failed = await w.run({ dataset: 'notes' });
    expect(failed.status).toBe('FAILED');
    expect(await vacuum(w.ports, 'test')).toEqual({ runs: 0, objects: 0 });

    w.clock.time = later(30);
    expect((await vacuum(w.ports, 'test')).runs).toBe(2);
    expect(await w.workKeys('runs/')).toEqual([`runs/${failed.run}/request.json`, `runs/${failed.run}/verdict`]);
    expect((await vacuum(w.ports, 'test')).runs).toBe(0);
    expect(await w.rows('shop', 'notes')).toEqual([{ id: '1' }]);
    expect(first.history).toHaveLength(1);
    await w.put('notes/b.csv', 'id\n2\n');
    expect((await w.run({ dataset: 'notes' })).status).toBe('SUCCEEDED');
    expect(await w.rows('shop', 'notes')).toHaveLength(2);
  });

  it('keeps a run of which a sandbox may be at work yet: it would decide anew, and commit what is deleted', async () => {
    const w = makeWorld({ datasets: [NOTES] });
    await w.put('notes/a.csv', 'id\n1\n');
    await w.run({ dataset: 'notes' });
    w.clock.time = later(30);
    const ended = { status: async () => 'SUCCEEDED' as const, gone: async () => false };
    expect((await vacuum({ ...w.ports, executions: ended }, 'test')).runs).toBe(0);
    expect((await vacuum(w.ports, 'test')).runs).toBe(1);
  });

  it('keeps a run that committed and is not published', async () => {
    const w = makeWorld({ datasets: [NOTES] });
    await w.put('notes/a.csv', 'id\n1\n');
    const stuck = {
      ...w.ports.catalog,
      swap: () => Promise.reject(Object.assign(new Error('down'), { name: 'Down' })),
    };
    const { makePublish } = await import('../../../functions/publish/step.ts');
    const publish = makePublish({ ...w.ports, catalog: stuck });
    await w.run(
      { dataset: 'notes' },
      {
        Publish: (event, attempt) => publish(event as never, attempt),
        Quarantine: () => Promise.reject(new Error('gone')),
      },
    );
    w.clock.time = later(30);
    expect((await vacuum(w.ports, 'test')).runs).toBe(0);
    await w.run({ dataset: 'notes' });
    expect(await w.rows('shop', 'notes')).toEqual([{ id: '1' }]);
  });

  it('aborts and takes a run that died undecided', async () => {
    const w = makeWorld({ datasets: [NOTES] });
    await w.put('notes/a.csv', 'id\n1\n');
    const dying = () => Promise.reject(new Error('gone'));
    await w.run({ dataset: 'notes' }, { Plan: dying, Quarantine: dying });
    w.clock.time = later(30);
    expect((await vacuum(w.ports, 'test')).runs).toBe(1);
    expect((await w.run({ dataset: 'notes' })).status).toBe('SUCCEEDED');
    expect(await w.rows('shop', 'notes')).toEqual([{ id: '1' }]);
  });
});
