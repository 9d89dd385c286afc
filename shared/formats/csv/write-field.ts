/** A field of a CSV as RFC 4180 writes it: in quotes where it holds a comma, a quote or a line end. */
export function csvField(text: string): string {
  return SPECIAL.test(text) ? quotedField(text) : text;
}

export function quotedField(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}

const SPECIAL = /[",\r\n]/;
