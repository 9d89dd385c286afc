import { join, resolve } from 'node:path';
import { queryLake } from '../../shared/engine/lake-database.ts';
import { csvField, quotedField } from '../../shared/formats/csv/write-field.ts';
import type { Invocation } from '../cli.ts';
import { EXIT } from '../exit.ts';
import { textTable } from '../text-table.ts';

/** `sluice query`: SQL over the published tables; a table, `--json` (one object a row) or `--csv`. */
export async function query(at: Invocation, sql: string, options: { csv?: boolean }): Promise<number> {
  const { columns, rows } = await queryLake({ path: join(resolve(at.home), 'lake.duckdb') }, sql, at.signal);
  if (at.output.json) {
    at.output.out(
      JSON.stringify(
        rows.map((row) => Object.fromEntries(columns.map((name, i) => [name, row[i]]))),
        null,
        2,
      ),
    );
  } else if (options.csv) {
    at.output.out([columns, ...rows].map(csvLine).join('\n'));
  } else {
    at.output.out(
      textTable(
        columns,
        rows.map((row) => row.map(asText)),
        String,
      ),
    );
  }
  return EXIT.done;
}

function asText(value: unknown): string | number | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'number' || typeof value === 'string') return value;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** RFC 4180, but for the line end, which is a line feed alone as in the files that are written: null is empty, and text that could be taken for more than it is stands in quotes. */
function csvLine(row: unknown[]): string {
  return row
    .map((value) => {
      const text = asText(value);
      if (text === null) return '';
      const plain = String(text);
      return plain === '' ? quotedField(plain) : csvField(plain);
    })
    .join(',');
}
