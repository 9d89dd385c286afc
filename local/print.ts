import { colours as pc } from './colours.ts';
import type { RunResult } from './result.ts';
import { formatCount, textTable } from './text-table.ts';

/** What people read: data on stdout, everything else on stderr. */
export interface Output {
  out(text: string): void;
  err(text: string): void;
  json: boolean;
  quiet: boolean;
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`;
}

export function count(n: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(n)} ${n === 1 ? noun : plural}`;
}

/** A run's result for people. */
export function runSummary(result: RunResult, { compact = false }: { compact?: boolean } = {}): string {
  const lines: string[] = [];
  if (result.run.status === 'failed') {
    const { error } = result;
    lines.push(`${pc.red('failed')} ${error ? `${error.name}: ${error.message}` : ''}`);
  } else if (result.run.status === 'nothing') {
    lines.push(`${pc.green(compact ? 'nothing to compact' : 'nothing to load')} (${seconds(result)})`);
  } else if (compact) {
    lines.push(`${pc.green('compacted')} in ${seconds(result)}`);
  } else {
    const read = sum(result, 'rowsRead');
    const rejected = sum(result, 'rowsRejected');
    const sources = new Set(result.sources.filter((source) => source.status === 'loaded').map((source) => source.uri));
    lines.push(
      `${pc.green(result.run.status)} in ${seconds(result)}: ${count(read, 'row')} read from ${count(sources.size, 'object')}, ` +
        `${formatCount(sum(result, 'rowsWritten'))} written, ${formatCount(rejected)} rejected`,
    );
  }
  if (result.tables.length > 0) {
    const rows = result.tables.map(({ database, table, format, rows, partitions, files, bytes }) => {
      return [`${database}.${table}`, format, rows, partitions, files, formatBytes(bytes)];
    });
    lines.push(textTable(['table', 'format', 'rows', 'partitions', 'files', 'size'], rows));
  }
  if (result.files && result.files.length > 0) {
    const rows = result.files.slice(0, SHOWN).map((file) => [file.uri, file.rows, formatBytes(file.bytes)]);
    lines.push(textTable(['file', 'rows', 'size'], rows), ...more(result.files.length, '--json lists them'));
  }
  if (result.clusters) {
    const { clusters, points, noise, reason } = result.clusters;
    const rest = noise > 0 ? `, ${formatCount(noise)} noise` : '';
    lines.push(`${count(clusters, 'cluster')} of ${count(points, 'point')}${rest}. ${reason}`);
  }
  const failed = result.sources.filter((source) => source.error !== undefined);
  const quarantined = failed.filter((source) => source.status === 'quarantined');
  lines.push(...failures(result, quarantined, `${count(quarantined.length, 'object')} quarantined:`));
  // Of a run that failed itself this is said of objects that were sound.
  const stay = result.run.status === 'succeeded' ? failed.filter((source) => source.status === 'none') : [];
  lines.push(...failures(result, stay, `${count(stay.length, 'object')} failed, and left as the table has it:`));
  return lines.join('\n');
}

function failures(result: RunResult, sources: RunResult['sources'], title: string): string[] {
  if (sources.length === 0) return [];
  const named = sources.slice(0, SHOWN).flatMap(({ uri, error }) => {
    // The run's own error has been said.
    const said = !error || error.message === result.error?.message;
    return said ? [`  ${uri}`] : [`  ${uri}`, `    ${error.name}: ${error.message}`];
  });
  return [pc.yellow(title), ...named, ...more(sources.length, '--json lists them')];
}

/** Files and objects that a summary names one by one. */
const SHOWN = 10;

function more(all: number, hint: string): string[] {
  return all > SHOWN ? [`  … and ${formatCount(all - SHOWN)} more: ${hint}`] : [];
}

function sum(result: RunResult, field: 'rowsRead' | 'rowsWritten' | 'rowsRejected'): number {
  return result.sources.reduce((total, source) => total + source[field], 0);
}

function seconds(result: RunResult): string {
  return result.durationMs < 1000 ? `${result.durationMs} ms` : `${(result.durationMs / 1000).toFixed(1)} s`;
}
