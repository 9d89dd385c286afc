import type { Transform } from 'node:stream';
import { constants, createGunzip, createZstdDecompress } from 'node:zlib';
import { CorruptFile } from '../errors.ts';
import { ARCHIVE_MAX_BYTES, ARCHIVE_MAX_RATIO, ARCHIVE_RATIO_FREE_BYTES, INFLATE_CHUNK_BYTES } from '../limits.ts';
import { decodeChunks, decodeHead } from './decode-chunks.ts';
import { writeChunks } from './file-chunks.ts';
import { zstdFrames } from './zstd-frames.ts';

export type Compression = 'gzip' | 'zstd';

export interface InflateOptions {
  /** Names the object in errors. */
  where: string;
}

export interface Inflated {
  bytesIn: number;
  bytesOut: number;
}

/**
 * Decompresses gzip (any number of members; zero bytes behind the last are padding, anything else is refused) or zstd (any number of
 * frames) chunk by chunk, in bounded memory.
 *
 * @throws CorruptFile where the stream is cut short, fails its checksum, goes on with something else, or grows by more than
 *   `ARCHIVE_MAX_RATIO`. Errors of `source` pass as they are.
 */
export async function* inflateChunks(
  source: AsyncIterable<Uint8Array>,
  compression: Compression,
  { where }: InflateOptions,
  inflated: Inflated = { bytesIn: 0, bytesOut: 0 },
): AsyncGenerator<Uint8Array> {
  let lastNonZero = -1;
  async function* counted() {
    for await (const chunk of source) {
      let i = chunk.length - 1;
      while (i >= 0 && chunk[i] === 0) i--;
      if (i >= 0) lastNonZero = inflated.bytesIn + i;
      inflated.bytesIn += chunk.length;
      yield chunk;
    }
  }
  const decoder = decoderOf(compression, false);
  try {
    for await (const chunk of decodeChunks(
      compression === 'zstd' ? zstdFrames(counted(), where) : counted(),
      decoder,
    )) {
      inflated.bytesOut += chunk.length;
      checkGrowth(consumedBy(decoder), inflated.bytesOut, where);
      yield chunk;
    }
  } catch (error) {
    throw corruptIfDecoders(error, compression, where);
  }
  // zlib stops at the first zero byte behind a member and would silently leave out members that follow it.
  const consumed = consumedBy(decoder);
  if (compression === 'gzip' && lastNonZero >= consumed) {
    throw new CorruptFile(
      `Cannot decompress ${where} as gzip: there is data at byte ${lastNonZero} behind zero bytes at ${consumed}`,
      { where },
    );
  }
}

/** The same, to a file. A file that fails half-way is left as it is. */
export async function inflateTo(
  source: AsyncIterable<Uint8Array>,
  compression: Compression,
  outPath: string,
  options: InflateOptions,
): Promise<Inflated> {
  const inflated = { bytesIn: 0, bytesOut: 0 };
  await writeChunks(inflateChunks(source, compression, options, inflated), outPath);
  return inflated;
}

/**
 * As much of the text as a sample of a compressed object's head gives, at most `maxBytes`; that the sample ends in the middle is no
 * error. Throws `CorruptFile` where the head itself is damaged.
 */
export async function inflateSample(
  head: Uint8Array,
  compression: Compression,
  maxBytes: number,
  { where }: InflateOptions,
): Promise<Uint8Array> {
  try {
    return await decodeHead(head, decoderOf(compression, true), maxBytes);
  } catch (error) {
    throw corruptIfDecoders(error, compression, where);
  }
}

/** @throws CorruptFile where so few bytes gave so many that no table is behind them, or more than any disk here holds */
export function checkGrowth(bytesIn: number, bytesOut: number, where: string): void {
  if (bytesOut <= ARCHIVE_RATIO_FREE_BYTES) return;
  const grown = `Cannot decompress ${where}: ${bytesIn} bytes grow to ${bytesOut} or more`;
  if (bytesOut > bytesIn * ARCHIVE_MAX_RATIO)
    throw new CorruptFile(`${grown}, beyond the ratio of ${ARCHIVE_MAX_RATIO} that is allowed`, { where });
  if (bytesOut > ARCHIVE_MAX_BYTES)
    throw new CorruptFile(`${grown}, beyond the ${ARCHIVE_MAX_BYTES} bytes that are allowed`, { where });
}

/** Input bytes that the decoder has taken in, not counting what only waits in its buffer. */
function consumedBy(decoder: Transform): number {
  return (decoder as Transform & { bytesWritten: number }).bytesWritten;
}

function decoderOf(compression: Compression, partial: boolean): Transform {
  const chunkSize = INFLATE_CHUNK_BYTES;
  if (compression === 'zstd') return createZstdDecompress({ chunkSize });
  return createGunzip({ chunkSize, ...(partial ? { finishFlush: constants.Z_SYNC_FLUSH } : {}) });
}

/** zlib's and zstd's own errors, known by their codes, as `CorruptFile`; any other error as it is. */
export function corruptIfDecoders(error: unknown, method: string, what: string, where = what): unknown {
  const code = (error as { code?: unknown } | undefined)?.code;
  if (typeof code !== 'string' || !/^(Z_|ZSTD_)/.test(code)) return error;
  const { message } = error as Error;
  const reason = message === 'unexpected end of file' ? 'it is cut short' : message;
  return new CorruptFile(`Cannot decompress ${what} as ${method}: ${reason}`, { where, cause: error });
}
