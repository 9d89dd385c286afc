import { ascending, sortedByKeys } from './radix-sort.ts';

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
  for (let i = 0; i < points.length; i++) if (Math.abs(points[i]!) > reach) reach = Math.abs(points[i]!);
  const side = Math.max(Math.sqrt(epsSquare / dimensions), reach / MAX_CELL_NUMBER, Number.MIN_VALUE);
  const places = new Float64Array(points.length);
  for (let i = 0; i < points.length; i++) places[i] = Math.floor(points[i]! / side);
  const rows = orderByPlace(places, dimensions);
  const own = new Float64Array(points.length);
  for (let i = 0; i < count; i++) {
    const row = rows[i]! * dimensions;
    for (let d = 0; d < dimensions; d++) own[i * dimensions + d] = points[row + d]!;
  }
  const levels = levelsOf(places, dimensions, rows);
  const boxes = boundsOf(own, dimensions, levels[dimensions - 1]!.starts);
  const { starts, bounds, firsts } = splitLoose(own, dimensions, epsSquare, boxes);
  const cells = starts.length - 1;
  const cellOf = new Uint32Array(count);
  for (let cell = 0; cell < cells; cell++) {
    for (let i = starts[cell]!; i < starts[cell + 1]!; i++) cellOf[rows[i]!] = cell;
  }
  const links = linkNeighbours(levels, firsts, cells);
  return { cells, starts, rows, points: own, cellOf, boxes: bounds, ...links };
}

/** Rows in lexicographic order of their places on the grid. */
function orderByPlace(places: Float64Array, dimensions: number): Uint32Array {
  const count = places.length / dimensions;
  const keys = new Uint32Array(count);
  let order = ascending(count);
  // The last coordinate first: what sorts by an earlier one keeps the order of equals.
  for (let d = dimensions - 1; d >= 0; d--) {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (let i = d; i < places.length; i += dimensions) {
      if (places[i]! < low) low = places[i]!;
      if (places[i]! > high) high = places[i]!;
    }
    for (let i = 0; i < count; i++) keys[i] = (places[i * dimensions + d]! - low) % WORD;
    order = sortedByKeys(order, keys);
    if (high - low < WORD) continue;
    for (let i = 0; i < count; i++) keys[i] = (places[i * dimensions + d]! - low) / WORD;
    order = sortedByKeys(order, keys);
  }
  return order;
}

const WORD = 2 ** 32;

/**
 * The nodes of one level of the grid as a tree: level d has one for each different beginning of d + 1 coordinates, in lexicographic order. Those of
 * the last level are the boxes.
 */
interface Level {
  /** The last coordinate of each node. */
  readonly coordinates: Float64Array;
  /** Where the children of each node begin on the next level, and on the last level its points; the last entry is their number. */
  readonly starts: Uint32Array;
}

function levelsOf(places: Float64Array, dimensions: number, rows: Uint32Array): Level[] {
  const count = rows.length;
  /** Whether a point is the first of a node on a level: the lowest such level of each. */
  const news = new Uint8Array(count).fill(dimensions);
  for (let i = 0; i < count; i++) {
    if (i === 0) {
      news[i] = 0;
      continue;
    }
    const row = rows[i]! * dimensions;
    const before = rows[i - 1]! * dimensions;
    let d = 0;
    while (d < dimensions && places[row + d] === places[before + d]) d++;
    news[i] = d;
  }
  const sizes = new Uint32Array(dimensions);
  for (let i = 0; i < count; i++) for (let d = news[i]!; d < dimensions; d++) sizes[d]!++;
  const levels = Array.from({ length: dimensions }, (_, d) => ({
    coordinates: new Float64Array(sizes[d]!),
    starts: new Uint32Array(sizes[d]! + 1),
  }));
  const filled = new Uint32Array(dimensions + 1);
  for (let i = 0; i < count; i++) {
    filled[dimensions] = i;
    for (let d = news[i]!; d < dimensions; d++) {
      const node = filled[d]!++;
      const level = levels[d]!;
      level.coordinates[node] = places[rows[i]! * dimensions + d]!;
      // This point's own node on the next level, which is filled right after.
      level.starts[node] = filled[d + 1]!;
    }
  }
  for (let d = 0; d < dimensions; d++) {
    levels[d]!.starts[sizes[d]!] = d + 1 < dimensions ? sizes[d + 1]! : count;
  }
  return levels;
}

interface Boxes {
  readonly starts: Uint32Array;
  readonly bounds: Float64Array;
}

/** The lowest coordinates of the points of each box, then the highest. */
function boundsOf(points: Float64Array, dimensions: number, starts: Uint32Array): Boxes {
  const boxes = starts.length - 1;
  const bounds = new Float64Array(boxes * 2 * dimensions);
  for (let box = 0; box < boxes; box++) {
    const b = box * 2 * dimensions;
    for (let d = 0; d < dimensions; d++) {
      let low = points[starts[box]! * dimensions + d]!;
      let high = low;
      for (let i = starts[box]! + 1; i < starts[box + 1]!; i++) {
        const x = points[i * dimensions + d]!;
        if (x < low) low = x;
        else if (x > high) high = x;
      }
      bounds[b + d] = low;
      bounds[b + dimensions + d] = high;
    }
  }
  return { starts, bounds };
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
  { starts, bounds }: Boxes,
): Boxes & { firsts: Uint32Array } {
  const boxes = starts.length - 1;
  const isLoose = (box: number) => {
    let diagonal = 0;
    for (let d = 0; d < dimensions; d++) {
      const b = box * 2 * dimensions + d;
      diagonal += (bounds[b + dimensions]! - bounds[b]!) ** 2;
    }
    return diagonal > epsSquare;
  };
  const firsts = new Uint32Array(boxes + 1);
  for (let box = 0; box < boxes; box++) {
    firsts[box + 1] = firsts[box]! + (isLoose(box) ? starts[box + 1]! - starts[box]! : 1);
  }
  if (firsts[boxes] === boxes) return { starts, bounds, firsts };
  const cellStarts = new Uint32Array(firsts[boxes]! + 1);
  for (let box = 0; box < boxes; box++) {
    const first = firsts[box]!;
    for (let cell = first; cell < firsts[box + 1]!; cell++) cellStarts[cell] = starts[box]! + cell - first;
  }
  cellStarts[firsts[boxes]!] = points.length / dimensions;
  return { ...boundsOf(points, dimensions, cellStarts), firsts };
}

/** Pairs of near boxes lie at most so many squares of a side apart, as `dimensions` sides are eps; see `gapSquare`. */
function gapSquare(difference: number): number {
  // A quarter of a side stands for points that rounding put into the box beside theirs.
  const gap = Math.abs(difference) - 1.25;
  return gap > 0 ? gap * gap : 0;
}

/** The cells of near boxes, and those of the same box, for each cell. */
function linkNeighbours(
  levels: readonly Level[],
  firsts: Uint32Array,
  cells: number,
): { neighbourStarts: Uint32Array; neighbours: Uint32Array } {
  const dimensions = levels.length;
  const reach = Math.floor(Math.sqrt(dimensions) + 0.25) + 1;
  const neighbourStarts = new Uint32Array(cells + 1);
  let pairs = new Uint32Array(Math.max(1024, cells * 8));
  let filled = 0;

  function link(boxA: number, boxB: number): void {
    for (let a = firsts[boxA]!; a < firsts[boxA + 1]!; a++) {
      for (let b = boxA === boxB ? a + 1 : firsts[boxB]!; b < firsts[boxB + 1]!; b++) {
        if (filled === pairs.length) {
          const larger = new Uint32Array(pairs.length * 2);
          larger.set(pairs);
          pairs = larger;
        }
        pairs[filled++] = a;
        pairs[filled++] = b;
        neighbourStarts[a + 1]!++;
        neighbourStarts[b + 1]!++;
      }
    }
  }

  /** Pairs one of nodes `fromA … toA` of a level and one of `fromB … toB`, each pair once where both are the same nodes. */
  function pair(d: number, fromA: number, toA: number, fromB: number, toB: number, gap: number): void {
    const { coordinates, starts } = levels[d]!;
    const isLast = d === dimensions - 1;
    let low = fromB;
    for (let a = fromA; a < toA; a++) {
      const x = coordinates[a]!;
      if (fromA === fromB) low = a;
      else while (low < toB && coordinates[low]! < x - reach) low++;
      for (let b = low; b < toB && coordinates[b]! <= x + reach; b++) {
        const square = gap + gapSquare(coordinates[b]! - x);
        if (square > dimensions) continue;
        if (isLast) link(a, b);
        else pair(d + 1, starts[a]!, starts[a + 1]!, starts[b]!, starts[b + 1]!, square);
      }
    }
  }

  if (cells > 0) pair(0, 0, levels[0]!.coordinates.length, 0, levels[0]!.coordinates.length, 0);
  for (let cell = 0; cell < cells; cell++) neighbourStarts[cell + 1]! += neighbourStarts[cell];
  const next = neighbourStarts.slice();
  const neighbours = new Uint32Array(filled);
  for (let i = 0; i < filled; i += 2) {
    neighbours[next[pairs[i]!]!++] = pairs[i + 1]!;
    neighbours[next[pairs[i + 1]!]!++] = pairs[i]!;
  }
  return { neighbourStarts, neighbours };
}
