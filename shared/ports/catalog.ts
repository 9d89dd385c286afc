import type { Column, OutputFormat, PartitionValues } from '../domain/schema.ts';

/** One partition as readers see it: its values and the location that holds exactly its live files. */
export interface CatalogPartition {
  values: PartitionValues;
  /** `s3://bucket/prefix/`, always with the closing slash. */
  location: string;
  /** The live files under `location`; catalogs that follow locations ignore them. */
  files: string[];
  rows: number;
}

/** What a table must look like once the catalog follows the head of the log. */
export interface TableState {
  database: string;
  table: string;
  format: OutputFormat;
  /** `s3://bucket/path/table/`. */
  root: string;
  /** Data columns, partition columns not among them. */
  columns: Column[];
  partitionColumns: Column[];
  /** Unpartitioned: exactly one, with no values, or none while the table is empty. */
  partitions: CatalogPartition[];
  /** For people and readers: original names, the log's version, `avro.schema.literal`. Keys are the catalog's own. */
  parameters: Record<string, string>;
}

/** What the catalog holds of a table; `version` changes with every update of the table itself. */
export interface PublishedTable extends Omit<TableState, 'partitions'> {
  version: string;
}

export interface SwapResult {
  created: number;
  updated: number;
  deleted: number;
  /** Calls made, for the run's account. */
  calls: number;
}

/**
 * What Sluice asks of a catalog (Glue, or a DuckDB file). Errors: `CatalogConflict` (retryable: a concurrent change,
 * throttling, the service's own failure), `AccessDenied`, `BadInput` (a name the catalog refuses).
 */
export interface Catalog {
  /** A table's partition columns may change when all of it is replaced; false where that would mean dropping it. */
  readonly canRepartition: boolean;
  /** The table without its partitions, or undefined where there is none. */
  table(database: string, table: string): Promise<PublishedTable | undefined>;
  /** All partitions, all pages. Those of an unpartitioned table: one, or none while it is empty. */
  partitions(database: string, table: string): Promise<CatalogPartition[]>;
  /**
   * Brings database, table and partitions to the given state: schema first, then the difference in partitions, each
   * swapped at once; reads back until equal. Doing it twice changes nothing. Only the lock's holder may call it.
   */
  swap(state: TableState): Promise<SwapResult>;
}
