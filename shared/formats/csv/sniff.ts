import type { z } from 'zod';
import type { CsvOptions } from '../../dataset/dataset.ts';
import type { ColumnType } from '../../domain/schema.ts';
import { EmptyObject, UnknownFormat } from '../../errors.ts';
import { CSV_COLUMNS_MAX, SNIFF_TRIAL_CHARS, SNIFF_TRIAL_ROWS } from '../../limits.ts';
import type { CsvDialect } from '../csv-dialect.ts';
import { type AlikeFile, readAsKnown } from './as-known.ts';
import { decodeSample, detectEncoding } from './encoding.ts';
import { alignedRows, type Grammar, isBlank, type LenientRows, parseRows } from './lenient-rows.ts';
import { countFooters } from './sniff-bounds.ts';
import { type Candidate, rankDialects } from './sniff-dialect.ts';
import { foreignBytes, foreignText } from './sniff-foreign.ts';
import { type KnownFile, knownFile } from './sniff-like.ts';
import { sniffNumberStyle } from './sniff-numbers.ts';
import { findTable, HEADER_BODY_ROWS, type TableFindings } from './sniff-table.ts';
import { type ColumnProfile, DEFAULT_NULL_TOKENS, profileValues, settleDateOrder, typeOf } from './types.ts';

/** Pieces of a file: all that is looked at. */
export interface CsvSample {
  head: Uint8Array;
  /** From anywhere inside; it may begin and end inside a row. */
  middle?: Uint8Array;
  /** The file's last bytes. */
  tail?: Uint8Array;
  /** `head` is the whole file. */
  complete: boolean;
}

export interface CsvColumn {
  /** The header's text as it is; `column0`, `column1`, … without a header. */
  original: string;
  /** Evidence of all sampled values. */
  profile: ColumnProfile;
  type: ColumnType;
  /** strptime, for dates and timestamps that are not ISO 8601. */
  format?: string;
}

export interface CsvFindings {
  /** Always explicit. */
  dialect: CsvDialect;
  /** In file order. */
  columns: CsvColumn[];
  /** No ragged rows, stray quotes, mixed line ends, comments or footers were seen: a strict reader gets all rows right. */
  regular: boolean;
  /** 0…1 */
  confidence: number;
  /** Why, one sentence each. */
  reasons: string[];
  sampledRows: number;
}

export type CsvOptionsOutput = z.output<typeof CsvOptions>;

export interface SniffHints {
  /** Columns that the data set declares. */
  names?: readonly string[];
  /** Of another file of the data set, read with the same options. */
  known?: KnownFile | undefined;
}

/**
 * Finds out how a CSV is written, its columns and their types. Explicit options beat what the bytes say.
 *
 * @throws EmptyObject where there is nothing but blanks, UnknownFormat where the bytes are no delimited text
 */
export function sniffCsv(sample: CsvSample, options: CsvOptionsOutput = {}, hints: SniffHints = {}): CsvFindings {
  const { head, complete } = sample;
  if (head.length === 0) throw new EmptyObject('The file has no bytes');
  const binary = foreignBytes(head);
  if (binary !== undefined) throw new UnknownFormat(`This is ${binary}, not a delimited text`);

  const parts = [head, ...(sample.middle ? [sample.middle] : []), ...(sample.tail ? [sample.tail] : [])];
  const encoding = detectEncoding(parts, complete, options.encoding);
  const { known } = hints;
  const plain = encoding.encoding === 'utf-8' && encoding.bomBytes === 0 && !encoding.invalidBytes;
  if (known && complete && plain) {
    const alike = readAsKnown(sample, known, options);
    const why = 'header, delimiter and quotes: as in another file with the same header, since every row fits';
    if (alike) return asKnown(known, alike, [encoding.reason, why], options);
  }
  const reasons = [encoding.reason];
  let text = decodeSample(head.subarray(encoding.bomBytes), encoding.encoding);
  if (text.trim() === '') throw new EmptyObject('The file holds nothing but blanks');
  const foreign = foreignText(text, complete);
  if (foreign !== undefined) throw new UnknownFormat(`This looks like ${foreign}, not a delimited text`);

  // one loop for all line ends: old Macintosh files read as if their line end were a line feed, at the same offsets
  const onlyCr = !text.includes('\n') && text.includes('\r');
  if (onlyCr) text = text.replaceAll('\r', '\n');

  const first = plain && !onlyCr ? beginningOf(text) : undefined;
  if (first !== undefined) {
    const beginning = readTable(first, false, encoding.confidence, options, hints.names);
    const like = likeBeginning(head, beginning);
    const alike = like && readAsKnown(sample, like, options);
    if (alike) return asKnown(like, alike, [encoding.reason, ...beginning.reasons], options);
  }

  const found = readTable(text, complete, encoding.confidence, options, hints.names);
  const { grammar, parsed, table, confidence } = found;
  if (table.width > CSV_COLUMNS_MAX) {
    const delimiter = JSON.stringify(grammar.delimiter);
    throw new UnknownFormat(
      `This has ${table.width} columns parted by ${delimiter} where ${CSV_COLUMNS_MAX} are possible`,
    );
  }
  reasons.push(...found.reasons);
  const rows = table.rows.map((row) => row.fields);
  // above the table a strict reader counts lines, and any lone quote there upsets it
  const top = table.rows[0]?.start ?? 0;
  let strays = parsed.rows.some((row) => row.strays > 0 || (row.start < top && row.inner > 0));
  let { footerRows } = table;
  for (const part of [sample.middle, sample.tail]) {
    if (part === undefined || complete) continue;
    let inner = decodeSample(part, encoding.encoding);
    if (onlyCr) inner = inner.replaceAll('\r', '\n');
    const toEnd = part === sample.tail;
    const all = alignedRows(inner, { ...grammar, comment: table.comment }, table.width, toEnd);
    const aligned = all.filter((row) => !isBlank(row));
    if (toEnd) {
      footerRows = countFooters(all, table.width);
      if (footerRows > 0) reasons.push(`${footerRows} rows below the table are notes`);
      aligned.length -= footerRows;
    }
    for (const row of aligned) {
      rows.push(row.fields);
      if (row.strays > 0) strays = true;
    }
  }
  const ragged = rows.filter((row) => row.length !== table.width).length;
  const numbers = sniffNumberStyle(rows, table.width, grammar.delimiter, options);
  if (numbers.reason !== undefined) reasons.push(numbers.reason);

  const nullTokens = options.nullTokens ?? [...DEFAULT_NULL_TOKENS];
  const { dateFormat, timestampFormat } = options;
  const profiles = table.names.map((_, c) => {
    const values: string[] = [];
    for (const row of rows) if (row.length === table.width) values.push(row[c]!);
    return profileValues(values, { numbers, nullTokens, dateFormat, timestampFormat });
  });
  const columns = columnsOf(table.names, profiles, reasons);

  const lineEnd = lineEndOf(parsed, onlyCr);
  if (lineEnd === 'mixed') reasons.push(`mixed line ends: ${parsed.crlf} CRLF, ${parsed.lf} LF, ${parsed.cr} CR`);
  if (ragged > 0) reasons.push(`${ragged} of ${rows.length} sampled rows have not ${table.width} fields`);
  if (strays) reasons.push('quotes stand where they do not belong');

  return {
    dialect: {
      encoding: encoding.encoding,
      bomBytes: encoding.bomBytes,
      lineEnd,
      delimiter: grammar.delimiter,
      quote: grammar.quote,
      escape: grammar.escape,
      comment: table.comment,
      skipLines: table.skipLines,
      headerRows: table.headerRows,
      footerRows,
      nullTokens: [...nullTokens],
      decimalComma: numbers.decimalComma,
      thousands: numbers.thousands,
      ...(grammar.skipSpace ? { skipInitialSpace: true } : {}),
      ...(grammar.runs ? { delimiterRuns: true } : {}),
      ...(table.otherTables.length > 0 ? { otherTables: table.otherTables } : {}),
    },
    columns,
    regular:
      ragged === 0 &&
      !strays &&
      !encoding.invalidBytes &&
      footerRows === 0 &&
      (lineEnd === '\r' || !hasLoneReturn(text, parsed)) &&
      isRegular(grammar, parsed, table, columns, lineEnd),
    confidence,
    reasons,
    sampledRows: rows.length,
  };
}

/** Findings of a file all of which is written as a known one is, or as its own beginning. */
function asKnown(known: KnownFile, alike: AlikeFile, why: readonly string[], options: CsvOptionsOutput): CsvFindings {
  const { numbers, profiles, rows } = alike;
  const reasons = [...why];
  if (numbers.reason !== undefined) reasons.push(numbers.reason);
  const { decimalComma, thousands } = numbers;
  const nullTokens = [...(options.nullTokens ?? DEFAULT_NULL_TOKENS)];
  return {
    dialect: { ...known.dialect, nullTokens, decimalComma, thousands },
    columns: columnsOf(known.names, profiles, reasons),
    regular: true,
    confidence: known.confidence,
    reasons,
    sampledRows: rows,
  };
}

/** As much of a text as settles its dialect and its header; undefined where most of it would be needed. */
function beginningOf(text: string): string | undefined {
  let end = 0;
  for (let rows = 0; rows < BEGINNING_ROWS; rows++) {
    end = text.indexOf('\n', end) + 1;
    if (end === 0) return undefined;
  }
  const length = Math.max(end, SNIFF_TRIAL_CHARS);
  return length > text.length / 2 ? undefined : text.slice(0, length);
}

/** More than a header is looked for by, lines in quotes among them. */
const BEGINNING_ROWS = 2 * HEADER_BODY_ROWS;

/** How the beginning of a file is written, for the rest of it; undefined where there is anything to it that is to be looked for in all of it. */
function likeBeginning(head: Uint8Array, { grammar, parsed, table, confidence }: FoundTable): KnownFile | undefined {
  const { delimiter, quote, escape: escaping } = grammar;
  const top = table.rows[0];
  if (grammar.skipSpace || grammar.runs || parsed.spaced > 0 || top?.line !== 1) return undefined;
  if (table.comment !== '' || table.otherTables.length > 0 || table.gaps || table.footerRows > 0) return undefined;
  const { skipLines, headerRows, names } = table;
  const dialect: CsvDialect = {
    ...{ encoding: 'utf-8', bomBytes: 0, lineEnd: lineEndOf(parsed, false), delimiter, quote, escape: escaping },
    ...{ comment: '', skipLines, headerRows, footerRows: 0, nullTokens: [], decimalComma: false, thousands: '' },
  };
  return knownFile(head, { names, typed: [], dialect, confidence });
}

function columnsOf(names: readonly string[], profiles: ColumnProfile[], reasons: string[]): CsvColumn[] {
  settleDateOrder(profiles);
  return names.map((original, c): CsvColumn => {
    const { type, format, doubt } = typeOf(profiles[c]!);
    if (doubt !== undefined) reasons.push(`column ${JSON.stringify(original)}: ${doubt}`);
    return { original, profile: profiles[c]!, type, ...(format === undefined ? {} : { format }) };
  });
}

interface FoundTable {
  grammar: Grammar;
  parsed: LenientRows;
  table: TableFindings;
  confidence: number;
  reasons: string[];
}

/** The table in a text of which nothing is known: every dialect is tried on its head, and the best one's rows are searched for it. */
function readTable(
  text: string,
  complete: boolean,
  encodingConfidence: number,
  options: CsvOptionsOutput,
  declared: readonly string[] | undefined,
): FoundTable {
  // Excel's own hint, which no table has as its first line
  const hint = options.delimiter === undefined ? /^sep=(.)(?:\r?\n|$)/i.exec(text) : null;
  const fixedDelimiter = options.delimiter ?? hint?.[1];
  const trial = text.slice(0, trialLength(text));
  const ranked = rankDialects(trial, complete && trial.length === text.length, {
    ...(fixedDelimiter === undefined ? {} : { delimiter: fixedDelimiter }),
    ...(options.quote === undefined ? {} : { quote: options.quote }),
    ...(options.escape === undefined ? {} : { escape: options.escape }),
  });
  const best = ranked[0]!;
  const grammar: Grammar = { ...best.grammar };
  if (blanksAfterDelimiter(best)) grammar.skipSpace = true;
  const parsed = parseWithLineEnds(text, grammar, best.width, complete);
  const table = findTable(parsed, best.width, grammar, complete, options, declared, hint ? 1 : 0);
  const reasons = [...dialectReasons(ranked, options), ...table.reasons];

  if (table.headerConfidence < HEADER_DOUBT && table.names.length > 0 && options.header === undefined) {
    reasons.push('whether the first row names the columns is not certain: say source.csv.header');
  }
  const confidence = confidenceOf(ranked, encodingConfidence, table.headerConfidence);
  return { grammar, parsed, table, confidence, reasons };
}

/** Below it, whether there is a header is for a person to say. */
const HEADER_DOUBT = 0.8;

/** Enough of a text to try dialects on: some rows of it, however long they are. */
function trialLength(text: string): number {
  let end = 0;
  for (let rows = 0; rows < SNIFF_TRIAL_ROWS && end !== -1; rows++) end = text.indexOf('\n', end) + 1 || -1;
  return end === -1 ? text.length : Math.max(end, SNIFF_TRIAL_CHARS);
}

function fitting({ rows }: LenientRows, width: number): number {
  return rows.filter((row) => row.fields.length === width && !isBlank(row)).length;
}

/** All rows of the head; settles whether a carriage return alone ends a line or is part of a value. */
function parseWithLineEnds(text: string, grammar: Grammar, width: number, complete: boolean): LenientRows {
  const parted = parseRows(text, grammar, complete);
  if (!grammar.loneCr) return parted;
  const joined = parseRows(text, { ...grammar, loneCr: false }, complete);
  // it is a line end where more rows fit so; in one column, where no other line ends outnumber it
  const inside = width === 1 ? parted.cr < parted.lf + parted.crlf : fitting(joined, width) > fitting(parted, width);
  if (!inside) return parted;
  grammar.loneCr = false;
  return joined;
}

/** Nearly every field but a row's first begins with a blank: it belongs to the delimiter. */
function blanksAfterDelimiter(best: Candidate): boolean {
  const { delimiter } = best.grammar;
  if (delimiter.includes(' ') || delimiter === '\t') return false;
  let filled = 0;
  let blanks = 0;
  for (const row of best.parsed.rows) {
    if (row.fields.length !== best.width) continue;
    // in quotes a blank is part of the value, and the blank before the quote is not kept
    if (row.quoted > 0) continue;
    for (let c = 1; c < row.fields.length; c++) {
      if (row.fields[c] === '') continue;
      filled++;
      if (row.fields[c]!.startsWith(' ')) blanks++;
    }
  }
  if (filled === 0) return best.parsed.spaced > 0;
  return blanks >= filled * 0.9;
}

/** Nothing was seen that a strict reader stumbles over, or reads otherwise, the rows' widths and quotes aside. */
function isRegular(
  grammar: Grammar,
  parsed: LenientRows,
  table: TableFindings,
  columns: readonly CsvColumn[],
  lineEnd: CsvDialect['lineEnd'],
): boolean {
  if (lineEnd === 'mixed' || table.comment !== '' || table.otherTables.length > 0 || table.gaps) return false;
  if (parsed.spaced > 0 || grammar.runs) return false;
  // it knows one escape, and inside quotes alone
  if (grammar.escape === '\\' && (parsed.doubled > 0 || parsed.bareEscapes > 0)) return false;
  // numbers are read with or without blanks around them, text is not
  if (grammar.skipSpace && columns.some((column) => column.type === 'string')) return false;
  // it skips records where lines are to be skipped
  const first = table.rows[0];
  return first === undefined || parsed.rows.indexOf(first) === first.line;
}

/** A carriage return is a line end to a strict reader wherever it stands, also in a field. */
function hasLoneReturn(text: string, { rows }: LenientRows): boolean {
  const lone = /\r(?!\n)/;
  return lone.test(text) && rows.some((row) => row.fields.some((field) => lone.test(field)));
}

function lineEndOf(parsed: LenientRows, onlyCr: boolean): CsvDialect['lineEnd'] {
  if (onlyCr) return '\r';
  const kinds = [parsed.lf, parsed.crlf, parsed.cr].filter((count) => count > 0).length;
  if (kinds > 1) return 'mixed';
  return parsed.crlf > 0 ? '\r\n' : parsed.cr > 0 ? '\r' : '\n';
}

function dialectReasons(ranked: readonly Candidate[], options: CsvOptionsOutput): string[] {
  const best = ranked[0]!;
  const { delimiter, quote } = best.grammar;
  const share = Math.round(best.consistency * 100);
  const reasons = [
    options.delimiter !== undefined
      ? `delimiter ${JSON.stringify(delimiter)} as declared`
      : best.width === 1
        ? 'one column: no delimiter parts the lines evenly'
        : `delimiter ${JSON.stringify(delimiter)}: ${share}% of the rows have ${best.width} fields, ${Math.round(best.typed * 100)}% of the fields are of known kinds`,
  ];
  const rival = ranked.find((other) => other.grammar.delimiter !== delimiter && other.score > best.score * 0.8);
  if (rival)
    reasons.push(
      `delimiter ${JSON.stringify(rival.grammar.delimiter)} would do nearly as well: say source.csv.delimiter`,
    );
  if (quote === '') reasons.push('no quoting: the quote characters seen are part of the values');
  else if (quote !== '"') reasons.push(`quote ${quote} by the fields that begin and end with it`);
  if (best.grammar.escape === '\\') reasons.push('backslash escapes');
  return reasons;
}

function confidenceOf(ranked: readonly Candidate[], encoding: number, header: number): number {
  const best = ranked[0]!;
  const rival = ranked.find((other) => other.grammar.delimiter !== best.grammar.delimiter);
  const margin = rival === undefined || best.score <= 0 ? 1 : 1 - Math.max(0, rival.score / best.score) / 2;
  return Math.round(Math.min(1, margin) * encoding * header * Math.min(1, 0.5 + best.consistency / 2) * 100) / 100;
}
