import { openLog } from '../../shared/commit/log.ts';
import { ObjectNotFound } from '../../shared/errors.ts';
import { parsePlainFile } from '../doubles/plain-engine.ts';
import { type Lab, PLACES } from './lab.ts';
import type { Model, Version } from './model.ts';

/** What the calls of a poll take themselves, in milliseconds of the drill's time. */
const CALLS_MS = 10_000;

/**
 * A reader of the catalog as query engines are: it asks for the partitions, lets up to `graceMs` pass, then lists each
 * location and reads what lies there. It must never find a partition empty, a row twice, a part of an object's rows, or,
 * where partitions are overwritten, rows of two commits; nor less than it found before.
 */
export class PollingReader {
  readonly violations: string[] = [];
  polls = 0;
  private readonly lab: Lab;
  private readonly model: Model;
  private readonly graceMs: number;
  private stopped = false;

  constructor(lab: Lab, model: Model, graceMs: number) {
    this.lab = lab;
    this.model = model;
    this.graceMs = graceMs;
  }

  stop(): void {
    this.stopped = true;
  }

  async run(): Promise<void> {
    const tables = this.model.promised.formats.map((format) => (format === 'parquet' ? 't' : `t_${format}`));
    await Promise.all(
      tables.map(async (table) => {
        while (!this.stopped) {
          await this.lab.turns.wait(this.lab.draw(60_000));
          await this.poll(table);
        }
      }),
    );
  }

  private async poll(table: string): Promise<void> {
    const { objects, catalog } = this.lab.base;
    const planned = await catalog.partitions('db', table);
    if (planned.length === 0) return;
    // A call of its own takes its time, too.
    await this.lab.turns.wait(this.lab.draw(this.graceMs - CALLS_MS));
    this.polls++;
    for (const { values, location } of planned) {
      const prefix = location.slice(`s3://${PLACES.lake}/`.length);
      const files = [];
      for await (const info of objects.list(PLACES.lake, prefix)) files.push(info);
      const ids: string[] = [];
      for (const info of files) {
        try {
          ids.push(...parsePlainFile(await objects.read(info)).map((row) => row.id!));
        } catch (error) {
          if (!(error instanceof ObjectNotFound)) throw error;
          this.violations.push(`a reader of ${table} listed ${info.key} and did not find it`);
        }
      }
      await this.judge(table, String(values[0]), files.length, ids);
    }
  }

  private async judge(table: string, partition: string, files: number, ids: string[]): Promise<void> {
    const where = `partition ${partition} of ${table}`;
    if (files === 0) this.violations.push(`a reader found ${where} empty`);
    if (new Set(ids).size < ids.length) this.violations.push(`a reader found rows twice in ${where}`);
    const there = new Set(ids);
    const seen = this.model.versions.flatMap((version) => {
      const own = version.rows.get(partition) ?? [];
      const found = own.filter((id) => there.has(id)).length;
      if (found > 0 && found < own.length) this.violations.push(`a reader found a part of ${version.key} in ${where}`);
      return found > 0 ? [version] : [];
    });
    const keys = seen.map((version) => version.key);
    const replaces = this.model.promised.mode !== 'append' || this.model.promised.onReupload === 'replace';
    if (replaces && new Set(keys).size < keys.length) {
      this.violations.push(`a reader found two versions of one object in ${where}`);
    }
    if (this.model.promised.mode === 'append' || seen.length < 2) return;
    const commits = await this.commitsOf(seen);
    const together = [...commits[0]].filter((version) => commits.every((others) => others.has(version)));
    if (together.length === 0) this.violations.push(`a reader found rows of several commits in ${where}`);
  }

  /** For each version of an object the commits that brought it. */
  private async commitsOf(versions: Version[]): Promise<Set<number>[]> {
    const log = openLog(this.lab.base.objects, PLACES.work, this.lab.dataset);
    const { version: last } = await log.head();
    const commits = versions.map(() => new Set<number>());
    for (let n = 1; n <= last; n++) {
      const entry = await log.entry(n);
      if (entry.kind === 'void') continue;
      versions.forEach(({ key, etag }, i) => {
        if (entry.sources.some((source) => source.key === key && source.etag === etag)) commits[i].add(n);
      });
    }
    return commits;
  }
}
