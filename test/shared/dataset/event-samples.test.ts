import {
  S3EventNotificationEventBridgeSchema,
  S3Schema,
  S3SqsEventNotificationSchema,
  SnsSchema,
  SqsSchema,
} from '@aws-lambda-powertools/parser/schemas';
import { describe, expect, it } from '@jest/globals';
import { parseDataset } from '../../../shared/dataset/parse.ts';
import { registryOf } from '../../../shared/dataset/registry.ts';
import { toRequest } from '../../../shared/dataset/to-request.ts';

/**
 * Events in every form that AWS documents for S3, EventBridge, SQS and SNS, each of which the schemas of Powertools take
 * too: what is made up here is shaped as what comes.
 */

const context = {
  environment: {},
  datasets: registryOf([
    parseDataset({ name: 'orders', source: { prefix: 'orders/' }, target: { database: 'd' } }, 'a test'),
  ]),
  places: { landing: 'landing', work: 'work', lake: 'lake' },
  now: new Date('2024-01-06T00:00:00Z'),
};

const record = (eventName: string, object: object = {}, more: object = {}) => ({
  eventVersion: '2.1',
  eventSource: 'aws:s3',
  awsRegion: 'eu-west-1',
  eventTime: '2024-01-05T00:00:00.000Z',
  eventName,
  userIdentity: { principalId: 'AWS:AIDAJDPLRKLG7UEXAMPLE' },
  requestParameters: { sourceIPAddress: '203.0.113.7' },
  responseElements: { 'x-amz-request-id': 'C3D13FE58DE4C810', 'x-amz-id-2': 'FMyUVURIY8IgiX' },
  s3: {
    s3SchemaVersion: '1.0',
    configurationId: 'uploads',
    bucket: { name: 'landing', ownerIdentity: { principalId: 'A3NL1KOZZKExample' }, arn: 'arn:aws:s3:::landing' },
    object: {
      key: 'orders/a+b%2Bc.csv',
      size: 1024,
      eTag: 'd41d8cd98f00b204e9800998ecf8427e',
      sequencer: '0055AED6DCD90281E5',
      ...object,
    },
  },
  ...more,
});
const notification = (...records: object[]) => ({ Records: records });

const bridged = (detailType: string, detail: object = {}, object: object = {}) => ({
  version: '0',
  id: '17793124-05d4-b198-2fde-7ededc63b103',
  'detail-type': detailType,
  source: 'aws.s3',
  account: '111122223333',
  time: '2024-01-05T00:00:00Z',
  region: 'eu-west-1',
  resources: ['arn:aws:s3:::landing'],
  detail: {
    version: '0',
    bucket: { name: 'landing' },
    object: {
      key: 'orders/a b+c.csv',
      size: 5,
      etag: 'b1946ac92492d2347c6235b4d2611184',
      sequencer: '617f08299329d189',
      ...object,
    },
    'request-id': 'N4N7GDK58NMKJ12R',
    requester: '123456789012',
    'source-ip-address': '203.0.113.7',
    reason: 'PutObject',
    ...detail,
  },
});

const message = (body: object) => ({
  messageId: '059f36b4-87a3-44ab-83d2-661975830a7d',
  receiptHandle: 'AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a',
  body: JSON.stringify(body),
  attributes: {
    ApproximateReceiveCount: '1',
    SentTimestamp: '1545082649183',
    SenderId: 'AIDAIENQZJOLO23YVJ4VO',
    ApproximateFirstReceiveTimestamp: '1545082649185',
  },
  messageAttributes: {},
  md5OfBody: 'e4e68fb7bd0e697a0ae8f1bb342846b3',
  eventSource: 'aws:sqs',
  eventSourceARN: 'arn:aws:sqs:eu-west-1:123456789012:uploads',
  awsRegion: 'eu-west-1',
});

const topic = (body: object) => ({
  Records: [
    {
      EventVersion: '1.0',
      EventSubscriptionArn: 'arn:aws:sns:eu-west-1:123456789012:uploads:21be56ed-a058-49f5-8c98-aedd2564c486',
      EventSource: 'aws:sns',
      Sns: {
        SignatureVersion: '1',
        Timestamp: '2024-01-05T00:00:00.000Z',
        Signature: 'EXAMPLE',
        SigningCertUrl:
          'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-ac565b8b1a6c5d002d285f9598aa1d9b.pem',
        MessageId: '95df01b4-ee98-5cb9-9903-4c221d41eb5e',
        Message: JSON.stringify(body),
        MessageAttributes: {},
        Type: 'Notification',
        UnsubscribeUrl: 'https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe',
        TopicArn: 'arn:aws:sns:eu-west-1:123456789012:uploads',
        Subject: 'Amazon S3 Notification',
      },
    },
  ],
});

interface Schema {
  safeParse(value: unknown): { success: boolean; error?: unknown };
}

describe('events as AWS documents them', () => {
  const put = record('ObjectCreated:Put');
  it.each<[string, Schema, unknown, string]>([
    ['S3: Put', S3Schema, notification(put), 'orders/a b+c.csv'],
    ['S3: Post', S3Schema, notification(record('ObjectCreated:Post')), 'orders/a b+c.csv'],
    [
      'S3: Copy of a version',
      S3Schema,
      notification(record('ObjectCreated:Copy', { versionId: '096fKKXTRTtl3on89fVO' })),
      'orders/a b+c.csv',
    ],
    [
      'S3: CompleteMultipartUpload',
      S3Schema,
      notification(record('ObjectCreated:CompleteMultipartUpload', { eTag: 'd41d8cd9-2' })),
      'orders/a b+c.csv',
    ],
    ['EventBridge: PutObject', S3EventNotificationEventBridgeSchema, bridged('Object Created'), 'orders/a b+c.csv'],
    [
      'EventBridge: CopyObject',
      S3EventNotificationEventBridgeSchema,
      bridged('Object Created', { reason: 'CopyObject' }, { 'version-id': 'IYV3p45BT0ac8hjHg1houSdS1a.Mro8e' }),
      'orders/a b+c.csv',
    ],
    [
      'EventBridge: CompleteMultipartUpload',
      S3EventNotificationEventBridgeSchema,
      bridged('Object Created', { reason: 'CompleteMultipartUpload' }),
      'orders/a b+c.csv',
    ],
    [
      'SQS: a notification',
      S3SqsEventNotificationSchema,
      { Records: [message(notification(put))] },
      'orders/a b+c.csv',
    ],
    ['SQS: an event of EventBridge', SqsSchema, { Records: [message(bridged('Object Created'))] }, 'orders/a b+c.csv'],
    ['SNS: a notification', SnsSchema, topic(notification(put)), 'orders/a b+c.csv'],
    [
      'SQS: a notification by SNS',
      SqsSchema,
      { Records: [message({ ...topic(notification(put)).Records[0]!.Sns })] },
      'orders/a b+c.csv',
    ],
  ])('%s loads its object', (_, schema, event, key) => {
    expect(schema.safeParse(event)).toMatchObject({ success: true });
    expect(toRequest(event, context)).toMatchObject({ trigger: 'event', objects: [{ bucket: 'landing', key }] });
  });

  it.each<[string, Schema, unknown]>([
    ['S3: Delete', S3Schema, notification(record('ObjectRemoved:Delete', { size: undefined, eTag: undefined }))],
    [
      'S3: a restore',
      S3Schema,
      notification(
        record(
          'ObjectRestore:Completed',
          {},
          {
            glacierEventData: {
              restoreEventData: {
                lifecycleRestorationExpiryTime: '2024-02-05T00:00:00.000Z',
                lifecycleRestoreStorageClass: 'STANDARD',
              },
            },
          },
        ),
      ),
    ],
    [
      'EventBridge: deleted',
      S3EventNotificationEventBridgeSchema,
      bridged('Object Deleted', { reason: 'DeleteObject', 'deletion-type': 'Permanently Deleted' }),
    ],
    [
      'EventBridge: restored',
      S3EventNotificationEventBridgeSchema,
      bridged('Object Restore Completed', {
        'restore-expiry-time': '2024-02-05T00:00:00Z',
        'source-storage-class': 'GLACIER',
      }),
    ],
    ['EventBridge: tags', S3EventNotificationEventBridgeSchema, bridged('Object Tags Added')],
  ])('%s loads nothing', (_, schema, event) => {
    expect(schema.safeParse(event)).toMatchObject({ success: true });
    expect(toRequest(event, context)).toMatchObject({ nothing: true });
  });

  it('the test event of S3 loads nothing, by itself and by SQS', () => {
    const test = {
      Service: 'Amazon S3',
      Event: 's3:TestEvent',
      Time: '2024-01-05T00:00:00.000Z',
      Bucket: 'landing',
      RequestId: '5582815E1AEA5ADF',
      HostId: '8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR',
    };
    expect(toRequest(test, context)).toMatchObject({ nothing: true });
    expect(toRequest({ Records: [message(test)] }, context)).toMatchObject({ nothing: true });
  });
});
