/**
 * Rows by how near they are, the nearest first and of equally near ones the lowest row: a binary heap that knows where each row
 * stands, so that a key can be lowered. All rows begin infinitely far.
 */
export class ReachabilityQueue {
  /** How near each row is; of taken ones, was when they were taken. */
  readonly keys: Float64Array;
  readonly #heap: Uint32Array;
  readonly #places: Int32Array;
  readonly #taken: Uint8Array;
  #size = 0;
  #firstLeft = 0;

  constructor(count: number) {
    this.keys = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
    this.#heap = new Uint32Array(count);
    this.#places = new Int32Array(count).fill(-1);
    this.#taken = new Uint8Array(count);
  }

  /** The nearest row that is left, which is then no more; there must be one. */
  take(): number {
    if (this.#size === 0) {
      while (this.#taken[this.#firstLeft] === 1) this.#firstLeft++;
      this.#taken[this.#firstLeft] = 1;
      return this.#firstLeft;
    }
    const row = this.#heap[0]!;
    this.#taken[row] = 1;
    this.#size--;
    if (this.#size > 0) this.#sink(this.#heap[this.#size]!);
    return row;
  }

  /** Lowers a row's key, if it is left and its key is higher; gives whether it did. */
  lower(row: number, key: number): boolean {
    if (this.#taken[row] === 1 || !(key < this.keys[row]!)) return false;
    this.keys[row] = key;
    this.#rise(row, this.#places[row]! < 0 ? this.#size++ : this.#places[row]!);
    return true;
  }

  #before(a: number, b: number): boolean {
    const x = this.keys[a]!;
    const y = this.keys[b]!;
    return x < y || (x === y && a < b);
  }

  #put(row: number, place: number): void {
    this.#heap[place] = row;
    this.#places[row] = place;
  }

  #rise(row: number, from: number): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!this.#before(row, this.#heap[parent]!)) break;
      this.#put(this.#heap[parent]!, place);
      place = parent;
    }
    this.#put(row, place);
  }

  #sink(row: number): void {
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && this.#before(this.#heap[child + 1]!, this.#heap[child]!)) child++;
      if (!this.#before(this.#heap[child]!, row)) break;
      this.#put(this.#heap[child]!, place);
      place = child;
    }
    this.#put(row, place);
  }
}
