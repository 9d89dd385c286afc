import { type Grammar, isBlank, type LenientRow, type LenientRows, parseRows } from './lenient-rows.ts';
import { type CellKind, cellKind, SPECIFIC } from './sniff-cells.ts';

/** A dialect tried on the head of a file, and how well it explains what is there. */
export interface Candidate {
  grammar: Grammar;
  parsed: LenientRows;
  /** Fields of the table's rows. */
  width: number;
  /** Share of rows of that width within the table. */
  consistency: number;
  /** Share of fields of a known kind. */
  typed: number;
  score: number;
}

/** Delimiters that people use, before the evidence. */
const COMMON: Readonly<Record<string, number>> = {
  ',': 1,
  ';': 1,
  '\t': 1,
  '|': 1,
  '\u0001': 1,
  '\u001f': 1,
  '\u001e': 0.9,
};
/** Seldom seen, but seldom seen in values either. */
const RARE: Readonly<Record<string, number>> = { '^': 0.85, '~': 0.85, '¦': 0.85, '§': 0.85, '¬': 0.85, '\u0002': 0.8 };
/**
 * Found in values everywhere: they part fields only where the rows are even and the fields of telling kinds. Hyphens, slashes,
 * underscores and equal signs part the pieces of a value, and no fields.
 */
const WEAK: Readonly<Record<string, number>> = {
  ' ': 0.7,
  ':': 0.6,
  '#': 0.5,
  '*': 0.5,
  '&': 0.5,
  '!': 0.4,
  '%': 0.45,
};
const PRIOR_MULTI = 0.95;

/** What a file scores as one column: any split that makes sense beats it … */
const ONE_COLUMN = 0.12;
/** … but not where the whole lines are numbers, dates or addresses. */
const ONE_COLUMN_SPECIFIC = 0.55;
/** Nor where all lines stand in quotes that protect what would part them. */
const ONE_COLUMN_QUOTED = 0.7;

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
 * @param head head of the file, decoded, without byte-order mark
 * @param whole `head` is all of the file
 */
export function rankDialects(head: string, whole: boolean, fixed: Fixed): Candidate[] {
  const text = belowComments(head);
  const loneCr = /\r(?!\n)/.test(text);
  const lines = text.split(/\r\n|\n|\r/, 400).filter((line) => line.trim() !== '');
  const delimiters = fixed.delimiter === undefined ? delimitersIn(lines, text) : [fixed.delimiter];
  const aligned = fixed.delimiter === undefined && lines.some((line) => / {2}\S|^ \S/.test(line));
  const quotes = fixed.quote === undefined ? quotesIn(text) : [fixed.quote];
  const candidates: Candidate[] = [];
  for (const delimiter of delimiters) {
    for (const quote of quotes) {
      if (quote === delimiter) continue;
      for (const escaping of escapesIn(text, delimiter, quote, fixed.escape)) {
        const grammar: Grammar = { delimiter, quote, escape: escaping, loneCr };
        candidates.push(tryDialect(text, whole, grammar));
        if (delimiter === ' ' && aligned) candidates.push(tryDialect(text, whole, { ...grammar, runs: true }));
      }
    }
  }
  capHalves(candidates, text);
  candidates.sort((a, b) => b.score - a.score);
  const best = candidates[0]!;
  if (best.width > 1 || fixed.delimiter !== undefined) return candidates;
  // which delimiter a single column has shows in nothing: then the standard one that parts no row
  const plain = Object.keys(COMMON).flatMap((delimiter) =>
    candidates.filter(
      ({ grammar, width, consistency, score }) =>
        grammar.delimiter === delimiter &&
        width === 1 &&
        consistency === 1 &&
        score > best.score * 0.85 &&
        grammar.quote === best.grammar.quote &&
        grammar.escape === best.grammar.escape,
    ),
  );
  return plain[0] === undefined ? candidates : [plain[0], ...candidates.filter((other) => other !== plain[0])];
}

/**
 * The text without its comments, where it begins with several lines of them: they are written as nobody writes a table, and
 * there may be more of them than of rows. Where all lines begin so, none is a comment.
 */
function belowComments(text: string): string {
  const sign = /^\s*([#%]|\/\/)/.exec(text)?.[1];
  if (sign === undefined) return text;
  const lines = text.split(/(?<=\n)/);
  const isComment = (line: string) => line.trimStart().startsWith(sign);
  const isRow = (line: string) => line.trim() !== '' && !isComment(line);
  const first = lines.findIndex(isRow);
  if (first === -1 || lines.slice(0, first).filter(isComment).length < 2) return text;
  const rows = lines.slice(first);
  // further down they are rows, where they are most of them
  const kept = rows.filter(isRow).length * 2 > rows.length ? rows.filter((line) => !isComment(line)) : rows;
  return kept.join('');
}

function quotesIn(text: string): ('"' | "'" | '')[] {
  const quotes: ('"' | "'" | '')[] = [];
  if (text.includes('"')) quotes.push('"');
  // an apostrophe quotes only where it stands at a field's edge
  if (/(^|[^\p{L}\p{N} \r\n]) *'|' *([^\p{L}\p{N} ]|$)/mu.test(text)) quotes.push("'");
  // without a double quote to be seen, that is the safe assumption about what the sample does not show
  return [...quotes, text.includes('"') ? '' : '"'];
}

function escapesIn(text: string, delimiter: string, quote: string, fixed: string | undefined): string[] {
  if (fixed !== undefined) return [fixed];
  if (everyBackslashDoubled(text)) return ['\\'];
  const escaped = text.includes(`\\${delimiter}`) || (quote !== '' && text.includes(`\\${quote}`));
  return escaped ? [quote, '\\'] : [quote];
}

/** `C:\\\\temp`: nobody doubles all backslashes but to escape them. */
function everyBackslashDoubled(text: string): boolean {
  const runs = text.match(/\\+/g) ?? [];
  return runs.length > 1 && runs.every((run) => run.length % 2 === 0);
}

/** Characters and short sequences that occur on enough lines to part fields, and one that parts nothing. */
function delimitersIn(lines: readonly string[], text: string): string[] {
  const found = new Set<string>();
  const on = (delimiter: string) => lines.filter((line) => line.includes(delimiter)).length;
  for (const delimiter of Object.keys(COMMON)) {
    if (text.includes(delimiter) && on(delimiter) >= lines.length * 0.1) found.add(delimiter);
  }
  for (const delimiter of [...Object.keys(RARE), ...Object.keys(WEAK)]) {
    if (text.includes(delimiter) && on(delimiter) >= lines.length * 0.5) found.add(delimiter);
  }
  // two common delimiters in a row are an empty field, unless they never stand alone
  for (const sequence of sequencesIn(lines)) {
    if (COMMON[bare(sequence)[0]!] === undefined || alwaysTogether(text, sequence)) found.add(sequence);
  }
  found.add([...Object.keys(COMMON), ...Object.keys(RARE)].find((delimiter) => !text.includes(delimiter)) ?? '\u0003');
  return [...found];
}

/** `||`, `::`, `~|~`, ` | `, `;;`, …: signs that part fields together. A comma and a blank are a comma and a blank. */
const SEQUENCE = / ?[|;:~^#@&*!=<>$%§¦¬\t,]{1,3} ?/g;

/** Without the blanks around it; a tab is none. */
function bare(sequence: string): string {
  return sequence.replace(/^ | $/g, '');
}

function sequencesIn(lines: readonly string[]): string[] {
  const sample = lines.slice(0, 100);
  const counts = new Map<string, number>();
  for (const line of sample) {
    const seen = new Set<string>();
    for (const match of line.match(SEQUENCE) ?? []) {
      const sign = bare(match);
      // commas in a row are empty fields
      if (sign.length >= 2 && !/^,+$/.test(sign)) seen.add(sign);
      if (match.length === sign.length + 2 && sign !== ',' && sign !== '\t') seen.add(match);
    }
    for (const sequence of seen) counts.set(sequence, (counts.get(sequence) ?? 0) + 1);
  }
  return (
    [...counts]
      // two signs that meet once are chance
      .filter(([sequence, on]) => on >= sample.length * 0.5 && (on > 1 || sample[0]!.split(sequence).length > 2))
      .sort((a, b) => b[1] - a[1])
      .slice(0, 6)
      .map(([sequence]) => sequence)
  );
}

/** Parses the text under one grammar and scores the outcome. */
export function tryDialect(text: string, whole: boolean, grammar: Grammar): Candidate {
  const parsed = parseRows(text, grammar, whole);
  const rows = parsed.rows.filter((row) => !isBlank(row));
  const width = tableWidth(rows);
  const nothing = { grammar, parsed, width, consistency: 0, typed: 0, score: 0 };
  if (rows.length === 0) return nothing;
  const { first, last } = tableSpan(rows, width);
  let fitting = 0;
  for (let i = first; i <= last; i++) if (rows[i]!.fields.length === width) fitting++;
  const inside = last - first + 1;
  const consistency = fitting / inside;
  // a header is of other kinds than what it heads
  const { typed, alike, specific, hollow } = kinds(rows, last - first >= 2 ? first + 1 : first, last, width);
  if (width === 1) {
    let base = specific > 0.8 && inside > 1 ? ONE_COLUMN_SPECIFIC * specific : ONE_COLUMN * typed;
    const quoted = rows.filter((row) => row.quoted > 0).length;
    if (parsed.protecting > 0 && quoted >= rows.length - 1 && inside > 1) base = ONE_COLUMN_QUOTED;
    // which delimiter a single column has shows in nothing: then the standard one
    base *= consistency ** 2;
    base *= grammar.delimiter === ',' ? 1.002 : COMMON[grammar.delimiter] === undefined ? 0.998 : 1;
    return { ...nothing, consistency, typed, score: base * quoteScore(parsed, rows) };
  }
  const { delimiter } = grammar;
  const coverage = fitting / rows.length;
  let score =
    consistency ** 1.5 *
    (0.25 + 0.75 * coverage) *
    ((width - 1) / width) ** 0.5 *
    (0.1 + 0.9 * typed) *
    (0.7 + 0.3 * alike) *
    quoteScore(parsed, rows);
  const weak = WEAK[delimiter];
  if (weak !== undefined) {
    // two words a line are chance; six are none, and neither are quotes on both sides of it
    const enclosed = rows.filter((row) => row.quoted > 0 && row.strays === 0).length / rows.length;
    const telling = Math.max(specific, enclosed, Math.min(1, (width - 2) / 4));
    score *= weak * consistency ** 2 * coverage ** 2 * (0.12 + 0.88 * telling);
  } else score *= COMMON[delimiter] ?? RARE[delimiter] ?? PRIOR_MULTI;
  // a first row of another width is a title, or the header of a better explanation
  if (first > 0) score *= 0.9;
  // what explains more characters is the better explanation
  if (grammar.runs) score *= 1.1;
  if (delimiter.length > 1) score *= alwaysTogether(text, delimiter) ? 1.4 : 1.05;
  // every other column empty: half a delimiter
  else if (hollow >= 0.4 && width > 3) score *= 0.7;
  if (fitting === 1 && rows.length > 2 && !namesAlone(rows[first]!)) score *= 0.2;
  return { grammar, parsed, width, consistency, typed, score };
}

/** A long delimiter that explains the same rows beats the sign it is made of. */
function capHalves(candidates: readonly Candidate[], text: string): void {
  for (const long of candidates) {
    const sign = bare(long.grammar.delimiter);
    if (long.grammar.delimiter.length < 2 || long.width < 2 || !alwaysTogether(text, long.grammar.delimiter)) continue;
    const each = sign.split(sign[0]!).length - 1;
    for (const half of candidates) {
      const same = half.grammar.quote === long.grammar.quote && half.grammar.escape === long.grammar.escape;
      if (same && half.grammar.delimiter === sign[0] && half.width === (long.width - 1) * each + 1) {
        half.score = Math.min(half.score, long.score * 0.9);
      }
    }
  }
}

/** The characters of a delimiter occur in it, and elsewhere seldom; commas in a row are empty fields rather. */
function alwaysTogether(text: string, delimiter: string): boolean {
  const sign = bare(delimiter);
  const single = sign[0]!;
  const each = sign.split(single).length - 1;
  const share = ',;\t'.includes(single) ? 1 : 0.8;
  return (text.split(delimiter).length - 1) * each >= (text.split(single).length - 1) * share;
}

/** Distinct single words: a header, even where no row below has its width. */
function namesAlone(row: LenientRow): boolean {
  return (
    new Set(row.fields).size === row.fields.length && row.fields.every((field) => cellKind(field.trim()) === 'word')
  );
}

/**
 * The width that most of the table's fields are in; wider rows count for more, since chance makes few of them. Of two tables one
 * above the other, the one of more rows.
 */
function tableWidth(rows: readonly LenientRow[]): number {
  const blocks = new Map<number, { count: number; first: number; last: number }>();
  for (const [i, { fields }] of rows.entries()) {
    const block = blocks.get(fields.length);
    if (block) {
      block.count++;
      block.last = i;
    } else blocks.set(fields.length, { count: 1, first: i, last: i });
  }
  // no width twice: then the first row's, which may be the header
  if (rows.length > 0 && blocks.size === rows.length) return rows[0]!.fields.length;
  const weight = (width: number, count: number) => count * (width === 1 ? 0.5 : 1 + (width - 1) / width);
  const [best, second] = [...blocks]
    .map(([width, block]) => ({ width, ...block, weight: weight(width, block.count) }))
    .sort((a, b) => b.weight - a.weight || b.width - a.width);
  if (best === undefined) return 1;
  const apart = second !== undefined && (second.last < best.first || best.last < second.first);
  return apart && second.count > best.count && second.width * 2 > best.width ? second.width : best.width;
}

/** First and last row of the table: between them are rows that count, around them titles and notes. */
export function tableSpan(rows: readonly LenientRow[], width: number): { first: number; last: number } {
  let first = 0;
  let last = rows.length - 1;
  while (first < last && rows[first]!.fields.length !== width) first++;
  while (last > first && rows[last]!.fields.length !== width) last--;
  return { first, last };
}

function kinds(
  rows: readonly LenientRow[],
  first: number,
  last: number,
  width: number,
): { typed: number; alike: number; specific: number; hollow: number } {
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
      const tight = row.quoted === 0 && (kind === 'odd' || kind === 'text') && TIGHT.test(text);
      typed += tight ? 0.4 : kind === 'odd' ? 0.1 : quoteAtEdge ? 0.5 : 1;
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
    hollow: 1 - counted / columns.length,
  };
}

/** Words with a common delimiter and no blank between: a list in a field, or fields. */
const TIGHT = /^[\p{L}\p{N}][\p{L}\p{N} .:_'()-]*(?:[,;|][\p{L}\p{N}][\p{L}\p{N} .:_'()-]*)+$/u;

/** Below 1 for quotes that the grammar leaves unexplained, a little above for such that protect what would break rows. */
function quoteScore(parsed: LenientRows, rows: readonly LenientRow[]): number {
  let strays = 0;
  let quoted = 0;
  let inner = 0;
  let wrapped = 0;
  for (const row of rows) {
    if (row.strays > 0) strays++;
    if (row.quoted > 0) quoted++;
    if (row.inner > 0) inner++;
    if (row.quoted === 0 && row.fields.some((field) => WRAPPED.test(field))) wrapped++;
  }
  const count = Math.max(1, rows.length);
  let score = 1 - 0.4 * Math.min(1, strays / count);
  score *= 1 - 0.3 * Math.min(1, (parsed.unclosed * 5) / count);
  score *= 1 - 0.6 * Math.min(1, wrapped / count);
  if (quoted > 0) score *= 1.05 + 0.05 * Math.min(1, parsed.protecting / count);
  // a quote seen inside values alone is none
  else if (inner > 0) score *= 0.98;
  return score;
}

const WRAPPED = /^\s*(["']).+\1\s*$/s;
