/** How a CSV's bytes become fields; always explicit by the time rows are read. */
export interface CsvDialect {
  encoding: 'utf-8' | 'utf-16le' | 'utf-16be' | 'windows-1252' | 'latin-1';
  /** Bytes of the byte-order mark, 0 where there is none. */
  bomBytes: number;
  lineEnd: '\n' | '\r\n' | '\r' | 'mixed';
  /** One or more characters. */
  delimiter: string;
  /** Empty: no quoting. */
  quote: '"' | "'" | '';
  /** The quote itself where it is doubled, a backslash, or empty for neither. */
  escape: string;
  /** Lines starting so are no rows; empty: none. */
  comment: string;
  /** Lines before the header (or before the first row where there is none). */
  skipLines: number;
  /** Header rows: 0, 1, or more where several make up a name. */
  headerRows: number;
  /** Rows at the end that are no data (totals, notes). */
  footerRows: number;
  /** What stands for a missing value, besides the empty field. Those of `textNulls: false` not in text columns. */
  nullTokens: string[];
  decimalComma: boolean;
  /** Digit-group separator; empty: none. */
  thousands: string;
  /** Blanks after a delimiter belong to it, not to the value: `a, b`. Left out: they are part of the value. */
  skipInitialSpace?: boolean;
  /** Delimiters in a row count as one, and those at a line's ends for none, as in aligned columns. Left out: each counts. */
  delimiterRuns?: boolean;
  /** Physical lines (from 1, both ends included) of other tables in the file; their rows are rejected. Left out: none. */
  otherTables?: { firstLine: number; lastLine: number }[];
}
