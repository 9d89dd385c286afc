import { SPLIT_BYTES } from '../shared/limits.ts';
import { atMost, type BenchOptions, type BenchResult, figure, median } from './kit/bench.ts';
import { contest } from './kit/contest.ts';
import { sluice } from './kit/convert-contest.ts';
import { tripsCsv } from './kit/data.ts';

export const about = '0.5 and 5 GB of trips under the limits of a 2,048 MB Lambda: memory, and time by size';

const LAMBDA_MB = 2048;

/** Rows are compared in `trips`; here only their number, which the run itself has checked against the source. */
export async function run(options: BenchOptions): Promise<BenchResult> {
  const sizes = options.quick ? [50, 200] : [500, 5000];
  const env = { AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(LAMBDA_MB) };
  const contenders = [];
  for (const megabytes of sizes) {
    const path = await tripsCsv(options.folder, megabytes);
    // The ranges of the deployed stack: a Lambda is never given more.
    contenders.push(sluice(`${megabytes} MB`, [path], { formats: ['parquet'] }, { env, splitBytes: SPLIT_BYTES }));
  }
  const outcomes = await contest(contenders, options);
  const perGb = outcomes.map((outcome, i) => median(outcome.rounds.map(({ seconds }) => seconds / (sizes[i]! / 1000))));
  return {
    tables: [
      {
        title: `Parquet under the limits of ${LAMBDA_MB} MB`,
        head: ['', 'wall s', 's a GB', 'CPU s', 'peak RSS MB'],
        rows: outcomes.map((outcome, i) => [
          outcome.name,
          figure(outcome.seconds),
          figure(perGb[i]!),
          figure(outcome.cpuSeconds),
          figure(outcome.peakRssBytes / 1e6),
        ]),
      },
    ],
    bars: [
      atMost('peak RSS', Math.max(...outcomes.map(({ peakRssBytes }) => peakRssBytes)) / 1e6, 1600, ' MB'),
      atMost('time a GB, the large file / the small one', perGb[1]! / perGb[0]!, 1.15),
    ],
  };
}
