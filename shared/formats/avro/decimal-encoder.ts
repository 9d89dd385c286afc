import type { DecimalVector } from './column-batch.ts';
import { type ColumnEncoder, NULL_BRANCH, VALUE_BRANCH } from './column-encoders.ts';

/**
 * Decimals as Avro's `bytes`: the unscaled number in two's complement, big-endian, in as few bytes as hold it with its sign
 * (what Java's `BigInteger.toByteArray` gives, which is what readers expect).
 */
export function decimalEncoder(): ColumnEncoder<DecimalVector> {
  /** Of each value, its bytes. */
  let lengths = new Uint8Array(0);
  return {
    kind: 'decimal',
    measure({ validity, bits, words }, rows, sizes) {
      if (lengths.length < rows) lengths = new Uint8Array(rows);
      const width = wordsOfBits(bits);
      for (let row = 0; row < rows; row++) {
        if (validity !== undefined && ((validity[row >> 3]! >> (row & 7)) & 1) === 0) continue;
        const length = signedBytes(words, row * width, width);
        lengths[row] = length;
        // At most 16 bytes, so their number is always a varint of one.
        sizes[row]! += 1 + length;
      }
      return 0;
    },
    write({ validity, bits, words }, from, to, out, view, cursors) {
      const width = wordsOfBits(bits);
      for (let row = from; row < to; row++) {
        const at = cursors[row]!;
        if (validity !== undefined && ((validity[row >> 3]! >> (row & 7)) & 1) === 0) {
          out[at] = NULL_BRANCH;
          cursors[row] = at + 1;
          continue;
        }
        const first = row * width;
        const length = lengths[row]!;
        out[at] = VALUE_BRANCH;
        out[at + 1] = length << 1;
        cursors[row] = at + 2 + length;
        // Most values have few bytes: written at once, without a loop whose end no processor can foresee.
        if (length <= 4) writeWord(out, view, at + 2, words[first]!, length);
        else writeWords(out, at + 2, words, first, length);
      }
    },
  };
}

/** The lowest `length` bytes of the words from `first`, the highest first. */
function writeWords(
  out: Uint8Array,
  start: number,
  words: DecimalVector['words'],
  first: number,
  length: number,
): void {
  let at = start;
  for (let byte = length - 1; byte >= 0; byte--) out[at++] = words[first + (byte >> 2)]! >> ((byte & 3) << 3);
}

/** The same of one word. */
function writeWord(out: Uint8Array, view: DataView, at: number, word: number, length: number): void {
  switch (length) {
    case 1:
      out[at] = word;
      return;
    case 2:
      view.setInt16(at, word);
      return;
    case 3:
      view.setInt16(at, word >> 8);
      out[at + 2] = word;
      return;
    default:
      view.setInt32(at, word);
  }
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
