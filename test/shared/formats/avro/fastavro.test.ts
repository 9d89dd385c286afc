import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type ColumnType, decimalOf } from '../../../../shared/domain/schema.ts';
import type { AvroCodec } from '../../../../shared/formats/avro/codec.ts';
import { avroSchema } from '../../../../shared/formats/avro/schema.ts';
import { AvroFileWriter } from '../../../../shared/formats/avro/writer.ts';
import { describeWithPython } from '../../../setup/available.ts';
import { runPython } from '../../../setup/run-python.ts';
import { batchOf, type Cell, cellsOf, column } from './batches.ts';

interface Read {
  codec: string;
  metadata: Record<string, string>;
  types: string[];
  rows: unknown[][];
}

const TYPES: ColumnType[] = [
  'boolean',
  'int',
  'bigint',
  'float',
  'double',
  'string',
  'binary',
  'date',
  'timestamp',
  'decimal(3,1)',
  'decimal(9,0)',
  'decimal(18,18)',
  'decimal(38,10)',
];
const DAY_MS = 86_400_000;
/** Python's dates: the years 1 to 9999. */
const PYTHON_DAYS = { min: -719_162, max: 2_932_895 };

function cells(type: ColumnType, timestamps: 'millis' | 'micros'): fc.Arbitrary<Cell> {
  const days = fc.integer(PYTHON_DAYS);
  if (type === 'date') return days;
  if (type !== 'timestamp') return cellsOf(type, timestamps);
  const digits = timestamps === 'millis' ? 1000n : 1n;
  return fc
    .tuple(days, fc.bigInt({ min: 0n, max: 86_399_999_999n }))
    .map(([day, micros]) => BigInt(day) * 86_400_000_000n + (micros / digits) * digits);
}

/** The cell as read_avro.py prints it. */
function printed(type: ColumnType, cell: Cell): unknown {
  if (cell === null) return null;
  const decimal = decimalOf(type);
  if (decimal) return decimalText(cell as bigint, decimal.scale);
  if (type === 'binary') return (cell as Buffer).toString('hex');
  if (type === 'date') return isoDate(BigInt(cell as number));
  if (type === 'timestamp') {
    const micros = cell as bigint;
    const inDay = ((micros % 86_400_000_000n) + 86_400_000_000n) % 86_400_000_000n;
    const time = new Date(Number(inDay / 1000n)).toISOString().slice(11, 19);
    const fraction = inDay % 1_000_000n;
    const digits = fraction === 0n ? '' : `.${String(fraction).padStart(6, '0')}`;
    return `${isoDate((micros - inDay) / 86_400_000_000n)}T${time}${digits}+00:00`;
  }
  if (typeof cell === 'bigint') return cell > 2n ** 53n || cell < -(2n ** 53n) ? String(cell) : Number(cell);
  if (Number.isNaN(cell)) return 'nan';
  if (cell === Number.POSITIVE_INFINITY) return 'inf';
  return cell === Number.NEGATIVE_INFINITY ? '-inf' : cell;
}

function isoDate(days: bigint): string {
  return new Date(Number(days) * DAY_MS).toISOString().slice(0, 10);
}

function decimalText(unscaled: bigint, scale: number): string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  return `${unscaled < 0n ? '-' : ''}${whole}${scale === 0 ? '' : `.${digits.slice(-scale)}`}`;
}

describeWithPython('a written file, read by fastavro', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-fastavro-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it.each([
    ['null', 'millis'],
    ['deflate', 'micros'],
    ['snappy', 'millis'],
  ] as [AvroCodec, 'millis' | 'micros'][])('has the rows and the logical types (%s, %s)', async (codec, timestamps) => {
    const path = join(folder, `${codec}.avro`);
    const columns = TYPES.map((type, index) => column(`c${index}`, type));
    const row = fc.tuple(...TYPES.map((type) => fc.option(cells(type, timestamps), { freq: 5 })));
    const rows = fc.sample(row, { numRuns: 500, seed: 1970 }) as Cell[][];
    const schema = avroSchema('t', columns, { timestamps });
    const metadata = { 'sluice.source': 's3://b/č.csv' };
    const writer = new AvroFileWriter({ path, schema, codec, metadata, blockBytes: 10_000 });
    await writer.writeBatch(batchOf(columns, rows.slice(0, 300)));
    await writer.writeBatch(batchOf(columns, rows.slice(300)));
    await writer.close();

    const file = await runPython<Read>('read_avro.py', [path]);
    expect(file).toMatchObject({ codec, metadata });
    expect(file.types).toEqual([
      ...['boolean', 'int', 'long', 'float', 'double', 'string', 'bytes', 'date', `timestamp-${timestamps}`],
      ...Array(4).fill('decimal'),
    ]);
    expect(file.rows).toEqual(rows.map((cellsOfRow) => cellsOfRow.map((cell, index) => printed(TYPES[index]!, cell))));
  });
});
