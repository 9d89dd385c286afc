import pMap from 'p-map';
import { z } from 'zod';
import { quarantinedIds } from '../../shared/commit/claim-listing.ts';
import { type ClaimOutcome, claimMany } from '../../shared/commit/claims.ts';
import { finishRun } from '../../shared/commit/finish.ts';
import type { LogState } from '../../shared/commit/fold.ts';
import { writeHistory } from '../../shared/commit/history.ts';
import { runId } from '../../shared/commit/keys.ts';
import { openLog } from '../../shared/commit/log.ts';
import { redriveRequest } from '../../shared/commit/redrive.ts';
import { repair } from '../../shared/commit/repair.ts';
import { attemptFolder, type RunRequest, runFiles } from '../../shared/commit/run-files.ts';
import { releaseRunLock, takeRunLock } from '../../shared/commit/run-lock.ts';
import { storeOf } from '../../shared/commit/source-store.ts';
import { readTasks, taskName, writeTasks } from '../../shared/commit/tasks.ts';
import { type LoadRequest, reloads } from '../../shared/dataset/request.ts';
import type { Listed, ReadTask } from '../../shared/domain/load.ts';
import type { SourceObject } from '../../shared/domain/source.ts';
import { BATCH_MAX_BYTES, BATCH_MAX_OBJECTS, SMALL_CALLS_AT_ONCE } from '../../shared/limits.ts';
import type { Ports } from '../../shared/ports/ports.ts';
import { type Candidates, candidatesOf } from './candidates.ts';
import { planCompaction } from './compaction.ts';

export const ListLatestInput = z.object({
  execution: z.object({ id: z.string(), name: z.string(), startTime: z.string() }),
  /** The execution's own input, in any form that a request may have. */
  input: z.unknown(),
});
export type ListLatestInput = z.infer<typeof ListLatestInput>;

/** What every later state of the machine sees. */
export interface ListLatestOutput {
  run: string;
  dataset: string;
  /** The work bucket. */
  bucket: string;
  /** Whether there is anything to load, or what its absence means; `compact`: straight to the buckets. */
  nothing: 'no' | 'skip' | 'fail' | 'compact';
  sources: { items: string; objects: number; bytes: number };
  workers: number;
  /** Whether what is loaded is clustered before it is committed. */
  clusters: boolean;
  /** How the load was asked for; not there where nothing was. */
  trigger?: LoadRequest['trigger'];
  /** Compaction: what gather would have planned. */
  gather?: { buckets: string };
}

/** Turns an execution's input into a request; throws `BadRequest`, `BadDataset`, `UnknownDataset`, `OutputInsideSource`. */
export type ResolveRequest = (input: unknown, now: Date) => Resolved | Promise<Resolved>;
type Resolved = LoadRequest | { nothing: true; notices: string[] };

/** Finds, claims and batches the objects that a run will load. */
export function makeListLatest(ports: Ports, resolve: ResolveRequest) {
  return async (event: ListLatestInput, attempt: string): Promise<ListLatestOutput> => {
    const run = runId(event.execution);
    const files = runFiles(ports, run);
    const { execution } = event;
    const predecessor = runNamed(event.input, 'successorOf');
    const request = await requestOf(ports, resolve, event);
    if ('nothing' in request) return nothingAsked(run, ports.places.work);
    const fixed = await files.fixRequest({
      run,
      executionId: execution.id,
      startedAt: new Date(execution.startTime).toISOString(),
      request,
    });
    const singleFlight = fixed.request.dataset.concurrency.singleFlight;
    const known = singleFlight ? await files.listedIfAny() : undefined;
    const holder =
      singleFlight && !known ? await takeRunLock(ports, request.dataset.name, fixed, predecessor) : undefined;
    if (fixed.request.compact && holder === undefined && !known) return compaction(ports, fixed, attempt);
    const listed =
      known ?? (await files.fixListed(holder ? leftTo(holder) : await list(ports, fixed, predecessor, attempt)));
    return {
      run,
      dataset: fixed.request.dataset.name,
      bucket: ports.places.work,
      nothing: listed.objects > 0 ? 'no' : await nothing(ports, fixed, listed),
      sources: { items: listed.tasks.items, objects: listed.objects, bytes: listed.bytes },
      workers: fixed.request.dataset.concurrency.workers,
      clusters: fixed.request.dataset.cluster !== undefined,
      trigger: fixed.request.trigger,
    };
  };
}

/** Another run is under way, and there may be one at a time: every object stays as it is for the next run, or the sweep. */
function leftTo(run: string): Listed {
  return {
    tasks: { items: '', tasks: '', count: 0 },
    ...{ objects: 0, bytes: 0 },
    skipped: { loaded: 0, held: 0, quarantined: 0, superseded: 0 },
    busy: run,
  };
}

/** The input asks for nothing, such as S3's test event. */
function nothingAsked(run: string, bucket: string): ListLatestOutput {
  const sources = { items: '', objects: 0, bytes: 0 };
  return { run, dataset: '', bucket, nothing: 'skip', sources, workers: 1, clusters: false };
}

/** A compaction lists nothing: its tasks are the live partitions of many files. */
async function compaction(ports: Ports, fixed: RunRequest, attempt: string): Promise<ListLatestOutput> {
  const { dataset } = fixed.request;
  const state = await openLog(ports.objects, ports.places.work, dataset.name).head();
  const buckets = await planCompaction(ports, fixed, state, attempt);
  if (buckets.count === 0 && dataset.concurrency.singleFlight) await releaseRunLock(ports, dataset.name, fixed.run);
  return {
    run: fixed.run,
    dataset: dataset.name,
    bucket: ports.places.work,
    nothing: buckets.count > 0 ? 'compact' : 'skip',
    sources: { items: '', objects: 0, bytes: 0 },
    workers: dataset.concurrency.workers,
    clusters: false,
    gather: { buckets: buckets.items },
  };
}

/** An event that comes again finds all that its folder has loaded, and nothing to do; any other finds all of it to be done again. */
function unlessAllLoaded(found: Candidates, state: LogState): Candidates {
  const isNew = found.objects.some(({ id }) => !state.sources.has(id));
  return isNew ? found : { ...found, objects: [], loaded: found.loaded + found.objects.length };
}

/** Two inputs name an earlier run: that of a void run's successor, over the same objects, and a redrive. */
async function requestOf(ports: Ports, resolve: ResolveRequest, event: ListLatestInput): Promise<Resolved> {
  const predecessor = runNamed(event.input, 'successorOf');
  if (predecessor !== undefined) return (await runFiles(ports, predecessor).request()).request;
  const redriven = runNamed(event.input, 'redrive');
  if (redriven !== undefined) return redrive(ports, resolve, redriven, new Date(event.execution.startTime));
  return resolve(event.input, new Date(event.execution.startTime));
}

/** As the run was asked; but where it was its data set that was mended, as that is now. */
async function redrive(ports: Ports, resolve: ResolveRequest, run: string, now: Date): Promise<Resolved> {
  const request = await redriveRequest(ports, run);
  if (!request.asDefined) return request;
  const asNow = await resolve({ dataset: request.dataset.name }, now);
  return 'nothing' in asNow ? request : { ...request, dataset: asNow.dataset };
}

function runNamed(input: unknown, key: 'successorOf' | 'redrive'): string | undefined {
  if (typeof input !== 'object' || input === null || !(key in input)) return undefined;
  return String((input as Record<string, unknown>)[key]);
}

async function list(
  ports: Ports,
  fixed: RunRequest,
  predecessor: string | undefined,
  attempt: string,
): Promise<Listed> {
  const { request, run, executionId } = fixed;
  await repair(ports, request.dataset, { run, executionId, attempt });
  const state = await openLog(ports.objects, ports.places.work, request.dataset.name).head();
  const found = predecessor
    ? await objectsOf(ports, fixed, predecessor)
    : await candidatesOf(ports, request, (id) => state.sources.has(id));
  const candidates = request.whole ? unlessAllLoaded(found, state) : found;
  const gated = request.objects === undefined && predecessor === undefined && !reloads(request);
  const waiting = gated
    ? await quarantinedIds(ports, request.dataset.name, candidates.objects.length, state.sources.size)
    : new Set<string>();
  const asked = candidates.objects.filter(({ id }) => !waiting.has(id));
  const { claimed, loaded, held, quarantined } = await claimAll(ports, fixed, asked, state, attempt);
  const tasks = batches(claimed);
  return {
    tasks: await writeTasks(ports.objects, ports.places.work, attemptFolder(run, 'list', attempt), tasks),
    objects: claimed.length,
    bytes: claimed.reduce((sum, source) => sum + source.sizeBytes, 0),
    skipped: {
      loaded: loaded + candidates.loaded,
      held,
      quarantined: quarantined + candidates.objects.length - asked.length,
      superseded: candidates.superseded,
    },
  };
}

/** What the void run had, but for objects that are of another version by now: that version's own run brings it. */
async function objectsOf(ports: Ports, fixed: RunRequest, run: string): Promise<Candidates> {
  const listed = await runFiles(ports, run).listed();
  const tasks = await readTasks<ReadTask>(ports.objects, ports.places.work, listed.tasks);
  const sources = tasks.flatMap((task) => task.sources);
  const { access } = fixed.request.dataset.source;
  const now = await pMap(sources, (source) => storeOf(ports, access, source).head(source), {
    concurrency: SMALL_CALLS_AT_ONCE,
  });
  // One that is gone fails by itself, and is told of.
  const objects = sources.filter(({ etag }, i) => now[i] === undefined || now[i].etag === etag);
  return { objects, loaded: 0, superseded: sources.length - objects.length };
}

interface Claims {
  claimed: SourceObject[];
  loaded: number;
  held: number;
  quarantined: number;
}

/**
 * Claims each object. Runs that decided to commit and died are met by what they hold: they are finished, and their objects
 * claimed once more, to find them loaded, or free where the commit was void.
 */
async function claimAll(
  ports: Ports,
  fixed: RunRequest,
  sources: SourceObject[],
  state: LogState,
  attempt: string,
): Promise<Claims> {
  const { request, run, executionId } = fixed;
  const claimant = {
    run,
    executionId,
    dataset: request.dataset.name,
    force: reloads(request),
    redrives: request.redrives !== undefined,
  };
  const outcomes = await claimMany(ports, claimant, sources, state);
  const unfinished = new Set(outcomes.flatMap((outcome) => (typeof outcome === 'object' ? [outcome.unfinished] : [])));
  if (unfinished.size > 0) {
    for (const dead of unfinished)
      await finishRun(ports, await runFiles(ports, dead).request(), { run, executionId, attempt });
    // What those replaced leaves as well: this run may find nothing to load, and retire nothing.
    await repair(ports, request.dataset, { run, executionId, attempt });
    const waiting = sources.filter((_, i) => typeof outcomes[i] === 'object');
    const now = await openLog(ports.objects, ports.places.work, request.dataset.name).head();
    const again = await claimMany(ports, claimant, waiting, now);
    for (const [i, source] of waiting.entries()) outcomes[sources.indexOf(source)] = again[i];
  }
  const count = (wanted: ClaimOutcome) => outcomes.filter((outcome) => outcome === wanted).length;
  return {
    claimed: sources.filter((_, i) => outcomes[i] === 'claimed'),
    loaded: count('loaded'),
    held: count('held'),
    quarantined: count('quarantined'),
  };
}

/** A large object alone, small ones packed by bytes, in listing order. */
export function batches(sources: SourceObject[]): ReadTask[] {
  const packed: SourceObject[][] = [];
  let open: SourceObject[] = [];
  let bytes = 0;
  for (const source of sources) {
    if (open.length > 0 && (open.length === BATCH_MAX_OBJECTS || bytes + source.sizeBytes > BATCH_MAX_BYTES)) {
      packed.push(open);
      open = [];
      bytes = 0;
    }
    open.push(source);
    bytes += source.sizeBytes;
  }
  if (open.length > 0) packed.push(open);
  return packed.map((batch, i) => ({ task: taskName('read', i), sources: batch }));
}

/** Nothing matched is the data set's choice; everything loaded already is never a failure. */
async function nothing(ports: Ports, fixed: RunRequest, listed: Listed): Promise<'skip' | 'fail'> {
  const { loaded, held, quarantined, superseded } = listed.skipped;
  const { dataset } = fixed.request;
  const { busy } = listed;
  const matched = loaded + held + quarantined + superseded > 0 || busy !== undefined;
  const outcome = !matched && fixed.request.dataset.source.onNothing === 'fail' ? 'fail' : 'skip';
  const error = { name: 'NoInputObjects', message: 'No object matches the data set’s source' };
  await writeHistory(ports, {
    run: fixed.run,
    dataset: fixed.request.dataset.name,
    status: outcome === 'fail' ? 'failed' : 'nothing',
    startedAt: fixed.startedAt,
    accounts: [],
    failed: [],
    tables: [],
    notices: [...fixed.request.notices, ...(busy === undefined ? [] : [`left to the next run: ${busy} is under way`])],
    ...(outcome === 'fail' ? { error } : {}),
  });
  if (dataset.concurrency.singleFlight) await releaseRunLock(ports, dataset.name, fixed.run);
  return outcome;
}
