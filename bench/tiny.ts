import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { atMost, type BenchOptions, type BenchResult, figure, median } from './kit/bench.ts';
import { contest } from './kit/contest.ts';
import { sluice } from './kit/convert-contest.ts';
import { TRIPS_HEADER, tripRows } from './kit/trips-rows.ts';

export const about = 'A file of 1 KB in a warm process, from the start of its execution to its end; and --help';

const exec = promisify(execFile);
const CLI = join(import.meta.dirname, '..', 'local', 'cli.ts');
const WARM_UPS = 3;

export async function run(options: BenchOptions): Promise<BenchResult> {
  const data = join(options.folder, 'data');
  await mkdir(data, { recursive: true });
  const path = join(data, 'tiny.csv');
  const next = tripRows(4);
  await writeFile(path, [`${TRIPS_HEADER}\n`, ...Array.from({ length: 8 }, next)].join(''));
  const [warm, cold] = await contest(
    [
      sluice('warm', [path], { formats: ['parquet'] }, { warmUps: WARM_UPS }),
      sluice('cold', [path], { formats: ['parquet'] }),
    ],
    options,
  );
  const help: number[] = [];
  for (let round = 0; round < options.rounds; round++) {
    const start = performance.now();
    await exec(process.execPath, [CLI, '--help']);
    help.push(performance.now() - start);
  }
  await rm(path);
  const milliseconds = (seconds: number) => figure(seconds * 1000);
  return {
    tables: [
      {
        title: '1 KB',
        head: ['', 'ms'],
        rows: [
          [`load, after ${WARM_UPS} others in the process`, milliseconds(warm!.seconds)],
          ['load, the first of its process', milliseconds(cold!.seconds)],
          ['--help, the whole process', figure(median(help))],
        ],
      },
    ],
    bars: [
      atMost('a tiny load in a warm process', warm!.seconds * 1000, 400, ' ms'),
      atMost('--help', median(help), 250, ' ms'),
    ],
  };
}
