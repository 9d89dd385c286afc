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

/** Terms joined by an operator of which the order does not matter, in a tree: the engine follows no chain of a thousand. */
export function joinedTerms(terms: readonly string[], operator: string): string {
  if (terms.length <= TERMS_IN_A_ROW) return terms.join(` ${operator} `);
  const middle = terms.length >> 1;
  const halves = [terms.slice(0, middle), terms.slice(middle)];
  return halves.map((half) => `(${joinedTerms(half, operator)})`).join(` ${operator} `);
}

const TERMS_IN_A_ROW = 64;
