import { rm } from 'node:fs/promises';
import type { ColumnBatch } from '../formats/avro/column-batch.ts';
import { avroSchema } from '../formats/avro/schema.ts';
import { type AvroWriter, encoderThread } from '../formats/avro/threaded-writer.ts';
import { AvroFileWriter } from '../formats/avro/writer.ts';
import {
  AVRO_BLOCK_BYTES,
  AVRO_BLOCKS_A_FILE,
  AVRO_FILES_CLOSING,
  AVRO_ROLL_MIN_BYTES,
  AVRO_THREAD_MIN_ROWS,
} from '../limits.ts';
import { sliceBatch } from './batch-slice.ts';
import { ChunkReader } from './chunk-batch.ts';
import { sqlType } from './column-types.ts';
import type { Cutter, RollListener } from './cut-copy.ts';
import { FileGrowth } from './file-growth.ts';
import type { RowRange } from './file-sizes.ts';
import { type RowSource, rangeOf } from './row-source.ts';
import type { Session } from './session.ts';
import type { TableWriting } from './table-engine.ts';

/** Avro from the engine's column vectors: runs that follow on one another come out of one stream. */
export function avroCutter(session: Session, source: RowSource, writing: TableWriting): Cutter {
  const { columns } = writing;
  const schema = avroSchema(writing.avroRecordName ?? 'row', columns, { timestamps: writing.avroTimestamps });
  const list = columns.map((column) => `CAST(${source.nameOf(column)} AS ${sqlType(column.type)})`).join(', ');
  // A small file is to have several blocks too, or its size could not be aimed at.
  const blockBytes = Math.min(AVRO_BLOCK_BYTES, Math.max(1, Math.floor(writing.fileSizeBytes / AVRO_BLOCKS_A_FILE)));
  const thread = session.threads > 1 && source.rows >= AVRO_THREAD_MIN_ROWS ? encoderThread() : undefined;
  const open = (path: string): AvroWriter => {
    const options = { path, schema, codec: writing.compression.avro, metadata: writing.metadata, blockBytes };
    return thread ? thread.open(options) : new AvroFileWriter(options);
  };

  async function* batches(range: RowRange): AsyncGenerator<ColumnBatch> {
    const reader = new ChunkReader(columns);
    for await (const chunk of session.chunks(`SELECT ${list} FROM ${rangeOf(source, range)}`)) yield reader.read(chunk);
  }

  async function many(ranges: readonly RowRange[], paths: readonly string[]): Promise<number[]> {
    const whole = { from: ranges[0]!.from, rows: ranges.reduce((sum, { rows }) => sum + rows, 0) };
    const closing: Promise<{ rows: number; bytes: number }>[] = [];
    let writer = open(paths[0]!);
    let left = ranges[0]!.rows;
    try {
      for await (const batch of batches(whole)) {
        for (let row = 0; row < batch.rows; ) {
          if (left === 0) {
            const done = writer.close();
            done.catch(() => undefined);
            closing.push(done);
            if (closing.length > AVRO_FILES_CLOSING) await closing.at(-1 - AVRO_FILES_CLOSING);
            writer = open(paths[closing.length]!);
            left = ranges[closing.length]!.rows;
          }
          const rows = Math.min(left, batch.rows - row);
          await writer.writeBatch(sliceBatch(batch, row, row + rows));
          row += rows;
          left -= rows;
        }
      }
      closing.push(writer.close());
      const files = await Promise.all(closing);
      files.forEach(({ rows }, i) => {
        if (rows !== ranges[i]!.rows)
          throw new Error(`Wrote ${rows} rows to ${paths[i]} where it is to have ${ranges[i]!.rows}`);
      });
      return files.map(({ bytes }) => bytes);
    } catch (error) {
      await writer.abort();
      await Promise.allSettled(closing);
      for (const path of paths) await rm(path, { force: true });
      throw error;
    }
  }

  async function roll(
    range: RowRange,
    targetBytes: number,
    pathOf: (part: number) => string,
    { onOpen, onCut }: RollListener,
  ): Promise<void> {
    const closing: Promise<void>[] = [];
    const begin = (from: number) => {
      const part = closing.length;
      const begun = { writer: open(pathOf(part)), growth: new FileGrowth(), part, from, rows: 0 };
      onOpen(part, begun.growth);
      return begun;
    };
    const close = async ({ writer, growth, part, ...run }: ReturnType<typeof begin>) => {
      try {
        const { rows, bytes } = await writer.close();
        if (rows !== run.rows) throw new Error(`Wrote ${rows} rows to ${pathOf(part)} where it is to have ${run.rows}`);
        onCut({ ...run, bytes }, part);
        growth.complete(bytes);
      } catch (error) {
        growth.giveUp(error);
        throw error;
      }
    };
    const end = () => {
      const done = close(file);
      done.catch(() => undefined);
      closing.push(done);
    };
    let file = begin(range.from);
    try {
      for await (const batch of batches(range)) {
        if (file.writer.bytes >= targetBytes) {
          end();
          file = begin(file.from + file.rows);
        }
        await file.writer.writeBatch(batch);
        file.rows += batch.rows;
        file.growth.grow(file.writer.bytes);
      }
      end();
      await Promise.all(closing);
    } catch (error) {
      file.growth.giveUp(error);
      await file.writer.abort();
      await Promise.allSettled(closing);
      for (let part = 0; part <= closing.length; part++) await rm(pathOf(part), { force: true });
      throw error;
    }
  }

  const isRolled = writing.fileSizeBytes >= AVRO_ROLL_MIN_BYTES;
  return { ...(isRolled ? { roll } : {}), many, one: async (range, path) => (await many([range], [path]))[0]! };
}
