import { type LogState, tableKey } from '../../shared/commit/fold.ts';
import { type Dataset, modeOf } from '../../shared/dataset/dataset.ts';
import { keepsRescued, type Published } from '../../shared/domain/evolution.ts';
import { type Column, OUTPUT_FORMATS, RESCUED_COLUMN } from '../../shared/domain/schema.ts';
import { SOURCE_ID_COLUMN } from '../../shared/domain/source.ts';
import { AVRO_TIMESTAMPS, PLANNED_COLUMNS, SOURCE_IDS, tableName } from '../../shared/domain/tables.ts';
import { SchemaMismatch } from '../../shared/errors.ts';

/** A table of the data set as the log has it. */
export interface PublishedSchema extends Published {
  avroTimestamps: 'millis' | 'micros';
  /** It carries `SOURCE_ID_COLUMN`, which is Sluice's own and none of the files'. */
  sourceIds: boolean;
}

/** What the log's table was planned with; none where there is no table yet, or where it is replaced whole. */
export function publishedSchema(dataset: Dataset, state: LogState, suffix: string): PublishedSchema | undefined {
  if (modeOf(dataset) === 'overwrite') return undefined;
  const { database, table, formats } = dataset.target;
  for (const format of formats) {
    const known = state.tables.get(tableKey({ database, table: tableName(table, format, suffix) }));
    if (!known) continue;
    return {
      columns: JSON.parse(known.parameters[PLANNED_COLUMNS]) as Column[],
      partitions: known.partitionColumns.map((column) => column.name),
      avroTimestamps: known.parameters[AVRO_TIMESTAMPS] === 'micros' ? 'micros' : 'millis',
      sourceIds: known.parameters[SOURCE_IDS] === 'true',
    };
  }
  return undefined;
}

/** All formats of a table hold the same rows: one that joins or leaves later would not. */
export function checkFormats(dataset: Dataset, state: LogState, suffix: string): void {
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
export function checkPartitions(published: PublishedSchema | undefined, now: string[], dataset: Dataset): void {
  if (!published || published.partitions.join() === now.join()) return;
  const say = (names: string[]) => (names.length > 0 ? names.join(', ') : 'none');
  throw new SchemaMismatch(
    `${dataset.target.database}.${dataset.target.table} has the partition columns ${say(published.partitions)}, the data set says ${say(now)}; replace it whole (mode: overwrite) to change them`,
  );
}

/**
 * Whether the table has the column `SOURCE_ID_COLUMN`: where the data set replaces what is uploaded again, and as long as a
 * table that has it is not replaced whole. Throws `SchemaMismatch` where a column of the files has taken its place.
 */
export function carriesSourceIds(published: PublishedSchema | undefined, dataset: Dataset): boolean {
  if (published?.sourceIds) return true;
  if (dataset.target.onReupload !== 'replace') return false;
  if (published?.columns.some((column) => column.name === SOURCE_ID_COLUMN)) {
    throw new SchemaMismatch(
      `${dataset.target.database}.${dataset.target.table} has a column ${SOURCE_ID_COLUMN} of its files, which onReupload: replace needs for itself; replace it whole (mode: overwrite)`,
    );
  }
  return true;
}

/** Names that no column of a file may have in the table: Sluice's own columns. */
export function ownNames(carries: boolean, dataset: Dataset): string[] {
  return [...(carries ? [SOURCE_ID_COLUMN] : []), ...(keepsRescued(dataset) ? [RESCUED_COLUMN] : [])];
}
