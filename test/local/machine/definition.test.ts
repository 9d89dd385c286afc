import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { BadDefinition, functionNames, loadDefinition, parseDefinition } from '../../../local/machine/definition.ts';

const LOAD = new URL('../../../statemachines/load.asl.yml', import.meta.url).pathname;

const FINE = {
  StartAt: 'Work',
  States: {
    Work: {
      Type: 'Task',
      Resource: 'WorkLambdaFunction',
      Parameters: { 'run.$': '$.run', 'name.$': "States.Format('x/{}/{}', $.run, $$.Execution.Name)" },
      TimeoutSeconds: 60,
      Retry: [{ ErrorEquals: ['Busy'], MaxAttempts: 2, JitterStrategy: 'FULL' }],
      Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'Which' }],
      Next: 'Each',
    },
    Each: {
      Type: 'Map',
      ItemReader: {
        Resource: 'arn:aws:states:::s3:getObject',
        ReaderConfig: { InputType: 'JSON' },
        Parameters: { 'Bucket.$': '$.bucket', 'Key.$': '$.key' },
      },
      ItemSelector: { 'item.$': '$$.Map.Item.Value' },
      ToleratedFailurePercentage: 10,
      ItemProcessor: {
        ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
        StartAt: 'One',
        States: { One: { Type: 'Task', Resource: 'OneLambdaFunction', TimeoutSeconds: 60, End: true } },
      },
      ResultWriter: {
        Resource: 'arn:aws:states:::s3:putObject',
        Parameters: { 'Bucket.$': '$.bucket', Prefix: 'results' },
      },
      ResultPath: null,
      Next: 'Which',
    },
    Which: {
      Type: 'Choice',
      Choices: [{ Variable: '$.n', NumericGreaterThan: 0, Next: 'Pause' }],
      Default: 'Done',
    },
    Pause: { Type: 'Wait', SecondsPath: '$.n', Next: 'Done' },
    Done: { Type: 'Succeed' },
  },
};

/** The definition above with one value set at a path. */
function withChange(path: string, value: unknown): string {
  const definition = structuredClone(FINE) as unknown as Record<string, unknown>;
  const names = path.split('.');
  const last = names.pop() as string;
  let at = definition;
  for (const name of names) at = at[name] as Record<string, unknown>;
  at[last] = value;
  return stringify(JSON.parse(JSON.stringify(definition)));
}

function problemOf(text: string): string {
  try {
    parseDefinition(text, 'a/load.asl.yml');
  } catch (error) {
    expect(error).toBeInstanceOf(BadDefinition);
    return (error as Error).message;
  }
  return 'none';
}

describe('loadDefinition', () => {
  it('reads the machine that is deployed, and names it after its file', async () => {
    const definition = await loadDefinition(LOAD);
    expect(definition.name).toBe('load');
    expect(definition.machine.StartAt).toBe('Begin');
    expect(functionNames(definition)).toEqual(
      [
        ...['ChooseClusters', 'Convert', 'Fit', 'Gather', 'ListLatest', 'Plan', 'PrepareFeatures', 'Publish'],
        ...['Quarantine', 'Read', 'Repartition', 'Report', 'Retire'],
      ].map((name) => `${name}LambdaFunction`),
    );
  });

  it('takes anchors apart: states that share a text share no object', async () => {
    const { States } = (await loadDefinition(LOAD)).machine as unknown as {
      States: Record<string, { Retry: object[] }>;
    };
    expect(States['Plan']?.Retry).toEqual(States['Gather']?.Retry);
    expect(States['Plan']?.Retry[0]).not.toBe(States['Gather']?.Retry[0]);
  });

  it('knows a function by !GetAtt as text and as a list, and by Fn::GetAtt', () => {
    for (const form of [
      '!GetAtt WorkLambdaFunction.Arn',
      '!GetAtt [WorkLambdaFunction, Arn]',
      '{ Fn::GetAtt: [WorkLambdaFunction, Arn] }',
    ]) {
      const state = ['Type: Task', `Resource: ${form}`, 'TimeoutSeconds: 1', 'End: true'].join('\n    ');
      const text = `StartAt: A\nStates:\n  A:\n    ${state}\n`;
      expect(functionNames(parseDefinition(text, 'x.yml'))).toEqual(['WorkLambdaFunction']);
    }
  });

  it('says what YAML does not parse, and which tag it does not know', async () => {
    expect(problemOf('StartAt: [')).toMatch(/^Cannot parse a\/load\.asl\.yml: /);
    const text = (await readFile(LOAD, 'utf8')).replace('!GetAtt', '!Ref');
    expect(problemOf(text)).toMatch(/Unresolved tag: !Ref/);
  });
});

describe('a definition that would run otherwise than on AWS', () => {
  it('is not the one these tests change', () => {
    expect(problemOf(stringify(FINE))).toBe('none');
  });

  it.each<[string, unknown, string]>([
    ['QueryLanguage', 'JSONata', 'QueryLanguage: "JSONata" is not supported, only JSONPath is'],
    ['TimeoutSeconds', 60, 'TimeoutSeconds: is not supported'],
    ['StartAt', 'Nowhere', 'StartAt: names the state "Nowhere", which is not there'],
    ['States.Done.Type', 'Parallel', 'States.Done.Type: "Parallel" is not supported'],
    ['States.Done.Type', 'constructor', 'States.Done.Type: "constructor" is not supported'],
    ['States.Work.QueryLanguage', 'JSONata', 'States.Work.QueryLanguage: "JSONata" is not supported'],
    ['States.Work.Assign', { x: 1 }, 'States.Work.Assign: is not supported'],
    ['States.Work.Arguments', {}, 'States.Work.Arguments: is not supported'],
    ['States.Work.Output', {}, 'States.Work.Output: is not supported'],
    ['States.Work.HeartbeatSeconds', 1, 'States.Work.HeartbeatSeconds: is for tasks that report by a token only'],
    ['States.Work.TimeoutSeconds', undefined, 'States.Work.TimeoutSeconds: is missing where every Task needs'],
    [
      'States.Work.Resource',
      'arn:aws:states:::sqs:sendMessage',
      'States.Work.Resource: arn:aws:states:::sqs:sendMessage is',
    ],
    [
      'States.Work.Resource',
      { 'Fn::GetAtt': ['X', 'Name'] },
      'States.Work.Resource: {"Fn::GetAtt":["X","Name"]} is neither',
    ],
    ['States.Work.End', true, 'States.Work: needs either Next or End: true'],
    ['States.Work.Next', 'Nowhere', 'States.Work.Next: names the state "Nowhere"'],
    ['States.Lost', { Type: 'Succeed' }, 'States.Lost: is never reached'],
    ['States.Work.ResultPath', '$.a[0]', 'States.Work.ResultPath: "$.a[0]" is not a path'],
    ['States.Work.InputPath', '$..a', 'States.Work.InputPath: "$..a" is not a path'],
    ['States.Work.Parameters.x', { 'Fn::GetAtt': ['A', 'Arn'] }, 'States.Work.Parameters.x.Fn::GetAtt: is a reference'],
    ['States.Work.Parameters', { 'a.$': '$.items[*]' }, 'States.Work.Parameters.a.$: "$.items[*]" is not supported'],
    ['States.Work.Parameters', { 'a.$': '$$.Task.Token' }, 'States.Work.Parameters: has a token'],
    [
      'States.Work.Parameters',
      { 'a.$': '$$.Map.Item.Value' },
      'States.Work.Parameters.a.$: $$.Map.Item.Value is known',
    ],
    [
      'States.Work.Parameters',
      { 'a.$': 'States.UUID()' },
      'States.Work.Parameters.a.$: "States.UUID()" is not supported',
    ],
    ['States.Work.Parameters', { 'a.$': "States.Format('a\\\\b')" }, 'is not supported'],
    ['States.Work.Parameters', { 'a.$': "States.Format('{}')" }, 'a.$: has 1 {} for 0 values'],
    ['States.Work.Parameters', { 'a.$': "States.Format('{}', $..x)" }, 'a.$: "$..x" is not supported'],
    ['States.Work.Parameters', { a: [['$.c']] }, 'States.Work.Parameters.a[0]: is more than a plain value'],
    ['States.Work.Retry', [{ ErrorEquals: [] }], 'States.Work.Retry[0].ErrorEquals: is empty'],
    [
      'States.Work.Retry',
      [{ ErrorEquals: ['A', 'States.ALL'] }],
      'Retry[0].ErrorEquals: has States.ALL, which stands alone',
    ],
    [
      'States.Work.Retry',
      [{ ErrorEquals: ['States.ALL'] }, { ErrorEquals: ['A'] }],
      'Retry[0].ErrorEquals: has States.ALL',
    ],
    ['States.Work.Retry', [{ ErrorEquals: ['A'], IntervalSeconds: 0 }], 'Retry[0].IntervalSeconds: is 0 where 1 to'],
    ['States.Work.Retry', [{ ErrorEquals: ['A'], BackoffRate: 0.5 }], 'Retry[0].BackoffRate: is 0.5 where at least 1'],
    ['States.Work.Retry', [{ ErrorEquals: ['A'], JitterStrategy: 'SOME' }], 'Retry[0].JitterStrategy: "SOME" is not'],
    ['States.Work.Retry', [{ ErrorEquals: ['A'], Assign: {} }], 'States.Work.Retry[0].Assign: is not supported'],
    ['States.Work.Catch', [{ ErrorEquals: ['A'], Next: 'No' }], 'States.Work.Catch[0].Next: names the state "No"'],
    [
      'States.Work.Catch',
      [{ ErrorEquals: ['A'], Next: 'Done', Output: 1 }],
      'States.Work.Catch[0].Output: is not supported',
    ],
    ['States.Each.ItemBatcher', { MaxItemsPerBatch: 5 }, 'States.Each.ItemBatcher: is not supported'],
    ['States.Each.Iterator', {}, 'States.Each.Iterator: is not supported'],
    ['States.Each.ToleratedFailureCount', 1, 'States.Each.ToleratedFailureCount: is not supported'],
    ['States.Each.ToleratedFailurePercentage', 101, 'States.Each.ToleratedFailurePercentage: is 101 where 0 to 100'],
    ['States.Each.MaxConcurrencyPath', 'workers', 'States.Each.MaxConcurrencyPath: "workers" is not a path'],
    ['States.Each.ItemsPath', '$.items', 'States.Each: has both ItemReader and ItemsPath'],
    ['States.Each.ResultWriter', undefined, 'States.Each: is a distributed Map without a ResultWriter'],
    ['States.Each.ItemReader.Resource', 'arn:aws:states:::s3:listObjectsV2', 'States.Each.ItemReader.Resource: "arn:'],
    ['States.Each.ItemReader.ReaderConfig.InputType', 'JSONL', 'ItemReader.ReaderConfig.InputType: "JSONL" is not'],
    ['States.Each.ItemReader.ReaderConfig.MaxItems', 3, 'ItemReader.ReaderConfig.MaxItems: is not supported'],
    [
      'States.Each.ItemReader.Parameters.VersionId',
      'v',
      'States.Each.ItemReader.Parameters.VersionId: is not supported',
    ],
    ['States.Each.ResultWriter.Parameters', { Bucket: 'b' }, 'States.Each.ResultWriter.Parameters: lacks Prefix'],
    ['States.Each.ResultWriter.WriterConfig', {}, 'States.Each.ResultWriter.WriterConfig: is not supported'],
    ['States.Each.ItemProcessor.ProcessorConfig.ExecutionType', 'EXPRESS', 'ExecutionType: "EXPRESS" is not supported'],
    [
      'States.Each.ItemProcessor.ProcessorConfig.Mode',
      'INLINE',
      'States.Each.ItemReader: is for distributed Maps only',
    ],
    ['States.Each.ItemProcessor.States.One', FINE.States.Each, 'ItemProcessor.States.One: is a Map inside a Map'],
    ['States.Each.Retry', [{ ErrorEquals: ['States.TaskFailed'] }], 'has States.TaskFailed on a state that is no Task'],
    ['States.Which.Choices', [], 'States.Which.Choices: has no rules'],
    [
      'States.Which.Choices',
      [{ Variable: '$.n', StringMatches: 'a*', Next: 'Done' }],
      'Choices[0].StringMatches: is not',
    ],
    [
      'States.Which.Choices',
      [{ Variable: '$.n', NumericEquals: '1', Next: 'Done' }],
      'Choices[0].NumericEquals: compares',
    ],
    [
      'States.Which.Choices',
      [{ Condition: '{% 1 %}', Next: 'Done' }],
      'States.Which.Choices[0].Condition: is not supported',
    ],
    [
      'States.Which.Choices',
      [{ Variable: '$.n', IsNull: true, IsString: true, Next: 'Done' }],
      'needs one operator and has',
    ],
    ['States.Which.OutputPath', '$.n', 'States.Which.OutputPath: is not supported'],
    ['States.Pause.Timestamp', '2030-01-01T00:00:00Z', 'States.Pause.Timestamp: is not supported'],
    ['States.Pause.Seconds', 1, 'States.Pause: needs either Seconds or SecondsPath'],
    ['States.Done', { Type: 'Fail', Error: 'A', ErrorPath: '$.a' }, 'States.Done: has both Error and ErrorPath'],
    ['States.Done', { Type: 'Pass', Result: false, End: true }, 'States.Done.Result: false is ignored'],
  ])('%s: %j is refused by name', (path, value, problem) => {
    expect(problemOf(withChange(path, value))).toContain(problem);
  });

  it('names everything that is wrong at once', () => {
    const text = withChange('States.Work.Assign', {}).replace('InputType: JSON', 'InputType: CSV');
    expect(problemOf(text)).toMatch(/Assign.*; .*InputType/);
  });

  it('may start executions of its own machine only', () => {
    const start = (Parameters: object) =>
      withChange('States.Work', {
        ...FINE.States.Work,
        Resource: 'arn:aws:states:::states:startExecution',
        Parameters,
      });
    const own = { 'StateMachineArn.$': '$$.StateMachine.Id', 'Name.$': '$.name', 'Input.$': '$.input' };
    expect(problemOf(start(own))).toBe('none');
    expect(problemOf(start({ ...own, 'StateMachineArn.$': '$.other' }))).toContain(
      'starts another machine than its own',
    );
    expect(problemOf(start({ ...own, TraceHeader: 'x' }))).toContain(
      'States.Work.Parameters.TraceHeader: is not supported',
    );
    const { 'Name.$': _, ...nameless } = own;
    expect(problemOf(start(nameless))).toContain('States.Work.Parameters: lacks Name');
  });
});
