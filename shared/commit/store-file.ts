import type { StoredFile } from '../domain/load.ts';
import type { LocalFile } from '../engine/table-engine.ts';
import type { Ports } from '../ports/ports.ts';

/** Uploads a local file to the work bucket and says what a receipt needs of it. */
export async function storeFile(ports: Ports, file: LocalFile, key: string): Promise<StoredFile> {
  const { etag } = await ports.objects.upload(file.path, { bucket: ports.places.work, key }, { given: true });
  return { key, etag, rows: file.rows, bytes: file.bytes };
}
