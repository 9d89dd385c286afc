import { atLeast, atMost, type BenchOptions, type BenchResult } from './kit/bench.ts';
import { ratioOf } from './kit/contest.ts';
import { BARE_COPY, bareCopy, convertContest, sluice, statesTable } from './kit/convert-contest.ts';
import { tripsCsv } from './kit/data.ts';
import { hasJava, peer, TRIPS_KINDS } from './kit/peers.ts';

export const about =
  '500 MB of trips (12 mixed columns) to Parquet, and to Parquet and Avro: whole executions beside peers';

const BOTH = 'Sluice, Parquet and Avro, committed';
const PARQUET = 'Sluice, Parquet, committed';
const PANDAS_BOTH = 'pandas + pyarrow + fastavro, both';

export async function run(options: BenchOptions): Promise<BenchResult> {
  const megabytes = options.quick ? 50 : 500;
  const path = await tripsCsv(options.folder, megabytes);
  const inputs = [path];
  const { outcomes, table } = await convertContest(
    options,
    `${megabytes} MB of trips`,
    { path, inputs, kinds: TRIPS_KINDS },
    async (python) => {
      const work = { inputs, kinds: TRIPS_KINDS, formats: ['parquet'] } as const;
      return [
        bareCopy(inputs),
        sluice(PARQUET, inputs, { formats: ['parquet'], compression: { parquet: 'zstd' } }),
        sluice(BOTH, inputs, { formats: ['parquet', 'avro'], compression: { parquet: 'zstd', avro: 'snappy' } }),
        peer(python, 'polars', 'polars, streaming', work),
        peer(python, 'pyarrow', 'pyarrow, streaming', work),
        peer(python, 'pandas', 'pandas + pyarrow', work),
        peer(python, 'pandas', PANDAS_BOTH, { ...work, formats: ['parquet', 'avro'] }),
        ...((await hasJava()) ? [{ ...peer(python, 'spark', 'Spark, local', work), optional: true as const }] : []),
      ];
    },
  );
  const get = (name: string) => outcomes.get(name)!;
  const base = get(BARE_COPY);
  const faster = ['pandas + pyarrow', 'pyarrow, streaming', 'polars, streaming'];
  return {
    tables: [table, ...(options.profile ? [statesTable(get(PARQUET)), statesTable(get(BOTH))] : [])],
    bars: [
      atMost('both formats / bare COPY', ratioOf(get(BOTH), base), 2.2),
      atLeast(`${PANDAS_BOTH} / both formats`, ratioOf(get(PANDAS_BOTH), get(BOTH)), 15),
      atMost('peak RSS, both formats', get(BOTH).peakRssBytes / 1e6, 700, ' MB'),
      atMost('Parquet alone / bare COPY', ratioOf(get(PARQUET), base), 1.4),
      ...faster.map((name) => atLeast(`${name} / Parquet alone`, ratioOf(get(name), get(PARQUET)), 1)),
    ],
  };
}
