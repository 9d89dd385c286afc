/**
 * The elbow of a falling curve: the point farthest below the chord from its first to its last one (the idea of Satopää,
 * Albrecht, Irwin and Raghavan, Finding a "kneedle" in a haystack, 2011). Stretching either axis does not move it.
 * @param xs ascending, for inertia the values of k.
 * @param ys one for each.
 * @returns the position of the elbow, the first of equals, and its distance below the chord as a share of the curve's fall; no
 *   position where no point lies below the chord (fewer than three points, a straight or an arched line, no fall).
 * @throws RangeError for values that are not finite or xs that do not ascend.
 */
export function elbow(xs: ArrayLike<number>, ys: ArrayLike<number>): { position: number | undefined; share: number } {
  if (xs.length !== ys.length) throw new RangeError(`Cannot find an elbow: ${xs.length} xs and ${ys.length} ys`);
  for (let i = 0; i < xs.length; i++) {
    if (!Number.isFinite(xs[i]) || !Number.isFinite(ys[i])) {
      throw new RangeError(
        `Cannot find an elbow: point ${i} is (${xs[i]}, ${ys[i]}) where finite numbers are expected`,
      );
    }
    if (i > 0 && xs[i]! <= xs[i - 1]!) throw new RangeError(`Cannot find an elbow: x ${xs[i]} follows x ${xs[i - 1]}`);
  }
  const last = xs.length - 1;
  const fall = ys[0]! - ys[last]!;
  let position: number | undefined;
  // What rounding alone puts below the chord is none.
  let share = 1e-12;
  if (!(fall > 0)) return { position, share: 0 };
  for (let i = 1; i < last; i++) {
    // All points have the same angle to the chord, so that the vertical distance decides as the perpendicular one does.
    const along = (xs[i]! - xs[0]!) / (xs[last]! - xs[0]!);
    const below = (ys[0]! - ys[i]!) / fall - along;
    if (below > share) {
      share = below;
      position = i;
    }
  }
  return { position, share: position === undefined ? 0 : share };
}
