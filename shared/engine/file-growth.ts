import type { GrowingFile } from '../ports/object-store.ts';

interface Waiting {
  bytes: number;
  resolve: (now: { bytes: number; isComplete: boolean }) => void;
  reject: (error: unknown) => void;
}

/** How far a file has come, as its writer says, for those who read it meanwhile. */
export class FileGrowth implements GrowingFile {
  #bytes = 0;
  #isComplete = false;
  #failure: { error: unknown } | undefined;
  #waiting: Waiting[] = [];

  /** So many bytes are in the file, and stay as they are. */
  grow(bytes: number): void {
    this.#bytes = bytes;
    this.#answer();
  }

  /** That is all. */
  complete(bytes: number): void {
    this.#isComplete = true;
    this.grow(bytes);
  }

  /** The file is of no use to anybody. */
  giveUp(error: unknown): void {
    this.#failure ??= { error };
    this.#answer();
  }

  reached(bytes: number): Promise<{ bytes: number; isComplete: boolean }> {
    const { promise, resolve, reject } = Promise.withResolvers<{ bytes: number; isComplete: boolean }>();
    this.#waiting.push({ bytes, resolve, reject });
    this.#answer();
    return promise;
  }

  #answer(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) {
      if (this.#failure) one.reject(this.#failure.error);
      else if (this.#isComplete || this.#bytes >= one.bytes)
        one.resolve({ bytes: this.#bytes, isComplete: this.#isComplete });
      else this.#waiting.push(one);
    }
  }
}
