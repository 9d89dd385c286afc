import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { literal } from '../shared/engine/sql.ts';
import { atMost, type BenchOptions, type BenchResult, figure } from './kit/bench.ts';
import { seededRandom } from './kit/random.ts';

export const about =
  'a CSV of 2 GB with line ends in quotes, previewed, inspected and loaded: memory, and the rows as one thread of DuckDB reads them';

const GIGABYTES = 2;
const RSS_BAR_MB = 700;
const CLI = join(import.meta.dirname, '..', 'local', 'cli.ts');
const LOOK_MS = 100;

/** Count and checksum of all rows, whoever has read them. */
const CHECKSUM =
  'SELECT count(*) AS n, CAST(sum(CAST(hash(CAST(id AS BIGINT), CAST(note AS VARCHAR), CAST(price AS DECIMAL(18,2)), ' +
  'CAST(seen AS TIMESTAMP), CAST(ok AS BOOLEAN)) AS HUGEINT)) AS VARCHAR) AS h FROM';

export async function run({ quick, folder, log }: BenchOptions): Promise<BenchResult> {
  const bytes = (quick ? GIGABYTES / 10 : GIGABYTES) * 1e9;
  const work = join(folder, 'big');
  await mkdir(work, { recursive: true });
  const path = await written(join(work, `big-${bytes}.csv`), bytes);
  const home = join(work, 'home');
  await rm(home, { recursive: true, force: true });
  try {
    const previewed = await watched(['preview', path]);
    log(`preview: ${figure(previewed.seconds)} s, ${figure(previewed.rssMb)} MB`);
    const inspected = await watched(['inspect', path, '--json']);
    log(`inspect: ${figure(inspected.seconds)} s, ${figure(inspected.rssMb)} MB`);
    const loaded = await watched(['load', path, '--table', 'bench.big', '--home', home, '--json']);
    log(`load: ${figure(loaded.seconds)} s, ${figure(loaded.rssMb)} MB`);
    const { sources } = JSON.parse(loaded.stdout) as { sources: { rowsRead: number; rowsWritten: number }[] };
    const ours = await watched(['query', `${CHECKSUM} bench.big`, '--home', home, '--json']);
    const [table] = JSON.parse(ours.stdout) as [{ n: number | string; h: string }];
    const theirs = await readByOneThread(path);
    const same = Number(table.n) === theirs.rows && table.h === theirs.checksum;
    return {
      tables: [
        {
          title: `${figure(bytes / 1e9)} GB, ${theirs.rows} rows`,
          head: ['', 'seconds', 'peak RSS, MB'],
          rows: [
            ['preview', figure(previewed.seconds), figure(previewed.rssMb)],
            ['inspect', figure(inspected.seconds), figure(inspected.rssMb)],
            ['load', figure(loaded.seconds), figure(loaded.rssMb)],
          ],
        },
      ],
      bars: [
        atMost('RSS of preview', previewed.rssMb, RSS_BAR_MB, ' MB'),
        atMost('RSS of inspect', inspected.rssMb, RSS_BAR_MB, ' MB'),
        atMost('RSS of load', loaded.rssMb, RSS_BAR_MB, ' MB'),
        {
          name: "count and checksum are those of DuckDB's read by one thread",
          found: same ? 'yes' : `${table.n} rows, ${table.h} where it has ${theirs.rows}, ${theirs.checksum}`,
          met: same,
        },
        {
          name: 'rows read = rows written = rows there are',
          found: `${sources[0]?.rowsRead}, ${sources[0]?.rowsWritten}`,
          met: sources[0]?.rowsRead === theirs.rows && sources[0]?.rowsWritten === theirs.rows,
        },
      ],
    };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

interface Watched {
  stdout: string;
  seconds: number;
  rssMb: number;
}

/** Runs a command of Sluice; its peak of memory is Linux's own mark (VmHWM). */
async function watched(args: readonly string[]): Promise<Watched> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr, peakKb] = ['', '', 0];
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  child.stderr.on('data', (text) => {
    stderr = (stderr + text).slice(-5_000);
  });
  const timer = setInterval(() => {
    readFile(`/proc/${child.pid}/status`, 'utf8').then(
      (status) => {
        peakKb = Math.max(peakKb, Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0));
      },
      () => undefined,
    );
  }, LOOK_MS);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  clearInterval(timer);
  if (code !== 0) throw new Error(`sluice ${args[0]} ended with ${code}: ${stderr}`);
  return { stdout, seconds: (performance.now() - startedAt) / 1000, rssMb: (peakKb * 1024) / 1e6 };
}

async function readByOneThread(path: string): Promise<{ rows: number; checksum: string }> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '1', memory_limit: '1GB' });
  const connection = await instance.connect();
  try {
    const columns =
      "{'id': 'BIGINT', 'note': 'VARCHAR', 'price': 'DECIMAL(18,2)', 'seen': 'TIMESTAMP', 'ok': 'BOOLEAN'}";
    const source = `read_csv(${literal(path)}, columns = ${columns}, auto_detect = false, header = true, delim = ',', quote = '"', escape = '"', parallel = false)`;
    const [[rows, checksum]] = (await connection.runAndReadAll(`${CHECKSUM} ${source}`)).getRowsJson() as [
      [string, string],
    ];
    return { rows: Number(rows), checksum };
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

const NOTES = [
  'short',
  'of two\nlines',
  'with, a comma',
  'she said ""no""',
  '\nbegins\nand ends\n',
  'ünï cödé',
  'x,y\n1,2\n3,4',
];

/** The same file for the same size. */
async function written(path: string, bytes: number): Promise<string> {
  if (await stat(path).catch(() => undefined)) return path;
  const random = seededRandom(11);
  const file = await open(`${path}.part`, 'w');
  let text = 'id,note,price,seen,ok\n';
  let total = 0;
  for (let row = 0; total < bytes; row++) {
    const note = NOTES[Math.floor(random() * NOTES.length)]!;
    const long = row % 5_000 === 0 ? note.repeat(60) : note;
    const seen = new Date(1_600_000_000_000 + row * 1000).toISOString().slice(0, 19).replace('T', ' ');
    text += `${row},"${long}",${(random() * 1000).toFixed(2)},${seen},${row % 2 === 0}\n`;
    if (text.length < 1 << 20) continue;
    total += Buffer.byteLength(text);
    await file.writeFile(text);
    text = '';
  }
  await file.writeFile(text);
  await file.close();
  await rename(`${path}.part`, path);
  return path;
}
