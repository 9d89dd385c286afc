import { CorruptFile } from '../errors.ts';

const FRAME_MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const DICTIONARY_ID_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];

/**
 * Passes a zstd stream on unchanged, in pieces that never reach across the end of a frame, and throws `CorruptFile` where it is
 * cut short or goes on with something that is no frame. Node's decoder (24.9) drops what follows a frame in the same piece,
 * and takes a stream that ends inside a frame for complete. Frames are told apart by their headers and block sizes (RFC 8878,
 * section 3.1) without decoding them.
 */
export async function* zstdFrames(source: AsyncIterable<Uint8Array>, where: string): AsyncGenerator<Uint8Array> {
  /** Bytes of the current element (a magic number, header, block header) seen so far. */
  let field = Buffer.alloc(0);
  let need = 4;
  let expects: 'magic' | 'descriptor' | 'header' | 'block' | 'skippable' = 'magic';
  /** Bytes to pass over without looking: a block's content, a checksum, a skippable frame. */
  let pass = 0;
  let checksum = false;
  let lastBlock = false;
  let bytes = 0;
  for await (const chunk of source) {
    let from = 0;
    let i = 0;
    while (i < chunk.length) {
      if (pass > 0) {
        const step = Math.min(pass, chunk.length - i);
        pass -= step;
        i += step;
      } else {
        const step = Math.min(need - field.length, chunk.length - i);
        field = Buffer.concat([field, chunk.subarray(i, i + step)]);
        i += step;
        if (field.length < need) break;
        const element = field;
        field = Buffer.alloc(0);
        if (expects === 'magic') {
          const magic = element.readUInt32LE();
          if (magic === FRAME_MAGIC) [expects, need] = ['descriptor', 1];
          else if ((magic & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) [expects, need] = ['skippable', 4];
          else throw corrupt(where, `byte ${bytes + i - 4} begins no frame (0x${magic.toString(16)})`);
        } else if (expects === 'skippable') {
          pass = element.readUInt32LE();
          [expects, need] = ['magic', 4];
        } else if (expects === 'descriptor') {
          const descriptor = element[0]!;
          const single = (descriptor >> 5) & 1;
          checksum = ((descriptor >> 2) & 1) === 1;
          const contentSize = descriptor >> 6 === 0 ? single : CONTENT_SIZE_BYTES[descriptor >> 6]!;
          const rest = (single ? 0 : 1) + DICTIONARY_ID_BYTES[descriptor & 3]! + contentSize;
          [expects, need] = rest > 0 ? ['header', rest] : ['block', 3];
        } else if (expects === 'header') {
          [expects, need] = ['block', 3];
        } else {
          const header = element.readUIntLE(0, 3);
          lastBlock = (header & 1) === 1;
          // A run-length block is its one repeated byte.
          pass = ((header >> 1) & 3) === 1 ? 1 : header >> 3;
          if (lastBlock) {
            if (checksum) pass += 4;
            [expects, need] = ['magic', 4];
          }
        }
      }
      if (expects === 'magic' && pass === 0 && field.length === 0 && i > from) {
        yield chunk.subarray(from, i);
        from = i;
      }
    }
    if (from < chunk.length) yield chunk.subarray(from);
    bytes += chunk.length;
  }
  if (expects !== 'magic' || pass > 0 || field.length > 0 || bytes === 0)
    throw corrupt(where, `it is cut short after ${bytes} bytes`);
}

function corrupt(where: string, reason: string): CorruptFile {
  return new CorruptFile(`Cannot decompress ${where} as zstd: ${reason}`, { where });
}
