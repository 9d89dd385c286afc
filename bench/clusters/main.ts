import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { kmeans, prepareKMeans } from '../../shared/kernels/kmeans.ts';
import { atLeast, atMost, type BenchOptions, type BenchResult, figure } from '../kit/bench.ts';
import { type Contender, contest, type Outcome, ratioOf } from '../kit/contest.ts';
import { nodesOf, writeEdges } from './edges.ts';
import { clusteredPoints } from './points.ts';
import { sklearnPython } from './python.ts';
import type { GraphTask, KMeansTask, Task } from './task.ts';

export const about = 'k-means, silhouette and DBSCAN beside scikit-learn, one thread each';

/** Values of k whose inertia is held to the best of 50 starts; each costs scikit-learn five times what the race does. */
const WATCHED = [2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 21, 22, 23];

/** What is measured can be chosen by name: `kmeans`, `silhouette`, `dbscan`, `graph`. */
export async function run(options: BenchOptions): Promise<BenchResult> {
  const python = await sklearnPython(options.folder, options.log);
  const folder = join(options.folder, 'clusters');
  mkdirSync(folder, { recursive: true });
  const bench = new ClustersBench(options, folder, python);
  const parts = {
    kmeans: () => bench.kmeans(),
    silhouette: () => bench.silhouette(),
    dbscan: () => bench.dbscan(),
    graph: () => bench.graph(),
  };
  for (const [name, part] of Object.entries(parts)) {
    if (options.rest.length === 0 || options.rest.includes(name)) await part();
  }
  return {
    tables: [
      {
        title: 'Beside scikit-learn',
        head: ['work', 'Sluice s', 'CPU s', 'MB', 'scikit-learn s', 'CPU s', 'MB', 'ratio', 'of CPU'],
        rows: bench.rows,
      },
    ],
    bars: bench.bars,
    notes: [
      'Seconds are of the work alone, libraries loaded and points read; of a graph, from its csv.gz to the labels. MB are the peak of the process.',
      'Ratios are medians of those of the rounds. CPU counts all threads of a process: garbage collection, compilation and unzipping too.',
      ...bench.notes,
    ],
  };
}

class ClustersBench {
  readonly rows: string[][] = [];
  readonly bars: BenchResult['bars'] = [];
  readonly notes: string[] = [];
  readonly #options: BenchOptions;
  readonly #folder: string;
  readonly #python: string;

  constructor(options: BenchOptions, folder: string, python: string) {
    this.#options = options;
    this.#folder = folder;
    this.#python = python;
  }

  async kmeans(): Promise<void> {
    const count = this.#sized(200_000);
    const ks = Array.from({ length: 23 }, (_, i) => i + 1);
    const plane: KMeansTask = { task: 'kmeans', points: this.#points(count, 2), dimensions: 2, ks, starts: 10 };
    const name = `k-means, ${count} points, k = 1…23 × 10 starts`;
    const [own, other, both] = await this.#race(name, plane, plane, { ...plane, workers: 2 });
    this.bars.push(atLeast(`${name}, one thread`, ratioOf(other!, own!), 20));
    this.bars.push(atLeast(`${name}, two workers`, ratioOf(other!, both!), 25));
    await this.#watchInertia(plane, own!);
    const deep: KMeansTask = { ...plane, points: this.#points(count, 4), dimensions: 4, ks: [23] };
    const deepName = `k-means, ${count} points in 4 dimensions, k = 23 × 10 starts`;
    const [ownDeep, otherDeep] = await this.#race(deepName, deep, deep);
    this.bars.push(atLeast(deepName, ratioOf(otherDeep!, ownDeep!), 2));
    await this.#watchInertia(deep, ownDeep!);
  }

  /** Our inertia beside the best of 50 starts of scikit-learn's, with another seed. */
  async #watchInertia(task: KMeansTask, own: Outcome): Promise<void> {
    const ks = task.ks.length === 1 ? task.ks : WATCHED;
    const others = await this.#bestOfFifty({ ...task, ks, starts: 50, seed: 77 });
    const ours = own.rounds[0]!['inertias'] as number[];
    const gaps = ks.map((k, i) => (ours[task.ks.indexOf(k)]! / others[i]! - 1) * 100);
    const worst = Math.max(...gaps);
    this.bars.push(
      atMost(
        `inertia in ${task.dimensions} dimensions above the best of 50 starts, worst of k = ${ks.join(', ')}`,
        worst,
        0.1,
        '%',
      ),
    );
    this.notes.push(
      `Inertia in ${task.dimensions} dimensions against the best of 50 starts, by k: ${ks.map((k, i) => `${k}: ${gaps[i]!.toFixed(3)}%`).join(', ')}.`,
    );
  }

  /** Kept between runs: the same points, seed and version give the same inertia, after minutes. */
  async #bestOfFifty(task: KMeansTask): Promise<number[]> {
    const version = readFileSync(join(import.meta.dirname, 'requirements.txt'), 'utf8');
    const key = JSON.stringify({ ...task, points: basename(task.points), version });
    const path = join(this.#folder, `best-of-50-${basename(task.points)}.json`);
    const kept = existsSync(path)
      ? (JSON.parse(readFileSync(path, 'utf8')) as { key: string; inertias: number[] })
      : undefined;
    if (kept?.key === key) return kept.inertias;
    const [best] = await this.#contest([this.#other(task)], 1);
    const inertias = best!.rounds[0]!['inertias'] as number[];
    writeFileSync(path, JSON.stringify({ key, inertias }));
    return inertias;
  }

  async silhouette(): Promise<void> {
    const count = this.#sized(20_000);
    const points = this.#points(count, 2);
    const bytes = readFileSync(points);
    const model = kmeans(prepareKMeans(new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8), 2));
    for (const k of [2, 8, 23]) {
      const labels = join(this.#folder, `labels-${k}.i32`);
      put(labels, model.cluster(k, { nInit: 1 }).labels);
      const task: Task = { task: 'silhouette', points, dimensions: 2, labels };
      const name = `silhouette, ${count} points, k = ${k}`;
      const [own, other] = await this.#race(name, task, task);
      this.bars.push(atLeast(name, ratioOf(other!, own!), 6));
      const difference = Math.abs((own!.rounds[0]!['mean'] as number) - (other!.rounds[0]!['mean'] as number));
      this.bars.push({
        name: `${name}: difference ≤ 1e-9`,
        found: difference.toExponential(1),
        met: difference <= 1e-9,
      });
    }
  }

  async dbscan(): Promise<void> {
    for (const [size, eps, angle] of [
      [200_000, 0.25, 0.004],
      [1_000_000, 0.1, 0.0017],
    ] as const) {
      const count = this.#sized(size);
      for (const metric of ['euclidean', 'haversine'] as const) {
        const task: Task = {
          task: 'dbscan',
          points: this.#places(count),
          dimensions: 2,
          metric,
          eps: metric === 'haversine' ? angle : eps,
          minSamples: 10,
          labels: join(this.#folder, `dbscan-${metric}.i32`),
        };
        const name = `DBSCAN, ${count} points, ${metric}`;
        const [own, other] = await this.#race(name, task, task);
        this.bars.push(atLeast(name, ratioOf(other!, own!), metric === 'haversine' ? 10 : 6));
        const differ = other!.rounds[0]!['differ'] as number;
        this.bars.push({ name: `${name}: labels that differ`, found: String(differ), met: differ === 0 });
      }
    }
  }

  async graph(): Promise<void> {
    const edges = this.#sized(10_000_000);
    const path = join(this.#folder, `communities-${edges}.csv.gz`);
    if (!existsSync(path)) {
      this.#options.log(`Writing a list of ${edges} distances (once)`);
      await writeEdges(`${path}.part`, edges);
      renameSync(`${path}.part`, path);
    }
    const task = (name: 'graph' | 'filtered graph', side: string): GraphTask => ({
      task: name,
      edges: path,
      nodes: nodesOf(edges),
      eps: 0.25,
      minSamples: 5,
      answer: join(this.#folder, `graph-${side}`),
    });
    const name = `DBSCAN of a graph, ${edges} edges in csv.gz`;
    const [own, other, filtering] = await this.#contest(
      [
        this.#own(task('graph', 'own')),
        this.#other(task('graph', 'other')),
        this.#other(task('filtered graph', 'filtering')),
      ],
      this.#options.rounds,
    );
    this.#row(name, own!, other!);
    this.#row(`${name}; scikit-learn's side drops what is beyond eps while it reads`, own!, filtering!);
    this.bars.push(atLeast(name, ratioOf(other!, own!), 3));
    this.bars.push(atLeast(`${name}, memory`, other!.peakRssBytes / own!.peakRssBytes, 15));
    for (const side of ['other', 'filtering']) {
      const differ = differingNodes(join(this.#folder, 'graph-own'), join(this.#folder, `graph-${side}`));
      this.bars.push({ name: `${name}: nodes that differ (${side})`, found: String(differ), met: differ === 0 });
    }
  }

  /** Both sides, and ours in other ways, by turns. */
  async #race(name: string, own: Task, other: Task, ...more: KMeansTask[]): Promise<Outcome[]> {
    const outcomes = await this.#contest(
      [this.#own(own), this.#other(other), ...more.map((task) => this.#own(task))],
      this.#options.rounds,
    );
    this.#row(name, outcomes[0]!, outcomes[1]!);
    for (const [i, task] of more.entries())
      this.#row(`${name}, ${task.workers} workers`, outcomes[2 + i]!, outcomes[1]!);
    return outcomes;
  }

  #contest(contenders: Contender[], rounds: number): Promise<Outcome[]> {
    return contest(contenders, { rounds, folder: this.#folder, log: this.#options.log });
  }

  #own(task: Task): Contender {
    const workers = task.task === 'kmeans' && task.workers !== undefined ? ` with ${task.workers} workers` : '';
    const args = [join(import.meta.dirname, 'sluice.ts'), JSON.stringify(task)];
    return { name: `Sluice's ${task.task}${workers}`, program: process.execPath, args: () => args };
  }

  #other(task: Task): Contender {
    const args = [join(import.meta.dirname, 'scikit_learn.py'), JSON.stringify(task)];
    return { name: `scikit-learn's ${task.task}`, program: this.#python, args: () => args };
  }

  #row(name: string, own: Outcome, other: Outcome): void {
    const side = ({ seconds, cpuSeconds, peakRssBytes }: Outcome) => [
      figure(seconds),
      figure(cpuSeconds),
      figure(peakRssBytes / 1e6),
    ];
    const ratios = [`${figure(ratioOf(other, own))}×`, `${figure(ratioOf(other, own, 'cpuSeconds'))}×`];
    this.rows.push([name, ...side(own), ...side(other), ...ratios]);
  }

  #sized(count: number): number {
    return this.#options.quick ? count / 10 : count;
  }

  #points(count: number, dimensions: number): string {
    const path = join(this.#folder, `points-${count}-${dimensions}.f64`);
    if (!existsSync(path)) put(path, clusteredPoints(count, dimensions));
    return path;
  }

  /** Latitudes and longitudes of the same points. */
  #places(count: number): string {
    const path = join(this.#folder, `places-${count}.f64`);
    if (existsSync(path)) return path;
    const plane = clusteredPoints(count, 2);
    const latitude = (y: number) => Math.max(-60, Math.min(60, y));
    put(
      path,
      plane.map((_, i) => (i % 2 === 0 ? latitude(plane[i + 1]!) : plane[i - 1]!)),
    );
    return path;
  }
}

function put(path: string, values: Float64Array | Int32Array): void {
  writeFileSync(path, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

/**
 * Nodes that are core, noise or in another cluster on one side alone. The sides number clusters and nodes differently, so that names do not count,
 * nor into which of several clusters a border point went.
 */
function differingNodes(own: string, other: string): number {
  const [a, b] = [own, other].map((path) => {
    const bytes = readFileSync(`${path}.i32`);
    return {
      labels: new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4),
      core: readFileSync(`${path}.u8`),
    };
  }) as [{ labels: Int32Array; core: Buffer }, { labels: Int32Array; core: Buffer }];
  const names = new Map<number, number>();
  const taken = new Set<number>();
  let differ = 0;
  for (let node = 0; node < a.labels.length; node++) {
    const label = a.labels[node]!;
    const twin = b.labels[node]!;
    if (a.core[node] !== b.core[node] || label < 0 !== twin < 0) differ++;
    if (a.core[node] !== 1 || b.core[node] !== 1) continue;
    if (!names.has(label) && !taken.has(twin)) {
      names.set(label, twin);
      taken.add(twin);
    }
    if (names.get(label) !== twin) differ++;
  }
  return differ;
}
