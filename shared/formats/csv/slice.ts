import { open } from 'node:fs/promises';
import { ObjectChanged } from '../../errors.ts';
import { SLICE_JUDGE_BYTES, SLICE_JUDGE_MAX_BYTES, SLICE_LOOKBEHIND_BYTES, SLICE_TAIL_BYTES } from '../../limits.ts';
import type { CsvDialect } from '../csv-dialect.ts';
import { fileChunks } from '../file-chunks.ts';
import type { FileCount } from './count-records.ts';
import { RecordScanner } from './record-scanner.ts';
import { SCAN_STATE } from './scan-state.ts';
import { type Guess, innerDialect, type Shape, speculate } from './speculate.ts';

/**
 * Row-aligned ranges of a large plain CSV.
 *
 * A range [start, end) owns the records whose first byte it holds, wherever they end. A worker knows nothing of the bytes before
 * its range, so it guesses whether they left a quote open (`findSliceStart`), reads its records exactly from the first
 * start that follows from the guess, and says where it began and where it ended (`SliceLink`). The first range begins at a
 * known record. Where each range ends exactly where the next began, every range therefore began at a true start, and
 * all guesses are proven (`verifyChain`); where not, the object is converted whole. Counting quotes instead
 * would also refuse objects with a stray quote in plain text, in which nothing is wrong.
 */
export interface SliceRange {
  /** Offset in the object, inclusive. */
  start: number;
  /** Exclusive. */
  end: number;
}

/** The object that is cut. */
export interface SlicedObject extends Shape {
  sizeBytes: number;
  /** Where its first record begins: `RecordScanner.dataStart` of its head. */
  dataStart: number;
  dialect: CsvDialect;
}

/** How the object is reached: whole ranges to a local file, short ones to memory. `end` is exclusive and within the object. */
export interface SliceSource {
  read(start: number, end: number): Promise<Uint8Array>;
  download(start: number, end: number, path: string): Promise<unknown>;
  /** Runs a scan, which keeps the thread busy, when it is its turn; left out: at once. */
  inTurn?<T>(scan: () => Promise<T>): Promise<T>;
}

/** A scan of what was downloaded. */
export function scanOf<T>(source: SliceSource, scan: () => Promise<T>): Promise<T> {
  return source.inTurn ? source.inTurn(scan) : scan();
}

/** What the proof needs of a range. */
export interface SliceLink extends SliceRange {
  /** Start of the first record that begins in the range; undefined: none does, by the guess. */
  firstRecordStart?: number;
  /** Where the record after the range's last begins, or the object ends. */
  lastRecordEnd?: number;
  /** The guess. */
  startedInQuotes: boolean;
  /** Quote bytes of the range's records. */
  quotes: number;
}

/** A range's records in a local file, ready to be converted with `innerDialect`. */
export interface Slice {
  link: SliceLink;
  /** Of the local file, which holds nothing but the range's records; undefined where no record begins in the range. */
  count: FileCount | undefined;
}

/** Footer rows are found at the end only, and other tables by lines from the beginning: an object with some cannot be cut. */
export function isSliceable(dialect: CsvDialect): boolean {
  return dialect.footerRows === 0 && (dialect.otherTables ?? []).length === 0;
}

/**
 * Even ranges of at most `splitBytes` (at least one code unit) that cover [dataStart, sizeBytes). The same arguments give the same ranges.
 */
export function planRanges(
  object: Pick<SlicedObject, 'sizeBytes' | 'dataStart' | 'dialect'>,
  splitBytes: number,
): SliceRange[] {
  const unit = unitBytes(object.dialect);
  const units = Math.ceil((object.sizeBytes - object.dataStart) / unit);
  const number = Math.max(1, Math.ceil(units / Math.max(1, Math.floor(splitBytes / unit))));
  const cut = (k: number) => object.dataStart + Math.floor((units / number) * k) * unit;
  return Array.from({ length: number }, (_, k) => ({
    start: cut(k),
    end: k === number - 1 ? object.sizeBytes : cut(k + 1),
  }));
}

/**
 * Where the first record that begins in `range` begins. Exact for the object's first range, a guess for the others. Reads
 * some hundred KiB of the range's head, more only where records are longer.
 *
 * @returns `firstRecordStart` undefined where no record begins in the range
 */
export async function findSliceStart(
  read: SliceSource['read'],
  range: SliceRange,
  object: SlicedObject,
): Promise<{ firstRecordStart: number | undefined; startedInQuotes: boolean }> {
  if (range.start === object.dataStart) return { firstRecordStart: range.start, startedInQuotes: false };
  const unit = unitBytes(object.dialect);
  const from = Math.max(object.dataStart, range.start - SLICE_LOOKBEHIND_BYTES);
  let window: Uint8Array;
  let guess: Guess;
  for (let size = SLICE_JUDGE_BYTES; ; size *= 4) {
    const end = Math.min(object.sizeBytes, range.start + size);
    window = await read(from, end);
    const { best, other } = speculate(window, range.start - from, object.dialect, object);
    guess = best;
    if (best.records > 0 || (other?.records ?? 0) > 0 || end === object.sizeBytes || size >= SLICE_JUDGE_MAX_BYTES)
      break;
  }
  const { state, back } = guess;
  const startedInQuotes = state === SCAN_STATE.quoted || state === SCAN_STATE.escape;
  if (state === SCAN_STATE.recordStart) return { firstRecordStart: range.start, startedInQuotes };
  const scanner = new RecordScanner(innerDialect(object.dialect), {
    columns: object.columns,
    firstByte: range.start - back,
    stopAt: range.start + unit,
    state,
  });
  scanner.feed(window.subarray(range.start - back - from));
  for (let at = from + window.length; scanner.stoppedAt === undefined && at < range.end; ) {
    const end = Math.min(range.end, at + SLICE_JUDGE_BYTES);
    scanner.feed(await read(at, end));
    at = end;
  }
  const found = scanner.stoppedAt;
  return { firstRecordStart: found !== undefined && found < range.end ? found : undefined, startedInQuotes };
}

/**
 * Scans a local file that begins at a record's start and cuts it behind the last record that begins before `rangeEnd`. Where that
 * record goes beyond the file, the rest is fetched and appended. One pass, bounded memory.
 *
 * @param firstByte offset in the object of the file's first byte
 * @returns the file's count, offsets being the object's, and where its last record ends
 */
export async function cutSlice(
  path: string,
  firstByte: number,
  rangeEnd: number,
  object: SlicedObject,
  read: SliceSource['read'],
): Promise<{ count: FileCount; lastRecordEnd: number }> {
  const scanner = new RecordScanner(innerDialect(object.dialect), {
    columns: object.columns,
    firstByte,
    stopAt: rangeEnd,
  });
  let at = firstByte;
  for await (const chunk of fileChunks(path)) {
    scanner.feed(chunk);
    at += chunk.length;
    if (scanner.stoppedAt !== undefined) break;
  }
  const file = await open(path, 'r+');
  try {
    for (let size = SLICE_TAIL_BYTES; scanner.stoppedAt === undefined && at < object.sizeBytes; size *= 2) {
      const end = Math.min(object.sizeBytes, at + Math.min(size, SLICE_JUDGE_MAX_BYTES));
      const more = await read(at, end);
      if (more.length !== end - at)
        throw new ObjectChanged(`Cannot read bytes ${at}–${end}: ${more.length} came where ${end - at} were asked for`);
      await file.write(more, 0, more.length, at - firstByte);
      scanner.feed(more);
      at = end;
    }
    const lastRecordEnd = scanner.stoppedAt ?? object.sizeBytes;
    await file.truncate(lastRecordEnd - firstByte);
    return { count: { ...scanner.end(), longestAtLeast: scanner.longestAtLeast }, lastRecordEnd };
  } finally {
    await file.close();
  }
}

/**
 * Brings the records of `range` to a local file: one short read to find the first, one download from there, and the rest of a
 * last record that goes further.
 */
export async function takeSlice(
  source: SliceSource,
  range: SliceRange,
  object: SlicedObject,
  path: string,
): Promise<Slice> {
  const { firstRecordStart, startedInQuotes } = await findSliceStart(source.read, range, object);
  if (firstRecordStart === undefined) return { link: { ...range, startedInQuotes, quotes: 0 }, count: undefined };
  await source.download(firstRecordStart, Math.min(object.sizeBytes, range.end + SLICE_TAIL_BYTES), path);
  const { count, lastRecordEnd } = await scanOf(source, () =>
    cutSlice(path, firstRecordStart, range.end, object, source.read),
  );
  return { link: { ...range, firstRecordStart, lastRecordEnd, startedInQuotes, quotes: count.quotes }, count };
}

/**
 * Proves the guesses of an object's ranges, given in order. All ranges before the one returned are exact.
 *
 * @returns the index of the first range that did not begin where the one before it ended; undefined where all are proven
 */
export function verifyChain(links: readonly SliceLink[]): number | undefined {
  let expected = links[0]?.start ?? 0;
  let covered = expected;
  for (const [k, link] of links.entries()) {
    if (link.start !== covered) return k;
    covered = link.end;
    if (expected >= link.end && link.firstRecordStart === undefined) continue;
    if (link.firstRecordStart !== expected || link.lastRecordEnd === undefined) return k;
    expected = link.lastRecordEnd;
  }
  return undefined;
}

function unitBytes(dialect: CsvDialect): 1 | 2 {
  return dialect.encoding === 'utf-16le' || dialect.encoding === 'utf-16be' ? 2 : 1;
}
