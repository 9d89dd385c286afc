import { BadInput, SchemaMismatch } from '../../errors.ts';
import { AVRO_MAX_ROW_BYTES } from '../../limits.ts';
import type { ColumnBatch, ColumnVector } from './column-batch.ts';
import {
  booleanEncoder,
  bytesEncoder,
  type ColumnEncoder,
  float32Encoder,
  float64Encoder,
  int32Encoder,
  int64Encoder,
} from './column-encoders.ts';
import { decimalEncoder } from './decimal-encoder.ts';
import type { AvroField, AvroRecordSchema } from './schema.ts';
import { millisEncoder } from './timestamp-encoder.ts';

/** The records of one block of an object container file, uncompressed. */
export interface AvroBlock {
  rows: number;
  bytes: Uint8Array;
}

/** A block being filled. Its memory is its own, so that it can be compressed, or moved to a thread, while the next fills. */
interface OpenBlock {
  memory: Uint8Array;
  view: DataView;
  rows: number;
  used: number;
}

/**
 * Columns → Avro records in blocks. Pure: no files, no compression, nothing asynchronous.
 *
 * A block is closed before the row with which it would exceed `blockBytes`; only a row that alone is larger makes a larger
 * block, of that row. Blocks do not end with a batch, so their size does not depend on how the rows come in.
 */
export class AvroBlockEncoder {
  readonly #fields: readonly AvroField[];
  readonly #encoders: readonly ColumnEncoder[];
  readonly #blockBytes: number;
  readonly #where: string;
  readonly #spare: Uint8Array[] = [];
  #sizes = new Float64Array(0);
  #cursors = new Int32Array(0);
  #open: OpenBlock | undefined;
  #rows = 0;

  /**
   * @param options.blockBytes uncompressed bytes of a block
   * @param options.where the file, for error messages
   */
  constructor(schema: AvroRecordSchema, options: { blockBytes: number; where: string }) {
    this.#fields = schema.fields;
    this.#blockBytes = options.blockBytes;
    this.#where = options.where;
    const describe = (row: number) => `row ${this.#rows + row + 1} of ${options.where}`;
    this.#encoders = schema.fields.map((field) => encoderOf(field, describe));
  }

  /** Rows taken so far, those of the open block among them. */
  get rows(): number {
    return this.#rows;
  }

  /**
   * Takes a batch's rows and yields each block that gets full. Drive it to its end before the next call, and leave the batch
   * as it is until then.
   *
   * @throws SchemaMismatch where the batch's columns are not the schema's, or a timestamp has digits below the millisecond and
   *   the schema has milliseconds; none of the batch's rows is then taken
   * @throws BadInput where a row is larger than `AVRO_MAX_ROW_BYTES`
   */
  *encode(batch: ColumnBatch): Generator<AvroBlock, void, undefined> {
    const { rows, columns } = batch;
    this.#checkColumns(columns);
    const everyRow = this.#measure(batch);
    const sizes = this.#sizes;
    const cursors = this.#cursors;
    let from = 0;
    while (from < rows) {
      const open = this.#open ?? this.#openBlock();
      let to = from;
      let end = open.used;
      while (to < rows) {
        const next = end + sizes[to]! + everyRow;
        if (next > this.#blockBytes && end > 0) break;
        cursors[to++] = end;
        end = next;
      }
      if (end > open.memory.length) this.#replaceMemory(open, end);
      for (let column = 0; column < columns.length; column++) {
        this.#encoders[column]!.write(columns[column]!, from, to, open.memory, open.view, cursors);
      }
      open.rows += to - from;
      open.used = end;
      this.#rows += to - from;
      from = to;
      if (to < rows) yield this.#closeBlock(open);
    }
  }

  /** The last block, or undefined where no row is left. */
  finish(): AvroBlock | undefined {
    return this.#open && this.#open.rows > 0 ? this.#closeBlock(this.#open) : undefined;
  }

  /** Gives a block's memory back for later ones; the block must not be used any more. */
  recycle(block: AvroBlock): void {
    if (block.bytes.buffer.byteLength === this.#blockBytes) {
      this.#spare.push(new Uint8Array(block.bytes.buffer as ArrayBuffer));
    }
  }

  #checkColumns(columns: readonly ColumnVector[]): void {
    if (columns.length !== this.#fields.length) {
      throw new SchemaMismatch(
        `Cannot write ${this.#where} as Avro: the batch has ${columns.length} columns where the schema has ${this.#fields.length}`,
        { where: this.#where },
      );
    }
    for (let index = 0; index < columns.length; index++) {
      const vector = columns[index]!;
      const field = this.#fields[index]!;
      if (vector.kind !== this.#encoders[index]!.kind) {
        throw new SchemaMismatch(
          `Cannot write column ${field.name} of ${this.#where} as Avro: the batch has ${vector.kind} where the schema has ` +
            JSON.stringify(field.type[1]),
          { where: this.#where },
        );
      }
      if (vector.kind === 'decimal') this.#checkDecimal(field, vector.precision, vector.scale);
    }
  }

  #checkDecimal(field: AvroField, precision: number, scale: number): void {
    const type = field.type[1] as { precision: number; scale: number };
    if (type.scale === scale && type.precision === precision) return;
    throw new SchemaMismatch(
      `Cannot write column ${field.name} of ${this.#where} as Avro: the batch has decimal(${precision},${scale}) where the ` +
        `schema has decimal(${type.precision},${type.scale})`,
      { where: this.#where },
    );
  }

  /** Fills `#sizes`; returns the bytes that every row has on top. */
  #measure({ rows, columns }: ColumnBatch): number {
    if (this.#sizes.length < rows) {
      this.#sizes = new Float64Array(rows);
      this.#cursors = new Int32Array(rows);
    }
    const sizes = this.#sizes.fill(0, 0, rows);
    let everyRow = columns.length;
    for (let column = 0; column < columns.length; column++) {
      everyRow += this.#encoders[column]!.measure(columns[column]!, rows, sizes);
    }
    let largest = 0;
    for (let row = 0; row < rows; row++) if (sizes[row]! > largest) largest = sizes[row]!;
    if (largest + everyRow > AVRO_MAX_ROW_BYTES) {
      const row = this.#rows + sizes.indexOf(largest) + 1;
      throw new BadInput(
        `Cannot write row ${row} of ${this.#where} as Avro: it takes ${largest + everyRow} bytes where at most ` +
          `${AVRO_MAX_ROW_BYTES} can be read`,
        { where: this.#where },
      );
    }
    return everyRow;
  }

  #openBlock(): OpenBlock {
    const memory = this.#spare.pop() ?? new Uint8Array(this.#blockBytes);
    this.#open = { memory, view: viewOf(memory), rows: 0, used: 0 };
    return this.#open;
  }

  /** Only for the one row that is larger than a block, hence first in it: there is nothing to copy. */
  #replaceMemory(open: OpenBlock, bytes: number): void {
    this.#spare.push(open.memory);
    open.memory = new Uint8Array(bytes);
    open.view = viewOf(open.memory);
  }

  #closeBlock(open: OpenBlock): AvroBlock {
    this.#open = undefined;
    return { rows: open.rows, bytes: open.memory.subarray(0, open.used) };
  }
}

function viewOf(memory: Uint8Array): DataView {
  return new DataView(memory.buffer, memory.byteOffset, memory.byteLength);
}

function encoderOf(field: AvroField, describe: (row: number) => string): ColumnEncoder {
  const type = field.type[1];
  const name = typeof type === 'string' ? type : type.logicalType;
  return makeEncoder(name, field.name, describe) as ColumnEncoder;
}

type TypeName = Exclude<AvroField['type'][1], object> | Extract<AvroField['type'][1], object>['logicalType'];

function makeEncoder(type: TypeName, column: string, describe: (row: number) => string) {
  switch (type) {
    case 'boolean':
      return booleanEncoder();
    case 'int':
    case 'date':
      return int32Encoder();
    case 'long':
    case 'timestamp-micros':
      return int64Encoder();
    case 'timestamp-millis':
      return millisEncoder(column, describe);
    case 'float':
      return float32Encoder();
    case 'double':
      return float64Encoder();
    case 'decimal':
      return decimalEncoder();
    case 'string':
    case 'bytes':
      return bytesEncoder();
  }
}
