import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AVRO_DEFLATE_LEVEL } from '../../shared/limits.ts';
import { atLeast, type BenchOptions, type BenchResult, figure, median } from '../kit/bench.ts';
import { peersPython } from '../kit/peers.ts';

export const about = 'The Avro encoder alone beside avsc and fastavro, in rows per CPU second';

const exec = promisify(execFile);
const ROWS = 1_000_000;
const QUICK_ROWS = 100_000;
/** fastavro holds its rows as dicts: fewer of them, its rate does not depend on their number. */
const FASTAVRO_ROWS = 200_000;
const ZLIB_LEVEL = 6;
const RIVALS = ['avsc', 'avsc-from-columns', 'fastavro', 'fastavro-from-columns'];
/** `level` is the others'; ours is always its default. */
const SETTINGS = [
  { codec: 'null', level: 0, name: 'null' },
  { codec: 'snappy', level: 0, name: 'snappy' },
  { codec: 'deflate', level: ZLIB_LEVEL, name: 'deflate' },
  { codec: 'deflate', level: AVRO_DEFLATE_LEVEL, name: `deflate, all at ${AVRO_DEFLATE_LEVEL}` },
];

/**
 * The plain contenders get row objects that are made beforehand; `from-columns` ones start, as ours does, from columns. Each
 * runs in a process of its own, in turn with ours, and the ratio is taken round by round. Deflate is run twice: every contender
 * at its own default level (the others' is zlib's, 6), and all at ours, where most of the time is zlib's whoever calls it.
 */
export async function run(options: BenchOptions): Promise<BenchResult> {
  const python = await peersPython(options.folder, options.log);
  const folder = join(options.folder, 'avro');
  await mkdir(folder, { recursive: true });
  const rows = options.quick ? QUICK_ROWS : ROWS;

  const numbers = async (program: string, args: string[]): Promise<number[]> =>
    (await exec(program, args)).stdout.trim().split(/\s+/).map(Number);
  const contend = (contender: string, codec: string, level: number, count: number, path: string) =>
    numbers(process.execPath, [
      join(import.meta.dirname, 'contender.ts'),
      contender,
      codec,
      String(level),
      String(count),
      path,
    ]);
  /** Rows per CPU second. */
  const rate = async (contender: string, codec: string, level: number): Promise<number> => {
    if (!contender.startsWith('fastavro')) {
      return rows / (await contend(contender, codec, level, rows, join(folder, `${contender}.avro`)))[0]!;
    }
    const source = join(folder, 'source.avro');
    await contend('ours', 'null', 0, Math.min(rows, FASTAVRO_ROWS), source);
    const script = join(import.meta.dirname, 'write_fastavro.py');
    const [written, seconds] = await numbers(python, [
      script,
      contender,
      codec,
      String(level),
      source,
      join(folder, 'fastavro.avro'),
    ]);
    return written! / seconds!;
  };

  try {
    const table: string[][] = [];
    const alone = new Map<string, number>();
    for (const { codec, level, name } of SETTINGS) {
      const found: { ours: number; rivals: number[] }[] = [];
      for (let round = 0; round < options.rounds; round++) {
        options.log(`${name}, round ${round + 1}`);
        const ours = await rate('ours', codec, AVRO_DEFLATE_LEVEL);
        const rivals: number[] = [];
        for (const rival of RIVALS) rivals.push(await rate(rival, codec, level));
        found.push({ ours, rivals });
      }
      const ratios = RIVALS.map((_, i) => median(found.map(({ ours, rivals }) => ours / rivals[i]!)));
      table.push([name, figure(median(found.map(({ ours }) => ours)) / 1e6), ...ratios.map(figure)]);
      // The encoder alone: where blocks are compressed, much of the time is the codec's, whoever calls it.
      if (codec === 'null') for (const [i, rival] of RIVALS.entries()) alone.set(rival, ratios[i]!);
    }
    return {
      tables: [
        {
          title: `${rows} rows of six columns; rows per CPU second over those of the others`,
          head: ['codec', 'M rows / CPU s', ...RIVALS.map((rival) => `× ${rival}`)],
          rows: table,
        },
      ],
      bars: [
        atLeast('uncompressed, rows per CPU second / avsc', alone.get('avsc')!, 2),
        atLeast('uncompressed, rows per CPU second / fastavro', alone.get('fastavro')!, 10),
      ],
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
