import { yesterday } from '../domain/dates.ts';
import { BadRequest } from '../errors.ts';
import { uri } from '../ports/object-store.ts';
import type { Dataset } from './dataset.ts';
import { dayOfKey, ofDay } from './days.ts';
import type { CreatedObject, Unwrapped } from './events.ts';
import { datasetOf, type Matcher, matcherOf } from './matching.ts';
import { type OutputPlace, outputsOf, ownPlaces, sourceBucket } from './places.ts';
import { datasetNamed } from './registry.ts';
import type { LoadRequest, RequestContext, RequestedObject } from './request.ts';

interface Grouping {
  byDataset: Map<string, { dataset: Dataset; objects: CreatedObject[] }>;
  /** What to say about the objects that are not loaded, by reason. */
  ignored: Map<string, string[]>;
  unmatched: CreatedObject[];
}

/**
 * A request for each data set that the events' objects belong to. Objects of none are told in a notice where others have
 * one; where no object has one, it is a `BadRequest`. `environmentDataset` is asked where no known data set takes an object.
 */
export function requestsOfEvents(
  events: Pick<Unwrapped, 'objects' | 'ignored'>,
  context: RequestContext,
  environmentDataset: () => Dataset | undefined,
): { requests: LoadRequest[]; notices: string[] } {
  const grouping: Grouping = { byDataset: new Map(), ignored: new Map(), unmatched: [] };
  for (const { reason, what } of events.ignored) ignore(grouping, reason, what);
  const known = context.datasets.all().map((dataset) => matcherOf(dataset, context.places));
  for (const object of events.objects) {
    if (isFolder(object)) ignore(grouping, 'an empty folder', uri(object));
    else assign(object, grouping, known, context);
  }
  ignoreOwn(grouping, [
    ...ownPlaces(context.places),
    ...context.datasets.all().flatMap((dataset) => outputsOf(dataset, context.places)),
  ]);
  const around = grouping.unmatched.length > 0 ? environmentDataset() : undefined;
  if (around !== undefined) {
    const matcher = matcherOf(around, context.places);
    const left = grouping.unmatched.splice(0);
    for (const object of left) {
      if (matcher.match(object)) add(grouping, around, object);
      else grouping.unmatched.push(object);
    }
    ignoreOwn(grouping, outputsOf(around, context.places));
  }
  if (grouping.byDataset.size === 0 && grouping.unmatched.length > 0) throw noDataset(grouping.unmatched, context);
  for (const object of grouping.unmatched) ignore(grouping, 'no data set takes it', uri(object));
  const notices = [...grouping.ignored].map(([reason, what]) => `ignored: ${reason}: ${several(what)}`);
  const groups = [...grouping.byDataset.values()].sort((one, other) =>
    one.dataset.name < other.dataset.name ? -1 : 1,
  );
  return { requests: groups.flatMap((group) => eventRequests(group, notices, context.now)), notices };
}

function assign(object: CreatedObject, grouping: Grouping, known: readonly Matcher[], context: RequestContext): void {
  if (object.dataset === undefined) {
    const dataset = datasetOf(object, known);
    if (dataset === undefined) grouping.unmatched.push(object);
    else add(grouping, dataset, object);
    return;
  }
  const dataset = datasetNamed(object.dataset, context.datasets);
  // A queue is filled by prefix alone: what glob and substring exclude comes too.
  if (matcherOf(dataset, context.places).match(object)) add(grouping, dataset, object);
  else ignore(grouping, `not of the data set "${dataset.name}"`, uri(object));
}

function add(grouping: Grouping, dataset: Dataset, object: CreatedObject): void {
  const group = grouping.byDataset.get(dataset.name) ?? { dataset, objects: [] };
  group.objects.push(object);
  grouping.byDataset.set(dataset.name, group);
}

function ignore(grouping: Grouping, reason: string, what: string): void {
  grouping.ignored.set(reason, [...(grouping.ignored.get(reason) ?? []), what]);
}

/** What runs write must not start runs, or fail them, unless it is some data set's source. */
function ignoreOwn(grouping: Grouping, own: readonly OutputPlace[]): void {
  grouping.unmatched = grouping.unmatched.filter((object) => {
    const place = own.find(({ bucket, prefix }) => bucket === object.bucket && object.key.startsWith(prefix));
    if (place !== undefined) ignore(grouping, `of ${place.what}`, uri(object));
    return place === undefined;
  });
}

/** What consoles make for a folder. Where the event does not tell the size, a name that ends so is taken for one. */
function isFolder(object: CreatedObject): boolean {
  return object.key.endsWith('/') && (object.sizeBytes ?? 0) === 0;
}

function noDataset(objects: readonly CreatedObject[], context: RequestContext): BadRequest {
  const [first] = objects;
  const sources = context.datasets
    .all()
    .map((dataset) => `${dataset.name}: s3://${sourceBucket(dataset, context.places)}/${dataset.source.prefix}`);
  const known = sources.length === 0 ? 'there is none' : `there are ${sources.join(', ')}`;
  return new BadRequest(`No data set takes ${several(objects.map((object) => uri(object)))}; ${known}`, {
    where: uri(first!),
  });
}

/** One for the data set; of lists of distances one for each day that an object is of, which is then clustered whole. */
function eventRequests(
  { dataset, objects }: { dataset: Dataset; objects: CreatedObject[] },
  notices: string[],
  now: Date,
): LoadRequest[] {
  if (dataset.source.format !== 'distances') return [eventRequest({ dataset, objects }, notices, now)];
  const days = Map.groupBy(objects, ({ key }) => dayOfKey(key));
  return [...days].map(([day, own]) => {
    const request = eventRequest(
      { dataset: day === undefined ? dataset : ofDay(dataset, day), objects: own },
      notices,
      now,
    );
    const constants = day === undefined ? request.constants : { ...request.constants, day };
    return { ...request, objects: undefined, constants, whole: true };
  });
}

function eventRequest(
  { dataset, objects }: { dataset: Dataset; objects: CreatedObject[] },
  notices: string[],
  now: Date,
): LoadRequest {
  // That of the events, so that a message that was left lying is loaded under the day it came.
  const times = objects.flatMap((object) => object.time?.getTime() ?? []);
  const reference = times.length === 0 ? now : new Date(Math.max(...times));
  return {
    dataset,
    trigger: 'event',
    objects: newest(objects),
    referenceTime: reference.toISOString(),
    constants: { data_ref: yesterday(reference, dataset.source.timezone) },
    force: false,
    notices,
  };
}

/** One for each key, since events come more than once: the newest, where sequencers tell which, else every version. */
function newest(objects: readonly CreatedObject[]): RequestedObject[] {
  const kept = new Map<string, CreatedObject>();
  for (const object of objects) {
    const address = JSON.stringify([object.bucket, object.key]);
    const id = object.sequencer === undefined ? JSON.stringify([address, object.etag, object.versionId]) : address;
    const other = kept.get(id);
    if (other === undefined || comesAfter(object, other)) kept.set(id, object);
  }
  return [...kept.values()].map(({ sizeBytes: _, time: __, dataset: ___, ...object }) => object);
}

/** Sequencers are hexadecimal, padded on the right to be compared. */
function comesAfter(one: CreatedObject, other: CreatedObject): boolean {
  const length = Math.max(one.sequencer?.length ?? 0, other.sequencer?.length ?? 0);
  return (one.sequencer ?? '').padEnd(length, '0') > (other.sequencer ?? '').padEnd(length, '0');
}

/** The first, and how many more. */
function several(items: readonly string[]): string {
  return items.length === 1 ? items[0]! : `${items[0]} and ${items.length - 1} more`;
}
