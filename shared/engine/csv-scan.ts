import type { CsvDialect } from '../formats/csv-dialect.ts';
import { CSV_BUFFER_BYTES, CSV_ROW_MAX_BYTES } from '../limits.ts';
import { literal, literals } from './sql.ts';

/** Files that one call of `read_csv` reads: the same number of columns, the same dialect, the same lines to pass over. */
export interface CsvScan {
  paths: readonly string[];
  /** Columns come out as `c0`, `c1`, … in the file's order, as text … */
  columns: number;
  /** … or as these types, and a row with a value that the engine cannot read so is no row; what it can read may lose something. */
  types?: readonly string[];
  dialect: CsvDialect;
  /** Physical lines before the first row. */
  skipLines: number;
  gzip: boolean;
  /** Of one file by several threads. */
  parallel: boolean;
  /** Names of the tables that take rows that are no rows; left out: they are passed over. */
  rejects?: { errors: string; scans: string };
}

/**
 * The rows of CSV files as text, nothing guessed: a field that is empty and not in quotes is null, one of two quotes is the
 * empty text, and a row with too few or too many fields, text behind a closing quote or bytes that are no UTF-8 is no row.
 */
export function readCsv(scan: CsvScan): string {
  const { dialect } = scan;
  const columns = Array.from({ length: scan.columns }, (_, c) => `'c${c}': ${literal(scan.types?.[c] ?? 'VARCHAR')}`);
  const options = {
    columns: `{${columns.join(', ')}}`,
    auto_detect: 'false',
    header: 'false',
    skip: String(scan.skipLines),
    delim: literal(dialect.delimiter),
    quote: literal(dialect.quote),
    escape: literal(dialect.escape),
    comment: literal(dialect.comment),
    // Left to itself the engine takes the first line end that it finds, also one in quotes. strict_mode must be left at its
    // default: said outright, it makes the engine lose every row of a file with CRLF.
    new_line: dialect.lineEnd === '\r\n' ? "'\\r\\n'" : dialect.lineEnd === '\r' ? "'\\r'" : "'\\n'",
    nullstr: "''",
    allow_quoted_nulls: 'false',
    null_padding: 'false',
    encoding: "'utf-8'",
    max_line_size: String(CSV_ROW_MAX_BYTES),
    buffer_size: String(CSV_BUFFER_BYTES),
    compression: scan.gzip ? "'gzip'" : "'none'",
    parallel: String(scan.parallel),
    // A folder of the path that reads like `day=…` is no column.
    hive_partitioning: 'false',
    union_by_name: 'false',
    ...(scan.rejects
      ? {
          store_rejects: 'true',
          rejects_table: literal(scan.rejects.errors),
          rejects_scan: literal(scan.rejects.scans),
          rejects_limit: '0',
        }
      : { ignore_errors: 'true' }),
  };
  const listed = Object.entries(options).map(([name, value]) => `${name} = ${value}`);
  return `read_csv(${literals(scan.paths)}, ${listed.join(', ')})`;
}
