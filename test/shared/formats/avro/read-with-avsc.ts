import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import avsc from 'avsc';
import { uncompressSync } from 'snappy';
import type { AvroRecordSchema } from '../../../../shared/formats/avro/schema.ts';
import type { Cell } from './batches.ts';

/** Longs as bigints: avsc's own refuse what a double cannot hold. */
const bigLong = avsc.types.LongType.__with({
  fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  fromJSON: BigInt,
  toJSON: String,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
});

export interface AvroFile {
  metadata: Record<string, string>;
  schema: AvroRecordSchema;
  rows: Cell[][];
  /** Rows of each block. */
  blocks: number[];
  /** Bytes of each block as compressed. */
  blockBytes: number[];
}

/** Reads a whole file with avsc, independently of the writer; decimals come as unscaled bigints. */
export async function readWithAvsc(path: string): Promise<AvroFile> {
  let metadata: Record<string, string> = {};
  let schema: AvroRecordSchema | undefined;
  const decoder = avsc.createFileDecoder(path, {
    codecs: { ...avsc.streams.BlockDecoder.defaultCodecs(), snappy: uncompress },
    parseHook: (written: avsc.Schema) => {
      schema = written as unknown as AvroRecordSchema;
      return avsc.Type.forSchema(written, { wrapUnions: false, typeHook: longHook });
    },
  } as unknown as Parameters<typeof avsc.createFileDecoder>[1]);
  decoder.on('metadata', (_type: unknown, _codec: string, header: { meta: Record<string, Buffer> }) => {
    metadata = Object.fromEntries(Object.entries(header.meta).map(([key, value]) => [key, value.toString('utf8')]));
  });
  const rows: Cell[][] = [];
  for await (const record of decoder as AsyncIterable<Record<string, Cell>>) {
    rows.push(schema!.fields.map((field) => cellOf(field.type[1], record[field.name]!)));
  }
  return { metadata, schema: schema!, rows, ...blocksOf(readFileSync(path)) };
}

function longHook(type: avsc.Schema): avsc.Type | undefined {
  return type === 'long' || (type as { type?: string }).type === 'long' ? bigLong : undefined;
}

function cellOf(type: AvroRecordSchema['fields'][number]['type'][1], value: Cell): Cell {
  if (value === null || typeof type === 'string' || type.logicalType !== 'decimal') return value;
  const bytes = value as Buffer;
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString('hex')}`));
}

function uncompress(block: Buffer, done: (error: Error | null, data?: Buffer) => void): void {
  const data = uncompressSync(block.subarray(0, -4)) as Buffer;
  const written = block.readUInt32BE(block.length - 4);
  if (written !== crc32(data)) done(new Error(`checksum ${written} where the data has ${crc32(data)}`));
  else done(null, data);
}

/** Walks the blocks by their heads. The header ends with the sync marker, which the file ends with too. */
function blocksOf(file: Buffer): { blocks: number[]; blockBytes: number[] } {
  const sync = file.subarray(-16);
  let at = file.indexOf(sync) + 16;
  const blocks: number[] = [];
  const blockBytes: number[] = [];
  const long = () => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = file[at++]!;
      value += (byte & 127) * shift;
      if (byte < 128) return value / 2;
    }
  };
  while (at < file.length) {
    blocks.push(long());
    blockBytes.push(long());
    at += blockBytes.at(-1)!;
    if (!file.subarray(at, at + 16).equals(sync)) throw new Error(`no sync marker at byte ${at}`);
    at += 16;
  }
  return { blocks, blockBytes };
}
