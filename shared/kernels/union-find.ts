/** Disjoint sets of the integers below a count, each named by its least member (Tarjan, 1975; path halving: van Leeuwen, 1977). */
export class UnionFind {
  readonly #parents: Uint32Array;

  constructor(count: number) {
    this.#parents = new Uint32Array(count);
    for (let i = 0; i < count; i++) this.#parents[i] = i;
  }

  /** The least member of i's set. */
  find(i: number): number {
    const parents = this.#parents;
    let at = i;
    while (parents[at] !== at) {
      const grandparent = parents[parents[at]!]!;
      parents[at] = grandparent;
      at = grandparent;
    }
    return at;
  }

  /** Makes one set of those of a and b. */
  union(a: number, b: number): void {
    const i = this.find(a);
    const j = this.find(b);
    if (i < j) this.#parents[j] = i;
    else this.#parents[i] = j;
  }
}
