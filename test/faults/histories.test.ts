import { describe, expect, it } from '@jest/globals';
import type { ObjectStore } from '../../shared/ports/object-store.ts';
import { type Mutation, runHistory } from './history.ts';

/** Longer ones: npm run drill -- --histories 2000 --seed 1 */
const HISTORIES = process.env['SLUICE_DRILL'] === 'full' ? 400 : 60;
const WITHIN = 200;

const storeWithout = (prefix: string, condition: 'ifNoneMatch' | 'ifMatch' | 'any'): Mutation => {
  return ({ objects, catalog }) => {
    const put: ObjectStore['put'] = (address, body, options = {}) => {
      const dropped =
        address.key.startsWith(prefix) && options.condition && (condition === 'any' || condition in options.condition);
      return objects.put(address, body, dropped ? { ...options, condition: undefined } : options);
    };
    return { objects: { ...objects, put }, catalog };
  };
};

/** What replaced systems did: the old files go before the new ones are there. */
const deleteBeforePublish: Mutation = ({ objects, catalog }) => {
  const copy: ObjectStore['copy'] = async (from, to, options) => {
    if (to.bucket === 'lake') {
      const folder = to.key.slice(0, to.key.indexOf('/', to.key.indexOf('part=')) + 1);
      for await (const { key } of objects.list('lake', folder)) await objects.delete({ bucket: 'lake', key });
    }
    return objects.copy(from, to, options);
  };
  return { objects: { ...objects, copy }, catalog };
};

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
    let faults = 0;
    for (let seed = 1; seed <= HISTORIES; seed++) {
      const outcome = await runHistory(seed);
      faults += outcome.faults;
      expect({ replay: `npm run drill -- --histories 1 --seed ${seed}`, violations: outcome.violations }).toMatchObject(
        { violations: [] },
      );
    }
    expect(faults).toBeGreaterThan(HISTORIES / 2);
  });

  it('are the same for the same seed', async () => {
    expect(await runHistory(7)).toEqual(await runHistory(7));
  });
});

describe('the drill finds', () => {
  it.each<[string, Mutation]>([
    ['a claim without its condition', storeWithout('claims/', 'any')],
    ['a commit without its condition', storeWithout('log/', 'ifNoneMatch')],
    ['old files deleted before the new ones are published', deleteBeforePublish],
  ])('%s', async (_, mutation) => {
    expect(await firstCaught(mutation)).toBeDefined();
  });
});
