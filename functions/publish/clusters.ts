import type { FixedFile, TableChange } from '../../shared/commit/entry.ts';
import { type Dataset, modeOf } from '../../shared/dataset/dataset.ts';
import type { Clustered } from '../../shared/domain/cluster.ts';
import { tablesOf } from '../../shared/domain/tables.ts';
import type { Ports } from '../../shared/ports/ports.ts';
import { numbered } from './numbered.ts';

/**
 * The clusters' tables, in the run's own commit. Clusters of one run are not those of another: partitions that the run brings are replaced
 * where the data set replaces partitions, and all of it in any other mode.
 */
export function clusterChanges(ports: Ports, dataset: Dataset, { tables }: Clustered): TableChange[] {
  return tables.flatMap(({ planned, files }) => {
    const byPartition = modeOf(dataset) === 'overwrite-partitions' && planned.partitions.length > 0;
    return tablesOf(dataset, planned, ports.places.lake).map(
      (table): TableChange => ({
        ...table,
        replaces: byPartition ? 'partitions' : 'everything',
        emptied: [],
        files: numbered(files, table.format, dataset),
      }),
    );
  });
}

/** `clusters.csv.gz`, put in its place when the commit is published. */
export function clusterFiles({ file }: Clustered): FixedFile[] {
  if (!file) return [];
  const { bucket, to, key, etag, rows, bytes } = file;
  return [{ bucket, key: to, staged: key, etag, rows, bytes }];
}
