import { CLAIMS_LISTED_FROM, LIST_PAGE_KEYS, QUARANTINED_CLAIM_BYTES } from '../limits.ts';
import type { Ports } from '../ports/ports.ts';
import { claimKey } from './keys.ts';

/** Calls that it takes to find one claim held: a put that loses, and the look at who has it. */
const CALLS_A_CLAIM = 3;

/** A claim as it is written: of an object in quarantine so long that a listing shows it. */
export function claimBody(record: { quarantined?: string }): string {
  const body = JSON.stringify(record);
  return record.quarantined === undefined ? body : body.padEnd(QUARANTINED_CLAIM_BYTES);
}

/**
 * Which of a data set's objects wait in quarantine, by id: from a listing, without a get an object. Empty where `candidates` are
 * so few beside the ledger's `entries` that to claim them takes fewer calls.
 */
export async function quarantinedIds(
  ports: Ports,
  dataset: string,
  candidates: number,
  entries: number,
): Promise<Set<string>> {
  const ids = new Set<string>();
  const pages = (entries + candidates) / LIST_PAGE_KEYS;
  if (candidates < CLAIMS_LISTED_FROM || candidates * CALLS_A_CLAIM < pages) return ids;
  const prefix = claimKey(dataset, '');
  for await (const { key, sizeBytes } of ports.objects.list(ports.places.work, prefix)) {
    if (sizeBytes >= QUARANTINED_CLAIM_BYTES) ids.add(key.slice(prefix.length));
  }
  return ids;
}
