import { type FileHandle, open } from 'node:fs/promises';
import { DEFAULT_ROW_GROUP_ROWS } from '../../limits.ts';
import { ThriftWriter } from './thrift.ts';

/**
 * Columns that lie in memory as a Parquet file for the engine to read: uncompressed, PLAIN, one page a column and row group. It
 * is a way to hand numbers over without making text of them, and no more; the table's own files are the engine's.
 */
export interface PlainColumn {
  name: string;
  /** `timestamp`: microseconds since 1970, UTC. */
  type: 'boolean' | 'int' | 'bigint' | 'double' | 'timestamp' | 'string';
  /**
   * One value a row, or one for all rows; of text also a function that gives a row's bytes. What stands where `nulls` says so is not
   * looked at.
   */
  values: ArrayLike<number> | ArrayLike<string> | BigInt64Array | number | string | ((row: number) => Uint8Array);
  /** 1 where the row has no value. */
  nulls?: Uint8Array;
}

const MAGIC = Buffer.from('PAR1');
/** Physical types, repetition, encodings and converted types by the numbers of parquet.thrift. */
const PHYSICAL = { boolean: 0, int: 1, bigint: 2, double: 5, timestamp: 2, string: 6 } as const;
const OPTIONAL = 1;
const PLAIN = 0;
const RLE = 3;
const UTF8 = 0;
const TIMESTAMP_MICROS = 10;

interface Chunk {
  column: PlainColumn;
  offset: number;
  bytes: number;
}

/** Writes `rows` rows of the columns to `path`. Throws RangeError for a column of another length. */
export async function writeParquetColumns(path: string, columns: readonly PlainColumn[], rows: number): Promise<void> {
  for (const { name, values } of columns) {
    const length = typeof values === 'object' ? values.length : rows;
    if (length !== rows) throw new RangeError(`Column ${name} has ${length} values where there are ${rows} rows`);
  }
  const file = await open(path, 'w');
  try {
    await writeFile(file, columns, rows);
  } finally {
    await file.close();
  }
}

async function writeFile(file: FileHandle, columns: readonly PlainColumn[], rows: number): Promise<void> {
  let at = 0;
  const write = async (bytes: Uint8Array) => {
    await file.write(bytes, 0, bytes.length, at);
    at += bytes.length;
  };
  await write(MAGIC);
  const groups: { chunks: Chunk[]; rows: number }[] = [];
  for (let from = 0; from < rows; from += DEFAULT_ROW_GROUP_ROWS) {
    const to = Math.min(rows, from + DEFAULT_ROW_GROUP_ROWS);
    const chunks: Chunk[] = [];
    for (const column of columns) {
      const offset = at;
      const levels = definitionLevels(column.nulls, from, to);
      const values = plainValues(column, from, to);
      await write(pageHeader(to - from, levels.length + values.length));
      await write(levels);
      await write(values);
      chunks.push({ column, offset, bytes: at - offset });
    }
    groups.push({ chunks, rows: to - from });
  }
  const footer = fileMetadata(columns, groups, rows);
  await write(footer);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  await write(length);
  await write(MAGIC);
}

function pageHeader(values: number, bytes: number): Uint8Array {
  return new ThriftWriter()
    .i32(1, 0)
    .i32(2, bytes)
    .i32(3, bytes)
    .struct(5, (page) => page.i32(1, values).i32(2, PLAIN).i32(3, RLE).i32(4, RLE))
    .end();
}

/** One run of ones, or all bits packed. */
function definitionLevels(nulls: Uint8Array | undefined, from: number, to: number): Uint8Array {
  const rows = to - from;
  const some = nulls?.subarray(from, to).includes(1) ?? false;
  const body: number[] = [];
  const packedBytes = Math.ceil(rows / 8);
  for (let left = some ? packedBytes * 2 + 1 : rows * 2; ; left >>>= 7) {
    body.push(left >= 0x80 ? (left & 0x7f) | 0x80 : left);
    if (left < 0x80) break;
  }
  const bits = some ? new Uint8Array(packedBytes) : Uint8Array.of(1);
  if (some) for (let i = 0; i < rows; i++) if (nulls![from + i] === 0) bits[i >> 3]! |= 1 << (i & 7);
  const levels = Buffer.alloc(4 + body.length + bits.length);
  levels.writeUInt32LE(body.length + bits.length);
  levels.set(body, 4);
  levels.set(bits, 4 + body.length);
  return levels;
}

/** The values of rows that have one, one behind the other. */
function plainValues({ name, type, values, nulls }: PlainColumn, from: number, to: number): Uint8Array {
  const rows = presentRows(nulls, from, to);
  const count = rows.length;
  const isWhole = count === to - from;
  if (type === 'string') return textValues(values as ArrayLike<string> | string | ((row: number) => Uint8Array), rows);
  if (values instanceof BigInt64Array && isWhole) return bytesOf(values.subarray(from, to));
  if (typeof values !== 'object') return plainValues({ name, type, values: new Array(count).fill(values) }, 0, count);
  const numbers = values as ArrayLike<number>;
  switch (type) {
    case 'int': {
      if (numbers instanceof Int32Array && isWhole) return bytesOf(numbers.subarray(from, to));
      const out = new Int32Array(count);
      for (let i = 0; i < count; i++) out[i] = numbers[rows[i]!]!;
      return bytesOf(out);
    }
    case 'double': {
      if (numbers instanceof Float64Array && isWhole) return bytesOf(numbers.subarray(from, to));
      const out = new Float64Array(count);
      for (let i = 0; i < count; i++) out[i] = numbers[rows[i]!]!;
      return bytesOf(out);
    }
    case 'boolean': {
      const bits = new Uint8Array(Math.ceil(count / 8));
      for (let i = 0; i < count; i++) if (numbers[rows[i]!]) bits[i >> 3]! |= 1 << (i & 7);
      return bits;
    }
    case 'bigint':
    case 'timestamp': {
      const out = new BigInt64Array(count);
      for (let i = 0; i < count; i++) {
        const value = numbers[rows[i]!]!;
        if (!Number.isSafeInteger(value)) throw new RangeError(`Column ${name} has ${value}, which is no whole number`);
        out[i] = BigInt(value);
      }
      return bytesOf(out);
    }
  }
}

function presentRows(nulls: Uint8Array | undefined, from: number, to: number): Uint32Array {
  const rows = new Uint32Array(to - from);
  let count = 0;
  for (let row = from; row < to; row++) if (nulls?.[row] !== 1) rows[count++] = row;
  return rows.subarray(0, count);
}

/** All of them in one piece of memory: one each would cost ten times what short texts take. */
function textValues(values: ArrayLike<string> | string | ((row: number) => Uint8Array), rows: Uint32Array): Uint8Array {
  const isBytes = typeof values === 'function';
  const textOf = (row: number) => (typeof values === 'string' ? values : (values as ArrayLike<string>)[row]!);
  const lengthOf = (row: number) => (isBytes ? values(row).length : Buffer.byteLength(textOf(row)));
  let total = 4 * rows.length;
  for (const row of rows) total += lengthOf(row);
  const all = Buffer.alloc(total);
  let at = 0;
  for (const row of rows) {
    const length = lengthOf(row);
    all.writeUInt32LE(length, at);
    if (isBytes) all.set(values(row), at + 4);
    else all.write(textOf(row), at + 4);
    at += 4 + length;
  }
  return all;
}

/** Parquet is little-endian, as is every machine that this runs on. */
function bytesOf(values: Int32Array | Float64Array | BigInt64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function fileMetadata(
  columns: readonly PlainColumn[],
  groups: readonly { chunks: Chunk[]; rows: number }[],
  rows: number,
): Uint8Array {
  const elements = [undefined, ...columns];
  return new ThriftWriter()
    .i32(1, 1)
    .structs(2, elements, (schema, column) => {
      if (column === undefined) {
        schema.text(4, 'rows').i32(5, columns.length);
        return;
      }
      schema.i32(1, PHYSICAL[column.type]).i32(3, OPTIONAL).text(4, column.name);
      if (column.type === 'string') schema.i32(6, UTF8);
      if (column.type === 'timestamp') schema.i32(6, TIMESTAMP_MICROS);
    })
    .i64(3, rows)
    .structs(4, groups, (group, { chunks, rows: groupRows }) => {
      group.structs(1, chunks, (chunk, { column, offset, bytes }) => {
        chunk
          .i64(2, offset)
          .struct(3, (meta) =>
            meta
              .i32(1, PHYSICAL[column.type])
              .i32s(2, [PLAIN, RLE])
              .texts(3, [column.name])
              .i32(4, 0)
              .i64(5, groupRows)
              .i64(6, bytes)
              .i64(7, bytes)
              .i64(9, offset),
          );
      });
      group
        .i64(
          2,
          chunks.reduce((sum, { bytes }) => sum + bytes, 0),
        )
        .i64(3, groupRows);
    })
    .text(6, 'sluice')
    .end();
}
