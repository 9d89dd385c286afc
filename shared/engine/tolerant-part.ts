import { innerDialect } from '../formats/csv/speculate.ts';
import { misfitReason, readTolerant, TolerantRecords, type TolerantRow } from '../formats/csv/tolerant-reader.ts';
import { quotedField } from '../formats/csv/write-field.ts';
import type { CsvDialect } from '../formats/csv-dialect.ts';
import { CSV_ROW_MAX_BYTES } from '../limits.ts';
import { type CsvFile, textChunks } from './csv-head.ts';
import { type PiecePath, PieceWriter } from './csv-pieces.ts';
import type { RowRules } from './table-engine.ts';

/** Bytes of a local CSV, and the number of the line that they begin with. */
export interface Region {
  start: number;
  end: number;
  line: number;
}

/** What the tolerant reader reads: a whole input, or the records of one that the strict reader could not split. */
export interface TolerantSource {
  file: CsvFile;
  dialect: CsvDialect;
  firstLine: number;
  /** In order and apart; left out: the whole file. */
  regions?: readonly Region[];
  rules: RowRules;
}

/** Rows that took the tolerant road: those that can be loaded lie in a clean copy, which the engine reads and types as any other. */
export interface TolerantPart {
  source: TolerantSource;
  copy: CsvFile;
  /** All rows that were found, and those of them in the copy. */
  rows: number;
  kept: number;
  /** Physical lines, where the whole file was read. */
  lines: number;
  bytes: number;
  /** The copy has one column more than the file: fields beyond the last as a JSON object, or null. */
  surplus: boolean;
}

/** How clean copies are written. */
const CLEAN: Pick<CsvDialect, 'encoding' | 'lineEnd' | 'delimiter' | 'quote' | 'escape' | 'comment'> = {
  encoding: 'utf-8',
  lineEnd: '\n',
  delimiter: ',',
  quote: '"',
  escape: '"',
  comment: '',
};

/** Reads a source with the tolerant reader and writes the rows that can be loaded to pieces; one pass, bounded memory. */
export async function tolerantPart(source: TolerantSource, pathOf: PiecePath): Promise<TolerantPart> {
  const { file, rules } = source;
  const columns = file.columns.length;
  const surplus = rules.long === 'rescue';
  const out = new PieceWriter(pathOf);
  const seen = { lines: 0, bytes: 0 };
  let rows = 0;
  let kept = 0;
  try {
    for await (const batch of tolerantRows(source, seen)) {
      let text = '';
      for (const row of batch) {
        rows++;
        if (faultOfRow(row, columns, rules) !== undefined) continue;
        kept++;
        text += cleanRow(row, columns, surplus);
      }
      if (text === '') continue;
      await out.write(Buffer.from(text));
      await out.endRecord();
    }
  } finally {
    await out.close();
  }
  const dialect = { ...innerDialect(source.dialect), ...CLEAN };
  const copy = { ...file, paths: await out.end(), dialect, gzip: false };
  return { source, copy, rows, kept, ...seen, surplus };
}

/** The rows of a source in order; offsets are the local file's. */
export async function* tolerantRows(
  { file, dialect, firstLine, regions }: TolerantSource,
  seen: { lines: number; bytes: number } = { lines: 0, bytes: 0 },
): AsyncGenerator<TolerantRow[]> {
  const columns = file.columns.length;
  const chunks = textChunks(file);
  if (regions) {
    yield* regionRows(chunks, regions, innerDialect(dialect), columns);
    return;
  }
  let lastByte = 10;
  let lineEnds = 0;
  let returned = false;
  async function* counted() {
    for await (const chunk of chunks) {
      seen.bytes += chunk.length;
      if (chunk.length > 0) lastByte = chunk[chunk.length - 1]!;
      [lineEnds, returned] = countLineEnds(chunk, dialect.lineEnd, lineEnds, returned);
      yield chunk;
    }
  }
  yield* readTolerant(counted(), dialect, { columns, firstLine });
  seen.lines = lineEnds + (lastByte === 10 || lastByte === 13 ? 0 : 1);
}

/** Line ends as the dialect has them, a carriage return and the line feed behind it being one. */
function countLineEnds(
  chunk: Uint8Array,
  lineEnd: CsvDialect['lineEnd'],
  before: number,
  returned: boolean,
): [lineEnds: number, returned: boolean] {
  const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
  const cr = lineEnd === '\r' || lineEnd === 'mixed';
  let count = before;
  for (let at = bytes.indexOf(10); at >= 0; at = bytes.indexOf(10, at + 1)) {
    const follows = at > 0 ? bytes[at - 1] === 13 : returned;
    if (!(cr && follows)) count++;
  }
  if (cr) for (let at = bytes.indexOf(13); at >= 0; at = bytes.indexOf(13, at + 1)) count++;
  return [count, bytes.length > 0 ? bytes[bytes.length - 1] === 13 : returned];
}

async function* regionRows(
  chunks: AsyncIterable<Uint8Array>,
  regions: readonly Region[],
  dialect: CsvDialect,
  columns: number,
): AsyncGenerator<TolerantRow[]> {
  let next = 0;
  let reader: TolerantRecords | undefined;
  let base = 0;
  for await (const chunk of chunks) {
    const end = base + chunk.length;
    const rows: TolerantRow[] = [];
    for (let region = regions[next]; region && region.start < end; region = regions[next]) {
      reader ??= new TolerantRecords(dialect, { columns, firstByte: region.start, firstLine: region.line });
      rows.push(...reader.feed(chunk.subarray(Math.max(0, region.start - base), region.end - base)));
      if (region.end > end) break;
      rows.push(...reader.end());
      reader = undefined;
      next++;
    }
    if (rows.length > 0) yield rows;
    if (next === regions.length) return;
    base = end;
  }
}

/** Why a row is not loaded; undefined: it is. */
export function faultOfRow(
  row: TolerantRow,
  columns: number,
  rules: RowRules,
): { reason: string; column: number | undefined } | undefined {
  const isShort = row.verdict === 'short';
  if (
    row.verdict !== 'fits' &&
    !(isShort && rules.short === 'pad') &&
    !(row.verdict === 'long' && rules.long === 'rescue')
  ) {
    return { reason: misfitReason(row, columns), column: isShort ? row.fields.length : undefined };
  }
  if (row.garbled) {
    const column = row.fields.findIndex((field) => field.includes('\ufffd'));
    return { reason: 'the text is no UTF-8', column: column < 0 ? undefined : column };
  }
  if (row.byteEnd - row.byteOffset > CSV_ROW_MAX_BYTES) return { reason: 'the row is too long', column: undefined };
  return undefined;
}

/** A field that must stand in quotes to come back as it is; a mark at the file's beginning would be passed over. */
const NEEDS_QUOTES = /[",\r\n\ufeff]|^\s|\s$/;

function cleanRow({ fields, emptyTexts }: TolerantRow, columns: number, surplus: boolean): string {
  let line = '';
  for (let c = 0; c < columns; c++) {
    if (c > 0) line += ',';
    const field = fields[c];
    if (field === undefined) continue;
    if (field === '') line += emptyTexts?.includes(c) ? '""' : '';
    else line += cleanField(field);
  }
  if (!surplus) return `${line}\n`;
  if (fields.length <= columns) return `${line},\n`;
  const extra = fields.slice(columns).map((field, i) => [`column${columns + i}`, field]);
  return `${line},${cleanField(JSON.stringify(Object.fromEntries(extra)))}\n`;
}

function cleanField(field: string): string {
  return NEEDS_QUOTES.test(field) ? quotedField(field) : field;
}
