import { elbow } from '../kernels/elbow.ts';

/** What was found of one k. */
export interface KFit {
  k: number;
  inertia: number;
  /** Undefined where it has none: one cluster, or as many as points. */
  silhouette?: { mean: number; method: 'exact' | 'sampled'; interval: readonly [number, number] };
}

export interface KChoice {
  k: number;
  /** The k of the inertia's elbow, where it has one. */
  elbow: number | undefined;
  /** The k of the greatest silhouette, where there is one. */
  silhouette: number | undefined;
  /** A sentence for people. */
  reason: string;
}

/**
 * The number of clusters: the one that was asked for; else, by `silhouette`, that of the greatest mean silhouette (of equal ones the
 * least k), or by `elbow` where the inertia's curve bends most. Where there is neither, all points are one cluster.
 * @param fits in ascending order of k.
 */
export function chooseK(fits: readonly KFit[], by: 'silhouette' | 'elbow', fixed?: number): KChoice {
  const bent = elbow(
    fits.map(({ k }) => k),
    fits.map(({ inertia }) => inertia),
  );
  const elbowK = bent.position === undefined ? undefined : fits[bent.position]!.k;
  let best: (KFit & { silhouette: NonNullable<KFit['silhouette']> }) | undefined;
  for (const fit of fits) {
    const { silhouette } = fit;
    if (silhouette && Number.isFinite(silhouette.mean) && !(silhouette.mean <= (best?.silhouette.mean ?? -2))) {
      best = { ...fit, silhouette };
    }
  }
  const found = { elbow: elbowK, silhouette: best?.k };
  const span = `k = ${fits[0]?.k ?? 1} … ${fits.at(-1)?.k ?? 1}`;
  if (fixed !== undefined) {
    const made = fits.find(({ k }) => k === fixed) ?? fits.at(-1);
    const k = made?.k ?? 0;
    const reason =
      k === fixed
        ? `n_clusters was given: ${fixed}`
        : `n_clusters was given as ${fixed}, but there are ${k} different points`;
    return { k, ...found, reason };
  }
  if (by === 'elbow' && elbowK !== undefined) {
    return {
      k: elbowK,
      ...found,
      reason: `The inertia's elbow over ${span} is at ${elbowK}, farthest below the chord`,
    };
  }
  if (best) {
    const estimated = best.silhouette.method === 'sampled' ? ', estimated from a sample' : '';
    const lack = by === 'elbow' ? 'The inertia has no elbow; ' : '';
    const reason = `${lack}${lack ? 'the' : 'The'} mean silhouette over ${span} is greatest at ${best.k}: ${best.silhouette.mean.toFixed(3)}${estimated}`;
    return { k: best.k, ...found, reason };
  }
  const k = fits[0]?.k ?? 0;
  const reason = k === 0 ? 'There is no point to cluster' : 'No two clusters can be told apart: all points are one';
  return { k, ...found, reason };
}
