import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { parseDocument, type ScalarTag, type YAMLSeq } from 'yaml';
import { SluiceError } from '../../shared/errors.ts';
import { problemsOf } from './support.ts';

/** A definition cannot run here, or would run otherwise than on AWS. */
export class BadDefinition extends SluiceError {
  constructor(message: string, where: string) {
    super('BadDefinition', message, { where });
  }
}

export interface Retrier {
  ErrorEquals: string[];
  IntervalSeconds?: number;
  BackoffRate?: number;
  MaxAttempts?: number;
  MaxDelaySeconds?: number;
  JitterStrategy?: 'FULL' | 'NONE';
}

export interface Catcher {
  ErrorEquals: string[];
  ResultPath?: string | null;
  Next: string;
}

/** Values of a template whose keys end in `.$` are paths, context paths or `States.Format`. */
export type Template = { [key: string]: unknown };

interface Flow {
  Next?: string;
  End?: true;
}

interface DataFlow {
  InputPath?: string | null;
  ResultPath?: string | null;
  OutputPath?: string | null;
}

interface Guarded {
  Retry?: Retrier[];
  Catch?: Catcher[];
}

export interface PassState extends Flow, DataFlow {
  Type: 'Pass';
  Parameters?: Template;
  Result?: unknown;
}

export interface TaskState extends Flow, DataFlow, Guarded {
  Type: 'Task';
  /** A function's logical name, or the ARN of a service integration. */
  Resource: string;
  Parameters?: Template;
  ResultSelector?: Template;
  TimeoutSeconds: number;
}

export interface MapState extends Flow, DataFlow, Guarded {
  Type: 'Map';
  ItemReader?: { Resource: string; ReaderConfig: { InputType: 'JSON' }; Parameters: Template };
  ItemsPath?: string;
  ItemSelector?: Template;
  MaxConcurrency?: number;
  MaxConcurrencyPath?: string;
  ToleratedFailurePercentage?: number;
  ItemProcessor: Machine & { ProcessorConfig?: { Mode: 'DISTRIBUTED' | 'INLINE'; ExecutionType?: 'STANDARD' } };
  ResultWriter?: { Resource: string; Parameters: Template };
  ResultSelector?: Template;
}

export interface ChoiceRule {
  Next?: string;
  Variable?: string;
  And?: ChoiceRule[];
  Or?: ChoiceRule[];
  Not?: ChoiceRule;
  [operator: string]: unknown;
}

export interface ChoiceState {
  Type: 'Choice';
  Choices: ChoiceRule[];
  Default?: string;
}

export interface WaitState extends Flow {
  Type: 'Wait';
  Seconds?: number;
  SecondsPath?: string;
}

export interface SucceedState {
  Type: 'Succeed';
  InputPath?: string | null;
  OutputPath?: string | null;
}

export interface FailState {
  Type: 'Fail';
  Error?: string;
  Cause?: string;
  ErrorPath?: string;
  CausePath?: string;
}

export type State = PassState | TaskState | MapState | ChoiceState | WaitState | SucceedState | FailState;

export interface Machine {
  StartAt: string;
  States: Record<string, State>;
}

/** A state machine that the local interpreter runs as AWS would. */
export interface Definition {
  /** The file's name up to its first dot. */
  name: string;
  machine: Machine;
}

/** `!GetAtt X.Arn` as the deployment reads it: `{ 'Fn::GetAtt': ['X', 'Arn'] }`. */
const getAtt: ScalarTag = {
  tag: '!GetAtt',
  resolve: (text) => {
    const [name, ...attribute] = text.split('.');
    return { 'Fn::GetAtt': [name, attribute.join('.')] };
  },
};

const getAttOfList = {
  tag: '!GetAtt',
  collection: 'seq' as const,
  resolve: (list: unknown) => ({ 'Fn::GetAtt': (list as YAMLSeq).toJSON() }),
};

/**
 * Reads a state machine in the Amazon States Language as YAML with CloudFormation's `!GetAtt` (or `Fn::GetAtt`);
 * functions are then called by their logical names.
 * @throws BadDefinition naming every field that cannot run here as it does on AWS
 */
export async function loadDefinition(path: string): Promise<Definition> {
  return parseDefinition(await readFile(path, 'utf8'), path);
}

/** As `loadDefinition`, from text; `path` names it in errors. */
export function parseDefinition(text: string, path: string): Definition {
  const document = parseDocument(text, { customTags: [getAtt, getAttOfList as never] });
  // An unknown tag is a warning only, and its value would come through as plain text.
  const [fault] = [...document.errors, ...document.warnings];
  if (fault) throw new BadDefinition(`Cannot parse ${path}: ${fault.message}`, path);
  // Anchors share objects: the copy through JSON takes them apart, so that one state's change is not another's.
  const machine = resolveFunctions(JSON.parse(JSON.stringify(document.toJS())));
  const problems = problemsOf(machine);
  if (problems.length > 0) {
    throw new BadDefinition(`Cannot run ${path} as AWS would: ${problems.join('; ')}`, path);
  }
  return { name: basename(path).split('.')[0] as string, machine: machine as Machine };
}

/** The logical names of all functions that the machine calls. */
export function functionNames(definition: Definition): string[] {
  const names = new Set<string>();
  const walk = (machine: Machine): void => {
    for (const state of Object.values(machine.States)) {
      if (state.Type === 'Task' && !state.Resource.startsWith('arn:')) names.add(state.Resource);
      if (state.Type === 'Map') walk(state.ItemProcessor);
    }
  };
  walk(definition.machine);
  return [...names].sort();
}

/** Only a `Resource` names a function; a reference elsewhere would be an ARN on AWS and stays for the check to refuse. */
function resolveFunctions(value: unknown, key?: string): unknown {
  if (Array.isArray(value)) return value.map((inner) => resolveFunctions(inner));
  if (typeof value !== 'object' || value === null) return value;
  const reference = (value as Record<string, unknown>)['Fn::GetAtt'];
  if (key === 'Resource' && Array.isArray(reference) && reference.length === 2 && reference[1] === 'Arn') {
    return reference[0];
  }
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, resolveFunctions(inner, name)]));
}
