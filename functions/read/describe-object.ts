import { mkdir, open, rm } from 'node:fs/promises';
import { objectChanged } from '../../shared/commit/source-store.ts';
import type { Dataset } from '../../shared/dataset/dataset.ts';
import { declaredColumns } from '../../shared/dataset/dataset.ts';
import type { FoundPart } from '../../shared/domain/load.ts';
import type { SourceObject } from '../../shared/domain/source.ts';
import { matchDeclared } from '../../shared/domain/table-schema.ts';
import type { TableEngine } from '../../shared/engine/table-engine.ts';
import { CorruptFile, EmptyObject, PreconditionFailed, SluiceError, UnknownFormat } from '../../shared/errors.ts';
import { type Container, detectContainer } from '../../shared/formats/container.ts';
import { RecordScanner } from '../../shared/formats/csv/record-scanner.ts';
import { type CsvSample, sniffCsv } from '../../shared/formats/csv/sniff.ts';
import type { KnownFiles } from '../../shared/formats/csv/sniff-like.ts';
import { tolerantDataStart } from '../../shared/formats/csv/tolerant-slice.ts';
import type { CsvDialect } from '../../shared/formats/csv-dialect.ts';
import { GLM_LEVELS, glmColumns } from '../../shared/formats/glm/columns.ts';
import { inflateSample } from '../../shared/formats/gzip.ts';
import { entrySample } from '../../shared/formats/zip-entry.ts';
import { CSV_HEAD_CHUNK_BYTES, GLM_MAX_BYTES, SNIFF_BYTES } from '../../shared/limits.ts';
import { type ByteRange, type ObjectStore, uri } from '../../shared/ports/object-store.ts';
import { zipDirectory } from './zip-directories.ts';

export interface Reading {
  store: ObjectStore;
  engine: () => Promise<TableEngine>;
  /** A folder of the caller's own; it need not be there yet. */
  scratch: string;
  /** Of the same data set; what is found is added. Left out: the object is to be judged by itself. */
  known?: KnownFiles;
}

/**
 * What an object is: its container, and for each file in it the format, dialect, columns and the evidence of their types.
 * Looks at the head, the middle and the end only. Throws `EmptyObject`, `UnknownFormat`, `CorruptFile`, `SchemaMismatch`,
 * or `ObjectChanged` where the object is no longer the version that was claimed.
 */
export async function describeObject(reading: Reading, source: SourceObject, dataset: Dataset): Promise<FoundPart[]> {
  const where = uri(source);
  if (source.sizeBytes === 0) throw new EmptyObject(`${where} is empty: it has not even a header`, { where });
  const read = async (range: ByteRange): Promise<Uint8Array> => {
    try {
      return await reading.store.read(source, { range, ifMatch: source.etag });
    } catch (error) {
      if (!(error instanceof PreconditionFailed)) throw error;
      throw objectChanged(source);
    }
  };
  const head = await read({ start: 0, end: Math.min(source.sizeBytes, SNIFF_BYTES) });
  const container = detectContainer(head, where);
  const { format } = dataset.source;
  if (format !== 'auto' && !CONTAINERS[format].includes(container)) {
    throw new UnknownFormat(`${where} is ${container} where the data set's source is of format ${format}`, { where });
  }
  if (format === 'distances') return [describeDistances(head, container, source)];
  switch (container) {
    case 'plain':
      return [await describePlain(reading, read, head, source, dataset, where)];
    case 'gzip':
    case 'zstd': {
      const sample = await inflateSample(head, container, SNIFF_BYTES, { where });
      const inner = detectContainer(sample, `the text in ${where}`);
      if (inner !== 'plain') {
        throw new UnknownFormat(
          `Cannot read ${where}: it is ${inner} in ${container}, and only text is read from there`,
          {
            where,
          },
        );
      }
      const complete = head.length === source.sizeBytes && sample.length < SNIFF_BYTES;
      const part = describeCsv({ head: sample, complete }, dataset, where, reading.known);
      return [{ ...part, compression: container, sizeBytes: source.sizeBytes }];
    }
    case 'zip':
      return describeZip(reading, read, source, dataset, where);
    case 'parquet':
      return [await describeParquet(reading, read, source, dataset, where)];
    case 'hdf5':
      return describeLightning(read, head, source, dataset, where);
    default:
      throw new UnknownFormat(`${where} is ${container}, which data set ${dataset.name} does not load`, { where });
  }
}

/** A list of distances is what it is said to be: whatever is wrong in it is a rejected line, or found where it is read whole. */
function describeDistances(head: Uint8Array, container: Container, source: SourceObject): FoundPart {
  return {
    format: 'distances',
    compression: container === 'gzip' || container === 'zstd' ? container : 'none',
    columns: [
      { original: 'key1', type: 'string' },
      { original: 'key2', type: 'string' },
      { original: 'distance', type: 'double' },
    ],
    sizeBytes: Math.max(source.sizeBytes, head.length),
    confidence: 1,
    reasons: ['The data set says that it is a list of distances'],
  };
}

/** What objects of a stated format may be wrapped in. */
const CONTAINERS: Record<Exclude<Dataset['source']['format'], 'auto'>, readonly Container[]> = {
  csv: ['plain', 'gzip', 'zstd', 'zip'],
  parquet: ['parquet'],
  glm: ['hdf5'],
  distances: ['plain', 'gzip', 'zstd'],
};

/** A granule's levels, as the files of a ZIP would be. They are small: read whole, and mostly with the head already. */
async function describeLightning(
  read: (range: ByteRange) => Promise<Uint8Array>,
  head: Uint8Array,
  source: SourceObject,
  dataset: Dataset,
  where: string,
): Promise<FoundPart[]> {
  const size = source.sizeBytes;
  if (size > GLM_MAX_BYTES) {
    throw new UnknownFormat(
      `${where} is HDF5 of ${size} bytes, where a granule of lightning has ${GLM_MAX_BYTES} at most`,
      {
        where,
      },
    );
  }
  const bytes = head.length === size ? head : await read({ start: 0, end: size });
  // HDF5 comes as WebAssembly: only for who has such files.
  const { describeGranule } = await import('../../shared/formats/glm/granule.ts');
  const rows = await describeGranule(bytes, where);
  const options = dataset.source.glm;
  return (options.levels ?? GLM_LEVELS).map(
    (level, i): FoundPart => ({
      format: 'glm',
      level,
      compression: 'none',
      columns: glmColumns(level, options).map(({ name, type }) => ({ original: name, type })),
      ...(options.box === undefined ? { rows: rows[level] } : {}),
      // The object is read once, whatever is taken of it.
      sizeBytes: i === 0 ? size : 0,
      confidence: 1,
      reasons: [`A granule of lightning (GLM L2 LCFA): ${level}`],
    }),
  );
}

async function describePlain(
  { known }: Reading,
  read: (range: ByteRange) => Promise<Uint8Array>,
  head: Uint8Array,
  source: SourceObject,
  dataset: Dataset,
  where: string,
): Promise<FoundPart> {
  const size = source.sizeBytes;
  if (size <= head.length) return describeCsv({ head, complete: true }, dataset, where, known);
  const middleStart = Math.max(head.length, Math.floor(size / 2 - SNIFF_BYTES / 2));
  const tailStart = Math.max(head.length, size - SNIFF_BYTES);
  const [middle, tail] = await Promise.all([
    middleStart < tailStart
      ? read({ start: middleStart, end: Math.min(tailStart, middleStart + SNIFF_BYTES) })
      : undefined,
    read({ start: tailStart, end: size }),
  ]);
  const part = describeCsv({ head, ...(middle ? { middle } : {}), tail, complete: false }, dataset, where, known);
  return { ...part, sizeBytes: size };
}

function describeCsv(sample: CsvSample, dataset: Dataset, where: string, known?: KnownFiles): FoundPart {
  const declared = declaredColumns(dataset)?.map((column) => column.name);
  const hints = { ...(declared ? { names: declared } : {}), known: known?.like(sample.head) };
  const findings = sniffCsv(sample, dataset.source.csv, hints);
  known?.add(sample.head, findings);
  const { dialect, confidence, reasons } = findings;
  const columns = matchDeclared(findings.columns, dialect.headerRows > 0, dataset, where);
  const irregular = !findings.regular;
  const start = dataStartOf(sample.head, dialect, columns.length, irregular);
  return {
    format: 'csv',
    compression: 'none',
    dialect,
    ...(irregular ? { irregular } : {}),
    columns,
    ...start,
    sizeBytes: sample.head.length,
    confidence,
    reasons,
  };
}

/** Where the records begin, behind skipped lines and header, and how many physical lines lie before. */
function dataStartOf(head: Uint8Array, dialect: CsvDialect, columns: number, irregular: boolean) {
  if (irregular) return tolerantDataStart(head, dialect, columns);
  const dataStart = recordsFrom(head, dialect, columns);
  const before = new RecordScanner(dialect, { columns });
  before.feed(head.subarray(0, dataStart));
  return { dataStart, dataLine: before.end().lines };
}

function recordsFrom(head: Uint8Array, dialect: CsvDialect, columns: number): number {
  const scanner = new RecordScanner(dialect, { columns });
  for (let at = 0; at < head.length && scanner.dataStart === undefined; at += CSV_HEAD_CHUNK_BYTES)
    scanner.feed(head.subarray(at, at + CSV_HEAD_CHUNK_BYTES));
  return scanner.dataStart ?? scanner.end().dataStart;
}

async function describeZip(
  { store, known }: Reading,
  read: (range: ByteRange) => Promise<Uint8Array>,
  source: SourceObject,
  dataset: Dataset,
  where: string,
): Promise<FoundPart[]> {
  const reader = {
    sizeBytes: source.sizeBytes,
    read: (start: number, end: number) => read({ start, end }),
  };
  const directory = await zipDirectory(store, source, reader, dataset.cacheEntries);
  const parts: FoundPart[] = [];
  for (const entry of directory.entries) {
    const named = `${where}!${entry.name}`;
    const sizeBytes = entry.uncompressedBytes;
    if (sizeBytes === 0) throw new EmptyObject(`${named} is empty: it has not even a header`, { where });
    const head = await entrySample(reader, entry, SNIFF_BYTES, where);
    const part = describeCsv({ head, complete: head.length === sizeBytes }, dataset, named, known);
    parts.push({ ...part, compression: 'zip', entry, sizeBytes });
  }
  return parts;
}

/** The engine reads nothing but the footer: a file of the object's size with only that in it will do. */
async function describeParquet(
  reading: Reading,
  read: (range: ByteRange) => Promise<Uint8Array>,
  source: SourceObject,
  dataset: Dataset,
  where: string,
): Promise<FoundPart> {
  const size = source.sizeBytes;
  const end = await read({ start: Math.max(0, size - 8), end: size });
  if (size < 12 || Buffer.from(end.subarray(4)).toString('latin1') !== 'PAR1') {
    throw new CorruptFile(`${where} begins as Parquet but does not end so: it was cut short`, { where });
  }
  const footerBytes = new DataView(end.buffer, end.byteOffset, end.byteLength).getUint32(0, true);
  const footerStart = size - 8 - footerBytes;
  if (footerStart < 4)
    throw new CorruptFile(`${where} states a Parquet footer of ${footerBytes} of its ${size} bytes`, { where });
  const footer = await read({ start: footerStart, end: size });
  await mkdir(reading.scratch, { recursive: true });
  const path = `${reading.scratch}/footer.parquet`;
  try {
    const file = await open(path, 'w');
    try {
      await file.write(Buffer.from('PAR1'), 0, 4, 0);
      await file.write(footer, 0, footer.length, footerStart);
    } finally {
      await file.close();
    }
    const engine = await reading.engine();
    const { columns, rows } = await engine.describeParquet(path);
    const matched = matchDeclared(columns, true, dataset, where);
    const reasons = ['Parquet states its columns and types'];
    return { format: 'parquet', compression: 'none', columns: matched, rows, sizeBytes: size, confidence: 1, reasons };
  } catch (error) {
    if (error instanceof SluiceError) throw error;
    throw new CorruptFile(`${where} has a Parquet footer that cannot be read`, { where, cause: error });
  } finally {
    await rm(path, { force: true });
  }
}
