import { randomBytes } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { AVRO_BLOCK_BYTES, AVRO_BLOCKS_IN_FLIGHT, AVRO_DEFLATE_LEVEL } from '../../limits.ts';
import { type AvroCodec, compressBlock } from './codec.ts';
import type { ColumnBatch } from './column-batch.ts';
import { type AvroBlock, AvroBlockEncoder } from './encode.ts';
import { blockHead, containerHeader, SYNC_BYTES } from './header.ts';
import type { AvroRecordSchema } from './schema.ts';

export interface AvroFileOptions {
  /** The file to write; one that is there is replaced. */
  path: string;
  schema: AvroRecordSchema;
  codec: AvroCodec;
  /** Entries of the header beside the format's own. */
  metadata: Record<string, string>;
  /** Uncompressed bytes of a block; `AVRO_BLOCK_BYTES`. */
  blockBytes?: number;
  /** Of deflate, 1 to 9; `AVRO_DEFLATE_LEVEL`. */
  level?: number;
  /** 16 bytes between blocks; random, so that no data can hold them by intent. Given only where bytes must be the same. */
  sync?: Uint8Array;
}

/**
 * Writes an Avro object container file. Records are encoded on the calling thread; blocks are compressed in libuv's pool,
 * several at once, and written in order.
 *
 * A failure (disk full, say) shows in the next `writeBatch` or in `close`. Call `close` or, to give up, `abort`: either
 * frees the file's handle.
 */
export class AvroFileWriter {
  readonly #codec: AvroCodec;
  readonly #level: number;
  readonly #sync: Uint8Array;
  readonly #encoder: AvroBlockEncoder;
  #file: FileHandle | undefined;
  #bytes = 0;
  /** One promise a block under way, the oldest first; each also waits for those before it. */
  readonly #underWay: Promise<void>[] = [];
  #last: Promise<void>;
  #failure: { error: unknown } | undefined;
  #state: 'ready' | 'taking' | 'closed' = 'ready';

  constructor(options: AvroFileOptions) {
    this.#codec = options.codec;
    this.#level = options.level ?? AVRO_DEFLATE_LEVEL;
    this.#sync = options.sync ?? randomBytes(SYNC_BYTES);
    this.#encoder = new AvroBlockEncoder(options.schema, {
      blockBytes: options.blockBytes ?? AVRO_BLOCK_BYTES,
      where: options.path,
    });
    const header = containerHeader({ ...options, sync: this.#sync });
    this.#last = this.#noteFailure(this.#begin(options.path, header));
  }

  /** Rows taken so far. */
  get rows(): number {
    return this.#encoder.rows;
  }

  /** Bytes written so far: the file's size but for the blocks under way and the open one. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Takes a batch. Where enough blocks are under way, returns a promise that resolves once the batch is taken: await it
   * before the next call, and leave the batch's arrays as they are until then. Else the batch is taken on return.
   *
   * @throws SchemaMismatch and BadInput as `AvroBlockEncoder.encode`; none of the batch's rows is then in the file
   */
  writeBatch(batch: ColumnBatch): void | Promise<void> {
    this.#mustBeReady('writeBatch');
    this.#throwFailure();
    return this.#take(this.#encoder.encode(batch));
  }

  /** Writes what is left and closes the file. */
  async close(): Promise<{ rows: number; bytes: number }> {
    this.#mustBeReady('close');
    this.#state = 'closed';
    const block = this.#encoder.finish();
    if (block) this.#append(block);
    await this.#settle();
    this.#throwFailure();
    return { rows: this.#encoder.rows, bytes: this.#bytes };
  }

  /** Closes the file as it is, cut short; for when an error elsewhere makes it useless. Never throws, may be called at any time. */
  async abort(): Promise<void> {
    this.#state = 'closed';
    await this.#settle();
  }

  #take(blocks: Generator<AvroBlock, void, undefined>): void | Promise<void> {
    this.#state = 'ready';
    for (let next = blocks.next(); !next.done; next = blocks.next()) {
      this.#append(next.value);
      if (this.#underWay.length < AVRO_BLOCKS_IN_FLIGHT) continue;
      this.#state = 'taking';
      return this.#underWay[0]!.then(() => {
        if (this.#state === 'closed') return;
        this.#state = 'ready';
        this.#throwFailure();
        return this.#take(blocks);
      });
    }
  }

  #append(block: AvroBlock): void {
    const before = this.#last;
    const compressed = compressBlock(block.bytes, this.#codec, this.#level);
    // It may fail while an earlier block is still being written, before `#write` looks at it.
    compressed.catch(() => {});
    const done = this.#noteFailure(this.#write(before, block, compressed)).then(() => {
      this.#underWay.shift();
    });
    this.#underWay.push(done);
    this.#last = done;
  }

  async #begin(path: string, header: Uint8Array): Promise<void> {
    this.#file = await open(path, 'w');
    await this.#writeAll([header]);
  }

  async #write(before: Promise<void>, block: AvroBlock, compressed: Promise<Uint8Array[]>): Promise<void> {
    await before;
    const pieces = await compressed;
    if (this.#failure) return;
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    await this.#writeAll([blockHead(block.rows, bytes), ...pieces, this.#sync]);
    this.#encoder.recycle(block);
  }

  async #writeAll(pieces: Uint8Array[]): Promise<void> {
    const file = this.#file!;
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    let { bytesWritten } = await file.writev(pieces);
    if (bytesWritten < bytes) {
      // The system may take less than all, for one of very large blocks.
      const joined = Buffer.concat(pieces);
      while (bytesWritten < bytes) bytesWritten += (await file.write(joined, bytesWritten)).bytesWritten;
    }
    this.#bytes += bytes;
  }

  /** A promise that does not reject: what failed is kept, and everything after it is skipped. */
  #noteFailure(work: Promise<void>): Promise<void> {
    return work.catch((error: unknown) => {
      this.#failure ??= { error };
    });
  }

  /** Waits for all blocks under way and closes the file. */
  async #settle(): Promise<void> {
    await this.#last;
    const file = this.#file;
    this.#file = undefined;
    if (file) await this.#noteFailure(file.close());
  }

  #throwFailure(): void {
    if (this.#failure) throw this.#failure.error;
  }

  #mustBeReady(call: string): void {
    if (this.#state === 'ready') return;
    throw new Error(
      this.#state === 'closed'
        ? `${call} on an Avro file that is closed`
        : `${call} on an Avro file before the last batch was taken: await writeBatch`,
    );
  }
}
