import { CatalogConflict, ObjectStoreBusy } from '../shared/errors.ts';
import type { CallCounts } from '../shared/ports/object-store.ts';
import { MetricUnit, metrics } from '../shared/telemetry.ts';

/**
 * What a step's invocation tells CloudWatch, by dimensions of few values (service and step, or service and error).
 * Alarms and dashboard (infra/) go by these names.
 */

/** One invocation, from its start on. */
export interface Invocation {
  step: string;
  startedAtMs: number;
  callsBefore: Readonly<CallCounts>;
}

/** `Seconds`, and the calls of the object store as `ObjectStoreGet`, `ObjectStorePut` and so on. */
export function measureInvocation(invocation: Invocation, calls: Readonly<CallCounts>, nowMs: number): void {
  metrics.addMetric('Seconds', MetricUnit.Seconds, secondsOf(invocation, nowMs));
  for (const kind of Object.keys(calls) as (keyof CallCounts)[]) {
    const name = `ObjectStore${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
    metrics.addMetric(name, MetricUnit.Count, calls[kind] - invocation.callsBefore[kind]);
  }
}

/** What the step did, of the steps that tell it by their output. */
export function measureOutput(invocation: Invocation, output: unknown, nowMs: number): void {
  const { step } = invocation;
  const told = (output ?? {}) as Record<string, unknown>;
  const count = (name: string, value: unknown) => {
    if (typeof value === 'number') metrics.addMetric(name, MetricUnit.Count, value);
  };
  if (step === 'list-latest') {
    const { objects, bytes } = told['sources'] as { objects: number; bytes: number };
    count('ObjectsFound', objects);
    metrics.addMetric('BytesFound', MetricUnit.Bytes, bytes);
    // A sweep is expected to find nothing; a schedule is not.
    if (told['trigger'] === 'schedule') count('ScheduledNothing', objects === 0 ? 1 : 0);
  } else if (step === 'convert') {
    count('RowsRead', Number(told['rowsWritten']) + Number(told['rowsRejected']));
    count('RowsWritten', told['rowsWritten']);
    count('RowsRejected', told['rowsRejected']);
    const bytes = Number(told['bytesRead']);
    metrics.addMetric('BytesRead', MetricUnit.Bytes, bytes);
    const seconds = secondsOf(invocation, nowMs);
    if (seconds > 0) metrics.addMetric('BytesPerSecond', MetricUnit.BytesPerSecond, bytes / seconds);
  } else if (step === 'gather') {
    count('ObjectsFailed', told['failed']);
  }
}

/** A service's refusal for the number of requests: `Throttled`, by the error. */
export function measureError(error: unknown): void {
  if (!(error instanceof ObjectStoreBusy || error instanceof CatalogConflict)) return;
  const throttled = metrics.singleMetric();
  throttled.addDimension('error', error.name);
  throttled.addMetric('Throttled', MetricUnit.Count, 1);
}

function secondsOf({ startedAtMs }: Pick<Invocation, 'startedAtMs'>, nowMs: number): number {
  return (nowMs - startedAtMs) / 1000;
}
