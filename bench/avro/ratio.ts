/**
 * Rows per CPU second of the Avro encoder over those of avsc and fastavro: `node bench/avro/ratio.ts`.
 * `--rows N` (1,000,000), `--pairs N` (5), `--python PATH` (a Python that has fastavro and cramjam; without it, avsc alone).
 *
 * Each contender runs in a process of its own, in turn with ours, and the ratio is taken pair by pair, so that what else
 * the machine does weighs on both; the median is printed.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '1000000' },
    pairs: { type: 'string', default: '5' },
    python: { type: 'string' },
  },
});
const rows = Number(values.rows);
/** fastavro holds its rows as dicts: fewer of them, its rate does not depend on their number. */
const fastavroRows = Math.min(rows, 200_000);
const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-avro-'));
const here = import.meta.dirname;

function run(program: string, args: string[]): number[] {
  return execFileSync(program, args, { encoding: 'utf8' }).trim().split(/\s+/).map(Number);
}

/** Rows per CPU second. */
function rate(contender: string, codec: string): number {
  if (contender === 'fastavro') {
    const source = join(folder, 'source.avro');
    run(process.execPath, [join(here, 'contender.ts'), 'ours', 'null', String(fastavroRows), source]);
    const [written, seconds] = run(values.python!, [
      join(here, 'write_fastavro.py'),
      codec,
      source,
      join(folder, 'f.avro'),
    ]);
    return written! / seconds!;
  }
  const args = [join(here, 'contender.ts'), contender, codec, String(rows), join(folder, `${contender}.avro`)];
  return rows / run(process.execPath, args)[0]!;
}

function median(numbers: number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

try {
  for (const codec of ['null', 'snappy', 'deflate']) {
    const rivals = ['avsc', 'avsc-from-columns', ...(values.python ? ['fastavro'] : [])];
    const pairs = Array.from({ length: Number(values.pairs) }, () => ({
      ours: rate('ours', codec),
      rivals: rivals.map((rival) => rate(rival, codec)),
    }));
    const million = median(pairs.map((pair) => pair.ours)) / 1e6;
    const ratios = rivals.map(
      (rival, index) => `${median(pairs.map((pair) => pair.ours / pair.rivals[index]!)).toFixed(1)}x ${rival}`,
    );
    console.log(`${codec.padEnd(8)} ${million.toFixed(2)} M rows per CPU second, ${ratios.join(', ')}`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
