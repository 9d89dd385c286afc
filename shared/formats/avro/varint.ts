/**
 * Avro's variable-length integers: zigzag (0, -1, 1, -2 … → 0, 1, 2, 3 …), then seven bits a byte, the lowest first, the
 * high bit set on all but the last (Avro 1.11 specification, "Binary Encoding"). 64-bit numbers are pairs of 32-bit words
 * throughout: exact over the whole range, with no BigInt made.
 */

/** Bytes of a varint by its significant bits, 0 to 64. */
const BYTES_OF_BITS = Uint8Array.from({ length: 65 }, (_, bits) => Math.max(1, Math.ceil(bits / 7)));

/** Bytes of a 64-bit integer as a varint. */
export function varintBytes64(low: number, high: number): number {
  const sign = high >> 31;
  const zigzagHigh = ((high << 1) | (low >>> 31)) ^ sign;
  if (zigzagHigh !== 0) return BYTES_OF_BITS[64 - Math.clz32(zigzagHigh)]!;
  return BYTES_OF_BITS[32 - Math.clz32((low << 1) ^ sign)]!;
}

/** Writes a 64-bit integer at `at`; returns where it ends. */
export function writeVarint64(out: Uint8Array, at: number, low: number, high: number): number {
  const sign = high >> 31;
  let zigzagHigh = ((high << 1) | (low >>> 31)) ^ sign;
  let zigzagLow = (low << 1) ^ sign;
  let end = at;
  if (zigzagHigh !== 0) {
    // More than 32 bits: the first four bytes come from the low word alone.
    out[end] = zigzagLow | 128;
    out[end + 1] = (zigzagLow >>> 7) | 128;
    out[end + 2] = (zigzagLow >>> 14) | 128;
    out[end + 3] = (zigzagLow >>> 21) | 128;
    end += 4;
    zigzagLow = (zigzagLow >>> 28) | (zigzagHigh << 4);
    zigzagHigh >>>= 28;
    while (zigzagHigh !== 0) {
      out[end++] = zigzagLow | 128;
      zigzagLow = (zigzagLow >>> 7) | (zigzagHigh << 25);
      zigzagHigh >>>= 7;
    }
  }
  while (zigzagLow >>> 0 > 127) {
    out[end++] = zigzagLow | 128;
    zigzagLow >>>= 7;
  }
  out[end++] = zigzagLow;
  return end;
}

/** Bytes of a 32-bit integer as a varint. */
export function varintBytes32(value: number): number {
  return BYTES_OF_BITS[32 - Math.clz32((value << 1) ^ (value >> 31))]!;
}

/** Writes a 32-bit integer at `at`; returns where it ends. */
export function writeVarint32(out: Uint8Array, at: number, value: number): number {
  let zigzag = (value << 1) ^ (value >> 31);
  let end = at;
  while (zigzag >>> 0 > 127) {
    out[end++] = zigzag | 128;
    zigzag >>>= 7;
  }
  out[end++] = zigzag;
  return end;
}
