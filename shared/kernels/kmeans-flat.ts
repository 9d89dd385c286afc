import type { Assigner } from './kmeans-filter.ts';
import { type Seeder, seedingTrials } from './kmeans-seeding.ts';

/** k-means' assignment by looking at every point and centre (Lloyd, 1982), for any number of dimensions. */
export function flatAssigner(points: Float64Array, dimensions: number): Assigner {
  const count = points.length / dimensions;
  return {
    assign(centres, measure, labels) {
      const k = centres.length / dimensions;
      const counts = new Float64Array(k);
      const sums = new Float64Array(k * dimensions);
      let inertia = 0;
      let changed = 0;
      for (let i = 0; i < count; i++) {
        const p = i * dimensions;
        let nearest = 0;
        let least = Number.POSITIVE_INFINITY;
        for (let c = 0; c < k; c++) {
          const square = squareOf(points, p, centres, c * dimensions, dimensions);
          if (square < least) {
            least = square;
            nearest = c;
          }
        }
        counts[nearest]!++;
        for (let d = 0; d < dimensions; d++) sums[nearest * dimensions + d]! += points[p + d];
        if (measure) inertia += least;
        if (labels !== undefined && labels[i] !== nearest) {
          labels[i] = nearest;
          changed++;
        }
      }
      return { counts, sums, inertia, changed };
    },
  };
}

/** Greedy k-means++ (Arthur and Vassilvitskii, 2007) over all points; fewer centres where fewer points are different. */
export function flatSeeder(points: Float64Array, dimensions: number): Seeder {
  const count = points.length / dimensions;
  const squares = new Float64Array(count);
  return (k, random) => {
    const centres = new Float64Array(k * dimensions);
    const trials = seedingTrials(k);
    squares.fill(Number.POSITIVE_INFINITY);
    let potential = add(random.below(count), 0);
    for (let j = 1; j < k; j++) {
      if (!(potential > 0)) return centres.slice(0, j * dimensions);
      let best = 0;
      let least = Number.POSITIVE_INFINITY;
      for (let trial = 0; trial < trials; trial++) {
        const point = pick(random.uniform() * potential);
        let sum = 0;
        for (let i = 0; i < count; i++) {
          const square = squareOf(points, i * dimensions, points, point * dimensions, dimensions);
          sum += square < squares[i]! ? square : squares[i]!;
        }
        if (sum < least) {
          least = sum;
          best = point;
        }
      }
      potential = add(best, j);
    }
    return centres;

    /** Makes a point centre j, and gives the sum of D² that is left. */
    function add(point: number, j: number): number {
      for (let d = 0; d < dimensions; d++) centres[j * dimensions + d] = points[point * dimensions + d]!;
      let sum = 0;
      for (let i = 0; i < count; i++) {
        const square = squareOf(points, i * dimensions, centres, j * dimensions, dimensions);
        if (square < squares[i]!) squares[i] = square;
        sum += squares[i]!;
      }
      return sum;
    }

    function pick(r: number): number {
      let rest = r;
      let last = 0;
      for (let i = 0; i < count; i++) {
        if (squares[i] === 0) continue;
        if (rest < squares[i]!) return i;
        rest -= squares[i]!;
        last = i;
      }
      return last;
    }
  };
}

function squareOf(a: Float64Array, i: number, b: Float64Array, j: number, dimensions: number): number {
  let square = 0;
  for (let d = 0; d < dimensions; d++) {
    const difference = a[i + d]! - b[j + d]!;
    square += difference * difference;
  }
  return square;
}
