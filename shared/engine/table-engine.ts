import type { Column, OutputFormat, PartitionValues } from '../domain/schema.ts';
import type { ErrorRecord } from '../errors.ts';
import type { CsvDialect } from '../formats/csv-dialect.ts';
import type { GrowingFile } from '../ports/object-store.ts';
import type { ClusterTablesJob, CollectedRows, CollectJob } from './cluster-jobs.ts';

/**
 * What the steps ask of the engine that turns local files into table files. It touches nothing but the paths it is given;
 * fetching, uploading and receipts are the steps' work. DuckDB implements it; tests may give a small one of their own.
 */
export interface TableEngine {
  /** Rows of `inputs` → staged buckets or final files. */
  convert(job: ConvertJob): Promise<ConvertOutcome>;
  /** Staged files of one bucket → final files, sorted, one or more a partition. */
  repartition(job: RepartitionJob): Promise<RepartitionOutcome>;
  /** Columns and row count of a local Parquet file; `CorruptFile` where it is none. */
  describeParquet(path: string): Promise<ParquetDescription>;
  /** A table's files read together, and features of it as numbers. */
  collectRows(job: CollectJob): Promise<CollectedRows>;
  /** Rows with their clusters, and the clusters, as final files of two tables. */
  writeClusters(job: ClusterTablesJob): Promise<{ clusters: FinalFile[]; summary: FinalFile[] }>;
  close(): Promise<void>;
}

export interface ParquetDescription {
  columns: { original: string; type: Column['type'] }[];
  rows: number;
}

/** A column of a file, in the file's order, and where it goes. */
export interface FileColumn {
  original: string;
  /** The table column it fills; undefined: read, checked, and left out. */
  target: string | undefined;
  /** strptime format, for dates and timestamps that are not ISO 8601. */
  format?: string;
  /** The field's text goes under `original` into the JSON object of the text column `target`, with others that say so. */
  rescue?: true;
}

/** One local file, or one row-aligned slice of an object, to be read. */
export interface LocalInput {
  /** Index among the job's inputs is its identity; `uri` and `entry` are for people. */
  path: string;
  uri: string;
  entry?: string;
  sourceId: string;
  format: 'csv' | 'parquet';
  /** For CSV. `headerRows` and `skipLines` are already 0 for a slice that does not begin the object. */
  dialect?: CsvDialect;
  /** The file's columns, in its order. */
  columns: FileColumn[];
  /** Where the local file's first byte lies in the (uncompressed) object. */
  firstByte: number;
  /** Line number of the local file's first line; 1 unless it is a later slice (then relative to the slice). */
  firstLine: number;
  /** Local path is gzip-compressed. */
  gzip?: boolean;
  /** What the file holds, where it was counted already, apart from any engine. */
  counted?: { records: number; bytes: number; lines: number; longestAtLeast: number };
  /** A CSV that a strict reader would stumble over: the tolerant reader reads it. */
  irregular?: boolean;
  /** The object was in another encoding: bytes of its code units, and of the mark before them, which the local file lacks. */
  transcoded?: { unitBytes: 1 | 2; bomBytes: number };
}

/** What becomes of rows with too few fields, or with too many. */
export interface RowRules {
  /** `pad`: the missing ones are null. */
  short: 'reject' | 'pad';
  /** `rescue`: the surplus ones go as JSON into the table's column `RESCUED_COLUMN`. */
  long: 'reject' | 'rescue';
}

/** A partition column: a column of the table, something derived from one, or a constant of the run. */
export interface PartitionSpec {
  /** Name in the path and the catalog. */
  name: string;
  /**
   * A part is the instant cut to it, in UTC, never a number that comes back every year: `year` is an int (2012), `month`
   * text (2012-01), `day` a date (2012-01-05), `hour` text (2012-01-05-13). Null stays null.
   */
  from: { column: string } | { column: string; part: 'year' | 'month' | 'day' | 'hour' } | { constant: string };
  type: Column['type'];
}

/** How a table's files are written. */
export interface TableWriting {
  /** Data columns as they are written: partition columns that are table columns are left out of files, as Hive does. */
  columns: Column[];
  partitions: PartitionSpec[];
  /** Table column names; ties keep no order. */
  sortBy: string[];
  formats: OutputFormat[];
  compression: {
    parquet: 'zstd' | 'snappy' | 'gzip' | 'none';
    avro: 'deflate' | 'snappy' | 'null';
    csv: 'gzip' | 'none';
  };
  avroTimestamps: 'millis' | 'micros';
  /** Target size of a file, before Parquet's own compression is known only approximately; ±25%. */
  fileSizeBytes: number;
  rowGroupRows: number;
  /** Key-value metadata of Parquet and Avro files (source, version, original names). */
  metadata: Record<string, string>;
  /** Record name in Avro schemas, the same for all files of a table; `row` by default. */
  avroRecordName?: string;
  /** The table has a column `SOURCE_ID_COLUMN`: convert fills it, and of each final file it is told how many rows are of which source. */
  sourceIds?: true;
  /** An unpartitioned table of no rows is a file of no rows in each format, and not no file at all. */
  emptyFile?: boolean;
}

export interface ConvertJob {
  inputs: LocalInput[];
  /** All table columns with their types, partition source columns among them. */
  columns: Column[];
  writing: TableWriting;
  /** `stage`: at most this many Parquet files by hash of the partition values; `final`: the table's files at once. */
  target: { kind: 'stage'; buckets: number } | { kind: 'final' };
  /** Beyond it an input fails and none of its rows is written. Undefined: judged later (a slice of an object). */
  tolerance: RejectTolerance | undefined;
  /** Timestamps without an offset are of this zone. */
  timezone: string;
  /** Left out: rows that do not fit are rejected. */
  rowRules?: RowRules;
  /** Folder for outputs and spill, empty at the start, the caller's to remove. */
  scratch: string;
  onFile?: FileListener;
  /** There are other jobs of this process under way, or to come: those of several inputs may run side by side. */
  othersFollow?: boolean;
}

/**
 * Is told of every staged or final file as soon as it is complete, while the engine still works: nothing is written into it any more. Of
 * one that is written front to back it is told at its beginning, with `growing`, and its rows and bytes are known at its end.
 *
 * The outcome has the same object, or it is none of the outcome's: where rows do not add up or an input fails, files are
 * written anew or given up, under a name that may come again.
 */
export type FileListener = (file: LocalFile, growing?: GrowingFile) => void;

/** Tolerated rejected rows of one object: whichever of the two is larger. */
export interface RejectTolerance {
  rows: number;
  share: number;
}

export interface InputAccount {
  /** Index into `job.inputs`. */
  input: number;
  /** Records in the input, counted apart from the engine's parse. */
  rowsRead: number;
  rowsWritten: number;
  rowsRejected: number;
  bytesRead: number;
  /** Physical lines in the input, for line numbers of later slices. */
  lines: number;
  /** The first rejected row's reason, for people. */
  firstReject?: string;
  /** Set: the input failed as a whole; nothing of it is written. */
  failed?: ErrorRecord;
}

/** A file in `scratch`. */
export interface LocalFile {
  path: string;
  rows: number;
  bytes: number;
}

export interface StagedFile extends LocalFile {
  bucket: number;
}

export interface FinalFile extends LocalFile {
  format: OutputFormat;
  partition: PartitionValues;
  /** Number of the file within partition and format, from 0. */
  part: number;
  /** With `sourceIds`: rows by the id of their source. */
  rowsOf?: Record<string, number>;
}

/** A rejected row. Written as JSON lines, one object a line, to `rejects.path`. */
export interface RejectedRow {
  uri: string;
  entry: string | null;
  /** 1-based physical line of the row's first byte, relative to the input's `firstLine`. */
  line: number | null;
  /** Of the row's first byte in the (uncompressed) object. */
  byteOffset: number | null;
  column: string | null;
  reason: string;
  raw: string | null;
}

export interface ConvertOutcome {
  accounts: InputAccount[];
  staged: StagedFile[];
  files: FinalFile[];
  rejects: LocalFile | undefined;
}

export interface RepartitionJob {
  /** Staged Parquet files (all columns of the table). */
  inputs: string[];
  columns: Column[];
  writing: TableWriting;
  /** Ids of sources whose rows are left out; the inputs have the column `SOURCE_ID_COLUMN` then. */
  without?: string[];
  scratch: string;
  onFile?: FileListener;
}

export interface RepartitionOutcome {
  rowsRead: number;
  /** Of those, the ones that were left out. */
  rowsDropped: number;
  files: FinalFile[];
}
