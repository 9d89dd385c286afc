import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { alarmResources } from '../../infra/alarms.ts';
import { dashboardBody } from '../../infra/dashboard.ts';
import { parseDataset } from '../../shared/dataset/parse.ts';

const datasets = [parseDataset({ name: 'orders', target: { database: 'shop' } }, 'a test')];
const alarms = Object.entries(alarmResources(['listLatest', 'convert'], datasets)) as [
  string,
  { Properties: { AlarmDescription: string; Metrics: { Id: string; ReturnData?: boolean }[] } },
][];
const runbook = new URL('../../docs/runbook.md', import.meta.url);

describe('the alarms', () => {
  it('are of executions, queues, data and functions', () => {
    expect(alarms.map(([id]) => id).sort()).toEqual([
      'ConvertDurationAlarm',
      'ConvertThrottlesAlarm',
      'ExecutionsFailedAlarm',
      'ExecutionsThrottledAlarm',
      'ExecutionsTimedOutAlarm',
      'FailuresDeadLettersAlarm',
      'ListLatestDurationAlarm',
      'ListLatestThrottlesAlarm',
      'NothingLoadedAlarm',
      'OrdersDeadLettersAlarm',
      'QuarantineAlarm',
      'RejectedRowsAlarm',
      'SchedulesDeadLettersAlarm',
      'ThrottledAlarm',
    ]);
  });

  it.each(alarms)(
    '%s goes to the topic after two of three datapoints, and its heading is in the runbook',
    (_, alarm) => {
      expect(alarm.Properties).toMatchObject({
        DatapointsToAlarm: 2,
        EvaluationPeriods: 3,
        TreatMissingData: 'notBreaching',
        AlarmActions: [{ Ref: 'FailuresTopic' }],
      });
      const anchor = /docs\/runbook\.md#([a-z0-9-]+)$/.exec(alarm.Properties.AlarmDescription)?.[1];
      expect(existsSync(runbook)).toBe(true);
      const headings = [...readFileSync(runbook, 'utf8').matchAll(/^## (.+)$/gm)].map(([, heading]) =>
        heading!.toLowerCase().replaceAll(' ', '-'),
      );
      expect(headings).toContain(anchor);
    },
  );

  it('return one result each, and use no name that CloudWatch refuses', () => {
    for (const [, { Properties }] of alarms) {
      const queries = Properties.Metrics;
      expect(queries.filter(({ ReturnData }) => ReturnData !== false)).toHaveLength(1);
      for (const { Id } of queries) expect(Id).toMatch(/^[a-z][a-zA-Z0-9_]*$/);
    }
  });
});

describe('the dashboard', () => {
  it('is JSON whose references are all there', () => {
    const { 'Fn::Sub': filled } = dashboardBody(['convert'], datasets) as { 'Fn::Sub': [string, object] };
    const [text, values] = filled;
    const { widgets } = JSON.parse(text) as { widgets: { x: number; y: number; properties: { title: string } }[] };
    expect(widgets.map(({ properties }) => properties.title)).toContain('Rows');
    expect(new Set(widgets.map(({ x, y }) => `${x},${y}`)).size).toBe(widgets.length);
    const names = new Set([...text.matchAll(/\$\{([^}]+)\}/g)].map(([, name]) => name));
    expect([...names].filter((name) => name !== 'AWS::Region' && name !== 'self:service').sort()).toEqual(
      Object.keys(values).sort(),
    );
  });
});
