import { BadInput } from '../../errors.ts';
import type { AvroCodec } from './codec.ts';
import type { AvroRecordSchema } from './schema.ts';
import { varintBytes32, writeVarint32 } from './varint.ts';

/** Bytes of the marker after the header and after every block. */
export const SYNC_BYTES = 16;

const MAGIC = Uint8Array.of(0x4f, 0x62, 0x6a, 1); // "Obj" and the format's version

/**
 * The first bytes of an object container file: magic, the metadata as a map of bytes, the sync marker.
 *
 * @param metadata further entries; keys that begin with `avro.` are the format's own
 * @throws BadInput where such a key is given
 */
export function containerHeader(options: {
  schema: AvroRecordSchema;
  codec: AvroCodec;
  metadata: Record<string, string>;
  sync: Uint8Array;
}): Uint8Array {
  const reserved = Object.keys(options.metadata).find((key) => key.startsWith('avro.'));
  if (reserved !== undefined) {
    throw new BadInput(
      `Cannot put "${reserved}" in an Avro file's metadata: keys that begin with "avro." are the format's own`,
    );
  }
  const entries = Object.entries({
    'avro.schema': JSON.stringify(options.schema),
    'avro.codec': options.codec,
    ...options.metadata,
  });
  const parts: Uint8Array[] = [MAGIC, varint(entries.length)];
  for (const [key, value] of entries) parts.push(...sizedText(key), ...sizedText(value));
  parts.push(varint(0), options.sync);
  return Buffer.concat(parts);
}

/** What stands before a block's bytes: its rows, and its bytes as compressed. */
export function blockHead(rows: number, bytes: number): Uint8Array {
  const head = new Uint8Array(varintBytes32(rows) + varintBytes32(bytes));
  writeVarint32(head, writeVarint32(head, 0, rows), bytes);
  return head;
}

function varint(value: number): Uint8Array {
  const bytes = new Uint8Array(varintBytes32(value));
  writeVarint32(bytes, 0, value);
  return bytes;
}

function sizedText(text: string): [Uint8Array, Uint8Array] {
  const bytes = Buffer.from(text, 'utf8');
  return [varint(bytes.length), bytes];
}
