import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { layout } from '../shared/adapters/directory-files.ts';
import { createBucket, directoryObjectStore } from '../shared/adapters/directory-object-store.ts';
import { duckdbCatalog } from '../shared/adapters/duckdb-catalog.ts';
import { localExecutions } from '../shared/adapters/local-executions.ts';
import { lakeReleased } from '../shared/engine/lake-database.ts';
import type { TableEngine } from '../shared/engine/table-engine.ts';
import { BadDataset, BadRequest } from '../shared/errors.ts';
import { LOCAL_GRACE_MINUTES, LOCAL_SPLIT_BYTES } from '../shared/limits.ts';
import { systemClock } from '../shared/ports/clock.ts';
import type { Address, ObjectStore, SourceAccess } from '../shared/ports/object-store.ts';
import type { Places, Ports } from '../shared/ports/ports.ts';

/** A folder that stands for a deployment: `s3/<bucket>/<key>`, `lake.duckdb`, and which executions are running. */
export interface Home {
  root: string;
  ports: Ports;
  places: Places;
  executions: ReturnType<typeof localExecutions>;
  /** The DuckDB file with the published tables. */
  lake: string;
  /** For what goes with the work that needs it. */
  scratch: string;
  /** Where an object lies as a file. */
  pathOf(address: Address): string;
  close(): Promise<void>;
}

/** The buckets of every home. */
export const LOCAL_PLACES: Places = { landing: 'landing', work: 'work', lake: 'lake' };

export interface HomeOptions {
  /** Makes the store of a source that is real S3; loaded by the caller only where a data set needs it. */
  openS3?: (options: { access: SourceAccess }) => ObjectStore;
  /** Interrupts the engine. */
  signal?: AbortSignal;
}

/** Opens a home, making it where it is not there yet. */
export async function openHome(folder: string, options: HomeOptions = {}): Promise<Home> {
  const openS3 = options.openS3 ?? noS3;
  const root = resolve(folder);
  const store = join(root, 's3');
  const scratch = join(root, 'scratch');
  try {
    await mkdir(scratch, { recursive: true });
    for (const bucket of Object.values(LOCAL_PLACES)) await createBucket(store, bucket);
  } catch (error) {
    throw new BadRequest(`Cannot use ${folder} as a home: ${(error as Error).message}`, {
      where: folder,
      cause: error,
    });
  }
  const objects = directoryObjectStore(store);
  const lake = join(root, 'lake.duckdb');
  const pathOf = (address: Address) => layout(join(store, address.bucket), address.key).own;
  const executions = localExecutions(root);
  const others = new Map<string, ObjectStore>();
  let engine: Promise<TableEngine> | undefined;
  const openEngine = async () => {
    const { duckdbEngine } = await import('../shared/engine/duckdb-engine.ts');
    return duckdbEngine(options.signal ? { signal: options.signal } : {});
  };
  /** A source may be real S3, by its own access, while work and lake are folders. */
  const openSource = (access: SourceAccess): ObjectStore => {
    if (Object.keys(access).length === 0) return objects;
    const key = JSON.stringify(access);
    const known = others.get(key) ?? openS3({ access });
    others.set(key, known);
    return known;
  };
  const ports: Ports = {
    objects,
    sources: openSource,
    catalog: duckdbCatalog({ path: lake, scratch, resolve: (uri) => pathOf(addressOf(uri)), releasedLater: true }),
    executions,
    engine() {
      engine ??= openEngine();
      return engine;
    },
    clock: systemClock,
    newId: randomUUID,
    places: LOCAL_PLACES,
    graceMinutes: LOCAL_GRACE_MINUTES,
    splitBytes: LOCAL_SPLIT_BYTES,
    newScratch: () => mkdtemp(join(scratch, 'step-')),
  };
  return {
    root,
    ports,
    places: LOCAL_PLACES,
    executions,
    lake,
    scratch,
    pathOf,
    async close() {
      await lakeReleased({ path: lake });
      await (await engine)?.close();
    },
  };
}

function noS3(): never {
  throw new BadDataset('This home was opened without S3: a source with `access` cannot be read');
}

/** Parts `s3://bucket/key`. */
function addressOf(uri: string): Address {
  const match = /^s3:\/\/([^/]+)\/(.*)$/s.exec(uri);
  if (!match) throw new TypeError(`Not an s3:// address: ${uri}`);
  return { bucket: match[1], key: match[2] };
}
