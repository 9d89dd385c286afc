import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { setTimeout as after } from 'node:timers/promises';
import { BadRequest, PreconditionFailed } from '../shared/errors.ts';
import { LOCAL_TIMEOUT_MAX_SECONDS } from '../shared/limits.ts';
import type { Clock } from '../shared/ports/clock.ts';
import type { ObjectStore } from '../shared/ports/object-store.ts';
import { BadDefinition, type Definition, functionNames } from './machine/definition.ts';
import type { MachineEvent } from './machine/events.ts';
import { type Environment, type Frame, type Handler, runStates, type Sleep } from './machine/execution.ts';
import { Interrupted, StateFailure } from './machine/failure.ts';
import { type LoweredMachine, lower } from './machine/lower.ts';

/** Where executions are on record, so that other processes can ask for their status. */
export interface ExecutionRecords {
  /** @throws PreconditionFailed where the name is taken */
  begin(name: string): Promise<void>;
  /** `atWork` settles once the last function call of the execution has come back. */
  end(name: string, status: 'SUCCEEDED' | 'FAILED' | 'ABORTED', atWork?: Promise<unknown>): Promise<void>;
}

export interface RunOptions {
  definition: Definition;
  /** By logical name, as the definition calls them: `ReadLambdaFunction`. */
  handlers: Record<string, Handler>;
  /** Where Maps read their items and write their results. */
  objects: ObjectStore;
  input: unknown;
  /** At most 80 characters, none of those that Step Functions refuses; a random one by default. */
  name?: string;
  /** ISO 8601; now by default. */
  startTime?: string;
  clock: Clock;
  onEvent?: (event: MachineEvent) => void;
  /** Ends the execution at once as ABORTED; calls under way are told by their own signal. */
  signal?: AbortSignal;
  /** Wait states last this share of their seconds; 1 by default. */
  waitScale?: number;
  /** Pauses before retries last this share of their seconds; 1 by default. */
  retryScale?: number;
  executions?: ExecutionRecords;
  sleep?: Sleep;
  /** In [0, 1); draws the jitter of retries. */
  random?: () => number;
  newId?: () => string;
}

export interface ExecutionResult {
  id: string;
  name: string;
  startTime: string;
  status: 'SUCCEEDED' | 'FAILED' | 'ABORTED';
  output?: unknown;
  error?: { name: string; cause: string };
  /** The state that it ended in. */
  endState: string;
  /** Events in its history, about as Step Functions counts them; at most 25,000. */
  events: number;
  /** The longest history of a child of its Maps. */
  maxChildEvents: number;
  /** The largest input or output of any state, children's too, in bytes. */
  maxPayloadBytes: number;
  /** This one and the children of its Maps. */
  executions: number;
  /** Executions that it started (`states:startExecution`), run to their end too. */
  successors: ExecutionResult[];
}

/** What Step Functions does not take in an execution's name. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are among them
const NOT_IN_NAMES = /[\s<>{}[\]?*"#%\\^|~`$&,;:/\u0000-\u001f\u007f-\u009f]/;

/**
 * Runs one execution of a definition here, and those that it starts. What fails in it is the result, not an exception.
 * @throws BadDefinition where a function has no handler
 * @throws BadRequest where the name is not one that Step Functions takes
 * @throws PreconditionFailed where the name is on record
 */
export async function runMachine(options: RunOptions): Promise<ExecutionResult> {
  const missing = functionNames(options.definition).filter((name) => !options.handlers[name]);
  if (missing.length > 0) {
    const { name } = options.definition;
    throw new BadDefinition(`Cannot run ${name}: no handler for ${missing.join(', ')}`, name);
  }
  const launched = await launch(options, lower(options.definition.machine), new Map());
  return await launched.result;
}

interface Launched {
  id: string;
  startTime: string;
  inputText: string;
  result: Promise<ExecutionResult>;
  ended: boolean;
}

async function launch(options: RunOptions, machine: LoweredMachine, known: Map<string, Launched>): Promise<Launched> {
  const name = options.name ?? randomUUID();
  if (name.length === 0 || name.length > 80 || NOT_IN_NAMES.test(name)) {
    throw new BadRequest(`${JSON.stringify(name)} cannot name an execution`);
  }
  const startTime = options.startTime ?? options.clock.now().toISOString();
  const machineName = options.definition.name;
  const id = `arn:aws:states:local:000000000000:execution:${machineName}:${name}`;
  await options.executions?.begin(name);
  const launched: Launched = {
    id,
    startTime,
    inputText: JSON.stringify(options.input) ?? 'null',
    ended: false,
  } as Launched;
  known.set(name, launched);
  const frame: Omit<Frame, 'signal'> = {
    id,
    name,
    startTime,
    input: options.input,
    machineId: `arn:aws:states:local:000000000000:stateMachine:${machineName}`,
    machineName,
    history: { events: 0 },
  };
  launched.result = execute(options, machine, frame, known).finally(() => {
    launched.ended = true;
  });
  return launched;
}

async function execute(
  options: RunOptions,
  machine: LoweredMachine,
  unsignalled: Omit<Frame, 'signal'>,
  known: Map<string, Launched>,
): Promise<ExecutionResult> {
  const { name, startTime, id, history } = unsignalled;
  const successors: Promise<ExecutionResult>[] = [];
  const controller = new AbortController();
  setMaxListeners(0, controller.signal);
  const stop = (): void => controller.abort();
  if (options.signal?.aborted) stop();
  options.signal?.addEventListener('abort', stop, { once: true });
  let endState = machine.startAt;
  const environment = environmentOf(
    options,
    machine,
    known,
    successors,
    (event) => {
      if (event.type === 'StateEntered' && !event.item) endState = event.state;
      options.onEvent?.(event);
    },
    name,
  );
  let ended: Pick<ExecutionResult, 'status' | 'output' | 'error'> = { status: 'FAILED' };
  try {
    environment.emit({ type: 'ExecutionStarted' });
    const result = await runStates(machine, options.input, { ...unsignalled, signal: controller.signal }, environment);
    if (!result.failure) ended = { status: 'SUCCEEDED', output: result.output };
    else ended = { status: 'FAILED', error: { name: result.failure.name, cause: result.failure.causeText } };
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
    ended = { status: 'ABORTED' };
  } finally {
    options.signal?.removeEventListener('abort', stop);
    const { atWork } = environment;
    await options.executions?.end(name, ended.status, atWork.size > 0 ? Promise.allSettled([...atWork]) : undefined);
  }
  const { status, error } = ended;
  environment.emit({ type: 'ExecutionEnded', status, ...(error ? { error } : {}) });
  // Its start and its end.
  const events = history.events + 2;
  return {
    id,
    name,
    startTime,
    ...ended,
    endState,
    events,
    ...environment.account,
    successors: await Promise.all(successors),
  };
}

function environmentOf(
  options: RunOptions,
  machine: LoweredMachine,
  known: Map<string, Launched>,
  successors: Promise<ExecutionResult>[],
  onEvent: (event: MachineEvent) => void,
  execution: string,
): Environment {
  const environment: Environment = {
    handlers: options.handlers,
    objects: options.objects,
    clock: options.clock,
    sleep: options.sleep ?? sleep,
    random: options.random ?? Math.random,
    newId: options.newId ?? randomUUID,
    waitScale: options.waitScale ?? 1,
    retryScale: options.retryScale ?? 1,
    emit: (fields, item) => {
      onEvent({ ...fields, execution, at: options.clock.now(), ...(item ? { item } : {}) } as MachineEvent);
    },
    start: async (name, input) => {
      const before = known.get(name);
      const sameStill = before && !before.ended && before.inputText === JSON.stringify(input);
      if (before && !sameStill) throw alreadyExists(name);
      if (before) return { ExecutionArn: before.id, StartDate: before.startTime };
      const { startTime: _own, ...inherited } = options;
      const started = await launch({ ...inherited, name, input }, machine, known).catch((error) => {
        if (error instanceof PreconditionFailed) throw alreadyExists(name);
        const exception = error instanceof BadRequest ? 'InvalidNameException' : 'AWSStepFunctionsException';
        throw new StateFailure(`StepFunctions.${exception}`, String(error));
      });
      // Its failure is heard where the results are gathered.
      started.result.catch(() => undefined);
      successors.push(started.result);
      environment.emit({ type: 'SuccessorStarted', name });
      return { ExecutionArn: started.id, StartDate: started.startTime };
    },
    atWork: new Set(),
    account: { maxPayloadBytes: 0, executions: 1, maxChildEvents: 0 },
  };
  return environment;
}

function alreadyExists(name: string): StateFailure {
  return new StateFailure('StepFunctions.ExecutionAlreadyExistsException', `An execution ${name} exists already`);
}

const sleep: Sleep = async (ms, signal) => {
  const longest = LOCAL_TIMEOUT_MAX_SECONDS * 1000;
  for (let left = ms; left > 0; left -= longest) await after(Math.min(left, longest), undefined, { signal });
};

export { type Definition, functionNames, loadDefinition } from './machine/definition.ts';
export type { MachineEvent } from './machine/events.ts';
export type { Handler, HandlerContext, Sleep } from './machine/execution.ts';
