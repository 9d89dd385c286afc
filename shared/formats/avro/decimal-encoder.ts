import type { DecimalVector } from './column-batch.ts';
import { type ColumnEncoder, NULL_BRANCH, VALUE_BRANCH } from './column-encoders.ts';

/**
 * Decimals as Avro's `bytes`: the unscaled number in two's complement, big-endian, in as few bytes as hold it with its sign
 * (what Java's `BigInteger.toByteArray` gives, which is what readers expect).
 */
export function decimalEncoder(): ColumnEncoder<DecimalVector> {
  return {
    kind: 'decimal',
    measure({ validity, bits, words }, rows, sizes) {
      const width = wordsOfBits(bits);
      for (let row = 0; row < rows; row++) {
        if (validity !== undefined && ((validity[row >> 3]! >> (row & 7)) & 1) === 0) continue;
        // At most 16 bytes, so their number is always a varint of one.
        sizes[row]! += 1 + signedBytes(words, row * width, width);
      }
      return 0;
    },
    write({ validity, bits, words }, from, to, out, _view, cursors) {
      const width = wordsOfBits(bits);
      for (let row = from; row < to; row++) {
        let at = cursors[row]!;
        if (validity !== undefined && ((validity[row >> 3]! >> (row & 7)) & 1) === 0) {
          out[at] = NULL_BRANCH;
          cursors[row] = at + 1;
          continue;
        }
        const first = row * width;
        const length = signedBytes(words, first, width);
        out[at] = VALUE_BRANCH;
        out[at + 1] = length << 1;
        at += 2;
        for (let byte = length - 1; byte >= 0; byte--) {
          out[at++] = words[first + (byte >> 2)]! >> ((byte & 3) << 3);
        }
        cursors[row] = at;
      }
    },
  };
}

function wordsOfBits(bits: DecimalVector['bits']): number {
  return bits <= 32 ? 1 : bits / 32;
}

/** Bytes of the shortest two's complement of the number in `width` words from `first`, the lowest first. */
function signedBytes(words: Int16Array | Int32Array, first: number, width: number): number {
  const last = first + width - 1;
  const sign = words[last]! >> 31;
  let top = last;
  while (top > first && words[top] === sign) top--;
  const bits = 32 - Math.clz32(words[top]! ^ sign);
  return 4 * (top - first) + (bits >> 3) + 1;
}
