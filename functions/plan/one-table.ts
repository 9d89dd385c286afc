import { type LogState, tableKey } from '../../shared/commit/fold.ts';
import type { RunRequest } from '../../shared/commit/run-files.ts';
import { type Dataset, modeOf } from '../../shared/dataset/dataset.ts';
import type { FoundPart } from '../../shared/domain/load.ts';
import { resolveColumns, resolvePartitions } from '../../shared/domain/partition-spec.ts';
import { type Column, OUTPUT_FORMATS } from '../../shared/domain/schema.ts';
import type { PlannedFile } from '../../shared/domain/splits.ts';
import { evolve, type LoadSchema, schemaOf } from '../../shared/domain/table-schema.ts';
import { AVRO_TIMESTAMPS, PLANNED_COLUMNS, tableName } from '../../shared/domain/tables.ts';
import type { FileColumn, TableWriting } from '../../shared/engine/table-engine.ts';
import { SchemaMismatch } from '../../shared/errors.ts';
import { MILLISECOND_DIGITS, TOOL_VERSION } from '../../shared/limits.ts';
import type { FoundObject, Planned } from './step.ts';

/** `layout: table`: all files of the load are one table. */
export function oneTable(fixed: RunRequest, found: FoundObject[], state: LogState): Planned {
  const { dataset } = fixed.request;
  const parts = found.flatMap(({ source, parts }) => parts.map((part) => ({ source, part })));
  const schema = schemaOf(
    parts.map(({ part }) => part),
    dataset,
  );
  const published = publishedSchema(dataset, state);
  if (published) checkFormats(dataset, state);
  const columns = evolve(published?.columns, schema.columns, dataset);
  const writing = writingOf(fixed, columns, schema, published?.avroTimestamps);
  checkPartitions(
    published,
    writing.partitions.map((partition) => partition.name),
    dataset,
  );
  return {
    tables: [{ columns, partitions: writing.partitions, writing }],
    files: parts.map(
      ({ source, part }, i): PlannedFile => ({
        source,
        part,
        table: 0,
        columns: fileColumns(part, schema.names[i], schema),
      }),
    ),
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
    sortBy: resolveColumns(target.sortBy, columns, 'sortBy').map((column) => column.name),
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
function publishedSchema(dataset: Dataset, state: LogState): PublishedSchema | undefined {
  if (modeOf(dataset) === 'overwrite') return undefined;
  const { database, table, formats } = dataset.target;
  for (const format of formats) {
    const known = state.tables.get(tableKey({ database, table: tableName(table, format) }));
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
function checkFormats(dataset: Dataset, state: LogState): void {
  const { database, table, formats } = dataset.target;
  for (const format of OUTPUT_FORMATS) {
    const name = tableName(table, format);
    const has = (state.tables.get(tableKey({ database, table: name }))?.files.length ?? 0) > 0;
    const others = OUTPUT_FORMATS.some(
      (other) => (state.tables.get(tableKey({ database, table: tableName(table, other) }))?.files.length ?? 0) > 0,
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
