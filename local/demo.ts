import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { colours as pc } from './colours.ts';
import { query } from './commands/query.ts';
import { rejects } from './commands/rejects.ts';
import { runRequests } from './commands/run.ts';
import { runs } from './commands/runs.ts';
import { type Drop, drops, mendedDrop } from './demo/drops.ts';
import { command, invocationOf, land, requestOf, say, startAfresh, title } from './demo/stage.ts';
import { type Home, openHome } from './home.ts';
import { formatBytes } from './print.ts';

const DATASET = 'stations';

/** `npm run demo`: the main job on real data, from files in a bucket to queries, in a folder of its own. */
async function demo(folder: string): Promise<number> {
  await startAfresh(folder);
  const home = await openHome(folder);
  const at = invocationOf(folder);
  const run = async (): Promise<number> => {
    command(folder, `run ${DATASET}`);
    return runRequests(at, home, [await requestOf(home, { dataset: DATASET })]);
  };
  const ask = async (sql: string): Promise<number> => {
    command(folder, `query "${sql}"`);
    return query(at, sql, {});
  };
  let failures = 0;
  const expectDone = (code: number): void => {
    if (code !== 0) failures++;
  };
  try {
    title('1  Five files land in the bucket');
    for (const drop of await drops()) await landDrop(home, drop);

    title('2  One execution of the state machine loads them: partitioned by year, as Parquet and as Avro');
    expectDone(await run());

    title('3  What was rejected, where, and why');
    command(folder, 'rejects');
    expectDone(await rejects(at, undefined));

    title('4  A second run finds nothing new');
    expectDone(await run());

    title('5  The file of 2015 comes again, mended: one partition is replaced, the others are not touched');
    const before = await locations(home);
    await landDrop(home, mendedDrop());
    expectDone(await run());
    const after = await locations(home);
    for (const [year, location] of after)
      say(`  year=${year}  ${location === before.get(year) ? 'as before' : pc.green('replaced')}`);

    title('6  Ask');
    expectDone(
      await ask(
        'select year, count(*) as days, round(avg(temp_max), 1) as avg_high from climate.stations group by year order by year',
      ),
    );
    expectDone(
      await ask(
        'select location, weather, count(*) as days from climate.stations group by all order by days desc limit 5',
      ),
    );
    expectDone(
      await ask(
        'select source, source_status, rows_read, rows_written, rows_rejected, error_name from sluice.loads order by started_at, source',
      ),
    );

    title('7  Every run is on record');
    command(folder, 'runs');
    expectDone(await runs(at, undefined, { last: 20 }));

    title('Go on');
    say(`  ${relative(process.cwd(), home.lake)} is a DuckDB file: open it with any client, or`);
    for (const line of GO_ON) say(`  npx sluice --home ${folder} ${line}`);
    return failures === 0 ? 0 : 1;
  } finally {
    await home.close();
  }
}

const GO_ON = [
  'query "select * from climate.stations where weather = \'snow\' order by date limit 10"',
  `run ${DATASET} --json                # everything in numbers`,
  'inspect FILE.csv                   # what Sluice makes of a file of yours',
  'load FILE.csv --table my.data      # and its table',
];

async function landDrop(home: Home, drop: Drop): Promise<void> {
  await land(home, drop.key, drop.bytes);
  say(
    `  s3://${home.places.landing}/${drop.key.padEnd(36)} ${formatBytes(drop.bytes.length).padStart(7)}  ${pc.dim(drop.what)}`,
  );
}

async function locations(home: Home): Promise<Map<string, string>> {
  const partitions = await home.ports.catalog.partitions('climate', 'stations');
  return new Map(partitions.map(({ values, location }): [string, string] => [String(values[0]), location]).sort());
}

const { values } = parseArgs({ options: { home: { type: 'string', default: '.demo' } } });
process.exitCode = await demo(values.home);
