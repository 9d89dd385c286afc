import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { sliceBatch } from '../../../shared/engine/batch-slice.ts';
import type { ColumnVector } from '../../../shared/formats/avro/column-batch.ts';

/** A row's value as text, read from the vectors as their types say. */
function cell(vector: ColumnVector, row: number): string | null {
  if (vector.validity && ((vector.validity[row >> 3]! >> (row & 7)) & 1) === 0) return null;
  switch (vector.kind) {
    case 'int64':
      return [vector.words[2 * row], vector.words[2 * row + 1]].join();
    case 'bytes':
      return Buffer.from(vector.values.subarray(vector.offsets[row], vector.offsets[row + 1])).toString();
    case 'decimal': {
      const words = vector.bits === 16 ? 1 : vector.bits / 32;
      return vector.words.slice(words * row, words * (row + 1)).join();
    }
    default:
      return String(vector.values[row]);
  }
}

describe('a slice of a batch', () => {
  it('has the rows between its ends, whatever bit or byte they begin at', () => {
    const ends = fc.tuple(fc.nat(100), fc.nat(100), fc.nat(100)).map((three) => three.sort((a, b) => a - b));
    fc.assert(
      fc.property(ends, fc.uint8Array({ minLength: 16, maxLength: 16 }), ([from, to, rows], bits) => {
        const numbers = Int32Array.from({ length: 4 * 101 }, (_, i) => i);
        const texts = Array.from({ length: 101 }, (_, i) => 'x'.repeat(i % 5) + i);
        const offsets = new Int32Array(102);
        texts.forEach((text, i) => {
          offsets[i + 1] = offsets[i]! + text.length;
        });
        const columns: ColumnVector[] = [
          { kind: 'boolean', validity: bits, values: Uint8Array.from(numbers.subarray(0, 101), (n) => n & 1) },
          { kind: 'int32', validity: undefined, values: numbers },
          { kind: 'int64', validity: bits, words: numbers },
          { kind: 'float32', validity: bits, values: Float32Array.from(numbers) },
          { kind: 'float64', validity: undefined, values: Float64Array.from(numbers) },
          { kind: 'bytes', validity: bits, offsets, values: Buffer.from(texts.join('')) },
          { kind: 'decimal', validity: bits, precision: 4, scale: 1, bits: 16, words: Int16Array.from(numbers) },
          { kind: 'decimal', validity: undefined, precision: 9, scale: 1, bits: 32, words: numbers },
          { kind: 'decimal', validity: bits, precision: 38, scale: 1, bits: 128, words: numbers },
        ];
        const slice = sliceBatch({ rows: rows!, columns }, from!, to!);
        expect(slice.rows).toBe(to! - from!);
        slice.columns.forEach((column, c) => {
          const expected = Array.from({ length: to! - from! }, (_, i) => cell(columns[c]!, from! + i));
          expect(Array.from({ length: slice.rows }, (_, i) => cell(column, i))).toEqual(expected);
        });
      }),
    );
  });
});
