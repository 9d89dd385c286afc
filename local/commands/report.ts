import { spawn } from 'node:child_process';
import { makeReport } from '../../functions/report/step.ts';
import { reportPrefix } from '../../shared/commit/keys.ts';
import { runFiles } from '../../shared/commit/run-files.ts';
import { BadRequest } from '../../shared/errors.ts';
import type { Invocation } from '../cli.ts';
import { EXIT } from '../exit.ts';
import { type Home, openHome } from '../home.ts';
import { readRuns } from './runs.ts';

/** `sluice report`: where a run's page lies, which is made where it is not there yet. */
export async function report(at: Invocation, named: string | undefined, { open }: { open?: boolean }): Promise<number> {
  const home = await openHome(at.home, { signal: at.signal });
  try {
    const { run, dataset } = await runOf(home, named);
    const page = { bucket: home.places.work, key: `${reportPrefix(dataset, run)}index.html` };
    if (!(await home.ports.objects.head(page))) {
      if (!(await runFiles(home.ports, run).requestIfAny())) {
        throw new BadRequest(`Run ${run} has no page, and its files are gone, of which one could be made`);
      }
      await makeReport(home.ports)({ run });
    }
    const path = home.pathOf(page);
    at.output.out(at.output.json ? JSON.stringify({ run, dataset, path }, null, 2) : path);
    if (open) show(path);
    return EXIT.done;
  } finally {
    await home.close();
  }
}

async function runOf(home: Home, named: string | undefined): Promise<{ run: string; dataset: string }> {
  const runs = await readRuns(home, undefined);
  const found = named === undefined ? runs.at(-1) : runs.find(({ run }) => run === named);
  if (found) return found;
  throw new BadRequest(
    named === undefined ? 'There is no run yet' : `There is no run ${named}; sluice runs lists them`,
  );
}

/** In whatever shows pages here; where there is nothing, its path has been told. */
function show(path: string): void {
  const [command, ...args] = { darwin: ['open'], win32: ['cmd', '/c', 'start', ''] }[process.platform as string] ?? [
    'xdg-open',
  ];
  const child = spawn(command!, [...args, path], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
}
