import { FILE_SIZE_ATTEMPTS, FILE_SIZE_PROBE_ROWS, FILE_SIZE_PROBE_SHARE, FILE_SIZE_TOLERANCE } from '../limits.ts';

/** A run of rows of a file, `from` counted from 0. */
export interface RowRange {
  from: number;
  rows: number;
}

export interface CutFile extends RowRange {
  bytes: number;
}

/** Is told of a complete file, and of its number. */
export type CutListener = (cut: CutFile, part: number) => void;

/**
 * Rows of the next file, when `rows` are left that take `bytesPerRow` each: all of them if they make no file larger than is
 * tolerated, else as many as make files of one size within the tolerance, else those of a full file.
 */
export function rowsOfNextFile(rows: number, bytesPerRow: number, targetBytes: number): number {
  const bytes = rows * bytesPerRow;
  if (bytes <= targetBytes * (1 + FILE_SIZE_TOLERANCE)) return rows;
  const even = bytes / Math.max(2, Math.round(bytes / targetBytes));
  const size = even >= targetBytes * (1 - FILE_SIZE_TOLERANCE) ? even : targetBytes;
  return Math.min(rows, Math.max(1, Math.round(size / bytesPerRow)));
}

/** What is known of how many bytes a row takes in a format; carried from file to file. */
export interface RowSize {
  bytesPerRow: number | undefined;
}

/** True where the rows make one file that is not too large, by what is known. */
export function isOneFile(rows: number, { bytesPerRow }: RowSize, targetBytes: number): boolean {
  return bytesPerRow === undefined || rowsOfNextFile(rows, bytesPerRow, targetBytes) === rows;
}

/** Writes a first few rows for nothing but to learn how many bytes a row takes, unless that is known or hardly matters. */
export async function probeRowSize(
  range: RowRange,
  targetBytes: number,
  size: RowSize,
  write: (range: RowRange) => Promise<number>,
): Promise<void> {
  if (size.bytesPerRow !== undefined || range.rows <= FILE_SIZE_PROBE_ROWS) return;
  const bytes = await write({ from: range.from, rows: FILE_SIZE_PROBE_ROWS });
  size.bytesPerRow = bytes / FILE_SIZE_PROBE_ROWS;
  // What every file has besides its rows counts too much in a small file.
  if (bytes < targetBytes / FILE_SIZE_PROBE_SHARE && range.rows > FILE_SIZE_PROBE_SHARE * FILE_SIZE_PROBE_ROWS) {
    const rows = FILE_SIZE_PROBE_SHARE * FILE_SIZE_PROBE_ROWS;
    size.bytesPerRow = (await write({ from: range.from, rows })) / rows;
  }
}

/**
 * Cuts rows into files of about `targetBytes`. How many bytes a row takes is known only by writing it, so a file that came out too large,
 * or too small while rows are left, is written again with another number of rows.
 *
 * @param write writes the rows to the file of a number, replacing it, and returns its bytes
 * @param size in: what is known; out: what the last file showed
 * @param onCut is told of a file once it will not be written again
 */
export async function cutFiles(
  range: RowRange,
  targetBytes: number,
  size: RowSize,
  write: (range: RowRange, part: number) => Promise<number>,
  onCut?: CutListener,
): Promise<CutFile[]> {
  const files: CutFile[] = [];
  const add = (cut: CutFile) => {
    files.push(cut);
    onCut?.(cut, files.length - 1);
  };
  if (range.rows === 0) {
    add({ ...range, bytes: await write(range, 0) });
    return files;
  }
  const end = range.from + range.rows;
  let from = range.from;
  let tries: Tries = { written: 0 };
  while (from < end) {
    const left = end - from;
    const rows = nextTry(left, tries, targetBytes, size);
    const bytes = await write({ from, rows }, files.length);
    tries.written++;
    size.bytesPerRow = bytes / rows;
    const tooLarge = bytes > targetBytes * (1 + FILE_SIZE_TOLERANCE) && rows > 1;
    const tooSmall = bytes < targetBytes * (1 - FILE_SIZE_TOLERANCE) && rows < left;
    if ((tooLarge || tooSmall) && tries.written < FILE_SIZE_ATTEMPTS) {
      tries[tooLarge ? 'tooLarge' : 'tooSmall'] = { rows, bytes };
      continue;
    }
    add({ from, rows, bytes });
    from += rows;
    tries = { written: 0 };
  }
  return files;
}

/** What was written of one file without success. */
interface Tries {
  written: number;
  tooSmall?: { rows: number; bytes: number };
  tooLarge?: { rows: number; bytes: number };
}

/**
 * At first what makes files of one size. After a try that failed what would make a full file if all rows were as large as those of the
 * last; where that was tried already, or is known to be off, the middle between what was too small and what was too large.
 */
function nextTry(left: number, { written, tooSmall, tooLarge }: Tries, targetBytes: number, size: RowSize): number {
  if (size.bytesPerRow === undefined) return left;
  const even = rowsOfNextFile(left, size.bytesPerRow, targetBytes);
  const rows = even === left || written === 0 ? even : Math.max(1, Math.round(targetBytes / size.bytesPerRow));
  const isOff = rows <= (tooSmall?.rows ?? 0) || rows >= (tooLarge?.rows ?? Number.POSITIVE_INFINITY);
  return tooSmall && tooLarge && (isOff || written > 3) ? Math.round((tooSmall.rows + tooLarge.rows) / 2) : rows;
}
