import { open } from 'node:fs/promises';
import type { SourceObject } from '../../shared/domain/source.ts';
import type { ByteRange, ObjectStore } from '../../shared/ports/object-store.ts';
import { noCalls } from '../../shared/ports/object-store.ts';

/** The bucket that files named by a person are said to be in. */
export const FILES_BUCKET = 'files';

/** One local file as the only object of a store that can be read and nothing else: nothing is copied, linked or hashed. */
export async function openFile(
  path: string,
): Promise<{ store: ObjectStore; source: SourceObject; close(): Promise<void> }> {
  const file = await open(path, 'r');
  const info = await file.stat();
  const read = async (_: unknown, { range }: { range?: ByteRange } = {}): Promise<Uint8Array> => {
    const start = range?.start ?? 0;
    const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(info.size, range?.end ?? info.size) - start));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, start);
    return buffer.subarray(0, bytesRead);
  };
  const refuse = (): never => {
    throw new TypeError(`${path} is only read`);
  };
  const store: ObjectStore = {
    read,
    head: refuse,
    stream: refuse,
    download: refuse,
    put: refuse,
    upload: refuse,
    copy: refuse,
    delete: refuse,
    deleteMany: refuse,
    list: refuse,
    calls: noCalls(),
  };
  const source: SourceObject = {
    bucket: FILES_BUCKET,
    key: path,
    id: path,
    etag: String(info.mtimeMs),
    sizeBytes: info.size,
    lastModified: info.mtime.toISOString(),
  };
  return { store, source, close: () => file.close() };
}
