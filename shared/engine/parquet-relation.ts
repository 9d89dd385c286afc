import { type Column, type ColumnType, decimalOf } from '../domain/schema.ts';
import { isNested, sqlType } from './column-types.ts';
import { rescuedJson } from './rescue-json.ts';
import { literals } from './sql.ts';
import type { ValueCast } from './text-cast.ts';

/** A top-level column of a Parquet file. */
export interface ParquetColumn {
  original: string;
  /** DuckDB's name of its type. */
  sql: string;
}

/**
 * The index of the file column that fills a table column, or of several that are kept in it as JSON by their names; undefined:
 * the files have none.
 */
export type Fill = number | readonly number[] | undefined;

/** Parquet files of the same columns, read together. */
export interface ParquetGroup {
  paths: readonly string[];
  columns: readonly ParquetColumn[];
  fills: readonly Fill[];
  /** For each file its index in the job. */
  inputs: readonly number[];
}

/** Rows whose values all fit, as `t0`, …, `f`. */
export function parquetRows(group: ParquetGroup, columns: readonly Column[]): string {
  const casts = castsOf(group, columns);
  const values = columns.map((column, t) => {
    const cast = casts[t];
    return `${cast ? cast.value : `CAST(NULL AS ${sqlType(column.type)})`} AS t${t}`;
  });
  const input =
    group.inputs.length === 1
      ? String(group.inputs[0])
      : `list_extract([${group.inputs.join(', ')}], CAST(file_index AS BIGINT) + 1)`;
  const misfits = casts.flatMap((cast) => (cast?.misfit ? [cast.misfit] : []));
  const where = misfits.length > 0 ? ` WHERE NOT coalesce(${misfits.join(' OR ')}, FALSE)` : '';
  return `SELECT ${values.join(', ')}, CAST(${input} AS INTEGER) AS f FROM ${readParquet(group)}${where}`;
}

/** Rows of one file with a value that does not fit: `r`, the number of the row from 0, `c` and `value` as for CSV. */
export function parquetMisfits(group: ParquetGroup, columns: readonly Column[]): string {
  const misfits = castsOf(group, columns).flatMap((cast, t) =>
    cast?.misfit ? [{ misfit: cast.misfit, fileColumn: group.fills[t] as number }] : [],
  );
  if (misfits.length === 0) return 'SELECT 0 AS r, 0 AS c, NULL AS value WHERE FALSE';
  const pick = (of: (fileColumn: number) => string) =>
    `CASE ${misfits.map(({ misfit, fileColumn }) => `WHEN ${misfit} THEN ${of(fileColumn)}`).join(' ')} END`;
  return (
    `SELECT file_row_number AS r, ${pick(String)} AS c, ${pick((c) => `CAST(c${c} AS VARCHAR)`)} AS value ` +
    `FROM ${readParquet(group)} WHERE coalesce(${misfits.map(({ misfit }) => misfit).join(' OR ')}, FALSE)`
  );
}

function readParquet({ paths, columns }: ParquetGroup): string {
  const names = columns.map((_, c) => `c${c}`).join(', ');
  return `read_parquet(${literals(paths)}, hive_partitioning = false, union_by_name = false) AS p(${names})`;
}

function castsOf(group: ParquetGroup, columns: readonly Column[]) {
  return columns.map((column, t) => {
    const c = group.fills[t];
    if (c === undefined) return undefined;
    if (typeof c === 'object') return { value: rescued(group.columns, c), misfit: undefined };
    const cast = typedCast(group.columns[c]!.sql, column.type)!;
    const value = cast.value(`c${c}`);
    return { value, misfit: cast.misfit?.(`c${c}`, value) };
  });
}

/** Bytes that are no text are kept as base64. */
function rescued(columns: readonly ParquetColumn[], indexes: readonly number[]): string {
  const fields = indexes.map((c) => {
    const { original, sql } = columns[c]!;
    const text = textFrom(sql)!.value(`c${c}`);
    return { name: original, text: sql === 'BLOB' ? `coalesce(${text}, to_base64(c${c}))` : text };
  });
  return rescuedJson(fields);
}

/** As `ValueCast`, where every check is cheap, and there is none where every value fits. */
export interface TypedCast {
  value: ValueCast['value'];
  misfit: ValueCast['misfit'] | undefined;
}

const WHOLE: ReadonlySet<string> = new Set([
  'TINYINT',
  'SMALLINT',
  'INTEGER',
  'BIGINT',
  'HUGEINT',
  'UTINYINT',
  'USMALLINT',
  'UINTEGER',
  'UBIGINT',
  'UHUGEINT',
]);

/**
 * How a typed value becomes one of another type without a change of what it says; undefined where no cast promises that. Whole
 * numbers go to every type of number that holds the value at hand (others are rejected rows); fractions never lose digits;
 * timestamps are taken as UTC and must end at the microsecond; everything has a text.
 */
export function typedCast(from: string, to: ColumnType): TypedCast | undefined {
  const sql = sqlType(to);
  if (from === sql) return exact((s) => s);
  const attempt = (s: string) => `TRY_CAST(${s} AS ${sql})`;
  const isLost: ValueCast['misfit'] = (s, v) => `(${v} IS NULL AND ${s} IS NOT NULL)`;
  switch (to) {
    case 'int':
    case 'bigint':
      return WHOLE.has(from) ? { value: attempt, misfit: isLost } : undefined;
    case 'double':
    case 'float':
      if (from === 'FLOAT') return exact((s) => `CAST(${s} AS DOUBLE)`);
      return WHOLE.has(from)
        ? { value: attempt, misfit: (s, v) => `TRY_CAST(${v} AS ${from}) IS DISTINCT FROM ${s}` }
        : undefined;
    case 'date':
    case 'boolean':
      return undefined;
    case 'timestamp':
      return timestampFrom(from);
    case 'string':
      return textFrom(from);
    case 'binary':
      return from === 'VARCHAR' ? exact((s) => `encode(${s})`) : undefined;
    default: {
      const digits = /^DECIMAL\((\d+),(\d+)\)$/.exec(from);
      const keepsFraction = WHOLE.has(from) || (digits !== null && Number(digits[2]) <= decimalOf(to)!.scale);
      return keepsFraction ? { value: attempt, misfit: isLost } : undefined;
    }
  }
}

function exact(value: ValueCast['value']): TypedCast {
  return { value, misfit: undefined };
}

function timestampFrom(from: string): TypedCast | undefined {
  switch (from) {
    case 'DATE':
    case 'TIMESTAMP_S':
    case 'TIMESTAMP_MS':
      return exact((s) => `CAST(${s} AS TIMESTAMP)`);
    case 'TIMESTAMP WITH TIME ZONE':
      return exact((s) => `make_timestamp(epoch_us(${s}))`);
    case 'TIMESTAMP_NS':
      return { value: (s) => `make_timestamp(epoch_us(${s}))`, misfit: (s) => `epoch_ns(${s}) % 1000 <> 0` };
    default:
      return undefined;
  }
}

function textFrom(from: string): TypedCast | undefined {
  if (isNested(from)) return exact((s) => `CAST(to_json(${s}) AS VARCHAR)`);
  if (from === 'BLOB') {
    return { value: (s) => `TRY(decode(${s}))`, misfit: (s, v) => `(${v} IS NULL AND ${s} IS NOT NULL)` };
  }
  // In UTC, whatever the zone of texts without an offset.
  if (from === 'TIMESTAMP WITH TIME ZONE') return exact((s) => `CAST(make_timestamp(epoch_us(${s})) AS VARCHAR)`);
  return exact((s) => `CAST(${s} AS VARCHAR)`);
}
