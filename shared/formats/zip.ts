import { isUtf8 } from 'node:buffer';
import yauzl from 'yauzl';
import { BadInput, CorruptFile, EmptyObject, UnknownFormat } from '../errors.ts';
import {
  ARCHIVE_MAX_BYTES,
  ARCHIVE_MAX_RATIO,
  ARCHIVE_RATIO_FREE_BYTES,
  ZIP_DIRECTORY_READ_BYTES,
  ZIP_MAX_DIRECTORY_BYTES,
  ZIP_MAX_ENTRIES,
} from '../limits.ts';
import type { RangeReader } from './range-reader.ts';

/** A file in a ZIP, as the directory tells it. Plain data: it may go into a task's file. */
export interface ZipEntry {
  /** Place in `ZipDirectory.entries`: with the archive, the entry's identity. */
  index: number;
  /** For people, never a path. */
  name: string;
  method: 'stored' | 'deflated';
  compressedBytes: number;
  uncompressedBytes: number;
  crc32: number;
  /** Where its local header lies in the archive; the data follows behind it. */
  headerOffset: number;
  /** Length of the name in the local header. */
  nameBytes: number;
}

export interface ZipDirectory {
  /** Every file, in the directory's order. */
  entries: ZipEntry[];
  /** Names of what is no data: folders, what macOS and Windows add, symbolic links. */
  ignored: string[];
}

/** What yauzl 3 has and the types of 2 lack. */
interface DirectoryRecord extends Omit<yauzl.Entry, 'fileName'> {
  fileNameRaw: Buffer;
}
const readName = (
  yauzl as unknown as {
    getFileNameLowLevel(flags: number, name: Buffer, extra: yauzl.Entry['extraFields'], strict: boolean): string;
  }
).getFileNameLowLevel;

const END_BYTES = 22;
const TAIL_BYTES = 0xffff + END_BYTES + 20;
const LOCAL_HEADER_BYTES = 30;
const DIRECTORY_SIGNATURE = 0x02014b50;
const METHODS: Record<number, string> = {
  1: 'shrink',
  6: 'implode',
  9: 'Deflate64',
  12: 'bzip2',
  14: 'LZMA',
  93: 'zstd',
  95: 'xz',
  98: 'PPMd',
  99: 'AES encryption',
};
const NESTED = /\.(zip|gz|tgz|bz2|tbz2|xz|txz|zst|7z|rar|tar|jar|lz4|br)$/i;
const SYSTEM_FILES = /(^|[/\\])(__MACOSX[/\\].*|\.DS_Store|Thumbs\.db|desktop\.ini)$/i;

/**
 * Reads a ZIP's directory (ZIP64 too) by ranges from its end: one read for archives whose directory lies in the last 64 KiB, two up
 * to a directory of 1 MiB. No file data is touched.
 *
 * @param archive names the object in errors
 * @throws CorruptFile for an archive that is cut short, contradicts itself, or is built to harm: entries that overlap, more of them than
 *   `ZIP_MAX_ENTRIES`, more uncompressed bytes than `ARCHIVE_MAX_BYTES`, or a ratio beyond `ARCHIVE_MAX_RATIO`
 * @throws BadInput for what is not read: encryption, methods but store and deflate, archives in the archive
 * @throws UnknownFormat for an Office document, which is a ZIP too
 * @throws EmptyObject where there is no file in it
 */
export async function openZip(reader: RangeReader, archive = 'the archive'): Promise<ZipDirectory> {
  const where = archive;
  const corrupt = (reason: string, cause?: unknown) =>
    new CorruptFile(`Cannot read ${archive} as ZIP: ${reason}`, { where, cause });
  if (reader.sizeBytes < END_BYTES)
    throw corrupt(`it has ${reader.sizeBytes} bytes where a ZIP has at least ${END_BYTES}`);

  const ranges = new DirectoryRanges(reader, corrupt);
  await ranges.readTail();
  let records: DirectoryRecord[];
  let directoryStart: number;
  try {
    ({ records, directoryStart } = await readRecords(ranges, reader.sizeBytes, corrupt));
  } catch (error) {
    if (ranges.failure !== undefined) throw ranges.failure;
    if (error instanceof CorruptFile) throw error;
    const reason = (error as Error).message;
    if (/encrypt/.test(reason)) throw new BadInput(`Cannot read ${archive}: it is encrypted`, { where, cause: error });
    throw corrupt(lowerFirst(reason), error);
  }
  checkOverlaps(records, directoryStart, corrupt);

  const directory: ZipDirectory = { entries: [], ignored: [] };
  for (const record of records) {
    const name = nameOf(record);
    if (isNoData(record, name)) directory.ignored.push(name);
    else directory.entries.push(entryOf(record, directory.entries.length, name, archive));
  }
  if (directory.entries.length === 0) throw new EmptyObject(`There is no file in ${archive}`, { where });
  checkSizes(directory.entries, reader.sizeBytes, archive);
  return directory;
}

async function readRecords(
  ranges: DirectoryRanges,
  sizeBytes: number,
  corrupt: (reason: string) => CorruptFile,
): Promise<{ records: DirectoryRecord[]; directoryStart: number }> {
  const options = { lazyEntries: true, autoClose: false, decodeStrings: false, validateEntrySizes: true };
  const zip = await new Promise<yauzl.ZipFile>((resolve, reject) => {
    yauzl.fromRandomAccessReader(ranges, sizeBytes, options, (error, file) => (error ? reject(error) : resolve(file)));
  });
  if (zip.entryCount > ZIP_MAX_ENTRIES)
    throw corrupt(`it has ${zip.entryCount} entries where at most ${ZIP_MAX_ENTRIES} are allowed`);
  const cursor = () => zip.readEntryCursor as unknown as number;
  const directoryStart = cursor();
  const records: DirectoryRecord[] = [];
  await new Promise<void>((resolve, reject) => {
    zip.on('entry', (record: DirectoryRecord) => {
      records.push(record);
      zip.readEntry();
    });
    zip.once('end', resolve);
    zip.once('error', reject);
    zip.readEntry();
  });
  // Writers without ZIP64 count modulo 65,536: entries would be left out without a word.
  if (cursor() + 4 <= sizeBytes && (await ranges.uint32(cursor())) === DIRECTORY_SIGNATURE)
    throw corrupt(`its directory goes on behind the ${zip.entryCount} entries that it announces`);
  return { records, directoryStart };
}

/** yauzl's source: the archive's tail, read once, and large pieces of a directory that lies before it. */
class DirectoryRanges extends yauzl.RandomAccessReader {
  /** A read that failed, to be thrown as it was. */
  failure: unknown;
  private readonly source: RangeReader;
  private readonly corrupt: (reason: string) => CorruptFile;
  private readonly tailStart: number;
  private readonly pieces: { start: number; bytes: Buffer }[] = [];
  private bytes = 0;

  constructor(source: RangeReader, corrupt: (reason: string) => CorruptFile) {
    super();
    this.source = source;
    this.corrupt = corrupt;
    this.tailStart = Math.max(0, source.sizeBytes - TAIL_BYTES);
  }

  async readTail(): Promise<void> {
    await this.fetch(this.tailStart, this.source.sizeBytes);
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    this.slice(position, position + length).then(
      (bytes) => callback(null, bytes.copy(buffer, offset)),
      (error) => {
        this.failure = error;
        callback(error as Error);
      },
    );
  }

  async uint32(position: number): Promise<number> {
    return (await this.slice(position, position + 4)).readUInt32LE();
  }

  private async slice(start: number, end: number): Promise<Buffer> {
    if (end > this.source.sizeBytes)
      throw this.corrupt(
        `it points to bytes ${start}–${end} where it ends at ${this.source.sizeBytes}; it is cut short`,
      );
    const held = this.pieces.find((piece) => piece.start <= start && start < piece.start + piece.bytes.length);
    if (!held) {
      await this.fetch(start, Math.max(end, Math.min(start + ZIP_DIRECTORY_READ_BYTES, this.tailStart)));
      return this.slice(start, end);
    }
    const heldEnd = held.start + held.bytes.length;
    const bytes = held.bytes.subarray(start - held.start, Math.min(end, heldEnd) - held.start);
    return end <= heldEnd ? bytes : Buffer.concat([bytes, await this.slice(heldEnd, end)]);
  }

  private async fetch(start: number, end: number): Promise<void> {
    this.bytes += end - start;
    if (this.bytes > ZIP_MAX_DIRECTORY_BYTES)
      throw this.corrupt(`its directory has more than the ${ZIP_MAX_DIRECTORY_BYTES} bytes that are allowed`);
    const read = await this.source.read(start, end);
    const bytes = Buffer.from(read.buffer, read.byteOffset, read.length);
    if (bytes.length !== end - start)
      throw this.corrupt(`bytes ${start}–${end} are not there: ${bytes.length} were read`);
    this.pieces.push({ start, bytes });
    // The tail, which was read first, and the piece where the directory is being read.
    if (this.pieces.length > 2) this.pieces.splice(1, 1);
  }
}

/** Text of the name: UTF-8 wherever it is that, flagged or not, else the old code page 437. */
function nameOf(record: DirectoryRecord): string {
  if (isUtf8(record.fileNameRaw)) return record.fileNameRaw.toString('utf8');
  return readName(record.generalPurposeBitFlag, record.fileNameRaw, record.extraFields, true);
}

function isNoData(record: DirectoryRecord, name: string): boolean {
  if (/[/\\]$/.test(name) && record.uncompressedSize === 0) return true;
  const madeOnUnix = record.versionMadeBy >> 8 === 3 || record.versionMadeBy >> 8 === 19;
  const isLink = madeOnUnix && ((record.externalFileAttributes >>> 16) & 0xf000) === 0xa000;
  return isLink || SYSTEM_FILES.test(name);
}

function entryOf(record: DirectoryRecord, index: number, name: string, archive: string): ZipEntry {
  const where = archive;
  const what = `${archive}, entry ${JSON.stringify(name)}`;
  if (name === '[Content_Types].xml')
    throw new UnknownFormat(`Cannot read ${archive}: it is an Office document (Excel, Word), not a ZIP of CSV files`, {
      where,
    });
  if (record.generalPurposeBitFlag & 1 || record.compressionMethod === 99)
    throw new BadInput(`Cannot read ${what}: it is encrypted`, { where });
  if (NESTED.test(name))
    throw new BadInput(`Cannot read ${what}: an archive or compressed file inside a ZIP is not opened`, { where });
  if (record.compressionMethod !== 0 && record.compressionMethod !== 8) {
    const method = METHODS[record.compressionMethod] ?? 'unknown';
    throw new BadInput(
      `Cannot read ${what}: compression method ${record.compressionMethod} (${method}) where store (0) and deflate (8) are read`,
      { where },
    );
  }
  return {
    index,
    name,
    method: record.compressionMethod === 0 ? 'stored' : 'deflated',
    compressedBytes: record.compressedSize,
    uncompressedBytes: record.uncompressedSize,
    crc32: record.crc32,
    headerOffset: record.relativeOffsetOfLocalHeader,
    nameBytes: record.fileNameLength,
  };
}

/**
 * No byte may belong to two entries: bombs without nesting let thousands of entries share one compressed block (Fifield, "A better
 * zip bomb", WOOT 2019).
 */
function checkOverlaps(
  records: readonly DirectoryRecord[],
  directoryStart: number,
  corrupt: (reason: string) => CorruptFile,
): void {
  const byOffset = [...records].sort((a, b) => a.relativeOffsetOfLocalHeader - b.relativeOffsetOfLocalHeader);
  for (const [i, record] of byOffset.entries()) {
    const end =
      record.relativeOffsetOfLocalHeader + LOCAL_HEADER_BYTES + record.fileNameRaw.length + record.compressedSize;
    const next = byOffset[i + 1]?.relativeOffsetOfLocalHeader ?? directoryStart;
    if (end > next) {
      const other = byOffset[i + 1];
      const into = other ? `entry ${JSON.stringify(nameOf(other))}` : 'the directory';
      throw corrupt(
        `entry ${JSON.stringify(nameOf(record))} ends at byte ${end} or later and overlaps ${into} at ${next}`,
      );
    }
  }
}

function checkSizes(entries: readonly ZipEntry[], sizeBytes: number, archive: string): void {
  const total = entries.reduce((sum, entry) => sum + entry.uncompressedBytes, 0);
  const refuse = (what: string, from: number, to: number, limit: string) =>
    new CorruptFile(`Cannot read ${what}: ${from} bytes would grow to ${to}, beyond the ${limit} that is allowed`, {
      where: archive,
    });
  if (total > ARCHIVE_MAX_BYTES) throw refuse(archive, sizeBytes, total, `total of ${ARCHIVE_MAX_BYTES}`);
  const beyond = (from: number, to: number) => to > ARCHIVE_RATIO_FREE_BYTES && to > from * ARCHIVE_MAX_RATIO;
  if (beyond(sizeBytes, total)) throw refuse(archive, sizeBytes, total, `ratio of ${ARCHIVE_MAX_RATIO}`);
  for (const { name, compressedBytes, uncompressedBytes } of entries) {
    if (beyond(compressedBytes, uncompressedBytes))
      throw refuse(
        `${archive}, entry ${JSON.stringify(name)}`,
        compressedBytes,
        uncompressedBytes,
        `ratio of ${ARCHIVE_MAX_RATIO}`,
      );
  }
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
