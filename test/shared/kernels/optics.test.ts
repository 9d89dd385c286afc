import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EdgeStore, type NeighbourGraph } from '../../../shared/kernels/edge-store.ts';
import { buildKdTree } from '../../../shared/kernels/kd-tree.ts';
import { nearestDistances } from '../../../shared/kernels/nearest-distances.ts';
import {
  type Optics,
  type OpticsOptions,
  opticsGraph,
  opticsPlaces,
  opticsPoints,
} from '../../../shared/kernels/optics.ts';
import { opticsDbscan, opticsXi } from '../../../shared/kernels/optics-clusters.ts';
import { ReachabilityQueue } from '../../../shared/kernels/reachability-queue.ts';
import { golden } from './golden.ts';

interface Answer {
  name: string;
  options: {
    min_samples: number;
    max_eps?: number;
    xi?: number;
    eps?: number;
    cluster_method?: 'xi' | 'dbscan';
    min_cluster_size?: number;
    predecessor_correction?: boolean;
  };
  labels: number[];
  ordering: number[];
  reachability: (number | null)[];
  predecessors: number[];
}
type GoldenPoints = Answer & { metric: 'euclidean' | 'haversine'; dimensions: number; points: number[] };
type GoldenGraph = Answer & { count: number; edges: [number[], number[], number[]] };

function ordered(options: Answer['options']): OpticsOptions {
  const { min_samples: minSamples, max_eps: maxEps } = options;
  return { minSamples, ...(maxEps === undefined ? {} : { maxEps }) };
}

function cut(optics: Optics, options: Answer['options']): Int32Array {
  if (options.cluster_method === 'dbscan') return opticsDbscan(optics, options.eps!);
  return opticsXi(optics, {
    ...(options.xi === undefined ? {} : { xi: options.xi }),
    ...(options.min_cluster_size === undefined ? {} : { minClusterSize: options.min_cluster_size }),
    ...(options.predecessor_correction === undefined ? {} : { predecessorCorrection: options.predecessor_correction }),
  });
}

function expectAnswer(optics: Optics, test: Answer): void {
  expect([...optics.ordering]).toEqual(test.ordering);
  expect([...optics.predecessors]).toEqual(test.predecessors);
  for (const [row, reachability] of test.reachability.entries()) {
    if (reachability === null) expect(optics.reachability[row]).toBe(Number.POSITIVE_INFINITY);
    else expect(optics.reachability[row]).toBeCloseTo(reachability, 12);
  }
  expect([...cut(optics, test.options)]).toEqual(test.labels);
}

function graphOf(count: number, edges: Iterable<[number, number, number]>): NeighbourGraph {
  const store = new EdgeStore({ distances: true });
  for (const [a, b, distance] of edges) store.add(a, b, distance);
  return store.toGraph(count);
}

describe("scikit-learn's OPTICS", () => {
  it.each(golden<GoldenPoints>('optics-points').map((test) => [test.name, test] as const))(
    'of points: %s',
    (_, test) => {
      const points = Float64Array.from(test.points);
      const options = ordered(test.options);
      expectAnswer(
        test.metric === 'haversine' ? opticsPlaces(points, options) : opticsPoints(points, test.dimensions, options),
        test,
      );
    },
  );

  it.each(golden<GoldenGraph>('optics-graph').map((test) => [test.name, test] as const))(
    'of a graph: %s',
    (_, test) => {
      const [from, to, distances] = test.edges;
      const graph = graphOf(
        test.count,
        from.map((a, e) => [a, to[e]!, distances[e]!]),
      );
      expectAnswer(opticsGraph(graph, ordered(test.options)), test);
    },
  );
});

describe('OPTICS', () => {
  const rows = fc.array(fc.tuple(fc.integer({ min: -5, max: 5 }), fc.integer({ min: -5, max: 5 })), {
    minLength: 1,
    maxLength: 50,
  });

  it('is the same by all pairs, by the grid and by the graph of the pairs', () => {
    fc.assert(
      fc.property(
        rows,
        fc.integer({ min: 2, max: 6 }),
        fc.constantFrom(1, 2, 2.5, 20),
        (places, minSamples, maxEps) => {
          const points = Float64Array.from(places.flat());
          const deep = Float64Array.from(places.flatMap(([x, y]) => [x, y, 0, 0, 0]));
          const edges = places.flatMap((a, i) =>
            places
              .slice(0, i)
              .map((b, j): [number, number, number] => [i, j, Math.sqrt((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2)]),
          );
          const grid = opticsPoints(points, 2, { minSamples, maxEps });
          expect(opticsPoints(deep, 5, { minSamples, maxEps })).toEqual(grid);
          expect(opticsGraph(graphOf(places.length, edges), { minSamples, maxEps })).toEqual(grid);
          if (maxEps === 20) expect(opticsPoints(points, 2, { minSamples })).toEqual(grid);
        },
      ),
    );
  });

  it('comes to every row once, each from one that came before and is core', () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 2, max: 6 }), (places, minSamples) => {
        const { ordering, reachability, predecessors, coreDistances } = opticsPoints(
          Float64Array.from(places.flat()),
          2,
          { minSamples },
        );
        expect([...ordering].sort((a, b) => a - b)).toEqual(places.map((_, i) => i));
        const positions = new Map([...ordering].map((row, position) => [row, position]));
        for (const row of ordering) {
          const from = predecessors[row]!;
          expect(from < 0).toBe(reachability[row] === Number.POSITIVE_INFINITY);
          if (from < 0) continue;
          expect(positions.get(from)!).toBeLessThan(positions.get(row)!);
          expect(coreDistances[from]!).toBeLessThanOrEqual(reachability[row]!);
        }
      }),
    );
  });

  it('takes no, one, two and equal points', () => {
    for (const count of [0, 1, 2]) {
      const optics = opticsPoints(new Float64Array(count * 2), 2);
      expect([...optics.ordering]).toEqual([...new Float64Array(count).keys()]);
      expect([...opticsXi(optics)]).toEqual(new Array(count).fill(-1));
      expect([...opticsDbscan(optics, 1)]).toEqual(new Array(count).fill(-1));
      expect([...opticsGraph(graphOf(count, [])).ordering]).toEqual([...optics.ordering]);
    }
    const equal = opticsPoints(new Float64Array(200).fill(0.3), 2);
    expect([...opticsXi(equal)]).toEqual(new Array(100).fill(0));
    expect([...opticsDbscan(equal, 0)]).toEqual(new Array(100).fill(0));
  });

  it('refuses what makes no sense, with both values', () => {
    const points = Float64Array.of(1, 2);
    expect(() => opticsPoints(points, 2, { minSamples: 1 })).toThrow('min_samples is 1 where an integer of at least 2');
    expect(() => opticsPoints(points, 2, { maxEps: Number.NaN })).toThrow('max_eps is NaN where at least 0');
    expect(() => opticsPlaces(points, { maxEps: -1 })).toThrow('max_eps is -1');
    expect(() => opticsPoints(Float64Array.of(1, Number.NaN), 2)).toThrow('coordinate 1 is NaN');
    expect(() => opticsPlaces(Float64Array.of(91, 0))).toThrow('its latitude is 91');
    expect(() => opticsPoints(new Float64Array(50_001), 1)).toThrow(
      'with max_eps Infinity all pairs are measured, of at most 50000',
    );
    expect(() => opticsGraph(new EdgeStore().toGraph(2))).toThrow('its edges have no distances');
    const optics = opticsPoints(points, 2);
    expect(() => opticsDbscan(optics, -1)).toThrow('eps is -1');
    expect(() => opticsXi(optics, { xi: 2 })).toThrow('xi is 2 where 0 to 1');
    expect(() => opticsXi(optics, { minClusterSize: 1 })).toThrow('min_cluster_size is 1');
  });
});

it('nearestDistances are those of all pairs', () => {
  const coordinate = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.double({ min: -9, max: 9, noNaN: true }));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(coordinate, coordinate, coordinate), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 8 }),
      (rows, neighbours) => {
        const found = nearestDistances(buildKdTree(Float64Array.from(rows.flat()), 3), neighbours);
        const expected = rows.map((a) => {
          const squares = rows.map((b) => (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2);
          return Math.sqrt(squares.sort((x, y) => x - y)[neighbours - 1] ?? Number.POSITIVE_INFINITY);
        });
        expect([...found]).toEqual(expected);
      },
    ),
  );
});

it('ReachabilityQueue gives the nearest row, of equal ones the lowest', () => {
  const change = fc.tuple(fc.integer({ min: 0, max: 19 }), fc.integer({ min: 0, max: 5 }), fc.boolean());
  fc.assert(
    fc.property(fc.array(change, { maxLength: 80 }), (changes) => {
      const queue = new ReachabilityQueue(20);
      const left = new Map(Array.from({ length: 20 }, (_, row) => [row, Number.POSITIVE_INFINITY]));
      for (const [row, key, take] of changes) {
        const lower = key < (left.get(row) ?? -1);
        expect(queue.lower(row, key)).toBe(lower);
        if (lower) left.set(row, key);
        if (!take || left.size === 0) continue;
        const [nearest] = [...left].sort(([a, x], [b, y]) => (x === y ? a - b : x - y))[0]!;
        expect(queue.take()).toBe(nearest);
        left.delete(nearest);
      }
    }),
  );
});
