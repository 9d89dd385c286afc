import type { KdTree } from './kd-tree.ts';

/** One assignment of all points to their nearest centres. */
export interface Assignment {
  /** Points of each centre. */
  readonly counts: Float64Array;
  /** The sums of the coordinates of each centre's points. */
  readonly sums: Float64Array;
  /** Sum of the squared distances of all points from their centres; only where it was asked for. */
  readonly inertia: number;
  /** How many points have another label than before; only where labels were given. */
  readonly changed: number;
}

/** Assigns all points to the nearest of the centres, ties to the lowest number. */
export interface Assigner {
  /**
   * @param centres flat coordinates, in the frame of the points.
   * @param measure whether to sum up the inertia.
   * @param labels where to write the label of each point, in the order of the assigner's points.
   * @returns arrays that the next call overwrites.
   */
  assign(centres: Float64Array, measure: boolean, labels?: Int32Array): Assignment;
}

/**
 * k-means' assignment by filtering (Kanungo, Mount, Netanyahu, Piatko, Silverman and Wu, An efficient k-means clustering
 * algorithm: analysis and implementation, IEEE TPAMI 24(7), 2002): centres descend the tree together, each box drops those
 * that no point of it can be nearest to, and a box with one centre left is assigned whole. For 1 to 4 dimensions.
 * @param wholePoints boxes of at most so many points go whole to the centre nearest to their mean; 0 for the exact assignment.
 */
export function filterAssigner(tree: KdTree, wholePoints = 0): Assigner {
  const { dimensions: D, points, boxes, means, scatters, starts, ends, rights } = tree;
  const depth = depthOf(tree);
  let k = 0;
  let C = new Float64Array(0);
  let counts = new Float64Array(0);
  let sums = new Float64Array(0);
  let norms = new Float64Array(0);
  // Each level of the recursion appends at most k candidates behind its parent's, and there are at most depth + 1 levels.
  let candidates = new Uint32Array(0);
  let labels: Int32Array | undefined;
  let measure = false;
  let inertia = 0;
  let changed = 0;

  function relabel(from: number, to: number, label: number): void {
    for (let i = from; i < to; i++) {
      if (labels![i] !== label) {
        labels![i] = label;
        changed++;
      }
    }
  }

  /** All points of a node are nearest to centre z. */
  function takeNode(node: number, z: number): void {
    const weight = ends[node]! - starts[node]!;
    const m = node * D;
    const c = z * D;
    counts[z]! += weight;
    for (let d = 0; d < D; d++) sums[c + d]! += weight * means[m + d]!;
    if (measure) {
      let square = 0;
      for (let d = 0; d < D; d++) {
        const difference = means[m + d]! - C[c + d]!;
        square += difference * difference;
      }
      inertia += scatters[node]! + weight * square;
    }
    if (labels !== undefined) relabel(starts[node]!, ends[node]!, z);
  }

  /** The points of a leaf one by one, among the candidates `from … to`, which are in ascending order. */
  function takeLeaf(node: number, from: number, to: number): void {
    for (let i = starts[node]!, end = ends[node]!; i < end; i++) {
      const p = i * D;
      const p0 = points[p]!;
      const p1 = D > 1 ? points[p + 1]! : 0;
      const p2 = D > 2 ? points[p + 2]! : 0;
      const p3 = D > 3 ? points[p + 3]! : 0;
      let nearest = 0;
      let least = Number.POSITIVE_INFINITY;
      for (let a = from; a < to; a++) {
        const candidate = candidates[a]!;
        const c = candidate * D;
        const t0 = p0 - C[c]!;
        let square = t0 * t0;
        if (D > 1) {
          const t1 = p1 - C[c + 1]!;
          square += t1 * t1;
          if (D > 2) {
            const t2 = p2 - C[c + 2]!;
            square += t2 * t2;
            if (D > 3) {
              const t3 = p3 - C[c + 3]!;
              square += t3 * t3;
            }
          }
        }
        if (square < least) {
          least = square;
          nearest = candidate;
        }
      }
      const c = nearest * D;
      counts[nearest]!++;
      sums[c]! += p0;
      if (D > 1) sums[c + 1]! += p1;
      if (D > 2) sums[c + 2]! += p2;
      if (D > 3) sums[c + 3]! += p3;
      if (measure) inertia += least;
      if (labels !== undefined) relabel(i, i + 1, nearest);
    }
  }

  function descend(node: number, from: number, to: number): void {
    const b = node * 2 * D;
    // Absent dimensions are boxes and centres at zero.
    const l0 = boxes[b]!;
    const h0 = boxes[b + D]!;
    let l1 = 0;
    let h1 = 0;
    let l2 = 0;
    let h2 = 0;
    let l3 = 0;
    let h3 = 0;
    if (D > 1) {
      l1 = boxes[b + 1]!;
      h1 = boxes[b + D + 1]!;
      if (D > 2) {
        l2 = boxes[b + 2]!;
        h2 = boxes[b + D + 2]!;
        if (D > 3) {
          l3 = boxes[b + 3]!;
          h3 = boxes[b + D + 3]!;
        }
      }
    }
    const w0 = 0.5 * (l0 + h0);
    const w1 = 0.5 * (l1 + h1);
    const w2 = 0.5 * (l2 + h2);
    const w3 = 0.5 * (l3 + h3);
    let z = candidates[from]!;
    let least = Number.POSITIVE_INFINITY;
    for (let a = from; a < to; a++) {
      const candidate = candidates[a]!;
      const c = candidate * D;
      const t0 = w0 - C[c]!;
      let square = t0 * t0;
      if (D > 1) {
        const t1 = w1 - C[c + 1]!;
        square += t1 * t1;
        if (D > 2) {
          const t2 = w2 - C[c + 2]!;
          square += t2 * t2;
          if (D > 3) {
            const t3 = w3 - C[c + 3]!;
            square += t3 * t3;
          }
        }
      }
      if (square < least) {
        least = square;
        z = candidate;
      }
    }
    const zc = z * D;
    const z0 = C[zc]!;
    const z1 = D > 1 ? C[zc + 1]! : 0;
    const z2 = D > 2 ? C[zc + 2]! : 0;
    const z3 = D > 3 ? C[zc + 3]! : 0;
    const zNorm = norms[z]!;
    let kept = to;
    for (let a = from; a < to; a++) {
      const candidate = candidates[a]!;
      if (candidate === z) {
        candidates[kept++] = z;
        continue;
      }
      const c = candidate * D;
      // |x − c|² − |x − z|² is linear in x, so that its least value over the box is at a corner.
      const g0 = 2 * (z0 - C[c]!);
      let lead = norms[candidate]! - zNorm + g0 * (g0 >= 0 ? l0 : h0);
      if (D > 1) {
        const g1 = 2 * (z1 - C[c + 1]!);
        lead += g1 * (g1 >= 0 ? l1 : h1);
        if (D > 2) {
          const g2 = 2 * (z2 - C[c + 2]!);
          lead += g2 * (g2 >= 0 ? l2 : h2);
          if (D > 3) {
            const g3 = 2 * (z3 - C[c + 3]!);
            lead += g3 * (g3 >= 0 ? l3 : h3);
          }
        }
      }
      if (lead < 0 || (lead === 0 && candidate < z)) candidates[kept++] = candidate;
    }
    if (kept === to + 1) {
      takeNode(node, z);
      return;
    }
    if (ends[node]! - starts[node]! <= wholePoints) {
      takeNode(node, nearestToMean(node, to, kept));
      return;
    }
    const right = rights[node]!;
    if (right === 0) {
      takeLeaf(node, to, kept);
      return;
    }
    descend(node + 1, to, kept);
    descend(right, to, kept);
  }

  /** The centre nearest to the mean of a node, among the candidates `from … to`. */
  function nearestToMean(node: number, from: number, to: number): number {
    const m = node * D;
    let nearest = candidates[from]!;
    let least = Number.POSITIVE_INFINITY;
    for (let a = from; a < to; a++) {
      const candidate = candidates[a]!;
      const c = candidate * D;
      const t0 = means[m]! - C[c]!;
      let square = t0 * t0;
      if (D > 1) {
        const t1 = means[m + 1]! - C[c + 1]!;
        square += t1 * t1;
        if (D > 2) {
          const t2 = means[m + 2]! - C[c + 2]!;
          square += t2 * t2;
          if (D > 3) {
            const t3 = means[m + 3]! - C[c + 3]!;
            square += t3 * t3;
          }
        }
      }
      if (square < least) {
        least = square;
        nearest = candidate;
      }
    }
    return nearest;
  }

  return {
    assign(centres, measured, labelled) {
      if (centres.length !== k * D) {
        k = centres.length / D;
        counts = new Float64Array(k);
        sums = new Float64Array(k * D);
        norms = new Float64Array(k);
        candidates = new Uint32Array(k * (depth + 2));
      }
      C = centres as Float64Array<ArrayBuffer>;
      counts.fill(0);
      sums.fill(0);
      for (let c = 0; c < k; c++) {
        candidates[c] = c;
        let norm = 0;
        for (let d = 0; d < D; d++) norm += C[c * D + d]! * C[c * D + d]!;
        norms[c] = norm;
      }
      measure = measured;
      labels = labelled;
      inertia = 0;
      changed = 0;
      descend(0, 0, k);
      return { counts, sums, inertia, changed };
    },
  };
}

/** Levels below the root: splits at the middle halve the count, rounded up, until it fits a leaf. */
function depthOf(tree: KdTree): number {
  let depth = 0;
  for (let node = 0; tree.rights[node] !== 0; node = tree.rights[node]!) depth++;
  return depth;
}
