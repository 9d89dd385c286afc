import type { TableEngine } from '../engine/table-engine.ts';
import type { Catalog } from './catalog.ts';
import type { Clock } from './clock.ts';
import type { Executions } from './executions.ts';
import type { ObjectStore, SourceAccess } from './object-store.ts';

/** The buckets of a deployment. */
export interface Places {
  /** Where sources are by default. */
  landing: string;
  /** Runs, claims, log, history, quarantine: Sluice's own. */
  work: string;
  /** Tables. */
  lake: string;
}

/** Where containers run tasks that a function has no time for, as the state machine hands it to ECS. */
export interface Worker {
  cluster: string;
  taskDefinition: string;
  network: { Subnets: string[]; SecurityGroups?: string[]; AssignPublicIp: 'ENABLED' | 'DISABLED' };
}

/** Everything a step may reach. */
export interface Ports {
  /** Work and lake buckets. */
  objects: ObjectStore;
  /** The store of a data set's source; the same as `objects` unless the data set says how to reach it. */
  sources(access: SourceAccess): ObjectStore;
  catalog: Catalog;
  executions: Executions;
  engine(): Promise<TableEngine>;
  clock: Clock;
  /** A name no other attempt has. */
  newId(): string;
  places: Places;
  /** Replaced files stay this long unless the data set says otherwise, in minutes. */
  graceMinutes: number;
  /** A plain CSV larger than this is converted in ranges, unless the data set says otherwise or rows are converted slowly. */
  splitBytes: number;
  /** What a task of the state machine has, in seconds; undefined: as long as a Lambda may have. */
  taskSeconds?: number;
  /** An empty folder of the caller's own, to be removed by it. */
  newScratch(): Promise<string>;
  /** Undefined: every task is a function's. */
  worker?: Worker;
}
