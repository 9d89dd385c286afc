import type { SourceObject } from '../domain/source.ts';
import { ObjectChanged, ObjectNotFound, PreconditionFailed } from '../errors.ts';
import { type ObjectStore, type SourceAccess, uri } from '../ports/object-store.ts';
import type { Ports } from '../ports/ports.ts';

/** Where a source's bytes are read: its data set's own store, but for a copy in quarantine, which is ours. */
export function storeOf(ports: Ports, access: SourceAccess, source: SourceObject): ObjectStore {
  return source.standsFor ? ports.objects : ports.sources(access);
}

/** The object is not the version any more that the run claimed. */
export function objectChanged(source: SourceObject): ObjectChanged {
  const where = uri(source);
  return new ObjectChanged(`${where} is not the version any more that was claimed (${source.etag})`, { where });
}

/** What the error of a read of the claimed version comes to: the object's fault where that version is not there any more. */
export function readFailure(source: SourceObject, error: unknown): unknown {
  return error instanceof PreconditionFailed || error instanceof ObjectNotFound ? objectChanged(source) : error;
}
