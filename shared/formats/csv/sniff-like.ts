import { LRUCache } from 'lru-cache';
import { KNOWN_HEADER_MAX_BYTES, KNOWN_HEADERS } from '../../limits.ts';
import type { CsvDialect } from '../csv-dialect.ts';
import { type Grammar, type LenientRow, type LenientRows, parseRows } from './lenient-rows.ts';
import type { CsvFindings } from './sniff.ts';
import { countFooters } from './sniff-bounds.ts';
import type { TableFindings } from './sniff-table.ts';
import { profileValues } from './types.ts';

/** How regular files with one certain header are written, as one of them showed. */
export interface KnownFile {
  /** The header as it stands in the file, without its line end. */
  header: string;
  width: number;
  names: readonly string[];
  /** Columns whose values are no text, by index. */
  typed: readonly number[];
  dialect: CsvDialect;
  confidence: number;
}

/** Files of one data set that are known, by their headers: the last few. */
export class KnownFiles {
  readonly #byHeader = new LRUCache<string, KnownFile>({ max: KNOWN_HEADERS });

  /** One that begins as these bytes do. */
  like(head: Uint8Array): KnownFile | undefined {
    const header = headerLine(head);
    return header === undefined ? undefined : this.#byHeader.get(header);
  }

  add(head: Uint8Array, findings: CsvFindings): void {
    const known = knownFile(head, findings);
    if (known) this.#byHeader.set(known.header, known);
  }
}

/** What was found of a file, for others that begin with the same header; undefined where it is not so plain that they can be held to it. */
function knownFile(head: Uint8Array, findings: CsvFindings): KnownFile | undefined {
  const { dialect, columns, regular, confidence } = findings;
  const { quote, escape: escaping, delimiter, lineEnd } = dialect;
  if (!regular || dialect.headerRows !== 1 || dialect.skipLines > 0 || columns.length < 2) return undefined;
  if (dialect.encoding !== 'utf-8' || dialect.bomBytes > 0 || dialect.skipInitialSpace || dialect.delimiterRuns)
    return undefined;
  if (quote !== '"' || escaping !== '"' || delimiter.length !== 1 || lineEnd === '\r') return undefined;
  const header = headerLine(head);
  if (header === undefined || header.includes(quote)) return undefined;
  const typed = columns.flatMap(({ type }, c) => (type === 'string' ? [] : [c]));
  return { header, width: columns.length, names: columns.map(({ original }) => original), typed, dialect, confidence };
}

/** The first line of UTF-8; undefined where no line ends. */
function headerLine(head: Uint8Array): string | undefined {
  const end = head.indexOf(LF);
  if (end < 0 || end > KNOWN_HEADER_MAX_BYTES) return undefined;
  return Buffer.from(head.subarray(0, head[end - 1] === CR ? end - 1 : end)).toString();
}

const LF = 10;
const CR = 13;

/**
 * The rows and the table of a whole file that begins with a known header, where all of it bears out that it is written as the
 * known one is: then every dialect need not be tried again. Undefined where anything is otherwise, or unclear.
 */
export function asKnown(
  text: string,
  known: KnownFile,
): { grammar: Grammar; parsed: LenientRows; table: TableFindings } | undefined {
  const { delimiter, quote, escape: escaping, lineEnd } = known.dialect;
  // What may mean an escape or another quote, or ends lines otherwise, is to be weighed, not taken for the known file's.
  if (text.includes('\\') || text.includes(`'${delimiter}`) || text.includes(`${delimiter}'`)) return undefined;
  const grammar: Grammar = { delimiter, quote: quote as '"', escape: escaping, loneCr: text.includes('\r') };
  const parsed = parseRows(text, grammar, true);
  const { rows, cr, lf, crlf, spaced, unclosed } = parsed;
  if (cr > 0 || spaced > 0 || unclosed > 0 || (lineEnd === '\n' ? crlf : lf) > 0) return undefined;
  const fits = (row: LenientRow) => row.fields.length === known.width && row.strays === 0 && row.inner === 0;
  if (rows.length < 2 || !rows.every(fits)) return undefined;
  const [header, ...body] = rows as [LenientRow, ...LenientRow[]];
  if (header.fields.join(delimiter) !== known.header) return undefined;
  if (known.typed.some((c) => profileValues([body[0]!.fields[c]!]).texts > 0)) return undefined;
  if (body.some((row) => row.fields.every((field, c) => field === header.fields[c]))) return undefined;
  if (countFooters(rows, known.width) > 0) return undefined;
  const table: TableFindings = {
    names: [...known.names],
    width: known.width,
    rows: body,
    comment: '',
    skipLines: 0,
    headerRows: 1,
    footerRows: 0,
    otherTables: [],
    gaps: false,
    headerConfidence: 1,
    reasons: ['header, delimiter and quotes: as in another file with the same header, since every row fits'],
  };
  return { grammar, parsed, table };
}
