import { LRUCache } from 'lru-cache';
import type { SourceObject } from '../../shared/domain/source.ts';
import type { RangeReader } from '../../shared/formats/range-reader.ts';
import { openZip, type ZipDirectory, type ZipEntry } from '../../shared/formats/zip.ts';
import { ZIP_DIRECTORIES_BYTES } from '../../shared/limits.ts';
import { type ObjectStore, uri } from '../../shared/ports/object-store.ts';

/**
 * Directories of archives, kept in the process: a read that is repeated, a run's successor or a redrive in a warm function
 * asks for the same ones. Under the ETag that was claimed, so that another version under the key is another archive; whether
 * the object still is that version is asked of the store each time, by the claim and by every read of an entry.
 */
const caches = new WeakMap<ObjectStore, { entries: number; directories: LRUCache<string, ZipDirectory> }>();

/**
 * The directory of a source that is a ZIP, read by `reader` unless it is held.
 *
 * @param entries how many are kept of this store (`cacheEntries`); 0: none
 * @throws as `openZip` does; what does not open is not kept
 */
export async function zipDirectory(
  store: ObjectStore,
  source: SourceObject,
  reader: RangeReader,
  entries: number,
): Promise<ZipDirectory> {
  const directories = directoriesOf(store, entries);
  const key = `${uri(source)} ${source.etag}`;
  const held = directories?.get(key);
  if (held) return held;
  const directory = await openZip(reader, uri(source));
  directories?.set(key, directory);
  return directory;
}

function directoriesOf(store: ObjectStore, entries: number): LRUCache<string, ZipDirectory> | undefined {
  const known = caches.get(store);
  if (known?.entries === entries) return known.directories;
  caches.delete(store);
  if (entries === 0) return undefined;
  const directories = new LRUCache<string, ZipDirectory>({
    max: entries,
    maxSize: ZIP_DIRECTORIES_BYTES,
    sizeCalculation: bytesOf,
  });
  caches.set(store, { entries, directories });
  return directories;
}

/** About what it takes in memory: two bytes a character, and the fields of an entry. */
function bytesOf({ entries, ignored }: ZipDirectory): number {
  const names = [...entries.map(({ name }: ZipEntry) => name), ...ignored];
  return names.reduce((sum, name) => sum + 2 * name.length, ENTRY_BYTES * names.length);
}

const ENTRY_BYTES = 120;
