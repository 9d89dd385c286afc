import { s3ObjectStore } from '../../shared/adapters/s3-object-store.ts';
import type { DatasetRegistry } from '../../shared/dataset/registry.ts';
import type { LoadRequest, RequestContext } from '../../shared/dataset/request.ts';
import { buildInput } from '../../shared/dataset/settings.ts';
import { groupByDataset } from '../../shared/dataset/to-request.ts';
import { BadRequest } from '../../shared/errors.ts';
import type { Invocation } from '../cli.ts';
import { datasetNamedByPerson, datasetsIn } from '../datasets.ts';
import { execute } from '../execute.ts';
import { EXIT, exitCodeOf } from '../exit.ts';
import { type Home, openHome } from '../home.ts';
import { readNamedFile } from '../named-file.ts';
import { runSummary } from '../print.ts';
import { progress } from '../progress.ts';
import type { RunResult } from '../result.ts';

/** `sluice run`: one execution for a data set. */
export async function runDataset(
  at: Invocation,
  named: string,
  options: { input?: string; set: string[]; datasets: string },
): Promise<number> {
  const { name, datasets } = await datasetNamedByPerson(named, options.datasets);
  const input = buildInput({ dataset: name, set: options.set, ...(options.input ? { input: options.input } : {}) });
  return runInput(at, input, datasets);
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
  const home = await openHome(at.home, { openS3: s3ObjectStore, signal: at.signal });
  try {
    const context: RequestContext = { environment: process.env, datasets, places: home.places, now: new Date() };
    const { requests, notices } = groupByDataset(input, context);
    for (const notice of notices) at.output.err(notice);
    if (requests.length === 0) at.output.err('Nothing to load');
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
