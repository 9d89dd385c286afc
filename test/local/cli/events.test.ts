import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeSluice, type RunJson, type Sluice } from './sluice.ts';

const dataset = (prefix: string, table: string) =>
  `source:\n  prefix: ${prefix}\ntarget:\n  database: shop\n  table: ${table}\n`;

/** As S3 sends it: the key URL-encoded, a blank as `+`. */
const notification = (...keys: string[]) => ({
  Records: keys.map((key) => ({
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    eventName: 'ObjectCreated:Put',
    eventTime: '2024-01-05T03:04:05.678Z',
    s3: { bucket: { name: 'landing' }, object: { key: encodeURIComponent(key).replaceAll('%20', '+'), size: 9 } },
  })),
});

const eventBridge = (key: string) => ({
  version: '0',
  source: 'aws.s3',
  'detail-type': 'Object Created',
  time: '2024-01-05T03:04:05Z',
  detail: { bucket: { name: 'landing' }, object: { key, size: 9 } },
});

const sqs = (...bodies: unknown[]) => ({
  Records: bodies.map((body, i) => ({
    messageId: `m${i}`,
    receiptHandle: 'r',
    body: JSON.stringify(body),
    attributes: {},
    messageAttributes: {},
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:us-east-1:123456789012:sluice',
    awsRegion: 'us-east-1',
  })),
});

describe('sluice event', () => {
  let sluice: Sluice;

  beforeAll(async () => {
    sluice = await makeSluice();
    await mkdir(join(sluice.folder, 'datasets'));
    await sluice.file('datasets/orders.yml', dataset('orders/', 'orders'));
    await sluice.file('datasets/returns.yml', dataset('returns/', 'returns'));
  });

  afterAll(() => sluice.remove());

  const send = async (event: unknown) => {
    await sluice.file('event.json', JSON.stringify(event));
    return sluice.json<RunJson>(['event', 'event.json']);
  };
  const loaded = ({ sources }: RunJson) => sources.map(({ uri, rowsWritten }) => [uri, rowsWritten]);
  const ids = async (table: string) =>
    (await sluice.query<{ id: number }>(`select id from shop.${table} order by id`)).map(({ id }) => id);

  it('loads the object of an S3 notification, its key decoded, once however often it comes', async () => {
    const key = 'orders/a b+c=d%20é☃.csv';
    await sluice.land(key, 'id\n1\n');
    expect(loaded(await send(notification(key)))).toEqual([[`s3://landing/${key}`, 1]]);
    const again = await send(notification(key));
    expect(again).toMatchObject({ run: { status: 'nothing' }, sources: [] });
    expect(again.notices).toEqual(['1 object loaded already']);
    expect(await ids('orders')).toEqual([1]);
  });

  it('loads the object of an EventBridge event, whose key is as it is', async () => {
    const key = 'orders/e+f%20g.csv';
    await sluice.land(key, 'id\n2\n');
    expect(loaded(await send(eventBridge(key)))).toEqual([[`s3://landing/${key}`, 1]]);
    expect(await ids('orders')).toEqual([1, 2]);
  });

  it('loads what is in SQS messages of either form, and what is new of it alone', async () => {
    await sluice.land('orders/h.csv', 'id\n3\n');
    await sluice.land('orders/i.csv', 'id\n4\n');
    const event = sqs(notification('orders/h.csv', 'orders/a b+c=d%20é☃.csv'), eventBridge('orders/i.csv'));
    expect(loaded(await send(event))).toEqual([
      ['s3://landing/orders/h.csv', 1],
      ['s3://landing/orders/i.csv', 1],
    ]);
    expect(await ids('orders')).toEqual([1, 2, 3, 4]);
  });

  it('runs one execution for each data set that an event has objects of', async () => {
    await sluice.land('orders/j.csv', 'id\n5\n');
    await sluice.land('returns/j.csv', 'id\n50\n');
    await sluice.file('event.json', JSON.stringify(notification('orders/j.csv', 'returns/j.csv')));
    const { code, stdout } = await sluice.run('event', 'event.json', '-q');
    expect(code).toBe(0);
    expect(stdout).toContain('shop.orders ');
    expect(stdout).toContain('shop.returns ');
    expect([await ids('orders'), await ids('returns')]).toEqual([[1, 2, 3, 4, 5], [50]]);
  });

  it('loads a key again when its object is another, and nothing for one that is gone', async () => {
    await sluice.land('orders/j.csv', 'id\n6\n');
    expect(loaded(await send(notification('orders/j.csv')))).toEqual([['s3://landing/orders/j.csv', 1]]);
    const gone = await send(notification('orders/gone.csv'));
    expect(gone).toMatchObject({
      run: { status: 'nothing' },
      notices: ['1 object of the event gone, or changed since'],
    });
    expect(await ids('orders')).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('asks for nothing with the event that S3 sends to try a connection', async () => {
    await sluice.file('event.json', JSON.stringify({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'landing' }));
    const { code, stderr } = await sluice.run('event', 'event.json');
    expect(code).toBe(0);
    expect(stderr).toContain('Nothing to load');
  });

  it('is wrong usage where no data set has the object', async () => {
    await sluice.file('event.json', JSON.stringify(notification('others/a.csv')));
    const { code, stderr } = await sluice.run('event', 'event.json');
    expect(code).toBe(2);
    expect(stderr).toContain('error BadRequest: ');
    expect(stderr).toContain('s3://landing/others/a.csv');
  });
});
