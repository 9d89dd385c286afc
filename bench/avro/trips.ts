import type { Column } from '../../shared/domain/schema.ts';
import { type ColumnBatch, int64Words } from '../../shared/formats/avro/column-batch.ts';

/** A table like the taxi trips: numbers, timestamps, short texts, some nulls. */
export const TRIP_COLUMNS: Column[] = [
  { name: 'trip_id', original: 'trip_id', type: 'bigint' },
  { name: 'pickup_at', original: 'pickup_at', type: 'timestamp' },
  { name: 'distance', original: 'distance', type: 'double' },
  { name: 'pickup_zone', original: 'pickup_zone', type: 'string' },
  { name: 'passengers', original: 'passengers', type: 'bigint' },
  { name: 'fare', original: 'fare', type: 'double' },
];

/** DuckDB's vectors have this many rows. */
const BATCH_ROWS = 2048;
const NULL_SHARE = 0.05;
const FIRST_PICKUP_MS = Date.UTC(2024, 0, 1);
const YEAR_MS = 366 * 86_400_000;
const ZONES = [
  'Upper East Side South',
  'Midtown Center',
  'JFK Airport',
  'Astoria',
  'NV',
  'Penn Station/Madison Sq West',
].map((zone) => Buffer.from(zone));

/** The same rows for every contender: a linear congruential generator, seeded. */
export function* tripBatches(rows: number): Generator<ColumnBatch> {
  let state = 12_345;
  const random = () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return state / 2 ** 32;
  };
  for (let first = 0; first < rows; first += BATCH_ROWS) {
    const count = Math.min(BATCH_ROWS, rows - first);
    const int64 = (value: (row: number) => number) =>
      int64Words(BigInt64Array.from({ length: count }, (_, row) => BigInt(value(row))));
    const float64 = (scale: number) => Float64Array.from({ length: count }, () => Math.round(random() * scale) / 100);
    const validity = () => {
      const bits = new Uint8Array(Math.ceil(count / 8));
      for (let row = 0; row < count; row++) if (random() >= NULL_SHARE) bits[row >> 3]! |= 1 << (row & 7);
      return bits;
    };
    const zones = Array.from({ length: count }, () => ZONES[Math.floor(random() * ZONES.length)]!);
    const offsets = new Int32Array(count + 1);
    zones.forEach((zone, row) => {
      offsets[row + 1] = offsets[row]! + zone.length;
    });
    yield {
      rows: count,
      columns: [
        { kind: 'int64', validity: undefined, words: int64((row) => first + row) },
        {
          kind: 'int64',
          validity: undefined,
          words: int64(() => (FIRST_PICKUP_MS + Math.floor(random() * YEAR_MS)) * 1000),
        },
        { kind: 'float64', validity: undefined, values: float64(2000) },
        { kind: 'bytes', validity: validity(), offsets, values: Buffer.concat(zones) },
        { kind: 'int64', validity: validity(), words: int64(() => Math.floor(random() * 6)) },
        { kind: 'float64', validity: undefined, values: float64(10_000) },
      ],
    };
  }
}

export interface Trip {
  trip_id: number;
  pickup_at: number;
  distance: number;
  pickup_zone: string | null;
  passengers: number | null;
  fare: number;
}

/** The batch as row objects, timestamps in milliseconds. */
export function tripObjects(batch: ColumnBatch): Trip[] {
  const [id, pickup, distance, zone, passengers, fare] = batch.columns;
  if (
    id?.kind !== 'int64' ||
    pickup?.kind !== 'int64' ||
    distance?.kind !== 'float64' ||
    zone?.kind !== 'bytes' ||
    passengers?.kind !== 'int64' ||
    fare?.kind !== 'float64'
  ) {
    throw new Error('not a batch of trips');
  }
  const text = zone.values as Buffer;
  const number = (words: Int32Array, row: number) => words[2 * row + 1]! * 2 ** 32 + (words[2 * row]! >>> 0);
  const valid = (bits: Uint8Array, row: number) => ((bits[row >> 3]! >> (row & 7)) & 1) === 1;
  return Array.from({ length: batch.rows }, (_, row) => ({
    trip_id: number(id.words, row),
    pickup_at: number(pickup.words, row) / 1000,
    distance: distance.values[row]!,
    pickup_zone: valid(zone.validity!, row) ? text.toString('utf8', zone.offsets[row]!, zone.offsets[row + 1]!) : null,
    passengers: valid(passengers.validity!, row) ? number(passengers.words, row) : null,
    fare: fare.values[row]!,
  }));
}
