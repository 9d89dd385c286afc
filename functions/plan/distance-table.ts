import type { RunRequest } from '../../shared/commit/run-files.ts';
import { resolvePartitions } from '../../shared/domain/partition-spec.ts';
import type { Column } from '../../shared/domain/schema.ts';
import { BadDataset } from '../../shared/errors.ts';
import { writingOf } from './one-table.ts';
import type { FoundObject, Planned } from './step.ts';

/** Lists of distances make the table of their keys' clusters, which is written where they are clustered. */
export function distanceTable(fixed: RunRequest, found: FoundObject[]): Planned {
  const { cluster, target } = fixed.request.dataset;
  const columns: Column[] = [
    { name: 'key', original: 'key', type: cluster?.keys === 'integers' ? 'bigint' : 'string' },
    { name: 'cluster', original: 'cluster', type: 'int' },
  ];
  const partitions = resolvePartitions(target.partitionBy, columns, fixed.request.constants);
  const varying = partitions.find(({ from }) => !('constant' in from));
  if (varying) {
    throw new BadDataset(`partitionBy "${varying.name}" differs from key to key: clusters are of a whole run`);
  }
  const schema = { columns, formats: new Map<string, string>(), fractionDigits: 0, names: [] };
  const writing = writingOf(fixed, columns, schema, undefined);
  const files = found.flatMap(({ source, parts }) =>
    parts.map((part) => ({
      source,
      part,
      table: 0,
      columns: part.columns.map(({ original }) => ({ original, target: original })),
    })),
  );
  return { tables: [{ columns, partitions, writing }], files };
}
