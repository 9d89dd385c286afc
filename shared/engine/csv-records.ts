import { RecordScanner, type ScannedRecord } from '../formats/csv/record-scanner.ts';
import type { CsvDialect } from '../formats/csv-dialect.ts';

const LF = 10;
const CR = 13;

/** A data record with its bytes, line end included. */
export interface CsvRecord extends ScannedRecord {
  /** Its first `maxBytes`. */
  bytes: Buffer;
}

export interface RecordOptions {
  columns: number;
  firstByte?: number;
  firstLine?: number;
  /** Records without interest cost next to nothing. */
  wants: (record: ScannedRecord) => boolean;
  /** Of one record's bytes at most so many are held. */
  maxBytes: number;
}

/**
 * The data records of a CSV (footers too, which are known as such only at its end) that are wanted, as many at once as a chunk
 * completes. They are good until the next are asked for.
 */
export async function* csvRecords(
  chunks: AsyncIterable<Uint8Array>,
  dialect: CsvDialect,
  options: RecordOptions,
): AsyncGenerator<CsvRecord[]> {
  let found: ScannedRecord[] = [];
  const scanner = new RecordScanner(dialect, {
    columns: options.columns,
    firstByte: options.firstByte ?? 0,
    firstLine: options.firstLine ?? 1,
    onRecord: (record) => found.push(record),
  });
  const open = new OpenRecord(options.firstByte ?? 0, options.maxBytes, dialect.lineEnd);
  for await (const piece of chunks) {
    const chunk = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
    scanner.feed(chunk);
    const records = found;
    found = [];
    const wanted = records.filter(options.wants).map((record) => ({ ...record, bytes: open.take(record, chunk) }));
    open.keep(records.at(-1)?.end, chunk);
    if (wanted.length > 0) yield wanted;
  }
  scanner.end();
  const nothing = Buffer.alloc(0);
  const last = found.filter(options.wants).map((record) => ({ ...record, bytes: open.take(record, nothing) }));
  if (last.length > 0) yield last;
}

/** The bytes of a record that began in an earlier chunk. */
class OpenRecord {
  readonly #maxBytes: number;
  readonly #lineEnd: CsvDialect['lineEnd'];
  #held: Buffer[] = [];
  #heldBytes = 0;
  #cut = false;
  #heldFrom: number;
  /** Offset of the next chunk's first byte. */
  #at: number;

  constructor(firstByte: number, maxBytes: number, lineEnd: CsvDialect['lineEnd']) {
    this.#lineEnd = lineEnd;
    this.#maxBytes = maxBytes;
    this.#heldFrom = firstByte;
    this.#at = firstByte;
  }

  /** Bytes of a record that ends in `chunk`, or in what is held. */
  take({ start, end }: ScannedRecord, chunk: Buffer): Buffer {
    const stop = Math.min(end, start + this.#maxBytes);
    if (start >= this.#at) return chunk.subarray(start - this.#at, stop - this.#at);
    const head = this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held);
    const from = Math.max(0, start - this.#heldFrom);
    // What is held is cut short only where one record, or what lies before it, is longer than what is wanted of any.
    if (this.#cut || stop <= this.#heldFrom + head.length) return head.subarray(from, stop - this.#heldFrom);
    return Buffer.concat([head.subarray(from), chunk.subarray(0, Math.max(0, stop - this.#at))]);
  }

  /** Holds what follows `lastEnd`, where the last complete record ended, if one did in this chunk. */
  keep(lastEnd: number | undefined, chunk: Buffer): void {
    if (lastEnd !== undefined) {
      this.#held = [];
      this.#heldBytes = 0;
      this.#cut = false;
      this.#heldFrom = Math.max(lastEnd, this.#at);
    }
    let rest = chunk.subarray(this.#heldFrom > this.#at ? this.#heldFrom - this.#at : 0);
    if (this.#heldBytes === 0 && !this.#cut) {
      // Blank lines are not to take the room of the record behind them.
      rest = rest.subarray(blankBytes(rest, this.#lineEnd));
      this.#heldFrom = this.#at + chunk.length - rest.length;
    }
    const room = this.#maxBytes - this.#heldBytes;
    if (room > 0 && rest.length > 0) {
      const kept = Buffer.from(rest.subarray(0, room));
      this.#held.push(kept);
      this.#heldBytes += kept.length;
    }
    if (rest.length > room) this.#cut = true;
    this.#at += chunk.length;
  }
}

/** Bytes of the line ends that it begins with. */
function blankBytes(bytes: Buffer, lineEnd: CsvDialect['lineEnd']): number {
  for (let i = 0; ; ) {
    if (bytes[i] === LF && lineEnd !== '\r') i++;
    else if (bytes[i] === CR && (lineEnd === '\r' || lineEnd === 'mixed')) i++;
    else if (bytes[i] === CR && bytes[i + 1] === LF) i += 2;
    else return i;
  }
}
