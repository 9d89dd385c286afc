import { rm } from 'node:fs/promises';
import pMap from 'p-map';
import type { FailedSource } from '../domain/load.ts';
import { originOf, type SourceObject } from '../domain/source.ts';
import { AccessDenied, ObjectNotFound, PreconditionFailed } from '../errors.ts';
import { QUARANTINE_COPY_MAX_BYTES, QUARANTINE_FETCH_MAX_BYTES, SMALL_CALLS_AT_ONCE } from '../limits.ts';
import { type Address, type ObjectStore, uri, type Written } from '../ports/object-store.ts';
import type { Ports } from '../ports/ports.ts';
import { failedClaim } from './claims.ts';
import { putJson } from './json-object.ts';
import { failedKey } from './keys.ts';
import { deleteQuarantined, type Quarantined, quarantinedOf, REASON } from './redrive.ts';
import type { RunRequest } from './run-files.ts';
import { storeOf } from './source-store.ts';

/** What lies beside (or instead of) a quarantined object, as `<key>.error.json`. */
export interface QuarantineRecord {
  dataset: string;
  run: string;
  /** ISO 8601. */
  at: string;
  /** read, convert, whole or repartition; `run` where the run failed, by no fault of this object that is known. */
  step: string;
  /** Runs that failed on this object, one redriving what the other left, this one among them. */
  attempts: number;
  source: { uri: string; etag: string; versionId?: string; sizeBytes: number; lastModified: string };
  error: { name: string; message: string; where?: string };
  /** Its task's time ran out, or its memory: a redrive cuts ranges of at most so many bytes. */
  splitBytes?: number;
  /** Key of the copy in the work bucket; undefined: pointed to only, or the source had gone. */
  copy: string | undefined;
  /** The copy as it was made: another ETag says that somebody mended it. */
  copyEtag: string | undefined;
}

/**
 * Puts each failed object under `failed/`, with its reason in `.error.json`. Returns all of them, and says of which that they
 * stay: what another run has taken over meanwhile is that run's, and what is in the table is not in quarantine too. Doing it
 * twice writes the same keys.
 */
export async function quarantine(ports: Ports, fixed: RunRequest, failed: FailedSource[]): Promise<FailedSource[]> {
  if (failed.length === 0) return [];
  const { access } = fixed.request.dataset.source;
  const origins = failed.map(({ source }) => originOf(source));
  const there = await quarantinedOf(ports, fixed.request.dataset.name, origins);
  return pMap(
    failed,
    async (failure): Promise<FailedSource> =>
      (await putOne(ports, fixed, failure, there)) ? failure : { ...failure, stays: true },
    // Of another account's bucket each goes through this machine's disk.
    { concurrency: ports.sources(access) === ports.objects ? SMALL_CALLS_AT_ONCE : 1 },
  );
}

/** False where the object is another run's, or in the table. */
async function putOne(
  ports: Ports,
  fixed: RunRequest,
  { source, step, error, splitBytes }: FailedSource,
  there: Quarantined[],
): Promise<boolean> {
  const { dataset, redrives } = fixed.request;
  const origin = originOf(source);
  // What this run tries again, or a run that died there tried; another version is a failure of its own.
  const earlier = there.filter(({ record }) => {
    const { uri: address, etag } = record.source;
    return record.run !== fixed.run && address === uri(origin) && (etag === origin.etag || record.run === redrives);
  });
  const key = failedKey(dataset.name, fixed.startedAt, fixed.run, origin);
  const claimed = await failedClaim(ports, dataset.name, source.id, fixed.run, key);
  if (!claimed) return false;
  const copied = dataset.quarantine === 'copy' ? await tryCopy(ports, fixed, source, key) : undefined;
  const { versionId, sizeBytes, lastModified } = source;
  const record: QuarantineRecord = {
    dataset: dataset.name,
    run: fixed.run,
    at: ports.clock.now().toISOString(),
    step,
    attempts: 1 + Math.max(0, ...earlier.map(({ record }) => record.attempts)),
    source: {
      uri: uri(origin),
      etag: origin.etag,
      ...(versionId && !source.standsFor ? { versionId } : {}),
      sizeBytes,
      lastModified,
    },
    error,
    ...(splitBytes === undefined ? {} : { splitBytes }),
    copy: copied ? key : undefined,
    copyEtag: copied?.etag,
  };
  const reason = { bucket: ports.places.work, key: `${key}${REASON}` };
  await putJson(ports.objects, reason, record);
  const mine = await claimed.mark();
  // One record a version: it lies there under its last run.
  await deleteQuarantined(ports, mine ? earlier : [reason]);
  return mine;
}

/** Undefined where the object is pointed to: it is too large, overwritten or gone, or this process may not read it. */
async function tryCopy(
  ports: Ports,
  fixed: RunRequest,
  source: SourceObject,
  key: string,
): Promise<Written | undefined> {
  const store = storeOf(ports, fixed.request.dataset.source.access, source);
  const own = store === ports.objects;
  if (source.sizeBytes > (own ? QUARANTINE_COPY_MAX_BYTES : QUARANTINE_FETCH_MAX_BYTES)) return undefined;
  const to = { bucket: ports.places.work, key };
  try {
    return own ? await ports.objects.copy(source, to, { apart: true }) : await fetchInto(ports, store, source, to);
  } catch (error) {
    const lost = error instanceof ObjectNotFound || error instanceof PreconditionFailed;
    if (lost || error instanceof AccessDenied) return undefined;
    throw error;
  }
}

async function fetchInto(ports: Ports, store: ObjectStore, source: SourceObject, to: Address): Promise<Written> {
  const scratch = await ports.newScratch();
  try {
    const path = `${scratch}/failed`;
    await store.download(source, path, { ifMatch: source.etag });
    return await ports.objects.upload(path, to);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}
