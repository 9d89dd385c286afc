import type { CsvDialect } from '../formats/csv-dialect.ts';
import { MISFITS_LOGGED } from '../limits.ts';
import type { Session } from './session.ts';
import { literal, sumOf } from './sql.ts';

/** Which scan of the job's writes to the log, and which road its rows took. */
export interface LogMark {
  attempt: number;
  road: Road;
}

export type Road = 'strict' | 'copy';

/** The first value of a row that does not fit, and what helps to find the row. */
export interface LoggedMisfit {
  /** Index of the row's input. */
  input: number;
  road: Road;
  /** Index of the file's column. */
  column: number;
  value: string;
  /** How the row's first field begins, and the bytes of all its fields; empty and -1 where they were not read. */
  head: string;
  bytes: number;
}

/** Counts what a connection has logged; made with the connection. */
export const MISFIT_SEQUENCE = 'misfits_logged';
const LOG_TYPE = 'sluice_misfit';
/** Of a row's first field. */
const HEAD_CHARS = 8;
/** Of a value; one that is longer could not be told from another that begins so. */
const VALUE_CHARS = 1000;

/**
 * An expression that is true, and on the way writes a misfit to the engine's log: while rows are written, so that nobody has to
 * read all of them again to find a few that were left out. After `MISFITS_LOGGED` of them on one connection it only says true.
 *
 */
export function loggedMisfit(
  { attempt, road }: LogMark,
  row: {
    /** Expression of the index of its input. */
    input: string;
    /** Expression of the index of its first file column that does not fit, which is one of `checked`. */
    column: string;
    checked: readonly number[];
    /** Expressions of the file's columns; undefined: it is not read. */
    sources: readonly (string | undefined)[];
  },
): string {
  const { input, column, checked, sources } = row;
  const value = `CASE ${column} ${checked.map((c) => `WHEN ${c} THEN ${sources[c]}`).join(' ')} END`;
  const lengths = sources.flatMap((source) => (source === undefined ? [] : [`coalesce(strlen(${source}), 0)`]));
  const bytes = lengths.length < sources.length ? '-1' : sumOf(lengths);
  const head = sources[0] === undefined ? "''" : `left(${sources[0]}, ${HEAD_CHARS})`;
  const message =
    `{'a': ${attempt}, 'r': ${literal(road)}, 'f': ${input}, 'c': ${column}, ` +
    `'v': left(${value}, ${VALUE_CHARS}), 'l': strlen(${value}), 'h': ${head}, 'n': ${bytes}}`;
  return (
    `CASE WHEN nextval(${literal(MISFIT_SEQUENCE)}) <= ${MISFITS_LOGGED} THEN ` +
    `write_log(CAST(to_json(${message}) AS VARCHAR), log_type := ${literal(LOG_TYPE)}, level := 'error', ` +
    `scope := 'database', return_value := TRUE) ELSE TRUE END`
  );
}

/** What an attempt has logged; undefined where that is not all that it left out, or where a value cannot be told from others. */
export async function readMisfitLog(session: Session, attempt: number): Promise<LoggedMisfit[] | undefined> {
  const rows = await session.rows(`SELECT message FROM duckdb_logs WHERE type = ${literal(LOG_TYPE)}`);
  const misfits: LoggedMisfit[] = [];
  for (const [message] of rows) {
    const said = JSON.parse(String(message)) as {
      a: number;
      r: Road;
      f: number;
      c: number;
      v: string;
      l: number;
      h: string | null;
      n: number;
    };
    if (said.a !== attempt) continue;
    if (Buffer.byteLength(said.v) !== said.l) return undefined;
    misfits.push({ input: said.f, road: said.r, column: said.c, value: said.v, head: said.h ?? '', bytes: said.n });
  }
  return misfits.length < MISFITS_LOGGED ? misfits : undefined;
}

/**
 * Values that are known not to fit, by file column. Whether a value fits is told by its text and column alone, so that a row with one of
 * them is a misfit, and every misfit whose first bad value is here is found.
 */
export class BadValues {
  readonly #columns = new Map<number, Set<string>>();
  readonly #order: readonly number[];

  /** @param order file columns in the order in which a row's first bad value is looked for */
  constructor(misfits: readonly LoggedMisfit[], order: readonly number[]) {
    for (const { column, value } of misfits) {
      const values = this.#columns.get(column) ?? new Set();
      this.#columns.set(column, values.add(value));
    }
    this.#order = order.filter((column) => this.#columns.has(column));
  }

  /** The row's first bad value; undefined where all fit. */
  firstOf(fields: readonly (string | undefined)[]): { column: number; value: string } | undefined {
    for (const column of this.#order) {
      const value = fields[column];
      if (value !== undefined && this.#columns.get(column)!.has(value)) return { column, value };
    }
    return undefined;
  }
}

/**
 * Tells of most records by their first bytes and their length that they are none of the logged misfits, without splitting them
 * into fields.
 */
export class MisfitFilter {
  /** Hashes of beginnings, by their length. */
  readonly #heads: (Set<number> | undefined)[] = [];
  readonly #lengths = new Set<number>();
  #anyLength = false;
  readonly #quote: number;

  constructor(misfits: readonly LoggedMisfit[], { quote, delimiter }: CsvDialect, columns: number) {
    this.#quote = quote === '' ? -1 : quote.charCodeAt(0);
    const between = (columns - 1) * Buffer.byteLength(delimiter);
    for (const { head, bytes } of misfits) {
      // What stands escaped in the file begins otherwise there.
      const plain = /^[^"'\\]*/.exec(head)![0];
      const start = Buffer.from(plain).subarray(0, HEAD_CHARS);
      let hash = 0;
      for (const byte of start) hash = nextHash(hash, byte);
      const known = this.#heads[start.length] ?? new Set();
      this.#heads[start.length] = known.add(hash);
      if (bytes < 0) this.#anyLength = true;
      this.#lengths.add(bytes + between);
    }
  }

  /** @param from, to the record in `bytes`, with its line end or without */
  mayBeMisfit(bytes: Buffer, from: number, to: number, hasQuotes: boolean): boolean {
    while (to > from && (bytes[to - 1] === 10 || bytes[to - 1] === 13)) to--;
    if (!hasQuotes && !this.#anyLength && !this.#lengths.has(to - from)) return false;
    let at = from;
    if (hasQuotes) {
      if (bytes[at] === 32) at++;
      if (bytes[at] === this.#quote) at++;
    }
    let hash = 0;
    for (let length = 0; length < this.#heads.length; length++) {
      if (this.#heads[length]?.has(hash)) return true;
      if (at >= to) return false;
      hash = nextHash(hash, bytes[at++]!);
    }
    return false;
  }
}

function nextHash(hash: number, byte: number): number {
  return (Math.imul(hash, 31) + byte + 1) | 0;
}
