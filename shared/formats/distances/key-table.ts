/**
 * Keys by their bytes, numbered in the order in which they first came. Beside its bytes a key takes about 20: a table of hashes with open
 * addressing over one long array of bytes, where strings in a Map would take ten times as much.
 */
export class KeyTable {
  #bytes = new Uint8Array(1 << 16);
  /** Where each key begins; its end is the next one's beginning. */
  #starts = new Uint32Array(1 << 12);
  #hashes = new Uint32Array(1 << 12);
  /** Number of a key plus 1; 0: free. */
  #slots = new Uint32Array(1 << 13);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The number of the key that lies in `from … to` of `source`, which is added where it is new. */
  intern(source: Uint8Array, from: number, to: number): number {
    // FNV-1a (Fowler, Noll and Vo), stirred once more: its lower bits alone collide on keys that are counted up.
    let hash = 0x811c9dc5;
    for (let i = from; i < to; i++) hash = Math.imul(hash ^ source[i]!, 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0;
    const mask = this.#slots.length - 1;
    const length = to - from;
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const key = this.#slots[slot]!;
      if (key === 0) return this.#add(source, from, to, hash, slot);
      if (this.#hashes[key - 1] === hash && this.#equals(key - 1, source, from, length)) return key - 1;
    }
  }

  /** The bytes of a key; good until another is added. */
  bytesOf(key: number): Uint8Array {
    return this.#bytes.subarray(this.#starts[key]!, this.#starts[key + 1]!);
  }

  textOf(key: number): string {
    return Buffer.from(this.bytesOf(key)).toString('utf8');
  }

  /** The numbers of the keys in the order of their bytes, or of the whole numbers that they are. */
  sorted(by: 'bytes' | 'integers'): Uint32Array {
    const order = Uint32Array.from({ length: this.#count }, (_, key) => key);
    if (by === 'integers') {
      const values = Array.from(order, (key) => BigInt(this.textOf(key)));
      return order.sort((a, b) => (values[a]! < values[b]! ? -1 : values[a]! > values[b]! ? 1 : 0));
    }
    const bytes = this.#bytes;
    const starts = this.#starts;
    return order.sort((a, b) => {
      const lengthA = starts[a + 1]! - starts[a]!;
      const lengthB = starts[b + 1]! - starts[b]!;
      const shared = Math.min(lengthA, lengthB);
      for (let i = 0; i < shared; i++) {
        const difference = bytes[starts[a]! + i]! - bytes[starts[b]! + i]!;
        if (difference !== 0) return difference;
      }
      return lengthA - lengthB;
    });
  }

  #equals(key: number, source: Uint8Array, from: number, length: number): boolean {
    const start = this.#starts[key]!;
    if (this.#starts[key + 1]! - start !== length) return false;
    for (let i = 0; i < length; i++) if (this.#bytes[start + i] !== source[from + i]) return false;
    return true;
  }

  #add(source: Uint8Array, from: number, to: number, hash: number, slot: number): number {
    const key = this.#count++;
    if (key + 2 > this.#starts.length) {
      this.#starts = grown(this.#starts, key + 2);
      this.#hashes = grown(this.#hashes, key + 2);
    }
    const start = this.#starts[key]!;
    const end = start + to - from;
    if (end > 0xffff_ffff) throw new RangeError(`Cannot hold ${this.#count} keys: their bytes are more than 4 GiB`);
    if (end > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      bytes.set(this.#bytes.subarray(0, start));
      this.#bytes = bytes;
    }
    this.#bytes.set(source.subarray(from, to), start);
    this.#starts[key + 1] = end;
    this.#hashes[key] = hash;
    this.#slots[slot] = key + 1;
    // Half full at most, so that a search is short.
    if (this.#count * 2 > this.#slots.length) this.#rehash();
    return key;
  }

  #rehash(): void {
    const slots = new Uint32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let key = 0; key < this.#count; key++) {
      let slot = this.#hashes[key]! & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = key + 1;
    }
    this.#slots = slots;
  }
}

function grown(values: Uint32Array<ArrayBuffer>, least: number): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(Math.max(least, values.length * 2));
  larger.set(values);
  return larger;
}
