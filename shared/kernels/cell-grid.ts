import { canonicalOrder } from './points.ts';

/**
 * Points in cells so small that all points of a cell are within eps of each other, and which cells may hold points
 * within eps of another's: what Gunawan (A faster algorithm for DBSCAN, 2013) builds DBSCAN on.
 */
export interface CellGrid {
  readonly cells: number;
  /** Where the points of each cell begin in `rows` and `points`; the last entry is the count. */
  readonly starts: Uint32Array;
  /** The row of each point, cell by cell. */
  readonly rows: Uint32Array;
  /** Coordinates, cell by cell. */
  readonly points: Float64Array;
  /** The cell of each row. */
  readonly cellOf: Uint32Array;
  /** Where the neighbours of each cell begin in `neighbours`. */
  readonly neighbourStarts: Uint32Array;
  readonly neighbours: Uint32Array;
  /** For each cell the lowest coordinates of its points, then the highest. */
  readonly boxes: Float64Array;
}

/** Cell numbers are exact integers below this, with enough bits left that a point is at most an eighth of a cell off. */
const MAX_CELL_NUMBER = 2 ** 50;

/**
 * Builds the grid for squared distances up to `epsSquare`.
 * @param points flat coordinates, checked by `checkPoints`.
 */
export function buildCellGrid(points: Float64Array, dimensions: number, epsSquare: number): CellGrid {
  const count = points.length / dimensions;
  let reach = 0;
  for (const x of points) reach = Math.max(reach, Math.abs(x));
  const side = Math.max(Math.sqrt(epsSquare / dimensions), reach / MAX_CELL_NUMBER, Number.MIN_VALUE);
  const index = new CellIndex(count, dimensions);
  const boxOf = new Uint32Array(count);
  const place = new Float64Array(dimensions);
  // In canonical order near cells get near numbers, which keeps them near in memory.
  const order = canonicalOrder(points, dimensions);
  for (const row of order) {
    for (let d = 0; d < dimensions; d++) place[d] = Math.floor(points[row * dimensions + d]! / side);
    boxOf[row] = index.add(place);
  }
  const sorted = groupRows(order, boxOf, index.count);
  const split = splitLoose(points, dimensions, epsSquare, sorted);
  const cells = split.starts.length - 1;
  const own = new Float64Array(points.length);
  const cellOf = new Uint32Array(count);
  for (let cell = 0; cell < cells; cell++) {
    for (let i = split.starts[cell]!; i < split.starts[cell + 1]!; i++) {
      const row = sorted.rows[i]!;
      cellOf[row] = cell;
      for (let d = 0; d < dimensions; d++) own[i * dimensions + d] = points[row * dimensions + d]!;
    }
  }
  const links = linkNeighbours(index, split.firsts, cells, dimensions);
  return { cells, starts: split.starts, rows: sorted.rows, points: own, cellOf, boxes: split.boxes, ...links };
}

/** Open addressing over the integer coordinates of cells. */
class CellIndex {
  readonly dimensions: number;
  count = 0;
  readonly #table: Uint32Array;
  #places: Float64Array;

  constructor(capacity: number, dimensions: number) {
    this.dimensions = dimensions;
    // At most half full.
    this.#table = new Uint32Array(2 ** Math.ceil(Math.log2(Math.max(4, capacity * 2))));
    this.#places = new Float64Array(capacity * dimensions);
  }

  /** The number of the cell at a place, a new one if there was none. */
  add(place: Float64Array): number {
    const slot = this.#slot(place);
    const found = this.#table[slot]!;
    if (found !== 0) return found - 1;
    this.#places.set(place, this.count * this.dimensions);
    this.#table[slot] = ++this.count;
    return this.count - 1;
  }

  /** The number of the cell at a place, or −1. */
  find(place: Float64Array): number {
    return this.#table[this.#slot(place)]! - 1;
  }

  placeOf(cell: number, d: number): number {
    return this.#places[cell * this.dimensions + d]!;
  }

  #slot(place: Float64Array): number {
    const { dimensions } = this;
    const table = this.#table;
    const places = this.#places;
    let hash = 0;
    for (let d = 0; d < dimensions; d++) {
      const x = place[d]!;
      hash = Math.imul(hash ^ x ^ Math.imul((x / 0x1_0000_0000) | 0, 0x27d4eb2f), 0x85ebca6b);
      hash ^= hash >>> 13;
    }
    hash = Math.imul(hash, 0xc2b2ae35);
    let slot = (hash ^ (hash >>> 16)) & (table.length - 1);
    for (;;) {
      const cell = table[slot]!;
      if (cell === 0) return slot;
      let d = 0;
      while (d < dimensions && places[(cell - 1) * dimensions + d] === place[d]) d++;
      if (d === dimensions) return slot;
      slot = (slot + 1) & (table.length - 1);
    }
  }
}

/** Rows by their boxes, within a box in the given order. */
function groupRows(order: Uint32Array, boxOf: Uint32Array, boxes: number): { starts: Uint32Array; rows: Uint32Array } {
  const starts = new Uint32Array(boxes + 1);
  for (const box of boxOf) starts[box + 1]!++;
  for (let box = 0; box < boxes; box++) starts[box + 1]! += starts[box];
  const next = starts.slice();
  const rows = new Uint32Array(order.length);
  for (const row of order) rows[next[boxOf[row]!]!++] = row;
  return { starts, rows };
}

/**
 * Cells from the boxes of the grid. Rounding can leave points of a box more than eps apart (always where eps is lost
 * beside the coordinates); then each of its points gets a cell of its own.
 * @returns where cells begin, their bounds, and the first cell of each box.
 */
function splitLoose(
  points: Float64Array,
  dimensions: number,
  epsSquare: number,
  { starts, rows }: { starts: Uint32Array; rows: Uint32Array },
): { starts: Uint32Array; boxes: Float64Array; firsts: Uint32Array } {
  const grid = starts.length - 1;
  const cellStarts: number[] = [];
  const bounds: number[] = [];
  const firsts = new Uint32Array(grid + 1);
  const push = (from: number, to: number) => {
    cellStarts.push(from);
    for (const pick of [Math.min, Math.max]) {
      for (let d = 0; d < dimensions; d++) {
        let bound = points[rows[from]! * dimensions + d]!;
        for (let i = from + 1; i < to; i++) bound = pick(bound, points[rows[i]! * dimensions + d]!);
        bounds.push(bound);
      }
    }
  };
  for (let box = 0; box < grid; box++) {
    firsts[box] = cellStarts.length;
    const from = starts[box]!;
    const to = starts[box + 1]!;
    push(from, to);
    let diagonal = 0;
    for (let d = 0; d < dimensions; d++) {
      const extent = bounds[bounds.length - dimensions + d]! - bounds[bounds.length - 2 * dimensions + d]!;
      diagonal += extent * extent;
    }
    if (diagonal <= epsSquare) continue;
    cellStarts.length--;
    bounds.length -= 2 * dimensions;
    for (let i = from; i < to; i++) push(i, i + 1);
  }
  firsts[grid] = cellStarts.length;
  cellStarts.push(rows.length);
  return { starts: Uint32Array.from(cellStarts), boxes: Float64Array.from(bounds), firsts };
}

/** The cells of near boxes, and those of the same box, for each cell. */
function linkNeighbours(
  index: CellIndex,
  firsts: Uint32Array,
  cells: number,
  dimensions: number,
): { neighbourStarts: Uint32Array; neighbours: Uint32Array } {
  const offsets = halfOffsets(dimensions);
  const neighbourStarts = new Uint32Array(cells + 1);
  let pairs = new Uint32Array(Math.max(1024, cells * 8));
  let filled = 0;
  const link = (a: number, b: number) => {
    if (filled === pairs.length) {
      const larger = new Uint32Array(pairs.length * 2);
      larger.set(pairs);
      pairs = larger;
    }
    pairs[filled++] = a;
    pairs[filled++] = b;
    neighbourStarts[a + 1]!++;
    neighbourStarts[b + 1]!++;
  };
  const place = new Float64Array(dimensions);
  for (let box = 0; box < index.count; box++) {
    for (let a = firsts[box]!; a < firsts[box + 1]!; a++) for (let b = a + 1; b < firsts[box + 1]!; b++) link(a, b);
    for (let o = 0; o < offsets.length; o += dimensions) {
      for (let d = 0; d < dimensions; d++) place[d] = index.placeOf(box, d) + offsets[o + d]!;
      const other = index.find(place);
      if (other < 0) continue;
      for (let a = firsts[box]!; a < firsts[box + 1]!; a++) {
        for (let b = firsts[other]!; b < firsts[other + 1]!; b++) link(a, b);
      }
    }
  }
  for (let cell = 0; cell < cells; cell++) neighbourStarts[cell + 1]! += neighbourStarts[cell];
  const next = neighbourStarts.slice();
  const neighbours = new Uint32Array(filled);
  for (let i = 0; i < filled; i += 2) {
    neighbours[next[pairs[i]!]!++] = pairs[i + 1]!;
    neighbours[next[pairs[i + 1]!]!++] = pairs[i]!;
  }
  return { neighbourStarts, neighbours };
}

/**
 * Steps to boxes that may hold points within eps, one of each pair of opposite ones. Eps is √dimensions sides long; the
 * quarter of a side stands for points that rounding put into the box beside theirs.
 */
function halfOffsets(dimensions: number): Int32Array {
  const reach = Math.floor(Math.sqrt(dimensions) + 0.25) + 1;
  const span = 2 * reach + 1;
  const offsets: number[] = [];
  // Counting up in base `span`, the middle is the step to oneself, and what follows it mirrors what came before.
  for (let code = (span ** dimensions + 1) / 2; code < span ** dimensions; code++) {
    const step = Array.from({ length: dimensions }, (_, d) => (Math.floor(code / span ** d) % span) - reach);
    const gap = step.reduce((sum, x) => sum + Math.max(0, Math.abs(x) - 1.25) ** 2, 0);
    if (gap <= dimensions) offsets.push(...step);
  }
  return Int32Array.from(offsets);
}
