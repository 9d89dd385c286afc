import type { ObjectStore } from '../../shared/ports/object-store.ts';
import { uri } from '../../shared/ports/object-store.ts';
import type { Frame, StatesResult } from './execution.ts';
import { StateFailure } from './failure.ts';
import type { MapParameters } from './lower.ts';

export type ChildStatus = 'SUCCEEDED' | 'FAILED';

/** One child of a distributed Map, as far as it came. */
export interface ChildRecord {
  child: Frame;
  input: unknown;
  result: StatesResult;
  started: Date;
  stopped: Date;
}

/** The items: an object that holds a JSON array. */
export async function readItems(
  objects: ObjectStore,
  reader: NonNullable<MapParameters['reader']>,
): Promise<unknown[]> {
  const address = { bucket: String(reader.Bucket), key: String(reader.Key) };
  try {
    const items: unknown = JSON.parse(Buffer.from(await objects.read(address)).toString('utf8'));
    if (!Array.isArray(items)) throw new Error('it is no JSON array');
    return items;
  } catch (error) {
    throw new StateFailure('States.ItemReaderFailed', `Cannot read the items of ${uri(address)}: ${messageOf(error)}`);
  }
}

/**
 * Writes the children's results as Step Functions does: `<prefix>/<id>/SUCCEEDED_0.json` and `FAILED_0.json`, each a
 * list of executions, and `manifest.json` that names them. Returns the manifest's place.
 */
export async function writeResults(
  objects: ObjectStore,
  writer: NonNullable<MapParameters['writer']>,
  mapRunArn: string,
  descriptions: Record<ChildStatus, string[]>,
): Promise<{ Bucket: string; Key: string }> {
  const bucket = String(writer.Bucket);
  const folder = `${String(writer.Prefix)}/${mapRunArn.slice(mapRunArn.lastIndexOf(':') + 1)}`;
  const files: Record<string, { Key: string; Size: number }[]> = { FAILED: [], PENDING: [], SUCCEEDED: [] };
  const put = async (key: string, text: string): Promise<number> => {
    const body = Buffer.from(text);
    await objects.put({ bucket, key }, body, { contentType: 'application/json' });
    return body.length;
  };
  try {
    for (const status of ['SUCCEEDED', 'FAILED'] as const) {
      if (descriptions[status].length === 0) continue;
      const key = `${folder}/${status}_0.json`;
      const size = await put(key, `[${descriptions[status].join(',')}]`);
      files[status]?.push({ Key: key, Size: size });
    }
    const key = `${folder}/manifest.json`;
    await put(key, JSON.stringify({ DestinationBucket: bucket, MapRunArn: mapRunArn, ResultFiles: files }));
    return { Bucket: bucket, Key: key };
  } catch (error) {
    const place = uri({ bucket, key: folder });
    throw new StateFailure('States.ResultWriterFailed', `Cannot write the results to ${place}: ${messageOf(error)}`);
  }
}

/** A child as a results' file has it, in JSON. */
export function describe(record: ChildRecord): string {
  const { child, input, result } = record;
  return JSON.stringify({
    ExecutionArn: child.id,
    Input: JSON.stringify(input),
    InputDetails: { Included: true },
    Name: child.name,
    ...(result.failure
      ? { Error: result.failure.name, Cause: result.failure.causeText }
      : { Output: JSON.stringify(result.output ?? null), OutputDetails: { Included: true } }),
    RedriveCount: 0,
    StartDate: record.started.toISOString(),
    StateMachineArn: child.machineId,
    Status: statusOf(record),
    StopDate: record.stopped.toISOString(),
  });
}

export function statusOf(record: ChildRecord): ChildStatus {
  return record.result.failure ? 'FAILED' : 'SUCCEEDED';
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
