import { describe, expect, it } from '@jest/globals';
import { finishRun } from '../../../shared/commit/finish.ts';
import { lockKey, logPrefix } from '../../../shared/commit/keys.ts';
import { openLog } from '../../../shared/commit/log.ts';
import type { Address, ObjectStore } from '../../../shared/ports/object-store.ts';
import { committer, DATASET, TABLE } from '../../concurrency/committer.ts';
import { testPorts } from '../../doubles/ports.ts';

/** Ports whose store tells which keys were put and read. */
function watchedPorts() {
  const ports = testPorts();
  const inner = ports.objects;
  const done: string[] = [];
  const objects: ObjectStore = {
    ...inner,
    put: (address: Address, ...rest) => {
      done.push(`put ${address.key}`);
      return inner.put(address, ...rest);
    },
    read: (address: Address, ...rest) => {
      done.push(`read ${address.key}`);
      return inner.read(address, ...rest);
    },
  };
  return { ports: { ...ports, objects, sources: () => objects }, done };
}

const day = (value: string) => new Map([[value, [[value]]]]);
const holder = (run: string) => ({ run, executionId: run, attempt: run });

describe('runs that commit together', () => {
  it('are published by the first of them that has the lock, and the others find it done', async () => {
    const { ports, done } = watchedPorts();
    const runs = committer(ports, 'catalog');
    const waiting = [];
    for (const value of ['mon', 'tue', 'wed']) {
      const fixed = await runs.prepare(day(value));
      const intent = JSON.parse(
        Buffer.from(await ports.objects.read({ bucket: 'work', key: `runs/${fixed.run}/intent.json` })).toString(
          'utf8',
        ),
      );
      await openLog(ports.objects, 'work', DATASET).commit(intent);
      waiting.push(fixed);
    }
    const locks = () => done.filter((call) => call === `put ${lockKey(DATASET)}`).length;
    for (const fixed of waiting) await finishRun(ports, fixed, holder(fixed.run));
    expect(locks()).toBe(1);
    const shown = await ports.catalog.partitions(TABLE.database, TABLE.table);
    expect(shown.map(({ values }) => values[0]).sort()).toEqual(['mon', 'tue', 'wed']);
  });
});

describe('a log', () => {
  it('is read entry by entry once, however often its head is asked for', async () => {
    const { ports, done } = watchedPorts();
    const runs = committer(ports, 'catalog');
    for (let i = 0; i < 10; i++) await runs.commit(day(`d${i}`));
    const entries = done.filter((call) => /^read log\/.*\/\d{20}\.json$/.test(call));
    expect(new Set(entries).size).toBe(entries.length);
    expect(done.filter((call) => call.startsWith(`put ${logPrefix(DATASET)}0`))).toHaveLength(10);
  });

  it('that is begun anew in the same store is read anew', async () => {
    const { ports } = watchedPorts();
    const runs = committer(ports, 'catalog');
    await runs.commit(day('mon'));
    const first = await openLog(ports.objects, 'work', DATASET).head();
    const keys = await Array.fromAsync(ports.objects.list('work', logPrefix(DATASET)));
    await ports.objects.deleteMany(
      'work',
      keys.map(({ key }) => key),
    );
    await runs.commit(day('tue'));
    const second = await openLog(ports.objects, 'work', DATASET).head();
    expect([...first.runs.keys()]).not.toEqual([...second.runs.keys()]);
    expect(second.version).toBe(1);
  });
});
