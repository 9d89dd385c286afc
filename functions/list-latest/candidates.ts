import pMap from 'p-map';
import picomatch from 'picomatch';
import { type LoadRequest, type RequestedObject, tokenValues } from '../../shared/dataset/request.ts';
import { fillTokens } from '../../shared/domain/dates.ts';
import { pick } from '../../shared/domain/pick.ts';
import { type SourceObject, sourceId } from '../../shared/domain/source.ts';
import { ObjectNotFound } from '../../shared/errors.ts';
import { SMALL_CALLS_AT_ONCE } from '../../shared/limits.ts';
import { type ObjectInfo, uri } from '../../shared/ports/object-store.ts';
import type { Ports } from '../../shared/ports/ports.ts';

export interface Candidates {
  objects: SourceObject[];
  /** In the ledger already (`pick: new`). */
  loaded: number;
  /** Of an event, but the object is of another version by now, or gone: that version's own event brings it. */
  superseded: number;
}

/** The objects a request speaks of: those it names, or those that the source's listing has. */
export async function candidatesOf(
  ports: Ports,
  request: LoadRequest,
  isLoaded: (id: string) => boolean,
): Promise<Candidates> {
  return request.objects === undefined ? listed(ports, request, isLoaded) : named(ports, request, request.objects);
}

async function named(ports: Ports, request: LoadRequest, wanted: RequestedObject[]): Promise<Candidates> {
  const store = ports.sources(request.dataset.source.access);
  const found = await pMap(
    wanted,
    ({ bucket, key, copy }) =>
      copy ? ports.objects.head({ bucket: ports.places.work, key: copy.key }) : store.head({ bucket, key }),
    { concurrency: SMALL_CALLS_AT_ONCE },
  );
  const objects = new Map<string, SourceObject>();
  let superseded = 0;
  wanted.forEach((object, i) => {
    const info = found[i];
    if (info && object.copy) {
      const source = standIn(object, object.copy, info);
      objects.set(source.id, source);
    } else if (info && (object.etag === undefined || object.etag === info.etag)) {
      const source = toSource(info);
      objects.set(source.id, source);
    } else if (request.trigger === 'event') {
      superseded++;
    } else {
      throw new ObjectNotFound(`There is no object ${uri(object)}${object.etag ? ` of ETag ${object.etag}` : ''}`, {
        where: uri(object),
      });
    }
  });
  return { objects: [...objects.values()], loaded: 0, superseded };
}

async function listed(ports: Ports, request: LoadRequest, isLoaded: (id: string) => boolean): Promise<Candidates> {
  const { source } = request.dataset;
  const bucket = source.bucket ?? ports.places.landing;
  const tokens = tokenValues(request);
  const prefix = fillTokens(source.prefix, tokens);
  const wanted = keyFilter({
    prefix,
    contains: source.contains === undefined ? undefined : fillTokens(source.contains, tokens),
    glob: source.glob === undefined ? undefined : fillTokens(source.glob, tokens, 'literal'),
  });
  const objects: SourceObject[] = [];
  const matching = filter(ports.sources(source.access).list(bucket, prefix), wanted);
  for await (const info of pick(matching, { pick: source.pick, orderBy: source.orderBy })) objects.push(toSource(info));
  if (source.pick !== 'new' || request.force) return { objects, loaded: 0, superseded: 0 };
  const fresh = objects.filter((object) => !isLoaded(object.id));
  return { objects: fresh, loaded: objects.length - fresh.length, superseded: 0 };
}

async function* filter<T>(items: AsyncIterable<T>, wanted: (item: T) => boolean): AsyncGenerator<T, void, undefined> {
  for await (const item of items) if (wanted(item)) yield item;
}

/** By substring and glob (relative to the prefix); the placeholders that consoles make for folders are no objects. */
function keyFilter(by: { prefix: string; contains: string | undefined; glob: string | undefined }) {
  const matches = by.glob === undefined ? undefined : picomatch(by.glob, { dot: true });
  return (info: ObjectInfo): boolean => {
    if (info.key.endsWith('/') && info.sizeBytes === 0) return false;
    if (by.contains !== undefined && !info.key.includes(by.contains)) return false;
    return matches === undefined || matches(info.key.slice(by.prefix.length));
  };
}

/** A copy in quarantine, in the place of the object version that failed. */
function standIn(
  { bucket, key, etag = '' }: RequestedObject,
  { lastModified }: NonNullable<RequestedObject['copy']>,
  info: ObjectInfo,
): SourceObject {
  return { ...toSource(info), id: sourceId(bucket, key, etag), lastModified, standsFor: { bucket, key, etag } };
}

function toSource(info: ObjectInfo): SourceObject {
  return {
    id: sourceId(info.bucket, info.key, info.etag),
    bucket: info.bucket,
    key: info.key,
    etag: info.etag,
    sizeBytes: info.sizeBytes,
    lastModified: info.lastModified.toISOString(),
    ...(info.versionId === undefined ? {} : { versionId: info.versionId }),
  };
}
