/**
 * Rows per CPU second of the Avro encoder over those of avsc and fastavro: `node bench/avro/ratio.ts`.
 * `--rows N` (1,000,000), `--pairs N` (5), `--python PATH`: one with fastavro, cramjam and pyarrow, such as
 * .venv/bin/python; without it, avsc alone.
 *
 * The plain contenders get row objects that are made beforehand; `from-columns` ones start, as ours does, from columns. Each
 * runs in a process of its own, in turn with ours, and the ratio is taken pair by pair, so that what else the machine does
 * weighs on both; the median is printed. Deflate is run twice: every contender at its own default level (the others' is
 * zlib's, 6), and all at ours, where most of the time is zlib's whoever calls it.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { AVRO_DEFLATE_LEVEL } from '../../shared/limits.ts';

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
const ZLIB_LEVEL = 6;
/** `level` is the others'; ours is always its default. */
const SETTINGS = [
  { codec: 'null', level: 0, name: 'null' },
  { codec: 'snappy', level: 0, name: 'snappy' },
  { codec: 'deflate', level: ZLIB_LEVEL, name: 'deflate' },
  { codec: 'deflate', level: AVRO_DEFLATE_LEVEL, name: `deflate, all at ${AVRO_DEFLATE_LEVEL}` },
];
const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-avro-'));
const here = import.meta.dirname;

function run(program: string, args: string[]): number[] {
  return execFileSync(program, args, { encoding: 'utf8' }).trim().split(/\s+/).map(Number);
}

/** Rows per CPU second. */
function rate(contender: string, codec: string, level: number): number {
  if (contender.startsWith('fastavro')) {
    const source = join(folder, 'source.avro');
    run(process.execPath, [join(here, 'contender.ts'), 'ours', 'null', '0', String(fastavroRows), source]);
    const [written, seconds] = run(values.python!, [
      join(here, 'write_fastavro.py'),
      contender,
      codec,
      String(level),
      source,
      join(folder, 'fastavro.avro'),
    ]);
    return written! / seconds!;
  }
  const args = [
    join(here, 'contender.ts'),
    contender,
    codec,
    String(level),
    String(rows),
    join(folder, `${contender}.avro`),
  ];
  return rows / run(process.execPath, args)[0]!;
}

function median(numbers: number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

try {
  for (const { codec, level, name } of SETTINGS) {
    const rivals = ['avsc', 'avsc-from-columns', ...(values.python ? ['fastavro', 'fastavro-from-columns'] : [])];
    const pairs = Array.from({ length: Number(values.pairs) }, () => ({
      ours: rate('ours', codec, AVRO_DEFLATE_LEVEL),
      rivals: rivals.map((rival) => rate(rival, codec, level)),
    }));
    const million = median(pairs.map((pair) => pair.ours)) / 1e6;
    const ratios = rivals.map(
      (rival, index) => `${median(pairs.map((pair) => pair.ours / pair.rivals[index]!)).toFixed(1)}x ${rival}`,
    );
    console.log(`${name.padEnd(22)} ${million.toFixed(2)} M rows per CPU second, ${ratios.join(', ')}`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
