import pMap from 'p-map';
import type { FailedSource } from '../domain/load.ts';
import { ObjectNotFound, PreconditionFailed } from '../errors.ts';
import { SMALL_CALLS_AT_ONCE } from '../limits.ts';
import { uri } from '../ports/object-store.ts';
import type { Ports } from '../ports/ports.ts';
import { markQuarantined } from './claims.ts';
import { putJson } from './json-object.ts';
import { failedKey } from './keys.ts';
import { emptyQuarantine } from './redrive.ts';
import type { RunRequest } from './run-files.ts';

/** What lies beside (or instead of) a quarantined object. */
export interface QuarantineRecord {
  dataset: string;
  run: string;
  /** ISO 8601. */
  at: string;
  step: string;
  source: { uri: string; etag: string; versionId?: string; sizeBytes: number; lastModified: string };
  error: { name: string; message: string; where?: string };
  /** Key of the copy in the work bucket; undefined: pointed to only, or the source had gone. */
  copy: string | undefined;
}

/**
 * Puts each failed object under `failed/`, with its reason in `.error.json`. Doing it twice writes the same keys. A source
 * of another store or one that is gone is pointed to.
 */
export async function quarantine(ports: Ports, fixed: RunRequest, failed: FailedSource[]): Promise<void> {
  const { dataset } = fixed.request;
  const date = fixed.startedAt.slice(0, 10);
  const copies = dataset.quarantine === 'copy' && ports.sources(dataset.source.access) === ports.objects;
  await pMap(
    failed,
    async ({ source, step, error }) => {
      const key = failedKey(dataset.name, date, fixed.run, source);
      const copied = copies && (await tryCopy(ports, source, key));
      const { etag, versionId, sizeBytes, lastModified } = source;
      const record: QuarantineRecord = {
        dataset: dataset.name,
        run: fixed.run,
        at: ports.clock.now().toISOString(),
        step,
        source: { uri: uri(source), etag, ...(versionId ? { versionId } : {}), sizeBytes, lastModified },
        error,
        copy: copied ? key : undefined,
      };
      await putJson(ports.objects, { bucket: ports.places.work, key: `${key}.error.json` }, record);
      await markQuarantined(ports, dataset.name, source.id, fixed.run, key);
    },
    { concurrency: SMALL_CALLS_AT_ONCE },
  );
  // One record an object: what failed again lies there under its last run.
  const { redrives } = fixed.request;
  if (redrives !== undefined && redrives !== fixed.run) {
    const sources = failed.map(({ source }) => source);
    await emptyQuarantine(ports, dataset.name, redrives, sources);
  }
}

async function tryCopy(ports: Ports, source: FailedSource['source'], key: string): Promise<boolean> {
  try {
    await ports.objects.copy(source, { bucket: ports.places.work, key });
    return true;
  } catch (error) {
    // Overwritten or deleted since: the failed version cannot be kept, only told of.
    if (error instanceof ObjectNotFound || error instanceof PreconditionFailed) return false;
    throw error;
  }
}
