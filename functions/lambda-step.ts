import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { captureLambdaHandler } from '@aws-lambda-powertools/tracer/middleware';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import type { z } from 'zod';
import type { TableEngine } from '../shared/engine/table-engine.ts';
import type { CallCounts } from '../shared/ports/object-store.ts';
import type { Ports } from '../shared/ports/ports.ts';
import { logger, MetricUnit, metrics, tracer } from '../shared/telemetry.ts';
import { awsPorts } from './aws-ports.ts';
import { parseStepInput } from './step-input.ts';

type Step<I, O> = (event: I, attempt: string) => Promise<O>;

/**
 * A step as a Lambda function: input checked, ports made once a sandbox, the invocation's id naming the attempt, calls
 * counted. Errors pass through under their own names, which the state machine matches.
 */
export function lambdaStep<I, O>(
  name: string,
  input: z.ZodType<I>,
  make: (ports: Ports) => Step<I, O>,
  makeEngine?: () => TableEngine,
) {
  let ports: Ports | undefined;
  let step: Step<I, O> | undefined;
  metrics.setDefaultDimensions({ step: name });

  const handle = async (event: unknown, context: Context): Promise<O> => {
    const parsed = parseStepInput(input, event);
    ports ??= awsPorts(makeEngine);
    step ??= make(ports);
    const before = { ...ports.objects.calls };
    try {
      return await step(parsed, context.awsRequestId);
    } finally {
      countCalls(before, ports.objects.calls);
    }
  };
  return middy(handle)
    .use(injectLambdaContext(logger))
    .use(logMetrics(metrics, { captureColdStartMetric: true }))
    .use(captureLambdaHandler(tracer, { captureResponse: false }));
}

/** `ObjectStoreGet`, `ObjectStorePut` and so on: what this invocation asked of S3. */
function countCalls(before: CallCounts, after: Readonly<CallCounts>): void {
  for (const kind of Object.keys(before) as (keyof CallCounts)[]) {
    const metric = `ObjectStore${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
    metrics.addMetric(metric, MetricUnit.Count, after[kind] - before[kind]);
  }
}
