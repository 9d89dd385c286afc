import { describe, expect, it } from '@jest/globals';
import type { ColumnBatch } from '../../../../shared/formats/avro/column-batch.ts';
import { AvroBlockEncoder } from '../../../../shared/formats/avro/encode.ts';
import { avroSchema } from '../../../../shared/formats/avro/schema.ts';
import { batchOf, type Cell, column, vectorOf } from './batches.ts';

function encoderOf(
  columns: Parameters<typeof avroSchema>[1],
  blockBytes = 1000,
  timestamps: 'millis' | 'micros' = 'millis',
) {
  return new AvroBlockEncoder(avroSchema('t', columns, { timestamps }), { blockBytes, where: 'out.avro' });
}

/** The bytes of one value in a column of its own, without the union branch. */
function hexOf(type: Parameters<typeof column>[1], value: Cell, timestamps: 'millis' | 'micros' = 'millis'): string {
  const columns = [column('c', type)];
  const encoder = encoderOf(columns, 1000, timestamps);
  expect([...encoder.encode(batchOf(columns, [[value]]))]).toEqual([]);
  const hex = Buffer.from(encoder.finish()!.bytes).toString('hex');
  expect(hex.slice(0, 2)).toBe(value === null ? '00' : '02');
  return hex.slice(2);
}

describe('the bytes of a value', () => {
  it.each([
    ['boolean', true, '01'],
    ['boolean', null, ''],
    ['int', -2147483648, 'ffffffff0f'],
    ['float', 1.5, '0000c03f'],
    ['double', -0, '0000000000000080'],
    ['double', Number.NEGATIVE_INFINITY, '000000000000f0ff'],
    ['string', '', '00'],
    ['string', 'é', '04c3a9'],
    ['binary', Buffer.from([0, 255]), '0400ff'],
    ['date', -1, '01'],
    ['decimal(4,2)', 0n, '0200'],
    ['decimal(4,2)', 127n, '027f'],
    ['decimal(4,2)', 128n, '040080'],
    ['decimal(4,2)', -128n, '0280'],
    ['decimal(4,2)', -129n, '04ff7f'],
    ['decimal(9,0)', -(2n ** 23n), '06800000'],
    ['decimal(18,0)', 2n ** 31n, '0a0080000000'],
    ['decimal(18,0)', -(2n ** 31n), '0880000000'],
    ['decimal(38,0)', 2n ** 64n, '12010000000000000000'],
    ['decimal(38,0)', -1n, '02ff'],
  ] as [Parameters<typeof column>[1], Cell, string][])('%s %s is %s', (type, value, hex) => {
    expect(hexOf(type, value)).toBe(hex);
  });

  it('keeps the bits of any NaN', () => {
    const values = new Float64Array(1);
    new BigUint64Array(values.buffer)[0] = 0x7ff4_dead_beef_0001n;
    const encoder = encoderOf([column('c', 'double')]);
    expect([...encoder.encode({ rows: 1, columns: [{ kind: 'float64', validity: undefined, values }] })]).toEqual([]);
    expect(Buffer.from(encoder.finish()!.bytes).toString('hex')).toBe('020100efbeaddef47f');
  });

  it.each([
    ['after 1970', 1_704_067_200_123_000n],
    ['before 1970', -1_000n],
    ['long before 1970, high word a multiple of 1000', -1000n * 2n ** 32n],
    ['at the end of the range', ((2n ** 63n - 1n) / 1000n) * 1000n],
    ['at its beginning', (-(2n ** 63n) / 1000n) * 1000n],
  ])('timestamps %s are divided exactly', (_when, micros) => {
    expect(hexOf('timestamp', micros)).toBe(hexOf('bigint', micros / 1000n));
    expect(hexOf('timestamp', micros, 'micros')).toBe(hexOf('bigint', micros));
  });
});

describe('what does not fit the schema', () => {
  it.each([1n, -1n, 1_704_067_200_000_999n, -1001n, 2n ** 63n - 1n, -(2n ** 63n)])(
    'refuses %s µs as milliseconds, and takes no row of the batch',
    (micros) => {
      const columns = [column('id', 'int'), column('at', 'timestamp')];
      const encoder = encoderOf(columns);
      expect([...encoder.encode(batchOf(columns, [[1, 0n]]))]).toEqual([]);
      const bad = batchOf(columns, [
        [2, 0n],
        [3, micros],
      ]);
      expect(() => [...encoder.encode(bad)]).toThrow(
        expect.objectContaining({
          name: 'SchemaMismatch',
          message:
            `Cannot write column at as Avro timestamp-millis: row 3 of out.avro has ${micros} µs, ` +
            'which has digits below the millisecond',
        }),
      );
      expect(encoder.rows).toBe(1);
      expect(encoder.finish()).toMatchObject({ rows: 1 });
    },
  );

  it('does not look at nulls for such digits', () => {
    const columns = [column('at', 'timestamp')];
    const batch = batchOf(columns, [[null]]);
    expect(batch.columns[0]).toMatchObject({ kind: 'int64', words: expect.objectContaining({ 0: 0x5a5a5a5a }) });
    expect([...encoderOf(columns).encode(batch)]).toEqual([]);
  });

  it.each([
    ['another number of columns', [] as ColumnBatch['columns'], 'the batch has 0 columns where the schema has 1'],
    [
      'another kind',
      [vectorOf('bigint', [1n])],
      'Cannot write column price of out.avro as Avro: the batch has int64 where the schema has {"type":"bytes"',
    ],
    ['another scale', [vectorOf('decimal(9,3)', [1n])], 'the batch has decimal(9,3) where the schema has decimal(9,2)'],
  ])('refuses %s', (_what, columns, message) => {
    const encoder = encoderOf([column('price', 'decimal(9,2)')]);
    expect(() => [...encoder.encode({ rows: 1, columns })]).toThrow(
      expect.objectContaining({ name: 'SchemaMismatch', message: expect.stringContaining(message) }),
    );
  });

  it('refuses a row larger than any reader takes', () => {
    const encoder = encoderOf([column('a', 'string'), column('b', 'string')]);
    // Only measured, never read: the offsets say it all.
    const huge = {
      kind: 'bytes' as const,
      validity: undefined,
      offsets: Int32Array.of(0, 5, 2 ** 30),
      values: new Uint8Array(0),
    };
    const columns = [huge, { ...huge, offsets: Int32Array.of(0, 5, 2 ** 30 + 5) }];
    expect(() => [...encoder.encode({ rows: 2, columns })]).toThrow(
      expect.objectContaining({
        name: 'BadInput',
        message:
          'Cannot write row 2 of out.avro as Avro: it takes 2147483655 bytes where at most 2147483647 can be read',
      }),
    );
  });
});

describe('blocks', () => {
  const columns = [column('text', 'string')];
  /** Rows of `bytes` bytes each as encoded: branch, length, text. */
  const rowsOf = (...bytes: number[]) =>
    batchOf(
      columns,
      bytes.map((size) => ['x'.repeat(size - 2)]),
    );
  const sizesOf = (blocks: Iterable<{ rows: number; bytes: Uint8Array }>) =>
    [...blocks].map(({ rows, bytes }) => [rows, bytes.length]);

  it('are filled to the byte and closed before the row that does not fit', () => {
    const encoder = encoderOf(columns, 20);
    expect(sizesOf(encoder.encode(rowsOf(10, 10, 10, 11, 5)))).toEqual([
      [2, 20],
      [1, 10],
    ]);
    expect(sizesOf([encoder.finish()!])).toEqual([[2, 16]]);
  });

  it('do not end with a batch', () => {
    const encoder = encoderOf(columns, 20);
    expect(sizesOf(encoder.encode(rowsOf(10)))).toEqual([]);
    expect(sizesOf(encoder.encode(rowsOf(10)))).toEqual([]);
    expect(sizesOf(encoder.encode(rowsOf(10)))).toEqual([[2, 20]]);
    expect(encoder.rows).toBe(3);
  });

  it('hold a row larger than a block alone', () => {
    const encoder = encoderOf(columns, 20);
    expect(sizesOf(encoder.encode(rowsOf(10, 50, 10, 50)))).toEqual([
      [1, 10],
      [1, 50],
      [1, 10],
    ]);
    expect(sizesOf(encoder.encode(rowsOf(50)))).toEqual([[1, 50]]);
    expect(sizesOf([encoder.finish()!])).toEqual([[1, 50]]);
  });

  it('do not share memory until it is given back', () => {
    const encoder = encoderOf(columns, 10);
    const [first, second] = [...encoder.encode(rowsOf(10, 10, 10))];
    expect(second!.bytes.buffer).not.toBe(first!.bytes.buffer);
    encoder.recycle(first!);
    const [, fourth] = [...encoder.encode(rowsOf(10, 10))];
    expect(fourth!.bytes.buffer).toBe(first!.bytes.buffer);
  });

  it('are none where there are no rows', () => {
    const encoder = encoderOf(columns);
    expect(sizesOf(encoder.encode(rowsOf()))).toEqual([]);
    expect(encoder.finish()).toBeUndefined();
  });
});
