import { DBSCAN_MIN_SAMPLES } from '../limits.ts';
import type { NeighbourGraph } from './edge-store.ts';
import { UnionFind } from './union-find.ts';

export interface Dbscan {
  /** The cluster of each row, numbered by their first core points; −1 for noise. */
  readonly labels: Int32Array;
  /** 1 for core points. */
  readonly core: Uint8Array;
  readonly clusters: number;
  /** Rows in no cluster. */
  readonly noise: number;
}

/**
 * DBSCAN (Ester, Kriegel, Sander and Xu, A density-based algorithm for discovering clusters, KDD 1996) on a graph whose
 * edges are the pairs within eps. A node is a core point where it has `minSamples` neighbours, itself among them; the
 * clusters are the components of the core points. Numbering and borders are scikit-learn's: clusters in the order of their first
 * core points, a border point in the first of the clusters that reach it.
 * @throws RangeError for a `minSamples` that is no integer of at least 1.
 */
export function dbscanGraph(graph: NeighbourGraph, minSamples = DBSCAN_MIN_SAMPLES): Dbscan {
  checkMinSamples(minSamples);
  const { nodes, offsets, targets } = graph;
  const neighbours = new Uint32Array(nodes).fill(1);
  for (let i = 0; i < nodes; i++) {
    neighbours[i]! += offsets[i + 1]! - offsets[i]!;
    for (let e = offsets[i]!; e < offsets[i + 1]!; e++) neighbours[targets[e]!]!++;
  }
  const core = new Uint8Array(nodes);
  for (let i = 0; i < nodes; i++) if (neighbours[i]! >= minSamples) core[i] = 1;
  const sets = new UnionFind(nodes);
  for (let i = 0; i < nodes; i++) {
    if (core[i] === 0) continue;
    for (let e = offsets[i]!; e < offsets[i + 1]!; e++) if (core[targets[e]!] === 1) sets.union(i, targets[e]!);
  }
  const labels = new Int32Array(nodes).fill(-1);
  let clusters = 0;
  for (let i = 0; i < nodes; i++) {
    if (core[i] === 0) continue;
    // A set's name is its least member, which was numbered before all others of it.
    const first = sets.find(i);
    labels[i] = first === i ? clusters++ : labels[first]!;
  }
  const reach = (from: number, to: number) => {
    const label = labels[from]!;
    if (labels[to]! < 0 || label < labels[to]!) labels[to] = label;
  };
  for (let i = 0; i < nodes; i++) {
    for (let e = offsets[i]!; e < offsets[i + 1]!; e++) {
      const j = targets[e]!;
      if (core[i] === 1 && core[j] === 0) reach(i, j);
      else if (core[i] === 0 && core[j] === 1) reach(j, i);
    }
  }
  return { labels, core, clusters, noise: countNoise(labels) };
}

/** @throws RangeError for what is no integer of at least 1. */
export function checkMinSamples(minSamples: number): void {
  if (!Number.isInteger(minSamples) || minSamples < 1) {
    throw new RangeError(`Cannot run DBSCAN: min_samples is ${minSamples} where an integer of at least 1 is expected`);
  }
}

export function countNoise(labels: Int32Array): number {
  let noise = 0;
  for (const label of labels) if (label < 0) noise++;
  return noise;
}
