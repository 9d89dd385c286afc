import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Turns } from '../../../shared/engine/turns.ts';

/** Work that ends when it is told to. */
function held() {
  let end: () => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const ended = new Promise<void>((resolve, reject) => {
    end = resolve;
    fail = reject;
  });
  return { work: () => ended, end, fail };
}

/** Lets everything that is ready go on. */
const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

describe('turns', () => {
  it('come side by side as far as there are shares, and first come first served', async () => {
    const turns = new Turns(2);
    const begun: string[] = [];
    const [a, b, all, c] = [held(), held(), held(), held()];
    const take = (name: string, shares: number, { work }: ReturnType<typeof held>) =>
      turns.take(shares, () => {
        begun.push(name);
        return work();
      });
    const ends = [take('a', 1, a), take('b', 1, b), take('all', 2, all), take('c', 1, c)];
    await settled();
    expect(begun).toEqual(['a', 'b']);
    a.end();
    await settled();
    // There is a share for c, but it came last.
    expect(begun).toEqual(['a', 'b']);
    b.end();
    await settled();
    expect(begun).toEqual(['a', 'b', 'all']);
    all.end();
    c.end();
    await Promise.all(ends);
    expect(begun).toEqual(['a', 'b', 'all', 'c']);
  });

  it('go on after one that failed, whose error is told', async () => {
    const turns = new Turns(1);
    const first = held();
    const failed = turns.take(1, first.work);
    const next = turns.take(1, async () => 'next');
    first.fail(new Error('it failed'));
    await expect(failed).rejects.toThrow('it failed');
    expect(await next).toBe('next');
  });

  it('are over once all that asked have ended', async () => {
    const turns = new Turns(2);
    const first = held();
    let over = false;
    const taken = turns.take(1, first.work);
    const idle = turns.idle().then(() => {
      over = true;
    });
    await settled();
    expect(over).toBe(false);
    first.end();
    await Promise.all([taken, idle]);
    expect(over).toBe(true);
  });

  it('never give out more shares than there are, and leave nobody waiting', async () => {
    const wishes = fc.array(
      fc.record({ shares: fc.integer({ min: 1, max: 5 }), ticks: fc.integer({ min: 0, max: 4 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 4 }), wishes, async (shares, asked) => {
        const turns = new Turns(shares);
        let out = 0;
        const order: number[] = [];
        await Promise.all(
          asked.map((wish, i) =>
            turns.take(wish.shares, async () => {
              order.push(i);
              out += Math.min(wish.shares, shares);
              expect(out).toBeLessThanOrEqual(shares);
              for (let tick = 0; tick < wish.ticks; tick++) await undefined;
              out -= Math.min(wish.shares, shares);
            }),
          ),
        );
        expect(order).toEqual(asked.map((_, i) => i));
      }),
    );
  });
});
