import { describe, expect, it } from '@jest/globals';
import { parsePartitionItem, resolveColumns, resolvePartitions } from '../../../shared/domain/partition-spec.ts';
import type { Column } from '../../../shared/domain/schema.ts';
import { BadDataset } from '../../../shared/errors.ts';

const columns: Column[] = [
  { name: 'ts', original: 'TS', type: 'timestamp' },
  { name: 'flight_date', original: 'Flight Date', type: 'date' },
  { name: 'origin_state', original: 'Origin State', type: 'string' },
  { name: 'n', original: 'n', type: 'bigint' },
  { name: 'bytes', original: 'bytes', type: 'binary' },
];
const constants = { data_ref: '20240104' };
const resolve = (...items: string[]) => resolvePartitions(items, columns, constants);

describe('parsePartitionItem', () => {
  it.each([
    ['state', { alias: undefined, subject: 'state', part: undefined }],
    ['day(ts)', { alias: undefined, subject: 'ts', part: 'day' }],
    [' d = day( Flight Date ) ', { alias: 'd', subject: 'Flight Date', part: 'day' }],
    ['ref=data_ref', { alias: 'ref', subject: 'data_ref', part: undefined }],
    ['Cost (USD)', { alias: undefined, subject: 'Cost (USD)', part: undefined }],
  ])('%j', (text, item) => {
    expect(parsePartitionItem(text)).toMatchObject({ text, ...item });
  });

  it.each([
    ['', 'partitionBy "" names no column'],
    ['day()', 'partitionBy "day()" names no column'],
    ['x=', 'partitionBy "x=" names no column'],
    ['days(ts)', 'partitionBy "days(ts)" calls days(); known are year(), month(), day(), hour(); did you mean "day"?'],
    ['My Day=ts', 'partitionBy "My Day=ts" names its column "My Day"; a name has lower-case letters, digits and _'],
  ])('refuses %j', (text, message) => {
    expect(() => parsePartitionItem(text)).toThrow(new BadDataset(message));
  });
});

describe('resolvePartitions', () => {
  it('takes columns, parts and constants', () => {
    expect(resolve('origin_state', 'day(ts)', 'y=year(flight_date)', 'data_ref')).toEqual([
      { name: 'origin_state', from: { column: 'origin_state' }, type: 'string' },
      { name: 'day', from: { column: 'ts', part: 'day' }, type: 'date' },
      { name: 'y', from: { column: 'flight_date', part: 'year' }, type: 'int' },
      { name: 'data_ref', from: { constant: '20240104' }, type: 'string' },
    ]);
    expect(resolve('month(ts)', 'hour(ts)').map((spec) => spec.type)).toEqual(['string', 'string']);
  });

  it('finds columns by their original names', () => {
    expect(resolve('Origin State', 'year(Flight Date)').map((spec) => spec.from)).toEqual([
      { column: 'origin_state' },
      { column: 'flight_date', part: 'year' },
    ]);
  });

  it('prefers a column to a constant of its name', () => {
    const own: Column[] = [...columns, { name: 'data_ref', original: 'data_ref', type: 'int' }];
    expect(resolvePartitions(['data_ref'], own, constants)).toEqual([
      { name: 'data_ref', from: { column: 'data_ref' }, type: 'int' },
    ]);
  });

  it.each([
    [
      ['orgin_state'],
      'partitionBy "orgin_state" is no column of the table: it has ts, flight_date, origin_state, n, bytes; constants are data_ref; did you mean "origin_state"?',
    ],
    [
      ['day(data_ref)'],
      'partitionBy "day(data_ref)" is no column of the table: it has ts, flight_date, origin_state, n, bytes',
    ],
    [['day(n)'], 'partitionBy "day(n)": day() takes a date or timestamp, but column "n" is bigint'],
    [
      ['hour(flight_date)'],
      'partitionBy "hour(flight_date)": hour() takes a timestamp, but column "flight_date" is date',
    ],
    [['bytes'], 'partitionBy "bytes": column "bytes" is binary, which no path can hold'],
    [
      ['day(ts)', 'day(flight_date)'],
      'partitionBy "day(flight_date)" makes a second column "day"; rename it: other=day(flight_date)',
    ],
    [
      ['n=day(ts)'],
      'partitionBy "n=day(ts)" makes a column "n", which the table has already; rename it: other=day(ts)',
    ],
  ])('refuses %j', (items, message) => {
    expect(() => resolve(...items)).toThrow(new BadDataset(message));
  });

  it('does not look for constants in the prototype', () => {
    expect(() => resolve('constructor')).toThrow(/is no column of the table/);
  });

  it('leaves a table one column at least', () => {
    const two = columns.slice(2, 4);
    expect(() => resolvePartitions(['origin_state', 'n'], two, {})).toThrow('partitionBy takes all 2 columns');
  });
});

describe('resolveColumns', () => {
  it('finds them, or says what there is', () => {
    expect(resolveColumns(['n', 'Flight Date'], columns, 'sortBy').map((column) => column.name)).toEqual([
      'n',
      'flight_date',
    ]);
    expect(() => resolveColumns(['tz'], columns, 'sortBy')).toThrow(
      'sortBy "tz" is no column of the table: it has ts, flight_date, origin_state, n, bytes; did you mean "ts"?',
    );
  });
});
