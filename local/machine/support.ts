import {
  LOCAL_TIMEOUT_MAX_SECONDS,
  MAP_MAX_CONCURRENCY,
  RETRY_DELAY_MAX_SECONDS,
  WAIT_MAX_SECONDS,
} from '../../shared/limits.ts';
import {
  checkKnown,
  checkReferencePath,
  checkResultPath,
  checkTemplate,
  checkWithin,
  type Fields,
  fieldsOf,
  listOf,
  pathTo,
  type Report,
  show,
} from './support-values.ts';

/**
 * What the local machine runs exactly as Step Functions does; everything else is refused before a run starts. The
 * interpreter underneath ignores fields that it does not know and takes some that it does know in its own way, so this
 * is a list of what is allowed, not of what is not.
 */

export const START_EXECUTION = 'arn:aws:states:::states:startExecution';
/** A container that reports by its token. Here it is a handler of that name: its promise stands for token and heartbeats. */
export const RUN_TASK = 'arn:aws:states:::ecs:runTask.waitForTaskToken';
export const SERVICE_INTEGRATIONS: readonly string[] = [START_EXECUTION, RUN_TASK];

const COMMON = ['Type', 'Comment', 'QueryLanguage'];
const FLOW = ['Next', 'End'];
const DATA = ['InputPath', 'ResultPath', 'OutputPath'];
const GUARD = ['Retry', 'Catch'];
const ALLOWED: Record<string, string[]> = {
  Pass: [...FLOW, ...DATA, 'Parameters', 'Result'],
  Task: [...FLOW, ...DATA, ...GUARD, 'Resource', 'Parameters', 'ResultSelector', 'TimeoutSeconds', 'HeartbeatSeconds'],
  Map: [
    ...FLOW,
    ...DATA,
    ...GUARD,
    'ItemReader',
    'ItemsPath',
    'ItemSelector',
    'MaxConcurrency',
    'MaxConcurrencyPath',
    'ToleratedFailurePercentage',
    'ItemProcessor',
    'ResultWriter',
    'ResultSelector',
    'Label',
  ],
  Choice: ['Choices', 'Default'],
  Wait: [...FLOW, 'Seconds', 'SecondsPath'],
  Succeed: ['InputPath', 'OutputPath'],
  Fail: ['Error', 'Cause', 'ErrorPath', 'CausePath'],
};

const COMPARISONS: Record<string, 'string' | 'number' | 'boolean'> = {
  StringEquals: 'string',
  NumericEquals: 'number',
  NumericLessThan: 'number',
  NumericLessThanEquals: 'number',
  NumericGreaterThan: 'number',
  NumericGreaterThanEquals: 'number',
  BooleanEquals: 'boolean',
  IsPresent: 'boolean',
  IsNull: 'boolean',
  IsString: 'boolean',
  IsNumeric: 'boolean',
  IsBoolean: 'boolean',
};

/** Every reason why a definition cannot run here as on AWS, each with its path; none for one that can. */
export function problemsOf(definition: unknown): string[] {
  const problems: string[] = [];
  checkMachine(definition, '', false, (path, problem) => problems.push(`${path}: ${problem}`));
  return problems;
}

function checkMachine(value: unknown, at: string, nested: boolean, report: Report): void {
  const machine = fieldsOf(value);
  if (!machine) {
    report(at || '(top)', 'is not a mapping');
    return;
  }
  const own = nested
    ? ['StartAt', 'States', 'Comment', 'ProcessorConfig']
    : ['StartAt', 'States', 'Comment', 'Version'];
  checkKnown(machine, [...own, 'QueryLanguage'], at, report);
  queryLanguage(machine, at, report);
  const states = fieldsOf(machine['States']);
  if (!states) {
    report(pathTo(at, 'States'), 'is not a mapping of states');
    return;
  }
  const targets = new Set<string>();
  const goesTo = (from: string, next: unknown): void => {
    if (typeof next === 'string' && Object.hasOwn(states, next)) targets.add(next);
    else report(from, `names the state ${show(next)}, which is not there`);
  };
  goesTo(pathTo(at, 'StartAt'), machine['StartAt']);
  for (const [name, state] of Object.entries(states)) {
    checkState(fieldsOf(state) ?? {}, pathTo(at, 'States', name), nested, report, goesTo);
  }
  for (const name of Object.keys(states)) {
    if (!targets.has(name)) report(pathTo(at, 'States', name), 'is never reached');
  }
}

function checkState(
  state: Fields,
  at: string,
  nested: boolean,
  report: Report,
  goesTo: (from: string, next: unknown) => void,
): void {
  const type = String(state['Type']);
  const allowed = Object.hasOwn(ALLOWED, type) ? ALLOWED[type] : undefined;
  if (!allowed) {
    report(pathTo(at, 'Type'), `${show(state['Type'])} is not supported`);
    return;
  }
  checkKnown(state, [...COMMON, ...allowed], at, report);
  queryLanguage(state, at, report);
  if (allowed.includes('Next')) {
    if ('Next' in state) goesTo(pathTo(at, 'Next'), state['Next']);
    if ('Next' in state === (state['End'] === true)) report(at, 'needs either Next or End: true');
  }
  for (const field of ['InputPath', 'OutputPath']) {
    if (state[field] !== undefined && state[field] !== null)
      checkReferencePath(state[field], pathTo(at, field), report);
  }
  checkResultPath(state['ResultPath'], pathTo(at, 'ResultPath'), report);
  if ('ResultSelector' in state) checkTemplate(state['ResultSelector'], pathTo(at, 'ResultSelector'), report);
  checkRetry(state, at, type, report);
  checkCatch(state, at, report, goesTo);
  if (type === 'Pass') checkPass(state, at, report);
  if (type === 'Task') checkTask(state, at, report);
  if (type === 'Map') checkMap(state, at, nested, report);
  if (type === 'Wait') checkWait(state, at, report);
  if (type === 'Fail') checkFail(state, at, report);
  if (type === 'Choice') {
    listOf(state['Choices']).forEach((rule, i) => {
      const where = `${pathTo(at, 'Choices')}[${i}]`;
      goesTo(pathTo(where, 'Next'), fieldsOf(rule)?.['Next']);
      checkRule(rule, where, true, report);
    });
    if (listOf(state['Choices']).length === 0) report(pathTo(at, 'Choices'), 'has no rules');
    if ('Default' in state) goesTo(pathTo(at, 'Default'), state['Default']);
  }
}

function checkPass(state: Fields, at: string, report: Report): void {
  if ('Parameters' in state) checkTemplate(state['Parameters'], pathTo(at, 'Parameters'), report);
  // The interpreter takes an empty result for none.
  if ('Result' in state && !state['Result']) report(pathTo(at, 'Result'), `${show(state['Result'])} is ignored`);
}

function checkTask(state: Fields, at: string, report: Report): void {
  const resource = state['Resource'];
  if (typeof resource !== 'string')
    report(pathTo(at, 'Resource'), `${show(resource)} is neither a function nor a service`);
  else if (resource.includes(':') && !SERVICE_INTEGRATIONS.includes(resource)) {
    report(pathTo(at, 'Resource'), `${resource} is not supported`);
  }
  const seconds = state['TimeoutSeconds'];
  // Left out, it is 60 s here and 3 years there.
  if (!Number.isInteger(seconds) || (seconds as number) < 1 || (seconds as number) > LOCAL_TIMEOUT_MAX_SECONDS) {
    report(
      pathTo(at, 'TimeoutSeconds'),
      `is ${show(seconds)} where every Task needs 1 to ${LOCAL_TIMEOUT_MAX_SECONDS}`,
    );
  }
  if ('HeartbeatSeconds' in state && resource !== RUN_TASK) {
    report(pathTo(at, 'HeartbeatSeconds'), 'is for tasks that report by a token only');
  }
  if (resource !== RUN_TASK && JSON.stringify(state['Parameters'] ?? {}).includes('$$.Task.')) {
    report(pathTo(at, 'Parameters'), 'has a token, which only tasks have that report by it');
  }
  if ('Parameters' in state) checkTemplate(state['Parameters'], pathTo(at, 'Parameters'), report);
  if (resource === START_EXECUTION) {
    const given = Object.keys(fieldsOf(state['Parameters']) ?? {}).map((key) => key.replace(/\.\$$/, ''));
    for (const name of given) {
      if (!['StateMachineArn', 'Name', 'Input'].includes(name))
        report(pathTo(at, 'Parameters', name), 'is not supported');
    }
    for (const name of ['StateMachineArn', 'Name', 'Input']) {
      if (!given.includes(name)) report(pathTo(at, 'Parameters'), `lacks ${name}`);
    }
    const machine = fieldsOf(state['Parameters'])?.['StateMachineArn.$'];
    if (machine !== '$$.StateMachine.Id') report(pathTo(at, 'Parameters'), 'starts another machine than its own');
  }
}

function checkMap(state: Fields, at: string, nested: boolean, report: Report): void {
  if (nested) report(at, 'is a Map inside a Map');
  const processor = fieldsOf(state['ItemProcessor']) ?? {};
  const config = fieldsOf(processor['ProcessorConfig']) ?? {};
  const configAt = pathTo(at, 'ItemProcessor', 'ProcessorConfig');
  checkKnown(config, ['Mode', 'ExecutionType'], configAt, report);
  const mode = config['Mode'] ?? 'INLINE';
  if (mode === 'DISTRIBUTED') {
    if (config['ExecutionType'] !== 'STANDARD') {
      report(pathTo(configAt, 'ExecutionType'), `${show(config['ExecutionType'])} is not supported, only STANDARD is`);
    }
    // Without one the results come back in the state's output, which a long list overflows.
    if (!('ResultWriter' in state)) report(at, 'is a distributed Map without a ResultWriter');
    checkS3(state['ItemReader'], 'arn:aws:states:::s3:getObject', 'Key', pathTo(at, 'ItemReader'), report);
    checkS3(state['ResultWriter'], 'arn:aws:states:::s3:putObject', 'Prefix', pathTo(at, 'ResultWriter'), report);
  } else if (mode === 'INLINE') {
    for (const field of ['ItemReader', 'ResultWriter', 'ToleratedFailurePercentage', 'Label']) {
      if (field in state) report(pathTo(at, field), 'is for distributed Maps only');
    }
  } else report(pathTo(configAt, 'Mode'), `${show(mode)} is not supported`);
  if ('ItemReader' in state && 'ItemsPath' in state) report(at, 'has both ItemReader and ItemsPath');
  for (const field of ['ItemsPath', 'MaxConcurrencyPath']) {
    if (field in state) checkReferencePath(state[field], pathTo(at, field), report);
  }
  if ('MaxConcurrency' in state && 'MaxConcurrencyPath' in state) {
    report(at, 'has both MaxConcurrency and MaxConcurrencyPath');
  }
  checkWithin(state['MaxConcurrency'], 0, MAP_MAX_CONCURRENCY, pathTo(at, 'MaxConcurrency'), report);
  checkWithin(state['ToleratedFailurePercentage'], 0, 100, pathTo(at, 'ToleratedFailurePercentage'), report);
  if ('ItemSelector' in state) checkTemplate(state['ItemSelector'], pathTo(at, 'ItemSelector'), report, true);
  checkMachine(processor, pathTo(at, 'ItemProcessor'), true, report);
}

function checkS3(value: unknown, resource: string, target: 'Key' | 'Prefix', at: string, report: Report): void {
  const place = fieldsOf(value);
  if (!place) return;
  const config = fieldsOf(place['ReaderConfig']) ?? {};
  checkKnown(
    place,
    target === 'Key' ? ['Resource', 'ReaderConfig', 'Parameters'] : ['Resource', 'Parameters'],
    at,
    report,
  );
  if (place['Resource'] !== resource) report(pathTo(at, 'Resource'), `${show(place['Resource'])} is not supported`);
  if (target === 'Key') {
    checkKnown(config, ['InputType'], pathTo(at, 'ReaderConfig'), report);
    if (config['InputType'] !== 'JSON') {
      report(pathTo(at, 'ReaderConfig', 'InputType'), `${show(config['InputType'])} is not supported, only JSON is`);
    }
  }
  const parameters = fieldsOf(place['Parameters']) ?? {};
  const given = Object.keys(parameters).map((key) => key.replace(/\.\$$/, ''));
  for (const name of given) {
    if (name !== 'Bucket' && name !== target) report(pathTo(at, 'Parameters', name), 'is not supported');
  }
  for (const name of ['Bucket', target]) if (!given.includes(name)) report(pathTo(at, 'Parameters'), `lacks ${name}`);
  checkTemplate(parameters, pathTo(at, 'Parameters'), report);
}

function checkWait(state: Fields, at: string, report: Report): void {
  if ('Seconds' in state === 'SecondsPath' in state) report(at, 'needs either Seconds or SecondsPath');
  checkWithin(state['Seconds'], 0, WAIT_MAX_SECONDS, pathTo(at, 'Seconds'), report);
  if ('SecondsPath' in state) checkReferencePath(state['SecondsPath'], pathTo(at, 'SecondsPath'), report);
}

function checkFail(state: Fields, at: string, report: Report): void {
  for (const field of ['Error', 'Cause']) {
    const path = `${field}Path`;
    if (field in state && path in state) report(at, `has both ${field} and ${path}`);
    if (path in state) checkReferencePath(state[path], pathTo(at, path), report);
    if (field in state && typeof state[field] !== 'string') report(pathTo(at, field), 'is not text');
  }
}

function checkRule(value: unknown, at: string, top: boolean, report: Report): void {
  const rule = fieldsOf(value);
  if (!rule) {
    report(at, 'is not a rule');
    return;
  }
  const operators = Object.keys(rule).filter((key) => !['Next', 'Comment', 'Variable'].includes(key));
  if (!top && 'Next' in rule) report(at, 'has a Next inside another rule');
  const [operator] = operators;
  if (operators.length !== 1 || operator === undefined) {
    report(at, `needs one operator and has ${operators.length === 0 ? 'none' : operators.join(', ')}`);
    return;
  }
  if (operator === 'And' || operator === 'Or') {
    listOf(rule[operator]).forEach((inner, i) => {
      checkRule(inner, `${pathTo(at, operator)}[${i}]`, false, report);
    });
  } else if (operator === 'Not') {
    checkRule(rule['Not'], pathTo(at, 'Not'), false, report);
  } else {
    const expected = Object.hasOwn(COMPARISONS, operator) ? COMPARISONS[operator] : undefined;
    if (!expected) {
      report(pathTo(at, operator), 'is not supported');
      return;
    }
    if (typeof rule[operator] !== expected) report(pathTo(at, operator), `compares with ${show(rule[operator])}`);
    checkReferencePath(rule['Variable'], pathTo(at, 'Variable'), report);
  }
}

function checkRetry(state: Fields, at: string, type: string, report: Report): void {
  listOf(state['Retry']).forEach((value, i) => {
    const where = `${pathTo(at, 'Retry')}[${i}]`;
    const retrier = fieldsOf(value) ?? {};
    checkKnown(
      retrier,
      ['ErrorEquals', 'IntervalSeconds', 'BackoffRate', 'MaxAttempts', 'MaxDelaySeconds', 'JitterStrategy', 'Comment'],
      where,
      report,
    );
    errorNames(retrier, i === listOf(state['Retry']).length - 1, type, where, report);
    checkWithin(retrier['IntervalSeconds'], 1, WAIT_MAX_SECONDS, pathTo(where, 'IntervalSeconds'), report);
    checkWithin(retrier['MaxAttempts'], 0, WAIT_MAX_SECONDS, pathTo(where, 'MaxAttempts'), report);
    checkWithin(retrier['MaxDelaySeconds'], 1, RETRY_DELAY_MAX_SECONDS, pathTo(where, 'MaxDelaySeconds'), report);
    const rate = retrier['BackoffRate'];
    if (rate !== undefined && !(typeof rate === 'number' && rate >= 1)) {
      report(pathTo(where, 'BackoffRate'), `is ${show(rate)} where at least 1 is meant`);
    }
    if (!['FULL', 'NONE', undefined].includes(retrier['JitterStrategy'] as string | undefined)) {
      report(pathTo(where, 'JitterStrategy'), `${show(retrier['JitterStrategy'])} is not supported`);
    }
  });
}

function checkCatch(state: Fields, at: string, report: Report, goesTo: (from: string, next: unknown) => void): void {
  listOf(state['Catch']).forEach((value, i) => {
    const where = `${pathTo(at, 'Catch')}[${i}]`;
    const catcher = fieldsOf(value) ?? {};
    checkKnown(catcher, ['ErrorEquals', 'ResultPath', 'Next', 'Comment'], where, report);
    errorNames(catcher, i === listOf(state['Catch']).length - 1, String(state['Type']), where, report);
    checkResultPath(catcher['ResultPath'], pathTo(where, 'ResultPath'), report);
    goesTo(pathTo(where, 'Next'), catcher['Next']);
  });
}

function errorNames(guard: Fields, last: boolean, type: string, at: string, report: Report): void {
  const names = listOf(guard['ErrorEquals']);
  if (names.length === 0) report(pathTo(at, 'ErrorEquals'), 'is empty');
  if (names.includes('States.ALL') && (names.length > 1 || !last)) {
    report(pathTo(at, 'ErrorEquals'), 'has States.ALL, which stands alone and last');
  }
  if (names.includes('States.TaskFailed') && type !== 'Task') {
    report(pathTo(at, 'ErrorEquals'), 'has States.TaskFailed on a state that is no Task');
  }
}

function queryLanguage(fields: Fields, at: string, report: Report): void {
  const language = fields['QueryLanguage'];
  if (language !== undefined && language !== 'JSONPath') {
    report(pathTo(at, 'QueryLanguage'), `${show(language)} is not supported, only JSONPath is`);
  }
}
