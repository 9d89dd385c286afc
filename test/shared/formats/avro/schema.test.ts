import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  avroFieldName,
  avroSchema,
  avroSchemaLiteral,
  avroTableColumns,
} from '../../../../shared/formats/avro/schema.ts';
import { column } from './batches.ts';

const COLUMNS = [
  column('flag', 'boolean'),
  column('n', 'int'),
  column('big', 'bigint'),
  column('f', 'float'),
  column('d', 'double'),
  column('price', 'decimal(10,2)'),
  column('day', 'date'),
  column('at', 'timestamp'),
  column('text', 'string'),
  column('raw', 'binary'),
];

describe('avroSchema', () => {
  it('makes every field nullable and gives each type as Athena reads it', () => {
    expect(avroSchema('trips', COLUMNS, { timestamps: 'millis' })).toEqual({
      type: 'record',
      name: 'trips',
      fields: [
        { name: 'flag', type: ['null', 'boolean'], default: null },
        { name: 'n', type: ['null', 'int'], default: null },
        { name: 'big', type: ['null', 'long'], default: null },
        { name: 'f', type: ['null', 'float'], default: null },
        { name: 'd', type: ['null', 'double'], default: null },
        {
          name: 'price',
          type: ['null', { type: 'bytes', logicalType: 'decimal', precision: 10, scale: 2 }],
          default: null,
        },
        { name: 'day', type: ['null', { type: 'int', logicalType: 'date' }], default: null },
        { name: 'at', type: ['null', { type: 'long', logicalType: 'timestamp-millis' }], default: null },
        { name: 'text', type: ['null', 'string'], default: null },
        { name: 'raw', type: ['null', 'bytes'], default: null },
      ],
    });
  });

  it('writes microseconds where asked', () => {
    const { fields } = avroSchema('trips', [column('at', 'timestamp')], { timestamps: 'micros' });
    expect(fields[0]!.type[1]).toEqual({ type: 'long', logicalType: 'timestamp-micros' });
  });

  it('keeps the header of the source where the field has another name', () => {
    const { fields } = avroSchema('t', [{ name: 'total_fare', original: 'Total Fare ($)', type: 'double' }], {
      timestamps: 'millis',
    });
    expect(fields[0]).toMatchObject({ name: 'total_fare', 'sluice.original': 'Total Fare ($)' });
  });

  it('gives a name that begins with a digit an underscore, and the table column with it', () => {
    const columns = [column('2020', 'int'), column('_2020', 'int'), column('_plain', 'int')];
    const names = ['_2020', '__2020', '_plain'];
    expect(avroSchema('9lives', columns, { timestamps: 'millis' })).toMatchObject({
      name: '_9lives',
      fields: names.map((name) => ({ name })),
    });
    expect(avroTableColumns(columns, { timestamps: 'millis' }).map(({ name }) => name)).toEqual(names);
  });

  it('never gives two columns one name', () => {
    const names = fc.string({ unit: fc.constantFrom('_', '1', 'a'), minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(names, names, (a, b) => {
        expect(avroFieldName(a)).toMatch(/^[a-z_][a-z0-9_]*$/);
        expect(avroFieldName(a) === avroFieldName(b)).toBe(a === b);
      }),
    );
  });

  it.each([
    ['a record name that Avro forbids', 'my table', COLUMNS, 'Cannot name an Avro record "my table"'],
    ['a field name that Avro forbids', 't', [column('a b', 'int')], 'Cannot name an Avro field "a b" in t'],
    ['a name twice', 't', [column('a', 'int'), column('a', 'int')], 'Two columns of t have the name a'],
  ])('refuses %s', (_what, name, columns, message) => {
    expect(() => avroSchema(name, columns, { timestamps: 'millis' })).toThrow(
      expect.objectContaining({ name: 'BadDataset', message: expect.stringContaining(message) }),
    );
  });
});

describe('avroSchemaLiteral', () => {
  it('is the schema of the files, without what only people read', () => {
    const columns = [{ name: 'at', original: 'At', type: 'timestamp' as const }, column('price', 'decimal(4,1)')];
    expect(JSON.parse(avroSchemaLiteral('t', columns, { timestamps: 'millis' }))).toEqual({
      type: 'record',
      name: 't',
      fields: [
        { name: 'at', type: ['null', { type: 'long', logicalType: 'timestamp-millis' }], default: null },
        {
          name: 'price',
          type: ['null', { type: 'bytes', logicalType: 'decimal', precision: 4, scale: 1 }],
          default: null,
        },
      ],
    });
  });

  it('has microseconds as plain longs, and the table has a bigint for them', () => {
    const columns = [column('at', 'timestamp')];
    expect(JSON.parse(avroSchemaLiteral('t', columns, { timestamps: 'micros' })).fields[0].type).toEqual([
      'null',
      'long',
    ]);
    expect(avroTableColumns(columns, { timestamps: 'micros' })[0]!.type).toBe('bigint');
    expect(avroTableColumns(columns, { timestamps: 'millis' })[0]!.type).toBe('timestamp');
  });
});
