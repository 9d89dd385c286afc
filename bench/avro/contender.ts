/**
 * One contender, once, in a process of its own: `contender.ts ours|avsc|avsc-from-columns CODEC LEVEL ROWS FILE`. Prints the CPU
 * seconds (all threads) of encoding, compressing and writing; making the rows is not counted, and a tenth of them goes
 * through first, unmeasured, so that the compiler has seen the code.
 */
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';
import { promisify } from 'node:util';
import { crc32, deflateRaw } from 'node:zlib';
import avsc from 'avsc';
import { compress as snappyCompress } from 'snappy';
import type { AvroCodec } from '../../shared/formats/avro/codec.ts';
import type { ColumnBatch } from '../../shared/formats/avro/column-batch.ts';
import { avroSchema } from '../../shared/formats/avro/schema.ts';
import { AvroFileWriter } from '../../shared/formats/avro/writer.ts';
import { AVRO_BLOCK_BYTES } from '../../shared/limits.ts';
import { TRIP_COLUMNS, type Trip, tripBatches, tripObjects } from './trips.ts';

const [name, codec, levelText, rows, path] = process.argv.slice(2) as [string, AvroCodec, string, string, string];
const level = Number(levelText);
const schema = avroSchema('trips', TRIP_COLUMNS, { timestamps: 'millis' });
const batches = [...tripBatches(Number(rows))];
const warmUp = batches.slice(0, Math.ceil(batches.length / 10));

async function writeOurs(input: ColumnBatch[]): Promise<void> {
  const writer = new AvroFileWriter({ path, schema, codec, metadata: {}, level });
  for (const batch of input) {
    const taken = writer.writeBatch(batch);
    if (taken) await taken;
  }
  await writer.close();
}

type Done = (error: Error | null, data?: Buffer) => void;

async function writeAvsc(input: Iterable<Trip[]>): Promise<void> {
  const deflate = promisify(deflateRaw);
  const settle = (work: Promise<Buffer>, done: Done) => void work.then((data) => done(null, data), done);
  const type = avsc.Type.forSchema(schema as unknown as avsc.Schema, { wrapUnions: false });
  const encoder = new avsc.streams.BlockEncoder(type, {
    codec,
    blockSize: AVRO_BLOCK_BYTES,
    codecs: {
      null: (data: Buffer, done: Done) => done(null, data),
      deflate: (data: Buffer, done: Done) => settle(deflate(data, { level }), done),
      snappy: (data: Buffer, done: Done) => {
        const checksum = Buffer.alloc(4);
        checksum.writeUInt32BE(crc32(data));
        settle(
          snappyCompress(data).then((compressed) => Buffer.concat([compressed, checksum])),
          done,
        );
      },
    },
  } as unknown as ConstructorParameters<typeof avsc.streams.BlockEncoder>[1]);
  const file = createWriteStream(path);
  encoder.pipe(file);
  for (const trips of input) {
    for (const trip of trips) {
      if (!encoder.write(trip)) await new Promise((resolve) => encoder.once('drain', resolve));
    }
  }
  encoder.end();
  await finished(file);
}

function* objectsOf(input: ColumnBatch[]): Generator<Trip[]> {
  for (const batch of input) yield tripObjects(batch);
}

let run: (input: ColumnBatch[]) => Promise<void>;
if (name === 'ours') run = writeOurs;
else if (name === 'avsc-from-columns') run = (input) => writeAvsc(objectsOf(input));
else {
  const made = new Map(batches.map((batch) => [batch, tripObjects(batch)]));
  run = (input) => writeAvsc(input.map((batch) => made.get(batch)!));
}

await run(warmUp);
const start = process.cpuUsage();
await run(batches);
const { user, system } = process.cpuUsage(start);
console.log((user + system) / 1e6);
