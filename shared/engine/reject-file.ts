import { type FileHandle, open, stat } from 'node:fs/promises';
import type { Column } from '../domain/schema.ts';
import { REJECTS_WRITTEN_AT_ONCE } from '../limits.ts';
import { OriginalOffsets } from './original-offsets.ts';
import type { LocatedReject } from './reject-scan.ts';
import { misfitRows, type RejectTables } from './reject-tables.ts';
import type { Session } from './session.ts';
import type { LocalFile, LocalInput, RejectedRow } from './table-engine.ts';

/** Rejected rows as JSON lines, one `RejectedRow` each, in the order of inputs and rows. */
export class RejectFile {
  readonly #path: string;
  #file: FileHandle | undefined;
  #rows = 0;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Appends at most `limit` rejected rows of a CSV, with where they stand.
   *
   * @returns the first one's reason
   */
  async addCsv(input: LocalInput, rejects: AsyncGenerator<LocatedReject>, limit: number): Promise<string | undefined> {
    const offsets = new OriginalOffsets(input);
    let first: string | undefined;
    let added = 0;
    let batch: RejectedRow[] = [];
    try {
      if (limit === 0) return undefined;
      for await (const { local, line, column, reason, raw } of rejects) {
        const place = [line === null ? [] : `line ${line}`, column === null ? [] : `column ${JSON.stringify(column)}`];
        first ??= [place.flat().join(', '), reason].filter((text) => text !== '').join(': ');
        const byteOffset = local === null ? null : await offsets.at(local);
        batch.push({ ...sourceOf(input), line, byteOffset, column, reason, raw });
        if (batch.length === REJECTS_WRITTEN_AT_ONCE) {
          await this.#append(batch);
          batch = [];
        }
        if (++added === limit) break;
      }
      await this.#append(batch);
    } finally {
      await offsets.close();
      await rejects.return(undefined);
    }
    return first;
  }

  /** The same for Parquet, whose rows have a number but no line. */
  async addParquet(
    session: Session,
    input: LocalInput,
    tables: RejectTables,
    table: readonly Column[],
    limit: number,
  ): Promise<string | undefined> {
    let first: string | undefined;
    let kept = 0;
    for await (const { row, column, reason } of misfitRows(session, tables, input.columns, table)) {
      if (kept++ === limit) break;
      const said = `row ${row + 1}: ${reason}`;
      first ??= `row ${row + 1}, column ${JSON.stringify(column)}: ${reason}`;
      await this.#append([{ ...sourceOf(input), line: null, byteOffset: null, column, reason: said, raw: null }]);
    }
    return first;
  }

  /** The file; undefined where no row was rejected. */
  async close(): Promise<LocalFile | undefined> {
    if (!this.#file) return undefined;
    await this.#file.close();
    return { path: this.#path, rows: this.#rows, bytes: (await stat(this.#path)).size };
  }

  async #append(rows: RejectedRow[]): Promise<void> {
    if (rows.length === 0) return;
    this.#file ??= await open(this.#path, 'w');
    await this.#file.writeFile(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
    this.#rows += rows.length;
  }
}

function sourceOf(input: LocalInput): Pick<RejectedRow, 'uri' | 'entry'> {
  return { uri: input.uri, entry: input.entry ?? null };
}
