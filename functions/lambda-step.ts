import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import { logMetrics } from '@aws-lambda-powertools/metrics/middleware';
import { captureLambdaHandler } from '@aws-lambda-powertools/tracer/middleware';
import middy from '@middy/core';
import type { Context } from 'aws-lambda';
import type { z } from 'zod';
import type { TableEngine } from '../shared/engine/table-engine.ts';
import type { Ports } from '../shared/ports/ports.ts';
import { logger, metrics, tracer } from '../shared/telemetry.ts';
import { awsPorts } from './aws-ports.ts';
import { withPlace } from './error-place.ts';
import { parseStepInput } from './step-input.ts';
import { measureError, measureInvocation, measureOutput } from './step-metrics.ts';

type Step<I, O> = (event: I, attempt: string) => Promise<O>;

/**
 * A step as a Lambda function: input checked, ports made once a sandbox, the invocation's id naming the attempt, its work
 * measured. Errors pass through under their own names, which the state machine matches.
 */
export function lambdaStep<I, O>(
  name: string,
  input: z.ZodType<I>,
  make: (ports: Ports) => Step<I, O>,
  makeEngine?: () => TableEngine,
  /** What else is to be measured once the step is done. */
  measure?: (ports: Ports) => Promise<void>,
) {
  let ports: Ports | undefined;
  let step: Step<I, O> | undefined;
  metrics.setDefaultDimensions({ step: name });

  const handle = async (event: unknown, context: Context): Promise<O> => {
    const parsed = parseStepInput(input, event);
    ports ??= awsPorts(makeEngine);
    step ??= make(ports);
    const { objects, clock } = ports;
    const invocation = { step: name, startedAtMs: clock.now().getTime(), callsBefore: { ...objects.calls } };
    try {
      const output = await step(parsed, context.awsRequestId);
      measureOutput(invocation, output, clock.now().getTime());
      await measure?.(ports);
      return output;
    } catch (error) {
      measureError(error);
      throw withPlace(error);
    } finally {
      measureInvocation(invocation, objects.calls, clock.now().getTime());
    }
  };
  return middy(handle)
    .use(injectLambdaContext(logger))
    .use(logMetrics(metrics, { captureColdStartMetric: true }))
    .use(captureLambdaHandler(tracer, { captureResponse: false }));
}
