import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { toRequest } from '../shared/dataset/to-request.ts';
import type { Invocation } from './cli.ts';
import { colours as pc } from './colours.ts';
import { query } from './commands/query.ts';
import { report } from './commands/report.ts';
import { runRequests } from './commands/run.ts';
import { datasetsIn } from './datasets.ts';
import { madeGranules } from './demo/storms.ts';
import { openHome } from './home.ts';
import { count, formatBytes } from './print.ts';

const REPOSITORY = join(import.meta.dirname, '..');
const MARK = '.demo';
/** A granule is 20 seconds. */
const GRANULES_AN_HOUR = 180;

const say = (text = '') => process.stdout.write(`${text}\n`);
const title = (text: string) => say(`\n${pc.bold(text)}`);

/** `npm run demo:lightning`: an hour of made-up lightning over real coastlines, loaded, clustered and drawn. */
async function demo(folder: string, granules: number): Promise<number> {
  if (existsSync(folder)) {
    if (!existsSync(join(folder, MARK)))
      throw new Error(`${folder} is there already and is not the demo's; name another with --home`);
    await rm(folder, { recursive: true });
  }
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, MARK), '');
  const home = await openHome(folder);
  const at: Invocation = {
    home: folder,
    tty: process.stderr.isTTY === true,
    signal: new AbortController().signal,
    output: {
      json: false,
      quiet: process.stderr.isTTY !== true,
      out: say,
      err: (text) => process.stderr.write(`${text}\n`),
    },
  };
  const command = (text: string) => say(pc.dim(`$ npx sluice --home ${folder} ${text}`));
  try {
    const start = new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000 - 3_600_000);
    title(
      `1  ${count(granules, 'granule')} of the hour that began at ${start.toISOString()}, as the satellite would send them`,
    );
    let bytes = 0;
    let last = '';
    for await (const granule of madeGranules({ start, granules })) {
      const path = home.pathOf({ bucket: home.places.landing, key: granule.key });
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, granule.bytes);
      bytes += granule.bytes.length;
      last = granule.key;
    }
    say(`  s3://${home.places.landing}/${dirname(last)}/  ${formatBytes(bytes)}`);

    title('2  One execution: read, converted, clustered with k = 1 … 23, committed');
    // The data set as it is, but for the bucket: the made-up hour lies here.
    const input = { dataset: 'lightning', 'source.bucket': home.places.landing, 'source.access': null };
    command(`run lightning --set source.bucket=${home.places.landing} --set source.access=null`);
    const datasets = await datasetsIn(join(REPOSITORY, 'datasets'));
    const request = toRequest(input, { environment: {}, datasets, places: home.places, now: new Date() });
    if ('nothing' in request) throw new Error('The demo asks for nothing');
    const failed = await runRequests(at, home, [request]);
    if (failed !== 0) return failed;

    title('3  The storms that were found: size, centre, radius in kilometres');
    const sql =
      'select cluster, size, round(share, 3) as share, round(centre_flash_lat, 2) as lat, ' +
      'round(centre_flash_lon, 2) as lon, round(radius) as km from weather.lightning_flashes_cluster_summary order by size desc';
    command(`query "${sql}"`);
    const asked = await query(at, sql, {});

    title('4  The page of the run, with both curves and the map');
    command('report --open');
    const made = await report(at, undefined, {});
    say(`\n  ${relative(process.cwd(), home.lake)} is a DuckDB file with the tables; open it with any client`);
    return Math.max(asked, made);
  } finally {
    await home.close();
  }
}

const { values } = parseArgs({
  options: {
    home: { type: 'string', default: '.demo-lightning' },
    granules: { type: 'string', default: String(GRANULES_AN_HOUR) },
  },
});
process.exitCode = await demo(values.home, Number(values.granules));
