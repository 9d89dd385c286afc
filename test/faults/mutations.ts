import { applyEntry, emptyState, tableKey } from '../../shared/commit/fold.ts';
import { logVersion } from '../../shared/commit/keys.ts';
import { openLog } from '../../shared/commit/log.ts';
import { tableState } from '../../shared/commit/publish.ts';
import type { ObjectStore } from '../../shared/ports/object-store.ts';
import type { Ports } from '../../shared/ports/ports.ts';
import { type Mutation, PLACES } from './lab.ts';

/** The protocol with one of its steps broken, to see that the drill finds it. They wrap the ports: the product has no such switch. */

type PutCall = Parameters<ObjectStore['put']>;

/** Puts of these keys forget their condition. */
function unconditional(matches: (key: string) => boolean): Mutation {
  return {
    stores: ({ objects, catalog }) => ({
      catalog,
      objects: {
        ...objects,
        put: (address, body, options = {}) =>
          objects.put(address, body, matches(address.key) ? { ...options, condition: undefined } : options),
      },
    }),
  };
}

/** What replaced systems did: the old files go before the new ones are there. */
const deletesBeforePublish: Mutation = {
  stores: ({ objects, catalog }) => ({
    catalog,
    objects: {
      ...objects,
      async copy(from, to, options) {
        if (to.bucket === PLACES.lake) {
          const folder = to.key.slice(0, to.key.indexOf('/', to.key.indexOf('part=')) + 1);
          for await (const { key } of objects.list(PLACES.lake, folder)) {
            await objects.delete({ bucket: PLACES.lake, key });
          }
        }
        return objects.copy(from, to, options);
      },
    },
  }),
};

/** Each publisher brings the catalog to its own commit, as if it were the last. */
const swapsToOwnCommit: Mutation = {
  ports(ports: Ports): Ports {
    let own: number | undefined;
    return {
      ...ports,
      objects: {
        ...ports.objects,
        async put(...[address, ...rest]: PutCall) {
          const written = await ports.objects.put(address, ...rest);
          own = logVersion(address.key) ?? own;
          return written;
        },
      },
      catalog: {
        ...ports.catalog,
        async swap(state) {
          if (own === undefined) return ports.catalog.swap(state);
          const log = openLog(ports.objects, PLACES.work, 'd');
          const then = emptyState();
          for (let version = 1; version <= own; version++) applyEntry(then, version, await log.entry(version));
          const table = then.tables.get(tableKey(state));
          return ports.catalog.swap(table ? tableState(table, own) : state);
        },
      },
    };
  },
};

/** Replaced files go at once, whoever may be reading them. */
const retiresWithoutGrace: Mutation = {
  ports: (ports) => ({
    ...ports,
    objects: {
      ...ports.objects,
      async read(address, options) {
        const bytes = await ports.objects.read(address, options);
        if (!address.key.endsWith('/published.json')) return bytes;
        const published = JSON.parse(Buffer.from(bytes).toString('utf8'));
        for (const shown of published.shown) shown.graceSeconds = 0;
        return Buffer.from(JSON.stringify({ ...published, graceSeconds: 0 }));
      },
    },
  }),
};

/** Who takes a claim over says so to nobody: the holder may yet commit. */
const takesOverWithoutVerdict: Mutation = {
  stores: ({ objects, catalog }) => ({
    catalog,
    objects: {
      ...objects,
      async put(...[address, body, ...rest]: PutCall) {
        const run = /^runs\/([^/]+)\/verdict$/.exec(address.key)?.[1];
        if (run !== undefined && (JSON.parse(String(body)) as { by: string }).by !== run) return { etag: 'unsaid' };
        return objects.put(address, body, ...rest);
      },
    },
  }),
};

/** A run counts as gone the moment its execution ends, though its sandboxes are at work yet. */
const trustsEndedExecutions: Mutation = {
  ports: (ports) => ({
    ...ports,
    executions: { ...ports.executions, gone: async (id) => (await ports.executions.status(id)) !== 'RUNNING' },
  }),
};

/** A source is read as it is now, not as it was claimed. */
const readsWhateverIsThere: Mutation = {
  stores: ({ objects, catalog }) => {
    const unpinned = <T extends { ifMatch?: string }>(options?: T): T | undefined =>
      options && { ...options, ifMatch: undefined };
    return {
      catalog,
      objects: {
        ...objects,
        read: (address, options) =>
          objects.read(address, address.bucket === PLACES.landing ? unpinned(options) : options),
        download: (address, path, options) =>
          objects.download(address, path, address.bucket === PLACES.landing ? unpinned(options) : options),
      },
    };
  },
};

/** Whoever wants the lock has it. */
const locksNothing: Mutation = {
  stores: ({ objects, catalog }) => ({
    catalog,
    objects: {
      ...objects,
      head: async (address, condition) => (isLock(address) ? undefined : objects.head(address, condition)),
      put: (address, body, options = {}) =>
        objects.put(address, body, isLock(address) ? { ...options, condition: undefined } : options),
      delete: (address, options) => objects.delete(address, isLock(address) ? undefined : options),
    },
  }),
};

function isLock({ key }: { key: string }): boolean {
  return key.startsWith('locks/');
}

/** Told only by an engine whose attempts differ, which the drill's do not: a scenario of its own. */
export const overwritesReceipts = unconditional((key) => key.endsWith('/receipt.json'));

export const MUTATIONS: Record<string, Mutation> = {
  'a claim without its condition': unconditional((key) => key.startsWith('claims/')),
  'a commit without its condition': unconditional((key) => /^log\/d\/\d+\.json$/.test(key)),
  'old files deleted before the new ones are published': deletesBeforePublish,
  'a swap to one’s own commit instead of the head': swapsToOwnCommit,
  'files retired without grace': retiresWithoutGrace,
  'a takeover without verdict': takesOverWithoutVerdict,
  'a verdict that is written over': unconditional((key) => key.endsWith('/verdict')),
  'no lock': locksNothing,
  'a lock and runs given up while sandboxes are at work': trustsEndedExecutions,
  'a source read as it is, not as it was claimed': readsWhateverIsThere,
};
