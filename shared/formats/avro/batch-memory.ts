import type { ColumnBatch, ColumnVector, Validity } from './column-batch.ts';

/**
 * Batches in memory that threads share: one copy in, none out. Behind a header of 32-bit words (rows, columns, then
 * `COLUMN_WORDS` a column) lie each column's validity, values and offsets.
 */

const KINDS = ['boolean', 'int32', 'int64', 'float32', 'float64', 'bytes', 'decimal'] as const;
const HEADER_WORDS = 2;
/** Kind, bits, precision, scale, then where validity, values and offsets lie (0: none), and bytes of the values. */
const COLUMN_WORDS = 8;
/** Every part begins at a multiple of the widest value's bytes. */
const ALIGNED = 8;

interface Part {
  at: number;
  bytes: Uint8Array;
}

/** What a batch takes of shared memory, in bytes. */
export function packedBytes(batch: ColumnBatch): number {
  let bytes = headerBytes(batch.columns.length);
  for (const column of batch.columns) {
    bytes += aligned(validityBytes(column.validity, batch.rows)) + aligned(valueBytes(column, batch.rows).length);
    if (column.kind === 'bytes') bytes += aligned(4 * (batch.rows + 1));
  }
  return bytes;
}

/** Copies a batch into memory of at least `packedBytes` of it. */
export function packBatch(batch: ColumnBatch, memory: SharedArrayBuffer): void {
  const { rows, columns } = batch;
  const header = new Int32Array(memory, 0, HEADER_WORDS + COLUMN_WORDS * columns.length);
  const parts: Part[] = [];
  let end = headerBytes(columns.length);
  const place = (bytes: Uint8Array): number => {
    const at = end;
    parts.push({ at, bytes });
    end += aligned(bytes.length);
    return at;
  };
  header[0] = rows;
  header[1] = columns.length;
  for (const [c, column] of columns.entries()) {
    const word = HEADER_WORDS + COLUMN_WORDS * c;
    header[word] = KINDS.indexOf(column.kind);
    header[word + 1] = column.kind === 'decimal' ? column.bits : 0;
    header[word + 2] = column.kind === 'decimal' ? column.precision : 0;
    header[word + 3] = column.kind === 'decimal' ? column.scale : 0;
    header[word + 4] = column.validity ? place(column.validity.subarray(0, Math.ceil(rows / 8))) : 0;
    const values = valueBytes(column, rows);
    header[word + 5] = place(values);
    header[word + 7] = values.length;
    header[word + 6] = 0;
    if (column.kind === 'bytes') {
      header[word + 6] = end;
      const first = column.offsets[0]!;
      const offsets = new Int32Array(memory, end, rows + 1);
      offsets.set(column.offsets.subarray(0, rows + 1));
      if (first !== 0) for (let row = 0; row <= rows; row++) offsets[row]! -= first;
      end += aligned(4 * (rows + 1));
    }
  }
  const all = new Uint8Array(memory);
  for (const { at, bytes } of parts) all.set(bytes, at);
}

/** The batch in the memory, whose arrays are that memory. */
export function unpackBatch(memory: SharedArrayBuffer): ColumnBatch {
  const [rows, count] = new Int32Array(memory, 0, HEADER_WORDS) as unknown as [number, number];
  const columns: ColumnVector[] = [];
  for (let c = 0; c < count; c++) {
    columns.push(columnAt(memory, rows, c));
  }
  return { rows, columns };
}

function columnAt(memory: SharedArrayBuffer, rows: number, column: number): ColumnVector {
  const words = new Int32Array(memory, 4 * (HEADER_WORDS + COLUMN_WORDS * column), COLUMN_WORDS);
  const [kind, bits, precision, scale, validAt, at, offsetsAt, bytes] = words;
  const validity = validAt === 0 ? undefined : new Uint8Array(memory, validAt, Math.ceil(rows / 8));
  const type = KINDS[kind!]!;
  switch (type) {
    case 'boolean':
      return { kind: type, validity, values: new Uint8Array(memory, at, rows) };
    case 'int32':
      return { kind: type, validity, values: new Int32Array(memory, at, rows) };
    case 'int64':
      return { kind: type, validity, words: new Int32Array(memory, at, 2 * rows) };
    case 'float32':
      return { kind: type, validity, values: new Float32Array(memory, at, rows) };
    case 'float64':
      return { kind: type, validity, values: new Float64Array(memory, at, rows) };
    case 'bytes': {
      const offsets = new Int32Array(memory, offsetsAt, rows + 1);
      return { kind: type, validity, offsets, values: new Uint8Array(memory, at, bytes) };
    }
    case 'decimal': {
      const shape = { kind: type, validity, precision: precision!, scale: scale! };
      if (bits === 16) return { ...shape, bits, words: new Int16Array(memory, at, rows) };
      const wide = bits as 32 | 64 | 128;
      return { ...shape, bits: wide, words: new Int32Array(memory, at, (wide / 32) * rows) };
    }
  }
}

function headerBytes(columns: number): number {
  return aligned(4 * (HEADER_WORDS + COLUMN_WORDS * columns));
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNED) * ALIGNED;
}

function validityBytes(validity: Validity, rows: number): number {
  return validity ? Math.ceil(rows / 8) : 0;
}

/** The memory of the values of the first `rows` rows. */
function valueBytes(column: ColumnVector, rows: number): Uint8Array {
  switch (column.kind) {
    case 'boolean':
      return column.values.subarray(0, rows);
    case 'bytes':
      return column.values.subarray(column.offsets[0]!, column.offsets[rows]!);
    case 'int64':
      return bytesOf(column.words, 2 * rows);
    case 'decimal':
      return bytesOf(column.words, column.bits === 16 ? rows : (column.bits / 32) * rows);
    default:
      return bytesOf(column.values, rows);
  }
}

function bytesOf(values: Int16Array | Int32Array | Float32Array | Float64Array, length: number): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, length * values.BYTES_PER_ELEMENT);
}
