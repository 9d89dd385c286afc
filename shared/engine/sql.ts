/** SQL is only ever built from these: no raw name or value reaches the engine. */

/** A quoted identifier. */
export function ident(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A quoted string literal. DuckDB reads no escapes inside single quotes. */
export function literal(value: string): string {
  if (value.includes('\0')) throw new TypeError('A SQL literal cannot hold a zero byte');
  return `'${value.replaceAll("'", "''")}'`;
}

/** A list literal of strings. */
export function literals(values: readonly string[]): string {
  return `[${values.map(literal).join(', ')}]`;
}
