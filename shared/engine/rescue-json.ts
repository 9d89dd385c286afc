import { literal } from './sql.ts';

/** A field that has no column of its own: its name in the file, and its text as SQL. */
export interface RescuedField {
  name: string;
  text: string;
}

/** The fields that are there as one JSON object, by their names; null where none is. A name that comes twice is numbered. */
export function rescuedJson(fields: readonly RescuedField[]): string {
  const names = new Set<string>();
  const entries = fields.map(({ name, text }) => {
    let key = name;
    for (let n = 2; names.has(key); n++) key = `${name}_${n}`;
    names.add(key);
    return `{'k': ${literal(key)}, 'v': ${text}}`;
  });
  const present = `list_filter([${entries.join(', ')}], lambda e: e.v IS NOT NULL)`;
  return (
    `CASE WHEN ${fields.map(({ text }) => `${text} IS NULL`).join(' AND ')} THEN NULL ` +
    `ELSE CAST(to_json(map_from_entries(${present})) AS VARCHAR) END`
  );
}
