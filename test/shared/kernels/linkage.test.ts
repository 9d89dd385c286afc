import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EdgeStore } from '../../../shared/kernels/edge-store.ts';
import {
  cutLinkage,
  LINKAGE_METHODS,
  type Linkage,
  type LinkageMethod,
  linkageDistances,
  linkageGraph,
  linkagePoints,
} from '../../../shared/kernels/linkage.ts';
import { random } from '../../../shared/kernels/random.ts';
import { golden, renamed, reordered } from './golden.ts';

interface Golden {
  name: string;
  dimensions: number;
  points: number[];
  heights: Record<LinkageMethod, number[]>;
  sizes: Partial<Record<LinkageMethod, number[]>>;
}

/** What must hold of every hierarchy. */
function validate(linkage: Linkage): void {
  const { count, merges, heights, sizes } = linkage;
  const merged = Math.max(0, count - 1);
  expect([merges.length, heights.length, sizes.length]).toEqual([2 * merged, merged, merged]);
  const size = (cluster: number) => (cluster < count ? 1 : sizes[cluster - count]!);
  expect(new Set(merges).size).toBe(merges.length);
  for (let i = 0; i < merged; i++) {
    expect(merges[2 * i]!).toBeLessThan(merges[2 * i + 1]!);
    expect(merges[2 * i + 1]!).toBeLessThan(count + i);
    expect(sizes[i]).toBe(size(merges[2 * i]!) + size(merges[2 * i + 1]!));
    if (i > 0) expect(heights[i]!).toBeGreaterThanOrEqual(heights[i - 1]!);
  }
  if (merged > 0) expect(sizes[merged - 1]).toBe(count);
}

describe("SciPy's linkage", () => {
  const cases = golden<Golden>('linkage').flatMap((test) =>
    LINKAGE_METHODS.map((method) => [test.name, method, test] as const),
  );
  it.each(cases)('%s, %s', (_, method, test) => {
    const linkage = linkagePoints(Float64Array.from(test.points), test.dimensions, method);
    validate(linkage);
    expect(linkage.heights).toHaveLength(test.heights[method].length);
    for (const [i, height] of test.heights[method].entries()) expect(linkage.heights[i]).toBeCloseTo(height, 12);
    if (test.sizes[method]) expect([...linkage.sizes]).toEqual(test.sizes[method]);
  });
});

describe('linkage', () => {
  const method = fc.constantFrom(...LINKAGE_METHODS);

  it('does not depend on the order of the rows', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(fc.double({ min: -9, max: 9, noNaN: true }), fc.integer({ min: -9, max: 9 })), {
          maxLength: 25,
          selector: ([x, y]) => `${x + 0},${y}`,
        }),
        method,
        fc.integer({ min: 0, max: 99 }),
        (rows, how, seed) => {
          const points = Float64Array.from(rows.flat());
          const source = random(seed);
          const order = rows.map((_, i) => i).sort(() => source.uniform() - 0.5);
          const linkage = linkagePoints(points, 2, how);
          validate(linkage);
          const other = linkagePoints(reordered(points, 2, order), 2, how);
          for (const clusters of [1, 2, 3, 7]) {
            const labels = cutLinkage(linkage, { clusters });
            expect(renamed(cutLinkage(other, { clusters }))).toEqual(renamed(order.map((row) => labels[row]!)));
          }
        },
      ),
    );
  });

  it('never joins what no distance links', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 5 })),
          { maxLength: 20 },
        ),
        fc.constantFrom('single', 'complete', 'average' as LinkageMethod),
        (edges, how) => {
          const store = new EdgeStore({ distances: true });
          for (const [a, b, distance] of edges) store.add(a, b, distance);
          const graph = store.toGraph(10);
          const linkage = linkageGraph(graph, how as LinkageMethod);
          validate(linkage);
          const labels = cutLinkage(linkage, { clusters: 1 });
          const apart = (i: number, j: number) =>
            ![...graph.targets.subarray(graph.offsets[i], graph.offsets[i + 1])].includes(j);
          for (let i = 0; i < 10; i++) {
            for (let j = i + 1; j < 10; j++) {
              // Single linkage keeps linked nodes together; the other two never keep unlinked ones.
              if (how === 'single') expect(apart(i, j) || labels[i] === labels[j]).toBe(true);
              else expect(apart(i, j) && labels[i] === labels[j]).toBe(false);
            }
          }
          const joined = linkage.heights.filter((height) => height < Number.POSITIVE_INFINITY).length;
          expect(Math.max(...labels) + 1).toBe(10 - joined);
        },
      ),
    );
  });

  it('links a graph by its least spanning forest as it would all its distances', () => {
    const edge = fc.tuple(fc.nat(14), fc.nat(14), fc.oneof(fc.nat(4), fc.double({ min: 0, max: 9, noNaN: true })));
    fc.assert(
      fc.property(fc.array(edge, { maxLength: 60 }), (edges) => {
        const store = new EdgeStore({ distances: true });
        for (const [a, b, distance] of edges) store.add(a, b, distance);
        const graph = store.toGraph(15);
        const all = new Float64Array((15 * 14) / 2).fill(Number.POSITIVE_INFINITY);
        for (let i = 0; i < 15; i++) {
          for (let e = graph.offsets[i]!; e < graph.offsets[i + 1]!; e++) {
            const j = graph.targets[e]!;
            all[15 * i - (i * (i + 1)) / 2 + j - i - 1] = graph.distances![e]!;
          }
        }
        const linkage = linkageGraph(graph, 'single');
        validate(linkage);
        const dense = linkageDistances(all, 15, 'single');
        expect([...linkage.heights]).toEqual([...dense.heights]);
        for (const distance of [0.5, 2, 2.5, 5, 99]) {
          expect(cutLinkage(linkage, { distance })).toEqual(cutLinkage(dense, { distance }));
        }
      }),
    );
  });

  it('links a graph of any size by single linkage', () => {
    const nodes = 20_000;
    const store = new EdgeStore({ distances: true });
    for (let i = 1; i < nodes; i++) store.add(i - 1, i, i % 100 === 0 ? 5 : 1);
    const graph = store.toGraph(nodes);
    const labels = cutLinkage(linkageGraph(graph, 'single'), { distance: 2 });
    expect([...labels]).toEqual(Array.from(labels, (_, i) => Math.floor(i / 100)));
    expect(() => linkageGraph(graph, 'average')).toThrow('Cannot link 20000 points');
  });

  it('cuts by number and by distance, as scikit-learn does', () => {
    const linkage = linkagePoints(Float64Array.of(0, 10, 1, 12, 30), 1, 'single');
    expect([...linkage.heights]).toEqual([1, 2, 9, 18]);
    expect([...cutLinkage(linkage, { clusters: 3 })]).toEqual([0, 1, 0, 1, 2]);
    expect([...cutLinkage(linkage, { clusters: 1 })]).toEqual([0, 0, 0, 0, 0]);
    expect([...cutLinkage(linkage, { clusters: 99 })]).toEqual([0, 1, 2, 3, 4]);
    expect([...cutLinkage(linkage, { distance: 2 })]).toEqual([0, 1, 0, 2, 3]);
    expect([...cutLinkage(linkage, { distance: 2.1 })]).toEqual([0, 1, 0, 1, 2]);
    expect([...cutLinkage(linkage, { distance: 0 })]).toEqual([0, 1, 2, 3, 4]);
  });

  it('takes no, one, two and equal points', () => {
    for (const how of LINKAGE_METHODS) {
      for (const count of [0, 1, 2, 40]) {
        const linkage = linkagePoints(new Float64Array(count * 2).fill(0.1), 2, how);
        validate(linkage);
        expect(linkage.heights.every((height) => height === 0)).toBe(true);
        expect([...cutLinkage(linkage, { clusters: 1 })]).toEqual(new Array(count).fill(0));
      }
    }
  });

  it('refuses what makes no sense, with both values', () => {
    const linkage = linkageDistances(new Float64Array(0), 1, 'single');
    expect(() => cutLinkage(linkage, { clusters: 0 })).toThrow(
      'of 1 rows: n_clusters is 0 where an integer of at least 1',
    );
    expect(() => cutLinkage(linkage, { distance: Number.NaN })).toThrow(
      'distance_threshold is NaN where a number of at least 0',
    );
    expect(() => linkagePoints(new Float64Array(16_002), 2, 'ward')).toThrow(
      'Cannot link 8001 points: their distances are all held, of at most 8000',
    );
    expect(() => linkagePoints(Float64Array.of(1, Number.NaN), 2, 'ward')).toThrow('coordinate 1 is NaN');
    expect(() => linkageGraph(new EdgeStore({ distances: true }).toGraph(2), 'ward')).toThrow(
      'linkage is ward, which needs points',
    );
    expect(() => linkageGraph(new EdgeStore().toGraph(2), 'single')).toThrow(
      'a graph of 2 nodes: its edges have no distances',
    );
  });
});
