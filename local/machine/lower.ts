import type { StateMachine as Interpreter, StateMachineDefinition } from 'aws-local-stepfunctions';
import { LOCAL_TIMEOUT_MAX_SECONDS } from '../../shared/limits.ts';
import type {
  Catcher,
  ChoiceRule,
  ChoiceState,
  FailState,
  Machine,
  MapState,
  Retrier,
  State,
  TaskState,
  Template,
  WaitState,
} from './definition.ts';
import { StateMachine } from './interpreter.ts';

/**
 * The states of load.asl.yml in forms that aws-local-stepfunctions runs as Step Functions would. It evaluates each
 * state's paths, templates, comparisons and time limit; what it has not, or has otherwise, is lowered to that:
 *
 * - each state becomes a machine of its own ("cell"), because the interpreter's Retry cannot be given its pauses or be
 *   stopped in one, its Catch has the plain message for a cause, and nothing stands between two states to weigh what
 *   goes over: going from state to state, Retry and Catch are execution.ts's;
 * - a Map becomes a Task that is given its evaluated parameters (there is no ItemReader, ResultWriter, tolerated
 *   failures or distributed mode), a Wait one that is given its seconds;
 * - a Choice ends in the number of its branch; `IsX: false` becomes `Not`, and an ordering compares numbers only;
 * - a Fail hands out its name and cause;
 * - `$$` is read from below one key, since the interpreter sets `$$.Execution` itself.
 */

/** What a state does beyond evaluating itself: takes its effective input and gives its raw result. */
export type Work = (effective: unknown) => Promise<unknown>;

/** Evaluates one visit, or one part of a visit, of a state. */
export type Cell = (input: unknown, context: unknown, work?: Work) => Promise<unknown>;

/** What a Map's work is given. */
export interface MapParameters {
  input: unknown;
  items?: unknown;
  reader?: { Bucket: unknown; Key: unknown };
  writer?: { Bucket: unknown; Prefix: unknown };
  concurrency?: unknown;
}

interface LoweredBase {
  next: string | undefined;
  cell: Cell;
  retriers: Retrier[];
  /** Each with the cell that puts the error into the state's input. */
  catchers: { catcher: Catcher; place: Cell }[];
}

export interface LoweredMap {
  distributed: boolean;
  toleratedPercentage: number;
  /** Builds a child's input; `undefined` where the item itself is the input. */
  selector: Cell | undefined;
  machine: LoweredMachine;
}

export type LoweredState = LoweredBase &
  (
    | { type: 'Pass' | 'Succeed' | 'Fail' | 'Wait' }
    | { type: 'Choice'; branches: { name: number | 'default'; next: string }[] }
    | { type: 'Task'; resource: string }
    | { type: 'Map'; map: LoweredMap }
  );

export interface LoweredMachine {
  startAt: string;
  states: Map<string, LoweredState>;
}

/** Lowers a definition that `problemsOf` found nothing wrong with. */
export function lower(machine: Machine): LoweredMachine {
  const states = Object.entries(machine.States).map(([name, state]) => [name, lowerState(state)] as const);
  return { startAt: machine.StartAt, states: new Map(states) };
}

/** The one name under which the context object is handed to the interpreter. */
const CONTEXT = 'Given';
const ONLY = 'state';

function lowerState(state: State): LoweredState {
  const guards = state as { Retry?: Retrier[]; Catch?: Catcher[] };
  const base = {
    next: 'Next' in state ? state.Next : undefined,
    retriers: guards.Retry ?? [],
    catchers: (guards.Catch ?? []).map((catcher) => ({
      catcher,
      place: task({ ResultPath: catcher.ResultPath }),
    })),
  };
  switch (state.Type) {
    case 'Task':
      return { ...base, type: 'Task', resource: state.Resource, cell: task(state) };
    case 'Map':
      return { ...base, type: 'Map', cell: task(mapTask(state)), map: lowerMap(state) };
    case 'Wait':
      return { ...base, type: 'Wait', cell: task({ Parameters: waitParameters(state), ResultPath: null }) };
    case 'Choice':
      return { ...base, type: 'Choice', ...lowerChoice(state) };
    case 'Fail':
      return { ...base, type: 'Fail', cell: cell({ Type: 'Pass', Parameters: failParameters(state), End: true }) };
    case 'Pass':
      return { ...base, type: 'Pass', cell: cell({ ...withoutFlow(state), End: true }) };
    case 'Succeed':
      return { ...base, type: 'Succeed', cell: cell({ ...state }) };
  }
}

function lowerMap(state: MapState): LoweredMap {
  return {
    distributed: state.ItemProcessor.ProcessorConfig?.Mode === 'DISTRIBUTED',
    toleratedPercentage: state.ToleratedFailurePercentage ?? 0,
    selector: state.ItemSelector && cell({ Type: 'Pass', Parameters: state.ItemSelector, End: true }),
    machine: lower(state.ItemProcessor),
  };
}

function mapTask(state: MapState): Partial<TaskState> {
  const { InputPath, ResultSelector, ResultPath, OutputPath } = state;
  const parameters: Template = { 'input.$': '$' };
  if (state.ItemReader) parameters['reader'] = state.ItemReader.Parameters;
  else parameters['items.$'] = state.ItemsPath ?? '$';
  if (state.ResultWriter) parameters['writer'] = state.ResultWriter.Parameters;
  if (state.MaxConcurrencyPath) parameters['concurrency.$'] = state.MaxConcurrencyPath;
  else if (state.MaxConcurrency !== undefined) parameters['concurrency'] = state.MaxConcurrency;
  return { InputPath, Parameters: parameters, ResultSelector, ResultPath, OutputPath };
}

function waitParameters(state: WaitState): Template {
  return state.SecondsPath ? { 'seconds.$': state.SecondsPath } : { seconds: state.Seconds };
}

function failParameters(state: FailState): Template {
  return {
    ...(state.ErrorPath ? { 'error.$': state.ErrorPath } : { error: state.Error ?? '' }),
    ...(state.CausePath ? { 'cause.$': state.CausePath } : { cause: state.Cause ?? '' }),
  };
}

function lowerChoice(state: ChoiceState): Pick<LoweredState & { type: 'Choice' }, 'cell' | 'branches'> {
  const branches: { name: number | 'default'; next: string }[] = state.Choices.map((rule, name) => ({
    name,
    next: rule.Next as string,
  }));
  if (state.Default !== undefined) branches.push({ name: 'default', next: state.Default });
  const choice: ChoiceState = {
    Type: 'Choice',
    Choices: state.Choices.map((rule, i) => ({ ...lowerRule(rule), Next: `branch ${i}` })),
    ...(state.Default === undefined ? {} : { Default: `branch ${state.Choices.length}` }),
  };
  const ends = branches.map((_, branch) => [`branch ${branch}`, { Type: 'Pass', Result: { branch }, End: true }]);
  return { branches, cell: cell(choice as unknown as Template, Object.fromEntries(ends)) };
}

/** The interpreter has `IsX: false` never match, and orders `true` and `"5"` among the numbers. */
function lowerRule(rule: ChoiceRule): ChoiceRule {
  const { Next: _next, Comment: _comment, ...test } = rule;
  if (test.And) return { And: test.And.map(lowerRule) };
  if (test.Or) return { Or: test.Or.map(lowerRule) };
  if (test.Not) return { Not: lowerRule(test.Not) };
  const [operator, operand] = Object.entries(test).find(([key]) => key !== 'Variable') as [string, unknown];
  if (operator.startsWith('Is') && operand === false) return { Not: { Variable: test.Variable, [operator]: true } };
  if (/Than/.test(operator)) return { And: [{ Variable: test.Variable, IsNumeric: true }, test] };
  return test;
}

/** A cell whose result is its work's; `state` says what comes before and after. */
function task(state: Partial<TaskState>): Cell {
  const evaluate = cell({
    TimeoutSeconds: LOCAL_TIMEOUT_MAX_SECONDS,
    ...withoutFlow(state),
    ...(state.Parameters ? { Parameters: listsAsMaps(state.Parameters) } : {}),
    Type: 'Task',
    Resource: ONLY,
    End: true,
  });
  return async (input, context, work) =>
    evaluate(input, context, work && (async (effective) => work(mapsAsLists(effective, state.Parameters))));
}

/** Mappings in lists, which the interpreter would not evaluate, by their positions. */
function listsAsMaps(template: unknown): Template {
  return Object.fromEntries(
    Object.entries(template as object).map(([key, inner]) => [
      key,
      typeof inner === 'object' && inner !== null && !isPlainList(inner) ? listsAsMaps({ ...inner }) : inner,
    ]),
  );
}

/** The evaluated template in its own form again. */
function mapsAsLists(value: unknown, template: unknown): unknown {
  if (typeof template !== 'object' || template === null || isPlainList(template)) return value;
  const evaluated = value as Record<string, unknown>;
  if (Array.isArray(template)) return template.map((inner, i) => mapsAsLists(evaluated[i], inner));
  const known = template as Record<string, unknown>;
  return Object.fromEntries(Object.entries(evaluated).map(([key, inner]) => [key, mapsAsLists(inner, known[key])]));
}

function isPlainList(value: object): boolean {
  return Array.isArray(value) && value.every((item) => typeof item !== 'object' || item === null);
}

function withoutFlow(state: object): Template {
  return Object.fromEntries(Object.entries(state).filter(([key]) => !['Next', 'Retry', 'Catch'].includes(key)));
}

function cell(state: Template, others: Template = {}): Cell {
  let machine: Interpreter | undefined;
  return async (input, context, work) => {
    // Few of the states that there are are ever entered, and fewer of their Catches.
    machine ??= machineOf(state, others);
    const { result } = machine.run(input as never, {
      context: { [CONTEXT]: context },
      overrides: { taskResourceLocalHandlers: work ? { [ONLY]: work as never } : {} },
    });
    return await result;
  };
}

function machineOf(state: Template, others: Template): Interpreter {
  const lowered = readContextFrom(withoutWholeResultPath(state)) as Template;
  const definition = { StartAt: ONLY, States: { ...others, [ONLY]: lowered } };
  return new StateMachine(definition as unknown as StateMachineDefinition, {
    validationOptions: { noValidate: true },
  });
}

/** A `ResultPath` of `$` writes a field of that name in the interpreter; left out, it means what `$` means. */
function withoutWholeResultPath(state: Template): Template {
  const { ResultPath, ...rest } = state;
  return ResultPath === '$' || ResultPath === undefined ? rest : state;
}

function readContextFrom(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) return value.map((inner) => readContextFrom(inner));
  if (typeof value === 'string') return key.endsWith('.$') ? value.replaceAll('$$.', `$$$$.${CONTEXT}.`) : value;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .map(([name, inner]) => [name, readContextFrom(inner, name)]),
  );
}
