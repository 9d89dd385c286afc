import { describe, expect, it } from '@jest/globals';
import { openLog } from '../../shared/commit/log.ts';
import { headOf, makeWorld, type RunOutcome } from '../doubles/world.ts';
import { seeded } from '../faults/turns.ts';

const OBJECTS = 100;
const EVENTS = 1_000;
const AT_ONCE = 32;

interface Event {
  bucket: string;
  key: string;
  etag: string;
}

/** Each object's event at least once, the others of any, in any order. */
function shuffledEvents(events: Event[], random: () => number): Event[] {
  const draw = (n: number) => Math.floor(random() * n);
  const all = [...events, ...Array.from({ length: EVENTS - events.length }, () => events[draw(events.length)])];
  for (let i = all.length - 1; i > 0; i--) {
    const j = draw(i + 1);
    [all[i], all[j]] = [all[j], all[i]];
  }
  return all;
}

describe.each(['append', 'replace'] as const)('1,000 duplicate, shuffled events for 100 objects (%s)', (onReupload) => {
  it('load the rows of 100 objects exactly, by executions at once', async () => {
    const random = seeded(onReupload === 'append' ? 7 : 8);
    const world = makeWorld({
      datasets: [
        {
          name: 'd',
          source: { prefix: 'in/' },
          target: {
            ...{ database: 'db', table: 't', mode: 'append', onReupload },
            ...{ partitionBy: ['part'], formats: ['parquet', 'avro'] },
          },
        },
      ],
    });
    const events: Event[] = [];
    const expected: string[] = [];
    for (let i = 0; i < OBJECTS; i++) {
      const rows = Array.from({ length: 1 + (i % 4) }, (_, r) => `${i}-${r}`);
      expected.push(...rows);
      const text = `id,part\n${rows.map((id, r) => `${id},p${r % 3}\n`).join('')}`;
      const { etag } = await world.ports.objects.put({ bucket: 'landing', key: `in/${i}.csv` }, text);
      events.push({ bucket: 'landing', key: `in/${i}.csv`, etag });
    }
    const waiting = shuffledEvents(events, random);
    expect(waiting).toHaveLength(EVENTS);
    const outcomes: RunOutcome[] = [];
    const worker = async () => {
      while (waiting.length > 0) outcomes.push(await world.run(waiting.splice(0, 1 + Math.floor(random() * 20))));
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));

    expect(outcomes.map((run) => run.status).filter((status) => status !== 'SUCCEEDED')).toEqual([]);
    for (const table of ['t', 't_avro']) {
      const rows = await world.rows('db', table);
      expect(rows.map(({ id }) => id).sort()).toEqual(expected.toSorted());
    }
    const head = await headOf(world, 'd');
    expect(head.sources.size).toBe(OBJECTS);
    const log = openLog(world.ports.objects, 'work', 'd');
    const loaded: string[] = [];
    for (let version = 1; version <= head.version; version++) {
      const entry = await log.entry(version);
      if (entry.kind === 'commit') loaded.push(...entry.sources.map((source) => source.id));
    }
    expect(loaded).toHaveLength(OBJECTS);
    expect(await world.workKeys('failed/')).toEqual([]);
  });
});
