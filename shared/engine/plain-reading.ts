import type { Column } from '../domain/schema.ts';
import type { RecordCount } from '../formats/csv/record-scanner.ts';
import { PLAIN_PATTERN_MAX_CHARS } from '../limits.ts';
import { csvGroup, faultOf, type LiveInput } from './convert-inputs.ts';
import { type CsvFile, textChunks } from './csv-head.ts';
import { plainCsvRows } from './csv-relation.ts';
import { isPlainDialect, PlainRows, plainPattern } from './plain-rows.ts';
import type { FileColumn } from './table-engine.ts';

/**
 * The quick way to read a CSV: the engine parses text to its types at once, while the file is looked through beside it, whether each
 * value is spelled so that this loses nothing. At the first that is not, the engine is stopped, and everything is read the
 * careful way, in which each value's text is held against the value.
 */
export class PlainReading {
  readonly #live: LiveInput;
  readonly #columns: readonly Column[];
  readonly #patterns: readonly (string | undefined)[];
  readonly #quoted: boolean;
  readonly #refuted = new AbortController();
  #isProven = false;

  private constructor(
    live: LiveInput,
    columns: readonly Column[],
    patterns: readonly (string | undefined)[],
    quoted: boolean,
  ) {
    this.#live = live;
    this.#columns = columns;
    this.#patterns = patterns;
    this.#quoted = quoted;
  }

  /** For an only input that is a CSV and may be plain throughout, by its dialect, its columns' types and its beginning. */
  static async ofOnly(
    inputs: readonly LiveInput[],
    columns: readonly Column[],
    timezone: string,
  ): Promise<PlainReading | undefined> {
    const live = inputs[0];
    if (!live || inputs.length > 1) return undefined;
    const { csv, tolerant, count, input } = live;
    if (!csv || csv.rewritten || tolerant || count) return undefined;
    const patterns = plainPatternsOf(csv.read, columns, timezone);
    if (!patterns) return undefined;
    let found: PlainReading | undefined;
    const look = async () => {
      for await (const chunk of textChunks({ ...csv.read, where: input.uri })) {
        const readings = [false, true].map((quoted) => new PlainReading(live, columns, patterns, quoted));
        found = readings.find((reading) => reading.#witness().feed(chunk));
        return;
      }
    };
    // An input that cannot be read is told of where its rows are counted.
    await faultOf(look(), input.uri);
    return found;
  }

  /** All of the file has been looked through, and is plain. */
  get isProven(): boolean {
    return this.#isProven;
  }

  /** Aborted when something is found that is not plain. */
  get refuted(): AbortSignal {
    return this.#refuted.signal;
  }

  relation(): string {
    return plainCsvRows(csvGroup([this.#live]), this.#columns);
  }

  /** Looks through the file; what it holds, where all of it is plain. */
  async count(): Promise<Counted | undefined> {
    const { input, csv } = this.#live;
    const witness = this.#witness();
    try {
      for await (const chunk of textChunks({ ...csv!.read, where: input.uri })) if (!witness.feed(chunk)) break;
      const count = witness.end();
      // Who counted it before saw it with other eyes.
      if (count && (input.counted?.records ?? count.records) === count.records) {
        this.#isProven = true;
        return input.counted ?? { ...count, longestAtLeast: 0 };
      }
    } finally {
      if (!this.#isProven) this.#refuted.abort();
    }
    return undefined;
  }

  #witness(): PlainRows {
    const { read, skipLines } = this.#live.csv!;
    return new PlainRows(read.dialect, this.#patterns, skipLines, this.#quoted);
  }
}

type Counted = Pick<RecordCount, 'records' | 'bytes' | 'lines'> & { longestAtLeast: number };

/** A column's share of a record's pattern besides its own, for text too: so much as its compilation takes. */
const AROUND_PATTERN_CHARS = 8;

/** Patterns of a file's columns by which each of its records can be told to be plain; undefined where there are none. */
export function plainPatternsOf(
  { columns: fileColumns, dialect }: Pick<CsvFile, 'columns' | 'dialect'>,
  columns: readonly Column[],
  timezone: string,
): (string | undefined)[] | undefined {
  if (fileColumns.length < 2 || !isPlainDialect(dialect)) return undefined;
  return patternsOf(fileColumns, columns, { nullTokens: dialect.nullTokens, timezone });
}

/** Patterns of the file's columns; undefined where a value of some column cannot be told to be plain. */
export function patternsOf(
  fileColumns: readonly FileColumn[],
  columns: readonly Column[],
  style: { nullTokens: readonly string[]; timezone: string },
): (string | undefined)[] | undefined {
  const patterns: (string | undefined)[] = fileColumns.map(() => undefined);
  if (fileColumns.some(({ rescue }) => rescue)) return undefined;
  for (const { name, type } of columns) {
    const c = fileColumns.findIndex(({ target }) => target === name);
    if (c < 0 || type === 'string') continue;
    const pattern = fileColumns[c]!.format === undefined ? plainPattern(type, style) : undefined;
    if (pattern === undefined) return undefined;
    patterns[c] = pattern;
  }
  const chars = patterns.reduce((sum, pattern) => sum + (pattern?.length ?? 0) + AROUND_PATTERN_CHARS, 0);
  if (chars > PLAIN_PATTERN_MAX_CHARS) return undefined;
  return patterns.some((pattern) => pattern !== undefined) ? patterns : undefined;
}
