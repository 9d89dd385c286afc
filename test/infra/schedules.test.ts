import { describe, expect, it } from '@jest/globals';
import { scheduleResources } from '../../infra/schedules.ts';
import type { DatasetDefinition } from '../../shared/dataset/dataset.ts';
import { parseDataset } from '../../shared/dataset/parse.ts';

const dataset = (others: Partial<DatasetDefinition>) =>
  parseDataset({ name: 'orders', target: { database: 'shop' }, ...others }, 'a test');
const made = (others: Partial<DatasetDefinition>) => scheduleResources([dataset(others)]) as Record<string, Schedule>;
const inputOf = (resource: Schedule | undefined) => JSON.parse(resource!.Properties.Target.Input);

interface Schedule {
  Properties: { Target: { Input: string } };
}

describe('the schedules of a data set', () => {
  it('start executions with its name and their own input, in their zone', () => {
    const resources = made({
      source: { bucket: 'public', timezone: 'America/Sao_Paulo' },
      start: {
        schedules: [
          { expression: 'cron(0 6 * * ? *)', input: { 'source.pick': 'latest' } },
          { expression: 'rate(2 days)', timezone: 'UTC' },
        ],
      },
    });
    expect(Object.keys(resources)).toEqual([
      'OrdersSchedule1',
      'OrdersSchedule2',
      'SchedulerRole',
      'SchedulesDeadLetterQueue',
    ]);
    expect(resources['OrdersSchedule1']!.Properties).toMatchObject({
      ScheduleExpression: 'cron(0 6 * * ? *)',
      ScheduleExpressionTimezone: 'America/Sao_Paulo',
      FlexibleTimeWindow: { Mode: 'OFF' },
    });
    expect(inputOf(resources['OrdersSchedule1'])).toEqual({
      dataset: 'orders',
      trigger: 'schedule',
      'source.pick': 'latest',
    });
    expect(resources['OrdersSchedule2']!.Properties).toMatchObject({ ScheduleExpressionTimezone: 'UTC' });
  });

  it('sweep up what no event told of, where uploads start loads', () => {
    const sweep = made({})['OrdersSweep'];
    expect(sweep!.Properties).toMatchObject({
      ScheduleExpression: 'rate(1 hour)',
      FlexibleTimeWindow: { Mode: 'FLEXIBLE' },
    });
    expect(inputOf(sweep)).toEqual({
      dataset: 'orders',
      trigger: 'sweep',
      'source.pick': 'new',
      'source.onNothing': 'skip',
    });
    // Of one that takes the latest alone, older objects are not missing.
    expect(inputOf(made({ source: { pick: 'latest' } })['OrdersSweep'])).not.toHaveProperty('source.pick');
    expect(made({ source: { bucket: 'public' } })).toEqual({});
    expect(made({ start: { sweep: 'off' } })).toEqual({});
  });
});
