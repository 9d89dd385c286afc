import { describe, expect, it } from '@jest/globals';
import { chooseK, type KFit } from '../../../shared/clustering/choose-k.ts';

const made = (k: number, inertia: number, mean?: number): KFit => ({
  k,
  inertia,
  ...(mean === undefined ? {} : { silhouette: { mean, method: 'exact', interval: [mean, mean] } }),
});
const curve = [made(1, 100), made(2, 40, 0.5), made(3, 12, 0.8), made(4, 9, 0.8), made(5, 7, 0.1)];

describe('the number of clusters', () => {
  it('is that of the greatest silhouette, of equal ones the least', () => {
    expect(chooseK(curve, 'silhouette')).toEqual({
      k: 3,
      elbow: 3,
      silhouette: 3,
      reason: 'The mean silhouette over k = 1 … 5 is greatest at 3: 0.800',
    });
  });

  it('is where the inertia bends most, if that is asked for and it does', () => {
    expect(chooseK([made(1, 100), made(2, 10, 0.1), made(3, 9, 0.9)], 'elbow')).toMatchObject({ k: 2, silhouette: 3 });
    const straight = [made(1, 100), made(2, 50, 0.1), made(3, 0, 0.9)];
    const { k, reason } = chooseK(straight, 'elbow');
    expect(k).toBe(3);
    expect(reason).toMatch(/^The inertia has no elbow; the mean silhouette/);
  });

  it('is what was given, as far as there are points', () => {
    expect(chooseK(curve, 'silhouette', 4)).toMatchObject({ k: 4, reason: 'n_clusters was given: 4' });
    expect(chooseK(curve.slice(0, 2), 'silhouette', 12)).toMatchObject({
      k: 2,
      reason: 'n_clusters was given as 12, but there are 2 different points',
    });
  });

  it('is one where nothing can be told apart, and none where there is nothing', () => {
    expect(chooseK([made(1, 0)], 'silhouette')).toMatchObject({ k: 1, elbow: undefined, silhouette: undefined });
    expect(chooseK([], 'silhouette')).toMatchObject({ k: 0, reason: 'There is no point to cluster' });
    expect(chooseK([made(1, 5), made(2, 0, Number.NaN)], 'silhouette').k).toBe(1);
  });
});
