import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Column, ColumnType } from '../domain/schema.ts';
import type { GrowingFile } from '../ports/object-store.ts';
import type { CutListener, RowRange } from './file-sizes.ts';
import { gzipFile } from './gzip-file.ts';
import { parquetOptions } from './parquet-options.ts';
import { type RowSource, rangeOf } from './row-source.ts';
import type { Session } from './session.ts';
import { ident, literal } from './sql.ts';
import type { TableWriting } from './table-engine.ts';

/** Cuts runs of rows out of a source and writes them as files of one format; an existing file is replaced. */
export interface Cutter {
  /** One run as one file; returns its bytes. */
  one(range: RowRange, path: string): Promise<number>;
  /** Runs that follow on one another, each as the file of its place in `paths`, in one go; returns their bytes. */
  many(ranges: readonly RowRange[], paths: readonly string[]): Promise<number[]>;
  /**
   * One run as files of about so many bytes each but the last, in one go, where the format shows its bytes as it is written.
   *
   * @param listener is told of all files as they begin, and when they are complete
   */
  roll?(range: RowRange, targetBytes: number, pathOf: (part: number) => string, listener: RollListener): Promise<void>;
}

export interface RollListener {
  onOpen: (part: number, growing: GrowingFile) => void;
  onCut: CutListener;
}

export function parquetCutter(session: Session, source: RowSource, writing: TableWriting): Cutter {
  return copyCutter(session, source, writing.columns, (name) => name, parquetOptions(writing));
}

/** RFC 4180 but for the line end, a line feed alone, which every reader takes. A null is an empty field, an empty text `""`. */
export function csvCutter(session: Session, source: RowSource, { columns, compression }: TableWriting): Cutter {
  const options = `FORMAT csv, HEADER true, DELIMITER ',', QUOTE '"', ESCAPE '"', NULLSTR '', COMPRESSION none`;
  const plain = copyCutter(session, source, columns, csvText, options);
  if (compression.csv === 'none') return plain;
  const gzip = async (path: string): Promise<number> => {
    try {
      return await gzipFile(`${path}.plain`, path);
    } finally {
      await rm(`${path}.plain`);
    }
  };
  return {
    async one(range, path) {
      await plain.one(range, `${path}.plain`);
      return gzip(path);
    },
    async many(ranges, paths) {
      await plain.many(
        ranges,
        paths.map((path) => `${path}.plain`),
      );
      const bytes: number[] = [];
      for (const path of paths) bytes.push(await gzip(path));
      return bytes;
    },
  };
}

/** Bytes are no text: base64, as Hive has them in its own text format. */
function csvText(name: string, type: ColumnType): string {
  return type === 'binary' ? `to_base64(${name})` : name;
}

function copyCutter(
  session: Session,
  source: RowSource,
  columns: readonly Column[],
  expression: (name: string, type: ColumnType) => string,
  options: string,
): Cutter {
  const list = columns
    .map((column) => `${expression(source.nameOf(column), column.type)} AS ${ident(column.name)}`)
    .join(', ');
  const number = ident(unusedName(columns));
  return {
    async one(range, path) {
      await session.runBeside(`COPY (SELECT ${list} FROM ${rangeOf(source, range)}) TO ${literal(path)} (${options})`);
      return (await stat(path)).size;
    },
    async many(ranges, paths) {
      const folder = `${paths[0]!}.parts`;
      await mkdir(folder);
      const whole = { from: ranges[0]!.from, rows: ranges.reduce((sum, { rows }) => sum + rows, 0) };
      await session.runBeside(
        `COPY (SELECT ${list}, ${rangeNumber(source.rowNumber, ranges)} AS ${number} FROM ${rangeOf(source, whole)}) ` +
          `TO ${literal(folder)} (${options}, PARTITION_BY (${number}), OVERWRITE_OR_IGNORE true)`,
      );
      const bytes: number[] = [];
      for (const [i, path] of paths.entries()) {
        const part = join(folder, `${unquoted(number)}=${i}`);
        const files = await readdir(part);
        if (files.length !== 1) throw new Error(`Wrote ${files.length} files of one partition: ${files.join(', ')}`);
        await rename(join(part, files[0]!), path);
        bytes.push((await stat(path)).size);
      }
      await rm(folder, { recursive: true });
      return bytes;
    },
  };
}

/** The number of the range that a row lies in, found by halving: SQL of a depth that grows with the logarithm of their number. */
function rangeNumber(rowNumber: string, ranges: readonly RowRange[], first = 0, last = ranges.length - 1): string {
  if (first === last) return String(first);
  const middle = (first + last + 1) >> 1;
  const [below, above] = [
    rangeNumber(rowNumber, ranges, first, middle - 1),
    rangeNumber(rowNumber, ranges, middle, last),
  ];
  return `CASE WHEN ${rowNumber} < ${ranges[middle]!.from} THEN ${below} ELSE ${above} END`;
}

/** A name for the range's number that no column has; the folder is named after it. */
function unusedName(columns: readonly Column[]): string {
  let name = 'part';
  while (columns.some((column) => column.name.toLowerCase() === name)) name += '_';
  return name;
}

function unquoted(identifier: string): string {
  return identifier.slice(1, -1);
}
