import { atMost, type BenchOptions, type BenchResult } from './kit/bench.ts';
import { ratioOf } from './kit/contest.ts';
import { BARE_COPY, bareCopy, convertContest, sluice } from './kit/convert-contest.ts';
import { numericCsv } from './kit/data.ts';
import { NUMERIC_KINDS, peer } from './kit/peers.ts';

export const about = '300 MB of numbers alone to Parquet, and to Parquet and Avro';

const BOTH = 'Sluice, Parquet and Avro, committed';
const PARQUET = 'Sluice, Parquet, committed';

export async function run(options: BenchOptions): Promise<BenchResult> {
  const megabytes = options.quick ? 30 : 300;
  const path = await numericCsv(options.folder, megabytes);
  const inputs = [path];
  const source = { path, inputs, kinds: NUMERIC_KINDS };
  const { outcomes, table } = await convertContest(options, `${megabytes} MB of numbers`, source, (python) => {
    const work = { inputs, kinds: NUMERIC_KINDS, formats: ['parquet'] } as const;
    return [
      bareCopy(inputs),
      sluice(PARQUET, inputs, { formats: ['parquet'] }),
      sluice(BOTH, inputs, { formats: ['parquet', 'avro'], compression: { avro: 'snappy' } }),
      peer(python, 'polars', 'polars, streaming', work),
      peer(python, 'pyarrow', 'pyarrow, streaming', work),
      peer(python, 'pandas', 'pandas + pyarrow', work),
    ];
  });
  const base = outcomes.get(BARE_COPY)!;
  return {
    tables: [table],
    bars: [
      atMost('Parquet alone / bare COPY', ratioOf(outcomes.get(PARQUET)!, base), 1.4),
      atMost('both formats / bare COPY', ratioOf(outcomes.get(BOTH)!, base), 2.2),
    ],
  };
}
