import { dirname, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { query } from './commands/query.ts';
import { report } from './commands/report.ts';
import { runRequests } from './commands/run.ts';
import { command, invocationOf, land, requestOf, say, startAfresh, title } from './demo/stage.ts';
import { madeGranules } from './demo/storms.ts';
import { openHome } from './home.ts';
import { count, formatBytes } from './print.ts';

/** A granule is 20 seconds. */
const GRANULES_AN_HOUR = 180;

/** `npm run demo:lightning`: an hour of made-up lightning over real coastlines, loaded, clustered and drawn. */
async function demo(folder: string, granules: number): Promise<number> {
  await startAfresh(folder);
  const home = await openHome(folder);
  const at = invocationOf(folder);
  try {
    const start = new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000 - 3_600_000);
    title(
      `1  ${count(granules, 'granule')} of the hour that began at ${start.toISOString()}, as the satellite would send them`,
    );
    let bytes = 0;
    let last = '';
    for await (const granule of madeGranules({ start, granules })) {
      await land(home, granule.key, granule.bytes);
      bytes += granule.bytes.length;
      last = granule.key;
    }
    say(`  s3://${home.places.landing}/${dirname(last)}/  ${formatBytes(bytes)}`);

    title('2  One execution: read, converted, clustered with k = 1 … 23, committed');
    // The data set as it is, but for the bucket: the made-up hour lies here.
    const input = { dataset: 'lightning', 'source.bucket': home.places.landing, 'source.access': null };
    command(folder, `run lightning --set source.bucket=${home.places.landing} --set source.access=null`);
    const failed = await runRequests(at, home, [await requestOf(home, input)]);
    if (failed !== 0) return failed;

    title('3  The storms that were found: size, centre, radius in kilometres');
    const sql =
      'select cluster, size, round(share, 3) as share, round(centre_flash_lat, 2) as lat, ' +
      'round(centre_flash_lon, 2) as lon, round(radius) as km from weather.lightning_flashes_cluster_summary order by size desc';
    command(folder, `query "${sql}"`);
    const asked = await query(at, sql, {});

    title('4  The page of the run, with both curves and the map');
    command(folder, 'report --open');
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
