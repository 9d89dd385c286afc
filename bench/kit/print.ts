import type { BenchResult, BenchTable } from './bench.ts';

/** As Markdown whose columns also line up for the eye. */
export function resultText({ tables, bars, notes = [] }: BenchResult): string {
  const parts = tables.map((table) => `### ${table.title}\n\n${tableText(table)}`);
  if (bars.length > 0) {
    const rows = bars.map(({ name, found, met }) => [name, found, met ? 'met' : 'MISSED']);
    parts.push(tableText({ title: '', head: ['bar', 'found', ''], rows }));
  }
  if (notes.length > 0) parts.push(notes.join('\n'));
  return `${parts.join('\n\n')}\n`;
}

function tableText({ head, rows }: BenchTable): string {
  const widths = head.map((name, c) => Math.max(3, name.length, ...rows.map((row) => (row[c] ?? '').length)));
  // The first column names; the others are figures.
  const cell = (text: string, c: number) => (c === 0 ? text.padEnd(widths[c]!) : text.padStart(widths[c]!));
  const line = (cells: readonly string[]) => `| ${head.map((_, c) => cell(cells[c] ?? '', c)).join(' | ')} |`;
  const rule = widths.map((width, c) => (c === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}
