import { closeSync, openSync, writeSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import type { Column } from '../domain/schema.ts';
import { JOINED_PIECE_BYTES } from '../limits.ts';
import type { CsvFile } from './csv-head.ts';
import { headless, type PiecePath } from './csv-pieces.ts';
import { csvRows, plainCsvRows } from './csv-relation.ts';
import type { SmallCsv } from './small-csvs.ts';

/** Files that are alike, one after the other. */
interface Joined {
  file: CsvFile;
  isPlain: boolean;
  paths: string[];
  /** Of the last piece. */
  bytes: number;
}

/** No input's index: rows of joined files do not tell from which they are. */
const NO_INPUT = -1;

/**
 * The rows of many small CSVs in few larger files, without their heads: the engine takes longer to open a file than to read
 * some thousand rows. That each row is there once is told by their number alone, so they serve only where no row is rejected.
 */
export class JoinedCsvs {
  readonly #pathOf: PiecePath;
  readonly #groups = new Map<string, Joined>();
  readonly #inputs = new Set<number>();
  #paths = 0;
  /** The one file that is open. */
  #open: { path: string; file: number } | undefined;
  /** Rows of all files, by the count that is not the engine's. */
  rows = 0;

  constructor(pathOf: PiecePath) {
    this.#pathOf = pathOf;
  }

  /** Adds what was read last; nothing where its rows cannot stand beside others. */
  add(index: number, file: CsvFile, { head, count, rows, isPlain, likeness }: SmallCsv): void {
    if (!rows || head.skipLines === undefined) return;
    this.#inputs.add(index);
    this.rows += count.rows;
    let group = this.#groups.get(likeness);
    if (!group) {
      group = { file: { ...file, dialect: headless(head.dialect) }, isPlain, paths: [], bytes: JOINED_PIECE_BYTES };
      this.#groups.set(likeness, group);
    }
    if (group.bytes >= JOINED_PIECE_BYTES) {
      group.paths.push(this.#pathOf(this.#paths++));
      group.bytes = 0;
    }
    for (const text of rows) {
      this.#write(group.paths.at(-1)!, text);
      group.bytes += text.length;
    }
  }

  #write(path: string, text: Uint8Array): void {
    if (this.#open?.path !== path) {
      this.close();
      this.#open = { path, file: openSync(path, 'a') };
    }
    for (let done = 0; done < text.length; ) done += writeSync(this.#open!.file, text, done);
  }

  /** To be called when all is added. */
  close(): void {
    if (this.#open) closeSync(this.#open.file);
    this.#open = undefined;
  }

  /** Whether the rows of all these inputs are here, and of no others. */
  isAllOf(inputs: readonly number[]): boolean {
    return inputs.length === this.#inputs.size && inputs.every((index) => this.#inputs.has(index));
  }

  /** One relation (`t0`, …) of all rows, in the order of the files that are alike. */
  relation(columns: readonly Column[], timezone: string): string {
    return [...this.#groups.values()]
      .map(({ file, isPlain, paths }) => {
        const { dialect, columns: fileColumns } = file;
        const scan = { paths, columns: fileColumns.length, dialect, skipLines: 0, gzip: false, parallel: false };
        const group = { scan, columns: fileColumns, inputs: paths.map(() => NO_INPUT) };
        return isPlain ? plainCsvRows(group, columns) : csvRows(group, columns, timezone);
      })
      .join(' UNION ALL ');
  }

  async remove(): Promise<void> {
    for (const path of [...this.#groups.values()].flatMap(({ paths }) => paths)) await rm(path, { force: true });
  }
}
