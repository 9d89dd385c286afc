import { appendFile, rm } from 'node:fs/promises';
import type { Column } from '../domain/schema.ts';
import { JOINED_PIECE_BYTES, JOINED_WRITE_BYTES } from '../limits.ts';
import type { CsvFile } from './csv-head.ts';
import { headless, type PiecePath } from './csv-pieces.ts';
import { csvRows } from './csv-relation.ts';
import type { SmallCsv } from './small-csvs.ts';

/** Files that are alike, one after the other. */
interface Joined {
  file: CsvFile;
  paths: string[];
  /** Of the last piece. */
  bytes: number;
  waiting: Buffer[];
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
  #waitingBytes = 0;
  #writing: Promise<void> = Promise.resolve();
  /** Rows of all files, by the count that is not the engine's. */
  rows = 0;

  constructor(pathOf: PiecePath) {
    this.#pathOf = pathOf;
  }

  /** Adds what was read last; nothing where its rows cannot stand beside others. */
  add(index: number, file: CsvFile, { head, count, rows, likeness }: SmallCsv): void {
    if (!rows || head.skipLines === undefined) return;
    this.#inputs.add(index);
    this.rows += count.rows;
    const group = this.#groups.get(likeness) ?? { file: { ...file, dialect: headless(head.dialect) }, ...nothing() };
    this.#groups.set(likeness, group);
    for (const text of rows) {
      group.waiting.push(Buffer.from(text));
      this.#waitingBytes += text.length;
    }
  }

  /** Writes what was added, once it is worth it. */
  write(leastBytes = JOINED_WRITE_BYTES): Promise<void> {
    if (this.#waitingBytes >= leastBytes) {
      this.#waitingBytes = 0;
      this.#writing = this.#writing.then(() => this.#writeWaiting());
    }
    return this.#writing;
  }

  async #writeWaiting(): Promise<void> {
    for (const group of this.#groups.values()) {
      const text = Buffer.concat(group.waiting.splice(0));
      if (group.paths.length === 0 || group.bytes >= JOINED_PIECE_BYTES) {
        group.paths.push(this.#pathOf(this.#paths++));
        group.bytes = 0;
      }
      group.bytes += text.length;
      await appendFile(group.paths.at(-1)!, text);
    }
  }

  /** Whether the rows of all these inputs are here, and of no others. */
  isAllOf(inputs: readonly number[]): boolean {
    return inputs.length === this.#inputs.size && inputs.every((index) => this.#inputs.has(index));
  }

  /** One relation (`t0`, …) of all rows, in the order of the files that are alike. */
  relation(columns: readonly Column[], timezone: string): string {
    return [...this.#groups.values()]
      .map(({ file, paths }) => {
        const { dialect, columns: fileColumns } = file;
        const scan = { paths, columns: fileColumns.length, dialect, skipLines: 0, gzip: false, parallel: false };
        return csvRows({ scan, columns: fileColumns, inputs: paths.map(() => NO_INPUT) }, columns, timezone);
      })
      .join(' UNION ALL ');
  }

  async remove(): Promise<void> {
    for (const path of [...this.#groups.values()].flatMap(({ paths }) => paths)) await rm(path, { force: true });
  }
}

function nothing(): Omit<Joined, 'file'> {
  return { paths: [], bytes: 0, waiting: [] };
}
