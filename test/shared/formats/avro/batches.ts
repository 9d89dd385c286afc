import fc from 'fast-check';
import { type Column, type ColumnType, decimalOf } from '../../../../shared/domain/schema.ts';
import { type ColumnBatch, type ColumnVector, int64Words } from '../../../../shared/formats/avro/column-batch.ts';

/** A cell as the tests hold it: bigint for 64-bit integers, timestamps (µs) and unscaled decimals, days for dates. */
export type Cell = null | boolean | number | bigint | string | Buffer;

/** Null slots are filled with this and what lies beyond the last row too, so that a test shows who reads them. */
const GARBAGE = 0x5a;
const SLACK_ROWS = 3;

export function column(name: string, type: ColumnType): Column {
  return { name, original: name, type };
}

export function batchOf(columns: readonly Column[], rows: readonly (readonly Cell[])[]): ColumnBatch {
  return {
    rows: rows.length,
    columns: columns.map(({ type }, index) =>
      vectorOf(
        type,
        rows.map((row) => row[index]!),
      ),
    ),
  };
}

export function vectorOf(type: ColumnType, cells: readonly Cell[]): ColumnVector {
  const validity = cells.includes(null) ? validityOf(cells) : undefined;
  const slots = cells.length + SLACK_ROWS;
  /** An array of garbage with the cells in it. */
  const filled = <A extends { buffer: ArrayBufferLike }>(array: A, set: (cell: Cell, row: number) => void): A => {
    new Uint8Array(array.buffer).fill(GARBAGE);
    cells.forEach((cell, row) => {
      if (cell !== null) set(cell, row);
    });
    return array;
  };
  const fill = <A extends Uint8Array | Int16Array | Int32Array | Float32Array | Float64Array>(array: A): A =>
    filled(array, (cell, row) => {
      array[row] = Number(cell);
    });
  switch (type) {
    case 'boolean':
      return { kind: 'boolean', validity, values: fill(new Uint8Array(slots)) };
    case 'int':
    case 'date':
      return { kind: 'int32', validity, values: fill(new Int32Array(slots)) };
    case 'float':
      return { kind: 'float32', validity, values: fill(new Float32Array(slots)) };
    case 'double':
      return { kind: 'float64', validity, values: fill(new Float64Array(slots)) };
    case 'bigint':
    case 'timestamp': {
      const values = new BigInt64Array(slots);
      filled(values, (cell, row) => {
        values[row] = cell as bigint;
      });
      return { kind: 'int64', validity, words: int64Words(values) };
    }
    case 'string':
    case 'binary': {
      const parts = cells.map((cell) => (cell === null ? Buffer.from('garbage') : Buffer.from(cell as string)));
      // Not from 0: a slice of a larger vector is a vector too.
      const before = Buffer.from('before');
      const offsets = new Int32Array(slots + 1);
      offsets[0] = before.length;
      parts.forEach((part, row) => {
        offsets[row + 1] = offsets[row]! + part.length;
      });
      return { kind: 'bytes', validity, offsets, values: Buffer.concat([before, ...parts, Buffer.from('after')]) };
    }
    default: {
      const { precision, scale } = decimalOf(type)!;
      if (precision <= 4) {
        return { kind: 'decimal', validity, precision, scale, bits: 16, words: fill(new Int16Array(slots)) };
      }
      const bits = precision <= 9 ? 32 : precision <= 18 ? 64 : 128;
      const width = bits / 32;
      const words = new Int32Array(slots * width);
      filled(words, (cell, row) => {
        for (let word = 0; word < width; word++) {
          words[row * width + word] = Number(BigInt.asIntN(32, (cell as bigint) >> BigInt(32 * word)));
        }
      });
      return { kind: 'decimal', validity, precision, scale, bits, words };
    }
  }
}

function validityOf(cells: readonly Cell[]): Uint8Array {
  const bits = new Uint8Array(Math.ceil(cells.length / 8));
  cells.forEach((cell, row) => {
    if (cell !== null) bits[row >> 3]! |= 1 << (row & 7);
  });
  return bits;
}

const INT64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };
/** Numbers about each power of two, where the number of bytes changes. */
const edgesOf = (bits: number) =>
  fc
    .tuple(fc.integer({ min: 0, max: bits - 1 }), fc.integer({ min: -2, max: 1 }), fc.boolean())
    .map(([power, step, negative]) => BigInt.asIntN(bits, (negative ? -1n : 1n) * 2n ** BigInt(power) + BigInt(step)));

export const int64s = fc.oneof(fc.bigInt(INT64), edgesOf(64), fc.constantFrom(INT64.min, INT64.max, 0n, -1n));
export const int32s = fc.oneof(fc.integer(), edgesOf(32).map(Number));

export function cellsOf(type: ColumnType, timestamps: 'millis' | 'micros'): fc.Arbitrary<Cell> {
  const decimal = decimalOf(type);
  if (decimal) {
    const most = 10n ** BigInt(decimal.precision) - 1n;
    const inside = (value: bigint) => value >= -most && value <= most;
    return fc.oneof(
      fc.bigInt({ min: -most, max: most }),
      fc.constantFrom(most, -most, 0n),
      edgesOf(128).filter(inside),
    );
  }
  switch (type) {
    case 'boolean':
      return fc.boolean();
    case 'int':
    case 'date':
      return int32s;
    case 'bigint':
      return int64s;
    case 'timestamp':
      return timestamps === 'micros' ? int64s : int64s.map((value) => (value / 1000n) * 1000n);
    case 'float':
      return fc.float();
    case 'double':
      return fc.double();
    case 'string':
      return fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary', minLength: 60, maxLength: 200 }));
    default:
      return fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
  }
}

export const columnTypes: fc.Arbitrary<ColumnType> = fc.oneof(
  fc.constantFrom<ColumnType>('boolean', 'int', 'bigint', 'float', 'double', 'date', 'timestamp', 'string', 'binary'),
  fc
    .tuple(fc.integer({ min: 1, max: 38 }), fc.nat(38))
    .map(([precision, scale]): ColumnType => `decimal(${precision},${Math.min(scale, precision)})`),
);
