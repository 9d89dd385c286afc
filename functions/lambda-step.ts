import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { captureLambdaHandler } from '@aws-lambda-powertools/tracer/middleware';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import type { z } from 'zod';
import type { Ports } from '../shared/ports/ports.ts';
import { logger, MetricUnit, metrics, tracer } from '../shared/telemetry.ts';
import { awsPorts } from './aws-ports.ts';
import { parseStepInput } from './step-input.ts';

type Step<I, O> = (event: I, attempt: string) => Promise<O>;

/**
 * A step as a Lambda function: input checked, ports made once a sandbox, the invocation's id naming the attempt, calls
 * counted. Errors pass through under their own names, which the state machine matches.
 */
export function lambdaStep<I, O>(name: string, input: z.ZodType<I>, make: (ports: Ports) => Step<I, O>) {
  let step: Step<I, O> | undefined;
  const handle = async (event: unknown, context: Context): Promise<O> => {
    const parsed = parseStepInput(input, event);
    const ports = awsPorts();
    step ??= make(ports);
    const before = { ...ports.objects.calls };
    const output = await step(parsed, context.awsRequestId);
    metrics.addDimension('step', name);
    for (const [kind, count] of Object.entries(ports.objects.calls)) {
      metrics.addMetric(
        `ObjectStore${kind[0].toUpperCase()}${kind.slice(1)}`,
        MetricUnit.Count,
        count - before[kind as keyof typeof before],
      );
    }
    return output;
  };
  return middy(handle)
    .use(injectLambdaContext(logger))
    .use(logMetrics(metrics, { captureColdStartMetric: true }))
    .use(captureLambdaHandler(tracer, { captureResponse: false }));
}
