import { open } from 'node:fs/promises';
import { dialectBytes } from '../formats/csv/dialect-bytes.ts';
import { RecordScanner, type ScannedRecord } from '../formats/csv/record-scanner.ts';
import { fieldsOf } from '../formats/csv/speculate.ts';
import { CSV_ROW_MAX_BYTES, REJECT_RAW_MAX_BYTES } from '../limits.ts';
import { textChunks } from './csv-head.ts';
import { BadValues, type LoggedMisfit, MisfitFilter } from './misfit-log.ts';
import { fileOf, type LocatedReject, rawText, type ScannedCsv } from './reject-scan.ts';
import type { Region } from './tolerant-part.ts';

/** Rejected rows of a CSV and where they stand. */
export interface LocatedMisfits {
  rows: { start: number; end: number; line: number; column: number; value: string }[];
  /** Records with another number of fields. */
  broken: Region[];
}

/**
 * Finds logged misfits in their file, and so many records with another number of fields, in one pass that splits hardly any
 * other record into fields.
 *
 * @param order file columns in the order in which a row's first bad value is looked for
 * @param records of the file; `broken` of them
 * @returns undefined where not just as many are found, or where a record is such that the engine may see it otherwise
 */
export async function locateMisfits(
  csv: ScannedCsv,
  misfits: readonly LoggedMisfit[],
  order: readonly number[],
  { records, broken }: { records: number; broken: number },
): Promise<LocatedMisfits | undefined> {
  const { input, dialect } = csv;
  const columns = input.columns.length;
  const bytes = dialectBytes(dialect);
  const bad = new BadValues(misfits, order);
  const filter = new MisfitFilter(misfits, dialect, columns);
  const rows: LocatedMisfits['rows'] = [];
  const regions: Region[] = [];
  let chunk: Buffer = Buffer.alloc(0);
  let base = 0;
  let nextQuote = -1;
  /** Of the record that began in an earlier chunk. */
  let held: Buffer[] = [];
  let failed = false;
  if (broken > 0 && dialect.comment !== '') return undefined;

  /** Whether a record splits into the file's columns; what is not beyond doubt fails the search. */
  const checkShape = (record: Buffer, place: ScannedRecord, hasQuotes: boolean) => {
    const fields = hasQuotes ? fieldsOf(record, dialect, bytes)?.length : countOf(record, bytes.delimiter) + 1;
    if (fields === undefined || record.length > CSV_ROW_MAX_BYTES) failed = true;
    else if (fields !== columns) regions.push({ start: place.start, end: place.end, line: place.line });
    if (regions.length > broken) failed = true;
  };
  const look = (record: Buffer, { start, end, line }: ScannedRecord) => {
    const fields = fieldsOf(record, dialect, bytes);
    const found = fields?.length === columns ? bad.firstOf(fields) : undefined;
    if (!found) return;
    if (rows.length === misfits.length) failed = true;
    else rows.push({ start, end, line, ...found });
  };
  const onRecord = (record: ScannedRecord) => {
    if (record.index >= records || failed) return;
    const from = record.start - base;
    const to = record.end - base;
    if (from < 0) {
      if (record.end - record.start > CSV_ROW_MAX_BYTES) {
        failed ||= broken > 0;
        return;
      }
      const own = Buffer.concat([...held, chunk.subarray(0, Math.max(0, to))]);
      if (broken > 0) checkShape(own, record, bytes.quote >= 0 && own.includes(bytes.quote));
      look(own, record);
      return;
    }
    if (bytes.quote >= 0 && nextQuote < from) {
      const found = chunk.indexOf(bytes.quote, from);
      nextQuote = found < 0 ? chunk.length : found;
    }
    const hasQuotes = bytes.quote >= 0 && nextQuote < to;
    if (broken > 0) checkShape(chunk.subarray(from, to), record, hasQuotes);
    if (filter.mayBeMisfit(chunk, from, to, hasQuotes)) look(chunk.subarray(from, to), record);
  };
  const scanner = new RecordScanner(dialect, {
    columns,
    firstLine: input.firstLine,
    onRecord,
    ...(broken === 0 && { wants: (line, from, to) => filter.mayBeMisfit(line, from, to, false) }),
  });
  for await (const piece of textChunks(fileOf(input))) {
    chunk = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
    nextQuote = -1;
    scanner.feed(chunk);
    const { recordStart } = scanner;
    if (recordStart >= base) held = [];
    // A longer one is no row that was read, and none of the misfits.
    if (base + chunk.length - recordStart <= CSV_ROW_MAX_BYTES)
      held.push(Buffer.from(chunk.subarray(Math.max(0, recordStart - base))));
    base += chunk.length;
    if (failed) return undefined;
    // As many as were logged: there are no others, but where a comment may have been taken for part of a value.
    if (broken === 0 && dialect.comment === '' && rows.length === misfits.length) return { rows, broken: regions };
  }
  chunk = Buffer.alloc(0);
  scanner.end();
  const isAll = !failed && rows.length === misfits.length && regions.length === broken;
  return isAll ? { rows, broken: regions } : undefined;
}

function countOf(bytes: Buffer, pattern: Uint8Array): number {
  let count = 0;
  if (pattern.length === 1) {
    const [one] = pattern;
    for (let i = 0; i < bytes.length; i++) if (bytes[i] === one) count++;
    return count;
  }
  for (let at = bytes.indexOf(pattern); at >= 0; at = bytes.indexOf(pattern, at + pattern.length)) count++;
  return count;
}

/** The located misfits with their text, which is read where it stands. */
export async function* locatedRejects(
  { input }: ScannedCsv,
  { rows }: LocatedMisfits,
  reasonOf: (column: number, value: string) => string,
): AsyncGenerator<LocatedReject> {
  const file = await open(input.path, 'r');
  try {
    for (const { start, end, line, column, value } of rows) {
      const bytes = Buffer.alloc(Math.min(end - start, REJECT_RAW_MAX_BYTES));
      const { bytesRead } = await file.read(bytes, 0, bytes.length, start);
      yield {
        ...{ local: start, line, column: input.columns[column]?.original ?? null },
        ...{ reason: reasonOf(column, value), raw: rawText(bytes.subarray(0, bytesRead)) },
      };
    }
  } finally {
    await file.close();
  }
}
