import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { buildKdTree, validateKdTree } from '../../../shared/kernels/kd-tree.ts';
import { random } from '../../../shared/kernels/random.ts';

function uniform(count: number, dimensions: number): Float64Array {
  const source = random(1);
  return Float64Array.from({ length: count * dimensions }, () => source.uniform());
}

describe('buildKdTree', () => {
  it.each([1, 2, 15, 16, 17, 100, 5_000])('holds %i points', (count) => {
    for (const dimensions of [1, 2, 3, 4]) validateKdTree(buildKdTree(uniform(count, dimensions), dimensions));
  });

  it('holds equal points, points on a line and on a grid', () => {
    validateKdTree(buildKdTree(new Float64Array(2_000).fill(3.5), 2));
    validateKdTree(
      buildKdTree(
        Float64Array.from({ length: 2_000 }, (_, i) => (i % 2 === 0 ? i : 7)),
        2,
      ),
    );
    validateKdTree(
      buildKdTree(
        Float64Array.from({ length: 2_000 }, (_, i) => (i >> 1) % (i % 2 === 0 ? 5 : 3)),
        2,
      ),
    );
  });

  it('knows the mean and scatter of every node', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: 1e6, max: 1e6 + 9 })), {
          minLength: 1,
          maxLength: 200,
        }),
        (rows) => {
          const tree = buildKdTree(Float64Array.from(rows.flat()), 2);
          for (let node = 0; node < tree.nodes; node++) {
            const own = tree.points.subarray(tree.starts[node]! * 2, tree.ends[node]! * 2);
            const n = own.length / 2;
            const mean = [0, 1].map((d) => own.reduce((sum, x, i) => sum + (i % 2 === d ? x : 0), 0) / n);
            const scatter = own.reduce((sum, x, i) => sum + (x - mean[i % 2]!) ** 2, 0);
            expect(tree.means[node * 2]).toBeCloseTo(mean[0]!, 9);
            expect(tree.means[node * 2 + 1]).toBeCloseTo(mean[1]!, 6);
            expect(tree.scatters[node]).toBeCloseTo(scatter, 6);
          }
        },
      ),
      { numRuns: 50 },
    );
  });

  it('gives equal points a scatter of exactly zero', () => {
    const tree = buildKdTree(new Float64Array(300).fill(0.1), 3);
    expect(tree.scatters.every((scatter) => scatter === 0)).toBe(true);
  });

  it('builds the same tree in shared memory', () => {
    const points = uniform(500, 3);
    const tree = buildKdTree(points, 3);
    const shared = buildKdTree(points, 3, { shared: true });
    expect(shared.points.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect([...shared.points]).toEqual([...tree.points]);
    expect([...shared.rights]).toEqual([...tree.rights]);
  });
});
