/** What both sides of the bench are asked to do; passed to their processes as JSON. */
export type Task = KMeansTask | SilhouetteTask | DbscanTask | GraphTask;

export interface KMeansTask {
  task: 'kmeans';
  /** File of coordinates, 64-bit floats. */
  points: string;
  dimensions: number;
  ks: readonly number[];
  /** `n_init`. */
  starts: number;
  seed?: number;
  /** Worker threads that share the values of k out; the main one alone where it is absent. */
  workers?: number;
}

export interface SilhouetteTask {
  task: 'silhouette';
  points: string;
  dimensions: number;
  /** File of labels, 32-bit integers. */
  labels: string;
}

export interface DbscanTask {
  task: 'dbscan';
  points: string;
  dimensions: number;
  metric: 'euclidean' | 'haversine';
  eps: number;
  minSamples: number;
  /** Sluice's labels: written by it, compared by scikit-learn's side. */
  labels: string;
}

export interface GraphTask {
  task: 'graph' | 'filtered graph';
  edges: string;
  nodes: number;
  eps: number;
  minSamples: number;
  /** Where labels and core points of the nodes are written to, without the endings `.i32` and `.u8`. */
  answer: string;
}
