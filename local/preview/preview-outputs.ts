import { type FileHandle, open } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import type { RejectedRow } from '../../shared/engine/table-engine.ts';
import { csvText } from './csv-text.ts';
import type { PreviewRow } from './part-rows.ts';

/** What a name may end in before the ending of its compression. */
const INNER = /\.(csv|tsv|tab|txt|psv|dat|log)$/i;
const PACKED = /\.(gz|zst|zip)$/i;

/**
 * For each file the name of its outputs: its own without its ending, or with it where two files would have the same, with a
 * number behind it where even that does not part them.
 */
export function outputNames(files: readonly string[]): string[] {
  const short = files.map((file) => stem(basename(file)));
  const counts = new Map<string, number>();
  for (const name of short) counts.set(name, (counts.get(name) ?? 0) + 1);
  const taken = new Set(short.filter((name) => counts.get(name) === 1));
  return files.map((file, i) => {
    if (counts.get(short[i]!) === 1) return short[i]!;
    const whole = basename(file);
    let name = whole;
    for (let n = 2; taken.has(name); n++) name = `${whole}-${n}`;
    taken.add(name);
    return name;
  });
}

function stem(name: string): string {
  const unpacked = PACKED.test(name) && INNER.test(name.replace(PACKED, '')) ? name.replace(PACKED, '') : name;
  // A name that begins with its only point has no ending.
  return unpacked.slice(0, unpacked.length - extname(unpacked).length);
}

/** `<name>.csv` and `<name>.rejects.jsonl` in a folder. */
export class PreviewOutput {
  readonly #rows: FileHandle;
  readonly #rejects: FileHandle;

  private constructor(rows: FileHandle, rejects: FileHandle) {
    this.#rows = rows;
    this.#rejects = rejects;
  }

  static async open(folder: string, name: string): Promise<PreviewOutput> {
    const rows = await open(join(folder, `${name}.csv`), 'w');
    return new PreviewOutput(rows, await open(join(folder, `${name}.rejects.jsonl`), 'w'));
  }

  async addRows(rows: readonly PreviewRow[]): Promise<void> {
    if (rows.length > 0) await this.#rows.writeFile(csvText(rows));
  }

  async addRejects(rejects: readonly RejectedRow[]): Promise<void> {
    if (rejects.length > 0) await this.#rejects.writeFile(rejects.map((row) => `${JSON.stringify(row)}\n`).join(''));
  }

  /** Takes back all rows: of a file that fails, none is loaded. */
  async takeBack(): Promise<void> {
    await this.#rows.truncate(0);
  }

  async close(): Promise<void> {
    await this.#rows.close();
    await this.#rejects.close();
  }
}
