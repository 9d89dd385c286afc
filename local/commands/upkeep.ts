import { quarantined, redriveRequest } from '../../shared/commit/redrive.ts';
import { repair as repairDataset } from '../../shared/commit/repair.ts';
import { vacuum as vacuumRuns } from '../../shared/commit/vacuum.ts';
import { BadRequest } from '../../shared/errors.ts';
import type { Invocation } from '../cli.ts';
import { datasetsIn } from '../datasets.ts';
import { EXIT } from '../exit.ts';
import { type Home, openHome } from '../home.ts';
import { count } from '../print.ts';
import { runRequests } from './run.ts';

/** `sluice redrive`: quarantined objects again, an execution for each run that put some aside. */
export async function redrive(at: Invocation, run: string | undefined, options: { datasets: string }): Promise<number> {
  const datasets = await datasetsIn(options.datasets);
  return withHome(at, async (home) => {
    const waiting = await quarantined(home.ports, '', run);
    const runs = [...new Set(waiting.map(({ record }) => record.run))];
    if (runs.length === 0) {
      if (run !== undefined) throw new BadRequest(`Run ${run} has nothing in quarantine`);
      at.output.err('Nothing is in quarantine');
    }
    const requests = [];
    for (const one of runs) {
      const request = await redriveRequest(home.ports, one);
      // It may be the data set that was mended.
      const asNow = request.asDefined ? datasets.get(request.dataset.name) : undefined;
      requests.push(asNow ? { ...request, dataset: asNow } : request);
    }
    return runRequests(at, home, requests);
  });
}

/** `sluice repair`: publishes that died after their commit, finished; of one table or of all. */
export async function repair(at: Invocation, table: string | undefined): Promise<number> {
  return withHome(at, async (home) => {
    const names = table === undefined ? await datasetsWithLog(home) : [await ownerOf(home, table)];
    const repaired = [];
    // On record as runs are: while this process lives, nobody else may take its lock.
    const own = `repair-${home.ports.newId()}`;
    await home.executions.begin(own);
    try {
      for (const name of names) {
        const holder = { run: own, executionId: own, attempt: own };
        repaired.push({ dataset: name, ...(await repairDataset(home.ports, { name }, holder)) });
      }
    } finally {
      await home.executions.end(own, 'SUCCEEDED');
    }
    if (at.output.json) at.output.out(JSON.stringify(repaired, null, 2));
    for (const { dataset, unfinished, version } of at.output.json ? [] : repaired) {
      at.output.out(`${dataset}: ${unfinished ? 'finished, now' : 'nothing to do'} at version ${version}`);
    }
    return EXIT.done;
  });
}

/** `sluice vacuum`: the folders of runs that nobody needs any more. */
export async function vacuum(at: Invocation, options: { olderThan: string }): Promise<number> {
  const hours = Number(options.olderThan);
  if (!(hours >= 0)) throw new BadRequest(`--older-than wants hours, not "${options.olderThan}"`);
  return withHome(at, async (home) => {
    const done = await vacuumRuns(home.ports, `vacuum-${process.pid}`, hours);
    at.output.out(
      at.output.json
        ? JSON.stringify(done)
        : `${count(done.runs, 'run')} with ${count(done.objects, 'object')} deleted`,
    );
    return EXIT.done;
  });
}

async function withHome(at: Invocation, work: (home: Home) => Promise<number>): Promise<number> {
  const home = await openHome(at.home);
  try {
    return await work(home);
  } finally {
    await home.close();
  }
}

async function ownerOf(home: Home, named: string): Promise<string> {
  const [database, table, ...more] = named.split('.');
  if (!database || !table || more.length > 0) throw new BadRequest(`repair wants database.table, not "${named}"`);
  const owner = (await home.ports.catalog.table(database, table))?.parameters['sluice.dataset'];
  if (owner === undefined) throw new BadRequest(`There is no table ${named} that Sluice made`);
  return owner;
}

async function datasetsWithLog(home: Home): Promise<string[]> {
  const names = new Set<string>();
  for await (const { key } of home.ports.objects.list(home.places.work, 'log/')) names.add(key.split('/')[1]);
  return [...names];
}
