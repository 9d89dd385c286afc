import type { ColumnBatch, ColumnVector, Validity } from '../formats/avro/column-batch.ts';

/** Rows `from` (inclusive) to `to` (exclusive) of a batch. Its memory is the batch's, but for validity that begins inside a byte. */
export function sliceBatch(batch: ColumnBatch, from: number, to: number): ColumnBatch {
  if (from === 0 && to === batch.rows) return batch;
  return { rows: to - from, columns: batch.columns.map((column) => sliceVector(column, from, to)) };
}

function sliceVector(vector: ColumnVector, from: number, to: number): ColumnVector {
  const validity = sliceValidity(vector.validity, from, to);
  switch (vector.kind) {
    case 'boolean':
      return { ...vector, validity, values: vector.values.subarray(from, to) };
    case 'int32':
      return { ...vector, validity, values: vector.values.subarray(from, to) };
    case 'float32':
      return { ...vector, validity, values: vector.values.subarray(from, to) };
    case 'float64':
      return { ...vector, validity, values: vector.values.subarray(from, to) };
    case 'int64':
      return { ...vector, validity, words: vector.words.subarray(2 * from, 2 * to) };
    case 'bytes':
      return { ...vector, validity, offsets: vector.offsets.subarray(from, to + 1) };
    case 'decimal': {
      if (vector.bits === 16) return { ...vector, validity, words: vector.words.subarray(from, to) };
      const words = vector.bits / 32;
      return { ...vector, validity, words: vector.words.subarray(words * from, words * to) };
    }
  }
}

function sliceValidity(validity: Validity, from: number, to: number): Validity {
  if (validity === undefined) return undefined;
  const shift = from & 7;
  const bytes = validity.subarray(from >> 3, (to + 7) >> 3);
  if (shift === 0) return bytes;
  return bytes.map((byte, i) => (byte >> shift) | ((bytes[i + 1] ?? 0) << (8 - shift)));
}
