import type { Dataset } from '../../shared/dataset/dataset.ts';
import type { PlannedTable } from '../../shared/domain/load.ts';
import { tablesOf } from '../../shared/domain/tables.ts';
import { BadDataset } from '../../shared/errors.ts';
import type { Ports } from '../../shared/ports/ports.ts';

/**
 * Refuses, before anything is converted, what the catalog would refuse after the commit: a table of another data set's or
 * of nobody's that Sluice knows, and other partition columns where a catalog cannot change them.
 */
export async function checkTables(ports: Ports, dataset: Dataset, planned: PlannedTable): Promise<void> {
  for (const wanted of tablesOf(dataset, planned, ports.places.lake)) {
    const name = `${wanted.database}.${wanted.table}`;
    const there = await ports.catalog.table(wanted.database, wanted.table);
    if (!there) continue;
    const owner = there.parameters['sluice.dataset'];
    if (owner !== dataset.name) {
      throw new BadDataset(
        `Table ${name} belongs to ${owner === undefined ? 'nobody that Sluice knows' : `data set ${owner}`}, not to ${dataset.name}: a table is of one data set`,
      );
    }
    const before = there.partitionColumns.map((column) => column.name).join(', ');
    const now = wanted.partitionColumns.map((column) => column.name).join(', ');
    if (before !== now && !ports.catalog.canRepartition) {
      throw new BadDataset(
        `Table ${name} is partitioned by ${before || 'nothing'}, the data set says ${now || 'nothing'}: drop the table first, or name another`,
      );
    }
  }
}
