import { LRUCache } from 'lru-cache';
import { FIXED_CACHE_BYTES } from '../limits.ts';
import { type Address, type ObjectStore, uri } from '../ports/object-store.ts';

/**
 * What a run wrote once and for all, kept in the process: a warm function converts many tasks of a run, and each begins with the same
 * request and plan. Never of anything that changes under its key, such as claims, log and locks. As text, so that no
 * caller can change what the next one gets.
 */
const caches = new WeakMap<ObjectStore, { entries: number; texts: LRUCache<string, string> }>();

/** How many such objects of a store are kept (`cacheEntries`); 0: none. */
export function keepFixed(objects: ObjectStore, entries: number): void {
  if (caches.get(objects)?.entries === entries) return;
  if (entries === 0) {
    caches.delete(objects);
    return;
  }
  const texts = new LRUCache<string, string>({
    max: entries,
    maxSize: FIXED_CACHE_BYTES,
    sizeCalculation: (text) => Math.max(1, 2 * text.length),
  });
  caches.set(objects, { entries, texts });
}

/** Reads an object that never changes once it is there. */
export async function readFixed<T>(objects: ObjectStore, address: Address): Promise<T> {
  const key = uri(address);
  const held = caches.get(objects)?.texts.get(key);
  const text = held ?? Buffer.from(await objects.read(address)).toString('utf8');
  if (held === undefined) caches.get(objects)?.texts.set(key, text);
  return JSON.parse(text) as T;
}
