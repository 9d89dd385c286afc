import { constants, crc32, createInflateRaw } from 'node:zlib';
import { BadInput, CorruptFile } from '../errors.ts';
import { INFLATE_CHUNK_BYTES, RANGE_BYTES, ZIP_LOCAL_EXTRA_BYTES } from '../limits.ts';
import { detectContainer } from './container.ts';
import { decodeChunks, decodeHead } from './decode-chunks.ts';
import { writeChunks } from './file-chunks.ts';
import { corruptIfDecoders } from './gzip.ts';
import { type RangeReader, rangeChunks } from './range-reader.ts';
import type { ZipEntry } from './zip.ts';

const LOCAL_HEADER_BYTES = 30;
const LOCAL_SIGNATURE = 0x04034b50;
const ENCRYPTED = 1;
const COMPRESSED_CONTAINERS = new Set(['gzip', 'zip', 'zstd']);

/**
 * An entry's text, chunk by chunk: ranged reads with some under way ahead, inflated and checked against the directory's size and
 * CRC as it goes, never a byte more than the directory announces. Memory is bounded whatever the entry's size.
 *
 * @param archive names the object in errors
 * @throws CorruptFile naming archive and entry where the data is cut short, too long or fails its CRC
 * @throws BadInput where the entry is itself compressed, whatever its name. Errors of `reader` pass as they are.
 */
export async function* entryChunks(
  reader: RangeReader,
  entry: ZipEntry,
  archive = 'the archive',
): AsyncGenerator<Uint8Array> {
  const where = archive;
  const what = nameIn(entry, where);
  const corrupt = (reason: string) => new CorruptFile(`Cannot read ${what}: ${reason}`, { where });
  let bytes = 0;
  let crc = 0;
  for await (const chunk of inflated(reader, entry, archive)) {
    if (bytes === 0 && chunk.length > 0) refuseNested(chunk, what, where);
    bytes += chunk.length;
    if (bytes > entry.uncompressedBytes)
      throw corrupt(`it has more than the ${entry.uncompressedBytes} bytes that the directory announces`);
    crc = crc32(chunk, crc);
    yield chunk;
  }
  if (bytes !== entry.uncompressedBytes)
    throw corrupt(`it has ${bytes} bytes where the directory announces ${entry.uncompressedBytes}`);
  if (crc !== entry.crc32) throw corrupt(`its CRC-32 is ${hex(crc)} where the directory has ${hex(entry.crc32)}`);
}

/** The same, to a local file; returns the bytes written. A file that fails half-way is left as it is. */
export async function extractEntry(
  reader: RangeReader,
  entry: ZipEntry,
  outPath: string,
  archive = 'the archive',
): Promise<number> {
  return writeChunks(entryChunks(reader, entry, archive), outPath);
}

/** The first `maxBytes` of an entry's text, not checked against size and CRC; one read. Throws as `entryChunks` does. */
export async function entrySample(
  reader: RangeReader,
  entry: ZipEntry,
  maxBytes: number,
  archive = 'the archive',
): Promise<Uint8Array> {
  const what = nameIn(entry, archive);
  // Deflated text that does not compress is longer than its text by a few bytes in each 16 KiB.
  const wanted = Math.min(entry.compressedBytes, maxBytes + (maxBytes >> 10) + 64);
  const data = await openData(reader, entry, archive, wanted);
  const head =
    data.first.length >= wanted ? data.first : await reader.read(data.start, Math.min(data.end, data.start + wanted));
  if (entry.method === 'stored') {
    refuseNested(head, what, archive);
    return head.subarray(0, maxBytes);
  }
  try {
    const decoder = createInflateRaw({ chunkSize: INFLATE_CHUNK_BYTES, finishFlush: constants.Z_SYNC_FLUSH });
    const text = await decodeHead(head, decoder, maxBytes);
    refuseNested(text, what, archive);
    return text;
  } catch (error) {
    throw corruptIfDecoders(error, 'deflate', what, archive);
  }
}

async function* inflated(reader: RangeReader, entry: ZipEntry, archive: string): AsyncGenerator<Uint8Array> {
  const raw = rawChunks(reader, entry, archive);
  if (entry.method === 'stored') {
    yield* raw;
    return;
  }
  try {
    yield* decodeChunks(raw, createInflateRaw({ chunkSize: INFLATE_CHUNK_BYTES }));
  } catch (error) {
    throw corruptIfDecoders(error, 'deflate', nameIn(entry, archive), archive);
  }
}

/** The entry's bytes as they lie in the archive. */
async function* rawChunks(reader: RangeReader, entry: ZipEntry, archive: string): AsyncGenerator<Uint8Array> {
  const { first, start, end } = await openData(reader, entry, archive, RANGE_BYTES);
  if (first.length > 0) yield first;
  yield* rangeChunks(reader, start + first.length, end);
}

/**
 * Where the entry's data lies, which only its local header tells, and the first of it, which comes with the header in one read of
 * about `wantedBytes`.
 */
async function openData(
  reader: RangeReader,
  entry: ZipEntry,
  archive: string,
  wantedBytes: number,
): Promise<{ first: Buffer; start: number; end: number }> {
  const where = archive;
  const what = nameIn(entry, where);
  const corrupt = (reason: string) => new CorruptFile(`Cannot read ${what}: ${reason}`, { where });
  const { headerOffset, compressedBytes } = entry;
  const likelyHeader = LOCAL_HEADER_BYTES + entry.nameBytes + ZIP_LOCAL_EXTRA_BYTES;
  const readEnd = Math.min(reader.sizeBytes, headerOffset + likelyHeader + Math.min(wantedBytes, compressedBytes));
  const read = await reader.read(headerOffset, readEnd);
  const bytes = Buffer.from(read.buffer, read.byteOffset, read.length);
  if (bytes.length < LOCAL_HEADER_BYTES) throw corrupt('its local header is cut short');
  const signature = bytes.readUInt32LE(0);
  if (signature !== LOCAL_SIGNATURE)
    throw corrupt(
      `no local header at byte ${headerOffset}: ${hex(signature)} where ${hex(LOCAL_SIGNATURE)} is expected`,
    );
  if (bytes.readUInt16LE(6) & ENCRYPTED) throw new BadInput(`Cannot read ${what}: it is encrypted`, { where });
  const method = bytes.readUInt16LE(8);
  const expected = entry.method === 'stored' ? 0 : 8;
  if (method !== expected) throw corrupt(`its local header has method ${method} where the directory has ${expected}`);
  const start = headerOffset + LOCAL_HEADER_BYTES + bytes.readUInt16LE(26) + bytes.readUInt16LE(28);
  const end = start + compressedBytes;
  if (end > reader.sizeBytes)
    throw corrupt(`its data ends at byte ${end} where the archive ends at ${reader.sizeBytes}; it is cut short`);
  const first = bytes.subarray(start - headerOffset, end - headerOffset);
  return { first, start, end };
}

function refuseNested(head: Uint8Array, what: string, where: string): void {
  const container = detectContainer(head, what);
  if (COMPRESSED_CONTAINERS.has(container))
    throw new BadInput(`Cannot read ${what}: a ${container} file inside a ZIP is not opened`, { where });
}

function nameIn(entry: ZipEntry, archive: string): string {
  return `${archive}, entry ${JSON.stringify(entry.name)}`;
}

function hex(value: number): string {
  return `0x${(value >>> 0).toString(16).padStart(8, '0')}`;
}
