import { atLeast, atMost, type BenchOptions, type BenchResult } from './kit/bench.ts';
import { ratioOf } from './kit/contest.ts';
import { BARE_COPY, bareCopy, convertContest, sluice, statesTable } from './kit/convert-contest.ts';
import { filesIn, smallCsvs } from './kit/data.ts';
import { peer, TRIPS_KINDS } from './kit/peers.ts';

export const about = '2,000 files of 50 KB to Parquet and Avro, beside one globbed scan of the engine';

const BOTH = 'Sluice, Parquet and Avro, committed';
const PANDAS = 'pandas + pyarrow + fastavro, file by file';

export async function run(options: BenchOptions): Promise<BenchResult> {
  const files = options.quick ? 200 : 2000;
  const path = await smallCsvs(options.folder, files, 50);
  const inputs = await filesIn(path);
  const source = { path, inputs, kinds: TRIPS_KINDS };
  const { outcomes, table } = await convertContest(options, `${files} × 50 KB`, source, (python) => [
    bareCopy(inputs),
    sluice(BOTH, inputs, { formats: ['parquet', 'avro'], compression: { avro: 'snappy' } }),
    peer(python, 'pandas', PANDAS, { inputs, kinds: TRIPS_KINDS, formats: ['parquet', 'avro'] }),
  ]);
  const both = outcomes.get(BOTH)!;
  return {
    tables: [table, ...(options.profile ? [statesTable(both)] : [])],
    bars: [
      atMost('both formats / one globbed scan', ratioOf(both, outcomes.get(BARE_COPY)!), 6),
      atLeast(`${PANDAS} / both formats`, ratioOf(outcomes.get(PANDAS)!, both), 10),
    ],
  };
}
