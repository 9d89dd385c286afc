import duckdb from '@duckdb/node-bindings';
import type { BytesVector, Validity } from '../formats/avro/column-batch.ts';

/** Bytes of a `duckdb_string_t`: a length of 4, then either the text itself, if it has room, or 4 bytes of it and a pointer. */
const STRING_BYTES = 16;
const INLINE_BYTES = 12;
/**
 * Texts that lie at most this far apart are fetched by one call; Parquet's pages have 4 bytes between theirs. Less than a
 * memory page, so that every byte between two valid ones lies in a page of one of them and can be read.
 */
const GAP_BYTES = 64;
/** Slots of the table of texts met in a vector; a power of two, at least a vector's rows. */
const SEEN_SLOTS = 4096;
/** From this length on, the call that `set` costs is cheaper than copying word by word. */
const LONG_TEXT_BYTES = 96;

/**
 * Gathers the texts of DuckDB's vectors. A call into the engine for each costs half a microsecond or more, several times what
 * everything else does with a text, so there are as few as can be: texts that follow one another in the engine's memory
 * (a string heap, a Parquet page) come by one call, and one that was met before in the vector (a dictionary) by none.
 *
 * The vector that it returns is good until the next call.
 */
export function stringReader(): (vector: duckdb.Vector, rows: number, validity: Validity) => BytesVector {
  let offsets = new Int32Array(0);
  let values = new Uint8Array(0);
  let target = new DataView(values.buffer);
  /** Address of a row's text in the run under way; 0 for rows that do not lie in it. */
  let addresses = new Float64Array(0);
  /** Rows by a hash of their text's address: only such as begin a run. */
  const seen = new Int32Array(SEEN_SLOTS);

  return (vector, rows, validity) => {
    const strings = duckdb.vector_get_data(vector, STRING_BYTES * rows);
    const memory = strings.buffer as ArrayBuffer;
    const words = new Int32Array(memory, strings.byteOffset, (STRING_BYTES / 4) * rows);
    if (addresses.length < rows) {
      offsets = new Int32Array(rows + 1);
      addresses = new Float64Array(rows);
    }
    let total = 0;
    for (let row = 0; row < rows; row++) {
      offsets[row] = total;
      if (validity === undefined || ((validity[row >> 3]! >> (row & 7)) & 1) === 1) total += words[4 * row]!;
    }
    offsets[rows] = total;
    if (values.length < total + INLINE_BYTES) {
      values = new Uint8Array(2 * total + INLINE_BYTES);
      target = new DataView(values.buffer);
    }
    seen.fill(-1);

    let first = -1;
    let last = -1;
    let start = 0;
    let end = 0;
    const fetchRun = () => {
      if (first < 0) return;
      const pointer = strings.byteOffset + STRING_BYTES * first + 8;
      const run = duckdb.get_data_from_pointer(memory, pointer, end - start);
      const source = new DataView(run.buffer, run.byteOffset, run.length);
      for (let row = first; row <= last; row++) {
        if (addresses[row] === 0) continue;
        copyText(run, source, addresses[row]! - start, values, target, offsets[row]!, offsets[row + 1]!);
      }
      letGo(run);
      first = -1;
    };

    for (let row = 0; row < rows; row++) {
      addresses[row] = 0;
      const at = offsets[row]!;
      const length = offsets[row + 1]! - at;
      if (length === 0) continue;
      if (length <= INLINE_BYTES) {
        // All that has room, with no loop whose end no processor can foresee: what is too much, later rows write over.
        target.setInt32(at, words[4 * row + 1]!, true);
        if (length > 4) {
          target.setInt32(at + 4, words[4 * row + 2]!, true);
          target.setInt32(at + 8, words[4 * row + 3]!, true);
        }
        continue;
      }
      const low = words[4 * row + 2]!;
      const high = words[4 * row + 3]!;
      // Addresses have at most 48 bits, which a double holds exactly.
      const address = high * 2 ** 32 + (low >>> 0);
      if (first >= 0 && address >= end && address <= end + GAP_BYTES) {
        addresses[row] = address;
        last = row;
        end = address + length;
        continue;
      }
      const slot = (low ^ (low >>> 12)) & (SEEN_SLOTS - 1);
      const twin = seen[slot]!;
      // The run under way is not fetched yet, so its first row has no text to copy.
      if (
        twin >= 0 &&
        twin !== first &&
        words[4 * twin] === length &&
        words[4 * twin + 2] === low &&
        words[4 * twin + 3] === high
      ) {
        copyText(values, target, offsets[twin]!, values, target, at, at + length);
        continue;
      }
      fetchRun();
      seen[slot] = row;
      addresses[row] = address;
      first = row;
      last = row;
      start = address;
      end = address + length;
    }
    fetchRun();
    letGo(strings);
    return { kind: 'bytes', validity, offsets, values };
  };
}

/** Copies a text that is too long to lie inline, hence longer than a word. */
function copyText(
  from: Uint8Array,
  source: DataView,
  first: number,
  to: Uint8Array,
  target: DataView,
  start: number,
  end: number,
): void {
  if (end - start >= LONG_TEXT_BYTES) {
    to.set(from.subarray(first, first + end - start), start);
    return;
  }
  let next = first;
  for (let at = start; at < end - 4; at += 4, next += 4) target.setInt32(at, source.getInt32(next, true), true);
  // The last word overlaps the one before.
  target.setInt32(end - 4, source.getInt32(first + end - start - 4, true), true);
}

/** Ends a window on the engine's memory at once, and not when the garbage collector comes to it; it must not be used any more. */
export function letGo(window: ArrayBufferView): void {
  (window.buffer as ArrayBuffer).transfer(0);
}
