import type { ColumnType } from '../domain/schema.ts';

/** DuckDB's type for a column, chosen so that what it writes to Parquet is what Athena reads. */
export function sqlType(type: ColumnType): string {
  switch (type) {
    case 'boolean':
      return 'BOOLEAN';
    case 'int':
      return 'INTEGER';
    case 'bigint':
      return 'BIGINT';
    case 'float':
      return 'FLOAT';
    case 'double':
      return 'DOUBLE';
    case 'date':
      return 'DATE';
    case 'timestamp':
      // Never TIMESTAMPTZ: Athena would read it as another type.
      return 'TIMESTAMP';
    case 'string':
      return 'VARCHAR';
    case 'binary':
      return 'BLOB';
    default:
      return type.toUpperCase();
  }
}

const PLAIN: ReadonlyMap<string, ColumnType> = new Map([
  ['BOOLEAN', 'boolean'],
  ['TINYINT', 'int'],
  ['SMALLINT', 'int'],
  ['INTEGER', 'int'],
  ['UTINYINT', 'int'],
  ['USMALLINT', 'int'],
  ['UINTEGER', 'bigint'],
  ['BIGINT', 'bigint'],
  ['UBIGINT', 'decimal(20,0)'],
  ['HUGEINT', 'decimal(38,0)'],
  ['UHUGEINT', 'decimal(38,0)'],
  ['FLOAT', 'float'],
  ['DOUBLE', 'double'],
  ['DATE', 'date'],
  ['TIMESTAMP', 'timestamp'],
  ['TIMESTAMP_S', 'timestamp'],
  ['TIMESTAMP_MS', 'timestamp'],
  ['TIMESTAMP_NS', 'timestamp'],
  ['TIMESTAMP WITH TIME ZONE', 'timestamp'],
  ['BLOB', 'binary'],
]);

/**
 * The column type nearest to one of DuckDB's that loses nothing: unsigned and huge integers become decimals, and what Athena
 * has no type for (times, intervals, UUIDs, lists, structs, maps) text, nested values as JSON.
 */
export function columnTypeOf(sql: string): ColumnType {
  const decimal = /^DECIMAL\((\d+),(\d+)\)$/.exec(sql);
  if (decimal) return `decimal(${Number(decimal[1])},${Number(decimal[2])})`;
  return PLAIN.get(sql) ?? 'string';
}

/** Lists, structs, maps and the like, which become JSON. */
export function isNested(sql: string): boolean {
  return sql.endsWith(']') || sql === 'VARIANT' || /^(STRUCT|MAP|UNION)\(/.test(sql);
}
