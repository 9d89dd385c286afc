import type { DuckDBDataChunk } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import { type Column, type ColumnType, decimalOf } from '../domain/schema.ts';
import type { ColumnBatch, ColumnVector, Validity } from '../formats/avro/column-batch.ts';

/** Bytes of a `duckdb_string_t`: a length of 4, then either the text itself, if it has room, or 4 bytes of it and a pointer. */
const STRING_BYTES = 16;
const INLINE_BYTES = 12;

/**
 * DuckDB's chunks as column batches. Vectors of fixed width are the engine's own memory, uncopied; texts are gathered into memory that
 * is used again. So a batch is good only as long as its chunk is held, and until the next one is made.
 */
export class ChunkReader {
  readonly #readers: readonly VectorReader[];

  /** @param columns the result's columns, in its order, with DuckDB's types for theirs (`sqlType`) */
  constructor(columns: readonly Pick<Column, 'type'>[]) {
    this.#readers = columns.map(({ type }) => readerOf(type));
  }

  read(chunk: DuckDBDataChunk): ColumnBatch {
    const rows = chunk.rowCount;
    const raw = (chunk as unknown as { chunk: duckdb.DataChunk }).chunk;
    return {
      rows,
      columns: this.#readers.map((read, column) => read(duckdb.data_chunk_get_vector(raw, column), rows)),
    };
  }
}

type VectorReader = (vector: duckdb.Vector, rows: number) => ColumnVector;

function readerOf(type: ColumnType): VectorReader {
  switch (type) {
    case 'boolean':
      return (vector, rows) => ({
        kind: 'boolean',
        validity: validityOf(vector, rows),
        values: duckdb.vector_get_data(vector, rows),
      });
    case 'int':
    case 'date':
      return (vector, rows) => ({
        kind: 'int32',
        validity: validityOf(vector, rows),
        values: new Int32Array(...memoryOf(vector, 4 * rows), rows),
      });
    case 'bigint':
    case 'timestamp':
      return (vector, rows) => ({
        kind: 'int64',
        validity: validityOf(vector, rows),
        words: new Int32Array(...memoryOf(vector, 8 * rows), 2 * rows),
      });
    case 'float':
      return (vector, rows) => ({
        kind: 'float32',
        validity: validityOf(vector, rows),
        values: new Float32Array(...memoryOf(vector, 4 * rows), rows),
      });
    case 'double':
      return (vector, rows) => ({
        kind: 'float64',
        validity: validityOf(vector, rows),
        values: new Float64Array(...memoryOf(vector, 8 * rows), rows),
      });
    case 'string':
    case 'binary':
      return bytesReader();
    default:
      return decimalReader(decimalOf(type)!);
  }
}

function decimalReader({ precision, scale }: { precision: number; scale: number }): VectorReader {
  if (precision <= 4) {
    return (vector, rows) => ({
      kind: 'decimal',
      validity: validityOf(vector, rows),
      precision,
      scale,
      bits: 16,
      words: new Int16Array(...memoryOf(vector, 2 * rows), rows),
    });
  }
  const bits = precision <= 9 ? 32 : precision <= 18 ? 64 : 128;
  return (vector, rows) => ({
    kind: 'decimal',
    validity: validityOf(vector, rows),
    precision,
    scale,
    bits,
    words: new Int32Array(...memoryOf(vector, (bits / 8) * rows), (bits / 32) * rows),
  });
}

function bytesReader(): VectorReader {
  let offsets = new Int32Array(0);
  let values = Buffer.alloc(0);
  return (vector, rows) => {
    const validity = validityOf(vector, rows);
    const strings = duckdb.vector_get_data(vector, STRING_BYTES * rows);
    const lengths = new Int32Array(strings.buffer, strings.byteOffset, (STRING_BYTES / 4) * rows);
    if (offsets.length <= rows) offsets = new Int32Array(rows + 1);
    let end = 0;
    for (let row = 0; row < rows; row++) {
      offsets[row] = end;
      if (validity === undefined || ((validity[row >> 3]! >> (row & 7)) & 1) === 1) end += lengths[4 * row]!;
    }
    offsets[rows] = end;
    if (values.length < end) values = Buffer.allocUnsafeSlow(2 * end);
    const from = Buffer.from(strings.buffer, strings.byteOffset, strings.length);
    for (let row = 0; row < rows; row++) {
      const at = offsets[row]!;
      const length = offsets[row + 1]! - at;
      if (length === 0) continue;
      const string = STRING_BYTES * row;
      if (length <= INLINE_BYTES) {
        // Cheaper than a call for so few bytes.
        for (let i = 0; i < length; i++) values[at + i] = from[string + 4 + i]!;
      } else {
        const pointer = strings.byteOffset + string + 8;
        values.set(duckdb.get_data_from_pointer(strings.buffer as ArrayBuffer, pointer, length), at);
      }
    }
    return { kind: 'bytes', validity, offsets, values };
  };
}

/** The engine's bitmap has the layout of ours; it has none where every row has a value. */
function validityOf(vector: duckdb.Vector, rows: number): Validity {
  return duckdb.vector_get_validity(vector, 8 * Math.ceil(rows / 64)) ?? undefined;
}

function memoryOf(vector: duckdb.Vector, bytes: number): [ArrayBuffer, number] {
  const data = duckdb.vector_get_data(vector, bytes);
  return [data.buffer as ArrayBuffer, data.byteOffset];
}
