import { spawn } from 'node:child_process';
import { link, mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { atMost, type BenchOptions, type BenchResult, figure, median } from './kit/bench.ts';
import { type Planted, plantedIn, typedCsv, typedSchema } from './kit/typed-rows.ts';

export const about =
  'what 87 bad values of 12 types among 4 million rows cost, and whether each is rejected where it stands';

const ROWS = 4_000_000;
const BAD_VALUES = 87;
const COST_BAR = 1.15;
const CLI = join(import.meta.dirname, '..', 'local', 'cli.ts');

/** Loads the same rows with and without bad values by the command line, by turns. */
export async function run({ quick, rounds, folder, log }: BenchOptions): Promise<BenchResult> {
  const rows = quick ? ROWS / 40 : ROWS;
  const planted = plantedIn(rows, BAD_VALUES);
  const work = join(folder, 'rejects');
  await mkdir(work, { recursive: true });
  const files = {
    clean: await written(join(work, `clean-${rows}.csv`), rows, []),
    dirty: await written(join(work, `dirty-${rows}.csv`), rows, planted),
  };
  const seconds = { clean: [] as number[], dirty: [] as number[] };
  const problems: string[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const kind of ['clean', 'dirty'] as const) {
      const home = join(work, `home-${kind}`);
      await rm(home, { recursive: true, force: true });
      const definition = join(work, `${kind}.yml`);
      await writeFile(definition, definitionOf(kind));
      const landing = join(home, 's3', 'landing', 'typed');
      await mkdir(landing, { recursive: true });
      // A copy would go on being written to the disk while it is loaded.
      await link(files[kind], join(landing, 'x.csv'));
      const found = JSON.parse(await sluice(['run', definition, '--home', home, '--json'])) as RunReport;
      seconds[kind].push(found.durationMs / 1000);
      log(`round ${round + 1}: ${kind}: ${figure(found.durationMs / 1000)} s`);
      if (round > 0) continue;
      const bad = kind === 'dirty' ? planted : [];
      const { rowsRead, rowsWritten, rowsRejected } = found.sources[0]!;
      if (rowsRead !== rows || rowsWritten !== rows - bad.length || rowsRejected !== bad.length)
        problems.push(`${kind}: ${rowsRead} read, ${rowsWritten} written, ${rowsRejected} rejected`);
      problems.push(...(await misplaced(home, bad)));
      const sum = `select count(*), sum(id - 3000000000) from bench.typed_${kind}`;
      const [counted] = JSON.parse(await sluice(['query', sum, '--home', home, '--json'])) as Record<string, unknown>[];
      const lost = bad.reduce((total, { row }) => total + row, 0);
      const expected = [rows - bad.length, (rows * (rows - 1)) / 2 - lost].join();
      const got = Object.values(counted ?? {})
        .map(Number)
        .join();
      if (got !== expected) problems.push(`${kind}: the table has ${got} where ${expected} are expected`);
    }
  }
  await rm(join(work, 'home-clean'), { recursive: true, force: true });
  await rm(join(work, 'home-dirty'), { recursive: true, force: true });
  const ratio = median(seconds.dirty.map((each, round) => each / seconds.clean[round]!));
  return {
    tables: [
      {
        title: `${rows} rows of 13 columns, ${figure((await stat(files.clean)).size / 1e6)} MB, to Parquet`,
        head: ['', 'seconds', 'rows a second'],
        rows: (['clean', 'dirty'] as const).map((kind) => [
          kind === 'clean' ? 'without bad values' : `with ${planted.length}`,
          figure(median(seconds[kind])),
          figure(rows / median(seconds[kind])),
        ]),
      },
    ],
    bars: [
      atMost('with bad values / without', ratio, COST_BAR),
      {
        name: 'every bad value rejected with its line and column, no good row lost',
        found: problems.length === 0 ? 'yes' : problems.slice(0, 5).join('; '),
        met: problems.length === 0,
      },
    ],
  };
}

interface RunReport {
  durationMs: number;
  sources: { rowsRead: number; rowsWritten: number; rowsRejected: number }[];
}

function definitionOf(kind: string): string {
  return JSON.stringify({
    name: `typed_${kind}`,
    source: { prefix: 'typed/' },
    target: { database: 'bench', table: `typed_${kind}`, mode: 'overwrite' },
    schema: typedSchema(),
    rejects: { rows: BAD_VALUES },
  });
}

/** What is wrong with the rejected rows. */
async function misplaced(home: string, planted: readonly Planted[]): Promise<string[]> {
  const told = JSON.parse(await sluice(['rejects', '--home', home, '--json'])) as { line: number; column: string }[];
  const found = told.map(({ line, column }) => `${line} ${column}`).sort();
  // The header is line 1, and no value has a line end.
  const expected = planted.map(({ row, column }) => `${row + 2} ${column}`).sort();
  const missing = expected.filter((place) => !found.includes(place));
  const more = found.filter((place) => !expected.includes(place));
  return [...missing.map((place) => `no reject at ${place}`), ...more.map((place) => `a reject at ${place}`)];
}

async function written(path: string, rows: number, planted: readonly Planted[]): Promise<string> {
  if (await stat(path).catch(() => undefined)) return path;
  const file = await open(`${path}.part`, 'w');
  for (const text of typedCsv(rows, planted)) await file.writeFile(text);
  await file.close();
  await rename(`${path}.part`, path);
  return path;
}

function sluice(args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (text) => {
      out += text;
    });
    child.stderr.on('data', (text) => {
      err += text;
    });
    child.on('error', reject);
    child.on('close', (code) =>
      code === 0 ? resolve(out) : reject(new Error(`sluice ${args[0]} ended with ${code}: ${err.slice(-2000)}`)),
    );
  });
}
