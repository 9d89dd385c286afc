import { countRecords } from '../formats/csv/count-records.ts';
import { type DialectBytes, dialectBytes } from '../formats/csv/dialect-bytes.ts';
import type { CsvDialect } from '../formats/csv-dialect.ts';
import { CSV_ROW_MAX_BYTES } from '../limits.ts';
import { type CsvFile, textChunks } from './csv-head.ts';
import { headless, type PiecePath, PieceWriter } from './csv-pieces.ts';
import { csvRecords } from './csv-records.ts';

const LF = 10;
const CR = 13;
const SPACE = 32;

/**
 * Writes the data records of a CSV, and nothing else, to pieces, each ended by a line feed, in the same order. For what
 * the engine cannot read as it is: heads whose lines it would miscount, footers, several kinds of line end in one file, a
 * carriage return or line feed alone in a field without quotes (it gives up the whole file for one), a quote that is never
 * closed (it may leave out the row without a word), a row too long for it with line ends inside (it goes on in its middle).
 *
 * @param dialect with the file's own mark (`readHead`)
 * @returns the copy with its own dialect
 */
export async function rewriteCsv(file: CsvFile, dialect: CsvDialect, pathOf: PiecePath): Promise<CsvFile> {
  const columns = file.columns.length;
  const rows =
    dialect.footerRows === 0
      ? Number.POSITIVE_INFINITY
      : (await countRecords(file.paths[0]!, dialect, { columns, gzip: file.gzip })).records;
  const bytes = dialectBytes(dialect);
  const out = new PieceWriter(pathOf);
  try {
    const batches = csvRecords(textChunks(file), dialect, {
      columns,
      wants: ({ index }) => index < rows,
      maxBytes: CSV_ROW_MAX_BYTES + 1,
    });
    for await (const records of batches) {
      const pieces: Uint8Array[] = [];
      for (const record of records) pieces.push(tidyRecord(record.bytes, bytes), LINE_FEED);
      await out.write(Buffer.concat(pieces));
      await out.endRecord();
    }
  } finally {
    await out.close();
  }
  const quoting = dialect.quote === '' ? { quote: '"' as const, escape: '"' } : {};
  const copied = { ...headless(dialect), ...quoting, lineEnd: '\n' as const, footerRows: 0 };
  return { ...file, paths: await out.end(), dialect: copied, gzip: false };
}

const LINE_FEED = Uint8Array.of(LF);
const DOUBLE_QUOTE = 34;
const DOUBLE_QUOTES = { quote: DOUBLE_QUOTE, escape: -1, doubling: true };
const FILLER = 'x'.charCodeAt(0);

/**
 * Without its line end, and with fields put in quotes that hold one and are not. A record that is to be rejected for its quotes ends with
 * the field that is at fault, in the one form of which it is certain what the engine makes.
 */
function tidyRecord(record: Buffer, dialect: DialectBytes): Uint8Array {
  // The engine is to reject it for its length, whatever its cut text would say.
  if (record.length > CSV_ROW_MAX_BYTES) return Buffer.alloc(record.length, FILLER);
  let end = record.length;
  if (dialect.eol === LF && end > 0 && record[end - 1] === LF) end--;
  if ((dialect.eol === CR || end < record.length || dialect.mixed) && end > 0 && record[end - 1] === CR) end--;
  const text = record.subarray(0, end);
  const quote = dialect.quote < 0 ? DOUBLE_QUOTE : dialect.quote;
  return text.includes(quote) || text.includes(CR) || text.includes(LF) ? tidyFields(text, dialect) : text;
}

function tidyFields(text: Buffer, dialect: DialectBytes): Uint8Array {
  const { quote, delimiter } = dialect;
  const pieces: Uint8Array[] = [];
  for (let at = 0; ; ) {
    let end = at;
    if (text[end] === SPACE && delimiter[0] !== SPACE) end++;
    const isQuoted = quote >= 0 && text[end] === quote;
    if (isQuoted) end = endOfQuotes(text, end + 1, dialect);
    const found = end < 0 ? -1 : text.indexOf(delimiter, isQuoted ? end : at);
    const stop = found < 0 ? text.length : found;
    const field = text.subarray(at, stop);
    if (isQuoted) {
      const isClean = end >= 0 && text.subarray(end, stop).every((byte) => byte === SPACE);
      if (!isClean) return Buffer.concat([...pieces, Uint8Array.of(quote, quote, FILLER)]);
      pieces.push(field);
    } else pieces.push(mustBeQuoted(field, quote) ? quotedField(field, dialect) : field);
    if (found < 0) return Buffer.concat(pieces);
    pieces.push(delimiter);
    at = found + delimiter.length;
  }
}

/** Behind the closing quote; -1 where there is none. */
function endOfQuotes(text: Buffer, from: number, { quote, escape: escaper, doubling }: DialectBytes): number {
  for (let i = from; i < text.length; i++) {
    if (text[i] === escaper) i++;
    else if (text[i] === quote) {
      if (!doubling || text[i + 1] !== quote) return i + 1;
      i++;
    }
  }
  return -1;
}

/** Where the file has no quotes, the copy has double ones, and a field that has one itself must not be taken for quoted. */
function mustBeQuoted(field: Buffer, quote: number): boolean {
  return field.includes(CR) || field.includes(LF) || (quote < 0 && field.includes(DOUBLE_QUOTE));
}

function quotedField(field: Buffer, dialect: DialectBytes): Uint8Array {
  const { quote, escape: escaper, doubling } = dialect.quote < 0 ? DOUBLE_QUOTES : dialect;
  const out: number[] = [quote];
  for (const byte of field) {
    if (byte === quote && doubling) out.push(quote);
    else if (escaper >= 0 && (byte === quote || byte === escaper)) out.push(escaper);
    out.push(byte);
  }
  out.push(quote);
  return Uint8Array.from(out);
}
