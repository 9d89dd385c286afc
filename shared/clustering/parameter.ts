/** What one hyper-parameter takes: a value as JSON holds it, the default where none is given, and the words for what is expected. */
export interface Parameter<T> {
  readonly fallback: T;
  readonly expected: string;
  /** The value to work with, or undefined where the given one is none. */
  readonly read: (value: unknown) => T | undefined;
}

/** A number within bounds; a bound is in, unless `above` leaves the lower one out. */
export function number(
  fallback: number,
  bounds: { least?: number; above?: number; most?: number; infinite?: boolean } = {},
): Parameter<number> {
  const {
    least = Number.NEGATIVE_INFINITY,
    above = Number.NEGATIVE_INFINITY,
    most = Number.POSITIVE_INFINITY,
  } = bounds;
  const limits = [
    ...(above > Number.NEGATIVE_INFINITY ? [`above ${above}`] : []),
    ...(least > Number.NEGATIVE_INFINITY ? [`of at least ${least}`] : []),
    ...(most < Number.POSITIVE_INFINITY ? [`of at most ${most}`] : []),
  ];
  return {
    fallback,
    expected: `a ${bounds.infinite ? '' : 'finite '}number ${limits.join(' and ')}`.trim(),
    read(value) {
      // JSON has no infinity; Python's writes it as a bare word, which comes here as text.
      const x = bounds.infinite && (value === 'Infinity' || value === 'inf') ? Number.POSITIVE_INFINITY : value;
      if (typeof x !== 'number' || Number.isNaN(x) || (x === Number.POSITIVE_INFINITY && !bounds.infinite))
        return undefined;
      return x >= least && x > above && x <= most ? x : undefined;
    },
  };
}

/** A whole number of at least `least`. */
export function whole(fallback: number, least: number, most = Number.MAX_SAFE_INTEGER): Parameter<number> {
  const upTo = most < Number.MAX_SAFE_INTEGER ? ` of ${least} to ${most}` : ` of at least ${least}`;
  return {
    fallback,
    expected: `an integer${upTo}`,
    read: (value) =>
      typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most ? value : undefined,
  };
}

/** A whole number of at least `least`, or a share of the rows: scikit-learn's rule, where 1.0 cannot be told from 1 in JSON and is refused. */
export function wholeOrShare(fallback: number, least: number): Parameter<number> {
  return {
    fallback,
    expected: `an integer of at least ${least}, or a share of the rows above 0 and below 1`,
    read(value) {
      if (typeof value !== 'number') return undefined;
      if (value > 0 && value < 1) return value;
      return Number.isInteger(value) && value >= least ? value : undefined;
    },
  };
}

export function flag(fallback: boolean): Parameter<boolean> {
  return { fallback, expected: 'true or false', read: (value) => (typeof value === 'boolean' ? value : undefined) };
}

/** One of some words. */
export function choice<T extends string>(fallback: T, ...others: T[]): Parameter<T> {
  const words = [fallback, ...others];
  const expected = words.length === 1 ? fallback : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
  return { fallback, expected, read: (value) => words.find((word) => word === value) };
}

/** What another parameter takes, or null, which is the default where `fallback` says so. */
export function optional<T>(inner: Parameter<T>, fallback: T | null = null): Parameter<T | null> {
  return {
    fallback,
    expected: `${inner.expected} or null`,
    read: (value) => (value === null ? null : inner.read(value)),
  };
}
