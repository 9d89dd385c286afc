import { open, rename } from 'node:fs/promises';
import pLimit from 'p-limit';
import { objectChanged, readFailure } from '../../shared/commit/source-store.ts';
import type { ConvertInput } from '../../shared/domain/load.ts';
import { originOf, type SourceObject } from '../../shared/domain/source.ts';
import type { LocalInput } from '../../shared/engine/table-engine.ts';
import { type ErrorRecord, PreconditionFailed, toErrorRecord } from '../../shared/errors.ts';
import { unitBytes } from '../../shared/formats/csv/encoding.ts';
import { type SliceLink, takeSlice } from '../../shared/formats/csv/slice.ts';
import { innerDialect } from '../../shared/formats/csv/speculate.ts';
import { takeTolerantSlice } from '../../shared/formats/csv/tolerant-slice.ts';
import type { CsvDialect } from '../../shared/formats/csv-dialect.ts';
import { fileChunks } from '../../shared/formats/file-chunks.ts';
import type { GlmOptions } from '../../shared/formats/glm/columns.ts';
import { inflateTo } from '../../shared/formats/gzip.ts';
import { writeParquetColumns } from '../../shared/formats/parquet/write-columns.ts';
import { transcodeTo } from '../../shared/formats/transcode.ts';
import { extractEntry } from '../../shared/formats/zip-entry.ts';
import { SLICES_AT_ONCE, SLICES_SCANNED_AT_ONCE } from '../../shared/limits.ts';
import { type ByteRange, type ObjectStore, uri } from '../../shared/ports/object-store.ts';

/** An input as a local file that the engine reads: decompressed, in UTF-8, cut at records. */
export interface FetchedInput {
  /** Undefined: a range in which no record begins. */
  local: LocalInput | undefined;
  /** For a range: where it really began and ended. */
  link?: SliceLink;
  /** Of the object's own file, to be asked once it has been read: the object's fault where others wrote into it meanwhile. */
  changedMeanwhile?: () => Promise<ErrorRecord | undefined>;
}

/** Of all tasks of the process: were all cut at once, none would be ready before the last, and the engine idle until then. */
const slices = pLimit(SLICES_AT_ONCE);
const scans = pLimit(SLICES_SCANNED_AT_ONCE);

/**
 * Brings one input of a task to `path`. Every read is pinned to the version that was claimed: `ObjectChanged` where it is
 * another by now; `CorruptFile` where it does not decompress.
 */
export async function fetchInput(store: ObjectStore, input: ConvertInput, path: string): Promise<FetchedInput> {
  const { part } = input;
  let lent: Pick<FetchedInput, 'changedMeanwhile'> = {};
  try {
    if (input.range) return await slices(() => fetchRange(pinned(store, input), input, path));
    if (await borrowWhole(store, input, path)) {
      lent = { changedMeanwhile: () => changedMeanwhile(store, input) };
    } else await fetchWhole(store, input, path);
  } catch (error) {
    throw readFailure(input.source, error);
  }
  const local = localInput(input, path);
  return { local: part.dialect ? await inUtf8(local, part.dialect) : local, ...lent };
}

/** The same input with its text in UTF-8, whatever it is in; rejected rows are told by their place in the object even so. */
async function inUtf8(local: LocalInput, dialect: CsvDialect): Promise<LocalInput> {
  const { encoding, bomBytes } = dialect;
  if (encoding === 'utf-8') return { ...local, dialect };
  const { path } = local;
  await transcodeTo(fileChunks(path), dialect, `${path}.utf8`);
  await rename(`${path}.utf8`, path);
  const transcoded = { unitBytes: unitBytes(encoding), bomBytes };
  return { ...local, dialect: { ...dialect, encoding: 'utf-8', bomBytes: 0 }, transcoded };
}

/**
 * Brings a granule of lightning and writes each level that is asked for to `pathOf` its input. It is read once, in memory. Throws as
 * `fetchInput` does.
 */
export async function fetchGranule(
  store: ObjectStore,
  inputs: readonly ConvertInput[],
  options: GlmOptions,
  pathOf: (input: number) => string,
): Promise<FetchedInput[]> {
  const [{ source }] = inputs as [ConvertInput];
  const where = uri(source);
  const bytes = await readPinned(store, source);
  const levels = inputs.map(({ part }) => part.level!);
  // HDF5 comes as WebAssembly, 30 MB of memory that other loads need not have.
  const { readGranule } = await import('../../shared/formats/glm/granule.ts');
  const { tables } = await readGranule(bytes, where, { ...options, levels });
  return Promise.all(
    inputs.map(async (input, i): Promise<FetchedInput> => {
      const { columns, rows } = tables[i]!;
      await writeParquetColumns(pathOf(i), columns, rows);
      return { local: localInput(input, pathOf(i)) };
    }),
  );
}

async function readPinned(store: ObjectStore, source: SourceObject): Promise<Uint8Array> {
  try {
    return await store.read(source, { ifMatch: source.etag });
  } catch (error) {
    throw readFailure(source, error);
  }
}

function localInput(input: ConvertInput, path: string): LocalInput {
  const { source, part, columns } = input;
  return {
    path,
    uri: uri(originOf(source)),
    ...(part.entry ? { entry: part.entry.name } : {}),
    sourceId: source.id,
    // Whatever it was, what is not CSV lies here as Parquet.
    format: part.format === 'csv' ? 'csv' : 'parquet',
    ...(part.dialect ? { dialect: part.dialect } : {}),
    ...(part.irregular ? { irregular: true } : {}),
    columns,
    firstByte: 0,
    firstLine: 1,
  };
}

function pinned(store: ObjectStore, { source }: ConvertInput) {
  const condition = { ifMatch: source.etag };
  return {
    sizeBytes: source.sizeBytes,
    read: (start: number, end: number) => store.read(source, { ...condition, range: { start, end } }),
    download: (start: number, end: number, path: string) =>
      store.download(source, path, { ...condition, range: { start, end } satisfies ByteRange }),
    inTurn: <T>(scan: () => Promise<T>) => scans(scan),
  };
}

/** Takes the object's own file where it lies on the same disk. */
async function borrowWhole(store: ObjectStore, { source, part }: ConvertInput, path: string): Promise<boolean> {
  if (part.compression !== 'none' || !store.borrow) return false;
  return store.borrow(source, path, { ifMatch: source.etag });
}

async function changedMeanwhile(store: ObjectStore, input: ConvertInput): Promise<ErrorRecord | undefined> {
  const { source } = input;
  try {
    if (await store.head(source, { ifMatch: source.etag })) return undefined;
  } catch (error) {
    if (!(error instanceof PreconditionFailed)) throw error;
  }
  return toErrorRecord(objectChanged(input.source));
}

async function fetchWhole(store: ObjectStore, input: ConvertInput, path: string): Promise<void> {
  const { source, part } = input;
  const where = uri(source);
  switch (part.compression) {
    case 'none':
      await store.download(source, path, { ifMatch: source.etag });
      return;
    case 'gzip':
    case 'zstd':
      await inflateTo(await store.stream(source, { ifMatch: source.etag }), part.compression, path, { where });
      return;
    case 'zip':
      await extractEntry(pinned(store, input), part.entry!, path, where);
  }
}

async function fetchRange(object: ReturnType<typeof pinned>, input: ConvertInput, path: string): Promise<FetchedInput> {
  const { range, part, columns } = input;
  const { dataStart } = range!;
  const dialect = part.dialect!;
  const shape = { sizeBytes: object.sizeBytes, dataStart, dialect, columns: columns.length };
  const { link, count } = part.irregular
    ? { link: await takeTolerantSlice(object, range!, shape, path), count: undefined }
    : await takeSlice(object, range!, shape, path);
  if (link.firstRecordStart === undefined) {
    await (await open(path, 'w')).close();
    return { local: undefined, link };
  }
  const local = { ...localInput(input, path), firstByte: link.firstRecordStart };
  const inner = innerDialect(dialect);
  // What was counted is this file only where it stays as it is.
  if (count && inner.encoding === 'utf-8') return { local: { ...local, dialect: inner, counted: count }, link };
  return { local: await inUtf8(local, inner), link };
}
