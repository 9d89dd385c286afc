import { type CellKind, cellKind, SPECIFIC } from './sniff-cells.ts';
import { type Grammar, isBlank, parseRows, type TrialRow, type TrialRows } from './sniff-rows.ts';

/** A dialect tried on the head of a file, and how well it explains what is there. */
export interface Candidate {
  grammar: Grammar;
  parsed: TrialRows;
  /** Fields of the table's rows. */
  width: number;
  /** Share of rows of that width within the table. */
  consistency: number;
  /** Share of fields of a known kind. */
  typed: number;
  score: number;
}

/** Delimiters that people use, before the evidence; what is not named here is rarer still. */
const PRIOR: Readonly<Record<string, number>> = {
  ',': 1,
  ';': 1,
  '\t': 1,
  '|': 1,
  '\u0001': 1,
  '\u001f': 1,
  '\u001e': 0.9,
  '^': 0.85,
  '~': 0.85,
  '¦': 0.85,
  '§': 0.85,
  '¬': 0.85,
  ':': 0.6,
  ' ': 0.6,
  '#': 0.5,
  '*': 0.5,
  '&': 0.5,
  '!': 0.5,
  $: 0.5,
  '@': 0.5,
  '%': 0.45,
  '=': 0.45,
  '+': 0.4,
  '/': 0.35,
  '-': 0.3,
  _: 0.3,
};
const PRIOR_MULTI = 0.95;

/** What the delimiter of a one-column file scores: any split that makes sense beats it. */
const ONE_COLUMN = 0.1;
const ONE_COLUMN_SPECIFIC = 0.55;

export interface Fixed {
  delimiter?: string;
  quote?: '"' | "'" | '';
  escape?: string;
}

/**
 * Every plausible dialect on the head of a text, best first. The score is a product, as in CleverCSV (van den Burg et al.,
 * 2019): how regular the rows are times how well the fields are of known kinds; here with the regularity measured within
 * the table alone (titles and notes around it do not count against it), the likeness of each column's fields, and the
 * quotes left unexplained.
 *
 * @param text head of the file, decoded, without byte-order mark
 * @param whole `text` is all of the file
 */
export function rankDialects(text: string, whole: boolean, fixed: Fixed): Candidate[] {
  const loneCr = /\r(?!\n)/.test(text);
  const lines = text.split(/\r\n|\n|\r/, 400).filter((line) => line.trim() !== '');
  const delimiters = fixed.delimiter === undefined ? delimitersIn(lines, text) : [fixed.delimiter];
  const quotes = fixed.quote === undefined ? quotesIn(text) : [fixed.quote];
  const candidates: Candidate[] = [];
  for (const delimiter of delimiters) {
    for (const quote of quotes) {
      if (quote === delimiter) continue;
      for (const escaping of escapesIn(text, delimiter, quote, fixed.escape)) {
        candidates.push(tryDialect(text, whole, { delimiter, quote, escape: escaping, loneCr }));
      }
    }
  }
  return candidates.sort((a, b) => b.score - a.score);
}

function quotesIn(text: string): ('"' | "'" | '')[] {
  const quotes: ('"' | "'" | '')[] = [];
  if (text.includes('"')) quotes.push('"');
  // an apostrophe quotes only where it stands at a field's edge
  if (/(^|[^\p{L}\p{N}\s])\s*'|'\s*([^\p{L}\p{N}\s]|$)/mu.test(text)) quotes.push("'");
  // without a quote to be seen, the standard one is the safe assumption about what the sample does not show
  return quotes.length === 0 ? ['"'] : [...quotes, ''];
}

function escapesIn(text: string, delimiter: string, quote: string, fixed: string | undefined): string[] {
  if (fixed !== undefined) return [fixed];
  if (quote === '') return text.includes(`\\${delimiter}`) ? ['', '\\'] : [''];
  return text.includes(`\\${quote}`) ? [quote, '\\'] : [quote];
}

/** Characters and short sequences that occur on enough lines to part fields. */
function delimitersIn(lines: readonly string[], text: string): string[] {
  const found = new Set<string>();
  for (const delimiter of Object.keys(PRIOR)) {
    if (!text.includes(delimiter)) continue;
    const on = lines.filter((line) => line.includes(delimiter)).length;
    if (on >= lines.length * (',;\t|'.includes(delimiter) ? 0.1 : 0.5)) found.add(delimiter);
  }
  for (const sequence of sequencesIn(lines)) found.add(sequence);
  return found.size === 0 ? [','] : [...found];
}

const SEQUENCE =
  /[^\p{L}\p{N}\p{M}\s"'\\._-](?:[^\p{L}\p{N}\p{M}\s"'\\]| (?=[^\p{L}\p{N}\s])){0,2}[^\p{L}\p{N}\p{M}\s"']|[ \t]?[,;|:~^\t]{1,3}[ \t]/gu;

/** Sequences of two to four characters that part fields: `||`, `::`, `, `, ` | `, … found on nearly every line. */
function sequencesIn(lines: readonly string[]): string[] {
  const sample = lines.slice(0, 100);
  const counts = new Map<string, number>();
  for (const line of sample) {
    for (const sequence of new Set(line.match(SEQUENCE) ?? [])) {
      if (sequence.length >= 2) counts.set(sequence, (counts.get(sequence) ?? 0) + 1);
    }
  }
  return [...counts]
    .filter(([, lines]) => lines >= sample.length * 0.8)
    .sort((a, b) => b[1] - a[1])
    .slice(0, 6)
    .map(([sequence]) => sequence);
}

/** Parses the text under one grammar and scores the outcome. */
export function tryDialect(text: string, whole: boolean, grammar: Grammar): Candidate {
  const parsed = parseRows(text, grammar, whole);
  if (parsed.openEnd && !whole && parsed.rows.length > 1) parsed.rows.pop();
  const rows = parsed.rows.filter((row) => !isBlank(row));
  const width = tableWidth(rows);
  const nothing = { grammar, parsed, width, consistency: 0, typed: 0, score: 0 };
  if (rows.length === 0) return nothing;
  const { first, last } = tableSpan(rows, width);
  let fitting = 0;
  for (let i = first; i <= last; i++) if (rows[i]!.fields.length === width) fitting++;
  const inside = last - first + 1;
  const consistency = fitting / inside;
  const { typed, alike, specific } = kinds(rows, first, last, width);
  if (width === 1) {
    const score = specific > 0.8 && inside > 1 ? ONE_COLUMN_SPECIFIC * specific : ONE_COLUMN * typed;
    return { ...nothing, consistency, typed, score: score * quoteScore(parsed, rows) };
  }
  const prior = PRIOR[grammar.delimiter] ?? PRIOR_MULTI;
  const coverage = fitting / rows.length;
  let score =
    consistency ** 2 *
    (0.4 + 0.6 * coverage) *
    ((width - 1) / width) ** 0.5 *
    (0.1 + 0.9 * typed) *
    (0.7 + 0.3 * alike) *
    prior *
    quoteScore(parsed, rows);
  // a longer delimiter that does as well as its parts explains more characters
  if (grammar.delimiter.length > 1) score *= 1.1;
  return { grammar, parsed, width, consistency, typed, score };
}

/** The width that most of the table's fields are in; wider rows count for more, since chance makes few of them. */
function tableWidth(rows: readonly TrialRow[]): number {
  const counts = new Map<number, number>();
  for (const row of rows) counts.set(row.fields.length, (counts.get(row.fields.length) ?? 0) + 1);
  let best = 1;
  let bestWeight = 0;
  for (const [width, count] of counts) {
    const weight = count * (width === 1 ? 0.5 : 1 + (width - 1) / width);
    if (weight > bestWeight || (weight === bestWeight && width > best)) {
      best = width;
      bestWeight = weight;
    }
  }
  return best;
}

/** First and last row of the table: between them are rows that count, around them titles and notes. */
export function tableSpan(rows: readonly TrialRow[], width: number): { first: number; last: number } {
  let first = 0;
  let last = rows.length - 1;
  while (first < last && rows[first]!.fields.length !== width) first++;
  while (last > first && rows[last]!.fields.length !== width) last--;
  return { first, last };
}

function kinds(
  rows: readonly TrialRow[],
  first: number,
  last: number,
  width: number,
): { typed: number; alike: number; specific: number } {
  // at most some 4,000 fields: the share needs no more
  const step = Math.max(1, Math.floor(((last - first + 1) * width) / 4000));
  const columns: Map<CellKind, number>[] = Array.from({ length: Math.min(width, 200) }, () => new Map());
  let cells = 0;
  let typed = 0;
  let specific = 0;
  for (let i = first; i <= last; i += step) {
    const row = rows[i]!;
    if (row.fields.length !== width) continue;
    const allQuoted = row.quoted === width;
    for (let c = 0; c < columns.length; c++) {
      const text = row.fields[c]!.trim();
      let kind = cellKind(text);
      cells++;
      // what stands in quotes may hold anything
      if (kind === 'odd' && (allQuoted || (row.quoted > 0 && /^[^"]*$/.test(text)))) kind = 'text';
      const quoteAtEdge = text.length > 1 && /^["']|["']$/.test(text) && row.quoted === 0;
      typed += kind === 'odd' ? 0.1 : quoteAtEdge ? 0.5 : 1;
      if (SPECIFIC.has(kind)) specific++;
      if (kind !== 'empty' && kind !== 'missing') columns[c]!.set(kind, (columns[c]!.get(kind) ?? 0) + 1);
    }
  }
  let alike = 0;
  let counted = 0;
  for (const column of columns) {
    let total = 0;
    let most = 0;
    // a word and a text are both text
    const texts = (column.get('word') ?? 0) + (column.get('text') ?? 0);
    for (const [kind, count] of column) {
      total += count;
      const same = kind === 'word' || kind === 'text' ? texts : count;
      if (same > most) most = same;
    }
    if (total === 0) continue;
    alike += most / total;
    counted++;
  }
  return {
    typed: typed / Math.max(1, cells),
    alike: counted === 0 ? 0 : alike / counted,
    specific: specific / Math.max(1, cells),
  };
}

/** Below 1 for quotes that the grammar leaves unexplained, a little above for such that protect what would break rows. */
function quoteScore(parsed: TrialRows, rows: readonly TrialRow[]): number {
  let strays = 0;
  let quoted = 0;
  for (const row of rows) {
    if (row.strays > 0) strays++;
    if (row.quoted > 0) quoted++;
  }
  const count = Math.max(1, rows.length);
  let score = 1 - 0.5 * Math.min(1, strays / count);
  score *= 1 - 0.3 * Math.min(1, (parsed.unclosed * 5) / count);
  if (quoted > 0) score *= 1.05 + 0.05 * Math.min(1, parsed.protecting / count);
  return score;
}
