import { type FileHandle, open } from 'node:fs/promises';
import { RecordScanner } from '../formats/csv/record-scanner.ts';
import type { CsvDialect } from '../formats/csv-dialect.ts';
import { CSV_PIECE_BYTES } from '../limits.ts';
import { type CsvFile, textChunks } from './csv-head.ts';

/** Names the files that a text is written to, from 0. */
export type PiecePath = (piece: number) => string;

/**
 * Writes a text to files of about `CSV_PIECE_BYTES`, each of which begins with a record. The engine reads such files each by one
 * thread, which never guesses where a record begins, and holds no more of them than it has threads.
 */
export class PieceWriter {
  readonly #pathOf: PiecePath;
  readonly #pieceBytes: number;
  readonly #paths: string[] = [];
  #file: FileHandle | undefined;
  #bytes = 0;

  constructor(pathOf: PiecePath, pieceBytes = CSV_PIECE_BYTES) {
    this.#pathOf = pathOf;
    this.#pieceBytes = pieceBytes;
  }

  async write(text: Uint8Array): Promise<void> {
    await (await this.#open()).writeFile(text);
    this.#bytes += text.length;
  }

  /** Here a record ends: what is written from now on goes to the next file, if this one is long enough. */
  async endRecord(): Promise<void> {
    if (this.#bytes >= this.#pieceBytes) await this.close();
  }

  /** The files, one at least. */
  async end(): Promise<string[]> {
    if (this.#paths.length === 0) await this.#open();
    await this.close();
    return this.#paths;
  }

  /** Also where not all was written. */
  async close(): Promise<void> {
    await this.#file?.close();
    this.#file = undefined;
    this.#bytes = 0;
  }

  async #open(): Promise<FileHandle> {
    if (!this.#file) {
      const path = this.#pathOf(this.#paths.length);
      this.#file = await open(path, 'w');
      this.#paths.push(path);
    }
    return this.#file;
  }
}

/** The dialect of a text in pieces: without a head, which none of them has. */
export function headless(dialect: CsvDialect): CsvDialect {
  return { ...dialect, bomBytes: 0, skipLines: 0, headerRows: 0 };
}

/**
 * Copies what follows the head of a CSV, byte for byte, to pieces.
 *
 * @param dialect with the file's own mark (`readHead`), and without footer rows
 */
export async function cutCsv(
  file: CsvFile,
  dialect: CsvDialect,
  pathOf: PiecePath,
  pieceBytes = CSV_PIECE_BYTES,
): Promise<CsvFile> {
  const out = new PieceWriter(pathOf, pieceBytes);
  const inner = headless(dialect);
  const columns = file.columns.length;
  const scannerFrom = (firstByte: number) =>
    new RecordScanner(inner, { columns, firstByte, stopAt: firstByte + pieceBytes });
  const head = new RecordScanner(dialect, { columns });
  let scanner: RecordScanner | undefined;
  let base = 0;
  try {
    for await (const chunk of textChunks(file)) {
      let at = 0;
      if (!scanner) {
        head.feed(chunk);
        if (head.dataStart !== undefined) {
          at = head.dataStart - base;
          scanner = scannerFrom(head.dataStart);
        }
      }
      while (scanner && at < chunk.length) {
        const rest = chunk.subarray(at);
        scanner.feed(rest);
        const { stoppedAt } = scanner;
        const text = stoppedAt === undefined ? rest : rest.subarray(0, stoppedAt - base - at);
        await out.write(text);
        at += text.length;
        if (stoppedAt === undefined) continue;
        await out.endRecord();
        scanner = scannerFrom(stoppedAt);
      }
      base += chunk.length;
    }
    return { ...file, paths: await out.end(), dialect: inner, gzip: false };
  } finally {
    await out.close();
  }
}
