import type { Widening } from '../domain/evolution.ts';
import type { Pace } from '../domain/pace.ts';
import type { Column, OutputFormat, PartitionValues } from '../domain/schema.ts';

/** What a commit does to one table (a data set's Parquet, Avro and CSV tables are three, in one log). */
export interface TableChange {
  database: string;
  table: string;
  format: OutputFormat;
  /** Lake bucket and the table's folder, with the closing slash. */
  bucket: string;
  root: string;
  /** Data columns after the commit. */
  columns: Column[];
  partitionColumns: Column[];
  /** Readers' and people's parameters, such as `avro.schema.literal`. */
  parameters: Record<string, string>;
  /**
   * What leaves the table: nothing, the partitions that `files` or `emptied` name, all of it, the files of whole earlier
   * commits (append of objects that are loaded already), or just these files (compaction: the same rows in other files).
   */
  replaces: 'nothing' | 'partitions' | 'everything' | { commits: number[] } | { keys: string[] };
  /** Partitions replaced although no file is left for them (every row rejected, or a header only). */
  emptied: PartitionValues[];
  /** Partitions that the run had rows for, and that newer sources had filled before: they stay as they are. */
  outdated?: PartitionValues[];
  files: NewFile[];
  /**
   * Live files that leave besides what `replaces` says: their rows are in `files` again, less those of replaced sources, or in
   * wider types.
   */
  rewrites?: string[];
  /** Columns that get a wider type. Every live file that has such a column leaves. */
  widens?: Widening[];
}

/** A file as the run left it, and its name within the partition's folder. */
export interface NewFile {
  partition: PartitionValues;
  name: string;
  /** Key in the work bucket. */
  staged: string;
  etag: string;
  rows: number;
  bytes: number;
  /** The commits that brought the rows; not said: this one. */
  of?: number[];
  /** Rows by the id of their source, in tables that carry `_source_id`. */
  rowsOf?: Record<string, number>;
}

/** A file with a fixed name outside every table's root (`layout: mirror`), put there when the commit is published. */
export interface FixedFile {
  bucket: string;
  key: string;
  staged: string;
  etag: string;
  rows: number;
  bytes: number;
}

export interface CommittedSource {
  id: string;
  bucket: string;
  key: string;
  etag: string;
  lastModified: string;
}

/** P5: all that a run wants to commit, fixed before the verdict. */
export interface Intent {
  kind: 'commit';
  run: string;
  dataset: string;
  /** ISO 8601. */
  at: string;
  force: boolean;
  readers: 'catalog' | 'path';
  graceSeconds: number;
  sources: CommittedSource[];
  /** Ids of source versions whose rows leave the table: the run's own sources came in their place. */
  drops?: string[];
  /** Said in mode append: a version of a source that is live and not among `drops` makes the commit void. */
  onReupload?: 'replace' | 'fail';
  tables: TableChange[];
  fixed: FixedFile[];
  /** The log's version whose schema and sources the run was planned against. */
  plannedAt: number;
  /** How fast the run converted plain CSV, where it had enough of it: what later plans size their ranges by. */
  pace?: Pace;
}

export interface VoidEntry {
  kind: 'void';
  run: string;
  dataset: string;
  at: string;
  reason: string;
}

export type LogEntry = Intent | VoidEntry;
