import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { ResolveRequest } from '../functions/list-latest/step.ts';
import { makeSteps } from '../functions/steps.ts';
import { runId } from '../shared/commit/keys.ts';
import type { LoadRequest } from '../shared/dataset/request.ts';
import { ensureHistoryView } from '../shared/engine/history-view.ts';
import type { Home } from './home.ts';
import type { MachineEvent } from './machine/events.ts';
import { loadDefinition, runMachine } from './machine.ts';
import { callsSince, type RunResult, readHistory, sourcesOf } from './result.ts';

export const DEFINITION = join(import.meta.dirname, '..', 'statemachines', 'load.asl.yml');

export interface ExecuteOptions {
  onEvent?: (event: MachineEvent) => void;
  signal?: AbortSignal;
}

/**
 * One execution of the state machine over a home, for a request that is resolved already. A failed run is a result with
 * its error, not an exception.
 */
export async function execute(home: Home, request: LoadRequest, options: ExecuteOptions = {}): Promise<RunResult> {
  const { ports } = home;
  const startTime = ports.clock.now().toISOString();
  const name = `${request.dataset.name}-${randomBytes(4).toString('hex')}`.slice(0, 80);
  const run = runId({ name, startTime });
  const callsBefore = { ...ports.objects.calls };
  const startedAt = performance.now();
  const resolve: ResolveRequest = () => request;
  const steps = makeSteps(ports, resolve);
  const handlers = Object.fromEntries(
    Object.entries(steps).map(([step, handler]) => [
      `${step}LambdaFunction`,
      (event: unknown, context: { attemptId: string }) => handler(event, context.attemptId),
    ]),
  );
  const outcome = await runMachine({
    definition: await loadDefinition(DEFINITION),
    handlers,
    objects: ports.objects,
    input: { dataset: request.dataset.name },
    name,
    startTime,
    clock: ports.clock,
    executions: home.executions,
    ...(options.onEvent ? { onEvent: options.onEvent } : {}),
    ...(options.signal ? { signal: options.signal } : {}),
  });
  await ensureHistoryView({ path: home.lake }, home.pathOf({ bucket: home.places.work, key: 'history' }));
  const lines = await readHistory(home, request.dataset.name, run);
  const status = lines[0]?.status ?? (outcome.status === 'SUCCEEDED' ? 'succeeded' : 'failed');
  return {
    run: { id: run, status: outcome.status === 'SUCCEEDED' ? status : 'failed' },
    tables: lines[0]?.tables ?? [],
    sources: sourcesOf(lines),
    objectStoreCalls: callsSince(callsBefore, ports.objects.calls),
    durationMs: Math.round(performance.now() - startedAt),
    notices: request.notices,
    ...(outcome.error ? { error: errorOf(outcome.error) } : {}),
  };
}

/** The state machine's error: its name, and Lambda's or the Fail state's JSON about it. */
function errorOf(error: { name: string; cause: string }): NonNullable<RunResult['error']> {
  if (!error.cause.startsWith('{')) return { name: error.name, message: error.cause };
  const cause = JSON.parse(error.cause) as { errorMessage?: string; where?: string };
  return {
    name: error.name,
    message: cause.errorMessage ?? error.cause,
    ...(cause.where === undefined ? {} : { where: cause.where }),
  };
}
