import { haversine, kilometres, placeOf, unitVectors } from '../kernels/sphere.ts';

/** How points are made of columns. Plain data: the steps hand it on. */
export interface Space {
  /** The columns, in the order of the coordinates; on the sphere latitude and longitude. */
  features: string[];
  /**
   * `plane`: the values themselves, normalised; `vectors`: unit vectors of places, on which Euclid's distance orders as the arc does;
   * `places`: latitude and longitude in degrees, for algorithms that measure the arc themselves.
   */
  kind: 'plane' | 'vectors' | 'places';
  /** In the plane: coordinate = (value − shift) / scale, one each a feature. */
  shift: number[];
  scale: number[];
}

export type Normalization = 'zscore' | 'minmax' | 'none';

export interface Dropped {
  /** A feature without a value. */
  missing: number;
  /** NaN or infinite. */
  notFinite: number;
  /** Outside a feature's range, or no place on Earth. */
  outOfRange: number;
}

export interface Prepared {
  space: Space;
  dimensions: number;
  /** Flat coordinates of the rows that can be clustered. */
  points: Float64Array;
  /** The row of each point. */
  rows: Uint32Array;
  dropped: Dropped;
}

export interface PrepareOptions {
  features: readonly string[];
  kind: Space['kind'];
  normalize: Normalization;
  /** Values that a feature may have, by its name; both ends are in. */
  ranges: Readonly<Record<string, readonly [least: number, most: number]>>;
}

const EARTH: readonly (readonly [number, number])[] = [
  [-90, 90],
  [-180, 360],
];

/**
 * Makes points of columns: rows that have a value for every feature, finite and within its range; then normalised, or placed on the sphere.
 * A feature whose values are all equal is left unscaled.
 * @param columns one a feature, one value a row, NaN where there is none; `missing` tells these from NaN that were there.
 */
export function prepareFeatures(
  columns: readonly Float64Array[],
  options: PrepareOptions,
  missing: readonly (Uint8Array | undefined)[] = [],
): Prepared {
  const { features, kind, normalize } = options;
  const count = columns[0]?.length ?? 0;
  const onEarth = kind !== 'plane';
  const ranges = features.map((name, f) => options.ranges[name] ?? (onEarth ? EARTH[f] : undefined));
  const dropped: Dropped = { missing: 0, notFinite: 0, outOfRange: 0 };
  const rows = new Uint32Array(count);
  let kept = 0;
  for (let row = 0; row < count; row++) {
    const fault = faultOf(columns, ranges, missing, row);
    if (fault !== undefined) dropped[fault]++;
    else rows[kept++] = row;
  }
  const chosen = rows.slice(0, kept);
  const dimensions = columns.length;
  const values = new Float64Array(kept * dimensions);
  for (let i = 0; i < kept; i++) {
    for (let d = 0; d < dimensions; d++) values[i * dimensions + d] = columns[d]![chosen[i]!]!;
  }
  const space: Space = {
    features: [...features],
    kind,
    shift: new Array<number>(dimensions).fill(0),
    scale: new Array<number>(dimensions).fill(1),
  };
  if (kind === 'vectors') return { space, dimensions: 3, points: unitVectors(values), rows: chosen, dropped };
  if (kind === 'plane' && normalize !== 'none' && kept > 0) normalise(values, dimensions, normalize, space);
  return { space, dimensions, points: values, rows: chosen, dropped };
}

function faultOf(
  columns: readonly Float64Array[],
  ranges: readonly (readonly [number, number] | undefined)[],
  missing: readonly (Uint8Array | undefined)[],
  row: number,
): keyof Dropped | undefined {
  let fault: keyof Dropped | undefined;
  for (const [d, column] of columns.entries()) {
    const value = column[row]!;
    if (missing[d]?.[row] === 1) return 'missing';
    if (!Number.isFinite(value)) fault ??= 'notFinite';
    const range = ranges[d];
    if (range !== undefined && (value < range[0] || value > range[1])) fault ??= 'outOfRange';
  }
  return fault;
}

/** In place; the sums are about the first value, so that large offsets cost no digits. */
function normalise(values: Float64Array, dimensions: number, by: 'zscore' | 'minmax', space: Space): void {
  const count = values.length / dimensions;
  for (let d = 0; d < dimensions; d++) {
    const first = values[d]!;
    let low = first;
    let high = first;
    let sum = 0;
    for (let i = d; i < values.length; i += dimensions) {
      const value = values[i]!;
      if (value < low) low = value;
      if (value > high) high = value;
      sum += value - first;
    }
    const mean = first + sum / count;
    let squares = 0;
    for (let i = d; i < values.length; i += dimensions) squares += (values[i]! - mean) ** 2;
    const shift = by === 'zscore' ? mean : low;
    const scale = by === 'zscore' ? Math.sqrt(squares / count) : high - low;
    space.shift[d] = shift;
    // Of values that differ by less than their squares can tell, too.
    space.scale[d] = scale > 0 ? scale : 1;
    for (let i = d; i < values.length; i += dimensions) values[i] = (values[i]! - shift) / space.scale[d]!;
  }
}

/** A centre among the points as values of the features: what it would be as a row. */
export function valuesOf(space: Space, centre: ArrayLike<number>): number[] {
  if (space.kind === 'vectors') return placeOf(centre[0]!, centre[1]!, centre[2]!);
  return Array.from(centre, (x, d) => x * space.scale[d]! + space.shift[d]!);
}

/** The mean of some points: on the sphere the place that their mean vector points to. */
export function centreOf(space: Space, points: Float64Array, dimensions: number, members: Iterable<number>): number[] {
  const places = space.kind === 'places';
  const sums = new Array<number>(places ? 3 : dimensions).fill(0);
  let count = 0;
  for (const member of members) {
    count++;
    const own = points.subarray(member * dimensions, (member + 1) * dimensions);
    const from = places ? unitVectors(Float64Array.from(own)) : own;
    for (let d = 0; d < sums.length; d++) sums[d]! += from[d];
  }
  const mean = sums.map((sum) => sum / count);
  return places ? [...placeOf(mean[0]!, mean[1]!, mean[2]!)] : mean;
}

/** How far a point is from a centre: kilometres on the sphere, else as the algorithm measures it. */
export function distanceTo(
  space: Space,
  points: Float64Array,
  dimensions: number,
  row: number,
  centre: readonly number[],
): number {
  const at = row * dimensions;
  if (space.kind === 'places') {
    return kilometres(haversine(points[at]!, points[at + 1]!, centre[0]!, centre[1]!));
  }
  if (space.kind === 'vectors') {
    // The angle by its tangent: exact for small ones too, where the cosine is not.
    const [x, y, z] = [points[at]!, points[at + 1]!, points[at + 2]!];
    const [cx, cy, cz] = centre as [number, number, number];
    const cross = Math.hypot(y * cz - z * cy, z * cx - x * cz, x * cy - y * cx);
    return kilometres(Math.atan2(cross, x * cx + y * cy + z * cz));
  }
  let square = 0;
  for (let d = 0; d < dimensions; d++) square += (points[at + d]! - centre[d]!) ** 2;
  return Math.sqrt(square);
}
