import { type FileHandle, open } from 'node:fs/promises';
import { SCAN_CHUNK_BYTES } from '../limits.ts';
import type { LocalInput } from './table-engine.ts';

/**
 * Where bytes of a local file lie in the object that it was made of. Where that was in another encoding, the code units before are
 * counted: each is one character, or half of one, in either.
 */
export class OriginalOffsets {
  readonly #input: LocalInput;
  #file: FileHandle | undefined;
  /** Bytes of the local file whose units are counted. */
  #at = 0;
  #units = 0;
  #buffer = Buffer.alloc(0);

  constructor(input: LocalInput) {
    this.#input = input;
  }

  /** @param local offset in the local file, at a character's start and not before the one asked for last */
  async at(local: number): Promise<number> {
    const { path, firstByte, transcoded } = this.#input;
    if (!transcoded) return firstByte + local;
    if (local < this.#at) throw new RangeError(`Asked for byte ${local} of ${path} after byte ${this.#at}`);
    this.#file ??= await open(path, 'r');
    if (this.#buffer.length === 0) this.#buffer = Buffer.allocUnsafe(SCAN_CHUNK_BYTES);
    while (this.#at < local) {
      const wanted = Math.min(this.#buffer.length, local - this.#at);
      const { bytesRead } = await this.#file.read(this.#buffer, 0, wanted, this.#at);
      if (bytesRead === 0) break;
      this.#units += utf16Units(this.#buffer.subarray(0, bytesRead));
      this.#at += bytesRead;
    }
    return firstByte + transcoded.bomBytes + this.#units * transcoded.unitBytes;
  }

  async close(): Promise<void> {
    await this.#file?.close();
  }
}

/** UTF-16 code units of whole UTF-8 characters: one for each, two for those of four bytes. */
function utf16Units(bytes: Buffer): number {
  let units = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if ((byte & 0xc0) !== 0x80) units += byte >= 0xf0 ? 2 : 1;
  }
  return units;
}
