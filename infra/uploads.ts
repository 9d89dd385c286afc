import type { Dataset } from '../shared/dataset/dataset.ts';
import { declaredDatasets, logicalName, type Serverless } from './declared-datasets.ts';
import { keyPattern } from './event-pattern.ts';
import { EVENTS_PER_EXECUTION, NOTIFICATIONS_PER_EXECUTION } from './limits.ts';
import { queue } from './queue.ts';
import { serviceRole } from './service-role.ts';

/**
 * Uploads start loads: for each data set a rule on S3's `Object Created` events, a queue, and a pipe that makes one
 * execution of up to a hundred of them. With `--param uploads=s3` the landing bucket notifies the queues itself.
 */

type Resources = Record<string, object>;

export type UploadsBy = 'eventbridge' | 's3';

export interface UploadsOptions {
  by: UploadsBy;
  /** How long a pipe waits for more events, in seconds: fewer executions, later ones. */
  windowSeconds: number;
}

/** The part of the template; serverless.yml includes it. */
export async function uploads(serverless: Serverless): Promise<{ Resources: Resources }> {
  const by = String(await serverless.resolveVariable('param:uploads'));
  if (by !== 'eventbridge' && by !== 's3') throw new Error(`--param uploads must be eventbridge or s3, not "${by}"`);
  const windowSeconds = Number(await serverless.resolveVariable('param:uploadWindowSeconds'));
  if (!Number.isInteger(windowSeconds) || windowSeconds < 1 || windowSeconds > 300) {
    throw new Error(`--param uploadWindowSeconds must be a whole number from 1 to 300, not "${windowSeconds}"`);
  }
  return { Resources: uploadResources(await declaredDatasets(), { by, windowSeconds }) };
}

/** Data sets whose uploads start loads: those of the landing bucket, unless they say otherwise. */
export function startedByUploads(datasets: readonly Dataset[]): Dataset[] {
  return datasets.filter(({ start, source }) => start.events ?? source.bucket === undefined);
}

export function uploadResources(datasets: readonly Dataset[], options: UploadsOptions): Resources {
  const started = startedByUploads(datasets);
  const own = started.filter(({ source }) => source.bucket === undefined);
  return {
    ...Object.assign({}, ...started.map((dataset) => ofDataset(dataset, options))),
    ...(options.by === 's3' ? { LandingBucket: notifyingBucket(own) } : { LandingBucket: sendingBucket() }),
  };
}

function ofDataset(dataset: Dataset, { by, windowSeconds }: UploadsOptions): Resources {
  const name = logicalName(dataset);
  // Other buckets are their owners' to set up: their events come by EventBridge.
  const notified = by === 's3' && dataset.source.bucket === undefined;
  return {
    [`${name}Queue`]: queue(`Uploads of ${dataset.name} to be loaded`, `${name}DeadLetterQueue`),
    [`${name}DeadLetterQueue`]: queue(`Uploads of ${dataset.name} of which no execution could be started`),
    [`${name}QueuePolicy`]: queuePolicy(name, notified),
    ...(notified ? {} : { [`${name}Uploads`]: rule(dataset) }),
    [`${name}Pipe`]: pipe(dataset, notified, windowSeconds),
    [`${name}PipeRole`]: pipeRole(name),
  };
}

/** What cannot be delivered to the queue lies with the dead letters too, so the rule may write both. */
function queuePolicy(name: string, notified: boolean): object {
  const queues = [`${name}Queue`, `${name}DeadLetterQueue`];
  const arns = queues.map((id) => ({ 'Fn::GetAtt': [id, 'Arn'] }));
  return {
    Type: 'AWS::SQS::QueuePolicy',
    Properties: {
      Queues: queues.map((id) => ({ Ref: id })),
      PolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Sid: 'Uploads',
            Effect: 'Allow',
            Principal: { Service: notified ? 's3.amazonaws.com' : 'events.amazonaws.com' },
            Action: 'sqs:SendMessage',
            Resource: arns,
            // The bucket itself waits for this policy, so it cannot be named by reference here.
            Condition: notified
              ? { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } }
              : { ArnEquals: { 'aws:SourceArn': { 'Fn::GetAtt': [`${name}Uploads`, 'Arn'] } } },
          },
          {
            Sid: 'TlsOnly',
            Effect: 'Deny',
            Principal: '*',
            Action: 'sqs:*',
            Resource: arns,
            Condition: { Bool: { 'aws:SecureTransport': 'false' } },
          },
        ],
      },
    },
  };
}

function rule(dataset: Dataset): object {
  const name = logicalName(dataset);
  const key = keyPattern(dataset.source);
  return {
    Type: 'AWS::Events::Rule',
    Properties: {
      Description: `Uploads of ${dataset.name}`,
      EventPattern: {
        source: ['aws.s3'],
        'detail-type': ['Object Created'],
        detail: {
          bucket: { name: [dataset.source.bucket ?? { Ref: 'LandingBucket' }] },
          ...(key === undefined ? {} : { object: { key: [key] } }),
        },
      },
      Targets: [
        {
          Id: 'queue',
          Arn: { 'Fn::GetAtt': [`${name}Queue`, 'Arn'] },
          DeadLetterConfig: { Arn: { 'Fn::GetAtt': [`${name}DeadLetterQueue`, 'Arn'] } },
        },
      ],
    },
  };
}

/** What an execution needs of an event. Signs around a path are left out: a pipe writes each value as JSON. */
const OBJECT_TEMPLATE = {
  bucket: '<$.body.detail.bucket.name>',
  key: '<$.body.detail.object.key>',
  etag: '<$.body.detail.object.etag>',
  versionId: '<$.body.detail.object.version-id>',
  sequencer: '<$.body.detail.object.sequencer>',
  size: '<$.body.detail.object.size>',
  time: '<$.body.time>',
};

function pipe(dataset: Dataset, notified: boolean, windowSeconds: number): object {
  const name = logicalName(dataset);
  const template = JSON.stringify({ dataset: dataset.name, ...OBJECT_TEMPLATE }).replace(/"(<[^"]*>)"/g, '$1');
  return {
    Type: 'AWS::Pipes::Pipe',
    // Without the policy on its queue the first events would be refused.
    DependsOn: [`${name}QueuePolicy`],
    Properties: {
      Description: `Executions that load uploads of ${dataset.name}`,
      RoleArn: { 'Fn::GetAtt': [`${name}PipeRole`, 'Arn'] },
      Source: { 'Fn::GetAtt': [`${name}Queue`, 'Arn'] },
      SourceParameters: {
        SqsQueueParameters: {
          BatchSize: notified ? NOTIFICATIONS_PER_EXECUTION : EVENTS_PER_EXECUTION,
          MaximumBatchingWindowInSeconds: windowSeconds,
        },
      },
      Target: { Ref: 'LoadStateMachine' },
      TargetParameters: {
        StepFunctionStateMachineParameters: { InvocationType: 'FIRE_AND_FORGET' },
        // S3's own notifications hold several records each: they go on as they are.
        ...(notified ? {} : { InputTemplate: template }),
      },
    },
  };
}

function pipeRole(name: string): object {
  return serviceRole('pipes.amazonaws.com', 'pipe', [
    {
      Effect: 'Allow',
      Action: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
      Resource: { 'Fn::GetAtt': [`${name}Queue`, 'Arn'] },
    },
    { Effect: 'Allow', Action: 'states:StartExecution', Resource: { Ref: 'LoadStateMachine' } },
  ]);
}

/** Merged into the landing bucket: its events go to EventBridge. */
function sendingBucket(): object {
  return { Properties: { NotificationConfiguration: { EventBridgeConfiguration: { EventBridgeEnabled: true } } } };
}

/** Merged into the landing bucket: it notifies the queues itself, by the part of the keys that is fixed. */
function notifyingBucket(datasets: readonly Dataset[]): object {
  return {
    DependsOn: datasets.map((dataset) => `${logicalName(dataset)}QueuePolicy`),
    Properties: {
      NotificationConfiguration: {
        QueueConfigurations: datasets.map((dataset) => ({
          Event: 's3:ObjectCreated:*',
          Queue: { 'Fn::GetAtt': [`${logicalName(dataset)}Queue`, 'Arn'] },
          ...prefixFilter(dataset),
        })),
      },
    },
  };
}

function prefixFilter({ source }: Dataset): object {
  const prefix = source.prefix.split('{')[0];
  return prefix === '' ? {} : { Filter: { S3Key: { Rules: [{ Name: 'prefix', Value: prefix }] } } };
}
