import { OPTICS_XI } from '../limits.ts';
import { type Optics, rowsOf } from './optics.ts';

/** scikit-learn's names: `xi`, `min_cluster_size`, `predecessor_correction`. */
export interface XiOptions {
  xi?: number;
  /** Rows of a cluster at least, or a share of all below 1; `min_samples` where nothing is said. */
  minClusterSize?: number;
  predecessorCorrection?: boolean;
}

/**
 * Clusters as DBSCAN would find them for a radius, up to border points; in the order of the OPTICS plot, −1 for noise.
 * @param eps at most the `max_eps` of the ordering.
 */
export function opticsDbscan(optics: Optics, eps: number): Int32Array {
  const { ordering, reachability, coreDistances } = optics;
  if (!(eps >= 0)) throw new RangeError(`Cannot cut OPTICS: eps is ${eps} where at least 0 is expected`);
  const labels = new Int32Array(ordering.length);
  let cluster = -1;
  for (const row of ordering) {
    const far = reachability[row]! > eps;
    const core = coreDistances[row]! <= eps;
    if (far && core) cluster++;
    labels[row] = far && !core ? -1 : cluster;
  }
  return labels;
}

/**
 * Clusters between steep slopes of the reachability plot (the ξ method: Ankerst and others, 1999, section 4.3 and figure 19), with
 * the predecessor correction of Schubert and Gertz (Improving the cluster structure extracted from OPTICS plots, 2018) and
 * scikit-learn's readings of both. Of nested clusters the innermost give the labels; −1 for rows in none.
 * @throws RangeError for an `xi` outside 0 … 1 and a `minClusterSize` that is none.
 */
export function opticsXi(optics: Optics, options: XiOptions = {}): Int32Array {
  const { ordering } = optics;
  const { xi = OPTICS_XI, minClusterSize = optics.minSamples, predecessorCorrection = true } = options;
  if (!(xi >= 0 && xi <= 1)) throw new RangeError(`Cannot cut OPTICS: xi is ${xi} where 0 to 1 is expected`);
  if (!((minClusterSize > 0 && minClusterSize < 1) || (Number.isInteger(minClusterSize) && minClusterSize >= 2))) {
    throw new RangeError(
      `Cannot cut OPTICS: min_cluster_size is ${minClusterSize} where an integer of at least 2, or a share below 1, is expected`,
    );
  }
  const least = rowsOf(minClusterSize, ordering.length);
  const labels = new Int32Array(ordering.length).fill(-1);
  let cluster = 0;
  for (const [from, to] of xiClusters(optics, xi, least, predecessorCorrection)) {
    let bare = true;
    for (let i = from; bare && i <= to; i++) bare = labels[ordering[i]!]! < 0;
    if (!bare) continue;
    for (let i = from; i <= to; i++) labels[ordering[i]!] = cluster;
    cluster++;
  }
  return labels;
}

/** A steep slope down: its first and last position, and the highest reachability since (the paper's maximum in between). */
interface SteepDown {
  readonly start: number;
  readonly end: number;
  between: number;
}

/** First and last positions of clusters in the ordering, inner ones before outer ones. */
function xiClusters(optics: Optics, xi: number, least: number, correction: boolean): [number, number][] {
  const { minSamples } = optics;
  const { plot, positions } = plotOf(optics);
  const count = plot.length - 1;
  const keep = 1 - xi;
  const ratio = (i: number) => plot[i]! / plot[i + 1]!;
  const steepUp = (i: number) => ratio(i) <= keep;
  const steepDown = (i: number) => ratio(i) >= 1 / keep;
  const down = (i: number) => ratio(i) > 1;
  const up = (i: number) => ratio(i) < 1;
  const clusters: [number, number][] = [];
  let slopes: SteepDown[] = [];
  let index = 0;
  let between = 0;
  for (let at = 0; at < count; at++) {
    if (at < index || !(steepUp(at) || steepDown(at))) continue;
    for (let i = index; i <= at; i++) between = Math.max(between, plot[i]!);
    slopes = between === Number.POSITIVE_INFINITY ? [] : slopes.filter(({ start }) => between <= plot[start]! * keep);
    for (const slope of slopes) slope.between = Math.max(slope.between, between);
    if (steepDown(at)) {
      const end = endOfSlope(count, at, steepDown, up, minSamples);
      slopes.push({ start: at, end, between: 0 });
      index = end + 1;
      between = plot[index]!;
      continue;
    }
    const end = endOfSlope(count, at, steepUp, down, minSamples);
    index = end + 1;
    between = plot[index]!;
    const found: [number, number][] = [];
    for (const slope of slopes) {
      if (plot[end + 1]! * keep < slope.between) continue;
      const cut = levelled(plot, slope, at, end, keep);
      const cluster = correction ? corrected(optics, plot, positions, cut) : cut;
      if (cluster === undefined) continue;
      const [from, to] = cluster;
      if (to - from + 1 >= least && from <= slope.end && to >= at) found.push(cluster);
    }
    clusters.push(...found.reverse());
  }
  return clusters;
}

/** Reachability in the order of the plot, closed by an infinite one, and where each row stands in it. */
function plotOf({ ordering, reachability }: Optics): { plot: Float64Array; positions: Uint32Array } {
  const plot = new Float64Array(ordering.length + 1).fill(Number.POSITIVE_INFINITY);
  const positions = new Uint32Array(ordering.length);
  for (let i = 0; i < ordering.length; i++) {
    plot[i] = reachability[ordering[i]!]!;
    positions[ordering[i]!] = i;
  }
  return { plot, positions };
}

/** The last steep position of the slope that begins at `start`: few flat ones may lie between, and none that goes back. */
function endOfSlope(
  count: number,
  start: number,
  steep: (i: number) => boolean,
  back: (i: number) => boolean,
  minSamples: number,
): number {
  let flat = 0;
  let end = start;
  for (let i = start; i < count; i++) {
    if (steep(i)) {
      flat = 0;
      end = i;
    } else if (back(i)) break;
    else if (++flat > minSamples) break;
  }
  return end;
}

/** The paper's criterion 4: both ends of a cluster at about the same height. */
function levelled(
  plot: Float64Array,
  slope: SteepDown,
  upStart: number,
  upEnd: number,
  keep: number,
): [number, number] {
  let from = slope.start;
  let to = upEnd;
  const left = plot[slope.start]!;
  const right = plot[upEnd + 1]!;
  if (left * keep >= right) while (plot[from + 1]! > right && from < slope.end) from++;
  else if (right * keep >= left) while (plot[to - 1]! > left && to > upStart) to--;
  return [from, to];
}

/** Without rows at the end that were reached from outside of the cluster. */
function corrected(
  { ordering, predecessors }: Optics,
  plot: Float64Array,
  positions: Uint32Array,
  [from, end]: [number, number],
): [number, number] | undefined {
  for (let to = end; from < to; to--) {
    if (plot[from]! > plot[to]!) return [from, to];
    const predecessor = predecessors[ordering[to]!]!;
    if (predecessor < 0) continue;
    const position = positions[predecessor]!;
    if (position >= from && position < to) return [from, to];
  }
  return undefined;
}
