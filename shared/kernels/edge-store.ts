import { EDGE_CHUNK_EDGES } from '../limits.ts';

/**
 * An undirected graph without loops: node i's neighbours of higher number are `targets[offsets[i] … offsets[i + 1])`, so
 * that each edge is kept once.
 */
export interface NeighbourGraph {
  readonly nodes: number;
  readonly offsets: Uint32Array;
  readonly targets: Uint32Array;
  /** The distance along each edge, where the store kept them. */
  readonly distances?: Float64Array;
}

/**
 * Edges as they arrive, in any direction and any number of times; the least distance counts, pairs of a node with itself
 * do not. 8 bytes an edge (16 with distances) while they arrive and 4 (12) in the graph; each chunk is given back when it
 * has been moved, so that both together take at most 12 (28).
 */
export class EdgeStore {
  readonly #weighted: boolean;
  readonly #chunkEdges: number;
  #pairs: (Uint32Array | undefined)[] = [];
  #distances: (Float64Array | undefined)[] = [];
  #count = 0;
  #highest = -1;

  /** @param options.distances whether distances are kept, as OPTICS and linkage need them. */
  constructor(options: { distances?: boolean; chunkEdges?: number } = {}) {
    this.#weighted = options.distances ?? false;
    this.#chunkEdges = options.chunkEdges ?? EDGE_CHUNK_EDGES;
  }

  /** Edges added so far, repeated ones too. */
  get count(): number {
    return this.#count;
  }

  /**
   * Adds an edge between two nodes, which are integers of 0 … 2³² − 2.
   * @throws RangeError for a distance below 0 or NaN.
   */
  add(a: number, b: number, distance = 0): void {
    if (!(distance >= 0)) {
      throw new RangeError(`Cannot add the edge ${a}–${b}: its distance is ${distance} where at least 0 is expected`);
    }
    if (a === b) return;
    const place = this.#count % this.#chunkEdges;
    if (place === 0) {
      this.#pairs.push(new Uint32Array(this.#chunkEdges * 2));
      if (this.#weighted) this.#distances.push(new Float64Array(this.#chunkEdges));
    }
    const low = a < b ? a : b;
    const high = a < b ? b : a;
    const pairs = this.#pairs[this.#pairs.length - 1]!;
    pairs[2 * place] = low;
    pairs[2 * place + 1] = high;
    if (this.#weighted) this.#distances[this.#distances.length - 1]![place] = distance;
    if (high > this.#highest) this.#highest = high;
    this.#count++;
  }

  /**
   * The graph of all edges over `nodes` nodes; the store is empty afterwards.
   * @throws RangeError where an edge names a node that is not below `nodes`.
   */
  toGraph(nodes: number): NeighbourGraph {
    if (this.#highest >= nodes) {
      throw new RangeError(`Cannot make a graph: an edge names node ${this.#highest} where there are ${nodes} nodes`);
    }
    const offsets = new Uint32Array(nodes + 1);
    this.#eachChunk((pairs, edges) => {
      for (let e = 0; e < edges; e++) offsets[pairs[2 * e]! + 1]!++;
    });
    for (let i = 0; i < nodes; i++) offsets[i + 1]! += offsets[i];
    const targets = new Uint32Array(this.#count);
    const distances = this.#weighted ? new Float64Array(this.#count) : undefined;
    const next = offsets.slice();
    this.#eachChunk((pairs, edges, chunk) => {
      const own = this.#distances[chunk];
      for (let e = 0; e < edges; e++) {
        const at = next[pairs[2 * e]!]!++;
        targets[at] = pairs[2 * e + 1]!;
        if (distances !== undefined) distances[at] = own![e]!;
      }
      this.#pairs[chunk] = undefined;
      this.#distances[chunk] = undefined;
    });
    this.#pairs = [];
    this.#distances = [];
    this.#count = 0;
    this.#highest = -1;
    return withoutRepeats(nodes, offsets, targets, distances);
  }

  #eachChunk(visit: (pairs: Uint32Array, edges: number, chunk: number) => void): void {
    for (let chunk = 0; chunk < this.#pairs.length; chunk++) {
      visit(this.#pairs[chunk]!, Math.min(this.#chunkEdges, this.#count - chunk * this.#chunkEdges), chunk);
    }
  }
}

/** Keeps one of repeated edges, the shortest, in place. */
function withoutRepeats(
  nodes: number,
  offsets: Uint32Array,
  targets: Uint32Array,
  distances: Float64Array | undefined,
): NeighbourGraph {
  // Where in the node's own part a neighbour was kept, plus 1. A place in an earlier node's part lies before `start`.
  const kept = new Uint32Array(nodes);
  let write = 0;
  let from = 0;
  for (let i = 0; i < nodes; i++) {
    const start = write;
    const to = offsets[i + 1]!;
    for (let e = from; e < to; e++) {
      const target = targets[e]!;
      const place = kept[target]!;
      if (place > start) {
        if (distances !== undefined && distances[e]! < distances[place - 1]!) distances[place - 1] = distances[e]!;
        continue;
      }
      targets[write] = target;
      if (distances !== undefined) distances[write] = distances[e]!;
      kept[target] = ++write;
    }
    from = to;
    offsets[i + 1] = write;
  }
  const graph = { nodes, offsets, targets: targets.subarray(0, write) };
  return distances === undefined ? graph : { ...graph, distances: distances.subarray(0, write) };
}
