import { AccessDenied, CatalogConflict, ObjectStoreBusy } from '../../shared/errors.ts';
import type { Catalog } from '../../shared/ports/catalog.ts';
import type { ObjectStore } from '../../shared/ports/object-store.ts';

/** What befalls the k-th call that an execution makes to the stores. */
export type Fault =
  /** It is not carried out; 500, 503 SlowDown, throttling. */
  | 'busy-before'
  /** It is carried out, and its answer lost: a timeout after success. */
  | 'busy-after'
  /** It is refused for good. */
  | 'denied'
  /** The execution dies at once: no call of it arrives any more. */
  | 'killed-before'
  | 'killed-after';

export const FAULTS: Fault[] = ['busy-before', 'busy-after', 'denied', 'killed-before', 'killed-after'];

/** The process is gone: whatever the execution still tries, nothing happens. */
export class Killed extends Error {
  constructor() {
    super('The execution was killed');
    this.name = 'Killed';
  }
}

export interface Faulty {
  objects: ObjectStore;
  catalog: Catalog;
  /** From here on calls are counted anew, and the k-th (from 0) meets the fault. */
  arm(fault: Fault | undefined, k: number): void;
  /** Calls since the stores were armed. */
  calls(): number;
  /** Whether the fault has happened. */
  struck(): boolean;
}

const STORE_METHODS = [
  'head',
  'read',
  'stream',
  'download',
  'put',
  'upload',
  'copy',
  'delete',
  'deleteMany',
  'list',
] as const;
const CATALOG_METHODS = ['table', 'partitions', 'swap'] as const;

/** Stores of which one chosen call goes wrong. */
export function faultyStores(objects: ObjectStore, catalog: Catalog): Faulty {
  let fault: Fault | undefined;
  let target = -1;
  let count = 0;
  let dead = false;
  let struck = false;

  function before(busy: () => Error): void {
    if (dead) throw new Killed();
    if (count++ !== target || fault === undefined) return;
    struck = true;
    if (fault === 'busy-before') throw busy();
    if (fault === 'denied') throw new AccessDenied('Refused by the drill');
    if (fault === 'killed-before') {
      dead = true;
      throw new Killed();
    }
  }

  function after(mine: number, busy: () => Error): void {
    if (dead) throw new Killed();
    if (mine !== target) return;
    if (fault === 'busy-after') throw busy();
    if (fault === 'killed-after') {
      dead = true;
      throw new Killed();
    }
  }

  function wrap<T extends object>(inner: T, methods: readonly (keyof T)[], busy: () => Error): T {
    const outer = { ...inner };
    for (const method of methods) {
      // biome-ignore lint/suspicious/noExplicitAny: as above
      const call = inner[method] as any;
      // biome-ignore lint/suspicious/noExplicitAny: as above
      outer[method] = (method === 'list' ? listing(call) : awaited(call)) as any;
    }
    return outer;

    // biome-ignore lint/suspicious/noExplicitAny: as above
    function awaited(call: any) {
      // biome-ignore lint/suspicious/noExplicitAny: as above
      return async (...args: any[]) => {
        const mine = count;
        before(busy);
        const result = await call(...args);
        after(mine, busy);
        return result;
      };
    }

    // biome-ignore lint/suspicious/noExplicitAny: as above
    function listing(call: any) {
      // biome-ignore lint/suspicious/noExplicitAny: as above
      return async function* (...args: any[]) {
        before(busy);
        for await (const info of call(...args)) {
          if (dead) throw new Killed();
          yield info;
        }
      };
    }
  }

  return {
    objects: wrap(objects, STORE_METHODS, () => new ObjectStoreBusy('Slowed down by the drill')),
    catalog: wrap(catalog, CATALOG_METHODS, () => new CatalogConflict('Throttled by the drill')),
    arm(next, k) {
      fault = next;
      target = k;
      count = 0;
      dead = false;
      struck = false;
    },
    calls: () => count,
    struck: () => struck,
  };
}
