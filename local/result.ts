import type { HistoryLine, TableResult } from '../shared/commit/history.ts';
import { historyKey } from '../shared/commit/keys.ts';
import { ObjectNotFound } from '../shared/errors.ts';
import type { CallCounts } from '../shared/ports/object-store.ts';
import type { Home } from './home.ts';

/** What `--json` prints of a run; the names are fixed. */
export interface RunResult {
  run: { id: string; status: 'succeeded' | 'failed' | 'nothing' | 'superseded' };
  tables: TableResult[];
  /** Layout mirror: the files that the run wrote. */
  files?: { uri: string; rows: number; bytes: number }[];
  /** What was clustered came to so many clusters. */
  clusters?: {
    algorithm: string;
    clusters: number;
    noise: number;
    points: number;
    reason: string;
    k?: number;
    silhouette?: number;
    inertia?: number;
  };
  sources: SourceResult[];
  objectStoreCalls: CallCounts;
  durationMs: number;
  notices: string[];
  error?: { name: string; message: string; where?: string };
}

export interface SourceResult {
  uri: string;
  entry?: string;
  status: 'loaded' | 'quarantined' | 'none';
  rowsRead: number;
  rowsWritten: number;
  rowsRejected: number;
  error?: { name: string; message: string };
}

/** The lines that a run left in the history; none where it broke off before it had a data set. */
export async function readHistory(home: Home, dataset: string, run: string): Promise<HistoryLine[]> {
  try {
    const bytes = await home.ports.objects.read({ bucket: home.places.work, key: historyKey(dataset, run) });
    return parseHistory(bytes);
  } catch (error) {
    if (error instanceof ObjectNotFound) return [];
    throw error;
  }
}

export function parseHistory(bytes: Uint8Array): HistoryLine[] {
  return Buffer.from(bytes)
    .toString('utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as HistoryLine);
}

export function sourcesOf(lines: HistoryLine[]): SourceResult[] {
  return lines
    .filter((line) => line.source !== null)
    .map((line) => ({
      uri: line.source!,
      ...(line.entry === null ? {} : { entry: line.entry }),
      status: line.source_status,
      rowsRead: line.rows_read,
      rowsWritten: line.rows_written,
      rowsRejected: line.rows_rejected,
      ...(line.error_name === null ? {} : { error: { name: line.error_name, message: line.error_message ?? '' } }),
    }));
}

export function callsSince(before: CallCounts, after: CallCounts): CallCounts {
  const kinds = Object.keys(after) as (keyof CallCounts)[];
  return Object.fromEntries(kinds.map((kind) => [kind, after[kind] - before[kind]])) as unknown as CallCounts;
}
