import type { BenchOptions, BenchResult } from './kit/bench.ts';
import { bareCopy, convertContest, sluice } from './kit/convert-contest.ts';
import { gzipped, tripsCsv } from './kit/data.ts';
import { peer, TRIPS_KINDS } from './kit/peers.ts';

export const about = '500 MB of trips as .csv.gz, which nothing can split, to Parquet, and to Parquet and Avro';

export async function run(options: BenchOptions): Promise<BenchResult> {
  const megabytes = options.quick ? 50 : 500;
  const plain = await tripsCsv(options.folder, megabytes);
  const path = await gzipped(options.folder, plain, `trips-${megabytes}.csv.gz`);
  const inputs = [path];
  const source = { path: plain, inputs: [plain], kinds: TRIPS_KINDS };
  const { table } = await convertContest(options, `${megabytes} MB of trips, gzipped`, source, (python) => {
    const work = { inputs, kinds: TRIPS_KINDS, formats: ['parquet'] } as const;
    return [
      bareCopy(inputs),
      sluice('Sluice, Parquet, committed', inputs, { formats: ['parquet'] }),
      sluice('Sluice, Parquet and Avro, committed', inputs, {
        formats: ['parquet', 'avro'],
        compression: { avro: 'snappy' },
      }),
      peer(python, 'pandas', 'pandas + pyarrow', work),
    ];
  });
  return { tables: [table], bars: [] };
}
