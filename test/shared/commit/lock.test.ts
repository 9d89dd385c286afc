import { describe, expect, it } from '@jest/globals';
import { takeLock } from '../../../shared/commit/lock.ts';
import { ObjectStoreBusy } from '../../../shared/errors.ts';
import { testPorts } from '../../doubles/ports.ts';

const holder = (run: string) => ({ run, executionId: `x-${run}`, attempt: '1' });

function ports() {
  const made = testPorts();
  for (const run of ['a', 'b', 'c']) made.executionsKnown.set(`x-${run}`, { status: 'RUNNING', gone: false });
  return made;
}

describe('takeLock', () => {
  it('has one holder at a time', async () => {
    const p = ports();
    const lock = await takeLock(p, 'd', holder('a'));
    await expect(takeLock(p, 'd', holder('b'))).rejects.toMatchObject({
      name: 'LockHeld',
      message: 'Data set d is locked by run a until 2026-01-02T03:24:05.000Z',
    });
    await lock.release();
    await expect(takeLock(p, 'd', holder('b'))).resolves.toBeDefined();
  });

  it('parts data sets', async () => {
    const p = ports();
    await takeLock(p, 'd', holder('a'));
    await expect(takeLock(p, 'other', holder('b'))).resolves.toBeDefined();
  });

  it('goes to the next once the lease has run out, and the first cannot release it any more', async () => {
    const p = ports();
    const first = await takeLock(p, 'd', holder('a'));
    p.setTime('2026-01-02T03:24:05.000Z');
    await takeLock(p, 'd', holder('b'));
    await first.release();
    await expect(takeLock(p, 'd', holder('c'))).rejects.toMatchObject({ name: 'LockHeld' });
  });

  it('is worked under for less than its lease, by who has it anywhere', async () => {
    const p = ports();
    const lock = await takeLock(p, 'd', holder('a'));
    p.setTime('2026-01-02T03:20:04.000Z');
    expect(() => lock.check()).not.toThrow();
    p.setTime('2026-01-02T03:20:05.000Z');
    expect(() => lock.check()).toThrow('The lock of data set d was taken 960 s ago where it is held for 960 s');
    await expect(takeLock(p, 'd', holder('b'))).rejects.toMatchObject({ name: 'LockHeld' });
  });

  it('goes to the next at once where nothing of the holder can be at work', async () => {
    const p = ports();
    await takeLock(p, 'd', holder('a'));
    p.executionsKnown.set('x-a', { status: 'FAILED', gone: true });
    await expect(takeLock(p, 'd', holder('b'))).resolves.toBeDefined();
  });

  it('is the holder’s where the answer to its put was lost', async () => {
    const p = ports();
    const { put } = p.objects;
    let lost = 0;
    p.objects.put = async (...given) => {
      const written = await put(...given);
      if (lost++ === 0) throw new ObjectStoreBusy('timed out after it took effect');
      return written;
    };
    const lock = await takeLock(p, 'd', holder('a'));
    await expect(takeLock(p, 'd', holder('b'))).rejects.toMatchObject({ name: 'LockHeld' });
    await lock.release();
    await expect(takeLock(p, 'd', holder('b'))).resolves.toBeDefined();
  });

  it('lets one of many through', async () => {
    const p = ports();
    const taken = await Promise.allSettled(['a', 'b', 'c'].map((run) => takeLock(p, 'd', holder(run))));
    expect(taken.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});
