import { describe, expect, it } from '@jest/globals';
import { publishedKey } from '../../shared/commit/keys.ts';
import type { Published } from '../../shared/commit/publish.ts';
import { DATASET } from './committer.ts';
import { type ReplacementOptions, replaceManyTimes } from './replacements.ts';

const CATALOG: ReplacementOptions = { replacements: 1000, seed: 1, readers: 'catalog', graceMinutes: 60 };
const PATH: ReplacementOptions = { replacements: 1000, seed: 2, readers: 'path', graceMinutes: 60 };
const MUTATED = 150;

describe('1,000 replacements', () => {
  it('show readers of the catalog whole partitions only, though they list up to grace after they planned', async () => {
    const outcome = await replaceManyTimes(CATALOG);
    expect(outcome).toMatchObject({ empty: 0, mixed: 0 });
    expect(outcome.reads).toBeGreaterThan(3000);
    expect(outcome.deaths).toBeGreaterThan(20);
  });

  it('leave under the root exactly the files that the log names, each time, for readers by path', async () => {
    expect(await replaceManyTimes(PATH)).toMatchObject({ strays: 0 });
  });
});

describe('the readers find', () => {
  it('replaced files that leave without grace', async () => {
    const outcome = await replaceManyTimes({
      ...CATALOG,
      replacements: MUTATED,
      mutate: {
        retiring: (ports) => ({
          ...ports,
          clock: { now: () => new Date(ports.clock.now().getTime() + ports.graceMinutes * 60_000) },
        }),
      },
    });
    expect(outcome.empty).toBeGreaterThan(0);
  });

  it('grace that counts from the commit, where a publisher that died is followed by another', async () => {
    const outcome = await replaceManyTimes({
      ...CATALOG,
      replacements: MUTATED,
      mutate: {
        objects: (objects) => ({
          ...objects,
          async put(address, body, options) {
            if (address.key !== publishedKey(DATASET)) return objects.put(address, body, options);
            const published = JSON.parse(String(body)) as Published;
            for (const step of published.shown) {
              const key = `log/${DATASET}/${String(step.version).padStart(20, '0')}.json`;
              const entry = JSON.parse(Buffer.from(await objects.read({ bucket: 'work', key })).toString('utf8'));
              step.at = entry.at;
            }
            return objects.put(address, JSON.stringify(published), options);
          },
        }),
      },
    });
    expect(outcome.empty).toBeGreaterThan(0);
  });

  it('a catalog that points to a folder before its files are there', async () => {
    const outcome = await replaceManyTimes({
      ...CATALOG,
      replacements: MUTATED,
      mutate: {
        // The swap's own order is the publisher's: here the last file of each copy comes late.
        objects: (objects) => {
          const late: (() => Promise<unknown>)[] = [];
          return {
            ...objects,
            async copy(from, to, options) {
              if (to.key.includes('part-00001')) {
                late.push(() => objects.copy(from, to, options));
                return { etag: from.etag ?? '' };
              }
              return objects.copy(from, to, options);
            },
            async put(address, body, options) {
              if (address.key === publishedKey(DATASET)) for (const copy of late.splice(0)) await copy();
              return objects.put(address, body, options);
            },
          };
        },
      },
    });
    expect(outcome.mixed).toBeGreaterThan(0);
  });

  it('a retirement that leaves one file behind', async () => {
    const outcome = await replaceManyTimes({
      ...PATH,
      replacements: MUTATED,
      mutate: {
        objects: (objects) => ({ ...objects, deleteMany: (bucket, keys) => objects.deleteMany(bucket, keys.slice(1)) }),
      },
    });
    expect(outcome.strays).toBeGreaterThan(0);
  });
});
