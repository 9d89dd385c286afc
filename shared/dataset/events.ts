import { BadRequest } from '../errors.ts';
import { EVENT_NESTING_MAX } from '../limits.ts';
import type { RequestedObject } from './request.ts';
import { isSettings, type Settings } from './settings.ts';

/**
 * Takes an execution's input apart, whatever it is wrapped in: S3 notifications, EventBridge events, either of them in SQS
 * messages (as Lambda's `Records` or as a pipe's array) or SNS notifications, and what a pipe has made of them.
 */

/** An object that came into being, as an event tells it. */
export interface CreatedObject extends RequestedObject {
  /** Undefined where the event does not say. */
  sizeBytes?: number;
  time?: Date;
  /** A pipe of one data set says which. */
  dataset?: string;
}

export interface Unwrapped {
  objects: CreatedObject[];
  /** What was there and asks for nothing, by reason. */
  ignored: { reason: string; what: string }[];
  /** What is no event: requests of people and schedules. */
  asked: Asked[];
}

export interface Asked {
  value: Settings;
  /** EventBridge's own scheduled event: the time it was due. */
  scheduledFor?: Date;
}

/** Throws `BadRequest` for what is no form of input at all. */
export function unwrapInput(input: unknown): Unwrapped {
  const found: Unwrapped = { objects: [], ignored: [], asked: [] };
  unwrap(input, 'The input', found, 0);
  return found;
}

function unwrap(value: unknown, where: string, found: Unwrapped, depth: number): void {
  if (depth > EVENT_NESTING_MAX) {
    throw new BadRequest(`The input is wrapped more than ${EVENT_NESTING_MAX} times; no event is`);
  }
  const inner = contentsOf(value, where);
  if (inner === undefined) addLeaf(value, where, found);
  else for (const [next, name] of inner) unwrap(next, name, found, depth + 1);
}

/** What a wrapping holds, each with what to call it; undefined for what is no wrapping. */
function contentsOf(value: unknown, where: string): [unknown, string][] | undefined {
  if (Array.isArray(value)) return value.map((item, i) => [item, `${where}'s item ${i}`]);
  if (!isSettings(value)) return undefined;
  const records = value['Records'];
  if (Array.isArray(records)) return records.map((record, i) => [record, `${where}'s record ${i}`]);
  if (isMessage(value)) return [[parseBody(value['body'], where), `${where}'s body`]];
  const notification = value['EventSource'] === 'aws:sns' ? value['Sns'] : value;
  if (isSettings(notification) && typeof notification['Message'] === 'string' && isSns(value)) {
    return [[parseBody(notification['Message'], where), `${where}'s message`]];
  }
  return undefined;
}

function addLeaf(value: unknown, where: string, found: Unwrapped): void {
  if (!isSettings(value)) {
    const shown = JSON.stringify(value) ?? String(value);
    throw new BadRequest(`${where} must be an object or a list of events, not ${shown}`);
  }
  if (value['Event'] === 's3:TestEvent') {
    found.ignored.push({
      reason: 'the test event that S3 sends when notifications are set up',
      what: `s3://${plain(value['Bucket'])}`,
    });
  } else if (isSettings(value['s3'])) {
    addNotification(value, value['s3'], where, found);
  } else if (typeof value['detail-type'] === 'string') {
    addBridgeEvent(value, value['detail-type'], where, found);
  } else if (typeof value['bucket'] === 'string' && typeof value['key'] === 'string') {
    found.objects.push(pipedObject(value, where));
  } else {
    found.asked.push({ value });
  }
}

function isMessage(value: Settings): boolean {
  return typeof value['body'] === 'string' && ('messageId' in value || value['eventSource'] === 'aws:sqs');
}

function isSns(value: Settings): boolean {
  return value['EventSource'] === 'aws:sns' || value['Type'] === 'Notification';
}

function parseBody(body: unknown, where: string): unknown {
  try {
    return JSON.parse(String(body));
  } catch (error) {
    throw new BadRequest(`Cannot parse the body of ${lower(where)} as JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** One of an S3 notification's records. Keys are URL-encoded there, as in a form: a plus sign is a space. */
function addNotification(record: Settings, s3: Settings, where: string, found: Unwrapped): void {
  const bucket = isSettings(s3['bucket']) ? s3['bucket']['name'] : undefined;
  const object = isSettings(s3['object']) ? s3['object'] : {};
  const encoded = object['key'];
  if (typeof bucket !== 'string' || typeof encoded !== 'string') {
    throw new BadRequest(`${where} is an S3 notification without the name of a bucket or the key of an object`);
  }
  const key = decodeKey(encoded, where);
  const event = plain(record['eventName'] ?? '').replace(/^s3:/, '');
  if (!event.startsWith('ObjectCreated:')) {
    found.ignored.push({
      reason: `${event || 'an event without a name'} brings no object`,
      what: `s3://${bucket}/${key}`,
    });
    return;
  }
  found.objects.push(
    createdObject(bucket, key, {
      etag: object['eTag'],
      versionId: object['versionId'],
      sequencer: object['sequencer'],
      size: object['size'],
      time: record['eventTime'],
    }),
  );
}

function decodeKey(encoded: string, where: string): string {
  try {
    return decodeURIComponent(encoded.replaceAll('+', ' '));
  } catch (error) {
    throw new BadRequest(`${where} has the key "${encoded}", which is not URL-encoded UTF-8`, { cause: error });
  }
}

/** EventBridge's events of S3 and of its schedules. Keys are plain there. */
function addBridgeEvent(event: Settings, type: string, where: string, found: Unwrapped): void {
  if (type === 'Scheduled Event') {
    const time = toDate(event['time']);
    found.asked.push({ value: {}, ...(time === undefined ? {} : { scheduledFor: time }) });
    return;
  }
  const detail = isSettings(event['detail']) ? event['detail'] : {};
  const bucket = isSettings(detail['bucket']) ? detail['bucket']['name'] : undefined;
  const object = isSettings(detail['object']) ? detail['object'] : {};
  const key = object['key'];
  if (event['source'] !== 'aws.s3' || typeof bucket !== 'string' || typeof key !== 'string') {
    throw new BadRequest(
      `${where} is a "${type}" event of ${plain(event['source'])}; known are those of aws.s3 about objects`,
    );
  }
  if (type !== 'Object Created') {
    found.ignored.push({ reason: `"${type}" brings no object`, what: `s3://${bucket}/${key}` });
    return;
  }
  found.objects.push(
    createdObject(bucket, key, {
      etag: object['etag'],
      versionId: object['version-id'],
      sequencer: object['sequencer'],
      size: object['size'],
      time: event['time'],
    }),
  );
}

const PIPED_KEYS = new Set(['bucket', 'key', 'etag', 'versionId', 'sequencer', 'sizeBytes', 'size', 'time', 'dataset']);

/** What a pipe's template has made of an event. A path that the event does not have is left empty there. */
function pipedObject(item: Settings, where: string): CreatedObject {
  const unknown = Object.keys(item).find((key) => !PIPED_KEYS.has(key));
  if (unknown !== undefined) {
    throw new BadRequest(
      `${where} is an object with the unknown key "${unknown}"; known are ${[...PIPED_KEYS].join(', ')}`,
    );
  }
  const size = item['sizeBytes'] ?? item['size'];
  const created = createdObject(String(item['bucket']), String(item['key']), { ...item, size });
  const dataset = textOrNothing(item['dataset']);
  return dataset === undefined ? created : { ...created, dataset };
}

/** The parts of a `RequestedObject` that are there, in plain form. */
export function createdObject(
  bucket: string,
  key: string,
  about: { etag?: unknown; versionId?: unknown; sequencer?: unknown; size?: unknown; time?: unknown },
): CreatedObject {
  // Some senders keep the quotes of the HTTP header.
  const etag = textOrNothing(about.etag)?.replace(/^"(.*)"$/, '$1');
  const versionId = textOrNothing(about.versionId);
  const sequencer = textOrNothing(about.sequencer);
  const sizeBytes =
    about.size === undefined || about.size === null || about.size === '' ? Number.NaN : Number(plain(about.size));
  const time = toDate(about.time);
  return {
    bucket,
    key,
    ...(etag === undefined ? {} : { etag }),
    ...(versionId === undefined ? {} : { versionId }),
    ...(sequencer === undefined ? {} : { sequencer }),
    ...(Number.isNaN(sizeBytes) ? {} : { sizeBytes }),
    ...(time === undefined ? {} : { time }),
  };
}

/** Text as it is, anything else as JSON: an event may hold whatever it likes. */
function plain(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing');
}

function textOrNothing(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function toDate(value: unknown): Date | undefined {
  const time = new Date(typeof value === 'string' ? value : Number.NaN);
  return Number.isNaN(time.getTime()) ? undefined : time;
}

function lower(where: string): string {
  return where.replace(/^./, (letter) => letter.toLowerCase());
}
