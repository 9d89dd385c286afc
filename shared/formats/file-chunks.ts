import { open } from 'node:fs/promises';
import { SCAN_CHUNK_BYTES } from '../limits.ts';

/**
 * A local file in order, a chunk read ahead. A chunk is only good until the next is asked for: two buffers take turns, so that
 * memory stays the same whatever the file's size.
 */
export async function* fileChunks(path: string, chunkBytes: number = SCAN_CHUNK_BYTES): AsyncGenerator<Uint8Array> {
  const file = await open(path, 'r');
  const buffers = [Buffer.allocUnsafe(chunkBytes), Buffer.allocUnsafe(chunkBytes)];
  let turn = 0;
  const readNext = () => file.read(buffers[turn]!, 0, chunkBytes, null);
  let next = readNext();
  try {
    for (;;) {
      const { bytesRead, buffer } = await next;
      if (bytesRead === 0) return;
      turn = 1 - turn;
      next = readNext();
      // It may fail before it is waited for, and is not to end the process then.
      next.catch(() => undefined);
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await next.catch(() => undefined);
    await file.close();
  }
}

/** Writes chunks to a local file, replacing it; returns the bytes written. */
export async function writeChunks(chunks: AsyncIterable<Uint8Array>, path: string): Promise<number> {
  const file = await open(path, 'w');
  let bytes = 0;
  try {
    for await (const chunk of chunks) {
      await file.writeFile(chunk);
      bytes += chunk.length;
    }
  } finally {
    await file.close();
  }
  return bytes;
}
