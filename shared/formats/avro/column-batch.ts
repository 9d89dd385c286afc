/**
 * Rows as columns, in the layout in which DuckDB hands out its chunks, so that fixed-width vectors need no copy. All
 * numbers are little-endian, as the machine has them. Arrays may be longer than the batch has rows; what lies beyond
 * `rows`, and the slots of nulls, are never read.
 */
export interface ColumnBatch {
  rows: number;
  /** One a field of the schema, in its order. */
  columns: ColumnVector[];
}

/** Bit `i & 7` of byte `i >> 3` is set where row `i` has a value; undefined where every row has one. */
export type Validity = Uint8Array | undefined;

export interface BooleanVector {
  kind: 'boolean';
  validity: Validity;
  /** 0 or 1 a row. */
  values: Uint8Array;
}

/** Integers, and dates as days since 1970-01-01. */
export interface Int32Vector {
  kind: 'int32';
  validity: Validity;
  values: Int32Array;
}

/** Integers, and timestamps as microseconds since 1970-01-01 UTC. */
export interface Int64Vector {
  kind: 'int64';
  validity: Validity;
  /** Two words a row, the low one first: a 64-bit number without a BigInt. See `int64Words`. */
  words: Int32Array;
}

export interface Float32Vector {
  kind: 'float32';
  validity: Validity;
  values: Float32Array;
}

export interface Float64Vector {
  kind: 'float64';
  validity: Validity;
  values: Float64Array;
}

/** Unscaled two's complement numbers, as wide as DuckDB keeps them: 16 bits to precision 4, 32 to 9, 64 to 18, else 128. */
export type DecimalVector = {
  kind: 'decimal';
  validity: Validity;
  precision: number;
  scale: number;
} & ({ bits: 16; words: Int16Array } | { bits: 32 | 64 | 128; words: Int32Array });

/** Text in UTF-8, or binary. */
export interface BytesVector {
  kind: 'bytes';
  validity: Validity;
  /** Row `i` is `values` from `offsets[i]` (inclusive) to `offsets[i + 1]` (exclusive); `rows + 1` entries. */
  offsets: Int32Array;
  values: Uint8Array;
}

export type ColumnVector =
  | BooleanVector
  | Int32Vector
  | Int64Vector
  | Float32Vector
  | Float64Vector
  | DecimalVector
  | BytesVector;

/** The same memory as pairs of 32-bit words, which is what `Int64Vector` and decimals of 64 bits take. */
export function int64Words(values: BigInt64Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length * 2);
}
