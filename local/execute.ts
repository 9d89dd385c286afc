import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { ResolveRequest } from '../functions/list-latest/step.ts';
import { makeSteps } from '../functions/steps.ts';
import type { Intent } from '../shared/commit/entry.ts';
import type { HistoryLine } from '../shared/commit/history.ts';
import { readJson } from '../shared/commit/json-object.ts';
import { runId, runKeys } from '../shared/commit/keys.ts';
import { runFiles } from '../shared/commit/run-files.ts';
import { type LoadRequest, tokenValues } from '../shared/dataset/request.ts';
import { fillTokens } from '../shared/domain/dates.ts';
import type { Listed } from '../shared/domain/load.ts';
import { ensureHistoryView } from '../shared/engine/history-view.ts';
import { lakeReleased } from '../shared/engine/lake-database.ts';
import { prepareLakeEngine } from '../shared/engine/lake-engines.ts';
import { prepareDatabase } from '../shared/engine/spare-databases.ts';
import { uri } from '../shared/ports/object-store.ts';
import type { Home } from './home.ts';
import type { MachineEvent } from './machine/events.ts';
import { type Definition, type ExecutionResult, loadDefinition, runMachine } from './machine.ts';
import { count } from './print.ts';
import { callsSince, type RunResult, readHistory, sourcesOf } from './result.ts';

export const DEFINITION = join(import.meta.dirname, '..', 'statemachines', 'load.asl.yml');

/** Read with this module, once a process: parsing it takes longer than most steps of a small load. */
const definition: Promise<Definition> = loadDefinition(DEFINITION);
// What is wrong with it is told to whoever runs it.
definition.catch(() => undefined);

/**
 * The engines that a state is about to need are made while those before it are at work. Reading Parquet uses one up, and the one that
 * has the lake is closed where converting takes long.
 */
const PREPARES: Record<string, (home: Home) => void> = {
  ReadEach: prepareEngines,
  Plan: prepareEngines,
  Gather: (home) => prepareLakeEngine(home.scratch),
};

function prepareEngines(home: Home): void {
  prepareLakeEngine(home.scratch);
  prepareDatabase();
  // Where it cannot be had, the step that needs it says so.
  home.ports.engine().catch(() => undefined);
}

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
    definition: await definition,
    handlers,
    objects: ports.objects,
    input: { dataset: request.dataset.name },
    name,
    startTime,
    clock: ports.clock,
    executions: home.executions,
    onEvent: (event) => {
      if (event.type === 'StateEntered') PREPARES[event.state]?.(home);
      options.onEvent?.(event);
    },
    ...(options.signal ? { signal: options.signal } : {}),
  });
  const lake = { path: home.lake, scratch: home.scratch };
  const lines = await readHistory(home, request.dataset.name, run);
  const status = statusOf(outcome, lines, request);
  const [files, clusters] = await Promise.all([
    status === 'succeeded' ? filesOf(home, request, run) : {},
    status === 'succeeded' ? clustersOf(ports, run) : {},
    // A run that broke off at its beginning, or was interrupted, has left no line, and there may be none of any run.
    lines.length > 0
      ? ensureHistoryView(lake, home.pathOf({ bucket: home.places.work, key: 'history' }))
      : lakeReleased(lake),
  ]);
  const objectStoreCalls = callsSince(callsBefore, ports.objects.calls);
  const listed = await runFiles(ports, run).listedIfAny();
  return {
    run: { id: run, status },
    tables: lines[0]?.tables ?? [],
    ...files,
    ...clusters,
    sources: sourcesOf(lines),
    objectStoreCalls,
    durationMs: Math.round(performance.now() - startedAt),
    notices: [...request.notices, ...skippedNotices(listed, request, status, home.places.landing)],
    ...(outcome.error ? { error: errorOf(outcome.error) } : {}),
  };
}

function statusOf(outcome: ExecutionResult, lines: HistoryLine[], request: LoadRequest): RunResult['run']['status'] {
  if (outcome.status !== 'SUCCEEDED') return 'failed';
  // A compaction that finds every partition in one file is not on record.
  return lines[0]?.status ?? (request.compact ? 'nothing' : 'succeeded');
}

/** What the run's clusters came to. */
async function clustersOf(ports: Home['ports'], run: string): Promise<Pick<RunResult, 'clusters'>> {
  const clustered = await runFiles(ports, run).clusteredIfAny();
  if (!clustered) return {};
  const { algorithm, clusters, noise, points, k, silhouette, inertia, reason } = clustered.report;
  return {
    clusters: {
      ...{ algorithm, clusters, noise, points, reason },
      ...(k === undefined ? {} : { k }),
      ...(silhouette ? { silhouette: silhouette.mean } : {}),
      ...(inertia === undefined ? {} : { inertia }),
    },
  };
}

/** Layout mirror: what the run wrote where, since there is no table that says it. */
async function filesOf(home: Home, request: LoadRequest, run: string): Promise<Pick<RunResult, 'files'>> {
  if (request.dataset.target.layout !== 'mirror') return {};
  const { objects, places } = home.ports;
  const intent = await readJson<Intent>(objects, { bucket: places.work, key: runKeys.intent(run) });
  return { files: intent.fixed.map((file) => ({ uri: uri(file), rows: file.rows, bytes: file.bytes })) };
}

/**
 * Why nothing was loaded, or not all that matched; objects that are loaded already are told of only where nothing else is.
 */
function skippedNotices(
  listed: Listed | undefined,
  request: LoadRequest,
  status: RunResult['run']['status'],
  landing: string,
): string[] {
  if (!listed) return [];
  const { loaded, held, quarantined, superseded } = listed.skipped;
  if (listed.busy !== undefined) return [`left to the next run: ${listed.busy} is under way`];
  const notices: string[] = [];
  if (listed.objects + loaded + held + quarantined + superseded === 0)
    notices.push(`no object matches ${sought(request, landing)}`);
  if (loaded > 0 && status === 'nothing') notices.push(`${count(loaded, 'object')} loaded already`);
  if (held > 0) notices.push(`${count(held, 'object')} left to another run that holds them`);
  if (quarantined > 0) {
    notices.push(
      `${count(quarantined, 'object')} left in quarantine, having failed before; sluice redrive tries again`,
    );
  }
  if (superseded > 0) notices.push(`${count(superseded, 'object')} of the event gone, or changed since`);
  return notices;
}

/** Where a run that lists has looked: `s3://landing/weather/, glob *.csv`. */
function sought(request: LoadRequest, landing: string): string {
  const { bucket = landing, prefix, contains, glob } = request.dataset.source;
  const tokens = tokenValues(request);
  const by = [
    `s3://${bucket}/${fillTokens(prefix, tokens)}`,
    ...(contains === undefined ? [] : [`contains ${fillTokens(contains, tokens)}`]),
    ...(glob === undefined ? [] : [`glob ${fillTokens(glob, tokens, 'literal')}`]),
  ];
  return by.join(', ');
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
