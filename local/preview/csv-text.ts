import { csvField, quotedField } from '../../shared/formats/csv/write-field.ts';

/**
 * Rows as RFC 4180, but for the line end, which is a line feed alone as in all files that are written. Null is empty; an empty
 * text, and a row of one null, which would be a blank line, stand in quotes.
 */
export function csvText(rows: readonly (readonly (string | null)[])[]): string {
  let text = '';
  for (const row of rows) {
    for (let c = 0; c < row.length; c++) {
      const value = row[c]!;
      if (c > 0) text += ',';
      if (value !== null) text += value === '' || value.startsWith('\ufeff') ? quotedField(value) : csvField(value);
      else if (row.length === 1) text += '""';
    }
    text += '\n';
  }
  return text;
}
