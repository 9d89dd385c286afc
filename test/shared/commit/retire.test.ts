import { describe, expect, it } from '@jest/globals';
import { readPublished } from '../../../shared/commit/publish.ts';
import { repair } from '../../../shared/commit/repair.ts';
import { makeWorld } from '../../doubles/world.ts';

const DAILY = {
  name: 'daily',
  source: { prefix: 'daily/', pick: 'latest' as const },
  target: { database: 'shop', table: 'daily', mode: 'overwrite' as const, graceMinutes: 60 },
};
const holder = { run: 'r', executionId: 'x', attempt: '1' };

describe('retireReplaced', () => {
  it('notes how far the root is rid of what was replaced, though later files wait for their grace', async () => {
    const w = makeWorld({ datasets: [DAILY] });
    const minute = (n: number) => new Date(Date.parse('2026-01-02T03:00:00.000Z') + n * 60_000);
    for (const [n, at] of [0, 0, 30].entries()) {
      w.clock.time = minute(at);
      await w.put(`daily/${n}.csv`, `id\n${n}\n`);
      expect((await w.run({ dataset: 'daily' })).status).toBe('SUCCEEDED');
    }
    expect(await w.lakeKeys('shop/daily/')).toHaveLength(3);
    expect((await readPublished(w.ports, 'daily')).applied).toBe(1);

    w.clock.time = minute(70);
    await repair(w.ports, DAILY, holder);
    expect(await readPublished(w.ports, 'daily')).toMatchObject({ version: 3, applied: 2, shown: [{ version: 3 }] });
    expect(await w.lakeKeys('shop/daily/')).toHaveLength(2);

    w.clock.time = minute(90);
    await repair(w.ports, DAILY, holder);
    expect(await readPublished(w.ports, 'daily')).toMatchObject({ version: 3, applied: 3, shown: [] });
    expect(await w.lakeKeys('shop/daily/')).toHaveLength(1);
  });
});
