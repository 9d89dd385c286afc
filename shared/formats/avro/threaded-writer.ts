import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { type ErrorRecord, fromErrorRecord } from '../../errors.ts';
import { AVRO_BATCHES_AHEAD } from '../../limits.ts';
import { packBatch, packedBytes } from './batch-memory.ts';
import type { ColumnBatch } from './column-batch.ts';
import type { EncoderAnswer, EncoderRequest } from './encoder-messages.ts';
import type { AvroFileOptions } from './writer.ts';

/** What `AvroFileWriter` does, wherever its work is done. */
export interface AvroWriter {
  /** Bytes written so far, as far as is known here. */
  readonly bytes: number;
  writeBatch(batch: ColumnBatch): void | Promise<void>;
  close(): Promise<{ rows: number; bytes: number }>;
  abort(): Promise<void>;
}

/** Where the thread's code lies: beside this file, or as infra/avro-encoder.cjs bundles it beside a handler. */
const CODE = ['./encoder-thread.ts', './handler.avro-encoder.mjs']
  .map((name) => new URL(name, import.meta.url))
  .find((url) => existsSync(url));

let thread: EncoderThread | undefined;

/**
 * The process's thread that encodes Avro, so that the engine reads on meanwhile; started when it is first asked for. Undefined
 * where the thread's code is not at hand: there the caller's own thread has to do it.
 */
export function encoderThread(): EncoderThread | undefined {
  if (!CODE) return undefined;
  if (!thread || thread.isGone) thread = new EncoderThread(CODE);
  return thread;
}

interface Slot {
  memory: SharedArrayBuffer;
  free: boolean;
}

/** Files under way in the thread, and the memory in which batches come to it: a few slots that are used again and again. */
export class EncoderThread {
  readonly #worker: Worker;
  readonly #writers = new Map<number, ThreadedAvroWriter>();
  readonly #slots: Slot[] = [];
  readonly #waiting: (() => void)[] = [];
  #writersMade = 0;
  #failure: Error | undefined;

  constructor(code: URL) {
    this.#worker = new Worker(code, { stderr: false });
    this.#worker.on('message', (message: EncoderAnswer) => this.#hear(message));
    this.#worker.on('error', (error) => this.#end(error));
    this.#worker.on('exit', (code) => this.#end(new Error(`The thread that encodes Avro ended with ${code}`)));
    // It is no reason for the process to live on; while a file is under way, `close` holds it.
    this.#worker.unref();
  }

  get isGone(): boolean {
    return this.#failure !== undefined;
  }

  open(options: AvroFileOptions): AvroWriter {
    const id = this.#writersMade++;
    const writer = new ThreadedAvroWriter(this, id);
    this.#writers.set(id, writer);
    this.#worker.ref();
    this.post({ kind: 'open', writer: id, options });
    return writer;
  }

  post(request: EncoderRequest): void {
    if (this.#failure) throw this.#failure;
    this.#worker.postMessage(request);
  }

  /** The number of a slot with room for so many bytes, now or once one is free. */
  async slotFor(bytes: number): Promise<number> {
    for (;;) {
      if (this.#failure) throw this.#failure;
      const found = this.#freeSlot(bytes);
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  memoryOf(slot: number): SharedArrayBuffer {
    return this.#slots[slot]!.memory;
  }

  /** Ends the thread, and with an error what is under way in it. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
    this.#end(new Error('The thread that encodes Avro ended'));
  }

  #freeSlot(bytes: number): number | undefined {
    let index = this.#slots.findIndex(({ free }) => free);
    if (index < 0) {
      if (this.#slots.length >= AVRO_BATCHES_AHEAD) return undefined;
      index = this.#slots.push({ memory: new SharedArrayBuffer(bytes), free: true }) - 1;
    }
    const slot = this.#slots[index]!;
    slot.free = false;
    // Some more than asked for, so that batches of about one size need no other memory each.
    if (slot.memory.byteLength < bytes) slot.memory = new SharedArrayBuffer(Math.ceil(bytes * 1.25));
    return index;
  }

  #hear(message: EncoderAnswer): void {
    const writer = this.#writers.get(message.writer);
    if (message.kind === 'taken') {
      this.#slots[message.slot]!.free = true;
      this.#waiting.shift()?.();
      writer?.took(message.bytes, message.error);
      return;
    }
    this.#writers.delete(message.writer);
    if (this.#writers.size === 0) this.#worker.unref();
    writer?.ended({ rows: message.rows, bytes: message.bytes }, message.error);
  }

  #end(error: Error): void {
    this.#failure ??= error;
    for (const writer of this.#writers.values()) writer.failed(this.#failure);
    this.#writers.clear();
    for (const resume of this.#waiting.splice(0)) resume();
  }
}

/** One file that the thread writes. Call `close` or, to give up, `abort`. */
class ThreadedAvroWriter implements AvroWriter {
  readonly #thread: EncoderThread;
  readonly #id: number;
  readonly #done: Promise<{ rows: number; bytes: number }>;
  #resolve: (result: { rows: number; bytes: number }) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;
  #failure: Error | undefined;
  #bytes = 0;
  /** It was closed or given up. */
  #isEnding = false;

  constructor(thread: EncoderThread, id: number) {
    this.#thread = thread;
    this.#id = id;
    this.#done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#done.catch(() => undefined);
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Copies the batch, so that its arrays are the caller's again; waits while too many are under way. */
  async writeBatch(batch: ColumnBatch): Promise<void> {
    if (this.#failure) throw this.#failure;
    const slot = await this.#thread.slotFor(packedBytes(batch));
    const memory = this.#thread.memoryOf(slot);
    packBatch(batch, memory);
    this.#thread.post({ kind: 'batch', writer: this.#id, slot, memory });
  }

  close(): Promise<{ rows: number; bytes: number }> {
    this.#isEnding = true;
    this.#thread.post({ kind: 'close', writer: this.#id });
    return this.#done;
  }

  async abort(): Promise<void> {
    if (!this.#isEnding && !this.#thread.isGone) this.#thread.post({ kind: 'abort', writer: this.#id });
    this.#isEnding = true;
    await this.#done.catch(() => undefined);
  }

  took(bytes: number, error: ErrorRecord | undefined): void {
    this.#bytes = bytes;
    if (error) this.#failure ??= fromErrorRecord(error);
  }

  ended(result: { rows: number; bytes: number }, error: ErrorRecord | undefined): void {
    if (error) this.failed(fromErrorRecord(error));
    else this.#resolve(result);
  }

  failed(error: Error): void {
    this.#failure ??= error;
    this.#reject(this.#failure);
  }
}
