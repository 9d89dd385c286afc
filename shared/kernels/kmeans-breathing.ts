import { KMEANS_BREATH_TRIALS } from '../limits.ts';
import type { LloydRun } from './kmeans-lloyd.ts';
import type { Random } from './random.ts';

/** Points by parts: the mean and the number of the points of each. */
export interface Summary {
  readonly dimensions: number;
  readonly means: Float64Array;
  readonly weights: Float64Array;
}

/** A round of breathing must lower the inertia by this share at least, or it is none. */
const GAIN = 1e-5;

/**
 * Moves centres out of a poor optimum by breathing (Fritzke, The breathing k-means algorithm, 2020): some are added where they save most,
 * Lloyd's iterations settle them, as many are dropped where they cost least, and what is left settles again; each round that does not
 * better the inertia makes the next one smaller by one. What a centre saves or costs is estimated on the summary, with the centres
 * beside it moved to the means that they would then have.
 * @param settle Lloyd's iterations to their end.
 * @param breadth how many centres are added at once at first.
 */
export function breathe(
  start: LloydRun,
  settle: (centres: Float64Array) => LloydRun,
  summary: Summary,
  breadth: number,
  random: Random,
): LloydRun {
  const k = start.centres.length / summary.dimensions;
  const lungs = new Lungs(summary);
  let best = start;
  for (let m = Math.min(breadth, k, summary.weights.length - k); m > 0; ) {
    let centres = settle(lungs.withMore(best.centres, m, random)).centres;
    for (let i = 0; i < m; i++) centres = lungs.withoutOne(centres);
    const run = settle(centres);
    if (run.inertia < best.inertia * (1 - GAIN)) best = run;
    else m--;
  }
  return best;
}

/** The estimates, with their scratch memory: each part's squared distances from the nearest two centres. */
class Lungs {
  readonly #summary: Summary;
  readonly #first: Float64Array;
  readonly #second: Float64Array;
  readonly #nearest: Uint32Array;
  readonly #next: Uint32Array;
  readonly #running: Float64Array;

  constructor(summary: Summary) {
    const parts = summary.weights.length;
    this.#summary = summary;
    this.#first = new Float64Array(parts);
    this.#second = new Float64Array(parts);
    this.#nearest = new Uint32Array(parts);
    this.#next = new Uint32Array(parts);
    this.#running = new Float64Array(parts);
  }

  /** The centres and m more, each where it saves most among some parts drawn by D². */
  withMore(centres: Float64Array, m: number, random: Random): Float64Array {
    const { dimensions } = this.#summary;
    this.#measure(centres);
    const more = new Float64Array(centres.length + m * dimensions);
    more.set(centres);
    const at = new Float64Array(dimensions);
    const mean = new Float64Array(dimensions);
    for (let j = 0; j < m; j++) {
      const added = more.subarray(centres.length + j * dimensions, centres.length + (j + 1) * dimensions);
      let most = -1;
      const total = this.#runningSums();
      for (let trial = 0; trial < KMEANS_BREATH_TRIALS; trial++) {
        // One from each equal share of the sum, so that the trials do not crowd.
        this.#place(this.#partAt(((trial + random.uniform()) / KMEANS_BREATH_TRIALS) * total), at);
        for (let step = 0; step < 2; step++) {
          const saved = this.#saving(at, mean);
          if (saved > most) {
            most = saved;
            added.set(mean);
          }
          at.set(mean);
        }
      }
      this.#lower(added);
    }
    return more;
  }

  /** The centres without the one that costs least, those that take its points over moved to their means. */
  withoutOne(centres: Float64Array): Float64Array {
    const { dimensions: D, means, weights } = this.#summary;
    const k = centres.length / D;
    this.#measure(centres);
    const costs = new Float64Array(k);
    const counts = new Float64Array(k);
    // What each centre would hand over to each other one: weight and sums of coordinates.
    const handed = new Float64Array(k * k);
    const sums = new Float64Array(k * k * D);
    for (let i = 0; i < weights.length; i++) {
      const from = this.#nearest[i]!;
      const pair = from * k + this.#next[i]!;
      const weight = weights[i]!;
      costs[from]! += weight * (this.#second[i]! - this.#first[i]!);
      counts[from]! += weight;
      handed[pair]! += weight;
      for (let d = 0; d < D; d++) sums[pair * D + d]! += weight * means[i * D + d]!;
    }
    for (let from = 0; from < k; from++) {
      for (let to = 0; to < k; to++) {
        const pair = from * k + to;
        const weight = handed[pair]!;
        if (weight === 0) continue;
        let square = 0;
        for (let d = 0; d < D; d++) square += (sums[pair * D + d]! / weight - centres[to * D + d]!) ** 2;
        costs[from]! -= ((weight * weight) / (counts[to]! + weight)) * square;
      }
    }
    let dropped = 0;
    for (let c = 1; c < k; c++) if (costs[c]! < costs[dropped]!) dropped = c;
    const rest = new Float64Array(centres.length - D);
    for (let c = 0, at = 0; c < k; c++) {
      if (c === dropped) continue;
      const pair = dropped * k + c;
      const weight = handed[pair]!;
      const share = weight > 0 ? weight / (counts[c]! + weight) : 0;
      for (let d = 0; d < D; d++, at++) {
        const x = centres[c * D + d]!;
        rest[at] = share > 0 ? x + (sums[pair * D + d]! / weight - x) * share : x;
      }
    }
    return rest;
  }

  #measure(centres: Float64Array): void {
    const { dimensions: D, means, weights } = this.#summary;
    for (let i = 0; i < weights.length; i++) {
      let first = Number.POSITIVE_INFINITY;
      let second = Number.POSITIVE_INFINITY;
      let nearest = 0;
      let next = 0;
      for (let c = 0, j = 0; j < centres.length; c++) {
        let square = 0;
        for (let d = 0; d < D; d++, j++) {
          const difference = means[i * D + d]! - centres[j]!;
          square += difference * difference;
        }
        if (square < first) {
          second = first;
          next = nearest;
          first = square;
          nearest = c;
        } else if (square < second) {
          second = square;
          next = c;
        }
      }
      this.#first[i] = first;
      this.#second[i] = second;
      this.#nearest[i] = nearest;
      this.#next[i] = next;
    }
  }

  #runningSums(): number {
    let sum = 0;
    for (let i = 0; i < this.#running.length; i++) {
      sum += this.#first[i]! * this.#summary.weights[i]!;
      this.#running[i] = sum;
    }
    return sum;
  }

  /** The part at which the running sum passes r. */
  #partAt(r: number): number {
    let low = 0;
    let high = this.#running.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#running[middle]! > r) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #place(part: number, at: Float64Array): void {
    const { dimensions, means } = this.#summary;
    for (let d = 0; d < dimensions; d++) at[d] = means[part * dimensions + d]!;
  }

  /** What a centre at a place takes off the inertia once it is at the mean of what it gets, which is written to `mean`. */
  #saving(at: Float64Array, mean: Float64Array): number {
    const { dimensions: D, means, weights } = this.#summary;
    let saved = 0;
    let weight = 0;
    mean.fill(0);
    for (let i = 0; i < weights.length; i++) {
      let square = 0;
      for (let d = 0; d < D; d++) {
        const difference = means[i * D + d]! - at[d]!;
        square += difference * difference;
      }
      if (square >= this.#first[i]!) continue;
      const w = weights[i]!;
      saved += w * (this.#first[i]! - square);
      weight += w;
      for (let d = 0; d < D; d++) mean[d]! += w * means[i * D + d]!;
    }
    if (weight === 0) {
      mean.set(at);
      return 0;
    }
    let shift = 0;
    for (let d = 0; d < D; d++) {
      mean[d]! /= weight;
      shift += (mean[d]! - at[d]!) ** 2;
    }
    return saved + weight * shift;
  }

  #lower(centre: Float64Array): void {
    const { dimensions: D, means, weights } = this.#summary;
    for (let i = 0; i < weights.length; i++) {
      let square = 0;
      for (let d = 0; d < D; d++) {
        const difference = means[i * D + d]! - centre[d]!;
        square += difference * difference;
      }
      if (square < this.#first[i]!) this.#first[i] = square;
    }
  }
}
