import type { SourceObject } from '../domain/source.ts';
import type { ObjectStore, SourceAccess } from '../ports/object-store.ts';
import type { Ports } from '../ports/ports.ts';

/** Where a source's bytes are read: its data set's own store, but for a copy in quarantine, which is ours. */
export function storeOf(ports: Ports, access: SourceAccess, source: SourceObject): ObjectStore {
  return source.standsFor ? ports.objects : ports.sources(access);
}
