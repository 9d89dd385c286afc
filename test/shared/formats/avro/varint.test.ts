import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { varintBytes32, varintBytes64, writeVarint32, writeVarint64 } from '../../../../shared/formats/avro/varint.ts';
import { int32s, int64s } from './batches.ts';

/** The specification, word for word, over BigInt. */
function reference(value: bigint): number[] {
  let zigzag = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  const bytes: number[] = [];
  while (zigzag > 127n) {
    bytes.push(Number(zigzag & 127n) | 128);
    zigzag >>= 7n;
  }
  return [...bytes, Number(zigzag)];
}

function wordsOf(value: bigint): [low: number, high: number] {
  return [Number(BigInt.asIntN(32, value)), Number(BigInt.asIntN(32, value >> 32n))];
}

describe('64-bit varints', () => {
  it('are those of the specification over the whole range, and as long as measured', () => {
    fc.assert(
      fc.property(int64s, (value) => {
        const out = new Uint8Array(12).fill(0xee);
        const end = writeVarint64(out, 1, ...wordsOf(value));
        expect([...out.subarray(1, end)]).toEqual(reference(value));
        expect(out[end]).toBe(0xee);
        expect(varintBytes64(...wordsOf(value))).toBe(end - 1);
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    [0n, '00'],
    [-1n, '01'],
    [63n, '7e'],
    [64n, '8001'],
    [-64n, '7f'],
    [-65n, '8101'],
    [2n ** 31n - 1n, 'feffffff0f'],
    [2n ** 31n, '8080808010'],
    [2n ** 63n - 1n, 'feffffffffffffffff01'],
    [-(2n ** 63n), 'ffffffffffffffffff01'],
  ])('%s is %s', (value, hex) => {
    const out = Buffer.alloc(10);
    expect(out.subarray(0, writeVarint64(out, 0, ...wordsOf(value))).toString('hex')).toBe(hex);
  });
});

describe('32-bit varints', () => {
  it('are those of the specification over the whole range, and as long as measured', () => {
    fc.assert(
      fc.property(int32s, (value) => {
        const out = new Uint8Array(8).fill(0xee);
        const end = writeVarint32(out, 1, value);
        expect([...out.subarray(1, end)]).toEqual(reference(BigInt(value)));
        expect(out[end]).toBe(0xee);
        expect(varintBytes32(value)).toBe(end - 1);
      }),
      { numRuns: 2000 },
    );
  });
});
