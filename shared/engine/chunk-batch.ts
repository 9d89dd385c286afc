import type { DuckDBDataChunk } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import { type Column, type ColumnType, decimalOf } from '../domain/schema.ts';
import type { ColumnBatch, ColumnVector, Validity } from '../formats/avro/column-batch.ts';
import { letGo, stringReader } from './string-vectors.ts';

/**
 * DuckDB's chunks as column batches. Vectors of fixed width are the engine's own memory, uncopied; texts are gathered into memory that
 * is used again. So a batch is good only as long as its chunk is held, and until the next one is made.
 */
export class ChunkReader {
  readonly #readers: readonly VectorReader[];
  #last: ColumnBatch | undefined;

  /** @param columns the result's columns, in its order, with DuckDB's types for theirs (`sqlType`) */
  constructor(columns: readonly Pick<Column, 'type'>[]) {
    this.#readers = columns.map(({ type }) => readerOf(type));
  }

  read(chunk: DuckDBDataChunk): ColumnBatch {
    this.release();
    const rows = chunk.rowCount;
    const raw = (chunk as unknown as { chunk: duckdb.DataChunk }).chunk;
    this.#last = {
      rows,
      columns: this.#readers.map((read, column) => read(duckdb.data_chunk_get_vector(raw, column), rows)),
    };
    return this.#last;
  }

  /**
   * Lets go of the last batch. Its arrays are windows on the engine's memory; left to the garbage collector, they make it take all of it
   * for garbage of its own and look for it, again and again (*measured*: a second of processor time for 500 MB).
   */
  release(): void {
    for (const vector of this.#last?.columns ?? []) {
      if (vector.validity) letGo(vector.validity);
      if (vector.kind !== 'bytes')
        letGo(vector.kind === 'int64' || vector.kind === 'decimal' ? vector.words : vector.values);
    }
    this.#last = undefined;
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
  const read = stringReader();
  return (vector, rows) => read(vector, rows, validityOf(vector, rows));
}

/** The engine's bitmap has the layout of ours; it has none where every row has a value. */
function validityOf(vector: duckdb.Vector, rows: number): Validity {
  return duckdb.vector_get_validity(vector, 8 * Math.ceil(rows / 64)) ?? undefined;
}

function memoryOf(vector: duckdb.Vector, bytes: number): [ArrayBuffer, number] {
  const data = duckdb.vector_get_data(vector, bytes);
  return [data.buffer as ArrayBuffer, data.byteOffset];
}
