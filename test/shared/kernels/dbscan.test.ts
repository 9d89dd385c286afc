import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Dbscan, dbscanGraph } from '../../../shared/kernels/dbscan.ts';
import { dbscanPlaces, dbscanPoints } from '../../../shared/kernels/dbscan-points.ts';
import { EdgeStore } from '../../../shared/kernels/edge-store.ts';
import { random } from '../../../shared/kernels/random.ts';
import { haversine } from '../../../shared/kernels/sphere.ts';
import { golden, renamed, reordered } from './golden.ts';

interface Answer {
  name: string;
  eps: number;
  minSamples: number;
  labels: number[];
  core: number[];
}
type GoldenPoints = Answer & { metric: 'euclidean' | 'haversine'; dimensions: number; points: number[] };
type GoldenGraph = Answer & { count: number; edges: [number[], number[], number[]] };

function coreRows(result: Dbscan): number[] {
  return [...result.core.keys()].filter((row) => result.core[row] === 1);
}

/** DBSCAN by its definition, from a function that measures. */
function byDefinition(count: number, within: (i: number, j: number) => boolean, minSamples: number): Dbscan {
  const store = new EdgeStore();
  for (let i = 0; i < count; i++) for (let j = i + 1; j < count; j++) if (within(i, j)) store.add(j, i);
  return dbscanGraph(store.toGraph(count), minSamples);
}

function euclidean(points: Float64Array, dimensions: number, i: number, j: number): number {
  let square = 0;
  for (let d = 0; d < dimensions; d++) square += (points[i * dimensions + d]! - points[j * dimensions + d]!) ** 2;
  return square;
}

describe("scikit-learn's DBSCAN", () => {
  it.each(golden<GoldenPoints>('dbscan-points').map((test) => [test.name, test] as const))(
    'of points: %s',
    (_, test) => {
      const points = Float64Array.from(test.points);
      const result =
        test.metric === 'haversine' ? dbscanPlaces(points, test) : dbscanPoints(points, test.dimensions, test);
      expect([...result.labels]).toEqual(test.labels);
      expect(coreRows(result)).toEqual(test.core);
      expect(result.clusters).toBe(Math.max(-1, ...test.labels) + 1);
      expect(result.noise).toBe(test.labels.filter((label) => label < 0).length);
    },
  );

  it.each(golden<GoldenGraph>('dbscan-graph').map((test) => [test.name, test] as const))(
    'of a graph: %s',
    (_, test) => {
      const [from, to, distances] = test.edges;
      const store = new EdgeStore();
      for (const [e, distance] of distances.entries()) {
        if (distance > test.eps) continue;
        store.add(from[e]!, to[e]!, distance);
        // Lists hold pairs in both directions, or twice; none of that makes a neighbour more.
        if (e % 3 === 0) store.add(to[e]!, from[e]!, distance);
      }
      const result = dbscanGraph(store.toGraph(test.count), test.minSamples);
      expect([...result.labels]).toEqual(test.labels);
      expect(coreRows(result)).toEqual(test.core);
    },
  );
});

describe('dbscanPoints', () => {
  const coordinate = fc.oneof(
    fc.integer({ min: -4, max: 4 }),
    fc.double({ min: -4, max: 4, noNaN: true }),
    fc.double({ min: -1e12, max: 1e12, noNaN: true }),
  );
  const sets = fc.integer({ min: 1, max: 5 }).chain((dimensions) => {
    const point = fc.array(coordinate, { minLength: dimensions, maxLength: dimensions });
    return fc.tuple(
      fc.constant(dimensions),
      fc.array(point, { maxLength: 60 }),
      fc.oneof(fc.constantFrom(1, 2, Math.SQRT2, 1e-9, 1e30), fc.double({ min: 1e-20, max: 1e13, noNaN: true })),
      fc.integer({ min: 1, max: 6 }),
    );
  });

  it('is DBSCAN by its definition', () => {
    fc.assert(
      fc.property(sets, ([dimensions, rows, eps, minSamples]) => {
        const points = Float64Array.from(rows.flat());
        const result = dbscanPoints(points, dimensions, { eps, minSamples });
        const within = (i: number, j: number) => euclidean(points, dimensions, i, j) <= eps * eps;
        expect(result).toEqual(byDefinition(rows.length, within, minSamples));
      }),
      { numRuns: 500 },
    );
  });

  it('depends on the order of the rows by names, and borders of two clusters, alone', () => {
    fc.assert(
      fc.property(sets, fc.integer({ min: 0, max: 99 }), ([dimensions, rows, eps, minSamples], seed) => {
        const points = Float64Array.from(rows.flat());
        const source = random(seed);
        const order = rows.map((_, i) => i).sort(() => source.uniform() - 0.5);
        const result = dbscanPoints(points, dimensions, { eps, minSamples });
        const other = dbscanPoints(reordered(points, dimensions, order), dimensions, { eps, minSamples });
        expect([...other.core]).toEqual(order.map((row) => result.core[row]));
        const cores = order.map((_, i) => i).filter((i) => other.core[i] === 1);
        expect(renamed(cores.map((i) => other.labels[i]!))).toEqual(
          renamed(cores.map((i) => result.labels[order[i]!]!)),
        );
        expect(other.noise).toBe(result.noise);
      }),
    );
  });

  it('takes one giant eps over many points in its stride', () => {
    const source = random(4);
    const points = Float64Array.from({ length: 100_000 }, () => source.uniform() - 0.5);
    for (const dimensions of [1, 2, 4]) {
      const result = dbscanPoints(points, dimensions, { eps: 1e200 });
      expect(result).toMatchObject({ clusters: 1, noise: 0 });
    }
  });

  it('keeps an outlier from coarsening the rest', () => {
    const source = random(5);
    const points = Float64Array.from({ length: 20_000 }, () => source.uniform());
    points[0] = -1e12;
    const result = dbscanPoints(points, 2, { eps: 0.05 });
    expect(result).toMatchObject({ clusters: 1, noise: 1 });
    expect(result.labels[0]).toBe(-1);
  });

  it('takes no, one, two and equal points', () => {
    expect(dbscanPoints(new Float64Array(0), 2)).toMatchObject({ clusters: 0, noise: 0 });
    expect(dbscanPoints(Float64Array.of(1, 2), 2)).toMatchObject({ clusters: 0, noise: 1 });
    expect(dbscanPoints(Float64Array.of(1, 2), 2, { minSamples: 1 })).toMatchObject({ clusters: 1, noise: 0 });
    expect(dbscanPoints(Float64Array.of(1, 2, 1, 2.5), 2, { minSamples: 2 })).toMatchObject({ clusters: 1, noise: 0 });
    expect(dbscanPoints(Float64Array.of(1, 2, 1, 2.6), 2, { minSamples: 2 })).toMatchObject({ clusters: 0, noise: 2 });
    for (const dimensions of [1, 2, 3, 4, 5]) {
      const equal = new Float64Array(600 * dimensions).fill(0.3);
      expect(dbscanPoints(equal, dimensions, { eps: 1e-300 })).toMatchObject({ clusters: 1, noise: 0 });
    }
  });

  it('refuses what makes no sense, with both values', () => {
    const points = Float64Array.of(1, 2);
    for (const eps of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => dbscanPoints(points, 2, { eps })).toThrow(`eps is ${eps} where a finite number above 0 is expected`);
      expect(() => dbscanPlaces(points, { eps })).toThrow(`eps is ${eps}`);
    }
    expect(() => dbscanPoints(points, 2, { minSamples: 0 })).toThrow('min_samples is 0 where an integer of at least 1');
    expect(() => dbscanPoints(Float64Array.of(1, Number.NaN), 2)).toThrow('coordinate 1 is NaN');
    expect(() => dbscanPoints(new Float64Array(50_001 * 5), 5)).toThrow(
      'on 50001 points of 5 dimensions: above 4 dimensions at most 50000',
    );
    expect(() => dbscanPlaces(Float64Array.of(91, 0))).toThrow('its latitude is 91');
  });
});

describe('dbscanPlaces', () => {
  it('is DBSCAN by haversine, over the antimeridian and the poles too', () => {
    const latitude = fc.oneof(
      fc.constantFrom(-90, 90),
      fc.double({ min: -90, max: 90, noNaN: true }),
      fc.double({ min: 88, max: 90, noNaN: true }),
    );
    const longitude = fc.oneof(
      fc.constantFrom(-180, 180),
      fc.double({ min: -180, max: 180, noNaN: true }),
      fc.double({ min: 178, max: 180, noNaN: true }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(latitude, longitude), { maxLength: 60 }),
        fc.double({ min: 0.001, max: 4, noNaN: true }),
        (rows, eps) => {
          const angle = (i: number, j: number) => haversine(...rows[i]!, ...rows[j]!);
          // Angles that are eps up to rounding may fall on either side.
          for (let i = 0; i < rows.length; i++) for (let j = 0; j < i; j++) fc.pre(Math.abs(angle(i, j) - eps) > 1e-7);
          const result = dbscanPlaces(Float64Array.from(rows.flat()), { eps, minSamples: 3 });
          expect(result).toEqual(byDefinition(rows.length, (i, j) => angle(i, j) <= eps, 3));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('knows one place by all its names', () => {
    const pole = Float64Array.of(90, 0, 90, 90, 90, -180, 90, 13);
    expect(dbscanPlaces(pole, { eps: 1e-12, minSamples: 4 })).toMatchObject({ clusters: 1, noise: 0 });
    const date = Float64Array.of(10, 180, 10, -180, 10, 180);
    expect(dbscanPlaces(date, { eps: 1e-12, minSamples: 3 })).toMatchObject({ clusters: 1, noise: 0 });
  });
});

it('dbscanGraph takes no node, one, and refuses a min_samples that is none', () => {
  expect(dbscanGraph(new EdgeStore().toGraph(0))).toMatchObject({ clusters: 0, noise: 0 });
  expect(dbscanGraph(new EdgeStore().toGraph(1))).toMatchObject({ clusters: 0, noise: 1 });
  expect(dbscanGraph(new EdgeStore().toGraph(3), 1)).toMatchObject({ clusters: 3, noise: 0 });
  expect(() => dbscanGraph(new EdgeStore().toGraph(1), 1.5)).toThrow('min_samples is 1.5');
});
