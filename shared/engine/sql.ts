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

/** A sum of expressions, in a tree: the engine follows no chain of a thousand. */
export function sumOf(terms: readonly string[]): string {
  if (terms.length <= TERMS_IN_A_ROW) return terms.join(' + ');
  const middle = terms.length >> 1;
  return `(${sumOf(terms.slice(0, middle))}) + (${sumOf(terms.slice(middle))})`;
}

const TERMS_IN_A_ROW = 64;
