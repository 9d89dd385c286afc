/**
 * A bench is a module `bench/<name>.ts` or `bench/<name>/main.ts` that exports `about` and `run`; `npm run bench -- <name>` finds it by its
 * file name.
 */
export interface BenchModule {
  /** One line: what is measured against what. */
  about: string;
  run(options: BenchOptions): Promise<BenchResult>;
}

export interface BenchOptions {
  /** A tenth of the work or less, to see that the bench works; its figures say little. */
  quick: boolean;
  /** Rounds; in each, every contender runs once. Medians are taken over them. */
  rounds: number;
  /** Show where the time goes, where the bench can. */
  profile: boolean;
  /** Folder for what the bench makes: data that is kept between runs, and outputs that are not. */
  folder: string;
  /** Arguments behind the name that the runner does not know. */
  rest: readonly string[];
  /** For people, on stderr. */
  log(line: string): void;
}

export interface BenchResult {
  tables: BenchTable[];
  /** What the figures are held to. */
  bars: Bar[];
  notes?: string[];
}

export interface BenchTable {
  title: string;
  head: readonly string[];
  rows: readonly (readonly string[])[];
}

export interface Bar {
  /** What is compared, with the bar: `both formats ≤ 2.2× bare COPY`. */
  name: string;
  /** What was found, with its unit. */
  found: string;
  met: boolean;
}

/** A bar on a number that is to be small. */
export function atMost(name: string, found: number, bar: number, unit = '×'): Bar {
  return { name: `${name} ≤ ${bar}${unit}`, found: `${figure(found)}${unit}`, met: found <= bar };
}

/** A bar on a number that is to be large. */
export function atLeast(name: string, found: number, bar: number, unit = '×'): Bar {
  return { name: `${name} ≥ ${bar}${unit}`, found: `${figure(found)}${unit}`, met: found >= bar };
}

/** Three digits that count; no exponent. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)));
  return value.toFixed(Math.min(digits, 3));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
