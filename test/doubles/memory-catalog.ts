import type { Column, PartitionValues } from '../../shared/domain/schema.ts';
import { BadInput } from '../../shared/errors.ts';
import type { Catalog, CatalogPartition, PublishedTable, SwapResult, TableState } from '../../shared/ports/catalog.ts';

/** One change that a reader can see. */
export interface CatalogStep {
  database: string;
  table: string;
  /** `table`: the schema, or an unpartitioned table's location; the others: one partition. */
  change: 'table' | 'create' | 'update' | 'delete';
  values?: PartitionValues;
}

export interface MemoryCatalogOptions {
  /**
   * Called after every single change, before the next: what a reader who polls sees there is what `table` and `partitions`
   * then answer. An error thrown from it ends the swap where it is, as a crash would.
   */
  onStep?: (step: CatalogStep) => void | Promise<void>;
}

interface Held {
  state: Omit<TableState, 'partitions'>;
  version: number;
  partitions: Map<string, CatalogPartition>;
}

/** A catalog in memory that changes as Glue does: the table first, then one partition after the other. */
export function memoryCatalog(options: MemoryCatalogOptions = {}): Catalog {
  const tables = new Map<string, Held>();
  const at = (database: string, table: string) => JSON.stringify([database, table]);

  return {
    canRepartition: true,

    async table(database, table): Promise<PublishedTable | undefined> {
      const held = tables.get(at(database, table));
      return held && structuredClone({ ...held.state, version: String(held.version) });
    },

    async partitions(database, table): Promise<CatalogPartition[]> {
      return structuredClone([...(tables.get(at(database, table))?.partitions.values() ?? [])]);
    },

    async swap(given): Promise<SwapResult> {
      const { partitions, ...state } = structuredClone(given);
      const wanted = byValues(state, partitions);
      const result: SwapResult = { created: 0, updated: 0, deleted: 0, calls: 0 };
      const { database, table } = state;
      const step = async (change: CatalogStep['change'], values?: PartitionValues) => {
        result.calls += 1;
        await options.onStep?.({ database, table, change, ...(values === undefined ? {} : { values }) });
      };

      const held = tables.get(at(database, table)) ?? { state, version: 0, partitions: new Map() };
      const merged = { ...state, parameters: { ...held.state.parameters, ...state.parameters } };
      if (held.version === 0 || !same(held.state, merged)) {
        held.state = merged;
        held.version += 1;
        tables.set(at(database, table), held);
        await step('table');
      }
      const sole = (change: CatalogStep['change'], values: PartitionValues) =>
        state.partitionColumns.length === 0 ? step('table') : step(change, values);
      for (const [key, partition] of wanted) {
        if (held.partitions.has(key)) continue;
        held.partitions.set(key, partition);
        result.created += 1;
        await sole('create', partition.values);
      }
      for (const [key, partition] of wanted) {
        if (same(held.partitions.get(key), partition)) continue;
        held.partitions.set(key, partition);
        result.updated += 1;
        await sole('update', partition.values);
      }
      for (const [key, partition] of [...held.partitions]) {
        if (wanted.has(key)) continue;
        held.partitions.delete(key);
        result.deleted += 1;
        await sole('delete', partition.values);
      }
      return result;
    },
  };
}

function byValues(
  state: { database: string; table: string; partitionColumns: Column[] },
  partitions: CatalogPartition[],
): Map<string, CatalogPartition> {
  const wanted = new Map(partitions.map((partition) => [JSON.stringify(partition.values), partition]));
  if (wanted.size < partitions.length || (state.partitionColumns.length === 0 && wanted.size > 1)) {
    throw new BadInput(
      `Cannot publish ${state.database}.${state.table}: its ${partitions.length} partitions are not distinct`,
    );
  }
  return wanted;
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
