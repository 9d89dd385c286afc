import { BadInput, UnknownFormat } from '../errors.ts';

/** What an object's bytes are wrapped in, or the binary format they are of; `plain` may be text of any encoding. */
export type Container = 'gzip' | 'zip' | 'parquet' | 'hdf5' | 'zstd' | 'avro' | 'plain';

/** HDF5 may begin behind a user block of 512, 1,024, 2,048 … bytes (format specification, section II.A). */
const HDF5_OFFSETS = [0, 512, 1024, 2048];
const HDF5 = [0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a];

/** Formats that would pass for strange text, by their magic bytes. */
const REFUSED: [string, number[]][] = [
  ['an xz file', [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['a 7-Zip archive', [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]],
  ['a RAR archive', [0x52, 0x61, 0x72, 0x21, 0x1a, 0x07]],
  ['an old Excel or other OLE document', [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]],
  ['a classic netCDF file', [0x43, 0x44, 0x46, 0x01]],
  ['a classic netCDF file', [0x43, 0x44, 0x46, 0x02]],
  ['a classic netCDF file', [0x43, 0x44, 0x46, 0x05]],
  ['a PDF document', [0x25, 0x50, 0x44, 0x46, 0x2d]],
  ['an SQLite database', [...Buffer.from('SQLite format 3\0')]],
];

/** What a tar archive has behind its first file's name and numbers; before it, it looks like text (POSIX.1-1988, ustar). */
const TAR = [...Buffer.from('ustar')];
const TAR_OFFSET = 257;

/**
 * Tells by magic bytes, whatever the name. Some hundred bytes of the head suffice (2,056 to find HDF5 behind a user block). An
 * empty head is `plain`: that an object is empty is the caller's to notice.
 *
 * @param where names the object in errors
 * @throws BadInput for a Parquet file with an encrypted footer
 * @throws UnknownFormat for formats that are certainly not read (bzip2, xz, tar, 7-Zip, RAR, Excel before 2007, PDF, SQLite, classic netCDF)
 */
export function detectContainer(head: Uint8Array, where = 'the object'): Container {
  if (startsWith(head, [0x1f, 0x8b, 0x08])) return 'gzip';
  if (isZip(head)) return 'zip';
  if (startsWith(head, [0x28, 0xb5, 0x2f, 0xfd]) || isSkippableZstd(head)) return 'zstd';
  if (HDF5_OFFSETS.some((offset) => startsWith(head, HDF5, offset))) return 'hdf5';
  if (startsWith(head, [0x4f, 0x62, 0x6a, 0x01])) return 'avro';
  // "PAR1" may be a CSV's first word: only Parquet goes on with bytes that no text has.
  if (startsWith(head, [...Buffer.from('PAR1')]) && hasControls(head.subarray(4, 12))) return 'parquet';
  if (startsWith(head, [...Buffer.from('PARE')]) && hasControls(head.subarray(4, 12))) {
    throw new BadInput(`Cannot read ${where}: it is Parquet with an encrypted footer (PARE), and there is no key`, {
      where,
    });
  }
  const refused =
    REFUSED.find(([, magic]) => startsWith(head, magic))?.[0] ??
    (isBzip2(head) ? 'a bzip2 file' : startsWith(head, TAR, TAR_OFFSET) ? 'a tar archive' : undefined);
  if (refused) {
    throw new UnknownFormat(`Cannot read ${where}: it is ${refused}; CSV, gzip, zstd, ZIP, Parquet and HDF5 are read`, {
      where,
    });
  }
  return 'plain';
}

function startsWith(head: Uint8Array, magic: readonly number[], offset = 0): boolean {
  return head.length >= offset + magic.length && magic.every((byte, i) => head[offset + i] === byte);
}

/** A first entry, an empty archive, or the first part of one that was meant for several disks. */
function isZip(head: Uint8Array): boolean {
  return [
    [0x03, 0x04],
    [0x05, 0x06],
    [0x07, 0x08],
  ].some((kind) => startsWith(head, [0x50, 0x4b, ...kind]));
}

/** zstd may begin with a frame of the writer's own, which decoders skip (RFC 8878, section 3.1.2). */
function isSkippableZstd(head: Uint8Array): boolean {
  return head.length >= 4 && (head[0]! & 0xf0) === 0x50 && startsWith(head, [0x2a, 0x4d, 0x18], 1);
}

/** "BZh", a digit, and the first block's magic number, the digits of pi. */
function isBzip2(head: Uint8Array): boolean {
  return startsWith(head, [...Buffer.from('BZh')]) && startsWith(head, [0x31, 0x41, 0x59, 0x26, 0x53, 0x59], 4);
}

function hasControls(bytes: Uint8Array): boolean {
  return bytes.some((byte) => byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d);
}
