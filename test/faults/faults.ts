import { AsyncLocalStorage } from 'node:async_hooks';
import {
  AccessDenied,
  CatalogConflict,
  ObjectStoreBusy,
  PreconditionFailed,
  SluiceError,
} from '../../shared/errors.ts';
import type { Catalog } from '../../shared/ports/catalog.ts';
import type { ObjectStore } from '../../shared/ports/object-store.ts';

/**
 * What befalls the k-th call that an execution makes to the stores. 500, 503 SlowDown and throttling are one thing to who
 * calls through the ports, as is a 409: the adapters make `ObjectStoreBusy` or `CatalogConflict` of them.
 */
export type Fault =
  /** It is not carried out: 500, 503 SlowDown, throttling. */
  | 'busy-before'
  /** It is carried out, and its answer lost: a timeout after success. */
  | 'busy-after'
  /** A conditional write meets another at that moment, and S3 decides neither: 409 ConditionalRequestConflict. */
  | 'conflict'
  /** 412 although the condition held, and nothing happened. No store does this; it must end in a clean failure. */
  | 'refused'
  /** 412 although it was carried out: the answer was lost, and the SDK sent it again. */
  | 'refused-after'
  /** It is refused for good. */
  | 'denied'
  /** The process dies at once, with all that it runs: no call of the execution arrives any more. */
  | 'killed-before'
  | 'killed-after'
  /** The state machine gives the attempt up and tries again; the attempt's call, and all after it, arrive late. */
  | 'abandoned'
  /** The execution is stopped; what it was at runs on, slowly. */
  | 'stopped';

export const FAULTS: Fault[] = [
  'busy-before',
  'busy-after',
  'conflict',
  'refused',
  'refused-after',
  'denied',
  'killed-before',
  'killed-after',
  'abandoned',
  'stopped',
];

/** The process is gone: whatever the execution still tries, nothing happens. */
export class Killed extends Error {
  constructor() {
    super('The execution was killed');
    this.name = 'Killed';
  }
}

/** One attempt of a step: what a Lambda's sandbox is on AWS. */
export interface Attempt {
  /** The sandbox was ended: no call arrives any more. */
  dead: boolean;
  /** The state machine hears this error now; the attempt itself goes on. */
  giveUp(error: Error): void;
}

const attempts = new AsyncLocalStorage<Attempt>();

/** Runs a step as an attempt of its own, so that its calls are known as its. The caller hears from it or that it was given up. */
export function asAttempt<T>(step: () => Promise<T>): { attempt: Attempt; heard: Promise<T>; ended: Promise<unknown> } {
  const { promise: givenUp, reject } = Promise.withResolvers<never>();
  const attempt: Attempt = { dead: false, giveUp: reject };
  const work = attempts.run(attempt, step);
  const heard = Promise.race([work, givenUp]);
  heard.catch(() => undefined);
  givenUp.catch(() => undefined);
  return { attempt, heard, ended: work.catch(() => undefined) };
}

/** The error that Step Functions knows where a sandbox did not answer. */
export class SandboxTimedOut extends SluiceError {
  constructor() {
    super('Sandbox.Timedout', 'The attempt was given up by the drill');
  }
}

export interface Call {
  method: string;
  /** Of an object, or a table. */
  what: string;
  conditional: boolean;
}

export interface Faulty {
  objects: ObjectStore;
  catalog: Catalog;
  /**
   * From here on calls are counted anew, and the k-th (from 0) meets the fault, of those whose key matches `at`; none where
   * it cannot meet it.
   */
  arm(fault: Fault | undefined, k: number, at?: RegExp): void;
  /** Calls since the stores were armed, of those that match. */
  calls(): readonly Call[];
  /** The call that met the fault. */
  struck(): Call | undefined;
  /** Calls that met a fault of the storm. */
  storms(): number;
  /** Whether the process is dead. */
  killed(): boolean;
  /** Each change of a catalog's swap is a call of its own: for `onStep` of the catalog. */
  catalogStep(what: string): Promise<void>;
}

export interface FaultOptions {
  /** Before every call: order and time. */
  turn?: (call: Call) => Promise<void>;
  /** An abandoned attempt's calls wait for this. */
  late?: () => Promise<void>;
  /** A fault that befalls this call besides, if any. */
  storm?: () => Fault | undefined;
  /** Told to stop the execution. */
  stop?: () => void;
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
const WRITES = ['put', 'upload', 'copy', 'delete'];

/** Whether the fault can befall the call at all: a store refuses only what has a condition. */
export function canMeet(fault: Fault, call: Call): boolean {
  if (fault === 'conflict' || fault === 'refused-after') return call.conditional && WRITES.includes(call.method);
  return fault !== 'refused' || call.conditional;
}

/** Stores of which one chosen call goes wrong. */
export function faultyStores(objects: ObjectStore, catalog: Catalog, options: FaultOptions = {}): Faulty {
  let fault: Fault | undefined;
  let target = -1;
  let place: RegExp | undefined;
  let dead = false;
  let struck: Call | undefined;
  let met: Call[] = [];
  let storms = 0;

  function checkAlive(attempt: Attempt | undefined): void {
    if (dead || attempt?.dead) throw new Killed();
  }

  async function before(call: Call, busy: () => Error): Promise<Fault | undefined> {
    const attempt = attempts.getStore();
    checkAlive(attempt);
    const mine = (place?.test(call.what) ?? true) && met.push(call) - 1 === target;
    await options.turn?.(call);
    checkAlive(attempt);
    const meant = mine ? fault : options.storm?.();
    if (meant === undefined || !canMeet(meant, call)) return undefined;
    if (mine) struck = call;
    else storms++;
    switch (meant) {
      case 'busy-before':
        throw busy();
      case 'conflict':
        throw new ObjectStoreBusy('409 ConditionalRequestConflict, by the drill');
      case 'refused':
        throw new PreconditionFailed('412 for nothing, by the drill');
      case 'denied':
        throw new AccessDenied('Refused by the drill');
      case 'killed-before':
        dead = true;
        throw new Killed();
      case 'stopped':
        options.stop?.();
        if (attempt) await options.late?.();
        checkAlive(attempt);
        return undefined;
      case 'abandoned':
        // The state machine's own calls have nobody who could give them up.
        if (!attempt) throw busy();
        attempt.giveUp(new SandboxTimedOut());
        await options.late?.();
        checkAlive(attempt);
        return undefined;
      default:
        return meant;
    }
  }

  function after(strikes: Fault | undefined, busy: () => Error): void {
    checkAlive(attempts.getStore());
    if (strikes === 'busy-after') throw busy();
    if (strikes === 'refused-after') throw new PreconditionFailed('412 for its own success, by the drill');
    if (strikes === 'killed-after') {
      dead = true;
      throw new Killed();
    }
  }

  function wrap<T extends object>(inner: T, methods: readonly (keyof T & string)[], busy: () => Error): T {
    const outer = { ...inner };
    for (const method of methods) {
      // biome-ignore lint/suspicious/noExplicitAny: methods of any signature are passed through
      const call = inner[method] as any;
      // biome-ignore lint/suspicious/noExplicitAny: as above
      outer[method] = (method === 'list' ? listing(call) : awaited(method, call)) as any;
    }
    return outer;

    // biome-ignore lint/suspicious/noExplicitAny: as above
    function awaited(method: string, call: any) {
      // biome-ignore lint/suspicious/noExplicitAny: as above
      return async (...args: any[]) => {
        const strikes = await before(described(method, args), busy);
        const result = await call(...args);
        after(strikes, busy);
        return result;
      };
    }

    // biome-ignore lint/suspicious/noExplicitAny: as above
    function listing(call: any) {
      // biome-ignore lint/suspicious/noExplicitAny: as above
      return async function* (...args: any[]) {
        const strikes = await before(described('list', args), busy);
        for await (const info of call(...args)) {
          checkAlive(attempts.getStore());
          yield info;
        }
        after(strikes, busy);
      };
    }
  }

  return {
    objects: wrap(objects, STORE_METHODS, () => new ObjectStoreBusy('503 SlowDown, by the drill')),
    catalog: wrap(catalog, CATALOG_METHODS, () => new CatalogConflict('Throttled by the drill')),
    arm(next, k, at) {
      fault = next;
      place = at;
      target = k;
      met = [];
      storms = 0;
      dead = false;
      struck = undefined;
    },
    calls: () => met,
    struck: () => struck,
    storms: () => storms,
    killed: () => dead,
    async catalogStep(what) {
      const busy = () => new CatalogConflict('Throttled by the drill in the middle of a swap');
      const strikes = await before({ method: 'step', what, conditional: false }, busy);
      after(strikes, busy);
    },
  };
}

interface Addressed {
  key?: string;
  condition?: object;
  ifMatch?: string;
  etag?: string;
  database?: string;
  table?: string;
}

/** What a call is to, and whether it has a condition that it may lose. */
// biome-ignore lint/suspicious/noExplicitAny: arguments of any method
function described(method: string, args: any[]): Call {
  const all = args.filter((arg): arg is Addressed => typeof arg === 'object' && arg !== null);
  const conditional = all.some((arg) => arg.condition || arg.ifMatch !== undefined || (method === 'copy' && arg.etag));
  const named =
    all.find((arg) => arg.key !== undefined)?.key ?? args.filter((arg) => typeof arg === 'string').join('/');
  const table = all.find((arg) => arg.table !== undefined);
  return { method, what: table ? `${table.database}.${table.table}` : named, conditional };
}
