import { type FileHandle, open } from 'node:fs/promises';
import { GRAPH_BUFFER_EDGES } from '../../limits.ts';
import type { KeyTable } from './key-table.ts';

/** Edges by the numbers of their keys, on their way from the step that reads a list to the one that clusters it. */

/** 8 bytes an edge; 16 with its distance, whose double follows the two numbers. */
export class EdgeFileWriter {
  readonly #file: FileHandle;
  readonly #weighted: boolean;
  readonly #buffer: ArrayBuffer;
  readonly #numbers: Uint32Array;
  readonly #distances: Float64Array;
  #held = 0;
  #written = 0;
  #pending: Promise<void> = Promise.resolve();

  private constructor(file: FileHandle, weighted: boolean) {
    this.#file = file;
    this.#weighted = weighted;
    this.#buffer = new ArrayBuffer(GRAPH_BUFFER_EDGES * 16);
    this.#numbers = new Uint32Array(this.#buffer);
    this.#distances = new Float64Array(this.#buffer);
  }

  static async create(path: string, weighted: boolean): Promise<EdgeFileWriter> {
    return new EdgeFileWriter(await open(path, 'w'), weighted);
  }

  get edges(): number {
    return this.#written + this.#held;
  }

  /** True where `flush` should be waited for before more are added. */
  add(a: number, b: number, distance: number): boolean {
    const at = this.#held++;
    if (this.#weighted) {
      this.#numbers[4 * at] = a;
      this.#numbers[4 * at + 1] = b;
      this.#distances[2 * at + 1] = distance;
    } else {
      this.#numbers[2 * at] = a;
      this.#numbers[2 * at + 1] = b;
    }
    if (this.#held < GRAPH_BUFFER_EDGES) return false;
    this.#spill();
    return true;
  }

  /** What was added is in the file. */
  async flush(): Promise<void> {
    await this.#pending;
  }

  async close(): Promise<void> {
    try {
      this.#spill();
      await this.#pending;
    } finally {
      await this.#file.close();
    }
  }

  #spill(): void {
    if (this.#held === 0) return;
    const bytes = Buffer.from(this.#buffer.slice(0, this.#held * (this.#weighted ? 16 : 8)));
    this.#written += this.#held;
    this.#held = 0;
    this.#pending = this.#pending.then(async () => {
      await this.#file.writeFile(bytes);
    });
    // Told by `flush` and `close`; until then nobody listens.
    this.#pending.catch(() => undefined);
  }
}

/** Calls `edge` for every edge of a file's chunks. */
export async function readEdges(
  chunks: AsyncIterable<Uint8Array>,
  weighted: boolean,
  edge: (a: number, b: number, distance: number) => void,
): Promise<void> {
  const size = weighted ? 16 : 8;
  let rest = new Uint8Array(0);
  for await (const chunk of chunks) {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const whole = bytes.length - (bytes.length % size);
    const view = new DataView(bytes.buffer, bytes.byteOffset, whole);
    for (let at = 0; at < whole; at += size) {
      edge(view.getUint32(at, true), view.getUint32(at + 4, true), weighted ? view.getFloat64(at + 8, true) : 0);
    }
    rest = bytes.slice(whole);
  }
  if (rest.length > 0) throw new RangeError(`An edge file ends within an edge: ${rest.length} bytes are left`);
}

/** All keys in the order of their numbers, each behind its length in 4 bytes. */
export function* keyBytes(keys: KeyTable): Generator<Uint8Array> {
  const size = 1 << 20;
  let block = Buffer.alloc(size);
  let at = 0;
  for (let key = 0; key < keys.count; key++) {
    const bytes = keys.bytesOf(key);
    if (at + 4 + bytes.length > block.length) {
      yield block.subarray(0, at);
      block = Buffer.alloc(Math.max(size, 4 + bytes.length));
      at = 0;
    }
    block.writeUInt32LE(bytes.length, at);
    block.set(bytes, at + 4);
    at += 4 + bytes.length;
  }
  if (at > 0) yield block.subarray(0, at);
}

/** Takes the keys of a file into `into`; the number there of each of the file's keys. */
export async function readKeys(chunks: AsyncIterable<Uint8Array>, into: KeyTable, count: number): Promise<Uint32Array> {
  const numbers = new Uint32Array(count);
  let key = 0;
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes: Buffer =
      rest.length === 0 ? Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length) : Buffer.concat([rest, chunk]);
    let at = 0;
    while (bytes.length - at >= 4) {
      const length = bytes.readUInt32LE(at);
      if (bytes.length - at - 4 < length) break;
      numbers[key++] = into.intern(bytes, at + 4, at + 4 + length);
      at += 4 + length;
    }
    rest = Buffer.from(bytes.subarray(at));
  }
  if (rest.length > 0 || key !== count) throw new RangeError(`A key file has ${key} keys where ${count} are expected`);
  return numbers;
}
