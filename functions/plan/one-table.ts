import type { LogState } from '../../shared/commit/fold.ts';
import type { RunRequest } from '../../shared/commit/run-files.ts';
import { evolve } from '../../shared/domain/evolution.ts';
import type { FoundPart, PlannedTable } from '../../shared/domain/load.ts';
import { resolveColumns, resolvePartitions } from '../../shared/domain/partition-spec.ts';
import { type Column, RESCUED_COLUMN } from '../../shared/domain/schema.ts';
import { SOURCE_ID_COLUMN, type SourceObject } from '../../shared/domain/source.ts';
import type { PlannedFile } from '../../shared/domain/splits.ts';
import { type LoadSchema, schemaOf } from '../../shared/domain/table-schema.ts';
import type { FileColumn, TableWriting } from '../../shared/engine/table-engine.ts';
import { BadDataset, SchemaMismatch } from '../../shared/errors.ts';
import { GLM_LEVELS } from '../../shared/formats/glm/columns.ts';
import { MILLISECOND_DIGITS, TOOL_VERSION } from '../../shared/limits.ts';
import { uri } from '../../shared/ports/object-store.ts';
import { carriesSourceIds, checkFormats, checkPartitions, ownNames, publishedSchema } from './published.ts';
import type { FoundObject, Planned } from './step.ts';

/** `layout: table`: all files of the load are one table. */
export function oneTable(fixed: RunRequest, found: FoundObject[], state: LogState): Planned {
  const parts = found.flatMap(({ source, parts }) => parts.map((part) => ({ source, part })));
  const { table, files } = tableOf(fixed, parts, state, { suffix: '', sortBy: fixed.request.dataset.target.sortBy });
  return { tables: [table], files: files.map((file) => ({ ...file, table: 0 })) };
}

/** Granules of lightning are a table each for flashes, groups and events, planned by itself but committed together. */
export function lightningTables(fixed: RunRequest, found: FoundObject[], state: LogState): Planned {
  const { dataset } = fixed.request;
  const other = found.find(({ parts }) => parts.some((part) => part.level === undefined));
  if (other) {
    throw new SchemaMismatch(`${uri(other.source)} is no granule of lightning, as other objects of the load are`, {
      where: uri(other.source),
    });
  }
  if (dataset.schema !== undefined) {
    throw new BadDataset(`Data set ${dataset.name} declares a schema, but granules of lightning have their own`);
  }
  const all = found.flatMap(({ source, parts }) => parts.map((part) => ({ source, part })));
  const levels = GLM_LEVELS.filter((level) => all.some(({ part }) => part.level === level));
  const columns = new Set(all.flatMap(({ part }) => part.columns.map(({ original }) => original)));
  const unknown = dataset.target.sortBy.find((name) => !columns.has(name));
  if (unknown !== undefined) throw new BadDataset(`sortBy "${unknown}" is a column of neither ${levels.join(' nor ')}`);
  const planned = levels.map((level) => {
    const parts = all.filter(({ part }) => part.level === level);
    const own = new Set(parts.flatMap(({ part }) => part.columns.map(({ original }) => original)));
    const sortBy = dataset.target.sortBy.filter((name) => own.has(name));
    return tableOf(fixed, parts, state, { suffix: `_${level}`, sortBy });
  });
  return {
    tables: planned.map(({ table }) => table),
    files: planned.flatMap(({ files }, table) => files.map((file) => ({ ...file, table }))),
  };
}

function tableOf(
  fixed: RunRequest,
  parts: { source: SourceObject; part: FoundPart }[],
  state: LogState,
  { suffix, sortBy }: { suffix: string; sortBy: string[] },
): { table: PlannedTable; files: Omit<PlannedFile, 'table'>[] } {
  const { dataset } = fixed.request;
  const published = publishedSchema(dataset, state, suffix);
  if (published) checkFormats(dataset, state, suffix);
  const carries = carriesSourceIds(published, dataset);
  const schema = schemaOf(
    parts.map(({ part }) => part),
    dataset,
    ownNames(carries, dataset),
  );
  const evolution = evolve(published, schema.columns, dataset);
  const columns = carries ? withSourceIds(evolution.columns) : evolution.columns;
  const writing: TableWriting = {
    ...writingOf(fixed, columns, schema, published?.avroTimestamps, sortBy),
    ...(carries ? { sourceIds: true } : {}),
  };
  checkPartitions(
    published,
    writing.partitions.map((partition) => partition.name),
    dataset,
  );
  return {
    table: {
      ...{ columns, partitions: writing.partitions, writing },
      ...(suffix === '' ? {} : { suffix }),
      ...(evolution.widened.length > 0 ? { widened: evolution.widened } : {}),
    },
    files: parts.map(({ source, part }, i) => ({
      source,
      part,
      columns: fileColumns(part, schema.names[i], schema, evolution.rescued),
    })),
  };
}

function withSourceIds(columns: Column[]): Column[] {
  if (columns.some((column) => column.name === SOURCE_ID_COLUMN)) return columns;
  return [...columns, { name: SOURCE_ID_COLUMN, original: SOURCE_ID_COLUMN, type: 'string' }];
}

/** Each of the file's columns and the table column it fills. */
export function fileColumns(
  part: FoundPart,
  names: string[],
  schema: LoadSchema,
  rescued: ReadonlySet<string> = new Set(),
): FileColumn[] {
  return part.columns.map((column, i): FileColumn => {
    if (rescued.has(names[i])) return { original: column.original, target: RESCUED_COLUMN, rescue: true };
    const format = schema.formats.get(names[i]);
    return { original: column.original, target: names[i], ...(format === undefined ? {} : { format }) };
  });
}

/** How the table's files are written; partition columns that are columns of the table are left out of the files. */
export function writingOf(
  fixed: RunRequest,
  columns: Column[],
  schema: LoadSchema,
  published: 'millis' | 'micros' | undefined,
  sortBy: readonly string[] = fixed.request.dataset.target.sortBy,
): TableWriting {
  const { target } = fixed.request.dataset;
  const partitioning = columns.filter((column) => column.name !== SOURCE_ID_COLUMN);
  const partitions = resolvePartitions(target.partitionBy, partitioning, fixed.request.constants);
  const inPath = new Set(
    partitions.flatMap(({ name, from }) => ('column' in from && !('part' in from) ? [from.column, name] : [])),
  );
  const auto = published ?? (schema.fractionDigits > MILLISECOND_DIGITS ? 'micros' : 'millis');
  return {
    columns: columns.filter((column) => !inPath.has(column.name)),
    partitions,
    sortBy: resolveColumns(sortBy, columns, 'sortBy').map((column) => column.name),
    formats: target.formats,
    compression: target.compression,
    avroTimestamps: target.avroTimestamps === 'auto' ? auto : target.avroTimestamps,
    fileSizeBytes: target.fileSizeBytes,
    rowGroupRows: target.rowGroupRows,
    metadata: {
      'sluice.dataset': fixed.request.dataset.name,
      'sluice.run': fixed.run,
      'sluice.version': TOOL_VERSION,
      'sluice.columns': JSON.stringify(columns),
    },
  };
}
