const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;

/**
 * Rows of an order in ascending order of their 32-bit keys, equal keys in the order given: an LSD radix sort in passes of 11 bits, of
 * which there are as many as the highest key needs.
 * @param order every row once; not changed.
 * @param keys one for each row.
 */
export function sortedByKeys(order: Uint32Array<ArrayBuffer>, keys: Uint32Array): Uint32Array<ArrayBuffer> {
  const n = order.length;
  let highest = 0;
  for (let i = 0; i < n; i++) if (keys[i]! > highest) highest = keys[i]!;
  let from = order;
  let spare: Uint32Array<ArrayBuffer> | undefined;
  const starts = new Uint32Array(DIGITS);
  for (let shift = 0; shift < 32 && highest >>> shift > 0; shift += DIGIT_BITS) {
    starts.fill(0);
    for (let i = 0; i < n; i++) starts[(keys[i]! >>> shift) & (DIGITS - 1)]!++;
    let start = 0;
    for (let digit = 0; digit < DIGITS; digit++) {
      const count = starts[digit]!;
      starts[digit] = start;
      start += count;
    }
    const to = spare ?? new Uint32Array(n);
    for (let i = 0; i < n; i++) {
      const row = from[i]!;
      to[starts[(keys[row]! >>> shift) & (DIGITS - 1)]!++] = row;
    }
    spare = from === order ? undefined : from;
    from = to;
  }
  return from;
}

/** The rows below a count, ascending. */
export function ascending(count: number): Uint32Array<ArrayBuffer> {
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = i;
  return order;
}
