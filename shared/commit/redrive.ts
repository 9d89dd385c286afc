import pMap from 'p-map';
import type { LoadRequest, RequestedObject } from '../dataset/request.ts';
import { BadRequest } from '../errors.ts';
import { SMALL_CALLS_AT_ONCE } from '../limits.ts';
import { type Address, uri } from '../ports/object-store.ts';
import type { Ports } from '../ports/ports.ts';
import type { CommittedSource } from './entry.ts';
import { readJson } from './json-object.ts';
import { quarantineFolder } from './keys.ts';
import type { QuarantineRecord } from './quarantine.ts';
import { type RunRequest, runFiles } from './run-files.ts';

/** A quarantined object and where its copy and reason lie. */
export interface Quarantined {
  record: QuarantineRecord;
  /** Key of `.error.json`. */
  key: string;
}

export const REASON = '.error.json';

/** What lies in quarantine of a data set (all of them: empty), oldest run first; of one run where it is given. */
export async function quarantined(ports: Ports, dataset: string, run?: string): Promise<Quarantined[]> {
  const keys = await reasons(ports, dataset);
  return read(
    ports,
    keys.filter((key) => run === undefined || key.split('/')[3] === run),
  );
}

async function reasons(ports: Ports, dataset: string): Promise<string[]> {
  const keys = await keysUnder(ports, dataset === '' ? 'failed/' : `failed/${dataset}/`);
  return keys.filter((key) => key.endsWith(REASON));
}

async function keysUnder(ports: Ports, prefix: string): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of ports.objects.list(ports.places.work, prefix)) keys.push(key);
  return keys;
}

/**
 * What a run that is over left in quarantine: whether anything waits there for a redrive, and copies without a record, which
 * nobody knows of (it died in between, and the objects are another run's).
 */
export async function leftInQuarantine(ports: Ports, fixed: RunRequest): Promise<{ waits: boolean; strays: string[] }> {
  const { name } = fixed.request.dataset;
  const keys = new Set(await keysUnder(ports, quarantineFolder(name, fixed.startedAt, fixed.run)));
  const isReason = (key: string) => key.endsWith(REASON);
  return {
    waits: [...keys].some(isReason),
    strays: [...keys].filter((key) => !isReason(key) && !keys.has(`${key}${REASON}`)),
  };
}

async function read(ports: Ports, keys: string[]): Promise<Quarantined[]> {
  const held = await pMap(
    keys,
    async (key) => ({
      key,
      record: await readJson<QuarantineRecord>(ports.objects, { bucket: ports.places.work, key }),
    }),
    { concurrency: SMALL_CALLS_AT_ONCE },
  );
  // An object of a source may be called so too, and lies there as its own copy.
  return held.filter(({ record }) => record.source !== undefined && record.run !== undefined);
}

/**
 * The request that puts a run's quarantined objects through again, as that run was asked, but in ranges that end where those
 * of that run did not: what was mended, at the source or
 * in its copy, as it is now; what was not, once more; what is gone from the source, from its copy. Throws `BadRequest` where
 * there is nothing to try.
 */
export async function redriveRequest(ports: Ports, run: string): Promise<LoadRequest> {
  const fixed = await runFiles(ports, run).requestIfAny();
  if (!fixed) throw new BadRequest(`There is no run ${run} to redrive`);
  const { dataset } = fixed.request;
  const waiting = await quarantined(ports, dataset.name, run);
  if (waiting.length === 0) throw new BadRequest(`Run ${run} has nothing in quarantine`);
  const store = ports.sources(dataset.source.access);
  const found = await pMap(
    waiting,
    async ({ record }): Promise<RequestedObject | undefined> => {
      const source = addressOf(record.source.uri);
      const there = await store.head(source);
      if (there && there.etag !== record.source.etag) return source;
      const copy = await copyOf(ports, record);
      const mended = copy !== undefined && copy.etag !== record.copyEtag;
      if (there && !mended) return source;
      const { etag, lastModified } = record.source;
      return copy && { ...source, etag, copy: { key: copy.key, lastModified } };
    },
    { concurrency: SMALL_CALLS_AT_ONCE },
  );
  const objects = found.filter((object) => object !== undefined);
  const gone = waiting.filter((_, i) => found[i] === undefined).map(({ record }) => record.source.uri);
  if (objects.length === 0) {
    throw new BadRequest(`Run ${run} left ${gone[0]} in quarantine, which is gone, and there is no copy of it`);
  }
  const { compact: _, ...request } = fixed.request;
  const sizes = [request, ...waiting.map(({ record }) => record)].flatMap(({ splitBytes }) => splitBytes ?? []);
  return {
    ...request,
    ...(sizes.length > 0 ? { splitBytes: Math.min(...sizes) } : {}),
    trigger: 'person',
    objects,
    force: false,
    redrives: run,
    notices: [...request.notices, ...gone.map((one) => `${one} is gone, and there is no copy of it in quarantine`)],
  };
}

async function copyOf(ports: Ports, { copy }: QuarantineRecord) {
  return copy === undefined ? undefined : ports.objects.head({ bucket: ports.places.work, key: copy });
}

/**
 * Takes out of quarantine what a commit loaded: the version that failed, from wherever its bytes came, or a later one of
 * the same object. `redrives` is the run whose objects were tried again, if the commit's run did that.
 */
export async function emptyQuarantine(
  ports: Ports,
  dataset: string,
  redrives: string | undefined,
  loaded: CommittedSource[],
): Promise<void> {
  const sources = new Map(loaded.map((source) => [uri(source), source]));
  const gone = (await quarantinedOf(ports, dataset, loaded)).filter(({ record }) => {
    const source = sources.get(record.source.uri)!;
    const { etag, lastModified } = record.source;
    return record.run === redrives || source.etag === etag || source.lastModified > lastModified;
  });
  await deleteQuarantined(ports, gone);
}

/** What lies in quarantine of these objects, in any of their versions, by whatever run. */
export async function quarantinedOf(
  ports: Ports,
  dataset: string,
  objects: readonly Address[],
): Promise<Quarantined[]> {
  const uris = new Set(objects.map(uri));
  const names = new Set(objects.map(({ key }) => key));
  // failed/<data set>/<date>/<run>/<key>.error.json: most need no reading to know that they are others.
  const near = (await reasons(ports, dataset)).filter((key) =>
    names.has(key.split('/').slice(4).join('/').slice(0, -REASON.length)),
  );
  return (await read(ports, near)).filter(({ record }) => uris.has(record.source.uri));
}

/** Deletes records, and the copies beside them. */
export async function deleteQuarantined(ports: Ports, records: readonly { key: string }[]): Promise<void> {
  if (records.length === 0) return;
  const { work } = ports.places;
  const keys = records.map(({ key }) => key);
  const copies = keys.map((key) => key.slice(0, -REASON.length));
  // The record goes last: while it is there, a redrive knows of the object.
  await ports.objects.deleteMany(work, copies);
  await ports.objects.deleteMany(work, keys);
}

function addressOf(uri: string): Address {
  const rest = uri.slice('s3://'.length);
  const slash = rest.indexOf('/');
  return { bucket: rest.slice(0, slash), key: rest.slice(slash + 1) };
}
