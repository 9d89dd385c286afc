import pMap from 'p-map';
import type { LoadRequest, RequestedObject } from '../dataset/request.ts';
import { BadRequest } from '../errors.ts';
import { SMALL_CALLS_AT_ONCE } from '../limits.ts';
import type { Ports } from '../ports/ports.ts';
import { readJson } from './json-object.ts';
import type { QuarantineRecord } from './quarantine.ts';
import { runFiles } from './run-files.ts';

/** A quarantined object and where its copy and reason lie. */
export interface Quarantined {
  record: QuarantineRecord;
  /** Key of `.error.json`. */
  key: string;
}

const REASON = '.error.json';

/** What lies in quarantine of a data set (all of them: empty), oldest run first; of one run where it is given. */
export async function quarantined(ports: Ports, dataset: string, run?: string): Promise<Quarantined[]> {
  const keys: string[] = [];
  for await (const { key } of ports.objects.list(
    ports.places.work,
    dataset === '' ? 'failed/' : `failed/${dataset}/`,
  )) {
    if (key.endsWith(REASON) && (run === undefined || key.split('/')[3] === run)) keys.push(key);
  }
  return pMap(
    keys,
    async (key) => ({
      key,
      record: await readJson<QuarantineRecord>(ports.objects, { bucket: ports.places.work, key }),
    }),
    { concurrency: SMALL_CALLS_AT_ONCE },
  );
}

/**
 * The request that puts a run's quarantined objects through again, as that run was asked: at the source as they are now,
 * mended or not, and those that are no longer there from their copies. Throws `BadRequest` where the run left none.
 */
export async function redriveRequest(ports: Ports, run: string): Promise<LoadRequest> {
  const fixed = await runFiles(ports, run).requestIfAny();
  if (!fixed) throw new BadRequest(`There is no run ${run} to redrive`);
  const { dataset } = fixed.request;
  const waiting = await quarantined(ports, dataset.name, run);
  if (waiting.length === 0) throw new BadRequest(`Run ${run} has nothing in quarantine`);
  const store = ports.sources(dataset.source.access);
  const objects = await pMap(
    waiting,
    async ({ record }): Promise<RequestedObject | undefined> => {
      const source = addressOf(record.source.uri);
      if (await store.head(source)) return source;
      return record.copy === undefined ? undefined : { bucket: ports.places.work, key: record.copy };
    },
    { concurrency: SMALL_CALLS_AT_ONCE },
  );
  return {
    ...fixed.request,
    trigger: 'person',
    objects: objects.filter((object) => object !== undefined),
    force: false,
    redrives: run,
  };
}

/** Empties the quarantine of what a redrive loaded: the table has it now. */
export async function emptyQuarantine(
  ports: Ports,
  dataset: string,
  run: string,
  loaded: { bucket: string; key: string }[],
): Promise<void> {
  const uris = new Set(loaded.map(({ bucket, key }) => `s3://${bucket}/${key}`));
  const gone = (await quarantined(ports, dataset, run)).filter(
    ({ record }) =>
      uris.has(record.source.uri) ||
      (record.copy !== undefined && uris.has(`s3://${ports.places.work}/${record.copy}`)),
  );
  const keys = gone.flatMap(({ key, record }) => (record.copy === undefined ? [key] : [record.copy, key]));
  if (keys.length > 0) await ports.objects.deleteMany(ports.places.work, keys);
}

function addressOf(uri: string): { bucket: string; key: string } {
  const rest = uri.slice('s3://'.length);
  const slash = rest.indexOf('/');
  return { bucket: rest.slice(0, slash), key: rest.slice(slash + 1) };
}
