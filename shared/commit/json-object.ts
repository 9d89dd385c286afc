import { ObjectNotFound, PreconditionFailed } from '../errors.ts';
import type { Address, ObjectStore } from '../ports/object-store.ts';

const decoder = new TextDecoder();

export interface Held<T> {
  value: T;
  etag: string;
}

/** A JSON object that must be there. */
export async function readJson<T>(objects: ObjectStore, address: Address): Promise<T> {
  return JSON.parse(decoder.decode(await objects.read(address))) as T;
}

/** A JSON object and the ETag it was read under, or undefined where there is none. */
export async function findJson<T>(objects: ObjectStore, address: Address): Promise<Held<T> | undefined> {
  for (;;) {
    const info = await objects.head(address);
    if (!info) return undefined;
    try {
      const bytes = await objects.read(address, { ifMatch: info.etag });
      return { value: JSON.parse(decoder.decode(bytes)) as T, etag: info.etag };
    } catch (error) {
      // It changed or went between the two calls: look again.
      if (!(error instanceof PreconditionFailed) && !(error instanceof ObjectNotFound)) throw error;
    }
  }
}

/** The value, or undefined where there is none; one call. */
export async function readJsonIfAny<T>(objects: ObjectStore, address: Address): Promise<T | undefined> {
  try {
    return await readJson<T>(objects, address);
  } catch (error) {
    if (error instanceof ObjectNotFound) return undefined;
    throw error;
  }
}

export async function putJson(objects: ObjectStore, address: Address, value: unknown): Promise<void> {
  await objects.put(address, JSON.stringify(value), { contentType: 'application/json' });
}

/**
 * Writes `value` unless the key is taken, and returns what the key holds in the end: of several writers all get the
 * first one's value.
 */
export async function putOnce<T>(
  objects: ObjectStore,
  address: Address,
  value: T,
): Promise<{ value: T; mine: boolean }> {
  for (let attempt = 1; ; attempt++) {
    try {
      await objects.put(address, JSON.stringify(value), {
        condition: { ifNoneMatch: '*' },
        contentType: 'application/json',
      });
      return { value, mine: true };
    } catch (error) {
      if (!(error instanceof PreconditionFailed)) throw error;
      const held = await readJsonIfAny<T>(objects, address);
      if (held !== undefined) return { value: held, mine: false };
      // Taken, and gone before it could be read, as where two vacuums meet: once more.
      if (attempt === 2) throw error;
    }
  }
}
