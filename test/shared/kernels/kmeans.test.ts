import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { buildKdTree } from '../../../shared/kernels/kd-tree.ts';
import { type KMeansResult, kmeans, prepareKMeans } from '../../../shared/kernels/kmeans.ts';
import { filterAssigner } from '../../../shared/kernels/kmeans-filter.ts';
import { flatAssigner, flatSeeder } from '../../../shared/kernels/kmeans-flat.ts';
import { treeSeeder } from '../../../shared/kernels/kmeans-seeding.ts';
import { random } from '../../../shared/kernels/random.ts';
import { golden, reordered } from './golden.ts';

interface Golden {
  name: string;
  dimensions: number;
  points: number[];
  start: number[];
  options: { maxIter: number; tol: number };
  labels: number[];
  iterations: number;
  inertia: number;
  centres: number[];
}

function fitted(points: Float64Array, dimensions: number) {
  return kmeans(prepareKMeans(points, dimensions));
}

function inertiaOf(points: Float64Array, dimensions: number, centres: Float64Array): number {
  let inertia = 0;
  for (let i = 0; i < points.length; i += dimensions) {
    let least = Number.POSITIVE_INFINITY;
    for (let c = 0; c < centres.length; c += dimensions) {
      let square = 0;
      for (let d = 0; d < dimensions; d++) square += (points[i + d]! - centres[c + d]!) ** 2;
      least = Math.min(least, square);
    }
    inertia += least;
  }
  return inertia;
}

/** What must hold of every result. */
function validate(points: Float64Array, dimensions: number, result: KMeansResult): void {
  const n = points.length / dimensions;
  expect(result.labels).toHaveLength(n);
  expect(result.centres).toHaveLength(result.k * dimensions);
  expect(result.counts.reduce((sum, count) => sum + count, 0)).toBe(n);
  const counts = new Float64Array(result.k);
  for (const label of result.labels) counts[label]!++;
  expect([...counts]).toEqual([...result.counts]);
  const inertia = inertiaOf(points, dimensions, result.centres);
  expect(Math.abs(result.inertia - inertia)).toBeLessThanOrEqual(1e-9 * (inertia + 1e-9));
}

function blobs(count: number, dimensions: number, clusters: number, seed = 5): Float64Array {
  const source = random(seed);
  const centres = Float64Array.from({ length: clusters * dimensions }, () => source.uniform() * 10);
  return Float64Array.from({ length: count * dimensions }, (_, i) => {
    const cluster = Math.floor(i / dimensions) % clusters;
    return centres[cluster * dimensions + (i % dimensions)]! + (source.uniform() + source.uniform() - 1) * 0.7;
  });
}

describe('from the same start as scikit-learn', () => {
  it.each(golden<Golden>('kmeans').map((test) => [test.name, test] as const))('%s', (_, test) => {
    const points = Float64Array.from(test.points);
    const result = fitted(points, test.dimensions).fitFrom(Float64Array.from(test.start), test.options);
    expect([...result.labels]).toEqual(test.labels);
    expect(result.iterations).toBe(test.iterations);
    expect(Math.abs(result.inertia / test.inertia - 1)).toBeLessThan(1e-9);
    for (const [i, centre] of test.centres.entries()) expect(result.centres[i]).toBeCloseTo(centre, 9);
    validate(points, test.dimensions, result);
  });
});

describe('assigners', () => {
  it('filtering assigns as looking at all pairs does', () => {
    const coordinate = fc.oneof(fc.integer({ min: -4, max: 4 }), fc.double({ min: -4, max: 4, noNaN: true }));
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }).chain((dimensions) => {
          const point = fc.array(coordinate, { minLength: dimensions, maxLength: dimensions });
          return fc.tuple(
            fc.constant(dimensions),
            fc.array(point, { minLength: 1, maxLength: 120 }),
            fc.array(point, { minLength: 1, maxLength: 12 }),
          );
        }),
        ([dimensions, rows, starts]) => {
          const tree = buildKdTree(Float64Array.from(rows.flat()), dimensions);
          const centres = Float64Array.from(starts.flat());
          const filtered = filterAssigner(tree).assign(centres, true);
          const flat = flatAssigner(tree.points, dimensions).assign(centres, true);
          expect(filtered.counts.reduce((a, b) => a + b, 0)).toBe(rows.length);
          expect(Math.abs(filtered.inertia - flat.inertia)).toBeLessThanOrEqual(1e-9 * (1 + flat.inertia));
        },
      ),
    );
  });

  it('filtering by parts measures the partition that it makes', () => {
    const source = random(2);
    const points = Float64Array.from({ length: 4_000 }, () => source.uniform());
    const tree = buildKdTree(points, 2);
    const centres = Float64Array.from({ length: 14 }, () => source.uniform());
    const labels = new Int32Array(2_000);
    const exact = filterAssigner(tree).assign(centres, true).inertia;
    const { inertia, counts, sums } = filterAssigner(tree, 32).assign(centres, true, labels);
    const own = [0, 0, 0, 0, 0, 0, 0];
    let sum = 0;
    for (const [i, label] of labels.entries()) {
      own[label]!++;
      for (let d = 0; d < 2; d++) sum += (tree.points[2 * i + d]! - centres[2 * label + d]!) ** 2;
    }
    expect([...counts]).toEqual(own);
    expect(inertia).toBeCloseTo(sum, 9);
    expect(inertia).toBeGreaterThan(exact);
    expect(inertia).toBeLessThan(exact * 1.1);
    expect(sums.reduce((a, b) => a + b, 0)).toBeCloseTo(
      points.reduce((a, b) => a + b, 0),
      9,
    );
  });

  it('both give ties to the lowest number', () => {
    const points = Float64Array.from({ length: 81 * 2 }, (_, i) => (i % 2 === 0 ? (i >> 1) % 9 : Math.floor(i / 18)));
    const tree = buildKdTree(points, 2);
    const centres = Float64Array.of(2, 4, 6, 4, 4, 2, 4, 6, 4, 2);
    const filtered = new Int32Array(81);
    const flat = new Int32Array(81);
    filterAssigner(tree).assign(centres, false, filtered);
    flatAssigner(tree.points, 2).assign(centres, false, flat);
    expect([...filtered]).toEqual([...flat]);
    expect(filtered).not.toContain(4);
  });
});

describe('seeding', () => {
  const points = blobs(400, 2, 6);

  it('draws different points, on the tree and flat', () => {
    for (const seed of [treeSeeder(buildKdTree(points, 2)), flatSeeder(points, 2)]) {
      for (let i = 0; i < 20; i++) {
        const centres = seed(30, random(i));
        expect(centres).toHaveLength(60);
        expect(new Set(Array.from({ length: 30 }, (_, c) => `${centres[2 * c]},${centres[2 * c + 1]}`)).size).toBe(30);
      }
    }
  });

  it('ends where every different point is a centre', () => {
    const repeated = Float64Array.from({ length: 200 * 3 }, (_, i) => [0.1, 0.7, 1e6 + 0.3][Math.floor(i / 3) % 3]!);
    for (const seed of [treeSeeder(buildKdTree(repeated, 3)), flatSeeder(repeated, 3)]) {
      expect(seed(8, random(1))).toHaveLength(3 * 3);
    }
  });

  it('draws the second centre in proportion to D²', () => {
    const line = Float64Array.from({ length: 100 }, (_, i) => (i < 97 ? 0 : i - 96));
    const seed = treeSeeder(buildKdTree(line, 1));
    const drawn = new Map<number, number>();
    let fromZero = 0;
    for (let i = 0; i < 4_000; i++) {
      const [first, second] = seed(2, random(i)) as unknown as [number, number];
      if (first !== 0) continue;
      fromZero++;
      drawn.set(second, (drawn.get(second) ?? 0) + 1);
    }
    // D² is 1, 4 and 9 of 14, and the better of two trials is kept: 1 takes 9 off the sum, 2 and 3 take 12 each.
    expect(Math.abs((drawn.get(1) ?? 0) / fromZero - (1 / 14) ** 2)).toBeLessThan(0.005);
    expect((drawn.get(2) ?? 0) + (drawn.get(3) ?? 0)).toBeGreaterThan(0.97 * fromZero);
    expect(drawn.has(0)).toBe(false);
  });
});

describe('cluster', () => {
  it('finds blobs as they are', () => {
    for (const dimensions of [1, 2, 3, 4, 5]) {
      const points = blobs(300, dimensions, 3, 8);
      const result = fitted(points, dimensions).cluster(3);
      validate(points, dimensions, result);
      expect(result.converged).toBe(true);
      if (dimensions > 1) expect([...result.counts]).toEqual([100, 100, 100]);
    }
  });

  it('comes within 0.1% of the best of 50 starts', () => {
    const model = fitted(blobs(500, 2, 9), 2);
    for (const k of [3, 6, 9]) {
      const best = model.cluster(k, { nInit: 50, randomState: 99, maxIter: 300 }).inertia;
      expect(model.cluster(k).inertia).toBeLessThanOrEqual(best * 1.001);
    }
  });

  it('moves centres out of a poor optimum, and never to a worse one', () => {
    const model = fitted(blobs(600, 2, 12), 2);
    let bettered = 0;
    for (let randomState = 0; randomState < 10; randomState++) {
      const run = model.restart(12, 0, { randomState });
      const improved = model.improve(run, { randomState });
      expect(improved.inertia).toBeLessThanOrEqual(run.inertia);
      if (improved.inertia < run.inertia * 0.99) bettered++;
      expect(model.improve(run, { randomState, breadth: 0 })).toBe(run);
    }
    expect(bettered).toBeGreaterThan(0);
  });

  it('gives the same for the same seed, and without breathing the best of its restarts', () => {
    const data = prepareKMeans(blobs(200, 3, 7), 3);
    const result = kmeans(data).cluster(7, { randomState: 11, nInit: 4 });
    expect(kmeans(data).cluster(7, { randomState: 11, nInit: 4 })).toEqual(result);
    const model = kmeans(data);
    const runs = [0, 1, 2, 3].map((restart) => model.restart(7, restart, { randomState: 11 }));
    const best = runs.reduce((least, run) => (run.inertia < least.inertia ? run : least));
    expect(result.inertia).toBeLessThanOrEqual(best.inertia);
    expect(model.cluster(7, { randomState: 11, nInit: 4, breadth: 0 })).toEqual(model.label(best));
  });

  it('comes within 0.1% where restarts compete on parts of the points, on the tree and flat', () => {
    for (const [dimensions, clusters] of [
      [2, 12],
      [3, 7],
      [5, 6],
    ] as const) {
      const points = blobs(12_000, dimensions, clusters, 21);
      const model = fitted(points, dimensions);
      const result = model.cluster(clusters);
      validate(points, dimensions, result);
      const best = model.cluster(clusters, { nInit: 50, randomState: 99, breadth: 0 }).inertia;
      expect(result.inertia).toBeLessThanOrEqual(best * 1.001);
    }
  });

  it('does not depend on what was clustered before', () => {
    const data = prepareKMeans(blobs(4_000, 2, 300), 2);
    const model = kmeans(data);
    model.cluster(2, { nInit: 1 });
    expect(model.cluster(300, { nInit: 1 })).toEqual(kmeans(data).cluster(300, { nInit: 1 }));
  });

  it('does not depend on the order of the rows', () => {
    const coordinate = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ min: -9, max: 9, noNaN: true }));
    fc.assert(
      fc.property(
        fc.constantFrom(1, 2, 3, 5).chain((dimensions) => {
          const point = fc.array(coordinate, { minLength: dimensions, maxLength: dimensions });
          return fc.tuple(
            fc.constant(dimensions),
            fc.array(point, { minLength: 1, maxLength: 60 }),
            fc.integer({ min: 1, max: 8 }),
            fc.integer({ min: 0, max: 1_000 }),
          );
        }),
        ([dimensions, rows, k, seed]) => {
          const points = Float64Array.from(rows.flat());
          const source = random(seed);
          const order = rows.map((_, i) => i).sort(() => source.uniform() - 0.5);
          const result = fitted(points, dimensions).cluster(k, { nInit: 2 });
          const other = fitted(reordered(points, dimensions, order), dimensions).cluster(k, { nInit: 2 });
          expect([...other.labels]).toEqual(order.map((row) => result.labels[row]));
          expect([...other.centres]).toEqual([...result.centres]);
          validate(points, dimensions, result);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('never ends above its start', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.double({ min: -9, max: 9, noNaN: true }), fc.integer({ min: -2, max: 2 })), {
          minLength: 1,
          maxLength: 80,
        }),
        fc.array(fc.tuple(fc.double({ min: -20, max: 20, noNaN: true }), fc.integer({ min: -4, max: 4 })), {
          minLength: 1,
          maxLength: 8,
        }),
        (rows, starts) => {
          const points = Float64Array.from(rows.flat());
          const start = Float64Array.from(starts.flat());
          const result = fitted(points, 2).fitFrom(start);
          expect(result.inertia).toBeLessThanOrEqual(inertiaOf(points, 2, start) * (1 + 1e-9) + 1e-12);
          expect(result.k).toBe(starts.length);
        },
      ),
    );
  });
});

describe('degenerate input', () => {
  it('no point makes no cluster', () => {
    const result = fitted(new Float64Array(0), 2).cluster(3);
    expect(result).toMatchObject({ k: 0, inertia: 0, iterations: 0, converged: true });
    expect(result.labels).toHaveLength(0);
  });

  it.each([1, 2, 3, 5])('equal points make one cluster in %i dimensions', (dimensions) => {
    const points = new Float64Array(100 * dimensions).fill(0.1);
    const result = fitted(points, dimensions).cluster(4);
    expect(result).toMatchObject({ k: 1, inertia: 0, converged: true });
    expect([...result.counts]).toEqual([100]);
    expect(result.centres[0]).toBeCloseTo(0.1, 15);
  });

  it('as many clusters as different points, if more are asked for', () => {
    const points = Float64Array.of(1, 1, 5, 5, 1, 1, 2, 9);
    expect(fitted(points, 2).cluster(7)).toMatchObject({ k: 3, inertia: 0 });
    expect(fitted(Float64Array.of(4, 2), 2).cluster(2)).toMatchObject({ k: 1, inertia: 0 });
    expect(fitted(Float64Array.of(4, 2, 5, 1), 2).cluster(2)).toMatchObject({ k: 2, inertia: 0 });
  });

  it('more given centres than different points leaves the rest empty, as scikit-learn does', () => {
    const result = fitted(Float64Array.of(1, 1, 1, 1), 2).fitFrom(Float64Array.of(0, 0, 5, 5, 9, 9));
    expect(result.k).toBe(3);
    expect([...result.counts].sort()).toEqual([0, 0, 2]);
    expect(result.inertia).toBe(0);
  });

  it('keeps its digits far from the origin', () => {
    const points = Float64Array.from({ length: 400 }, (_, i) => (i % 4 < 2 ? 1e9 : -1e9) + (i % 7) * 1e-3);
    const result = fitted(points, 2).cluster(2);
    expect(Math.abs(result.inertia / inertiaOf(points, 2, result.centres) - 1)).toBeLessThan(1e-4);
  });

  it('refuses options and coordinates that make no sense, with both values', () => {
    const model = fitted(Float64Array.of(1, 2, 3, 4), 2);
    expect(() => model.cluster(0)).toThrow('n_clusters is 0 where an integer of at least 1');
    expect(() => model.cluster(2, { nInit: 1.5 })).toThrow('n_init is 1.5');
    expect(() => model.cluster(2, { maxIter: 0 })).toThrow('max_iter is 0');
    expect(() => model.cluster(2, { tol: -1 })).toThrow('tol is -1');
    expect(() => model.cluster(2, { breadth: -1 })).toThrow('breadth is -1 where an integer of at least 0');
    expect(() => model.cluster(2, { randomState: -4 })).toThrow('random_state is -4');
    expect(() => prepareKMeans(Float64Array.of(1, Number.NaN), 2)).toThrow('coordinate 1 is NaN');
    expect(() => model.fitFrom(Float64Array.of(1, Number.POSITIVE_INFINITY))).toThrow('coordinate 1 is Infinity');
  });
});
