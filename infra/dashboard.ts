import type { Dataset } from '../shared/dataset/dataset.ts';
import { declaredDatasets, logicalName } from './declared-datasets.ts';
import { functionKeys, type ServiceConfiguration } from './functions.ts';
import { counted, executions, type MetricSource, messages, ofFunction } from './metrics.ts';
import { startedByUploads } from './uploads.ts';

/** One page of what goes in, what comes out, what waits and what fails. */

/** The part of the template; serverless.yml includes it. */
export async function dashboard(serverless: ServiceConfiguration): Promise<object> {
  return {
    Resources: {
      Dashboard: {
        Type: 'AWS::CloudWatch::Dashboard',
        Properties: {
          DashboardName: '${self:service}-${sls:stage}',
          DashboardBody: dashboardBody(await functionKeys(serverless), await declaredDatasets()),
        },
      },
    },
  };
}

const WIDTH = 12;
const HEIGHT = 6;

/** JSON with references in it, as CloudFormation fills them in. */
export function dashboardBody(functions: readonly string[], datasets: readonly Dataset[]): object {
  const references = new References();
  const charts: [string, [string, MetricSource][]][] = [
    ['Executions', ['Started', 'Succeeded', 'Failed', 'TimedOut', 'Aborted'].map(execution)],
    [
      'Rows',
      [
        ['read', counted('RowsRead', 'convert')],
        ['written', counted('RowsWritten', 'convert')],
        ['rejected', counted('RowsRejected', 'convert')],
      ],
    ],
    [
      'Objects',
      [
        ['found', counted('ObjectsFound', 'list-latest')],
        ['failed', counted('ObjectsFailed', 'gather')],
      ],
    ],
    ['Bytes read', [['read', counted('BytesRead', 'convert')]]],
    ['Bytes a second of a conversion', [['median', counted('BytesPerSecond', 'convert', 'p50')]]],
    ['Uploads that wait', queues(datasets, 'Queue')],
    ['Dead letters', [...queues(datasets, 'DeadLetterQueue'), ['failures', messages('FailuresDeadLetterQueue')]]],
    ['Duration, 99 of 100 (ms)', functions.map((key) => [key, ofFunction('Duration', key, 'p99')])],
    ['Errors of functions', functions.map((key) => [key, ofFunction('Errors', key, 'Sum')])],
    ['Functions at once', functions.map((key) => [key, ofFunction('ConcurrentExecutions', key, 'Maximum')])],
    ['Calls of S3', functions.map((key) => [key, counted('ObjectStoreGet', kebab(key))])],
  ];
  const widgets = charts
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines], i) => ({
      type: 'metric',
      x: (i % 2) * WIDTH,
      y: Math.floor(i / 2) * HEIGHT,
      width: WIDTH,
      height: HEIGHT,
      properties: {
        title,
        region: '${AWS::Region}',
        view: 'timeSeries',
        period: 300,
        metrics: lines.map(([label, source]) => references.line(label, source)),
      },
    }));
  return { 'Fn::Sub': [JSON.stringify({ widgets }), references.values] };
}

function execution(kind: string): [string, MetricSource] {
  return [kind.toLowerCase(), executions(`Executions${kind}`)];
}

function queues(datasets: readonly Dataset[], suffix: string): [string, MetricSource][] {
  return startedByUploads(datasets).map((dataset) => [dataset.name, messages(`${logicalName(dataset)}${suffix}`)]);
}

/** `listLatest` is the step `list-latest`. */
function kebab(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** Names for what CloudFormation knows, to be put into text. */
class References {
  readonly values: Record<string, object> = {};

  line(label: string, { namespace, name, dimensions, statistic }: MetricSource): unknown[] {
    const pairs = Object.entries(dimensions).flatMap(([key, value]) => [key, this.text(value)]);
    return [namespace, name, ...pairs, { label, stat: statistic }];
  }

  private text(value: unknown): string {
    if (typeof value === 'string') return value;
    const id = JSON.stringify(value).replaceAll(/[^A-Za-z0-9]/g, '');
    this.values[id] = value as object;
    return `\${${id}}`;
  }
}
