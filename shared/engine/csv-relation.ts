import { type Column, RESCUED_COLUMN } from '../domain/schema.ts';
import type { CsvDialect } from '../formats/csv-dialect.ts';
import { REJECT_VALUE_MAX_CHARS } from '../limits.ts';
import { sqlType } from './column-types.ts';
import { type CsvScan, readCsv } from './csv-scan.ts';
import { type LogMark, loggedMisfit } from './misfit-log.ts';
import { rescuedJson } from './rescue-json.ts';
import type { FileColumn } from './table-engine.ts';
import { textCast, type ValueCast } from './text-cast.ts';

/**
 * Relations name their columns by position, so that no name out of a file is ever SQL: `c0`, `c1`, … are a file's, `t0`, `t1`, …
 * the table's, `f` is the index of the row's input in the job.
 */
export interface CsvGroup {
  scan: CsvScan;
  columns: readonly FileColumn[];
  /** For each of the scan's files its index in the job. */
  inputs: readonly number[];
  /** The scan has one column more: surplus fields of a row as a JSON object, for `RESCUED_COLUMN`. */
  surplus?: boolean;
}

/** How a table column comes out of a file. */
interface Filling {
  /** Expression over `c0`, …; undefined: the file does not have it. */
  source: string | undefined;
  cast: ValueCast | undefined;
  /** Index of the file column, for saying where a value stood. */
  fileColumn: number;
}

/** Rows whose values all fit, as `t0`, …, `f`; with `log`, each of the others is said in the engine's log. */
export function csvRows(group: CsvGroup, columns: readonly Column[], timezone: string, log?: LogMark): string {
  const fillings = fillingsOf(group, columns, timezone);
  const values = columns.map((column, t) => {
    const { source, cast } = fillings[t]!;
    if (source === undefined) return `CAST(NULL AS ${sqlType(column.type)}) AS t${t}`;
    return `${cast ? `v${t}` : source} AS t${t}`;
  });
  const input =
    group.inputs.length === 1
      ? String(group.inputs[0])
      : `list_extract([${group.inputs.join(', ')}], CAST(file_index AS BIGINT) + 1)`;
  // Where the first one stands is asked in one place alone: the engine takes longer to plan a statement than to read a small file.
  const judged = `SELECT *, ${firstMisfit(fillings)} AS m FROM (${castRows(group, fillings)})`;
  const misfit = log
    ? `CASE WHEN m IS NULL THEN FALSE ELSE ${logged(log, input, group, fillings)} END`
    : 'm IS NOT NULL';
  const checked = `SELECT *, ${misfit} AS misfit FROM (${judged})`;
  return `SELECT ${values.join(', ')}, CAST(${input} AS INTEGER) AS f FROM (${checked}) WHERE NOT misfit`;
}

/** The same where the engine parses text to its types at once, which is safe for what `PlainRows` has seen alone. */
export function plainCsvRows({ scan, columns: fileColumns, inputs }: CsvGroup, columns: readonly Column[]): string {
  const types = fileColumns.map(() => 'VARCHAR');
  const byTarget = indexesByTarget(fileColumns);
  const values = columns.map((column, t) => {
    const type = sqlType(column.type);
    const [c = -1] = byTarget.get(column.name) ?? [];
    if (c < 0) return `CAST(NULL AS ${type}) AS t${t}`;
    types[c] = type;
    return `c${c} AS t${t}`;
  });
  return `SELECT ${values.join(', ')}, CAST(${inputs[0]} AS INTEGER) AS f FROM ${readCsv({ ...scan, types })}`;
}

/**
 * Rows of one file with a value that does not fit: `r`, the number of the row among those that the engine can split into fields
 * (from 0), `c`, the index of the first file column that does not fit, `value`, the start of its text.
 */
export function csvMisfits(group: CsvGroup, columns: readonly Column[], timezone: string): string {
  const fillings = fillingsOf(group, columns, timezone);
  const checks = checksOf(fillings);
  const valueSql = `CASE c ${checks.map(({ fileColumn }) => `WHEN ${fileColumn} THEN c${fileColumn}`).join(' ')} END`;
  const numbered = `SELECT *, row_number() OVER () - 1 AS r FROM (${castRows(group, fillings)})`;
  const found = `SELECT *, ${firstMisfit(fillings)} AS c FROM (${numbered})`;
  // Text that is no UTF-8 is found only in columns that are read: the same ones as by `csvRows`.
  const read = fillings.flatMap(({ source }) => (source === undefined ? [] : [source]));
  const readAll = read.length === 0 ? 'FALSE' : `strlen(concat(${read.join(', ')})) < 0`;
  return (
    `SELECT r, c, ${checks.length === 0 ? "''" : `left(${valueSql}, ${REJECT_VALUE_MAX_CHARS + 1})`} AS value ` +
    `FROM (${found}) WHERE c IS NOT NULL OR ${readAll}`
  );
}

/** File columns in the order in which a row's first misfit is looked for. */
export function checkedColumns(group: CsvGroup, columns: readonly Column[], timezone: string): number[] {
  return checksOf(fillingsOf(group, columns, timezone)).map(({ fileColumn }) => fileColumn);
}

interface Check {
  suspect: string;
  misfit: string;
  fileColumn: number;
}

function checksOf(fillings: readonly Filling[]): Check[] {
  return fillings.flatMap(({ source, cast, fileColumn }, t) => {
    if (!cast || source === undefined) return [];
    return [{ suspect: cast.suspect(source, `v${t}`), misfit: cast.misfit(source, `v${t}`), fileColumn }];
  });
}

/** An expression of the index of a row's first file column that does not fit; null where all fit. */
function firstMisfit(fillings: readonly Filling[]): string {
  const checks = checksOf(fillings);
  if (checks.length === 0) return 'CAST(NULL AS INTEGER)';
  const suspects = checks.map(({ suspect }) => suspect).join(' OR ');
  const misfits = checks.map(({ misfit, fileColumn }) => `WHEN ${misfit} THEN ${fileColumn}`).join(' ');
  return `CASE WHEN ${suspects} THEN CASE ${misfits} END END`;
}

/** A row's `m` said in the log. No column is read for the log's sake: text that is no UTF-8 is found in those that are read alone. */
function logged(log: LogMark, input: string, { columns }: CsvGroup, fillings: readonly Filling[]): string {
  const read = new Set(fillings.flatMap(({ source, fileColumn }) => (source === undefined ? [] : [fileColumn])));
  const sources = columns.map((_, c) => (read.has(c) ? `c${c}` : undefined));
  const checked = checksOf(fillings).map(({ fileColumn }) => fileColumn);
  return checked.length === 0 ? 'TRUE' : loggedMisfit(log, { input, column: 'm', checked, sources });
}

function fillingsOf(group: CsvGroup, columns: readonly Column[], timezone: string): Filling[] {
  const { columns: fileColumns, scan } = group;
  const { nullTokens, decimalComma, thousands }: CsvDialect = scan.dialect;
  const style = { nullTokens, decimalComma, thousands, timezone };
  const byTarget = indexesByTarget(fileColumns);
  return columns.map((column) => {
    const filled = byTarget.get(column.name) ?? [];
    const rescued = filled.filter((c) => fileColumns[c]!.rescue);
    const surplus = group.surplus && column.name === RESCUED_COLUMN ? `c${fileColumns.length}` : undefined;
    if (rescued.length > 0) {
      const source = asJson(fileColumns, rescued);
      return { source: surplus ? joinedJson(source, surplus) : source, cast: undefined, fileColumn: rescued[0]! };
    }
    if (surplus) return { source: surplus, cast: undefined, fileColumn: -1 };
    const [fileColumn = -1] = filled;
    if (fileColumn < 0) return { source: undefined, cast: undefined, fileColumn };
    return {
      source: `c${fileColumn}`,
      cast: textCast(column.type, style, fileColumns[fileColumn]!.format),
      fileColumn,
    };
  });
}

/** Indexes of file columns, by the table column that they fill. */
function indexesByTarget(fileColumns: readonly FileColumn[]): Map<string | undefined, number[]> {
  return Map.groupBy(fileColumns.keys(), (c) => fileColumns[c]!.target);
}

/** The fields that are there as one JSON object under their original names; null where none is. */
function asJson(fileColumns: readonly FileColumn[], indexes: readonly number[]): string {
  return rescuedJson(indexes.map((c) => ({ name: fileColumns[c]!.original, text: `c${c}` })));
}

/** Two JSON objects as one; null where neither is there. */
function joinedJson(a: string, b: string): string {
  return `coalesce(left(${a}, -1) || ',' || substr(${b}, 2), ${a}, ${b})`;
}

/** `c0`, …, the cast values as `v0`, …, and the engine's `file_index`. */
function castRows({ scan }: CsvGroup, fillings: readonly Filling[]): string {
  const texts = Array.from({ length: scan.columns }, (_, c) => `c${c}`);
  const values = fillings.flatMap(({ source, cast }, t) =>
    source !== undefined && cast ? [`${cast.value(source)} AS v${t}`] : [],
  );
  return `SELECT ${[...texts, ...values].join(', ')}, file_index FROM ${readCsv(scan)}`;
}
