import { setTimeout as sleep } from 'node:timers/promises';
import type { DatasetRegistry } from '../../shared/dataset/registry.ts';
import type { LoadRequest, RequestContext } from '../../shared/dataset/request.ts';
import { buildInput } from '../../shared/dataset/settings.ts';
import { groupByDataset } from '../../shared/dataset/to-request.ts';
import { BadRequest } from '../../shared/errors.ts';
import { LOCAL_TIMEOUT_MAX_SECONDS } from '../../shared/limits.ts';
import type { Invocation } from '../cli.ts';
import { datasetNamedByPerson, datasetsIn } from '../datasets.ts';
import { execute } from '../execute.ts';
import { EXIT, exitCodeOf } from '../exit.ts';
import { type Home, LOCAL_PLACES, openHome } from '../home.ts';
import { readNamedFile } from '../named-file.ts';
import { runSummary } from '../print.ts';
import { progress } from '../progress.ts';
import type { RunResult } from '../result.ts';

/** `sluice run`: one execution for a data set. */
export async function runDataset(
  at: Invocation,
  named: string,
  options: { input?: string; set: string[]; datasets: string; every?: string },
): Promise<number> {
  const { name, datasets } = await datasetNamedByPerson(named, options.datasets);
  const input = buildInput({ dataset: name, set: options.set, ...(options.input ? { input: options.input } : {}) });
  if (options.every === undefined) return runInput(at, input, datasets);
  const pauseMs = durationMs(options.every);
  for (;;) {
    const code = await runInput(at, { trigger: 'schedule', ...input }, datasets);
    if (code === EXIT.interrupted || !(await pause(pauseMs, at.signal))) return EXIT.interrupted;
  }
}

const UNIT_MS: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `90s`, `5m`, `1h`, `1d`. */
function durationMs(text: string): number {
  const match = /^(\d+)([smhd])$/.exec(text);
  if (!match || Number(match[1]) === 0)
    throw new BadRequest(`--every wants a time such as 30s, 5m, 1h or 1d, not "${text}"`);
  const milliseconds = Number(match[1]) * UNIT_MS[match[2]];
  if (milliseconds > LOCAL_TIMEOUT_MAX_SECONDS * 1000) {
    throw new BadRequest(
      `--every ${text} is longer than the ${Math.floor(LOCAL_TIMEOUT_MAX_SECONDS / 86_400)} days that a timer lasts`,
    );
  }
  return milliseconds;
}

/** False where it was interrupted. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<boolean> {
  await sleep(milliseconds, undefined, { signal }).catch((error: Error) => {
    if (error.name !== 'AbortError') throw error;
  });
  return !signal.aborted;
}

/** `sluice event`: the executions that an event would start, one a data set. */
export async function runEvent(at: Invocation, file: string, options: { datasets: string }): Promise<number> {
  const text = await readNamedFile(file);
  let event: unknown;
  try {
    event = JSON.parse(text);
  } catch (error) {
    throw new BadRequest(`Cannot parse ${file} as JSON: ${(error as Error).message}`, { where: file, cause: error });
  }
  return runInput(at, event, await datasetsIn(options.datasets));
}

async function runInput(at: Invocation, input: unknown, datasets: DatasetRegistry): Promise<number> {
  const context: RequestContext = { environment: process.env, datasets, places: LOCAL_PLACES, now: new Date() };
  const { requests, notices } = groupByDataset(input, context);
  for (const notice of notices) at.output.err(notice);
  if (requests.length === 0) at.output.err('Nothing to load');
  // The SDK takes its time to load: only for sources that are real S3.
  const remote = requests.some(({ dataset }) => Object.keys(dataset.source.access).length > 0);
  const openS3 = remote ? (await import('../../shared/adapters/s3-object-store.ts')).s3ObjectStore : undefined;
  const home = await openHome(at.home, { signal: at.signal, ...(openS3 ? { openS3 } : {}) });
  try {
    return await runRequests(at, home, requests);
  } finally {
    await home.close();
  }
}

/** Runs requests one after the other and prints each result; the worst of their exit codes. */
export async function runRequests(at: Invocation, home: Home, requests: LoadRequest[]): Promise<number> {
  let code: number = EXIT.done;
  for (const request of requests) {
    const shown = progress({ stream: process.stderr, tty: at.tty, quiet: at.output.quiet });
    let result: RunResult;
    try {
      result = await execute(home, request, { onEvent: shown.onEvent, signal: at.signal });
    } finally {
      shown.stop();
    }
    for (const notice of result.notices) at.output.err(notice);
    show(at, result, request);
    if (at.signal.aborted) return EXIT.interrupted;
    if (result.run.status === 'failed')
      code = Math.max(code, result.error ? exitCodeOf(result.error.name) : EXIT.failed);
  }
  return code;
}

/** What failed is told on stderr, so that it is seen also where stdout goes elsewhere. */
function show(at: Invocation, result: RunResult, request: LoadRequest): void {
  const failed = result.run.status === 'failed';
  if (at.output.json) at.output.out(JSON.stringify(result, null, 2));
  if (at.output.json && !failed) return;
  const summary = at.signal.aborted ? `interrupted: ${result.run.id}` : runSummary(result, request);
  if (failed) at.output.err(summary);
  else at.output.out(summary);
}
