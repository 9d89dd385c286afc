import { type LogState, tableKey } from '../../shared/commit/fold.ts';
import type { RunRequest } from '../../shared/commit/run-files.ts';
import { type Dataset, modeOf } from '../../shared/dataset/dataset.ts';
import type { FoundPart, PlannedTable } from '../../shared/domain/load.ts';
import { resolveColumns, resolvePartitions } from '../../shared/domain/partition-spec.ts';
import { type Column, OUTPUT_FORMATS } from '../../shared/domain/schema.ts';
import type { SourceObject } from '../../shared/domain/source.ts';
import type { PlannedFile } from '../../shared/domain/splits.ts';
import { evolve, type LoadSchema, schemaOf } from '../../shared/domain/table-schema.ts';
import { AVRO_TIMESTAMPS, PLANNED_COLUMNS, tableName } from '../../shared/domain/tables.ts';
import type { FileColumn, TableWriting } from '../../shared/engine/table-engine.ts';
import { BadDataset, SchemaMismatch } from '../../shared/errors.ts';
import { GLM_LEVELS } from '../../shared/formats/glm/columns.ts';
import { MILLISECOND_DIGITS, TOOL_VERSION } from '../../shared/limits.ts';
import { uri } from '../../shared/ports/object-store.ts';
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
  const schema = schemaOf(
    parts.map(({ part }) => part),
    dataset,
  );
  const published = publishedSchema(dataset, state, suffix);
  if (published) checkFormats(dataset, state, suffix);
  const columns = evolve(published?.columns, schema.columns, dataset);
  const writing = writingOf(fixed, columns, schema, published?.avroTimestamps, sortBy);
  checkPartitions(
    published,
    writing.partitions.map((partition) => partition.name),
    dataset,
  );
  return {
    table: { columns, partitions: writing.partitions, writing, ...(suffix === '' ? {} : { suffix }) },
    files: parts.map(({ source, part }, i) => ({
      source,
      part,
      columns: fileColumns(part, schema.names[i], schema),
    })),
  };
}

/** Each of the file's columns and the table column it fills. */
export function fileColumns(part: FoundPart, names: string[], schema: LoadSchema): FileColumn[] {
  return part.columns.map((column, i) => {
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
  const partitions = resolvePartitions(target.partitionBy, columns, fixed.request.constants);
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

interface PublishedSchema {
  columns: Column[];
  partitions: string[];
  avroTimestamps: 'millis' | 'micros';
}

/** What the log's table was planned with; none where there is no table yet, or where it is replaced whole. */
function publishedSchema(dataset: Dataset, state: LogState, suffix: string): PublishedSchema | undefined {
  if (modeOf(dataset) === 'overwrite') return undefined;
  const { database, table, formats } = dataset.target;
  for (const format of formats) {
    const known = state.tables.get(tableKey({ database, table: tableName(table, format, suffix) }));
    if (!known) continue;
    return {
      columns: JSON.parse(known.parameters[PLANNED_COLUMNS]) as Column[],
      partitions: known.partitionColumns.map((column) => column.name),
      avroTimestamps: known.parameters[AVRO_TIMESTAMPS] === 'micros' ? 'micros' : 'millis',
    };
  }
  return undefined;
}

/** All formats of a table hold the same rows: one that joins or leaves later would not. */
function checkFormats(dataset: Dataset, state: LogState, suffix: string): void {
  const { database, table, formats } = dataset.target;
  for (const format of OUTPUT_FORMATS) {
    const name = tableName(table, format, suffix);
    const has = (state.tables.get(tableKey({ database, table: name }))?.files.length ?? 0) > 0;
    const others = OUTPUT_FORMATS.some(
      (other) =>
        (state.tables.get(tableKey({ database, table: tableName(table, other, suffix) }))?.files.length ?? 0) > 0,
    );
    if (has === formats.includes(format) || (!has && !others)) continue;
    throw new SchemaMismatch(
      has
        ? `${database}.${name} holds earlier rows, and the data set writes no ${format} any more; add ${format} to its formats, or replace the table whole (mode: overwrite)`
        : `${database}.${name} would lack the rows that were loaded before ${format} was asked for; replace the table whole (mode: overwrite)`,
    );
  }
}

/** A table has the partition columns it was made with until it is replaced whole. */
function checkPartitions(published: PublishedSchema | undefined, now: string[], dataset: Dataset): void {
  if (!published || published.partitions.join() === now.join()) return;
  const say = (names: string[]) => (names.length > 0 ? names.join(', ') : 'none');
  throw new SchemaMismatch(
    `${dataset.target.database}.${dataset.target.table} has the partition columns ${say(published.partitions)}, the data set says ${say(now)}; replace it whole (mode: overwrite) to change them`,
  );
}
