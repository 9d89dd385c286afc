import type { StoredFile } from '../domain/load.ts';
import type { LocalFile } from '../engine/table-engine.ts';
import type { GrowingFile, Written } from '../ports/object-store.ts';
import type { Ports } from '../ports/ports.ts';

/** Uploads a local file, also one that still grows, to the work bucket and says what a receipt needs of it. */
export async function storeFile(
  ports: Ports,
  file: LocalFile,
  key: string,
  growing?: GrowingFile,
): Promise<StoredFile> {
  const { etag } = await upload(ports, file.path, key, growing);
  // Of one that grew, rows and bytes are known by now.
  return { key, etag, rows: file.rows, bytes: file.bytes };
}

async function upload(
  { objects, places }: Ports,
  path: string,
  key: string,
  growing: GrowingFile | undefined,
): Promise<Written> {
  const address = { bucket: places.work, key };
  if (growing && objects.uploadGrowing) return objects.uploadGrowing(path, address, growing);
  if (growing) await growing.reached(Number.POSITIVE_INFINITY);
  return objects.upload(path, address, { given: true });
}
