import type { StoredFile } from '../domain/load.ts';
import type { FileListener, LocalFile } from '../engine/table-engine.ts';
import { PART_BYTES, PARTS_AT_ONCE, SMALL_CALLS_AT_ONCE, UPLOAD_BYTES_AT_ONCE } from '../limits.ts';
import type { Ports } from '../ports/ports.ts';
import { storeFile } from './store-file.ts';

/**
 * Uploads of an attempt's files to the work bucket, which may begin while the engine still makes others. Each has a key of its own for
 * ever. Of a file that turns out to be none of the outcome's, the upload is left where it is, under the attempt's folder, and
 * no receipt names it: vacuum removes it with the run. That it failed, or never began, is nobody's concern.
 */
export class FileUploads implements AsyncDisposable {
  readonly #ports: Ports;
  readonly #keyOf: (number: number) => string;
  readonly #stored = new Map<LocalFile, Promise<StoredFile>>();
  readonly #active = new Set<Promise<unknown>>();
  readonly #waiting: { memoryBytes: number; begin: () => Promise<unknown> }[] = [];
  #memoryBytes = 0;

  /** @param keyOf keys for files in the order in which they come */
  constructor(ports: Ports, keyOf: (number: number) => string) {
    this.#ports = ports;
    this.#keyOf = keyOf;
  }

  /** Uploads a file, now or once others are done, or as it grows. Files are told apart as objects, since paths come again. */
  readonly begin: FileListener = (file, growing) => {
    const key = this.#keyOf(this.#stored.size);
    const { promise, resolve } = Promise.withResolvers<StoredFile>();
    promise.catch(() => undefined);
    this.#stored.set(file, promise);
    const begin = () => {
      const stored = storeFile(this.#ports, file, key, growing);
      resolve(stored);
      return stored;
    };
    const partsBytes = PART_BYTES * PARTS_AT_ONCE;
    this.#waiting.push({ memoryBytes: growing ? partsBytes : Math.min(file.bytes, partsBytes), begin });
    this.#go();
  };

  /** What a receipt needs of the upload of a file, which begins here if it was not told of before; throws where it failed. */
  async stored(file: LocalFile): Promise<StoredFile> {
    if (!this.#stored.has(file)) this.begin(file);
    return this.#stored.get(file)!;
  }

  /** Begins no more, and waits for what is under way: it reads from files that are about to go. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#waiting.length = 0;
    await Promise.allSettled(this.#active);
  }

  #go(): void {
    for (let next = this.#waiting[0]; next && this.#hasRoom(next.memoryBytes); next = this.#waiting[0]) {
      const { memoryBytes, begin } = this.#waiting.shift()!;
      this.#memoryBytes += memoryBytes;
      const upload = begin()
        .catch(() => undefined)
        .finally(() => {
          this.#memoryBytes -= memoryBytes;
          this.#active.delete(upload);
          this.#go();
        });
      this.#active.add(upload);
    }
  }

  #hasRoom(memoryBytes: number): boolean {
    if (this.#active.size === 0) return true;
    return this.#active.size < SMALL_CALLS_AT_ONCE && this.#memoryBytes + memoryBytes <= UPLOAD_BYTES_AT_ONCE;
  }
}
