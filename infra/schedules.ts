import type { Dataset } from '../shared/dataset/dataset.ts';
import { declaredDatasets, logicalName } from './declared-datasets.ts';
import { SCHEDULE_RETRIES_MAX, SWEEP_FLEXIBLE_MINUTES } from './limits.ts';
import { queue } from './queue.ts';
import { serviceRole } from './service-role.ts';
import { startedByUploads } from './uploads.ts';

/** Schedules of the data sets, and the sweep of each whose uploads start loads: objects of which no event came. */

type Resources = Record<string, object>;

/** The part of the template; serverless.yml includes it. */
export async function schedules(): Promise<{ Resources: Resources }> {
  return { Resources: scheduleResources(await declaredDatasets()) };
}

export function scheduleResources(datasets: readonly Dataset[]): Resources {
  const made = Object.assign({}, ...datasets.map(ofDataset), ...startedByUploads(datasets).map(sweep)) as Resources;
  if (!hasSchedules(datasets)) return {};
  return {
    ...made,
    SchedulerRole: role(),
    SchedulesDeadLetterQueue: queue('Scheduled executions that could not be started'),
  };
}

/** Whether anything is started by time, and so a queue for what could not be. */
export function hasSchedules(datasets: readonly Dataset[]): boolean {
  return (
    datasets.some(({ start }) => start.schedules.length > 0) ||
    startedByUploads(datasets).some(({ start }) => start.sweep !== 'off')
  );
}

function ofDataset(dataset: Dataset): Resources {
  return Object.fromEntries(
    dataset.start.schedules.map(({ expression, timezone, input }, i) => [
      `${logicalName(dataset)}Schedule${i + 1}`,
      schedule({
        description: `Loads ${dataset.name}`,
        expression,
        timezone: timezone ?? dataset.source.timezone,
        input: { trigger: 'schedule', ...input, dataset: dataset.name },
      }),
    ]),
  );
}

function sweep(dataset: Dataset): Resources {
  const expression = dataset.start.sweep;
  if (expression === 'off') return {};
  return {
    [`${logicalName(dataset)}Sweep`]: schedule({
      description: `Loads what of ${dataset.name} no event told of`,
      expression,
      timezone: dataset.source.timezone,
      input: sweepInput(dataset),
      flexibleMinutes: SWEEP_FLEXIBLE_MINUTES,
    }),
  };
}

/** Of a data set that takes the latest alone, older objects are not missing. */
function sweepInput({ name, source }: Dataset): object {
  const overridden = source.pick === 'latest' ? {} : { 'source.pick': 'new' };
  return { dataset: name, trigger: 'sweep', 'source.onNothing': 'skip', ...overridden };
}

interface Timing {
  description: string;
  expression: string;
  timezone: string;
  input: object;
  /** Starts at any time within so many minutes, so that not all begin at once. */
  flexibleMinutes?: number;
}

function schedule({ description, expression, timezone, input, flexibleMinutes }: Timing): object {
  return {
    Type: 'AWS::Scheduler::Schedule',
    Properties: {
      Description: description,
      ScheduleExpression: expression,
      ScheduleExpressionTimezone: timezone,
      FlexibleTimeWindow:
        flexibleMinutes === undefined ? { Mode: 'OFF' } : { Mode: 'FLEXIBLE', MaximumWindowInMinutes: flexibleMinutes },
      State: 'ENABLED',
      Target: {
        Arn: { Ref: 'LoadStateMachine' },
        RoleArn: { 'Fn::GetAtt': ['SchedulerRole', 'Arn'] },
        Input: JSON.stringify(input),
        RetryPolicy: { MaximumRetryAttempts: SCHEDULE_RETRIES_MAX },
        DeadLetterConfig: { Arn: { 'Fn::GetAtt': ['SchedulesDeadLetterQueue', 'Arn'] } },
      },
    },
  };
}

function role(): object {
  return serviceRole('scheduler.amazonaws.com', 'schedules', [
    { Effect: 'Allow', Action: 'states:StartExecution', Resource: { Ref: 'LoadStateMachine' } },
    { Effect: 'Allow', Action: 'sqs:SendMessage', Resource: { 'Fn::GetAtt': ['SchedulesDeadLetterQueue', 'Arn'] } },
  ]);
}
