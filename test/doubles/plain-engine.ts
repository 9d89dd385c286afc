import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SOURCE_ID_COLUMN } from '../../shared/domain/source.ts';
import type {
  ConvertJob,
  ConvertOutcome,
  FileListener,
  FinalFile,
  InputAccount,
  LocalInput,
  PartitionSpec,
  RejectedRow,
  RepartitionJob,
  TableEngine,
  TableWriting,
} from '../../shared/engine/table-engine.ts';

/** A row by column name; a missing value is null. */
export type PlainRow = Record<string, string | null>;

/**
 * A table engine of a few lines, for tests of what surrounds the engine: CSV without quotes, every value text, and files
 * in every format that are JSON lines of rows. A field `!` makes its row a rejected one.
 */
export function plainEngine(): TableEngine {
  const unable = () => Promise.reject(new Error('The plain engine knows no numbers, and so no clusters'));
  return {
    convert,
    repartition,
    describeParquet,
    collectRows: unable,
    writeClusters: unable,
    close: async () => undefined,
  };
}

export function parsePlainFile(bytes: Uint8Array): PlainRow[] {
  return lines(Buffer.from(bytes).toString('utf8')).map((line) => JSON.parse(line) as PlainRow);
}

async function convert(job: ConvertJob): Promise<ConvertOutcome> {
  const rows: PlainRow[] = [];
  const accounts: InputAccount[] = [];
  const rejects: RejectedRow[] = [];
  for (const [index, input] of job.inputs.entries()) {
    const read = await readInput(input, job);
    const account = { input: index, ...read.account };
    if (job.tolerance && read.rejected.length > Math.max(job.tolerance.rows, job.tolerance.share * account.rowsRead)) {
      const message = `${input.uri} has ${read.rejected.length} rejected rows`;
      accounts.push({ ...account, rowsWritten: 0, failed: { name: 'TooManyRejects', message } });
      continue;
    }
    accounts.push(account);
    rows.push(...read.rows);
    rejects.push(...read.rejected);
  }
  mkdirSync(job.scratch, { recursive: true });
  const outcome: ConvertOutcome = { accounts, staged: [], files: [], rejects: undefined };
  if (rejects.length > 0) {
    const path = join(job.scratch, 'rejects.jsonl');
    outcome.rejects = { path, rows: rejects.length, bytes: await writeLines(path, rejects) };
  }
  if (job.target.kind === 'final') {
    outcome.files = await writeFinal(rows, job);
    return outcome;
  }
  const buckets = new Map<number, PlainRow[]>();
  for (const row of rows) {
    const values = JSON.stringify(partitionOf(row, job.writing.partitions));
    const bucket = createHash('md5').update(values).digest().readUInt32BE() % job.target.buckets;
    buckets.set(bucket, [...(buckets.get(bucket) ?? []), row]);
  }
  for (const [bucket, held] of buckets) {
    const path = join(job.scratch, `staged-${bucket}`);
    const file = { bucket, path, rows: held.length, bytes: await writeLines(path, held) };
    outcome.staged.push(file);
    job.onFile?.(file);
  }
  return outcome;
}

async function readInput(input: LocalInput, job: ConvertJob) {
  const text = readFileSync(input.path, 'utf8');
  const all = lines(text);
  const body = all.slice((input.dialect?.skipLines ?? 0) + (input.dialect?.headerRows ?? 0));
  const rows: PlainRow[] = [];
  const rejected: RejectedRow[] = [];
  body.forEach((line, i) => {
    const fields = line.split(input.dialect?.delimiter ?? ',');
    if (fields.includes('!') || fields.length !== input.columns.length) {
      const at = { uri: input.uri, entry: input.entry ?? null, line: input.firstLine + all.length - body.length + i };
      rejected.push({ ...at, byteOffset: null, column: null, reason: 'bad', raw: line });
      return;
    }
    const row: PlainRow = Object.fromEntries(job.columns.map((column) => [column.name, null]));
    input.columns.forEach((column, c) => {
      if (column.target === undefined) return;
      if (!column.rescue) row[column.target] = fields[c] === '' ? null : fields[c];
      else if (fields[c] !== '') row[column.target] = withField(row[column.target], column.original, fields[c]);
    });
    if (job.writing.sourceIds) row[SOURCE_ID_COLUMN] = input.sourceId;
    rows.push(row);
  });
  const account = {
    rowsRead: body.length,
    rowsWritten: rows.length,
    rowsRejected: rejected.length,
    bytesRead: text.length,
    lines: all.length,
  };
  return { rows, rejected, account };
}

function withField(json: string | null, name: string, text: string): string {
  return JSON.stringify({ ...JSON.parse(json ?? '{}'), [name]: text });
}

async function repartition(job: RepartitionJob) {
  const rows: PlainRow[] = [];
  for (const path of job.inputs) rows.push(...parsePlainFile(readFileSync(path)));
  const kept = rows.filter((row) => !job.without?.includes(row[SOURCE_ID_COLUMN] ?? ''));
  const files = await writeFinal(kept, job);
  return { rowsRead: rows.length, rowsDropped: rows.length - kept.length, files };
}

async function describeParquet(path: string) {
  const rows = parsePlainFile(readFileSync(path));
  const columns = Object.keys(rows[0] ?? {}).map((original) => ({ original, type: 'string' as const }));
  return { columns, rows: rows.length };
}

async function writeFinal(
  rows: PlainRow[],
  { writing, scratch: folder, onFile }: { writing: TableWriting; scratch: string; onFile?: FileListener },
): Promise<FinalFile[]> {
  mkdirSync(folder, { recursive: true });
  const groups = new Map<string, PlainRow[]>();
  for (const row of rows) {
    const key = JSON.stringify(partitionOf(row, writing.partitions));
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const files: FinalFile[] = [];
  for (const [key, held] of groups) {
    const written = held.map((row) => Object.fromEntries(writing.columns.map(({ name }) => [name, row[name] ?? null])));
    for (const format of writing.formats) {
      const path = join(folder, `final-${files.length}.${format}`);
      const bytes = await writeLines(path, written);
      const file: FinalFile = { path, format, partition: JSON.parse(key), part: 0, rows: held.length, bytes };
      if (writing.sourceIds) file.rowsOf = countBySource(held);
      files.push(file);
      onFile?.(file);
    }
  }
  return files;
}

function countBySource(rows: PlainRow[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { [SOURCE_ID_COLUMN]: id } of rows) if (id) counts[id] = (counts[id] ?? 0) + 1;
  return counts;
}

function partitionOf(row: PlainRow, partitions: PartitionSpec[]): (string | null)[] {
  return partitions.map(({ from }) => ('constant' in from ? from.constant : row[from.column]));
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

async function writeLines(path: string, values: unknown[]): Promise<number> {
  const text = values.map((value) => `${JSON.stringify(value)}\n`).join('');
  writeFileSync(path, text);
  return text.length;
}
