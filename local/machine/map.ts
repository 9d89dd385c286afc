import { INLINE_MAP_CONCURRENCY, MAP_MAX_CONCURRENCY } from '../../shared/limits.ts';
import {
  addEvents,
  type ContextObject,
  type Environment,
  type Frame,
  linkedSignal,
  payload,
  runStates,
  type StatesResult,
  untilStopped,
} from './execution.ts';
import { Interrupted, StateFailure } from './failure.ts';
import type { LoweredMap, MapParameters } from './lower.ts';
import { type ChildRecord, type ChildStatus, describe, readItems, statusOf, writeResults } from './map-objects.ts';

/**
 * Runs a Map's items, at most `concurrency` at once. Distributed: each item is an execution of its own, failures are
 * tolerated up to the percentage, and the results go to the object store. Inline: the items share the parent's
 * history, the first failure fails the Map, and the result is the list of theirs.
 * @throws StateFailure `States.ItemReaderFailed`, `States.ResultWriterFailed`, `States.ExceedToleratedFailureThreshold`
 */
export async function runMap(
  name: string,
  map: LoweredMap,
  parameters: MapParameters,
  context: ContextObject,
  frame: Frame,
  environment: Environment,
): Promise<unknown> {
  const items = parameters.reader
    ? await untilStopped(readItems(environment.objects, parameters.reader), frame.signal)
    : arrayOf(name, parameters.items);
  addEvents(frame, 1);
  if (map.distributed) addEvents(frame, 1);
  environment.emit({ type: 'MapStarted', state: name, items: items.length }, frame.item);
  const results = new MapResults(items.length, map.distributed ? map.toleratedPercentage : 0);
  const children = linkedSignal(frame.signal);
  let taken = 0;
  const worker = async (): Promise<void> => {
    while (taken < items.length && !results.exceeded) {
      const index = taken++;
      const child = childFrame(name, map, index, { ...frame, signal: children.signal }, environment);
      const started = environment.clock.now();
      const input = await childInput(map, parameters.input, items[index], index, context, child, environment);
      const result = await runChild(map, input, child, environment);
      results.add(index, { child, input, result, started, stopped: environment.clock.now() }, map.distributed);
      const status = result.failure ? 'FAILED' : 'SUCCEEDED';
      environment.emit({ type: 'ItemEnded', state: name, index, status, caught: result.caught }, frame.item);
    }
  };
  const count = Math.min(concurrencyOf(name, map, parameters), items.length);
  // The first worker to find the threshold exceeded, or to fail, stops the others in the middle of what they do.
  const workers = Array.from({ length: count }, async () => {
    try {
      await worker();
    } catch (error) {
      children.abort();
      throw error;
    }
    if (results.exceeded) children.abort();
  });
  const outcomes = await Promise.allSettled(workers);
  children.abort();
  const faults = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  const fault = faults.find((reason) => !(reason instanceof Interrupted)) ?? faults[0];
  if (fault && !(fault instanceof Interrupted && results.exceeded && !frame.signal.aborted)) throw fault;
  const { failed, caught } = results;
  environment.emit({ type: 'MapEnded', state: name, items: items.length, failed, caught }, frame.item);
  addEvents(frame, map.distributed ? 2 : 1);
  return await conclude(name, map, parameters, results, frame, environment);
}

async function conclude(
  name: string,
  map: LoweredMap,
  parameters: MapParameters,
  results: MapResults,
  frame: Frame,
  environment: Environment,
): Promise<unknown> {
  if (!map.distributed) {
    if (results.firstFailure) throw results.firstFailure;
    return results.outputs;
  }
  const mapRunArn = `${frame.machineId.replace(':stateMachine:', ':mapRun:')}/${name}:${environment.newId()}`;
  const written = parameters.writer
    ? await untilStopped(
        writeResults(environment.objects, parameters.writer, mapRunArn, results.descriptions),
        frame.signal,
      )
    : undefined;
  if (results.exceeded) {
    const cause = 'The specified tolerated failure threshold was exceeded';
    throw new StateFailure('States.ExceedToleratedFailureThreshold', cause);
  }
  return { MapRunArn: mapRunArn, ResultWriterDetails: written };
}

/** What is kept of the children: of a hundred thousand, not more than has to be. */
class MapResults {
  /** Of a distributed Map: each ended child as its results' file will have it. */
  readonly descriptions: Record<ChildStatus, string[]> = { SUCCEEDED: [], FAILED: [] };
  /** Of an inline Map: the items' results, in their order. */
  readonly outputs: unknown[] = [];
  firstFailure: StateFailure | undefined;
  failed = 0;
  caught = 0;
  private readonly count: number;
  private readonly toleratedPercentage: number;

  constructor(count: number, toleratedPercentage: number) {
    this.count = count;
    this.toleratedPercentage = toleratedPercentage;
  }

  add(index: number, record: ChildRecord, distributed: boolean): void {
    if (distributed) this.descriptions[statusOf(record)].push(describe(record));
    else this.outputs[index] = record.result.output;
    if (record.result.caught) this.caught++;
    if (!record.result.failure) return;
    this.failed++;
    this.firstFailure ??= record.result.failure;
  }

  get exceeded(): boolean {
    return this.failed * 100 > this.count * this.toleratedPercentage;
  }
}

async function runChild(
  map: LoweredMap,
  input: unknown,
  child: Frame,
  environment: Environment,
): Promise<StatesResult> {
  if (!map.distributed) {
    addEvents(child, 1);
    const result = await runStates(map.machine, input, child, environment);
    addEvents(child, 1);
    return result;
  }
  environment.account.executions++;
  const result = await runStates(map.machine, input, { ...child, input }, environment);
  // Its start and its end.
  child.history.events += 2;
  environment.account.maxChildEvents = Math.max(environment.account.maxChildEvents, child.history.events);
  return result;
}

function childFrame(name: string, map: LoweredMap, index: number, frame: Frame, environment: Environment): Frame {
  const item = { map: name, index };
  if (!map.distributed) return { ...frame, item };
  const childName = environment.newId();
  const id = `${frame.machineId.replace(':stateMachine:', ':execution:')}/${name}:${childName}`;
  const startTime = environment.clock.now().toISOString();
  return { ...frame, id, name: childName, startTime, history: { events: 0 }, item };
}

async function childInput(
  map: LoweredMap,
  input: unknown,
  item: unknown,
  index: number,
  context: ContextObject,
  child: Frame,
  environment: Environment,
): Promise<unknown> {
  const what = `The input of item ${index}`;
  if (!map.selector) return payload(item, what, environment);
  const selected = await map.selector(input, { ...context, Map: { Item: { Index: index, Value: item } } });
  return payload(selected, `${what} (${child.name})`, environment);
}

function concurrencyOf(name: string, map: LoweredMap, parameters: MapParameters): number {
  const most = map.distributed ? MAP_MAX_CONCURRENCY : INLINE_MAP_CONCURRENCY;
  const given = parameters.concurrency ?? 0;
  if (!Number.isInteger(given) || (given as number) < 0) {
    throw new StateFailure('States.Runtime', `${name} is to run ${JSON.stringify(given)} items at once`, true);
  }
  return Math.min((given as number) || most, most);
}

function arrayOf(name: string, value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  throw new StateFailure('States.Runtime', `${name} is to map over what is no list`, true);
}
