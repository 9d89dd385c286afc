import pMap from 'p-map';
import type { SourceObject } from '../domain/source.ts';
import { PreconditionFailed } from '../errors.ts';
import { SMALL_CALLS_AT_ONCE } from '../limits.ts';
import type { Ports } from '../ports/ports.ts';
import { claimBody } from './claim-listing.ts';
import type { LogState } from './fold.ts';
import { findJson } from './json-object.ts';
import { claimKey, loadedKey } from './keys.ts';
import { settle, verdictOf } from './verdict.ts';

/** P3: which run loads an object version. */
interface ClaimRecord {
  run: string;
  executionId: string;
  /** Key of the object under `failed/`: it waits there to be asked for again. */
  quarantined?: string;
  /** It was in the table when it was claimed, to be loaded once more: if that fails, it is there still. */
  loaded?: true;
}

export type ClaimOutcome =
  | 'claimed'
  /** The fold has it, and nobody asked for it again. */
  | 'loaded'
  /** Another run that is at work, or that decided to commit, holds it. */
  | 'held'
  /** It failed before, and nobody asked for it again. */
  | 'quarantined'
  /** This run decided to commit and died before it did: it has to be finished first (P2), never taken over from. */
  | { unfinished: string };

export interface Claimant {
  run: string;
  executionId: string;
  dataset: string;
  /** Take what is loaded already: it replaces what it wrote before. */
  force: boolean;
  /** Take what failed before: somebody asked for it again. */
  redrives: boolean;
}

/** Where holders stand, asked once for all that they hold. */
export type Standings = Map<string, Promise<Standing>>;
type Standing = 'settled' | 'at work' | 'unfinished';

/** Claims many: those that nobody holds at once where the store can, the others one by one. In their order. */
export async function claimMany(
  ports: Ports,
  claimant: Claimant,
  sources: readonly SourceObject[],
  state: LogState,
): Promise<ClaimOutcome[]> {
  const standings: Standings = new Map();
  const fresh = sources.filter(({ id }) => !state.sources.has(id));
  const keys = [...new Set(fresh.map(({ id }) => claimKey(claimant.dataset, id)))];
  const { run, executionId } = claimant;
  const body = JSON.stringify({ run, executionId } satisfies ClaimRecord);
  const written = await ports.objects.putMany?.(ports.places.work, keys, body, { condition: { ifNoneMatch: '*' } });
  const claimed = new Set(keys.filter((_, i) => written?.[i]));
  return pMap(
    sources,
    (source) =>
      claimed.has(claimKey(claimant.dataset, source.id)) ? 'claimed' : claim(ports, claimant, source, state, standings),
    { concurrency: SMALL_CALLS_AT_ONCE },
  );
}

/** Claims one object version for a run, taking it over from runs that settled without it. */
export async function claim(
  ports: Ports,
  claimant: Claimant,
  source: SourceObject,
  state: LogState,
  standings: Standings = new Map(),
): Promise<ClaimOutcome> {
  if (state.sources.has(source.id) && !claimant.force) return 'loaded';
  const address = { bucket: ports.places.work, key: claimKey(claimant.dataset, source.id) };
  const { run, executionId } = claimant;
  const own: ClaimRecord = { run, executionId, ...(state.sources.has(source.id) ? { loaded: true } : {}) };
  for (;;) {
    const held = await tryPut(ports, address, JSON.stringify(own));
    if (held === undefined) return 'claimed';
    if (held === 'gone') continue;
    if (held.value.run === claimant.run) return 'claimed';
    if (held.value.quarantined !== undefined && !claimant.force && !claimant.redrives) return 'quarantined';
    const holder = held.value;
    const known = standings.get(holder.run) ?? standingOf(ports, claimant, holder, state);
    standings.set(holder.run, known);
    const standing = await known;
    if (standing === 'at work') return 'held';
    if (standing === 'unfinished') return { unfinished: held.value.run };
    try {
      await ports.objects.put(address, JSON.stringify(own), { condition: { ifMatch: held.etag } });
      return 'claimed';
    } catch (error) {
      if (!(error instanceof PreconditionFailed)) throw error;
    }
  }
}

/** Undefined where the claim is ours now; otherwise who holds it. */
async function tryPut(ports: Ports, address: { bucket: string; key: string }, body: string) {
  try {
    await ports.objects.put(address, body, { condition: { ifNoneMatch: '*' } });
    return undefined;
  } catch (error) {
    if (!(error instanceof PreconditionFailed)) throw error;
    return (await findJson<ClaimRecord>(ports.objects, address)) ?? ('gone' as const);
  }
}

/**
 * Where the holder stands. Settled: it can never commit the object any more, since it aborted or its commit (or void) is in
 * the log. A holder that is no longer running and did not decide is aborted first; if it decided to commit meanwhile, it is
 * unfinished.
 */
async function standingOf(ports: Ports, claimant: Claimant, holder: ClaimRecord, state: LogState): Promise<Standing> {
  if (state.runs.has(holder.run)) return 'settled';
  const verdict = await verdictOf(ports.objects, ports.places.work, holder.run);
  if (verdict === 'abort') return 'settled';
  if ((await ports.executions.status(holder.executionId)) === 'RUNNING') return 'at work';
  if (verdict === 'commit') return 'unfinished';
  const settled = await settle(ports.objects, ports.places.work, holder.run, 'abort', claimant.run);
  return settled === 'abort' ? 'settled' : 'unfinished';
}

/** A run's own claim on an object that failed. */
export interface FailedClaim {
  /**
   * Says in the claim that the object failed and lies there, so that neither its event nor a sweep tries it again by itself.
   * False where another run has taken the object over meanwhile, whose it is now.
   */
  mark(): Promise<boolean>;
}

/**
 * Undefined where nothing is to be put aside: the object is another run's by now, or in the table, as it was before it was
 * to be loaded once more. `key` is where it is going to lie under `failed/`.
 */
export async function failedClaim(
  ports: Ports,
  dataset: string,
  id: string,
  run: string,
  key: string,
): Promise<FailedClaim | undefined> {
  const address = { bucket: ports.places.work, key: claimKey(dataset, id) };
  const held = await findJson<ClaimRecord>(ports.objects, address);
  if (held?.value.run !== run || held.value.loaded) return undefined;
  const marked: ClaimRecord = { ...held.value, quarantined: key };
  return {
    async mark() {
      try {
        await ports.objects.put(address, claimBody(marked), { condition: { ifMatch: held.etag } });
        return true;
      } catch (error) {
        if (!(error instanceof PreconditionFailed)) throw error;
        // Taken over, or marked by an attempt whose answer was lost.
        const now = await findJson<ClaimRecord>(ports.objects, address);
        return now?.value.run === run && now.value.quarantined === key;
      }
    },
  };
}

/** P9's last: the ledger's cache, so that a listing tells what is loaded without a get. */
export async function markLoaded(ports: Ports, dataset: string, ids: readonly string[], run: string): Promise<void> {
  const bucket = ports.places.work;
  const keys = [...new Set(ids.map((id) => loadedKey(dataset, id)))];
  const body = JSON.stringify({ run });
  if (ports.objects.putMany) await ports.objects.putMany(bucket, keys, body);
  else await pMap(keys, (key) => ports.objects.put({ bucket, key }, body), { concurrency: SMALL_CALLS_AT_ONCE });
}
