import type { KFit } from '../clustering/choose-k.ts';
import type { Dropped, Space } from '../clustering/features.ts';
import type { TaskList } from '../commit/tasks.ts';
import type { FinalStoredFile, PlannedTable, StoredFile } from './load.ts';

/** What the steps of the cluster branch write for one another. */

// ── prepare ─────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface PreparedClusters {
  /** One for each k, or one in all; none where there is nothing to cluster. */
  tasks: TaskList;
  points?: PreparedPoints;
  /** What was accepted without effect, for people. */
  notices: string[];
}

export interface PreparedPoints {
  /** Index into the plan's tables. */
  table: number;
  /** All rows of the run's table, in the order that labels have. */
  rows: StoredFile;
  /** Those that can be clustered, as coordinates. */
  features: StoredFile;
  space: Space;
  dropped: Dropped;
}

export interface FitTask {
  task: string;
  /** For k-means; null: the algorithm finds the number itself. */
  k: number | null;
}

// ── fit ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

export interface FitReceipt {
  task: string;
  attempt: string;
  clusters: number;
  noise: number;
  silhouette?: KFit['silhouette'];
  /** K-means: all that its labels follow from. */
  kmeans?: KMeansFit;
  /** Others: one a point, or a key in the order of `keys`, as 32-bit integers. */
  labels?: StoredFile;
  /** Of distances: the keys as a Parquet file of one column, and `cluster,key` as CSV where it is asked for. */
  keys?: StoredFile;
  csv?: StoredFile;
}

export interface KMeansFit {
  k: number;
  /** Flat, among the points. */
  centres: number[];
  inertia: number;
  iterations: number;
  converged: boolean;
  restart: number;
}

// ── choose ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** What publish commits beside the run's own tables. */
export interface Clustered {
  tables: { planned: PlannedTable; files: FinalStoredFile[] }[];
  /** `cluster,key` of distances under its fixed name. */
  file?: StoredFile & { bucket: string; to: string };
  report: ClusterReport;
}

/** What is told to people, and drawn. */
export interface ClusterReport {
  algorithm: string;
  /** Hyper-parameters as they were used. */
  params: Record<string, unknown>;
  /** `km` on the sphere, else the unit of the points. */
  unit: 'km' | 'points';
  features: string[];
  kind: Space['kind'] | 'distances';
  /** Rows of the table, or keys. */
  rows: number;
  /** Of these, the ones that were clustered. */
  points: number;
  dropped: Dropped;
  clusters: number;
  noise: number;
  /** Of k-means. */
  k?: number;
  inertia?: number;
  elbow?: number;
  silhouetteK?: number;
  reason: string;
  /** One entry for each k that was tried. */
  curve: KFit[];
  silhouette?: KFit['silhouette'];
  summary: ClusterLine[];
  /** Key of the points for a map: `[x, y, cluster]`, all or a sample. */
  sample?: string;
}

export interface ClusterLine {
  cluster: number;
  size: number;
  share: number;
  /** Values of the features; none for noise. */
  centre: number[];
  /** From the centre to the farthest member; null for noise. */
  radius: number | null;
}
