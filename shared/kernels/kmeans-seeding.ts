import type { KdTree } from './kd-tree.ts';
import type { Random } from './random.ts';

/**
 * Trials of a greedy k-means++ step, of which the best is kept: 2 + ⌊ln k⌋, as Arthur and Vassilvitskii suggest and
 * scikit-learn does.
 */
export function seedingTrials(k: number): number {
  return 2 + Math.floor(Math.log(k));
}

/**
 * Draws k centres among points by greedy k-means++, or fewer where every point is one already.
 * @param wholePoints trials are compared with nodes of the tree of at most so many points taken as one; the draws themselves are exact.
 */
export type Seeder = (k: number, random: Random, wholePoints?: number) => Float64Array;

/**
 * Greedy k-means++ (Arthur and Vassilvitskii, k-means++: the advantages of careful seeding, SODA 2007) on a kd-tree. Centres
 * are drawn among the points with exactly the odds of their squared distance (D²) from the centres so far, without looking
 * at every point: a node that is nearest to one centre as a whole (its owner) has its sum of D² in closed form, and only nodes
 * where centres meet keep a D² for each point.
 */
export function treeSeeder(tree: KdTree): Seeder {
  const { dimensions: D, count, nodes, points, boxes, means, scatters, starts, ends, rights } = tree;
  /** The centre that a whole node belongs to, or −1 where its children, or points, have their own. Below an owned node it is stale. */
  const owners = new Int32Array(nodes);
  const sums = new Float64Array(nodes);
  /** An upper bound of D² in a node, for nodes without an owner or right below one. */
  const bounds = new Float64Array(nodes);
  /** A lower bound of D² in a node, for the same nodes. */
  const lows = new Float64Array(nodes);
  /** D² of the points of leaves without an owner. */
  const squares = new Float64Array(count);
  let C = new Float64Array(0);
  /** The candidate: its coordinates, absent ones zero. */
  const at = new Float64Array(4);
  /** |x − candidate|² − |x − owner|² as a linear function of x: its constant and its slopes. */
  const line = new Float64Array(5);
  const total = new Float64Array(1);
  let whole = 0;

  /** The sum of the squared distances of a node's points from a centre. */
  function sumTo(node: number, centre: number): number {
    let square = 0;
    for (let d = 0; d < D; d++) {
      const difference = means[node * D + d]! - C[centre * D + d]!;
      square += difference * difference;
    }
    return scatters[node]! + (ends[node]! - starts[node]!) * square;
  }

  function squareTo(point: number, centre: number): number {
    let square = 0;
    for (let d = 0; d < D; d++) {
      const difference = points[point * D + d]! - C[centre * D + d]!;
      square += difference * difference;
    }
    return square;
  }

  function squareToCandidate(point: number): number {
    const p = point * D;
    const t0 = points[p]! - at[0]!;
    let square = t0 * t0;
    if (D > 1) {
      const t1 = points[p + 1]! - at[1]!;
      square += t1 * t1;
      if (D > 2) {
        const t2 = points[p + 2]! - at[2]!;
        square += t2 * t2;
        if (D > 3) {
          const t3 = points[p + 3]! - at[3]!;
          square += t3 * t3;
        }
      }
    }
    return square;
  }

  /** Least squared distance from the candidate to a node's box. */
  function squareToBox(node: number): number {
    const b = node * 2 * D;
    let square = gapSquare(at[0]!, boxes[b]!, boxes[b + D]!);
    if (D > 1) {
      square += gapSquare(at[1]!, boxes[b + 1]!, boxes[b + D + 1]!);
      if (D > 2) {
        square += gapSquare(at[2]!, boxes[b + 2]!, boxes[b + D + 2]!);
        if (D > 3) square += gapSquare(at[3]!, boxes[b + 3]!, boxes[b + D + 3]!);
      }
    }
    return square;
  }

  /** Greatest squared distance from the candidate to a node's box. */
  function squareAcrossBox(node: number): number {
    const b = node * 2 * D;
    let square = farSquare(at[0]!, boxes[b]!, boxes[b + D]!);
    if (D > 1) {
      square += farSquare(at[1]!, boxes[b + 1]!, boxes[b + D + 1]!);
      if (D > 2) {
        square += farSquare(at[2]!, boxes[b + 2]!, boxes[b + D + 2]!);
        if (D > 3) square += farSquare(at[3]!, boxes[b + 3]!, boxes[b + D + 3]!);
      }
    }
    return square;
  }

  /** The sum of the squared distances of a node's points from the candidate. */
  function sumToCandidate(node: number): number {
    let square = 0;
    for (let d = 0; d < D; d++) {
      const difference = means[node * D + d]! - at[d]!;
      square += difference * difference;
    }
    return scatters[node]! + (ends[node]! - starts[node]!) * square;
  }

  function drawLine(owner: number): void {
    let constant = 0;
    for (let d = 0; d < D; d++) {
      const o = C[owner * D + d]!;
      const c = at[d]!;
      line[d + 1] = 2 * (o - c);
      constant += c * c - o * o;
    }
    line[0] = constant;
  }

  /** The least value of `line` over a node's box, or with −1 as its sign the negative of the greatest. */
  function leastOver(node: number, sign: 1 | -1): number {
    const b = node * 2 * D;
    const s0 = sign * line[1]!;
    let least = sign * line[0]! + s0 * boxes[s0 >= 0 ? b : b + D]!;
    if (D > 1) {
      const s1 = sign * line[2]!;
      least += s1 * boxes[s1 >= 0 ? b + 1 : b + D + 1]!;
      if (D > 2) {
        const s2 = sign * line[3]!;
        least += s2 * boxes[s2 >= 0 ? b + 2 : b + D + 2]!;
        if (D > 3) {
          const s3 = sign * line[4]!;
          least += s3 * boxes[s3 >= 0 ? b + 3 : b + D + 3]!;
        }
      }
    }
    return least;
  }

  /** The value of `line` at a place of an array of coordinates. */
  function lineAt(places: Float64Array, p: number): number {
    let value = line[0]! + line[1]! * places[p]!;
    if (D > 1) {
      value += line[2]! * places[p + 1]!;
      if (D > 2) {
        value += line[3]! * places[p + 2]!;
        if (D > 3) value += line[4]! * places[p + 3]!;
      }
    }
    return value;
  }

  /** Adds to `total` what the candidate would take off the sum of D² below a node that belongs to the owner of `line`. */
  function gainOwned(node: number): void {
    if (leastOver(node, 1) >= 0) return;
    if (leastOver(node, -1) >= 0) {
      total[0]! -= (ends[node]! - starts[node]!) * lineAt(means, node * D);
      return;
    }
    if (ends[node]! - starts[node]! <= whole) {
      const value = lineAt(means, node * D);
      if (value < 0) total[0]! -= (ends[node]! - starts[node]!) * value;
      return;
    }
    const right = rights[node]!;
    if (right !== 0) {
      gainOwned(node + 1);
      gainOwned(right);
      return;
    }
    let less = 0;
    for (let p = starts[node]! * D, end = ends[node]! * D; p < end; p += D) {
      const value = lineAt(points, p);
      if (value < 0) less -= value;
    }
    total[0]! += less;
  }

  /** The same for any node that is not below an owned one. */
  function gain(node: number): void {
    const owner = owners[node]!;
    if (owner >= 0) {
      drawLine(owner);
      gainOwned(node);
      return;
    }
    if (squareToBox(node) >= bounds[node]!) return;
    if (squareAcrossBox(node) <= lows[node]!) {
      total[0]! += sums[node]! - sumToCandidate(node);
      return;
    }
    if (ends[node]! - starts[node]! <= whole) {
      const less = sums[node]! - sumToCandidate(node);
      if (less > 0) total[0]! += less;
      return;
    }
    const right = rights[node]!;
    if (right !== 0) {
      gain(node + 1);
      gain(right);
      return;
    }
    for (let i = starts[node]!, end = ends[node]!; i < end; i++) {
      const less = squares[i]! - squareToCandidate(i);
      if (less > 0) total[0]! += less;
    }
  }

  /** The whole node belongs to a centre. */
  function own(node: number, centre: number): void {
    owners[node] = centre;
    sums[node] = sumTo(node, centre);
    const b = node * 2 * D;
    let farthest = 0;
    let nearest = 0;
    for (let d = 0; d < D; d++) {
      const c = C[centre * D + d]!;
      farthest += farSquare(c, boxes[b + d]!, boxes[b + D + d]!);
      nearest += gapSquare(c, boxes[b + d]!, boxes[b + D + d]!);
    }
    bounds[node] = farthest;
    lows[node] = nearest;
  }

  /** The candidate becomes centre j. */
  function commit(node: number, j: number): void {
    const owner = owners[node]!;
    const right = rights[node]!;
    if (owner >= 0) {
      drawLine(owner);
      if (leastOver(node, 1) >= 0) return;
      if (leastOver(node, -1) >= 0) {
        own(node, j);
        return;
      }
      owners[node] = -1;
      if (right === 0) {
        for (let i = starts[node]!; i < ends[node]!; i++) squares[i] = squareTo(i, owner);
      } else {
        own(node + 1, owner);
        own(right, owner);
      }
    } else if (squareToBox(node) >= bounds[node]!) return;
    else if (squareAcrossBox(node) <= lows[node]!) {
      own(node, j);
      return;
    }
    if (right !== 0) {
      commit(node + 1, j);
      commit(right, j);
      sums[node] = sums[node + 1]! + sums[right]!;
      bounds[node] = Math.max(bounds[node + 1]!, bounds[right]!);
      lows[node] = Math.min(lows[node + 1]!, lows[right]!);
      return;
    }
    let sum = 0;
    let farthest = 0;
    let nearest = Number.POSITIVE_INFINITY;
    for (let i = starts[node]!, end = ends[node]!; i < end; i++) {
      const square = Math.min(squares[i]!, squareToCandidate(i));
      squares[i] = square;
      sum += square;
      if (square > farthest) farthest = square;
      if (square < nearest) nearest = square;
    }
    sums[node] = sum;
    bounds[node] = farthest;
    lows[node] = nearest;
  }

  /** The position of the point at which the running sum of D² passes r; one with a D² above 0, if there is any. */
  function pick(r: number): number {
    let node = 0;
    let owner = owners[0]!;
    let rest = r;
    while (rights[node] !== 0) {
      const left = node + 1;
      const right = rights[node]!;
      const leftSum = owner >= 0 ? sumTo(left, owner) : sums[left]!;
      const rightSum = owner >= 0 ? sumTo(right, owner) : sums[right]!;
      // Rounding may carry r past the last sum; a side without any D² is never entered for that.
      if (rest < leftSum || rightSum === 0) node = left;
      else {
        rest -= leftSum;
        node = right;
      }
      if (owner < 0) owner = owners[node]!;
    }
    let last = starts[node]!;
    for (let i = starts[node]!, end = ends[node]!; i < end; i++) {
      const square = owner >= 0 ? squareTo(i, owner) : squares[i]!;
      if (square === 0) continue;
      if (rest < square) return i;
      rest -= square;
      last = i;
    }
    return last;
  }

  function place(point: number): void {
    for (let d = 0; d < D; d++) at[d] = points[point * D + d]!;
  }

  return (k, random, wholePoints = 0) => {
    whole = wholePoints;
    C = new Float64Array(k * D);
    const trials = seedingTrials(k);
    place(random.below(count));
    C.set(at.subarray(0, D));
    own(0, 0);
    for (let j = 1; j < k; j++) {
      const potential = sums[0]!;
      // Every point is a centre already: there are no k different ones.
      if (!(potential > 0)) return C.slice(0, j * D);
      let best = 0;
      let most = -1;
      for (let trial = 0; trial < trials; trial++) {
        const point = pick(random.uniform() * potential);
        place(point);
        total[0] = 0;
        gain(0);
        if (total[0]! > most) {
          most = total[0]!;
          best = point;
        }
      }
      place(best);
      C.set(at.subarray(0, D), j * D);
      commit(0, j);
    }
    return C;
  };
}

/** The squared distance from x to the interval `low … high`. */
function gapSquare(x: number, low: number, high: number): number {
  const below = low - x;
  const above = x - high;
  const gap = below > above ? below : above;
  return gap > 0 ? gap * gap : 0;
}

/** The squared distance from x to the farther end of the interval `low … high`. */
function farSquare(x: number, low: number, high: number): number {
  const above = x - low;
  const below = high - x;
  const reach = above > below ? above : below;
  return reach * reach;
}
