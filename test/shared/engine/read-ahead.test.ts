import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readAhead } from '../../../shared/engine/read-ahead.ts';

/** Numbers from 0 to before `count`, each after a turn of the event loop or more; then undefined, or an error. */
function source(count: number, turns: (i: number) => number, failAt?: number) {
  const seen = { asked: 0, underWay: 0 };
  const next = async (): Promise<number | undefined> => {
    const i = seen.asked++;
    seen.underWay++;
    expect(seen.underWay).toBe(1);
    for (let turn = 0; turn < turns(i); turn++) await Promise.resolve();
    seen.underWay--;
    if (i === failAt) throw new Error(`item ${i}`);
    return i < count ? i : undefined;
  };
  return { next, seen };
}

describe('reading ahead', () => {
  it('gives all items in order, never more of them ahead than are to be, and the error where it came', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(40),
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.nat(4), { minLength: 1 }),
        fc.option(fc.nat(45), { nil: undefined }),
        async (count, ahead, pauses, failAt) => {
          const { next, seen } = source(count, (i) => pauses[i % pauses.length]!, failAt);
          const got: number[] = [];
          const reading = (async () => {
            for await (const item of readAhead(next, ahead)) {
              got.push(item);
              // Those that are ready, the one under way and the one that is used.
              expect(seen.asked - got.length).toBeLessThanOrEqual(ahead + 1);
              for (let turn = 0; turn < pauses[0]!; turn++) await Promise.resolve();
            }
          })();
          const fails = failAt !== undefined && failAt <= count;
          if (fails) await expect(reading).rejects.toThrow(`item ${failAt}`);
          else await reading;
          expect(got).toEqual(Array.from({ length: fails ? failAt : count }, (_, i) => i));
        },
      ),
    );
  });

  it('leaves nothing under way where it is ended early', async () => {
    const { next, seen } = source(100, () => 20);
    for await (const item of readAhead(next, 3)) if (item === 5) break;
    expect(seen.underWay).toBe(0);
    const { asked } = seen;
    for (let turn = 0; turn < 100; turn++) await Promise.resolve();
    expect(seen.asked).toBe(asked);
  });
});
