import type {
  BooleanVector,
  BytesVector,
  ColumnVector,
  Float32Vector,
  Float64Vector,
  Int32Vector,
  Int64Vector,
  Validity,
} from './column-batch.ts';
import { varintBytes32, varintBytes64, writeVarint32, writeVarint64 } from './varint.ts';

/**
 * Writes one column of a batch into rows that lie one after another, column by column. That takes the rows' sizes first:
 * `measure` adds the column's to each row, and `write` puts its values at the rows' cursors and moves these on. Two passes
 * over columns beat one over rows (by a tenth over a switch a cell, by a third over a call a cell), and no write needs to
 * look whether there is room.
 *
 * A value is the union branch (0x00 null, 0x02 the value) and then the value's own bytes.
 */
export interface ColumnEncoder<V extends ColumnVector = ColumnVector> {
  readonly kind: V['kind'];
  /**
   * Adds each row's bytes to `sizes`, beyond the union's one byte.
   * @returns bytes to add to every row, so that columns of one width without nulls cost nothing here
   */
  measure(vector: V, rows: number, sizes: Float64Array): number;
  /** Writes rows `from` (inclusive) to `to` (exclusive). `measure` must have seen this very vector last. */
  write(vector: V, from: number, to: number, out: Uint8Array, view: DataView, cursors: Int32Array): void;
}

export const NULL_BRANCH = 0;
export const VALUE_BRANCH = 2;

/** Adds `width` bytes to the rows that have a value; returns what is the same for all. */
function measureFixed(validity: Validity, rows: number, sizes: Float64Array, width: number): number {
  if (validity === undefined) return width;
  for (let row = 0; row < rows; row++) {
    if ((validity[row >> 3]! >> (row & 7)) & 1) sizes[row]! += width;
  }
  return 0;
}

export function booleanEncoder(): ColumnEncoder<BooleanVector> {
  return {
    kind: 'boolean',
    measure: (vector, rows, sizes) => measureFixed(vector.validity, rows, sizes, 1),
    write({ validity, values }, from, to, out, _view, cursors) {
      for (let row = from; row < to; row++) {
        const at = cursors[row]!;
        if (validity !== undefined && ((validity[row >> 3]! >> (row & 7)) & 1) === 0) {
          out[at] = NULL_BRANCH;
          cursors[row] = at + 1;
          continue;
        }
        out[at] = VALUE_BRANCH;
        out[at + 1] = values[row]!;
        cursors[row] = at + 2;
      }
    },
  };
}

export function int32Encoder(): ColumnEncoder<Int32Vector> {
  return {
    kind: 'int32',
    measure({ validity, values }, rows, sizes) {
      for (let row = 0; row < rows; row++) {
        if (validity !== undefined && ((validity[row >> 3]! >> (row & 7)) & 1) === 0) continue;
        sizes[row]! += varintBytes32(values[row]!);
      }
      return 0;
    },
    write({ validity, values }, from, to, out, _view, cursors) {
      for (let row = from; row < to; row++) {
        const at = cursors[row]!;
        if (validity !== undefined && ((validity[row >> 3]! >> (row & 7)) & 1) === 0) {
          out[at] = NULL_BRANCH;
          cursors[row] = at + 1;
          continue;
        }
        out[at] = VALUE_BRANCH;
        cursors[row] = writeVarint32(out, at + 1, values[row]!);
      }
    },
  };
}

export function int64Encoder(): ColumnEncoder<Int64Vector> {
  return {
    kind: 'int64',
    measure: ({ validity, words }, rows, sizes) => measureInt64(validity, words, rows, sizes),
    write: ({ validity, words }, from, to, out, _view, cursors) => writeInt64(validity, words, from, to, out, cursors),
  };
}

export function measureInt64(validity: Validity, words: Int32Array, rows: number, sizes: Float64Array): number {
  for (let row = 0; row < rows; row++) {
    if (validity !== undefined && ((validity[row >> 3]! >> (row & 7)) & 1) === 0) continue;
    sizes[row]! += varintBytes64(words[2 * row]!, words[2 * row + 1]!);
  }
  return 0;
}

export function writeInt64(
  validity: Validity,
  words: Int32Array,
  from: number,
  to: number,
  out: Uint8Array,
  cursors: Int32Array,
): void {
  for (let row = from; row < to; row++) {
    const at = cursors[row]!;
    if (validity !== undefined && ((validity[row >> 3]! >> (row & 7)) & 1) === 0) {
      out[at] = NULL_BRANCH;
      cursors[row] = at + 1;
      continue;
    }
    out[at] = VALUE_BRANCH;
    cursors[row] = writeVarint64(out, at + 1, words[2 * row]!, words[2 * row + 1]!);
  }
}

export function float32Encoder(): ColumnEncoder<Float32Vector> {
  return {
    kind: 'float32',
    measure: (vector, rows, sizes) => measureFixed(vector.validity, rows, sizes, 4),
    write({ validity, values }, from, to, out, view, cursors) {
      // As words, not as floats: a NaN keeps its bits, and two whole words are stored faster than eight bytes.
      const words = new Int32Array(values.buffer, values.byteOffset, values.length);
      for (let row = from; row < to; row++) {
        const at = cursors[row]!;
        if (validity !== undefined && ((validity[row >> 3]! >> (row & 7)) & 1) === 0) {
          out[at] = NULL_BRANCH;
          cursors[row] = at + 1;
          continue;
        }
        out[at] = VALUE_BRANCH;
        view.setInt32(at + 1, words[row]!, true);
        cursors[row] = at + 5;
      }
    },
  };
}

export function float64Encoder(): ColumnEncoder<Float64Vector> {
  return {
    kind: 'float64',
    measure: (vector, rows, sizes) => measureFixed(vector.validity, rows, sizes, 8),
    write({ validity, values }, from, to, out, view, cursors) {
      const words = new Int32Array(values.buffer, values.byteOffset, values.length * 2);
      for (let row = from; row < to; row++) {
        const at = cursors[row]!;
        if (validity !== undefined && ((validity[row >> 3]! >> (row & 7)) & 1) === 0) {
          out[at] = NULL_BRANCH;
          cursors[row] = at + 1;
          continue;
        }
        out[at] = VALUE_BRANCH;
        view.setInt32(at + 1, words[2 * row]!, true);
        view.setInt32(at + 5, words[2 * row + 1]!, true);
        cursors[row] = at + 9;
      }
    },
  };
}

/** From this length on, the call that `TypedArray.set` costs is cheaper than copying word by word. */
const LONG_VALUE_BYTES = 96;

export function bytesEncoder(): ColumnEncoder<BytesVector> {
  return {
    kind: 'bytes',
    measure({ validity, offsets }, rows, sizes) {
      for (let row = 0; row < rows; row++) {
        if (validity !== undefined && ((validity[row >> 3]! >> (row & 7)) & 1) === 0) continue;
        const length = offsets[row + 1]! - offsets[row]!;
        sizes[row]! += length + varintBytes32(length);
      }
      return 0;
    },
    write({ validity, offsets, values }, from, to, out, view, cursors) {
      const source = new DataView(values.buffer, values.byteOffset, values.byteLength);
      for (let row = from; row < to; row++) {
        let at = cursors[row]!;
        if (validity !== undefined && ((validity[row >> 3]! >> (row & 7)) & 1) === 0) {
          out[at] = NULL_BRANCH;
          cursors[row] = at + 1;
          continue;
        }
        out[at] = VALUE_BRANCH;
        let next = offsets[row]!;
        const end = offsets[row + 1]!;
        at = writeVarint32(out, at + 1, end - next);
        if (end - next >= LONG_VALUE_BYTES) {
          out.set(values.subarray(next, end), at);
          cursors[row] = at + end - next;
          continue;
        }
        const after = at + end - next;
        if (end - next < 4) {
          while (next < end) out[at++] = values[next++]!;
        } else {
          for (; at < after - 4; at += 4, next += 4) view.setInt32(at, source.getInt32(next, true), true);
          // The last word overlaps the one before: no loop over what is left, whose length no processor can foresee.
          view.setInt32(after - 4, source.getInt32(end - 4, true), true);
        }
        cursors[row] = after;
      }
    },
  };
}
