import { describe, expect, it } from '@jest/globals';
import { unwrapInput } from '../../../shared/dataset/events.ts';
import { event } from './contexts.ts';

const keysOf = (name: string) => unwrapInput(event(name)).objects.map(({ key }) => key);
const ignoredOf = (name: string) => unwrapInput(event(name)).ignored;

describe('unwrapInput', () => {
  it('decodes the keys of a notification, where a plus sign is a space', () => {
    expect(unwrapInput(event('s3-notification'))).toEqual({
      objects: [
        {
          bucket: 'landing',
          key: 'weather/2024/São Paulo+1.csv',
          etag: 'd41d8cd98f00b204e9800998ecf8427e',
          versionId: '096fKKXTRTtl3on89fVO.nfljtsv6qko',
          sequencer: '0055AED6DCD90281E5',
          sizeBytes: 1024,
          time: new Date('2024-01-05T03:04:05.678Z'),
        },
      ],
      ignored: [],
      asked: [],
    });
  });

  it('takes the keys of EventBridge as they are', () => {
    expect(unwrapInput(event('eventbridge-object-created')).objects).toEqual([
      {
        bucket: 'landing',
        key: 'weather/2021/a+b%20c ü.csv',
        etag: 'b1946ac92492d2347c6235b4d2611184',
        versionId: 'IYV3p45BT0ac8hjHg1houSdS1a.Mro8e',
        sequencer: '617f08299329d189',
        sizeBytes: 5,
        time: new Date('2021-11-12T00:00:00Z'),
      },
    ]);
  });

  it.each([
    ['sqs-s3-notification', ['weather/2024/one two.csv', 'weather/2024/three.csv', 'weather/2024/four.csv']],
    ['sqs-eventbridge', ['weather/2021/a+b.csv']],
    ['pipe-sqs', ['weather/2021/a.csv', 'weather/2021/b.csv']],
    ['pipe-objects', ['weather/2024/a.csv', 'weather/2024/b.csv']],
    ['sns-s3-notification', ['weather/2024/a b.csv']],
    ['sqs-sns-s3-notification', ['weather/2024/a b.csv']],
  ])('opens %s, every record of it', (name, keys) => {
    expect(keysOf(name)).toEqual(keys);
  });

  it('leaves out what a pipe had nothing for', () => {
    expect(unwrapInput(event('pipe-objects')).objects).toEqual([
      { bucket: 'landing', key: 'weather/2024/a.csv', versionId: 'v1', etag: 'aa', sequencer: '617f08299329d189' },
      { bucket: 'landing', key: 'weather/2024/b.csv', etag: 'bb', sequencer: '617f08299329d190' },
    ]);
    expect(unwrapInput([{ bucket: 'b', key: 'k', etag: '"q"', size: 0, dataset: 'd' }]).objects).toEqual([
      { bucket: 'b', key: 'k', etag: 'q', sizeBytes: 0, dataset: 'd' },
    ]);
  });

  it('ignores what brings no object, and says so', () => {
    expect(ignoredOf('s3-test-event')).toEqual([
      { reason: 'the test event that S3 sends when notifications are set up', what: 's3://landing' },
    ]);
    expect(ignoredOf('s3-notification-several')).toEqual([
      { reason: 'ObjectRemoved:Delete brings no object', what: 's3://landing/weather/2024/old.csv' },
    ]);
    expect(ignoredOf('eventbridge-object-deleted')).toEqual([
      { reason: '"Object Deleted" brings no object', what: 's3://landing/weather/2021/a.csv' },
    ]);
    expect(ignoredOf('sqs-s3-notification')).toHaveLength(1);
    expect(ignoredOf('sqs-eventbridge')).toHaveLength(1);
  });

  it('passes on what is no event', () => {
    expect(unwrapInput({ dataset: 'x' })).toEqual({ objects: [], ignored: [], asked: [{ value: { dataset: 'x' } }] });
    expect(unwrapInput([{ messageId: '1', body: '{"dataset": "x"}' }]).asked).toEqual([{ value: { dataset: 'x' } }]);
    expect(unwrapInput(event('eventbridge-scheduled')).asked).toEqual([
      { value: {}, scheduledFor: new Date('2015-10-08T16:53:06Z') },
    ]);
    expect(unwrapInput([])).toEqual({ objects: [], ignored: [], asked: [] });
  });

  const s3 = (bucket: unknown, key: unknown) => ({
    Records: [{ eventName: 'ObjectCreated:Put', s3: { bucket, object: { key } } }],
  });
  it.each<[unknown, string]>([
    [3, 'The input must be an object or a list of events, not 3'],
    [null, 'The input must be an object or a list of events, not null'],
    [undefined, 'The input must be an object or a list of events, not undefined'],
    [['a'], 'The input\'s item 0 must be an object or a list of events, not "a"'],
    [s3({ name: 'b' }, '%E0%A4%A'), 'The input\'s record 0 has the key "%E0%A4%A", which is not URL-encoded UTF-8'],
    [s3({}, 'k'), "The input's record 0 is an S3 notification without the name of a bucket or the key of an object"],
    [
      { 'detail-type': 'EC2 Instance State-change Notification', source: 'aws.ec2', detail: {} },
      'The input is a "EC2 Instance State-change Notification" event of aws.ec2; known are those of aws.s3 about objects',
    ],
    [
      [{ bucket: 'b', key: 'k', version: 'v' }],
      'The input\'s item 0 is an object with the unknown key "version"; known are bucket, key, etag, versionId, sequencer, sizeBytes, size, time, dataset',
    ],
    [[[[[[[[[[[]]]]]]]]]], 'The input is wrapped more than 8 times; no event is'],
  ])('refuses %j', (input, message) => {
    expect(() => unwrapInput(input)).toThrow(expect.objectContaining({ name: 'BadRequest', message }));
  });

  it('refuses a body that is no JSON, and says which', () => {
    expect(() => unwrapInput([{ messageId: '1', body: '{' }])).toThrow(
      /^Cannot parse the body of the input's item 0 as JSON: /,
    );
  });
});
