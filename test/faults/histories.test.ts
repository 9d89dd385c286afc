import { describe, expect, it } from '@jest/globals';
import { runHistory } from './history.ts';
import type { Mutation } from './lab.ts';
import { MUTATIONS } from './mutations.ts';

/** Longer ones: npm run drill -- --histories 2000 --seed 1 */
const FULL = process.env['SLUICE_DRILL'] === 'full';
const HISTORIES = FULL ? 150 : 40;
const WITHIN = 200;
/** These are caught within a few histories; the others take longer than a run of all tests should. */
const QUICK = [
  'a claim without its condition',
  'old files deleted before the new ones are published',
  'files retired without grace',
  'no lock',
];

/** The seed that finds it. */
async function firstCaught(mutation: Mutation): Promise<number | undefined> {
  for (let seed = 1; seed <= WITHIN; seed++) {
    const caught = await runHistory(seed, mutation).then(
      ({ violations }) => violations.length > 0,
      () => true,
    );
    if (caught) return seed;
  }
  return undefined;
}

describe('random histories', () => {
  it('keep the promise', async () => {
    const sum = { faults: 0, vacuumed: 0, polls: 0 };
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const { violations, faults, vacuumed, polls } = await runHistory(seed);
      expect({ replay: `npm run drill -- --histories 1 --seed ${seed}`, violations }).toMatchObject({ violations: [] });
      sum.faults += faults;
      sum.vacuumed += vacuumed;
      sum.polls += polls;
    }
    expect(sum.faults).toBeGreaterThan(HISTORIES);
    expect(sum.vacuumed).toBeGreaterThan(HISTORIES);
    expect(sum.polls).toBeGreaterThan(HISTORIES);
  }, 600_000);

  it('are the same for the same seed', async () => {
    expect(await runHistory(7)).toEqual(await runHistory(7));
  });
});

describe('the drill finds', () => {
  const names = Object.keys(MUTATIONS).filter((name) => FULL || QUICK.includes(name));
  it.each(names)(
    '%s',
    async (name) => {
      expect(await firstCaught(MUTATIONS[name])).toBeDefined();
    },
    600_000,
  );
});
