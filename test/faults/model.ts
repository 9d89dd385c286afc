import { rejectedPrefix } from '../../shared/commit/keys.ts';
import { openLog } from '../../shared/commit/log.ts';
import { parsePlainFile } from '../doubles/plain-engine.ts';
import { type Lab, PLACES } from './lab.ts';

/** One version of one object that was at its key for a time, and what is in it. */
export interface Version {
  key: string;
  etag: string;
  /** ISO 8601. */
  lastModified: string;
  /** Good rows' ids by partition. */
  rows: Map<string, string[]>;
  /** Rows that no column takes. */
  bad: string[];
  /** More bad rows than the data set tolerates: it belongs in quarantine. */
  hopeless: boolean;
}

export interface Promised {
  mode: 'append' | 'overwrite-partitions';
  formats: string[];
  /** A newer version of an object in mode append: beside the rows of the older one, or in their place. */
  onReupload: 'append' | 'replace';
  /** Bad rows of an object that are tolerated. */
  tolerated: number;
}

/**
 * The promise, as rows in and rows out: every row of every object is in the table, in the rejects, in quarantine, or
 * replaced as the log says. It knows what was put into the source, and looks at what lies in the stores.
 */
export class Model {
  readonly versions: Version[] = [];
  readonly promised: Promised;
  private readonly lab: Lab;

  constructor(lab: Lab, promised: Promised) {
    this.lab = lab;
    this.promised = promised;
  }

  /** Puts an object with these rows at its key: `[id, partition]`, `!` for one that is rejected. */
  async land(key: string, rows: [id: string, partition: string][]): Promise<Version> {
    const text = `id,part\n${rows.map(([id, partition]) => `${id},${partition}\n`).join('')}`;
    // S3 dates objects in whole seconds; no two of these share one.
    this.lab.turns.now = Math.ceil((this.lab.turns.now + 1) / 1000) * 1000;
    const lastModified = new Date(this.lab.turns.now).toISOString();
    const { etag } = await this.lab.base.objects.put({ bucket: PLACES.landing, key }, text);
    this.lab.turns.now += 1000;
    const good = new Map<string, string[]>();
    const bad: string[] = [];
    for (const [id, partition] of rows) {
      if (partition === '!') bad.push(id);
      else good.set(partition, [...(good.get(partition) ?? []), id]);
    }
    const hopeless = bad.length > this.promised.tolerated;
    const version = { key, etag, lastModified, rows: good, bad, hopeless };
    this.versions.push(version);
    return version;
  }

  last(key: string): Version {
    return this.versions.findLast((version) => version.key === key)!;
  }

  private isLast(version: Version): boolean {
    return this.last(version.key) === version;
  }

  /** What is not as promised, once everything came to rest; empty where all is. */
  async violations(): Promise<string[]> {
    const found: string[] = [];
    const tables = this.promised.formats.map((format) => (format === 'parquet' ? 't' : `t_${format}`));
    const contents: Map<string, Map<string, number>>[] = [];
    for (const table of tables) contents.push(await this.rowsByPartition(table));
    for (const [i, table] of tables.entries()) {
      found.push(...(await this.rootViolations(table)));
      if (this.promised.mode === 'append') found.push(...this.appended(table, contents[i]));
      else found.push(...(await this.overwritten(table, contents[i])));
      if (JSON.stringify(sorted(contents[i])) !== JSON.stringify(sorted(contents[0]))) {
        found.push(`${table} has not the rows of ${tables[0]}`);
      }
    }
    found.push(...(await this.quarantineViolations()), ...(await this.rejectViolations()));
    return found;
  }

  /** Rows as a reader of the catalog finds them: how often each id is in each partition. */
  private async rowsByPartition(table: string): Promise<Map<string, Map<string, number>>> {
    const partitions = new Map<string, Map<string, number>>();
    const { objects, catalog } = this.lab.base;
    for (const { values, location } of await catalog.partitions('db', table)) {
      const counts = new Map<string, number>();
      for await (const info of objects.list(PLACES.lake, location.slice(`s3://${PLACES.lake}/`.length))) {
        for (const row of parsePlainFile(await objects.read(info))) counts.set(row.id!, (counts.get(row.id!) ?? 0) + 1);
      }
      partitions.set(String(values[0]), counts);
    }
    return partitions;
  }

  /** Under the root lies what the log says, and nothing else. */
  private async rootViolations(table: string): Promise<string[]> {
    const head = await this.lab.head();
    const live = (head.tables.get(`db.${table}`)?.files ?? []).map((file) => file.key).sort();
    const there: string[] = [];
    for await (const { key } of this.lab.base.objects.list(PLACES.lake, `db/${table}/`)) there.push(key);
    if (JSON.stringify(there) === JSON.stringify(live)) return [];
    return [`under db/${table}/ lie ${there.length} files where the log has ${live.length}, or others`];
  }

  /**
   * Append: the rows of an object's last version exactly once; of an earlier one all of them once or none, and none once a
   * later one took its place.
   */
  private appended(table: string, there: Map<string, Map<string, number>>): string[] {
    const found: string[] = [];
    const left = new Map([...there].map(([partition, counts]) => [partition, new Map(counts)]));
    for (const version of this.versions) {
      const times = new Set<number>();
      for (const [partition, ids] of version.rows) {
        for (const id of ids) {
          times.add(there.get(partition)?.get(id) ?? 0);
          left.get(partition)?.delete(id);
        }
      }
      if (times.size === 0) continue;
      const wanted = this.timesWanted(version);
      if (times.size > 1 || !wanted.includes([...times][0])) {
        found.push(
          `append: rows of ${this.name(version)} are ${[...times].join(' and ')} times in ${table}, not ${wanted.join(' or ')}`,
        );
      }
    }
    for (const [partition, counts] of left) {
      if (counts.size > 0) found.push(`${counts.size} rows of nowhere are in partition ${partition} of ${table}`);
    }
    return found;
  }

  private timesWanted(version: Version): number[] {
    if (version.hopeless) return [0];
    if (this.isLast(version)) return [1];
    return this.promised.onReupload === 'replace' && !this.last(version.key).hopeless ? [0] : [0, 1];
  }

  /**
   * Overwritten partitions: each holds what the commit brought whose newest source is the newest of all commits that had
   * rows for it, whenever it came; forced ones count as they come.
   */
  private async overwritten(table: string, there: Map<string, Map<string, number>>): Promise<string[]> {
    const found: string[] = [];
    const log = openLog(this.lab.base.objects, PLACES.work, this.lab.dataset);
    const { version: last } = await log.head();
    const winners = new Map<string, { newest: string; ids: string[] }>();
    const loaded = new Set<Version>();
    for (let n = 1; n <= last; n++) {
      const entry = await log.entry(n);
      if (entry.kind === 'void' || entry.sources.length === 0) continue;
      const brought = entry.sources.map((source) =>
        this.versions.find((version) => version.key === source.key && version.etag === source.etag),
      );
      const newest = entry.sources.reduce((max, source) => (source.lastModified > max ? source.lastModified : max), '');
      const rows = new Map<string, string[]>();
      for (const version of brought) {
        if (!version) {
          found.push(`commit ${n} has a source that never was`);
          continue;
        }
        loaded.add(version);
        for (const [partition, ids] of version.rows) rows.set(partition, [...(rows.get(partition) ?? []), ...ids]);
      }
      for (const [partition, ids] of rows) {
        const winner = winners.get(partition);
        if (!winner || entry.force || newest >= winner.newest) winners.set(partition, { newest, ids });
      }
    }
    for (const version of this.versions) {
      if (this.isLast(version) && !version.hopeless && !loaded.has(version)) {
        found.push(`overwrite: ${this.name(version)} was never loaded`);
      }
      if (version.hopeless && loaded.has(version)) found.push(`overwrite: ${this.name(version)} was loaded`);
    }
    for (const partition of new Set([...winners.keys(), ...there.keys()])) {
      const wanted = JSON.stringify([...(winners.get(partition)?.ids ?? [])].sort());
      const is = JSON.stringify(
        [...(there.get(partition) ?? [])].flatMap(([id, times]) => Array(times).fill(id)).sort(),
      );
      if (wanted !== is) found.push(`overwrite: partition ${partition} of ${table} has ${is}, not ${wanted}`);
    }
    return found;
  }

  /** In quarantine lies what cannot be loaded, once, and nothing that was. */
  private async quarantineViolations(): Promise<string[]> {
    const found: string[] = [];
    const records = await this.lab.quarantined();
    for (const version of this.versions) {
      const held = records.filter(
        ({ record }) =>
          record.source.uri === `s3://${PLACES.landing}/${version.key}` && record.source.etag === version.etag,
      );
      const wanted = !this.isLast(version) ? [0, 1] : version.hopeless ? [1] : [0];
      if (!wanted.includes(held.length)) {
        found.push(
          `${this.name(version)} is ${held.length} times in quarantine, not ${wanted.join(' or ')}: ${held.map(({ key, record }) => `${key} ${record.error.name}`).join(', ')}`,
        );
      }
    }
    return found;
  }

  /** A rejected row of a version is once with the rejects of the run that loaded it last. */
  private async rejectViolations(): Promise<string[]> {
    const times = new Map<string, number>();
    const log = openLog(this.lab.base.objects, PLACES.work, this.lab.dataset);
    const { version: last } = await log.head();
    const loaders = new Map<Version, string>();
    for (let n = 1; n <= last; n++) {
      const entry = await log.entry(n);
      for (const source of entry.kind === 'void' ? [] : entry.sources) {
        const version = this.versions.find(({ key, etag }) => key === source.key && etag === source.etag);
        if (version) loaders.set(version, entry.run);
      }
    }
    for (const run of new Set(loaders.values())) {
      const prefix = rejectedPrefix(this.lab.dataset, run);
      for await (const info of this.lab.base.objects.list(PLACES.work, prefix)) {
        for (const row of parsePlainFile(await this.lab.base.objects.read(info))) {
          const id = String(row.raw).split(',')[0];
          const of = this.versions.find((version) => version.bad.includes(id));
          if (of && loaders.get(of) === run) times.set(id, (times.get(id) ?? 0) + 1);
        }
      }
    }
    return this.versions.flatMap((version) => {
      const wanted = version.hopeless ? [0] : this.isLast(version) ? [1] : [0, 1];
      return version.bad
        .filter((id) => !wanted.includes(times.get(id) ?? 0))
        .map((id) => `row ${id} of ${this.name(version)} is ${times.get(id) ?? 0} times in the rejects`);
    });
  }

  private name(version: Version): string {
    return `${version.key} ${this.isLast(version) ? '(last version)' : '(earlier version)'}${version.hopeless ? ' (hopeless)' : ''}`;
  }
}

function sorted(partitions: Map<string, Map<string, number>>): unknown {
  return [...partitions].map(([partition, counts]) => [partition, [...counts].sort()]).sort();
}
