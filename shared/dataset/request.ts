import type { Dataset } from './dataset.ts';

/**
 * What one execution is asked to do, whatever form it was asked in: one data set with overrides applied, which objects,
 * and the reference time. Frozen, written to `runs/R/request.json` and read by every later step.
 */
export interface LoadRequest {
  dataset: Dataset;
  /** How it was asked; an event's objects are gated by the ledger, a person's are not. */
  trigger: 'event' | 'schedule' | 'person';
  /** Objects named by an event or by hand; undefined: list the source. */
  objects: RequestedObject[] | undefined;
  /** ISO 8601; fills date tokens and constants. */
  referenceTime: string;
  /** Constants of the run that partitions may use, such as `data_ref` (YYYYMMDD, default yesterday). */
  constants: Record<string, string>;
  /** Reload what is loaded, replacing it. */
  force: boolean;
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
}

/**
 * Whether objects that are loaded already are loaded again. Events and `pick: new` never do that; what a person asks for
 * is done, and replaces what it wrote before.
 */
export function reloads(request: LoadRequest): boolean {
  if (request.force) return true;
  return request.trigger === 'person' && request.objects === undefined && request.dataset.source.pick !== 'new';
}
