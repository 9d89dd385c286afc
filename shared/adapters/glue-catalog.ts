import { setTimeout as sleep } from 'node:timers/promises';
import {
  BatchCreatePartitionCommand,
  BatchDeletePartitionCommand,
  BatchUpdatePartitionCommand,
  CreateDatabaseCommand,
  CreateTableCommand,
  GetDatabaseCommand,
  GetPartitionsCommand,
  GetTableCommand,
  GlueClient,
  type Partition,
  type PartitionInput,
  type Table,
  type TableInput,
  UpdateTableCommand,
} from '@aws-sdk/client-glue';
import pMap from 'p-map';
import { BadInput, CatalogConflict } from '../errors.ts';
import {
  GLUE_CALL_ATTEMPTS,
  GLUE_CALLS_AT_ONCE,
  GLUE_CREATE_BATCH,
  GLUE_DELETE_BATCH,
  GLUE_PAGE,
  GLUE_ROUND_PAUSE_MS,
  GLUE_ROUNDS,
  GLUE_UPDATE_BATCH,
} from '../limits.ts';
import type { Catalog, CatalogPartition, PublishedTable, SwapResult, TableState } from '../ports/catalog.ts';
import { fromGlue, glueError, isNotFound } from './glue-errors.ts';
import {
  fromPartition,
  partitionInput,
  publishedTable,
  samePartition,
  sameTable,
  solePartition,
  tableInput,
  valuesKey,
} from './glue-table.ts';

export interface GlueCatalogOptions {
  /** Default: one of the process's own region and credentials. */
  client?: GlueClient;
  /** Another account's catalog; default: the caller's own. */
  catalogId?: string;
  /** Waits between two readings of a catalog that is not yet as wanted; tests give their own. */
  pause?: (milliseconds: number) => Promise<void>;
}

/**
 * The AWS Glue Data Catalog. What Glue can do at once is one table, or one partition; so a swap changes the table first
 * (a new column is null in partitions that know nothing of it), then makes new partitions, then repoints, then drops.
 * A table that Sluice did not make is refused (`BadInput`), and so is a change of a table's partition columns, which Glue
 * cannot make while readers look on. `CatalogPartition.files` is not kept: readers of Glue follow locations.
 */
export function glueCatalog(options: GlueCatalogOptions = {}): Catalog {
  const client = options.client ?? new GlueClient({ maxAttempts: GLUE_CALL_ATTEMPTS });
  const pause = options.pause ?? ((milliseconds: number) => sleep(milliseconds));
  const scope = options.catalogId === undefined ? {} : { CatalogId: options.catalogId };
  const open = (database: string, table: string) => new GlueTable({ client, pause, scope }, database, table);

  return {
    canRepartition: false,
    table: (database, table) => open(database, table).published(),
    partitions: (database, table) => open(database, table).allPartitions(),
    swap: (state) => open(state.database, state.table).swap(state),
  };
}

interface Connection {
  client: GlueClient;
  pause: (milliseconds: number) => Promise<void>;
  scope: { CatalogId?: string };
}

interface Entry {
  key: string;
  input: PartitionInput;
}

interface Difference {
  create: Entry[];
  update: Entry[];
  /** Values as Glue has them. */
  delete: string[][];
}

/** One table of one swap: the calls are counted here. */
class GlueTable {
  private readonly connection: Connection;
  private readonly at: { CatalogId?: string; DatabaseName: string; TableName: string };
  private readonly name: string;
  private calls = 0;
  private readonly created = new Set<string>();
  private readonly updated = new Set<string>();
  private readonly deleted = new Set<string>();

  constructor(connection: Connection, database: string, table: string) {
    this.connection = connection;
    this.at = { ...connection.scope, DatabaseName: database, TableName: table };
    this.name = `${database}.${table}`;
  }

  async published(): Promise<PublishedTable | undefined> {
    const table = await this.getTable();
    return table === undefined ? undefined : publishedTable(table);
  }

  async allPartitions(): Promise<CatalogPartition[]> {
    const table = await this.getTable();
    if (table === undefined) return [];
    if (publishedTable(table).partitionColumns.length === 0) return solePartition(table);
    return (await this.getPartitions({ ExcludeColumnSchema: true })).map(fromPartition);
  }

  async swap(state: TableState): Promise<SwapResult> {
    if (state.partitionColumns.length === 0 && state.partitions.length > 1) {
      throw new BadInput(
        `Cannot publish ${this.name}: ${state.partitions.length} partitions without a partition column`,
      );
    }
    const table = await this.bringTable(state);
    if (state.partitionColumns.length > 0) await this.bringPartitions(state, table);
    return {
      created: this.created.size,
      updated: [...this.updated].filter((key) => !this.created.has(key)).length,
      deleted: this.deleted.size,
      calls: this.calls,
    };
  }

  /** The schema, and with it the location of an unpartitioned table, in one call; read back until it is as wanted. */
  private async bringTable(state: TableState): Promise<TableInput> {
    for (let round = 0; round <= GLUE_ROUNDS; round++) {
      if (round > 1) await this.connection.pause(round * GLUE_ROUND_PAUSE_MS);
      const current = await this.getTable();
      if (current !== undefined) this.refuse(current, state);
      const wanted = tableInput(state, current);
      if (current !== undefined && sameTable(current, wanted)) return wanted;
      if (round === GLUE_ROUNDS) break;
      if (state.partitionColumns.length === 0) this.countSole(current, state);
      if (current === undefined) await this.createTable(wanted);
      else await this.updateTable(wanted, current.VersionId);
    }
    throw this.notAsWanted('the table');
  }

  /** Creates before updates before deletes: a value that moves is for a moment in both places, never in none. */
  private async bringPartitions(state: TableState, table: TableInput): Promise<void> {
    const wanted = new Map<string, PartitionInput>();
    for (const partition of state.partitions) {
      const input = partitionInput(partition, table, state.format);
      const key = valuesKey(input.Values ?? []);
      if (wanted.has(key)) throw new BadInput(`Cannot publish ${this.name}: two partitions of the values ${key}`);
      wanted.set(key, input);
    }
    for (let round = 0; round <= GLUE_ROUNDS; round++) {
      if (round > 1) await this.connection.pause(round * GLUE_ROUND_PAUSE_MS);
      const difference = compare(wanted, await this.getPartitions({}));
      if (difference.create.length + difference.update.length + difference.delete.length === 0) return;
      if (round === GLUE_ROUNDS) break;
      await this.createPartitions(difference.create);
      await this.updatePartitions(difference.update);
      await this.deletePartitions(difference.delete);
    }
    throw this.notAsWanted('its partitions');
  }

  private async createPartitions(entries: Entry[]): Promise<void> {
    const present: Entry[] = [];
    await this.inBatches(entries, GLUE_CREATE_BATCH, async (batch) => {
      const { Errors = [] } = await this.call((client) =>
        client.send(
          new BatchCreatePartitionCommand({ ...this.at, PartitionInputList: batch.map((entry) => entry.input) }),
        ),
      );
      const failed = new Map(Errors.map((error) => [valuesKey(error.PartitionValues ?? []), error.ErrorDetail]));
      for (const entry of batch) {
        const detail = failed.get(entry.key);
        if (detail === undefined) this.created.add(entry.key);
        else if (detail.ErrorCode === 'AlreadyExistsException') present.push(entry);
        else throw this.entryError(detail, entry.key);
      }
    });
    await this.updatePartitions(present);
  }

  private async updatePartitions(entries: Entry[]): Promise<void> {
    await this.inBatches(entries, GLUE_UPDATE_BATCH, async (batch) => {
      const { Errors = [] } = await this.call((client) =>
        client.send(
          new BatchUpdatePartitionCommand({
            ...this.at,
            Entries: batch.map(({ input }) => ({ PartitionValueList: input.Values, PartitionInput: input })),
          }),
        ),
      );
      const failed = new Map(Errors.map((error) => [valuesKey(error.PartitionValueList ?? []), error.ErrorDetail]));
      for (const entry of batch) {
        const detail = failed.get(entry.key);
        if (detail === undefined) this.updated.add(entry.key);
        // Gone in between: the next round finds it missing and makes it.
        else if (detail.ErrorCode !== 'EntityNotFoundException') throw this.entryError(detail, entry.key);
      }
    });
  }

  private async deletePartitions(values: string[][]): Promise<void> {
    await this.inBatches(values, GLUE_DELETE_BATCH, async (batch) => {
      const { Errors = [] } = await this.call((client) =>
        client.send(
          new BatchDeletePartitionCommand({ ...this.at, PartitionsToDelete: batch.map((Values) => ({ Values })) }),
        ),
      );
      const failed = new Map(Errors.map((error) => [valuesKey(error.PartitionValues ?? []), error.ErrorDetail]));
      for (const one of batch) {
        const detail = failed.get(valuesKey(one));
        // Gone already is what was asked for.
        if (detail === undefined || detail.ErrorCode === 'EntityNotFoundException') this.deleted.add(valuesKey(one));
        else throw this.entryError(detail, valuesKey(one));
      }
    });
  }

  /** Runs batches a few at once. After a failure no further one starts, and it is thrown when none is under way. */
  private async inBatches<T>(items: T[], size: number, send: (batch: T[]) => Promise<void>): Promise<void> {
    const batches = Array.from({ length: Math.ceil(items.length / size) }, (_, i) =>
      items.slice(i * size, (i + 1) * size),
    );
    const failures: unknown[] = [];
    await pMap(
      batches,
      async (batch) => {
        if (failures.length > 0) return;
        await send(batch).catch((error: unknown) => failures.push(error));
      },
      { concurrency: GLUE_CALLS_AT_ONCE },
    );
    if (failures.length > 0) throw failures[0];
  }

  private async getTable(): Promise<Table | undefined> {
    const { TableName, ...database } = this.at;
    return this.found(async (client) => {
      const { Table } = await client.send(new GetTableCommand({ ...database, Name: TableName }));
      return Table;
    });
  }

  private async getPartitions(options: { ExcludeColumnSchema?: boolean }): Promise<Partition[]> {
    const all: Partition[] = [];
    let token: string | undefined;
    do {
      const page = await this.call((client) =>
        client.send(new GetPartitionsCommand({ ...this.at, ...options, MaxResults: GLUE_PAGE, NextToken: token })),
      );
      for (const partition of page.Partitions ?? []) all.push(partition);
      token = page.NextToken;
      // An empty page with a token is not the last one.
    } while (token !== undefined && token !== '');
    return all;
  }

  private async createTable(input: TableInput): Promise<void> {
    const { DatabaseName: Name } = this.at;
    const { scope } = this.connection;
    const database = await this.found((client) => client.send(new GetDatabaseCommand({ ...scope, Name })));
    if (database === undefined) await this.createDatabase(Name);
    await this.call((client) =>
      client.send(new CreateTableCommand({ ...scope, DatabaseName: Name, TableInput: input })),
    );
  }

  private async createDatabase(Name: string): Promise<void> {
    const { client, scope } = this.connection;
    this.calls += 1;
    try {
      await client.send(new CreateDatabaseCommand({ ...scope, DatabaseInput: { Name } }));
    } catch (error) {
      // Another table's publisher made it in between.
      if (!(error instanceof Error && error.name === 'AlreadyExistsException')) throw fromGlue(error, this.name);
    }
  }

  private async updateTable(input: TableInput, version: string | undefined): Promise<void> {
    const { TableName: _, ...database } = this.at;
    await this.call((client) =>
      client.send(
        new UpdateTableCommand({
          ...database,
          TableInput: input,
          // Every commit updates the table; archived versions would reach Glue's limit, and the log has them all.
          SkipArchive: true,
          ...(version === undefined ? {} : { VersionId: version }),
        }),
      ),
    );
  }

  private async found<T>(send: (client: GlueClient) => Promise<T>): Promise<T | undefined> {
    this.calls += 1;
    try {
      return await send(this.connection.client);
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw fromGlue(error, this.name);
    }
  }

  private async call<T>(send: (client: GlueClient) => Promise<T>): Promise<T> {
    this.calls += 1;
    try {
      return await send(this.connection.client);
    } catch (error) {
      throw fromGlue(error, this.name);
    }
  }

  private refuse(current: Table, state: TableState): void {
    const names = (columns: { name: string }[]) => columns.map((column) => column.name).join(', ') || 'nothing';
    const published = names(publishedTable(current).partitionColumns);
    const wanted = names(state.partitionColumns);
    if (published === wanted) return;
    throw new BadInput(
      `Cannot partition ${this.name} by ${wanted}: the catalog has it partitioned by ${published}, which never changes; ` +
        'drop the table or choose another name',
      { where: this.name },
    );
  }

  private countSole(current: Table | undefined, state: TableState): void {
    const before = current === undefined ? undefined : solePartition(current)[0];
    const after = state.partitions[0];
    if (before === undefined && after !== undefined) this.created.add('');
    else if (before !== undefined && after === undefined) this.deleted.add('');
    else if (before?.location !== after?.location || before?.rows !== after?.rows) this.updated.add('');
  }

  private entryError(detail: { ErrorCode?: string; ErrorMessage?: string }, values: string): Error {
    const code = detail.ErrorCode ?? 'an error without a code';
    const message = `${detail.ErrorMessage ?? 'no message'} (partition ${values})`;
    return (
      glueError(code, message, this.name) ??
      new CatalogConflict(`Glue answers ${code} for ${this.name}: ${message}`, { where: this.name })
    );
  }

  private notAsWanted(what: string): CatalogConflict {
    return new CatalogConflict(
      `Glue does not show ${what} of ${this.name} as written after ${GLUE_ROUNDS} rounds: somebody else changes it`,
      { where: this.name },
    );
  }
}

function compare(wanted: Map<string, PartitionInput>, current: Partition[]): Difference {
  const difference: Difference = { create: [], update: [], delete: [] };
  const seen = new Set<string>();
  for (const partition of current) {
    const values = partition.Values ?? [];
    const key = valuesKey(values);
    const input = wanted.get(key);
    seen.add(key);
    if (input === undefined) difference.delete.push(values);
    else if (!samePartition(partition, input)) difference.update.push({ key, input });
  }
  for (const [key, input] of wanted) {
    if (!seen.has(key)) difference.create.push({ key, input });
  }
  return difference;
}
