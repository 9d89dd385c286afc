import type { Transform } from 'node:stream';

/**
 * What a zlib or zstd decoder makes of `input`, chunk by chunk. A chunk is asked for only when the one before is wholly
 * decoded, so that memory holds one of each and `input` may reuse its buffer. Errors of `input` and of the decoder pass as
 * they are; `input` is closed also when the consumer stops early.
 */
export async function* decodeChunks(input: AsyncIterable<Uint8Array>, decoder: Transform): AsyncGenerator<Uint8Array> {
  const feeding = feed(input, decoder);
  try {
    for await (const chunk of decoder) yield chunk;
  } finally {
    decoder.destroy();
    await feeding;
  }
}

/** Never rejects: what goes wrong with `input` reaches the reader through the decoder. */
async function feed(input: AsyncIterable<Uint8Array>, decoder: Transform): Promise<void> {
  try {
    for await (const chunk of input) {
      await written(decoder, chunk);
      if (decoder.destroyed) return;
    }
    decoder.end();
  } catch (error) {
    decoder.destroy(error as Error);
  }
}

/** Resolves when the chunk is decoded or the decoder is gone; a destroyed decoder may never call back. */
function written(decoder: Transform, chunk: Uint8Array): Promise<void> {
  if (decoder.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    decoder.once('close', resolve);
    decoder.write(chunk, () => {
      decoder.off('close', resolve);
      resolve();
    });
  });
}

/** What a decoder makes of `head`, at most `maxBytes`. It must take an end in the middle for a flush, not for an error. */
export async function decodeHead(head: Uint8Array, decoder: Transform, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  decoder.end(head);
  try {
    for await (const chunk of decoder) {
      parts.push(chunk);
      bytes += chunk.length;
      if (bytes >= maxBytes) break;
    }
  } finally {
    decoder.destroy();
  }
  return Buffer.concat(parts).subarray(0, maxBytes);
}
