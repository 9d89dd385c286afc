import type { TaskList } from '../commit/tasks.ts';
import type { FileColumn, InputAccount, PartitionSpec, TableWriting } from '../engine/table-engine.ts';
import type { ErrorRecord } from '../errors.ts';
import type { SliceLink, SliceRange } from '../formats/csv/slice.ts';
import type { ColumnProfile } from '../formats/csv/types.ts';
import type { CsvDialect } from '../formats/csv-dialect.ts';
import type { GlmLevel } from '../formats/glm/columns.ts';
import type { ZipEntry } from '../formats/zip.ts';
import type { Widening } from './evolution.ts';
import type { Pace, RangePlan } from './pace.ts';
import type { Column, ColumnType, OutputFormat, PartitionValues } from './schema.ts';
import type { SourceObject } from './source.ts';

/** What the steps of a load write for one another, in the order they write it. */

// ── list-latest ─────────────────────────────────────────────────────────────────────────────────────────────────────

export interface Listed {
  /** One task a batch: a large object, or many small ones. */
  tasks: TaskList;
  objects: number;
  bytes: number;
  /** Objects that were there and are not loaded: by reason, for people. */
  skipped: { loaded: number; held: number; quarantined: number; superseded: number };
  /** Nothing was looked for: this other run of the data set is under way, and there may be one at a time. */
  busy?: string;
}

export interface ReadTask {
  task: string;
  sources: SourceObject[];
}

// ── read ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** One file of an object: the object itself, an entry of a ZIP, or a level of a granule of lightning. */
export interface FilePart {
  entry?: ZipEntry;
  format: 'csv' | 'parquet' | 'glm' | 'distances';
  /** Of a granule (`glm`): the table that this is. */
  level?: GlmLevel;
  compression: 'none' | 'gzip' | 'zstd' | 'zip';
  /** For CSV, always explicit. */
  dialect?: CsvDialect;
  /** A CSV that a strict reader would stumble over. */
  irregular?: boolean;
}

export interface FoundColumn {
  original: string;
  type: ColumnType;
  /** strptime form of dates and timestamps that are not ISO 8601. */
  format?: string;
  /** Evidence, to find one type over many files; Parquet states its types and has none. */
  profile?: ColumnProfile;
}

export interface FoundPart extends FilePart {
  columns: FoundColumn[];
  /** For CSV: where the first record begins (in the decompressed bytes), and how many physical lines lie before it. */
  dataStart?: number;
  dataLine?: number;
  /** Rows, where the format states them. */
  rows?: number;
  /** Bytes to convert, as far as known before: those of the object, or of the ZIP entry uncompressed. */
  sizeBytes: number;
  confidence: number;
  reasons: string[];
}

export interface ReadReceipt {
  task: string;
  attempt: string;
  found: { source: SourceObject; parts: FoundPart[] }[];
  failed: FailedSource[];
}

export interface FailedSource {
  source: SourceObject;
  /** The step that it failed in. */
  step: string;
  error: ErrorRecord;
  /** Its task's time ran out: ranges of so many bytes would have ended. */
  splitBytes?: number;
  /** It is not in quarantine: the table has it as before, or another run took it over. */
  stays?: true;
}

// ── plan ────────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface Plan {
  tables: PlannedTable[];
  /** The log's version that schema and mode were decided on. */
  plannedAt: number;
  /** Buckets of the shuffle; 0: convert writes final files. */
  buckets: number;
  tasks: TaskList;
  /** How large tasks are; of a run that converts. */
  ranges?: RangePlan;
  /** Failed in read, or refused by what the table is. */
  failed: FailedSource[];
  /** Live files that may have to be written again (`LiveGroup`s), where there are any. */
  live?: TaskList;
  /** Key of a JSON object: by id of a source, the ids of the versions whose rows leave the table once it is loaded. */
  replaced?: string;
  notices: string[];
  /** More failed than is tolerated: the run ends with this. */
  error?: ErrorRecord;
}

export interface PlannedTable {
  /** All columns rows are typed as; partition source columns among them. */
  columns: Column[];
  partitions: PartitionSpec[];
  writing: TableWriting;
  /** Columns that get a wider type than the published table has. */
  widened?: Widening[];
  /** Behind the data set's table name, where a load makes several tables: `_flashes`. */
  suffix?: string;
  /** `layout: mirror`: keys in the lake bucket by format. */
  mirror?: { bucket: string; keys: Partial<Record<OutputFormat, string>> };
}

/** Live files of one partition that hold the same rows in every format, so that they leave together. */
export interface LiveGroup {
  task: string;
  /** Index into the plan's tables. */
  table: number;
  partition: PartitionValues;
  /** The Parquet files, and their bucket: what is written again is read from them. */
  inputs: StoredFile[];
  bucket: string;
  /** Keys of the group's files in every format, by `database.table`. */
  keys: Record<string, string[]>;
  /** The commits that brought the rows. */
  of: number[];
  rows: number;
  bytes: number;
  /** Rows by source id. */
  rowsOf: Record<string, number>;
  /** A column of the files gets a wider type: they leave whatever is loaded. */
  widens: boolean;
}

export interface ConvertTask {
  task: string;
  /** Index into the plan's tables. */
  table: number;
  inputs: ConvertInput[];
}

export interface ConvertInput {
  source: SourceObject;
  /** Index into the plan's tables, where it is another than the task's: a granule's levels stay together. */
  table?: number;
  part: FilePart;
  columns: FileColumn[];
  /** One of several row-aligned ranges of the object. */
  range?: InputRange;
}

export interface InputRange extends SliceRange {
  index: number;
  of: number;
  /** Where the object's first record begins, and how many physical lines lie before it. */
  dataStart: number;
  dataLine: number;
}

// ── convert ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** A file in the work bucket. */
export interface StoredFile {
  key: string;
  etag: string;
  rows: number;
  bytes: number;
}

export interface FinalStoredFile extends StoredFile {
  format: OutputFormat;
  partition: PartitionValues;
  /** Rows by source id, in tables that carry it. */
  rowsOf?: Record<string, number>;
}

export interface ConvertAccount extends InputAccount {
  /** For a range: what the proof of its cuts needs. */
  link?: SliceLink;
  durationMs: number;
}

export interface ConvertReceipt {
  task: string;
  attempt: string;
  table: number;
  accounts: ConvertAccount[];
  /** `table` where it is another than the receipt's. */
  staged: (StoredFile & { bucket: number; table?: number })[];
  files: (FinalStoredFile & { table?: number })[];
  rejects: StoredFile | undefined;
  /** Of lists of distances: each input's keys and edges. */
  graphs?: StoredGraph[];
}

/** The pairs within reach of one list of distances: keys by number, and edges between the numbers. */
export interface StoredGraph {
  /** Index into the task's inputs. */
  input: number;
  keys: StoredFile;
  edges: StoredFile;
}

// ── gather ──────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface SourceAccount {
  source: SourceObject;
  entry?: string;
  rowsRead: number;
  rowsWritten: number;
  rowsRejected: number;
  bytesRead: number;
  durationMs: number;
  firstReject?: string;
}

export interface Gathered {
  /** Objects whose quote chain broke, to be converted whole; only in the first pass. */
  broken: number;
  whole: TaskList | undefined;
  /** Tasks whose output counts, by step. */
  counted: { step: 'convert' | 'whole'; task: string }[];
  accounts: SourceAccount[];
  failed: FailedSource[];
  buckets: TaskList | undefined;
  rowsWritten: number;
  /** How fast plain CSV was converted, where there was enough of it. */
  pace?: Pace;
  /** More failed than is tolerated: the run ends with this. */
  error?: ErrorRecord;
  /** Ids of source versions whose rows leave the table. */
  drops?: string[];
  /** Live files that leave because their rows are written again or dropped, by `database.table`. */
  rewrites?: Record<string, string[]>;
  /** Rows that are written again. */
  rowsRewritten?: number;
  /** Compaction: the live files whose rows are written again. */
  compacted?: { database: string; table: string; keys: string[] }[];
}

export interface RepartitionTask {
  task: string;
  table: number;
  inputs: StoredFile[];
  /** The inputs are live files of this one partition, in the lake bucket. */
  partition?: { values: PartitionValues; bucket: string };
  /** Live files that are written again in a load: the commits that brought their rows, and what is left out of them. */
  rewrites?: { of: number[]; without: string[]; rowsDropped: number };
}

export interface RepartitionReceipt {
  task: string;
  attempt: string;
  table: number;
  rowsRead: number;
  rowsDropped: number;
  files: FinalStoredFile[];
}
