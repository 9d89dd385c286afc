import { BadInput, SchemaMismatch } from '../errors.ts';
import { dialectBytes } from '../formats/csv/dialect-bytes.ts';
import { RecordScanner } from '../formats/csv/record-scanner.ts';
import { namesPartedOtherwise } from '../formats/csv/sniff-names.ts';
import { fieldsOf } from '../formats/csv/speculate.ts';
import type { CsvDialect } from '../formats/csv-dialect.ts';
import { fileChunks } from '../formats/file-chunks.ts';
import { inflateChunks } from '../formats/gzip.ts';
import { CSV_BUFFER_BYTES, CSV_HEAD_CHUNK_BYTES } from '../limits.ts';
import type { FileColumn } from './table-engine.ts';

/** What stands before the first row of a CSV. */
export interface CsvHead {
  /** The dialect with the mark that the file really begins with. */
  dialect: CsvDialect;
  /** Lines that the engine is to pass over; undefined where its own counting of lines would go wrong. */
  skipLines: number | undefined;
  /** Fields of the header, where it is one row. */
  header: string[] | undefined;
}

export interface CsvFile {
  /** Files that hold the text, one after the other. Of several, each begins with a record, and none has a header. */
  paths: readonly string[];
  /** Names the object in errors. */
  where: string;
  dialect: CsvDialect;
  columns: readonly FileColumn[];
  gzip: boolean;
}

/** The text's bytes in order, uncompressed. A chunk is good until the next is asked for. */
export async function* textChunks(
  { paths, gzip, where }: Pick<CsvFile, 'paths' | 'gzip' | 'where'>,
  chunkBytes?: number,
): AsyncGenerator<Uint8Array> {
  for (const path of paths) {
    const chunks = fileChunks(path, chunkBytes);
    yield* gzip ? inflateChunks(chunks, 'gzip', { where }) : chunks;
  }
}

/**
 * Reads as much of the file as its head takes.
 *
 * @throws BadInput where the head does not end within `CSV_BUFFER_BYTES`, CorruptFile for a gzip that is none
 */
export async function readHead(file: CsvFile): Promise<CsvHead> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  let scanner: RecordScanner | undefined;
  let dialect = file.dialect;
  for await (const chunk of textChunks(file, CSV_HEAD_CHUNK_BYTES)) {
    if (!scanner) {
      dialect = markedDialect(file.dialect, chunk);
      scanner = new RecordScanner(dialect, { columns: file.columns.length });
    }
    scanner.feed(chunk);
    pieces.push(Buffer.from(chunk));
    bytes += chunk.length;
    if (scanner.dataStart !== undefined) break;
    if (bytes > CSV_BUFFER_BYTES) {
      throw new BadInput(`Cannot read ${file.where} as CSV: its header does not end within ${bytes} bytes`, {
        where: file.where,
      });
    }
  }
  if (!scanner) return { dialect, skipLines: 0, header: undefined };
  const end = scanner.dataStart ?? bytes;
  return headOf(file, dialect, Buffer.concat(pieces).subarray(0, end));
}

/** What `head` is, all bytes before the first row, in a dialect with the mark that they begin with. */
export function headOf(file: Pick<CsvFile, 'columns'>, dialect: CsvDialect, head: Buffer): CsvHead {
  const text = head.subarray(dialect.bomBytes);
  return { dialect, skipLines: linesToSkip(text, dialect), header: headerFields(text, dialect, file.columns.length) };
}

/** The dialect of a text in UTF-8 that begins so, with the mark that it really has. */
export function markedDialect(dialect: CsvDialect, beginning: Uint8Array): CsvDialect {
  return { ...dialect, encoding: 'utf-8', bomBytes: startsWithMark(beginning) ? UTF8_MARK.length : 0 };
}

/**
 * Holds the header against the columns that are expected: each must stand in its place, or, where the header has another
 * number of names, anywhere. Blanks around names count for nothing, and a column without a name is not looked for.
 *
 * @throws SchemaMismatch naming the column
 */
export function checkHeader(file: CsvFile, header: readonly string[]): void {
  const names = header.map((name) => name.trim());
  const aligned = names.length === file.columns.length;
  file.columns.forEach(({ original }, c) => {
    const name = original.trim();
    if (name === '' || (aligned ? names[c] === name : names.includes(name))) return;
    const found = aligned ? `column ${c + 1} is ${JSON.stringify(header[c])}` : `it has ${header.length} columns`;
    throw new SchemaMismatch(
      `The header of ${file.where} lacks the column ${JSON.stringify(original)}: ${found} where ${file.columns.length} are expected`,
      { where: file.where },
    );
  });
}

const UTF8_MARK = Uint8Array.of(0xef, 0xbb, 0xbf);

function startsWithMark(chunk: Uint8Array): boolean {
  return UTF8_MARK.every((byte, i) => chunk[i] === byte);
}

/**
 * Lines of the head, if the engine would count them so: it reads a quote in a skipped line as one that opens a field, and does
 * not count comments.
 */
function linesToSkip(head: Buffer, dialect: CsvDialect): number | undefined {
  const { quote, comment, eol, mixed } = dialectBytes(dialect);
  if (mixed) return undefined;
  let lines = 0;
  for (let at = 0; at < head.length; lines++) {
    const found = head.indexOf(eol, at);
    const line = head.subarray(at, found < 0 ? head.length : found);
    if (comment >= 0 && line.includes(comment)) return undefined;
    if (quote >= 0 && countOf(line, quote) % 2 === 1) return undefined;
    if (found < 0) return undefined;
    at = found + 1;
  }
  return lines;
}

function countOf(bytes: Buffer, byte: number): number {
  let count = 0;
  for (let at = bytes.indexOf(byte); at >= 0; at = bytes.indexOf(byte, at + 1)) count++;
  return count;
}

/** The names in the head, however they are parted. */
function headerFields(head: Buffer, dialect: CsvDialect, columns: number): string[] | undefined {
  if (dialect.headerRows !== 1) return undefined;
  let fields: string[] | undefined;
  const scanner = new RecordScanner(
    // Columns other than one: the header may come behind blank lines.
    { ...dialect, bomBytes: 0, headerRows: 0, footerRows: 0 },
    {
      columns: Math.max(columns, 2),
      onRecord: ({ start, end }) => {
        fields = fieldsOf(head.subarray(start, end), dialect, dialectBytes(dialect));
      },
    },
  );
  scanner.feed(head);
  scanner.end();
  if (fields === undefined || fields.length >= columns) return fields;
  return namesPartedOtherwise({ fields, quoted: 0 }, dialect.delimiter, columns) ?? fields;
}
