import { describe, expect, it } from '@jest/globals';
import { breathe, type Summary } from '../../../shared/kernels/kmeans-breathing.ts';
import { flatAssigner } from '../../../shared/kernels/kmeans-flat.ts';
import { type LloydRun, settle } from '../../../shared/kernels/kmeans-lloyd.ts';
import { random } from '../../../shared/kernels/random.ts';

/** Tight groups of 20 points on a line, at 0, 10, 20 … */
function groups(count: number): Float64Array {
  return Float64Array.from({ length: count * 20 }, (_, i) => Math.floor(i / 20) * 10 + (i % 20) * 0.01);
}

function summaryOf(points: Float64Array): Summary {
  return { dimensions: 1, means: points, weights: new Float64Array(points.length).fill(1) };
}

describe('breathe', () => {
  const points = groups(8);
  const assigner = flatAssigner(points, 1);
  const settled = (centres: Float64Array): LloydRun => settle(assigner, centres, 1e-9, 100);

  it('moves a centre from where two share a group to where one has two', () => {
    // Lloyd's iterations alone are stuck with these.
    const start = settled(Float64Array.of(0, 0.15, 10, 25, 40, 50, 60, 70));
    expect(start.inertia).toBeGreaterThan(500);
    const found = breathe(start, settled, summaryOf(points), 2, random(1));
    expect(found.inertia).toBeLessThan(1);
    expect([...found.centres].map(Math.round).sort((a, b) => a - b)).toEqual([0, 10, 20, 30, 40, 50, 60, 70]);
  });

  it('leaves the best as it is, and draws the same for the same seed', () => {
    const best = settled(Float64Array.of(0, 10, 20, 30, 40, 50, 60, 70));
    expect(breathe(best, settled, summaryOf(points), 3, random(1))).toBe(best);
    const poor = settled(Float64Array.of(0, 0.1, 0.2, 10));
    expect(breathe(poor, settled, summaryOf(points), 2, random(5))).toEqual(
      breathe(poor, settled, summaryOf(points), 2, random(5)),
    );
  });

  it('needs more parts than centres to add any', () => {
    const few = Float64Array.of(1, 2, 5);
    const run = settle(flatAssigner(few, 1), few, 0, 10);
    expect(breathe(run, settled, summaryOf(few), 2, random(1))).toBe(run);
  });
});
