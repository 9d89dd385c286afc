import { LRUCache } from 'lru-cache';
import { KNOWN_HEADER_MAX_BYTES, KNOWN_HEADERS } from '../../limits.ts';
import type { CsvDialect } from '../csv-dialect.ts';
import type { CsvFindings } from './sniff.ts';

/** How regular files with one certain header are written, as one of them showed. */
export interface KnownFile {
  /** The header as it stands in the file, without its line end. */
  header: string;
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
    const { columns, dialect, confidence } = findings;
    const names = columns.map(({ original }) => original);
    const typed = columns.flatMap(({ type }, c) => (type === 'string' ? [] : [c]));
    const known = findings.regular ? knownFile(head, { names, typed, dialect, confidence }) : undefined;
    if (known) this.#byHeader.set(known.header, known);
  }
}

/**
 * What was found of a file without irregularities, for others that begin with the same header, and for the rest of it; undefined where
 * it is not so plain that they can be held to it.
 */
export function knownFile(head: Uint8Array, found: Omit<KnownFile, 'header'>): KnownFile | undefined {
  const { dialect, names } = found;
  const { quote, escape: escaping, delimiter, lineEnd } = dialect;
  if (dialect.headerRows !== 1 || dialect.skipLines > 0 || names.length < 2) return undefined;
  if (dialect.encoding !== 'utf-8' || dialect.bomBytes > 0 || dialect.skipInitialSpace || dialect.delimiterRuns)
    return undefined;
  if (quote !== '"' || escaping !== '"' || !/^[\0-\x7f]$/.test(delimiter)) return undefined;
  if (lineEnd !== '\n' && lineEnd !== '\r\n') return undefined;
  const header = headerLine(head);
  // what begins as markup or JSON does is to be looked at each time
  if (header === undefined || header.includes(quote) || /^\s*[<{[]/.test(header)) return undefined;
  return { header, ...found };
}

/** The first line of UTF-8; undefined where no line ends. */
function headerLine(head: Uint8Array): string | undefined {
  const end = head.indexOf(LF);
  if (end < 0 || end > KNOWN_HEADER_MAX_BYTES) return undefined;
  return Buffer.from(head.subarray(0, head[end - 1] === CR ? end - 1 : end)).toString();
}

const LF = 10;
const CR = 13;
