import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bytesInTime, type Pace, planRangeBytes, slowest } from '../../../shared/domain/pace.ts';
import {
  LAMBDA_MAX_SECONDS,
  PACE_MIN_BYTES,
  PACE_MIN_MS,
  SPLIT_BYTES,
  SPLIT_MIN_BYTES,
} from '../../../shared/limits.ts';

const MB = 1e6;
const limits = { splitBytes: SPLIT_BYTES, taskSeconds: LAMBDA_MAX_SECONDS };
const paces = fc.record({ bytes: fc.integer({ min: 1, max: 1e12 }), ms: fc.integer({ min: 1, max: 1e7 }) });
const bytesOf = (pace?: Pace, asked: { splitBytes?: number; ofDataset?: number } = {}) =>
  planRangeBytes({ dataset: { splitBytes: asked.ofDataset }, splitBytes: asked.splitBytes }, pace, limits).bytes;

describe('planRangeBytes', () => {
  it('is the default where nothing is known', () => {
    expect(planRangeBytes({ dataset: {} }, undefined, limits)).toEqual({ bytes: SPLIT_BYTES, taskSeconds: 900 });
  });

  it('ends within a third of the time, or is as small as ranges get, and never above the default', () => {
    fc.assert(
      fc.property(paces, fc.integer({ min: 60, max: 900 }), (pace, taskSeconds) => {
        const { bytes } = planRangeBytes({ dataset: {} }, pace, { ...limits, taskSeconds });
        expect(bytes).toBeGreaterThanOrEqual(SPLIT_MIN_BYTES);
        expect(bytes).toBeLessThanOrEqual(SPLIT_BYTES);
        const seconds = bytes / (pace.bytes / pace.ms) / 1000;
        if (bytes > SPLIT_MIN_BYTES) expect(seconds).toBeLessThanOrEqual(taskSeconds / 3 + 1e-6);
        // Not smaller than it has to be: one more byte would be too slow, or more than the default.
        if (bytes > SPLIT_MIN_BYTES && bytes < SPLIT_BYTES) expect(bytesInTime(pace, taskSeconds)).toBe(bytes);
      }),
    );
  });

  it('follows the pace', () => {
    expect(bytesOf({ bytes: 200 * MB, ms: 1000_000 })).toBe(60 * MB);
    expect(bytesOf({ bytes: 100 * MB, ms: 1000_000 })).toBe(30 * MB);
  });

  it('leaves alone what the data set says', () => {
    expect(bytesOf({ bytes: 200 * MB, ms: 1000_000 }, { ofDataset: 1e9 })).toBe(1e9);
    expect(bytesOf(undefined, { ofDataset: 1000 })).toBe(1000);
  });

  it('is no larger than what a redrive found to be too large', () => {
    const slow = { bytes: 200 * MB, ms: 1000_000 };
    expect(bytesOf(slow, { splitBytes: 20 * MB })).toBe(20 * MB);
    expect(bytesOf(slow, { splitBytes: 90 * MB })).toBe(60 * MB);
    expect(bytesOf(slow, { splitBytes: 90 * MB, ofDataset: 1e9 })).toBe(90 * MB);
  });

  it('stays below the default where that is smaller than the smallest', () => {
    const { bytes } = planRangeBytes({ dataset: {} }, { bytes: 1, ms: 1e6 }, { ...limits, splitBytes: 1000 });
    expect(bytes).toBe(1000);
  });
});

describe('slowest', () => {
  it('leaves out what says nothing of the pace: little data, soon done', () => {
    expect(slowest([{ bytes: 1000, ms: 900 }])).toBeUndefined();
    expect(slowest([{ bytes: PACE_MIN_BYTES, ms: 0 }])).toBeUndefined();
    expect(slowest([{ bytes: 0, ms: 60_000 }])).toBeUndefined();
    const small = { bytes: 1000, ms: PACE_MIN_MS };
    const large = { bytes: PACE_MIN_BYTES, ms: 10 };
    expect(slowest([small])).toBe(small);
    expect(slowest([large])).toBe(large);
  });

  it('does not depend on the order of the tasks', () => {
    fc.assert(
      fc.property(fc.array(paces, { maxLength: 6 }), (all) => {
        const rate = (found: Pace | undefined) => found && found.bytes / found.ms;
        expect(rate(slowest([...all].reverse()))).toBe(rate(slowest(all)));
        for (const pace of all) {
          const found = slowest([pace]);
          if (found) expect(rate(slowest(all))!).toBeLessThanOrEqual(rate(found)!);
        }
      }),
    );
  });

  it('of ranges that it sized knows enough to size the next', () => {
    // Even ranges of at most the smallest size have more than half of it.
    expect(PACE_MIN_BYTES).toBeLessThanOrEqual(SPLIT_MIN_BYTES / 2);
  });
});
