import { SchemaMismatch } from '../../errors.ts';
import type { Int64Vector } from './column-batch.ts';
import { type ColumnEncoder, measureInt64, writeInt64 } from './column-encoders.ts';

const WORD = 2 ** 32;
const MICROS_PER_MILLI = 1000;

/**
 * Microseconds as Avro's `timestamp-millis`. Digits below the millisecond are refused, never cut off: whoever planned the
 * table chose milliseconds because the source had no finer ones.
 *
 * @param describe where the batch's row lies, for the error's message
 */
export function millisEncoder(column: string, describe: (row: number) => string): ColumnEncoder<Int64Vector> {
  let millis = new Int32Array(0);
  return {
    kind: 'int64',
    measure({ validity, words }, rows, sizes) {
      if (millis.length < rows * 2) millis = new Int32Array(rows * 2);
      for (let row = 0; row < rows; row++) {
        if (validity !== undefined && ((validity[row >> 3]! >> (row & 7)) & 1) === 0) continue;
        // Long division by words, floored, so that it is right before 1970 too. The high word's remainder is below 1000 and
        // the second dividend below 2^42: every number here is exact.
        const low = words[2 * row]!;
        const high = words[2 * row + 1]!;
        const truncated = (high / MICROS_PER_MILLI) | 0;
        const highQuotient = truncated + ((high - truncated * MICROS_PER_MILLI) >> 31);
        const dividend = (high - highQuotient * MICROS_PER_MILLI) * WORD + (low >>> 0);
        const lowQuotient = Math.floor(dividend / MICROS_PER_MILLI);
        if (dividend !== lowQuotient * MICROS_PER_MILLI) {
          const micros = (BigInt(high) << 32n) | BigInt(low >>> 0);
          throw new SchemaMismatch(
            `Cannot write column ${column} as Avro timestamp-millis: ${describe(row)} has ${micros} µs, ` +
              'which has digits below the millisecond',
          );
        }
        millis[2 * row] = lowQuotient;
        millis[2 * row + 1] = highQuotient;
      }
      return measureInt64(validity, millis, rows, sizes);
    },
    write: ({ validity }, from, to, out, _view, cursors) => writeInt64(validity, millis, from, to, out, cursors),
  };
}
