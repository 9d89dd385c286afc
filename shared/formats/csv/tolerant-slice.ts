import { open } from 'node:fs/promises';
import { ObjectChanged } from '../../errors.ts';
import { SLICE_JUDGE_BYTES, SLICE_JUDGE_MAX_BYTES, SLICE_JUDGE_RECORDS, SLICE_TAIL_BYTES } from '../../limits.ts';
import type { CsvDialect } from '../csv-dialect.ts';
import { fileChunks } from '../file-chunks.ts';
import { ByteText } from './byte-text.ts';
import {
  findSliceStart,
  type SlicedObject,
  type SliceLink,
  type SliceRange,
  type SliceSource,
  scanOf,
} from './slice.ts';
import { innerDialect } from './speculate.ts';
import { TolerantRecords, type TolerantRow } from './tolerant-reader.ts';

/** Where the records of an irregular CSV begin, behind title and header, and how many physical lines lie before. */
export function tolerantDataStart(
  head: Uint8Array,
  dialect: CsvDialect,
  columns: number,
): { dataStart: number; dataLine: number } | undefined {
  const [first] = new TolerantRecords({ ...dialect, footerRows: 0 }, { columns }).feed(head);
  return first && { dataStart: first.byteOffset, dataLine: first.line - 1 };
}

/**
 * As `takeSlice`, for a CSV whose records the tolerant reader tells. A range owns the records whose first byte it holds, and its
 * start is a guess as there, which `verifyChain` proves or refutes.
 *
 * @returns what the proof needs; `firstRecordStart` undefined where no record begins in the range, and nothing is at `path`
 */
export async function takeTolerantSlice(
  source: SliceSource,
  range: SliceRange,
  object: SlicedObject,
  path: string,
): Promise<SliceLink> {
  const { firstRecordStart, startedInQuotes } = await findTolerantStart(source.read, range, object);
  // What is proven is the place alone: the tolerant reader goes on over any number of quotes.
  const link = { ...range, startedInQuotes, quotes: 0 };
  if (firstRecordStart === undefined) return link;
  await source.download(firstRecordStart, Math.min(object.sizeBytes, range.end + SLICE_TAIL_BYTES), path);
  const lastRecordEnd = await scanOf(source, () =>
    cutTolerantSlice(path, firstRecordStart, range.end, object, source.read),
  );
  return { ...link, firstRecordStart, lastRecordEnd };
}

/**
 * The first record of a range: that of the first line that begins in it, or, where the strict reader's guess is another and the
 * records behind that fit better, this one.
 */
async function findTolerantStart(
  read: SliceSource['read'],
  range: SliceRange,
  object: SlicedObject,
): Promise<{ firstRecordStart: number | undefined; startedInQuotes: boolean }> {
  if (range.start === object.dataStart) return { firstRecordStart: range.start, startedInQuotes: false };
  const guess = await findSliceStart(read, range, object);
  const unit = new ByteText(object.dialect.encoding).unitBytes;
  // With the unit before, to see whether a line ends right there; and one more, for a carriage return and its line feed.
  const from = Math.max(object.dataStart, range.start - 2 * unit);
  for (let size = SLICE_JUDGE_BYTES; ; size *= 4) {
    const end = Math.min(object.sizeBytes, range.start + size);
    const window = await read(from, end);
    const isLast = end === object.sizeBytes || size >= SLICE_JUDGE_MAX_BYTES;
    const line = lineStart(window, range.start - from, object.dialect);
    if (line === undefined && !isLast) continue;
    const tries = [line === undefined ? undefined : from + line, guess.firstRecordStart]
      .filter((start) => start !== undefined && start < end)
      .map((start) => judgeStart(window.subarray(start! - from), start!, end === object.sizeBytes, object));
    if (!isLast && tries.every(({ first }) => first === undefined)) continue;
    const [plain, strict] = tries;
    const best = strict && (!plain || strict.share > plain.share) ? strict : plain;
    const start = best?.first;
    return {
      firstRecordStart: start !== undefined && start < range.end ? start : undefined,
      startedInQuotes: best === strict && guess.startedInQuotes,
    };
  }
}

/** Where the first record begins from a line's start on, blank lines counted, and how many of the records behind it fit. */
function judgeStart(
  bytes: Uint8Array,
  start: number,
  whole: boolean,
  { dialect, columns }: SlicedObject,
): { first: number | undefined; share: number } {
  const inner = innerDialect(dialect);
  const probe = new TolerantRecords(inner, { columns, firstByte: start, stopAt: start });
  probe.feed(bytes);
  if (whole) probe.end();
  const reader = new TolerantRecords(inner, { columns, firstByte: start });
  const rows: TolerantRow[] = [];
  const piece = 64 * 1024;
  for (let at = 0; at < bytes.length && rows.length < SLICE_JUDGE_RECORDS; at += piece) {
    rows.push(...reader.feed(bytes.subarray(at, at + piece)));
  }
  if (whole && rows.length < SLICE_JUDGE_RECORDS) rows.push(...reader.end());
  const judged = rows.slice(0, SLICE_JUDGE_RECORDS);
  const good = judged.filter((row) => row.verdict === 'fits' && !row.mended).length;
  return { first: probe.stoppedAt, share: (good + 1) / (judged.length + 2) };
}

/** The first place at or behind `at` at which a line begins, whatever quotes say. */
function lineStart(window: Uint8Array, at: number, { encoding, lineEnd }: CsvDialect): number | undefined {
  const text = new ByteText(encoding);
  const unit = text.unitBytes;
  const bytes = Buffer.from(window.buffer, window.byteOffset, window.length - (window.length % unit));
  const loneCr = lineEnd === '\r' || lineEnd === 'mixed';
  const begins = (i: number) => {
    if (i < unit) return false;
    const before = text.codeAt(bytes, i - unit);
    if (before === 10) return true;
    return before === 13 && loneCr && (i >= bytes.length || text.codeAt(bytes, i) !== 10);
  };
  for (let i = at; i <= bytes.length; i += unit) if (begins(i)) return i;
  return undefined;
}

/** Cuts a local file that begins at a record's start behind the last record that begins before `rangeEnd`, fetching what it lacks. */
async function cutTolerantSlice(
  path: string,
  firstByte: number,
  rangeEnd: number,
  object: SlicedObject,
  read: SliceSource['read'],
): Promise<number> {
  const { columns, dialect, sizeBytes } = object;
  const reader = new TolerantRecords(innerDialect(dialect), { columns, firstByte, stopAt: rangeEnd });
  let at = firstByte;
  for await (const chunk of fileChunks(path)) {
    reader.feed(chunk);
    at += chunk.length;
    if (reader.stoppedAt !== undefined) break;
  }
  const file = await open(path, 'r+');
  try {
    for (let size = SLICE_TAIL_BYTES; reader.stoppedAt === undefined && at < sizeBytes; size *= 2) {
      const end = Math.min(sizeBytes, at + Math.min(size, SLICE_JUDGE_MAX_BYTES));
      const more = await read(at, end);
      if (more.length !== end - at)
        throw new ObjectChanged(`Cannot read bytes ${at}–${end}: ${more.length} came where ${end - at} were asked for`);
      await file.write(more, 0, more.length, at - firstByte);
      reader.feed(more);
      at = end;
    }
    if (reader.stoppedAt === undefined) reader.end();
    const lastRecordEnd = reader.stoppedAt ?? sizeBytes;
    await file.truncate(lastRecordEnd - firstByte);
    return lastRecordEnd;
  } finally {
    await file.close();
  }
}
