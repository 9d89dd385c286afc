import { atMost, type BenchOptions, type BenchResult } from './kit/bench.ts';
import { ratioOf } from './kit/contest.ts';
import { convertContest, sluice, statesTable } from './kit/convert-contest.ts';
import { tripsCsv } from './kit/data.ts';
import { TRIPS_KINDS } from './kit/peers.ts';

export const about = '500 MB of unsorted trips into 365 partitions of a day, beside the same load without partitions';

const PLAIN = 'Sluice, one partition';
const DAYS = 'Sluice, 365 partitions';
const HOURS = 'Sluice, 8,760 partitions of an hour, Parquet';

export async function run(options: BenchOptions): Promise<BenchResult> {
  const megabytes = options.quick ? 50 : 500;
  const path = await tripsCsv(options.folder, megabytes);
  const inputs = [path];
  const target = { formats: ['parquet', 'avro'], compression: { avro: 'snappy' } };
  const source = { path, inputs, kinds: TRIPS_KINDS };
  const { outcomes, table } = await convertContest(options, `${megabytes} MB of trips`, source, () => [
    sluice(PLAIN, inputs, target),
    sluice(DAYS, inputs, { ...target, partitionBy: ['day(pickup_at)'] }),
    { ...sluice(HOURS, inputs, { formats: ['parquet'], partitionBy: ['hour(pickup_at)'] }), rounds: 1 },
  ]);
  const days = outcomes.get(DAYS)!;
  const files = (days.rounds[0]?.files ?? []).length;
  return {
    tables: [table, ...(options.profile ? [statesTable(days)] : [])],
    bars: [
      atMost('365 partitions / one', ratioOf(days, outcomes.get(PLAIN)!), 2.5),
      { name: 'files of 365 partitions in two formats = 730', found: String(files), met: files === 730 },
    ],
  };
}
