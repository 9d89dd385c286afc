import type { CsvDialect } from '../csv-dialect.ts';
import { fileChunks } from '../file-chunks.ts';
import { inflateChunks } from '../gzip.ts';
import { type RecordCount, RecordScanner, type ScanOptions } from './record-scanner.ts';

/** What a scan found, and how long its records are (`RecordScanner.longestAtLeast`). */
export interface FileCount extends RecordCount {
  longestAtLeast: number;
}

export interface CountOptions extends ScanOptions {
  /** The file is gzip-compressed; offsets count uncompressed bytes. */
  gzip?: boolean;
}

/**
 * Scans a local CSV from end to end in bounded memory. Throws `BadInput` for a dialect that cannot be scanned, and
 * `CorruptFile` for a gzip that is cut short or fails its checksum.
 */
export async function countRecords(path: string, dialect: CsvDialect, options: CountOptions): Promise<FileCount> {
  const scanner = new RecordScanner(dialect, options);
  const chunks = fileChunks(path);
  for await (const chunk of options.gzip ? inflateChunks(chunks, 'gzip', { where: path }) : chunks) {
    scanner.feed(chunk);
    if (scanner.stoppedAt !== undefined) break;
  }
  return { ...scanner.end(), longestAtLeast: scanner.longestAtLeast };
}
