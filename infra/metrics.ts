import { functionId } from './functions.ts';

/** Metrics that alarms and dashboard show: AWS's own, and those of functions/step-metrics.ts. */

export function executions(name: string): MetricSource {
  return {
    namespace: 'AWS/States',
    name,
    dimensions: { StateMachineArn: { Ref: 'LoadStateMachine' } },
    statistic: 'Sum',
  };
}

export function messages(queue: string): MetricSource {
  return {
    namespace: 'AWS/SQS',
    name: 'ApproximateNumberOfMessagesVisible',
    dimensions: { QueueName: { 'Fn::GetAtt': [queue, 'QueueName'] } },
    statistic: 'Maximum',
  };
}

/** A metric of our own, by the step that counts it. */
export function counted(name: string, step: string, statistic = 'Sum'): MetricSource {
  return { namespace: 'Sluice', name, dimensions: { service: '${self:service}', step }, statistic };
}

/** Steps that ended because a service refused requests, by the error they ended with. */
export function throttled(error: string): MetricSource {
  return {
    namespace: 'Sluice',
    name: 'Throttled',
    dimensions: { service: '${self:service}', error },
    statistic: 'Sum',
  };
}

export function ofFunction(name: string, key: string, statistic: string): MetricSource {
  return {
    namespace: 'AWS/Lambda',
    name,
    dimensions: { FunctionName: { Ref: functionId(key) } },
    statistic,
  };
}

export interface MetricSource {
  namespace: string;
  name: string;
  dimensions: Record<string, unknown>;
  statistic: string;
}
