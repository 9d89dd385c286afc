import { DISTANCE_LINE_MAX_BYTES } from '../../limits.ts';
import { KeyTable } from './key-table.ts';

/** What a reader of distances is told, pair by pair. */
export interface DistanceSink {
  /** Two keys, by their numbers in the table, that are not farther apart than `within`. */
  edge(a: number, b: number, distance: number): void;
  /** A line that is no pair with its distance. */
  reject(bad: BadLine): void;
}

export interface BadLine {
  /** From 1. */
  line: number;
  /** Of the line's first byte in the decompressed file. */
  byteOffset: number;
  column: string | null;
  reason: string;
  raw: string;
}

export interface DistanceOptions {
  /** Pairs farther apart are counted, and their keys known, but they are no edges. */
  within: number;
  /** Keys are whole numbers: `007` is 7. */
  integers: boolean;
}

export interface DistanceCounts {
  /** Lines with something in them, the header left out. */
  rows: number;
  rejected: number;
  lines: number;
  bytes: number;
}

/** Fields of a line that are looked at; more are counted. */
const MAX_FIELDS = 16;
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const POWERS = Array.from({ length: 16 }, (_, i) => 10 ** i);
const NEWLINE = 10;
const RETURN = 13;
const COMMA = 44;
const QUOTE = 34;
const NAMES = ['key1', 'key2', 'distance'] as const;

/**
 * Reads `key1,key2,distance` in CSV, chunk by chunk: what it holds are the keys and the line that a chunk was cut in. A first line whose
 * distance is no number is the header; where it has the three names, columns may stand in any order, with others beside them.
 * Distances are finite and not negative. A key alone with itself is known by it, and no edge.
 */
export class DistanceReader {
  readonly keys: KeyTable;
  readonly counts: DistanceCounts = { rows: 0, rejected: 0, lines: 0, bytes: 0 };
  readonly #options: DistanceOptions;
  readonly #sink: DistanceSink;
  #columns: readonly [number, number, number] | undefined;
  #width = 3;
  #rest: Uint8Array = new Uint8Array(0);
  /** Where each field of the line at hand begins and ends, in `#line`. */
  readonly #fields = new Uint32Array(2 * MAX_FIELDS);
  #line: Uint8Array = new Uint8Array(0);

  constructor(options: DistanceOptions, sink: DistanceSink, keys = new KeyTable()) {
    this.#options = options;
    this.#sink = sink;
    this.keys = keys;
  }

  feed(chunk: Uint8Array): void {
    let at = 0;
    if (this.#rest.length > 0) {
      const end = chunk.indexOf(NEWLINE);
      if (end < 0) {
        this.#keep(chunk);
        return;
      }
      this.#keep(chunk.subarray(0, end + 1));
      const whole = this.#rest;
      this.#rest = new Uint8Array(0);
      this.#takeLine(whole, 0, whole.length - 1, true);
      at = end + 1;
    }
    for (;;) {
      const end = chunk.indexOf(NEWLINE, at);
      if (end < 0) break;
      this.#takeLine(chunk, at, end, true);
      at = end + 1;
    }
    if (at < chunk.length) this.#keep(chunk.subarray(at));
  }

  /** The last line, if no line end follows it. */
  end(): DistanceCounts {
    if (this.#rest.length > 0) this.#takeLine(this.#rest, 0, this.#rest.length, false);
    this.#rest = new Uint8Array(0);
    return this.counts;
  }

  #keep(bytes: Uint8Array): void {
    const rest = new Uint8Array(this.#rest.length + bytes.length);
    rest.set(this.#rest);
    rest.set(bytes, this.#rest.length);
    this.#rest = rest;
    if (rest.length > DISTANCE_LINE_MAX_BYTES) {
      throw new RangeError(`line ${this.counts.lines + 1} has more than ${DISTANCE_LINE_MAX_BYTES} bytes`);
    }
  }

  #takeLine(source: Uint8Array, from: number, end: number, ended: boolean): void {
    const { counts } = this;
    const offset = counts.bytes;
    counts.lines++;
    counts.bytes += end - from + (ended ? 1 : 0);
    let to = end;
    if (to > from && source[to - 1] === RETURN) to--;
    // A byte order mark, before the first line alone.
    const start = counts.lines === 1 && to - from >= 3 && isMark(source, from) ? from + 3 : from;
    if (to === start) return;
    const fields = this.#split(source, start, to);
    if (this.#columns === undefined && this.#isHeader(fields)) return;
    const columns = this.#columns!;
    counts.rows++;
    const bad = (column: string | null, reason: string) => {
      counts.rejected++;
      const raw = Buffer.from(source.subarray(start, to)).toString('utf8');
      this.#sink.reject({ line: counts.lines, byteOffset: offset, column, reason, raw });
    };
    if (fields !== this.#width) {
      bad(null, `the line has ${fields} fields where ${this.#width} are expected`);
      return;
    }
    const distance = this.#number(columns[2]);
    if (!(distance >= 0 && distance < Number.POSITIVE_INFINITY)) {
      bad('distance', `the distance "${this.#text(columns[2])}" is not a finite number of at least 0`);
      return;
    }
    const a = this.#key(columns[0]);
    const b = a < 0 ? -1 : this.#key(columns[1], this.keys);
    if (a < 0 || b < 0) {
      const name = NAMES[a < 0 ? 0 : 1];
      const text = this.#text(columns[a < 0 ? 0 : 1]);
      bad(name, text === '' ? `${name} is empty` : `${name} "${text}" is no whole number`);
      return;
    }
    if (a !== b && distance <= this.#options.within) this.#sink.edge(a, b, distance);
  }

  /** The number of the line's fields; where they lie is noted for the first ones. */
  #split(source: Uint8Array, from: number, to: number): number {
    const fields = this.#fields;
    this.#line = source;
    let count = 0;
    let start = from;
    for (let i = from; i < to; i++) {
      const byte = source[i];
      if (byte === QUOTE && i === start) return this.#splitQuoted(source.subarray(from, to));
      if (byte !== COMMA) continue;
      if (count < MAX_FIELDS) {
        fields[2 * count] = start;
        fields[2 * count + 1] = i;
      }
      count++;
      start = i + 1;
    }
    if (count < MAX_FIELDS) {
      fields[2 * count] = start;
      fields[2 * count + 1] = to;
    }
    return count + 1;
  }

  /** The same for a line with quotes, which is rare: its fields are written anew, one behind the other. */
  #splitQuoted(line: Uint8Array): number {
    const text = Buffer.from(line).toString('utf8');
    const values = [...text.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))(?=,|$)/g)].map(
      ([, quoted, plain]) => quoted?.replaceAll('""', '"') ?? plain ?? '',
    );
    const pieces = values.map((value) => Buffer.from(value));
    let at = 0;
    pieces.slice(0, MAX_FIELDS).forEach((piece, i) => {
      this.#fields[2 * i] = at;
      at += piece.length;
      this.#fields[2 * i + 1] = at;
    });
    this.#line = Buffer.concat(pieces);
    return values.length;
  }

  #isHeader(fields: number): boolean {
    const named = Array.from({ length: Math.min(fields, MAX_FIELDS) }, (_, i) => this.#text(i).trim().toLowerCase());
    const places = NAMES.map((name) => named.indexOf(name)) as [number, number, number];
    if (places.every((place) => place >= 0)) {
      this.#columns = places;
      this.#width = fields;
      return true;
    }
    this.#columns = [0, 1, 2];
    return fields === 3 && Number.isNaN(this.#number(2));
  }

  #text(field: number): string {
    const from = this.#fields[2 * field]!;
    return Buffer.from(this.#line.subarray(from, this.#fields[2 * field + 1]!)).toString('utf8');
  }

  /** The number of a field's key; −1 where it is none. */
  #key(field: number, keys = this.keys): number {
    const from = this.#fields[2 * field]!;
    const to = this.#fields[2 * field + 1]!;
    if (from === to) return -1;
    if (!this.#options.integers) return keys.intern(this.#line, from, to);
    const text = this.#text(field).trim();
    if (!/^[+-]?\d+(?:\.0+)?$/.test(text)) return -1;
    const value = BigInt(text.replace(/^\+|\.0+$/g, ''));
    // What the table's whole numbers hold.
    if (BigInt.asIntN(64, value) !== value) return -1;
    const plain = Buffer.from(value.toString());
    return keys.intern(plain, 0, plain.length);
  }

  /** A plain decimal is read digit by digit, exactly; any other form by the language's own rules. NaN for what is no number. */
  #number(field: number): number {
    const line = this.#line;
    let i = this.#fields[2 * field]!;
    const to = this.#fields[2 * field + 1]!;
    const from = i;
    let digits = 0;
    let value = 0;
    let decimals = -1;
    for (; i < to; i++) {
      const byte = line[i]!;
      if (byte >= 48 && byte <= 57) {
        value = value * 10 + (byte - 48);
        digits++;
        if (decimals >= 0) decimals++;
      } else if (byte === 46 && decimals < 0) decimals = 0;
      else break;
    }
    // Up to 15 digits are whole numbers to the bit, and so are these powers of ten: one division rounds once.
    if (i === to && digits > 0 && digits <= 15) return decimals > 0 ? value / POWERS[decimals]! : value;
    const text = Buffer.from(line.subarray(from, to)).toString('utf8').trim();
    return DECIMAL.test(text) ? Number(text) : Number.NaN;
  }
}

function isMark(source: Uint8Array, at: number): boolean {
  return source[at] === 0xef && source[at + 1] === 0xbb && source[at + 2] === 0xbf;
}
