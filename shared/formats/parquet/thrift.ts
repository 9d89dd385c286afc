/**
 * Thrift's compact protocol, as far as Parquet's metadata needs it (apache/thrift, doc/specs/thrift-compact-protocol.md).
 * Fields are written in the order of their ids.
 */
export class ThriftWriter {
  readonly #bytes: number[] = [];
  readonly #last: number[] = [0];

  i32(id: number, value: number): this {
    return this.#field(id, 5).#varint(zigzag(BigInt(value)));
  }

  i64(id: number, value: number): this {
    return this.#field(id, 6).#varint(zigzag(BigInt(value)));
  }

  bool(id: number, value: boolean): this {
    return this.#field(id, value ? 1 : 2);
  }

  text(id: number, value: string): this {
    return this.#field(id, 8).#text(value);
  }

  struct(id: number, write: (writer: this) => void): this {
    this.#field(id, 12);
    return this.#nested(write);
  }

  structs<T>(id: number, items: readonly T[], write: (writer: this, item: T) => void): this {
    this.#field(id, 9).#listHead(items.length, 12);
    for (const item of items) this.#nested((writer) => write(writer, item));
    return this;
  }

  i32s(id: number, items: readonly number[]): this {
    this.#field(id, 9).#listHead(items.length, 5);
    for (const item of items) this.#varint(zigzag(BigInt(item)));
    return this;
  }

  texts(id: number, items: readonly string[]): this {
    this.#field(id, 9).#listHead(items.length, 8);
    for (const item of items) this.#text(item);
    return this;
  }

  /** The outermost struct, ended. */
  end(): Uint8Array {
    return Uint8Array.from([...this.#bytes, 0]);
  }

  #nested(write: (writer: this) => void): this {
    this.#last.push(0);
    write(this);
    this.#bytes.push(0);
    this.#last.pop();
    return this;
  }

  #field(id: number, type: number): this {
    const delta = id - this.#last.at(-1)!;
    if (delta < 1 || delta > 15) throw new RangeError(`Field ${id} does not follow field ${this.#last.at(-1)}`);
    this.#bytes.push((delta << 4) | type);
    this.#last[this.#last.length - 1] = id;
    return this;
  }

  #listHead(length: number, type: number): void {
    if (length < 15) this.#bytes.push((length << 4) | type);
    else {
      this.#bytes.push(0xf0 | type);
      this.#varint(BigInt(length));
    }
  }

  #text(value: string): this {
    const bytes = Buffer.from(value);
    this.#varint(BigInt(bytes.length));
    for (const byte of bytes) this.#bytes.push(byte);
    return this;
  }

  #varint(value: bigint): this {
    let left = value;
    for (; left >= 0x80n; left >>= 7n) this.#bytes.push(Number(left & 0x7fn) | 0x80);
    this.#bytes.push(Number(left));
    return this;
  }
}

function zigzag(value: bigint): bigint {
  return value < 0n ? -2n * value - 1n : 2n * value;
}
