import { rm, stat } from 'node:fs/promises';
import type { Column, ColumnType, OutputFormat } from '../domain/schema.ts';
import { avroSchema } from '../formats/avro/schema.ts';
import { AvroFileWriter } from '../formats/avro/writer.ts';
import { AVRO_BLOCK_BYTES, AVRO_BLOCKS_A_FILE } from '../limits.ts';
import { ChunkReader } from './chunk-batch.ts';
import { sqlType } from './column-types.ts';
import type { RowRange } from './file-sizes.ts';
import { parquetOptions } from './parquet-options.ts';
import type { Session } from './session.ts';
import { ident, literal } from './sql.ts';
import type { TableWriting } from './table-engine.ts';

/** A Parquet file of rows in their final order, from which final files are cut. */
export interface RowsFile {
  path: string;
  rows: number;
  /** The name that a table column has in it. */
  nameOf: (column: Column) => string;
}

/** Writes a run of rows to a file, replacing it; returns its bytes. */
export type RangeWriter = (range: RowRange, path: string) => Promise<number>;

export function rangeWriter(
  session: Session,
  source: RowsFile,
  writing: TableWriting,
  format: OutputFormat,
): RangeWriter {
  switch (format) {
    case 'parquet':
      return copyWriter(session, source, writing.columns, (name) => name, parquetOptions(writing));
    case 'csv':
      return copyWriter(session, source, writing.columns, csvText, csvOptions(writing));
    case 'avro':
      return avroWriter(session, source, writing);
  }
}

export const FILE_ENDINGS: Record<OutputFormat, (writing: TableWriting) => string> = {
  parquet: () => 'parquet',
  avro: () => 'avro',
  csv: ({ compression }) => (compression.csv === 'gzip' ? 'csv.gz' : 'csv'),
};

/** RFC 4180 but for the line end, which is a line feed alone: what every reader takes. A null is an empty field, an empty text `""`. */
function csvOptions({ compression }: TableWriting): string {
  return `FORMAT csv, HEADER true, DELIMITER ',', QUOTE '"', ESCAPE '"', NULLSTR '', COMPRESSION ${compression.csv}`;
}

/** Bytes are no text: base64, as Hive has them in its own text format. */
function csvText(name: string, type: ColumnType): string {
  return type === 'binary' ? `to_base64(${name})` : name;
}

function copyWriter(
  session: Session,
  source: RowsFile,
  columns: readonly Column[],
  expression: (name: string, type: ColumnType) => string,
  options: string,
): RangeWriter {
  const list = columns.map((column) => `${expression(source.nameOf(column), column.type)} AS ${ident(column.name)}`);
  return async (range, path) => {
    await session.runBeside(
      `COPY (SELECT ${list.join(', ')} FROM ${rangeOf(source, range)}) TO ${literal(path)} (${options})`,
    );
    return (await stat(path)).size;
  };
}

function avroWriter(session: Session, source: RowsFile, writing: TableWriting): RangeWriter {
  const { columns } = writing;
  const schema = avroSchema(writing.avroRecordName ?? 'row', columns, { timestamps: writing.avroTimestamps });
  const list = columns.map((column) => `CAST(${source.nameOf(column)} AS ${sqlType(column.type)})`);
  return async (range, path) => {
    const reader = new ChunkReader(columns);
    const file = new AvroFileWriter({
      path,
      schema,
      codec: writing.compression.avro,
      metadata: writing.metadata,
      // A small file is to have several blocks too, or its size could not be aimed at.
      blockBytes: Math.min(AVRO_BLOCK_BYTES, Math.max(1, Math.floor(writing.fileSizeBytes / AVRO_BLOCKS_A_FILE))),
    });
    try {
      for await (const chunk of session.chunks(`SELECT ${list.join(', ')} FROM ${rangeOf(source, range)}`)) {
        await file.writeBatch(reader.read(chunk));
      }
      return (await file.close()).bytes;
    } catch (error) {
      await file.abort();
      await rm(path, { force: true });
      throw error;
    }
  };
}

function rangeOf(source: RowsFile, { from, rows }: RowRange): string {
  const file = `read_parquet(${literal(source.path)}, hive_partitioning = false)`;
  if (from === 0 && rows === source.rows) return file;
  return `${file} WHERE file_row_number >= ${from} AND file_row_number < ${from + rows}`;
}
