import { open } from 'node:fs/promises';
import { RANGE_BYTES, STREAM_RANGES_AHEAD } from '../limits.ts';

/** Something of known size that is read in ranges: an object in a store, or a local file. */
export interface RangeReader {
  sizeBytes: number;
  /** Exactly the bytes [start, end); both within the size. */
  read(start: number, end: number): Promise<Uint8Array>;
}

/** The bytes [start, end) in order, with some ranges under way ahead of the consumer. */
export async function* rangeChunks(reader: RangeReader, start: number, end: number): AsyncGenerator<Uint8Array> {
  const underWay: Promise<Uint8Array>[] = [];
  let next = start;
  while (next < end || underWay.length > 0) {
    while (next < end && underWay.length <= STREAM_RANGES_AHEAD) {
      const until = Math.min(end, next + RANGE_BYTES);
      const range = reader.read(next, until);
      // Awaited below, unless the consumer stops before.
      range.catch(() => undefined);
      underWay.push(range);
      next = until;
    }
    yield await underWay.shift()!;
  }
}

/** A local file as a `RangeReader`; the caller closes it. */
export async function openRanges(path: string): Promise<RangeReader & { close(): Promise<void> }> {
  const file = await open(path, 'r');
  const { size } = await file.stat();
  return {
    sizeBytes: size,
    async read(start, end) {
      const buffer = Buffer.allocUnsafe(end - start);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, start);
      return buffer.subarray(0, bytesRead);
    },
    close: () => file.close(),
  };
}
