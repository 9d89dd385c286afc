import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { keyPattern } from '../../infra/event-pattern.ts';
import { startedByUploads, uploadResources } from '../../infra/uploads.ts';
import type { DatasetDefinition } from '../../shared/dataset/dataset.ts';
import { matcherOf } from '../../shared/dataset/matching.ts';
import { parseDataset } from '../../shared/dataset/parse.ts';
import { toRequest } from '../../shared/dataset/to-request.ts';
import { filled, inputsOfPipe } from '../doubles/upload-pipe.ts';
import { makeWorld } from '../doubles/world.ts';

const places = { landing: 'landing', work: 'work', lake: 'lake' };
const dataset = (source: DatasetDefinition['source'], others: Partial<DatasetDefinition> = {}) =>
  parseDataset({ name: 'orders', source, target: { database: 'shop' }, ...others }, 'a test');

/** EventBridge's matching of one field, of the kinds that are used here. */
function takes(pattern: ReturnType<typeof keyPattern>, key: string): boolean {
  if (pattern === undefined) return true;
  if (typeof pattern === 'string') return key === pattern;
  if ('prefix' in pattern) return key.startsWith(pattern.prefix);
  const expression = pattern.wildcard.replace(/\\([*\\])|([*])|([.+?^${}()|[\]/-])/g, (_, escaped, star, sign) =>
    star ? '.*' : `\\${escaped ?? sign}`,
  );
  return new RegExp(`^${expression}$`, 's').test(key);
}

describe('the pattern of keys', () => {
  it.each([
    [{}, undefined],
    [{ prefix: 'orders/' }, { prefix: 'orders/' }],
    [{ prefix: 'orders/{yyyy}/{MM}/' }, { wildcard: 'orders/*/*/*' }],
    [{ prefix: 'orders/', glob: '**/*.csv' }, { wildcard: 'orders/*.csv' }],
    [{ prefix: 'orders/', glob: '*/*.csv' }, { wildcard: 'orders/*/*.csv' }],
    [{ prefix: 'orders/', glob: '*.{csv,txt}' }, { wildcard: 'orders/*.*' }],
    [{ prefix: 'orders/', glob: 'all.csv' }, 'orders/all.csv'],
    [{ prefix: 'a*b\\c/', glob: '*.csv' }, { wildcard: 'a\\*b\\\\c/*.csv' }],
    [{ glob: '**' }, undefined],
  ] as const)('of %j is %j', (source, expected) => {
    expect(keyPattern({ prefix: '', ...source })).toEqual(expected);
  });

  it('has a star never beside another, which EventBridge refuses', () => {
    fc.assert(
      fc.property(sources, (source) => {
        const pattern = keyPattern(dataset(source).source);
        if (typeof pattern === 'object' && 'wildcard' in pattern) {
          expect(pattern.wildcard.replace(/\\[*\\]/g, 'x')).not.toContain('**');
        }
      }),
    );
  });

  it('takes every key that the data set takes', () => {
    let matched = 0;
    fc.assert(
      fc.property(sources, keys, (source, key) => {
        const one = dataset(source);
        if (matcherOf(one, places).match({ bucket: 'landing', key }) === undefined) return;
        matched++;
        expect([keyPattern(one.source), key, takes(keyPattern(one.source), key)]).toEqual([
          keyPattern(one.source),
          key,
          true,
        ]);
      }),
      { numRuns: 3000 },
    );
    expect(matched).toBeGreaterThan(100);
  });
});

const sources = fc.record({
  prefix: fc.constantFrom('', 'a/', 'a', 'a/{yyyy}/', '{yyyy}', 'a*', 'a\\b/'),
  glob: fc.constantFrom(
    undefined,
    '**',
    '*',
    '*.csv',
    '**/*.csv',
    '*/*.csv',
    'b.csv',
    '**/b.{csv,txt}',
    '?.csv',
    '[ab].csv',
  ),
});
const keys = fc
  .array(fc.constantFrom('a', 'b', '/', '.csv', '2024', '*', '\\', '.txt'), { minLength: 1, maxLength: 6 })
  .map((pieces) => pieces.join(''))
  // Folders, which are no objects to load; globs take them.
  .filter((key) => !key.endsWith('/'));

describe('data sets that uploads start', () => {
  it('are those of the landing bucket, unless they say otherwise', () => {
    const all = [
      dataset({ prefix: 'a/' }),
      dataset({ bucket: 'public', prefix: 'a/' }),
      dataset({ prefix: 'b/' }, { start: { events: false } }),
      dataset({ bucket: 'ours', prefix: 'a/' }, { start: { events: true } }),
    ];
    expect(startedByUploads(all)).toEqual([all[0], all[3]]);
  });
});

interface Made {
  Type: string;
  DependsOn?: string[];
  Properties: { EventPattern: { detail: object }; TargetParameters: { InputTemplate: string } };
}
const made = (by: 'eventbridge' | 's3', ...datasets: ReturnType<typeof dataset>[]) =>
  uploadResources(datasets, { by, windowSeconds: 30 }) as Record<string, Made>;

describe('what uploads need', () => {
  it('is a rule, a queue with dead letters, and a pipe, for each data set', () => {
    const resources = made('eventbridge', dataset({ prefix: 'orders/' }));
    expect(Object.keys(resources).sort()).toEqual([
      'LandingBucket',
      'OrdersDeadLetterQueue',
      'OrdersPipe',
      'OrdersPipeRole',
      'OrdersQueue',
      'OrdersQueuePolicy',
      'OrdersUploads',
    ]);
    expect(resources['OrdersUploads']!.Properties.EventPattern.detail).toEqual({
      bucket: { name: [{ Ref: 'LandingBucket' }] },
      object: { key: [{ prefix: 'orders/' }] },
    });
  });

  it('where S3 notifies the queues itself is no rule, and messages as they come', () => {
    const resources = made('s3', dataset({ prefix: 'orders/{yyyy}/' }));
    expect(resources['OrdersUploads']).toBeUndefined();
    expect(resources['OrdersPipe']!.Properties.TargetParameters).not.toHaveProperty('InputTemplate');
    expect(resources['LandingBucket']).toMatchObject({
      DependsOn: ['OrdersQueuePolicy'],
      Properties: {
        NotificationConfiguration: {
          QueueConfigurations: [{ Filter: { S3Key: { Rules: [{ Name: 'prefix', Value: 'orders/' }] } } }],
        },
      },
    });
  });

  it('keeps the names of data sets apart', () => {
    const names = ['a-b', 'a_b', 'ab'].map((name) => dataset({}, { name }));
    expect(Object.keys(made('eventbridge', ...names)).filter((id) => id.endsWith('Pipe'))).toHaveLength(3);
  });

  it('makes of events what an execution takes, also of the longest keys under the bound of its input', () => {
    const one = dataset({ prefix: 'orders/' });
    const template = made('eventbridge', one)['OrdersPipe']!.Properties.TargetParameters.InputTemplate;
    const event = (key: string) => ({
      time: '2024-01-05T00:00:00Z',
      detail: {
        bucket: { name: 'landing' },
        object: {
          key,
          size: 10,
          etag: 'b1946ac92492d2347c6235b4d2611184',
          'version-id': 'v'.repeat(32),
          sequencer: '617f08299329d189',
        },
      },
    });
    const input = Array.from({ length: 100 }, (_, i) =>
      filled(template, { body: event(`orders/${i}"é ${'x'.repeat(1000)}.csv`) }),
    );
    const text = `[${input.join(',')}]`;
    expect(text.length).toBeLessThan(262_144);
    const request = toRequest(JSON.parse(text), {
      environment: {},
      datasets: { all: () => [one], get: (name: string) => (name === 'orders' ? one : undefined) } as never,
      places,
      now: new Date('2024-02-01T00:00:00Z'),
    });
    expect(request).toMatchObject({ trigger: 'event', dataset: { name: 'orders' } });
    expect('objects' in request && request.objects).toHaveLength(100);
  });
});

describe('a burst of uploads', () => {
  it('becomes few executions, and every object is loaded once however often its event comes', async () => {
    const world = makeWorld({
      datasets: [
        {
          name: 'orders',
          source: { prefix: 'orders/' },
          target: { database: 'shop', table: 'orders', mode: 'append' },
        },
      ],
    });
    const events = [];
    for (let i = 0; i < 300; i++) {
      const key = `orders/${i}.csv`;
      await world.put(key, `id\n${i}\n`);
      const { etag, sizeBytes } = (await world.ports.objects.head({ bucket: 'landing', key }))!;
      events.push({ bucket: 'landing', key, etag, sizeBytes, atSeconds: i / 10 });
    }
    const { InputTemplate: template } = made('eventbridge', ...world.datasets.all())['OrdersPipe']!.Properties
      .TargetParameters;
    let seed = 1;
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const inputs = inputsOfPipe(events, {
      template,
      batchSize: 100,
      windowSeconds: 30,
      pollers: 2,
      random,
      duplicates: 0.2,
    });
    expect(inputs.flat().length).toBeGreaterThan(330);
    expect(inputs.length).toBeLessThanOrEqual(6);
    const outcomes = await Promise.all(inputs.map((input) => world.run(input)));
    expect(outcomes.map(({ status }) => status)).toEqual(inputs.map(() => 'SUCCEEDED'));
    const ids = (await world.rows('shop', 'orders')).map((row) => Number(row['id']));
    expect(ids.sort((a, b) => a - b)).toEqual(events.map((_, i) => i));
  });
});
