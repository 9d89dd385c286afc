import { isDay, parseTime, yesterday } from '../domain/dates.ts';
import { suggestion } from '../domain/nearest.ts';
import { BadRequest } from '../errors.ts';
import { clusterPlan } from './cluster.ts';
import { type Dataset, DatasetDefinition } from './dataset.ts';
import { dayOf, isOfDays, ofDay } from './days.ts';
import { requestsOfEvents } from './event-requests.ts';
import { type Asked, createdObject, unwrapInput } from './events.ts';
import { deepFreeze } from './freeze.ts';
import { goesHour, olderDefinition, olderForms, olderNames, olderOverrides, WITHOUT_EFFECT } from './older-inputs.ts';
import { datasetNameFrom, parseDataset } from './parse.ts';
import { checkPlaces, sourceBucket } from './places.ts';
import { allKeys } from './problems.ts';
import { datasetNamed, tablesWritten } from './registry.ts';
import type { LoadRequest, RequestContext, RequestedObject } from './request.ts';
import { expandDotted, isSettings, joinSettings, mergeSettings, type Settings } from './settings.ts';

/** Every accepted form of input → what to load. */

/** The input was understood and asks for nothing, such as S3's test event. */
export interface NothingRequested {
  nothing: true;
  notices: string[];
}

/**
 * What one execution is asked to do. Throws `BadRequest`, `UnknownDataset`, `BadDataset` or `OutputInsideSource`; an input
 * whose objects belong to several data sets is a `BadRequest`, since an execution loads one.
 */
export function toRequest(input: unknown, context: RequestContext): LoadRequest | NothingRequested {
  const { requests, notices } = groupByDataset(input, context);
  if (requests.length > 1) {
    const counts = requests.map(({ dataset, objects }) => `${dataset.name} (${objects?.length ?? 0} objects)`);
    throw new BadRequest(
      `The input's objects belong to ${requests.length} data sets, ${counts.join(', ')}; start one execution for each`,
    );
  }
  return requests[0] ?? { nothing: true, notices };
}

/** The same for an input of any number of data sets: a request for each, in the order of their names. */
export function groupByDataset(
  input: unknown,
  context: RequestContext,
): { requests: LoadRequest[]; notices: string[] } {
  const { objects, ignored, asked } = unwrapInput(input);
  if (asked.length > 1 || (asked.length === 1 && objects.length > 0)) {
    throw new BadRequest(
      `The input mixes ${asked.length} requests with ${objects.length} objects of events; an execution takes either`,
    );
  }
  if (asked[0]) return { requests: [askedRequest(asked[0], context)], notices: [] };
  let around: Dataset | undefined;
  const { requests, notices } = requestsOfEvents({ objects, ignored }, context, () => {
    around = environmentDataset(context);
    return around;
  });
  const dataRefAround = around === undefined ? undefined : dataRef(context.environment['data_ref'] || undefined);
  const finished = requests.map((request) => {
    const fixed = request.dataset === around ? dataRefAround : undefined;
    return finish(fixed === undefined ? request : { ...request, constants: { data_ref: fixed } }, context);
  });
  return { requests: finished, notices };
}

/** The data set that the environment's older names make, if they make one. */
function environmentDataset(context: RequestContext): Dataset | undefined {
  const older = olderDefinition(new Map(), context.environment);
  return older && parseDataset(older.definition, 'the environment');
}

const REQUEST_KEYS = ['dataset', 'objects', 'compact', 'force', 'date', 'referenceTime', 'data_ref', 'day', 'trigger'];
const FIELDS = Object.keys(DatasetDefinition.shape);

/** What a person or a schedule asks: a data set by name with overrides, a definition, or an older form. */
function askedRequest({ value, scheduledFor }: Asked, context: RequestContext): LoadRequest {
  const input = withoutNulls(expandDotted(value));
  const notices = Object.keys(input).flatMap((key) => WITHOUT_EFFECT.get(key) ?? []);
  const scheduled = scheduledFor !== undefined;
  const ask = { named: input['dataset'], ...sort(input), scheduled };
  const asked = askedDataset(ask, context, notices);
  const day = dayOf(asked.older.get('day'));
  const dataset = day === undefined ? asked.dataset : ofDay(asked.dataset, day);
  if (day === undefined && asked.dataset.target.partitionBy.includes('day') && isOfDays(asked.dataset)) {
    throw new BadRequest('The input names no day, whose distances are clustered; say {"day": "…"}');
  }
  const zone = dataset.source.timezone;
  const back = new Date((scheduledFor ?? context.now).getTime() - dataset.source.hoursBack * 3_600_000);
  const reference = referenceTime(input, zone) ?? goesHour(asked.older, back) ?? back;
  const objects = input['objects'];
  // A named data set's runs do not depend on what stands in the environment.
  const around = input['dataset'] === undefined ? context.environment['data_ref'] || undefined : undefined;
  return finish(
    {
      dataset,
      trigger: triggerOf(input['trigger'], scheduled),
      objects: objects === undefined ? undefined : namedObjects(objects, sourceBucket(dataset, context.places)),
      referenceTime: reference.toISOString(),
      constants: {
        data_ref: dataRef(input['data_ref'] ?? around) ?? yesterday(reference, zone),
        ...(day === undefined ? {} : { day }),
      },
      ...(flag(input['compact'], 'compact') ? { compact: true } : {}),
      force: flag(input['force'], 'force'),
      notices,
    },
    context,
  );
}

/** A null of a field takes the field's value away; any other key that is null is as good as not there. */
function withoutNulls(input: Settings): Settings {
  return Object.fromEntries(Object.entries(input).filter(([key, value]) => value !== null || FIELDS.includes(key)));
}

interface Ask {
  named: unknown;
  fields: Settings;
  older: ReadonlyMap<string, unknown>;
  scheduled: boolean;
}

/** Parts the input's keys into fields of a data set and older names. Throws `BadRequest` for what is neither. */
function sort(input: Settings): { fields: Settings; older: Map<string, unknown> } {
  const older = new Map<string, unknown>();
  const fields = new Map<string, unknown>();
  const names = new Set(olderNames());
  for (const [key, value] of Object.entries(input)) {
    if (key !== 'day' && (REQUEST_KEYS.includes(key) || WITHOUT_EFFECT.has(key))) continue;
    // `schema` is both: a field, and an older name for its text.
    const isField = FIELDS.includes(key) && !(key === 'schema' && typeof value === 'string');
    if (isField) fields.set(key, value);
    else if (names.has(key)) older.set(key, value);
    else throw unknownKey(key, [...REQUEST_KEYS, ...allKeys(), ...names]);
  }
  return { fields: Object.fromEntries(fields), older };
}

function unknownKey(key: string, known: string[]): BadRequest {
  const inside = known.find((path) => path.endsWith(`.${key}`));
  const hint = inside === undefined ? suggestion(key, known) : `; did you mean "${inside}"?`;
  return new BadRequest(`The input's key "${key}" is unknown${hint || `; ${acceptedForms()}`}`);
}

function acceptedForms(): string {
  const forms = [
    'an event of S3 or EventBridge',
    '{"dataset": "…"} with overrides',
    '{"dataset": {…}}',
    ...olderForms(),
  ];
  return `accepted are ${forms.join(', ')}`;
}

function askedDataset(ask: Ask, context: RequestContext, notices: string[]): { dataset: Dataset; older: Ask['older'] } {
  if (ask.named === undefined) {
    const made = olderDefinition(ask.older, context.environment);
    if (made) {
      const dataset = parseDataset(mergeSettings(made.definition, ask.fields), 'the input');
      return { dataset: ownTables(dataset, context), older: made.given };
    }
  }
  return { dataset: namedDataset(ask, context, notices), older: ask.older };
}

function namedDataset({ named, fields, older, scheduled }: Ask, context: RequestContext, notices: string[]): Dataset {
  if (named === undefined) {
    if (scheduled) {
      const input = '{"dataset": "…", "trigger": "schedule"}';
      throw new BadRequest(`The schedule names no data set; give its target the constant input ${input}`);
    }
    if (fields['target'] !== undefined) {
      throw new BadRequest('The input names no data set; a whole definition goes under the key "dataset"');
    }
    throw new BadRequest(`The input names no data set; ${acceptedForms()}`);
  }
  const overrides = joinSettings(olderOverrides(older), fields);
  if (isSettings(named)) return ownTables(parseDataset(mergeSettings(named, overrides), 'the input'), context);
  if (typeof named !== 'string') {
    throw new BadRequest(`dataset must be a name or a definition, not ${JSON.stringify(named)}`);
  }
  const known = datasetNamed(named, context.datasets);
  if (Object.keys(overrides).length === 0) return known;
  return overridden(known, overrides, context, notices);
}

/**
 * A data set with fields of it overridden. One whose table is another is another data set, with a ledger and a log of its
 * own: a table's history is not continued in a second one.
 */
function overridden(known: Dataset, overrides: Settings, context: RequestContext, notices: string[]): Dataset {
  if (overrides['name'] !== undefined && overrides['name'] !== known.name) {
    throw new BadRequest(`The input cannot rename the data set "${known.name}"; give a whole definition instead`);
  }
  const dataset = parseDataset(mergeSettings(known as unknown as Settings, overrides), 'the input');
  const { database, table } = dataset.target;
  if (database === known.target.database && table === known.target.table) return ownTables(dataset, context);
  const name = datasetNameFrom(`${known.name}-${database}-${table}`);
  notices.push(`writes ${database}.${table} as the data set "${name}", with a ledger of its own`);
  return ownTables({ ...dataset, name }, context);
}

/** Throws where the tables, or the name, are those of another data set that is known. */
function ownTables(dataset: Dataset, context: RequestContext): Dataset {
  const namesake = context.datasets.get(dataset.name)?.target;
  const { database, table } = dataset.target;
  if (namesake !== undefined && (namesake.database !== database || namesake.table !== table)) {
    throw new BadRequest(
      `The definition is named "${dataset.name}" and writes ${database}.${table}, but the data set of that name writes ` +
        `${namesake.database}.${namesake.table}; name it otherwise`,
    );
  }
  const written = new Set(tablesWritten(dataset));
  for (const other of context.datasets.all()) {
    const shared = other.name === dataset.name ? undefined : tablesWritten(other).find((table) => written.has(table));
    if (shared === undefined) continue;
    throw new BadRequest(
      `The table ${shared} is that of the data set "${other.name}"; a table belongs to one data set`,
    );
  }
  return dataset;
}

function referenceTime(input: Settings, zone: string): Date | undefined {
  const given = (['date', 'referenceTime'] as const).filter((key) => input[key] !== undefined);
  if (given.length === 2) throw new BadRequest('The input has both date and referenceTime; say one');
  const [key] = given;
  if (key === undefined) return undefined;
  const value = input[key];
  const time = typeof value === 'string' || typeof value === 'number' ? parseTime(String(value), zone) : undefined;
  if (time !== undefined) return time;
  throw new BadRequest(`${key} must be a day such as 2024-01-05 or a time in ISO 8601, not ${JSON.stringify(value)}`);
}

function dataRef(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const text = (typeof value === 'string' ? value : JSON.stringify(value)).replace(/^(\d{4})-(\d\d)-(\d\d)$/, '$1$2$3');
  if (isDay(text)) return text;
  throw new BadRequest(`data_ref must be a day as YYYYMMDD, not ${JSON.stringify(value)}`);
}

function triggerOf(value: unknown, scheduled: boolean): LoadRequest['trigger'] {
  if (value === undefined) return scheduled ? 'schedule' : 'person';
  if (value === 'person' || value === 'schedule' || value === 'sweep') return value;
  throw new BadRequest(`trigger must be "schedule", "sweep" or "person", not ${JSON.stringify(value)}`);
}

function flag(value: unknown, name: string): boolean {
  if (value === undefined) return false;
  if (typeof value === 'boolean') return value;
  throw new BadRequest(`${name} must be true or false, not ${JSON.stringify(value)}`);
}

/** Objects that a person names: `{bucket, key}`, the bucket being the source's by default, or `s3://bucket/key`. */
function namedObjects(value: unknown, sourceBucket: string): RequestedObject[] {
  if (!Array.isArray(value)) throw new BadRequest(`objects must be a list, not ${JSON.stringify(value)}`);
  return value.map((item, i) => {
    const address = typeof item === 'string' ? /^s3:\/\/([^/]+)\/(.+)$/s.exec(item) : undefined;
    if (address) return { bucket: address[1]!, key: address[2]! };
    const bucket = isSettings(item) ? (item['bucket'] ?? sourceBucket) : undefined;
    if (!isSettings(item) || typeof item['key'] !== 'string' || typeof bucket !== 'string') {
      throw new BadRequest(`objects[${i}] must be {"bucket": …, "key": …} or "s3://…", not ${JSON.stringify(item)}`);
    }
    const { sizeBytes: _, time: __, ...object } = createdObject(bucket, item['key'], item);
    return object;
  });
}

/** Hyper-parameters that were given and change nothing. */
function clusterNotices({ cluster, source }: Dataset): string[] {
  const read = cluster && clusterPlan(cluster, source.format === 'distances' ? 'distances' : 'points');
  return read && 'plan' in read ? read.plan.notices : [];
}

function finish(request: LoadRequest, context: RequestContext): LoadRequest {
  const { dataset } = request;
  checkPlaces(dataset, context.places);
  const notices = [...request.notices, ...clusterNotices(dataset)];
  const asDefined = context.datasets.get(dataset.name) === dataset ? { asDefined: true } : {};
  return deepFreeze({ ...request, notices, ...asDefined });
}
