import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { parseArgs } from 'node:util';
import { createGzip } from 'node:zlib';
import { random } from '../../shared/kernels/random.ts';

/**
 * A list of distances through a whole execution, by the command line as people use it, and the most memory that it ever held:
 * `node bench/clusters/edges-run.ts --edges 30000000 --folder .bench/edges`. The data is removed afterwards.
 */
const { values } = parseArgs({
  options: {
    edges: { type: 'string', default: '30000000' },
    folder: { type: 'string', default: '.bench/edges' },
    eps: { type: 'string', default: '0.2' },
  },
});
const ROOT = join(import.meta.dirname, '..', '..');
const edges = Number(values.edges);
const folder = values.folder;
const MOST_RSS_MB = 500;

/** Communities of some 200 keys, 20 edges a key: most pairs lie within one and are near, the others anywhere and far. */
function* lines(): Generator<string> {
  const source = random(3);
  const keys = Math.ceil(edges / 20);
  const name = (key: number) => `K${String((key * 7_919) % keys).padStart(8, '0')}`;
  let block = 'key1,key2,distance\n';
  for (let i = 0; i < edges; i++) {
    const a = source.below(keys);
    const near = source.uniform() < 0.7;
    const b = near ? Math.min(keys - 1, a - (a % 200) + source.below(200)) : source.below(keys);
    // A sum of four exponentials, as distances of neighbours often are.
    const product = source.uniform() * source.uniform() * source.uniform() * source.uniform();
    const distance = near ? -0.08 * Math.log(product || 1e-9) : 0.4 + 0.6 * source.uniform();
    block += `${name(a)},${name(b)},${distance.toFixed(6)}\n`;
    if (block.length < 1 << 20) continue;
    yield block;
    block = '';
  }
  yield block;
}

await rm(folder, { recursive: true, force: true });
const landing = join(folder, 'home', 's3', 'landing', 'in', 'day=mon');
await mkdir(landing, { recursive: true });
try {
  const list = join(landing, 'edges.csv.gz');
  await pipeline(lines(), createGzip({ level: 1 }), createWriteStream(list));
  console.log(`${edges} edges, ${((await stat(list)).size / 1e6).toFixed(0)} MB of csv.gz`);
  const definition = join(folder, 'edges.yml');
  await writeFile(
    definition,
    `source: {prefix: 'in/day=mon/', format: distances}
target: {database: bench, table: edges, mode: overwrite}
cluster: {params: {eps: ${values.eps}, min_samples: 5}, output: {path: out/day=mon}}
`,
  );
  const startedAt = performance.now();
  const child = spawn(
    process.execPath,
    [join(ROOT, 'local/cli.ts'), '--home', join(folder, 'home'), '-q', 'run', definition],
    {
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  // The kernel's own high-water mark, read as long as the process lives.
  let mostKb = 0;
  const watch = setInterval(async () => {
    const status = await readFile(`/proc/${child.pid}/status`, 'utf8').catch(() => '');
    mostKb = Math.max(mostKb, Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0));
  }, 200);
  const code = await new Promise<number | null>((done) => child.once('close', done));
  clearInterval(watch);
  const seconds = (performance.now() - startedAt) / 1000;
  const mostMb = mostKb / 1024;
  console.log(
    `ended with ${code} in ${seconds.toFixed(1)} s, at most ${mostMb.toFixed(0)} MB of memory (bar: ${MOST_RSS_MB})`,
  );
  process.exitCode = code === 0 && mostMb <= MOST_RSS_MB ? 0 : 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
