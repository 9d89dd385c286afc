import { type TokenValues, yesterday } from '../domain/dates.ts';
import type { Places } from '../ports/ports.ts';
import type { Dataset } from './dataset.ts';
import type { DatasetRegistry } from './registry.ts';

/**
 * What one execution is asked to do, whatever form it was asked in: one data set with overrides applied, which objects,
 * and the reference time. Frozen, written to `runs/R/request.json` and read by every later step.
 */
export interface LoadRequest {
  dataset: Dataset;
  /** The data set is the one known by its name, nothing overridden: a redrive takes it as it is by then. */
  asDefined?: boolean;
  /** How it was asked; a person's objects alone are not gated by the ledger. A sweep looks for what no event told of. */
  trigger: 'event' | 'schedule' | 'sweep' | 'person';
  /** Objects named by an event or by hand; undefined: list the source. */
  objects: RequestedObject[] | undefined;
  /** ISO 8601; fills date tokens and constants. */
  referenceTime: string;
  /** Constants of the run that partitions may use, such as `data_ref` (YYYYMMDD, default yesterday). */
  constants: Record<string, string>;
  /** Load nothing: write the table's partitions of many files again as few. */
  compact?: boolean;
  /** The run whose quarantined objects these are: they are tried again although they failed before. */
  redrives?: string;
  /** Of a redrive: larger ranges than this ran out of time. */
  splitBytes?: number;
  /** Reload what is loaded, replacing it. */
  force: boolean;
  /** An event's, of which all that the source lists is loaded again, unless all of it is loaded already. */
  whole?: boolean;
  /** What was accepted without effect, for people. */
  notices: string[];
}

export interface RequestedObject {
  bucket: string;
  key: string;
  /** From an event: the version it speaks of. */
  etag?: string;
  versionId?: string;
  sequencer?: string;
  /** Of a redrive: the copy in the work bucket that is read instead, and when the object itself was last modified. */
  copy?: { key: string; lastModified: string };
}

/** What an input is read against. */
export interface RequestContext {
  /** Of the process: older names may stand there. */
  environment: Readonly<Record<string, string | undefined>>;
  datasets: DatasetRegistry;
  places: Places;
  /** When the execution started, so that a retry reads the same dates. */
  now: Date;
}

/**
 * Whether objects that are loaded already are loaded again. Events and `pick: new` never do that; what a person asks for
 * is done, and replaces what it wrote before.
 */
export function reloads(request: LoadRequest): boolean {
  if (request.force || request.whole) return true;
  return request.trigger === 'person' && request.objects === undefined && request.dataset.source.pick !== 'new';
}

/** What fills the date tokens of a request's prefix and names. */
export function tokenValues(request: LoadRequest): TokenValues {
  const zone = request.dataset.source.timezone;
  const time = new Date(request.referenceTime);
  return { time, zone, dataRef: request.constants['data_ref'] ?? yesterday(time, zone) };
}
