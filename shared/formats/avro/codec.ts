import { promisify } from 'node:util';
import { crc32, deflateRaw } from 'node:zlib';
import { compress as snappyCompress } from 'snappy';

export type AvroCodec = 'null' | 'deflate' | 'snappy';

const deflateRawAsync = promisify(deflateRaw);

const DEFLATE = {
  /** Output comes in chunks of this size: one for most blocks, so that none has to be joined. */
  chunkSize: 128 * 1024,
  /** zlib's largest hash table, 128 KiB more a block under way: a tenth faster than its default, and no larger. */
  memLevel: 9,
};

/**
 * A block's records as the codec has them in the file, in pieces to be written one after another. The work is done in
 * libuv's pool, not on the calling thread. The records' memory must stay as it is until the promise resolves, and with
 * `null` until the pieces are written, since they are that memory.
 */
export async function compressBlock(records: Uint8Array, codec: AvroCodec, level: number): Promise<Uint8Array[]> {
  switch (codec) {
    case 'null':
      return [records];
    case 'deflate':
      // Raw: RFC 1951 without zlib's header and checksum, as the specification asks.
      return [await deflateRawAsync(records, { ...DEFLATE, level })];
    case 'snappy': {
      // Snappy's block format (not its framing), then the CRC-32 of the uncompressed records, big-endian.
      const compressed = snappyCompress(records);
      const checksum = new Uint8Array(4);
      new DataView(checksum.buffer).setUint32(0, crc32(records));
      return [await compressed, checksum];
    }
  }
}
