import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import pMap from 'p-map';
import type { Column, OutputFormat } from '../domain/schema.ts';
import { CUT_TOGETHER_FILES, CUT_TOGETHER_ROWS, FILE_SIZE_TOLERANCE } from '../limits.ts';
import { avroCutter } from './cut-avro.ts';
import { type Cutter, csvCutter, parquetCutter } from './cut-copy.ts';
import { type CutFile, cutFiles, isOneFile, probeRowSize, type RowRange, type RowSize } from './file-sizes.ts';
import { varyingPartitions } from './partition-sql.ts';
import {
  dropKept,
  keepAsFile,
  keepInOrder,
  type PartitionRange,
  partitionRanges,
  type RowSource,
} from './row-source.ts';
import type { Session } from './session.ts';
import { countBySource } from './source-ids.ts';
import type { FileListener, FinalFile, TableWriting } from './table-engine.ts';

export interface FinalFiles {
  rows: number;
  files: FinalFile[];
}

const CUTTERS: Record<OutputFormat, (session: Session, source: RowSource, writing: TableWriting) => Cutter> = {
  parquet: parquetCutter,
  avro: avroCutter,
  csv: csvCutter,
};

/**
 * Writes a relation (`t0`, `t1`, … for `columns`) as the final files of a table. The rows are put in order and kept once, and every
 * format is cut from that, so that all have the same rows. Where Parquet is asked for and there is nothing to order, what is
 * kept is a file of the table, and if it need not be cut it is the only one.
 *
 * @param folder for the files and what they are cut from; made anew
 * @param onFile is told of each file before the next is cut; how many rows it has of which source comes later
 * @param expectedRows where there are others, no file is made
 */
export async function finalFiles(
  session: Session,
  relation: string,
  columns: readonly Column[],
  writing: TableWriting,
  folder: string,
  onFile: FileListener = () => undefined,
  expectedRows?: number,
): Promise<FinalFiles> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const varying = varyingPartitions(writing.partitions);
  const isFile = varying.length === 0 && writing.sortBy.length === 0 && writing.formats.includes('parquet');
  const kept = join(folder, isFile ? 'parquet-0-0.parquet' : 'rows.duckdb');
  await dropKept(session);
  const source = await (isFile ? keepAsFile : keepInOrder)(session, relation, columns, writing, kept);
  if (expectedRows !== undefined && source.rows !== expectedRows) {
    await dropKept(session);
    return { rows: source.rows, files: [] };
  }
  const isNothing = source.rows === 0 && !(writing.emptyFile && varying.length === 0);
  const partitions = isNothing ? [] : await partitionRanges(session, source, writing);
  const files: FinalFile[] = [];
  const keptBytes = (await stat(kept)).size;
  const isWhole = isFile && !isNothing && keptBytes <= writing.fileSizeBytes * (1 + FILE_SIZE_TOLERANCE);
  for (const format of isNothing ? [] : writing.formats) {
    if (format === 'parquet' && isFile) {
      const [{ values, ...range }] = partitions as [PartitionRange];
      if (isWhole) {
        const file: FinalFile = { path: kept, rows: range.rows, bytes: keptBytes, format, partition: values, part: 0 };
        files.push(file);
        onFile(file);
        continue;
      }
    }
    const cutter = CUTTERS[format](session, source, writing);
    const size = { bytesPerRow: format === 'parquet' && isFile ? keptBytes / source.rows : undefined };
    files.push(...(await cutFormat(session, cutter, format, partitions, size, writing, folder, onFile)));
  }
  if (writing.sourceIds) await countBySource(session, source, writing.columns, files);
  await dropKept(session);
  if (!isWhole) await rm(kept);
  return { rows: source.rows, files };
}

/** All partitions in one format: those that make one file many at a time, the others one by one. */
async function cutFormat(
  session: Session,
  cutter: Cutter,
  format: OutputFormat,
  partitions: readonly PartitionRange[],
  size: RowSize,
  writing: TableWriting,
  folder: string,
  onFile: FileListener,
): Promise<FinalFile[]> {
  const target = writing.fileSizeBytes;
  const ending = format === 'csv' && writing.compression.csv === 'gzip' ? 'csv.gz' : format;
  const pathOf = (partition: number, part: number) => join(folder, `cut-${format}-${partition}-${part}.${ending}`);
  const files = new Map<number, FinalFile[]>();
  const place = (partition: number, { rows, bytes }: Pick<CutFile, 'rows' | 'bytes'>, part: number): FinalFile => {
    const { values } = partitions[partition]!;
    const file: FinalFile = { path: pathOf(partition, part), rows, bytes, format, partition: values, part };
    const found = files.get(partition) ?? [];
    found[part] = file;
    files.set(partition, found);
    return file;
  };
  const add = (...cut: Parameters<typeof place>) => onFile(place(...cut));
  if (cutter.roll && partitions.length === 1) {
    const pathOfPart = (part: number) => pathOf(0, part);
    await cutter.roll(partitions[0]!, target, pathOfPart, {
      onOpen: (part, growing) => onFile(place(0, { rows: 0, bytes: 0 }, part), growing),
      onCut: ({ rows, bytes }, part) => Object.assign(files.get(0)![part]!, { rows, bytes }),
    });
    return files.get(0)!;
  }
  const total = partitions.at(-1)!.from + partitions.at(-1)!.rows;
  await probeRowSize({ from: 0, rows: total }, target, size, (range) => cutter.one(range, pathOf(0, 0)));

  const batches = partitions.length === 1 ? [] : batchesOf(partitions, target, size);
  const oversized: number[] = [];
  await session.singleThreaded(batches.length > 0, () =>
    pMap(
      batches,
      async (batch) => {
        const paths = batch.map((partition) => pathOf(partition, 0));
        const ranges = batch.map((partition) => partitions[partition]!);
        const written = await cutter.many(ranges, paths);
        for (const [i, partition] of batch.entries()) {
          const { rows } = partitions[partition]!;
          if (written[i]! > target * (1 + FILE_SIZE_TOLERANCE) && rows > 1) oversized.push(partition);
          else add(partition, { rows, bytes: written[i]! }, 0);
        }
      },
      { concurrency: session.threads },
    ),
  );
  const together = new Set(batches.flat());
  const alone = [...partitions.keys()].filter((partition) => !together.has(partition));
  for (const partition of [...alone, ...oversized]) {
    const write = (range: RowRange, part: number) => cutter.one(range, pathOf(partition, part));
    await cutFiles(partitions[partition]!, target, size, write, (cut, part) => add(partition, cut, part));
  }
  return [...files.keys()].sort((a, b) => a - b).flatMap((partition) => files.get(partition)!);
}

/** Partitions, by their index, that make one file each and follow on one another. */
function batchesOf(partitions: readonly PartitionRange[], target: number, size: RowSize): number[][] {
  const batches: number[][] = [];
  let open: number[] = [];
  let rows = 0;
  const close = () => {
    if (open.length > 0) batches.push(open);
    open = [];
    rows = 0;
  };
  for (const [index, partition] of partitions.entries()) {
    if (!isOneFile(partition.rows, size, target)) {
      close();
      continue;
    }
    if (open.length === CUT_TOGETHER_FILES || rows + partition.rows > CUT_TOGETHER_ROWS) close();
    open.push(index);
    rows += partition.rows;
  }
  close();
  return batches;
}
