import type { FailedSource, SourceAccount } from '../domain/load.ts';
import type { OutputFormat } from '../domain/schema.ts';
import { originOf } from '../domain/source.ts';
import { type ErrorRecord, PreconditionFailed } from '../errors.ts';
import { uri } from '../ports/object-store.ts';
import type { Ports } from '../ports/ports.ts';
import { historyKey } from './keys.ts';

export type RunStatus = 'succeeded' | 'failed' | 'nothing' | 'superseded';

/** A table as a run left it. */
export interface TableResult {
  database: string;
  table: string;
  format: OutputFormat;
  /** Written by this run. */
  rows: number;
  files: number;
  bytes: number;
  partitions: number;
}

export interface RunRecord {
  run: string;
  dataset: string;
  status: RunStatus;
  startedAt: string;
  accounts: SourceAccount[];
  failed: FailedSource[];
  tables: TableResult[];
  notices: string[];
  error?: ErrorRecord;
}

/** One line of the table `sluice.loads`: one source file of one run (or the run itself, where it read none). */
export interface HistoryLine {
  run: string;
  dataset: string;
  status: RunStatus;
  started_at: string;
  ended_at: string;
  source: string | null;
  entry: string | null;
  source_status: 'loaded' | 'quarantined' | 'none';
  rows_read: number;
  rows_written: number;
  rows_rejected: number;
  bytes_read: number;
  duration_ms: number;
  first_reject: string | null;
  error_name: string | null;
  error_message: string | null;
  tables: TableResult[];
  notices: string[];
}

/** Writes the run's lines, once: a second attempt changes nothing. JSON lines, so that Athena and DuckDB read them. */
export async function writeHistory(ports: Ports, record: RunRecord): Promise<void> {
  const body = historyLines(record, ports.clock.now())
    .map((line) => `${JSON.stringify(line)}\n`)
    .join('');
  const address = { bucket: ports.places.work, key: historyKey(record.dataset, record.run) };
  try {
    await ports.objects.put(address, body, { condition: { ifNoneMatch: '*' }, contentType: 'application/x-ndjson' });
  } catch (error) {
    if (!(error instanceof PreconditionFailed)) throw error;
  }
}

/** Whether the run's lines are written: it ended, one way or the other. One listing call, for which every step is let. */
export async function hasHistory(ports: Ports, dataset: string, run: string): Promise<boolean> {
  const key = historyKey(dataset, run);
  for await (const info of ports.objects.list(ports.places.work, key)) return info.key === key;
  return false;
}

function historyLines(record: RunRecord, endedAt: Date): HistoryLine[] {
  const base = {
    run: record.run,
    dataset: record.dataset,
    status: record.status,
    started_at: record.startedAt,
    ended_at: endedAt.toISOString(),
    tables: record.tables,
    notices: record.notices,
  };
  const none = {
    entry: null,
    rows_read: 0,
    rows_written: 0,
    rows_rejected: 0,
    bytes_read: 0,
    duration_ms: 0,
    first_reject: null,
  };
  const loaded = record.accounts.map(
    (account): HistoryLine => ({
      ...base,
      source: uri(originOf(account.source)),
      entry: account.entry ?? null,
      source_status: record.status === 'succeeded' ? 'loaded' : 'none',
      rows_read: account.rowsRead,
      rows_written: account.rowsWritten,
      rows_rejected: account.rowsRejected,
      bytes_read: account.bytesRead,
      duration_ms: account.durationMs,
      first_reject: account.firstReject ?? null,
      error_name: record.error?.name ?? null,
      error_message: record.error?.message ?? null,
    }),
  );
  const failed = record.failed.map(
    (failure): HistoryLine => ({
      ...base,
      ...none,
      source: uri(originOf(failure.source)),
      source_status: failure.stays ? 'none' : 'quarantined',
      error_name: failure.error.name,
      error_message: failure.error.message,
    }),
  );
  const lines = [...loaded, ...failed];
  if (lines.length > 0) return lines;
  return [
    {
      ...base,
      ...none,
      source: null,
      source_status: 'none',
      error_name: record.error?.name ?? null,
      error_message: record.error?.message ?? null,
    },
  ];
}
