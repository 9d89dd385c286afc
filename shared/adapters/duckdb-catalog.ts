import { existsSync } from 'node:fs';
import { types } from 'node:util';
import { type Lake, type LakeFile, withLake } from '../engine/lake-database.ts';
import { engineType, unreadableViewSql, viewSql } from '../engine/lake-views.ts';
import { ident, literal, literals } from '../engine/sql.ts';
import { BadInput, ObjectNotFound, SluiceError } from '../errors.ts';
import type { Catalog, SwapResult, TableState } from '../ports/catalog.ts';
import {
  BOOK_TABLES,
  BOOKS,
  type HeldPartition,
  type HeldTable,
  hasBooks,
  makeBooks,
  readPartitions,
  readTable,
  writeTable,
} from './duckdb-bookkeeping.ts';

export interface DuckdbCatalogOptions extends LakeFile {
  /** The local path of an object, given as `s3://bucket/key`. Absolute, so that any program may use the views. */
  resolve: (uri: string) => string;
  /**
   * A swap comes back once it is on the disk, while the engine still tidies up the file and holds it; `lakeReleased` says when it is
   * let go of. Left out, swaps wait for that.
   */
  releasedLater?: boolean;
}

/**
 * A DuckDB file as the catalog: a schema a database, a view a table. A swap is one transaction: readers see all of it or
 * nothing. Each view lists exactly the live files, so that retired ones, or any other file that lies there, never show.
 * The file holds no rows: deleted, it is made anew by the next swaps. Errors: `CatalogConflict` while another process holds
 * the file, `ObjectNotFound` for a live file that is not there, `BadInput` for a name the engine keeps for itself or a
 * partition value that is not of its column's type.
 */
export function duckdbCatalog(options: DuckdbCatalogOptions): Catalog {
  const read = async <T>(nothing: T, work: (lake: Lake) => Promise<T>): Promise<T> => {
    if (!existsSync(options.path)) return nothing;
    return withLake(options, 'read', async (lake) => ((await hasBooks(lake)) ? work(lake) : nothing));
  };

  return {
    canRepartition: true,

    table: (database, table) =>
      read(undefined, async (lake) => {
        const held = await readTable(lake, database, table);
        return held && { ...held, version: String(held.version) };
      }),

    partitions: (database, table) =>
      read([], async (lake) =>
        (await readPartitions(lake, database, table)).map(({ files, ...partition }) => ({
          ...partition,
          files: files.map((file) => file.uri),
        })),
      ),

    swap: async (state) => {
      check(state);
      const partitions = state.partitions.map(({ files, ...partition }) => ({
        ...partition,
        files: files.map((uri) => ({ uri, path: options.resolve(uri) })),
      }));
      const release = options.releasedLater ? 'later' : 'before';
      return withLake(options, 'write', (lake) => transaction(lake, () => swap(lake, state, partitions)), release);
    },
  };
}

async function swap(lake: Lake, state: TableState, partitions: HeldPartition[]): Promise<SwapResult> {
  await makeBooks(lake);
  const { partitions: _, ...wanted } = state;
  const current = await readTable(lake, state.database, state.table);
  const result = compare(current ? await readPartitions(lake, state.database, state.table) : [], partitions);
  const { version = 0, ...held } = current ?? {};
  const parameters = { ...current?.parameters, ...wanted.parameters };
  const table: HeldTable = { ...wanted, parameters, version };
  const tableChanged = !sameTable(held, table);
  const changed = tableChanged || result.created + result.updated + result.deleted > 0;
  if (!changed && (await hasView(lake, state))) return result;
  await checkValues(lake, state);
  await writeTable(lake, { ...table, version: tableChanged ? version + 1 : version }, partitions);
  await makeView(lake, table, partitions);
  return result;
}

function check(state: TableState): void {
  const name = `${state.database}.${state.table}`;
  const distinct = new Set(state.partitions.map((partition) => JSON.stringify(partition.values)));
  if (distinct.size < state.partitions.length) {
    throw new BadInput(`Cannot publish ${name}: two of its partitions have the same values`, { where: name });
  }
  const width = state.partitionColumns.length;
  const odd = state.partitions.find((partition) => partition.values.length !== width);
  if (odd !== undefined) {
    throw new BadInput(
      `Cannot publish ${name}: a partition has ${odd.values.length} values where the table has ${width} partition columns`,
      { where: name },
    );
  }
  if (state.database === BOOKS && BOOK_TABLES.some((book) => book === state.table)) {
    throw new BadInput(`Cannot publish ${name}: the catalog keeps this name for itself`, { where: name });
  }
}

/** A value that does not read as its column's type would break every query of the view. */
async function checkValues(lake: Lake, state: TableState): Promise<void> {
  for (const [i, column] of state.partitionColumns.entries()) {
    if (column.type === 'string' || column.type === 'binary') continue;
    const values = new Set(state.partitions.flatMap((partition) => partition.values[i] ?? []));
    if (values.size === 0) continue;
    const [bad] = await lake.rows(
      `SELECT value FROM (SELECT unnest(${literals([...values])}) AS value) ` +
        `WHERE TRY_CAST(value AS ${engineType(column.type)}) IS NULL LIMIT 1`,
    );
    if (bad === undefined) continue;
    const name = `${state.database}.${state.table}`;
    throw new BadInput(
      `Cannot publish ${name}: the partition value "${bad[0]}" of ${column.name} is no ${column.type}`,
      { where: name },
    );
  }
}

async function makeView(lake: Lake, table: HeldTable, partitions: HeldPartition[]): Promise<void> {
  const missing = partitions.flatMap((partition) => partition.files).find((file) => !existsSync(file.path));
  if (missing !== undefined) {
    throw new ObjectNotFound(`No object at ${missing.uri}, which is live in ${table.database}.${table.table}`, {
      where: missing.uri,
    });
  }
  await lake.run(`CREATE SCHEMA IF NOT EXISTS ${ident(table.database)}`);
  if (table.format === 'avro') {
    await lake.run(unreadableViewSql(table, avroReason(table)));
    return;
  }
  const local = partitions
    .map(({ values, files }) => ({ values, paths: files.map((file) => file.path) }))
    .filter(({ paths }) => paths.length > 0);
  await lake.run(viewSql(table, table.format, local));
}

function avroReason(table: HeldTable): string {
  return (
    `${table.database}.${table.table} is kept as Avro, which this engine does not read; query its Parquet table, ` +
    `or read the files that ${BOOKS}.files lists`
  );
}

async function hasView(lake: Lake, state: TableState): Promise<boolean> {
  const found = await lake.rows(
    `SELECT 1 FROM duckdb_views() WHERE database_name = current_database() ` +
      `AND schema_name = ${literal(state.database)} AND view_name = ${literal(state.table)}`,
  );
  return found.length > 0;
}

async function transaction<T>(lake: Lake, work: () => Promise<T>): Promise<T> {
  await lake.run('BEGIN TRANSACTION');
  try {
    const result = await work();
    await lake.run('COMMIT');
    return result;
  } catch (error) {
    // A failed statement may have ended the transaction itself; the first error is the one to tell.
    await lake.run('ROLLBACK').catch(() => {});
    throw named(error);
  }
}

/** The engine's refusal of a name (a reserved schema, a table where the view should go), under the port's name. */
function named(error: unknown): unknown {
  if (error instanceof SluiceError || !types.isNativeError(error)) return error;
  if (/^(?:Binder|Catalog) Error/.test(error.message)) {
    return new BadInput(`The lake refuses the table: ${error.message.trim()}`, { cause: error });
  }
  return error;
}

function compare(current: HeldPartition[], wanted: HeldPartition[]): SwapResult {
  const before = new Map(
    current.map((partition) => [JSON.stringify(partition.values), JSON.stringify(plain(partition))]),
  );
  const result: SwapResult = { created: 0, updated: 0, deleted: 0, calls: 1 };
  for (const partition of wanted) {
    const key = JSON.stringify(partition.values);
    const old = before.get(key);
    before.delete(key);
    if (old === undefined) result.created += 1;
    else if (old !== JSON.stringify(plain(partition))) result.updated += 1;
  }
  return { ...result, deleted: before.size };
}

/** In one order of keys, so that equal means equal text. */
function plain({ values, location, files, rows }: HeldPartition): unknown[] {
  return [values, location, rows, files.map(({ uri, path }) => [uri, path])];
}

function sameTable(current: Partial<Omit<HeldTable, 'version'>>, wanted: HeldTable): boolean {
  const shape = (table: Partial<Omit<HeldTable, 'version'>>) =>
    JSON.stringify([
      table.format,
      table.root,
      ...[table.columns, table.partitionColumns].map((list) =>
        list?.map(({ name, original, type }) => [name, original, type]),
      ),
      Object.entries(table.parameters ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    ]);
  return shape(current) === shape(wanted);
}
