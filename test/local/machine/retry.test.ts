import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { StateFailure } from '../../../local/machine/failure.ts';
import { guardFor, retrierFor, retryDelaySeconds } from '../../../local/machine/retry.ts';

const failure = (name: string, terminal = false) => new StateFailure(name, '', terminal);

describe('guardFor', () => {
  it.each([
    ['ObjectStoreBusy', ['ObjectStoreBusy'], true],
    ['ObjectStoreBusy', ['CatalogConflict', 'ObjectStoreBusy'], true],
    ['ObjectStoreBusy', ['objectstorebusy'], false],
    ['BadInput', ['States.ALL'], true],
    ['States.Timeout', ['States.ALL'], true],
    ['BadInput', ['States.TaskFailed'], true],
    ['StepFunctions.ThrottlingException', ['States.TaskFailed'], true],
    ['States.Timeout', ['States.TaskFailed'], false],
    ['States.Timeout', ['States.Timeout'], true],
  ])('%s is taken in by %j: %s', (name, names, expected) => {
    expect(guardFor([{ ErrorEquals: names }], failure(name)) === 0).toBe(expected);
  });

  it('takes the first in order', () => {
    const guards = [{ ErrorEquals: ['A'] }, { ErrorEquals: ['B'] }, { ErrorEquals: ['States.ALL'] }];
    expect([...'ABC'].map((name) => guardFor(guards, failure(name)))).toEqual([0, 1, 2]);
  });

  it('lets a terminal failure through, whatever it is named', () => {
    const guards = [{ ErrorEquals: ['States.DataLimitExceeded'] }, { ErrorEquals: ['States.ALL'] }];
    expect(guardFor(guards, failure('States.DataLimitExceeded', true))).toBeUndefined();
  });
});

describe('retrierFor', () => {
  it('counts each retrier by itself, and asks no later one when the first to match is used up', () => {
    const retriers = [
      { ErrorEquals: ['A'], MaxAttempts: 2 },
      { ErrorEquals: ['B'], MaxAttempts: 1 },
      { ErrorEquals: ['States.ALL'], MaxAttempts: 9 },
    ];
    const used = [0, 0, 0];
    const tried = ['A', 'B', 'A', 'B', 'A'].map((name) => retrierFor(retriers, failure(name), used));
    expect(tried).toEqual([0, 1, 0, undefined, undefined]);
    expect(used).toEqual([2, 1, 0]);
  });

  it('makes three attempts where a retrier does not say, and none where it says 0', () => {
    const used = [0];
    const attempts = [1, 2, 3, 4].map(() => retrierFor([{ ErrorEquals: ['A'] }], failure('A'), used));
    expect(attempts).toEqual([0, 0, 0, undefined]);
    expect(retrierFor([{ ErrorEquals: ['A'], MaxAttempts: 0 }], failure('A'), [0])).toBeUndefined();
  });
});

describe('retryDelaySeconds', () => {
  it('grows by the rate up to the largest delay', () => {
    const retrier = { ErrorEquals: ['A'], IntervalSeconds: 3, BackoffRate: 2, MaxDelaySeconds: 20 };
    expect([1, 2, 3, 4, 5].map((attempt) => retryDelaySeconds(retrier, attempt, () => 0.5))).toEqual([
      3, 6, 12, 20, 20,
    ]);
  });

  it('is 1, 2, 4 … seconds where a retrier does not say', () => {
    expect([1, 2, 3].map((attempt) => retryDelaySeconds({ ErrorEquals: ['A'] }, attempt, () => 0))).toEqual([1, 2, 4]);
  });

  it('with full jitter lies anywhere between nothing and the delay without', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 30 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (s, n, r) => {
          const plain = { ErrorEquals: ['A'], IntervalSeconds: s, MaxDelaySeconds: 90 };
          const whole = retryDelaySeconds(plain, n, () => r);
          const drawn = retryDelaySeconds({ ...plain, JitterStrategy: 'FULL' as const }, n, () => r);
          expect(drawn).toBeCloseTo(whole * r, 9);
          expect(drawn).toBeLessThanOrEqual(whole);
        },
      ),
    );
  });
});
