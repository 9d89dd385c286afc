import type { Dataset } from '../shared/dataset/dataset.ts';
import { declaredDatasets, logicalName } from './declared-datasets.ts';
import { capitalised, functionKeys, type ServiceConfiguration } from './functions.ts';
import {
  ALARM_DATAPOINTS,
  ALARM_DATAPOINTS_OF,
  DURATION_ALARM_SHARE,
  REJECTED_SHARE_ALARM,
  SERVICE_TIMEOUT_SECONDS,
} from './limits.ts';
import { counted, executions, type MetricSource, messages, ofFunction, throttled } from './metrics.ts';
import { hasSchedules } from './schedules.ts';
import { startedByUploads } from './uploads.ts';

/** Alarms: all go to one topic, each names its part of docs/runbook.md, and two of three datapoints make one. */

type Resources = Record<string, object>;

/** The part of the template; serverless.yml includes it. */
export async function alarms(serverless: ServiceConfiguration): Promise<{ Resources: Resources }> {
  return { Resources: alarmResources(await functionKeys(serverless), await declaredDatasets()) };
}

export function alarmResources(functions: readonly string[], datasets: readonly Dataset[]): Resources {
  return {
    ...executionAlarms(),
    ...queueAlarms(datasets),
    ...dataAlarms(),
    ...Object.assign({}, ...functions.map(functionAlarms)),
  };
}

interface Alarm {
  /** The runbook's heading, as the alarm is called. */
  heading: string;
  /** What it means, in a sentence. */
  means: string;
  metrics: object[];
  /** The alarm goes off above it. */
  threshold: number;
}

/** Seconds of a datapoint. */
const SHORT = 300;
const HOUR = 3600;

function executionAlarms(): Resources {
  return {
    ExecutionsFailedAlarm: alarm({
      heading: 'Executions failed',
      means: 'Loads fail one after another.',
      metrics: [shown('failed', executions('ExecutionsFailed'), SHORT)],
      threshold: 0,
    }),
    ExecutionsTimedOutAlarm: alarm({
      heading: 'Executions timed out',
      means: 'Loads take longer than an execution may.',
      metrics: [shown('timedOut', executions('ExecutionsTimedOut'), SHORT)],
      threshold: 0,
    }),
    ExecutionsThrottledAlarm: alarm({
      heading: 'Executions throttled',
      means: 'Step Functions delays steps: the account starts more of them than it may.',
      metrics: [shown('throttled', executions('ExecutionThrottled'), SHORT)],
      threshold: 0,
    }),
  };
}

function queueAlarms(datasets: readonly Dataset[]): Resources {
  const ofUploads = startedByUploads(datasets).map((dataset): [string, string] => [
    `${logicalName(dataset)}DeadLetterQueue`,
    `Uploads of ${dataset.name} started no execution.`,
  ]);
  const queues: [string, string][] = [
    ...ofUploads,
    ...(hasSchedules(datasets)
      ? [['SchedulesDeadLetterQueue', 'Schedules started no execution.'] as [string, string]]
      : []),
    ['FailuresDeadLetterQueue', 'Failed executions could not put their objects aside.'],
  ];
  return Object.fromEntries(
    queues.map(([queue, means]) => [
      `${queue.replace(/Queue$/, '')}sAlarm`,
      alarm({
        heading: 'Dead letters',
        means,
        metrics: [shown('messages', messages(queue), SHORT)],
        threshold: 0,
      }),
    ]),
  );
}

function dataAlarms(): Resources {
  return {
    RejectedRowsAlarm: alarm({
      heading: 'Rejected rows',
      means: `More than ${REJECTED_SHARE_ALARM * 100}% of the rows that were read were rejected.`,
      metrics: [
        { Id: 'share', Expression: 'IF(read > 0, rejected / read, 0)' },
        hidden('read', counted('RowsRead', 'convert'), HOUR),
        hidden('rejected', counted('RowsRejected', 'convert'), HOUR),
      ],
      threshold: REJECTED_SHARE_ALARM,
    }),
    QuarantineAlarm: alarm({
      heading: 'Quarantine',
      means: 'Objects that could not be loaded lie under failed/.',
      metrics: [shown('objects', counted('ObjectsInQuarantine', 'list-latest', 'Maximum'), HOUR)],
      threshold: 0,
    }),
    NothingLoadedAlarm: alarm({
      heading: 'Schedule that loaded nothing',
      means: 'A schedule found nothing to load, time after time.',
      metrics: [shown('nothing', counted('ScheduledNothing', 'list-latest'), HOUR)],
      threshold: 0,
    }),
    ThrottledAlarm: alarm({
      heading: 'Throttled by S3 or Glue',
      means: 'S3 or Glue refused requests for their number, beyond what the SDK itself repeats.',
      metrics: [
        { Id: 'throttled', Expression: 's3 + glue' },
        hidden('s3', throttled('ObjectStoreBusy'), SHORT),
        hidden('glue', throttled('CatalogConflict'), SHORT),
      ],
      threshold: 0,
    }),
  };
}

function functionAlarms(key: string): Resources {
  const name = capitalised(key);
  const limitMs = SERVICE_TIMEOUT_SECONDS * 1000 * DURATION_ALARM_SHARE;
  return {
    [`${name}DurationAlarm`]: alarm({
      heading: 'Duration',
      means: `One of a hundred invocations of ${key} takes more than ${DURATION_ALARM_SHARE * 100}% of the time it has.`,
      metrics: [shown('p99', ofFunction('Duration', key, 'p99'), SHORT)],
      threshold: limitMs,
    }),
    [`${name}ThrottlesAlarm`]: alarm({
      heading: 'Functions throttled',
      means: `Invocations of ${key} wait for others to end.`,
      metrics: [shown('throttles', ofFunction('Throttles', key, 'Sum'), SHORT)],
      threshold: 0,
    }),
  };
}

function alarm({ heading, means, metrics, threshold }: Alarm): object {
  const anchor = heading.toLowerCase().replaceAll(' ', '-');
  return {
    Type: 'AWS::CloudWatch::Alarm',
    Properties: {
      AlarmDescription: `${means} What to do: docs/runbook.md#${anchor}`,
      Metrics: metrics,
      ComparisonOperator: 'GreaterThanThreshold',
      Threshold: threshold,
      EvaluationPeriods: ALARM_DATAPOINTS_OF,
      DatapointsToAlarm: ALARM_DATAPOINTS,
      TreatMissingData: 'notBreaching',
      AlarmActions: [{ Ref: 'FailuresTopic' }],
      OKActions: [{ Ref: 'FailuresTopic' }],
    },
  };
}

function shown(id: string, source: MetricSource, periodSeconds: number): object {
  return metricQuery(id, source, periodSeconds, true);
}

function hidden(id: string, source: MetricSource, periodSeconds: number): object {
  return metricQuery(id, source, periodSeconds, false);
}

function metricQuery(id: string, source: MetricSource, periodSeconds: number, returned: boolean): object {
  const { namespace, name, dimensions, statistic } = source;
  return {
    Id: id,
    ReturnData: returned,
    MetricStat: {
      Metric: {
        Namespace: namespace,
        MetricName: name,
        Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
      },
      Period: periodSeconds,
      Stat: statistic,
    },
  };
}
