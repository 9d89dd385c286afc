import { type Dataset, declaredColumns } from '../dataset/dataset.ts';
import { SchemaMismatch, SchemaWouldWiden, type SluiceError } from '../errors.ts';
import { normaliseNames } from './names.ts';
import { type Column, type ColumnType, decimalOf, RESCUED_COLUMN } from './schema.ts';

/** What a load makes of the published table's columns. */

/** A column that gets a wider type, and the one that it had. */
export interface Widening {
  column: string;
  from: ColumnType;
}

export interface Evolution {
  /** The table's columns after the load: those that are published, in their order, then new ones. */
  columns: Column[];
  widened: Widening[];
  /** Names of found columns that the table does not get: their fields are kept in `RESCUED_COLUMN`. */
  rescued: Set<string>;
}

/** Columns of a table that is there already. */
export interface Published {
  columns: Column[];
  /** Names of the partition columns. Catalogs cannot change these. */
  partitions: string[];
}

/**
 * The wider of two types where one column may go from the first to the second: int → bigint → decimal, float → double.
 * A decimal keeps room for all that was there. Undefined for every other pair: values that do not fit are rejected rows.
 */
export function widerType(from: ColumnType, to: ColumnType): ColumnType | undefined {
  if (from === 'float') return to === 'double' ? 'double' : undefined;
  const digits = WHOLE_DIGITS.get(from);
  if (digits === undefined) return undefined;
  if (from === 'int' && to === 'bigint') return 'bigint';
  const decimal = decimalOf(to);
  if (!decimal) return undefined;
  const precision = Math.max(digits, decimal.precision - decimal.scale) + decimal.scale;
  return precision > MAX_PRECISION ? undefined : `decimal(${precision},${decimal.scale})`;
}

/** Digits of the largest values. */
const WHOLE_DIGITS: ReadonlyMap<ColumnType, number> = new Map([
  ['int', 10],
  ['bigint', 19],
]);
const MAX_PRECISION = 38;

/** Why the columns of one object may not be loaded into the table as it is; undefined where they may. */
export function refusal(
  published: Published,
  found: Column[],
  dataset: Dataset,
  where: string,
): SluiceError | undefined {
  const table = `${dataset.target.database}.${dataset.target.table}`;
  const before = new Map(published.columns.map((column) => [column.name, column.type]));
  for (const { name, type } of found) {
    const from = before.get(name);
    if (from === undefined || widerType(from, type) === undefined) continue;
    const inPath = published.partitions.includes(name);
    if (dataset.widening === 'rewrite' && !inPath) continue;
    const why = inPath ? ', and it is a partition column, whose type stays' : '';
    return new SchemaWouldWiden(`Column ${name} of ${table} is ${from} where ${where} has ${type}${why}`, { where });
  }
  const added = found.filter((column) => !before.has(column.name));
  if (added.length === 0 || dataset.evolution !== 'fail') return undefined;
  const list = added.map((column) => `"${column.original}"`).join(', ');
  return new SchemaMismatch(`${where} has columns that ${table} has not, and evolution is "fail": ${list}`, { where });
}

/** The table's columns after a load of objects that `refusal` has nothing against. */
export function evolve(published: Published | undefined, found: Column[], dataset: Dataset): Evolution {
  const now = new Map(found.map((column) => [column.name, column.type]));
  const widened: Widening[] = [];
  const kept = (published?.columns ?? []).map((column): Column => {
    const found = now.get(column.name);
    const type = found === undefined ? undefined : widerType(column.type, found);
    if (type === undefined || published?.partitions.includes(column.name)) return column;
    widened.push({ column: column.name, from: column.type });
    return { ...column, type };
  });
  const known = new Set(kept.map((column) => column.name));
  const added = found.filter((column) => !known.has(column.name));
  if (!keepsRescued(dataset)) return { columns: [...kept, ...added], widened, rescued: new Set() };
  const rescues = dataset.evolution === 'rescue';
  const unknown = new Set((rescues ? unknownOf(published, added, dataset) : []).map((column) => column.name));
  const own = known.has(RESCUED_COLUMN)
    ? []
    : [{ name: RESCUED_COLUMN, original: RESCUED_COLUMN, type: 'string' as const }];
  return {
    columns: [...kept, ...added.filter((column) => !unknown.has(column.name)), ...own],
    widened,
    rescued: unknown,
  };
}

/** Whether the table has `RESCUED_COLUMN`: for columns that it lacks, or for rows with more fields than columns. */
export function keepsRescued(dataset: Dataset): boolean {
  return dataset.evolution === 'rescue' || dataset.source.csv.onLongRow === 'rescue';
}

/** A table that is not there yet, of which nothing was declared, gets what its first files have. */
function unknownOf(published: Published | undefined, added: Column[], dataset: Dataset): Column[] {
  const declared = declaredColumns(dataset);
  if (!published && !declared) return [];
  const names = new Set(declared?.flatMap(({ name }) => normaliseNames([name])));
  return added.filter((column) => !names.has(column.name));
}
