import { setMaxListeners } from 'node:events';
import { HISTORY_MAX_EVENTS, STATE_PAYLOAD_MAX_BYTES } from '../../shared/limits.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { ObjectStore } from '../../shared/ports/object-store.ts';
import type { EventFields, ItemPlace } from './events.ts';
import { asFailure, functionFailure, Interrupted, StateFailure } from './failure.ts';
import type { LoweredMachine, LoweredState, MapParameters, Work } from './lower.ts';
import { runMap } from './map.ts';
import { catcherFor, retrierFor, retryDelaySeconds } from './retry.ts';
import { RUN_TASK, START_EXECUTION } from './support.ts';

/** What a function is told beside its event. */
export interface HandlerContext {
  /** A name no other attempt has, as Lambda's request id. */
  attemptId: string;
  /** Aborted when the execution is stopped, or when the state's time is up. */
  signal: AbortSignal;
}

export type Handler = (event: unknown, context: HandlerContext) => Promise<unknown>;

/** Resolves after so many milliseconds; rejects when the signal aborts. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

/** What one call of runMachine shares among its execution, the children of its Maps and their states. */
export interface Environment {
  handlers: Record<string, Handler>;
  objects: ObjectStore;
  clock: Clock;
  sleep: Sleep;
  random: () => number;
  newId: () => string;
  waitScale: number;
  retryScale: number;
  emit(fields: EventFields, item?: ItemPlace): void;
  /** Starts another execution of the same machine. */
  start(name: string, input: unknown): Promise<unknown>;
  /** Function calls that have not come back, also those that no state waits for any more. */
  atWork: Set<Promise<unknown>>;
  account: { maxPayloadBytes: number; executions: number; maxChildEvents: number };
}

/** One execution: the run itself, or a child of a distributed Map. */
export interface Frame {
  id: string;
  name: string;
  startTime: string;
  input: unknown;
  machineId: string;
  machineName: string;
  history: { events: number };
  signal: AbortSignal;
  item?: ItemPlace;
}

export interface StatesResult {
  /** Undefined where a Fail state or an error ended it. */
  output?: unknown;
  failure?: StateFailure;
  endState: string;
  /** An error was caught on the way. */
  caught: boolean;
}

/**
 * Goes from state to state until one ends the machine. A failure is a result; only being stopped is thrown.
 * @throws Interrupted
 */
export async function runStates(
  machine: LoweredMachine,
  input: unknown,
  frame: Frame,
  environment: Environment,
): Promise<StatesResult> {
  let name = machine.startAt;
  let caught = false;
  try {
    let value = payload(input, `The input of ${name}`, environment);
    for (;;) {
      const state = machine.states.get(name) as LoweredState;
      addEvents(frame, 1);
      environment.emit({ type: 'StateEntered', state: name, stateType: state.type }, frame.item);
      const visit = await visitState(name, state, value, frame, environment);
      caught ||= visit.caught;
      value = visit.output;
      // A Fail state throws, so this one was left: entered and exited are two events.
      addEvents(frame, 1);
      const { next, branch } = visit;
      environment.emit(
        {
          type: 'StateExited',
          state: name,
          stateType: state.type,
          ...(next === undefined ? {} : { next }),
          ...(branch === undefined ? {} : { branch }),
        },
        frame.item,
      );
      if (next === undefined) return { output: value, endState: name, caught };
      name = next;
    }
  } catch (error) {
    if (!(error instanceof StateFailure)) throw error;
    return { failure: error, endState: name, caught };
  }
}

interface Visit {
  output: unknown;
  next: string | undefined;
  branch?: number | 'default';
  caught: boolean;
}

async function visitState(
  name: string,
  state: LoweredState,
  value: unknown,
  frame: Frame,
  environment: Environment,
): Promise<Visit> {
  const used = state.retriers.map(() => 0);
  const enteredTime = environment.clock.now().toISOString();
  for (let retryCount = 0; ; retryCount++) {
    if (frame.signal.aborted) throw new Interrupted();
    const context = contextOf(name, enteredTime, retryCount, frame);
    if (state.type === 'Task' && state.resource === RUN_TASK) context.Task = { Token: environment.newId() };
    const attempt = linkedSignal(frame.signal);
    try {
      const work = workOf(name, state, context, { ...frame, signal: attempt.signal }, environment);
      return leave(name, state, value, await state.cell(value, context, work), environment);
    } catch (error) {
      const failure = asFailure(error);
      if (failure instanceof Interrupted) throw failure;
      const retrier = retrierFor(state.retriers, failure, used);
      if (retrier !== undefined) {
        await pauseBeforeRetry(name, state, retrier, used[retrier] as number, failure, frame, environment);
        continue;
      }
      const catcher = catcherFor(
        state.catchers.map((each) => each.catcher),
        failure,
      );
      if (catcher === undefined) throw failure;
      const { place, catcher: found } = state.catchers[catcher] as LoweredState['catchers'][number];
      environment.emit(
        { type: 'StateCaught', state: name, catcher, next: found.Next, error: failure.name, cause: failure.causeText },
        frame.item,
      );
      const errorOutput = { Error: failure.name, Cause: failure.causeText };
      const output = await place(value, context, async () => errorOutput).catch((fault) =>
        Promise.reject(asFailure(fault)),
      );
      return { output: payload(output, `The output of ${name}`, environment), next: found.Next, caught: true };
    } finally {
      // The interpreter only stops waiting when a state's time is up: this tells the function, too.
      attempt.abort();
    }
  }
}

/** What follows from a state's evaluation. */
function leave(name: string, state: LoweredState, value: unknown, result: unknown, environment: Environment): Visit {
  if (state.type === 'Choice') {
    const taken = state.branches[(result as { branch: number }).branch] as { name: number | 'default'; next: string };
    return { output: value, next: taken.next, branch: taken.name, caught: false };
  }
  if (state.type === 'Fail') {
    const { error, cause } = result as { error: unknown; cause: unknown };
    if (typeof error !== 'string' || typeof cause !== 'string') {
      throw new StateFailure('States.Runtime', `The error or cause of ${name} is not text`, true);
    }
    throw new StateFailure(error, cause);
  }
  return { output: payload(result, `The output of ${name}`, environment), next: state.next, caught: false };
}

async function pauseBeforeRetry(
  name: string,
  state: LoweredState,
  retrier: number,
  attempt: number,
  failure: StateFailure,
  frame: Frame,
  environment: Environment,
): Promise<void> {
  const rule = state.retriers[retrier] as LoweredState['retriers'][number];
  const delaySeconds = retryDelaySeconds(rule, attempt, environment.random) * environment.retryScale;
  environment.emit(
    { type: 'StateRetried', state: name, retrier, attempt, delaySeconds, error: failure.name },
    frame.item,
  );
  await pause(delaySeconds, frame, environment);
}

/** The part of a state that is not evaluation. */
function workOf(
  name: string,
  state: LoweredState,
  context: ContextObject,
  frame: Frame,
  environment: Environment,
): Work | undefined {
  switch (state.type) {
    case 'Wait':
      return async (effective) => {
        const { seconds } = effective as { seconds: unknown };
        if (!Number.isInteger(seconds) || (seconds as number) < 0) {
          throw new StateFailure('States.Runtime', `${name} is to wait ${JSON.stringify(seconds)} seconds`, true);
        }
        environment.emit({ type: 'WaitStarted', state: name, seconds: seconds as number }, frame.item);
        await pause((seconds as number) * environment.waitScale, frame, environment);
        return null;
      };
    case 'Map':
      return async (parameters) =>
        await runMap(name, state.map, parameters as MapParameters, context, frame, environment);
    case 'Task':
      return async (effective) => {
        const event = payload(effective, `The input of ${name}'s call`, environment);
        // Scheduled, started, succeeded or failed.
        addEvents(frame, 3);
        const result =
          state.resource === START_EXECUTION
            ? await startExecution(event, environment)
            : await callFunction(state.resource, event, frame, environment);
        return payload(result, `The result of ${name}`, environment);
      };
    default:
      return undefined;
  }
}

async function startExecution(event: unknown, environment: Environment): Promise<unknown> {
  const { Name, Input } = event as { Name: unknown; Input: unknown };
  return await environment.start(String(Name), Input);
}

async function callFunction(
  resource: string,
  event: unknown,
  frame: Frame,
  environment: Environment,
): Promise<unknown> {
  const handler = environment.handlers[resource];
  if (handler === undefined) throw new StateFailure('States.Runtime', `Nothing here runs ${resource}`, true);
  const context = { attemptId: environment.newId(), signal: frame.signal };
  // A handler that throws before its first await is a handler that fails.
  const call = (async () => await handler(event, context))();
  environment.atWork.add(call);
  const back = (): void => {
    environment.atWork.delete(call);
  };
  call.then(back, back);
  try {
    return serialized((await untilStopped(call, frame.signal)) ?? null);
  } catch (error) {
    throw error instanceof Interrupted ? error : functionFailure(error);
  }
}

/** Lambda answers in JSON: what is none fails the call. */
function serialized(value: unknown): unknown {
  try {
    return JSON.parse(JSON.stringify(value) ?? 'null');
  } catch (cause) {
    throw new Error('The function returned what has no JSON', { cause });
  }
}

/**
 * The value as the next state gets it: a copy through JSON, weighed.
 * @throws StateFailure `States.DataLimitExceeded`, which nothing catches
 */
export function payload(value: unknown, what: string, environment: Pick<Environment, 'account'>): unknown {
  const text = JSON.stringify(value) ?? 'null';
  const bytes = Buffer.byteLength(text);
  environment.account.maxPayloadBytes = Math.max(environment.account.maxPayloadBytes, bytes);
  if (bytes > STATE_PAYLOAD_MAX_BYTES) {
    const message = `${what} has ${bytes} bytes where Step Functions takes ${STATE_PAYLOAD_MAX_BYTES}`;
    throw new StateFailure('States.DataLimitExceeded', message, true);
  }
  return JSON.parse(text);
}

/** Counts events of the history as Step Functions writes them. */
export function addEvents(frame: Pick<Frame, 'history' | 'name'>, count: number): void {
  frame.history.events += count;
  if (frame.history.events > HISTORY_MAX_EVENTS) {
    const message = `The history of ${frame.name} has more than ${HISTORY_MAX_EVENTS} events`;
    throw new StateFailure('States.Runtime', message, true);
  }
}

async function pause(seconds: number, frame: Frame, environment: Environment): Promise<void> {
  if (seconds > 0) await untilStopped(environment.sleep(seconds * 1000, frame.signal), frame.signal);
}

/** The promise's outcome, or Interrupted as soon as the signal aborts, whatever the promise does then. */
export async function untilStopped<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const stop = (): void => reject(new Interrupted());
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([promise, stopped]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** A signal that aborts with its parent or on its own; aborting it lets go of the parent. */
export function linkedSignal(parent: AbortSignal): { signal: AbortSignal; abort(): void } {
  const own = new AbortController();
  // Every call under way listens, and there are as many as the Map has workers.
  setMaxListeners(0, own.signal);
  const abort = (): void => {
    parent.removeEventListener('abort', abort);
    own.abort();
  };
  if (parent.aborted) own.abort();
  else parent.addEventListener('abort', abort, { once: true });
  return { signal: own.signal, abort };
}

/** The context object, `$$`. */
export interface ContextObject {
  Execution: { Id: string; Name: string; StartTime: string; Input: unknown };
  State: { Name: string; EnteredTime: string; RetryCount: number };
  StateMachine: { Id: string; Name: string };
  /** Only where a state waits for its token. */
  Task?: { Token: string };
}

function contextOf(name: string, enteredTime: string, retryCount: number, frame: Frame): ContextObject {
  return {
    Execution: { Id: frame.id, Name: frame.name, StartTime: frame.startTime, Input: frame.input },
    State: { Name: name, EnteredTime: enteredTime, RetryCount: retryCount },
    StateMachine: { Id: frame.machineId, Name: frame.machineName },
  };
}
