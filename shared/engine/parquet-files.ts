import type { Column } from '../domain/schema.ts';
import { CorruptFile, SchemaMismatch } from '../errors.ts';
import { columnTypeOf } from './column-types.ts';
import { type Fill, type ParquetColumn, typedCast } from './parquet-relation.ts';
import type { Session } from './session.ts';
import { literal } from './sql.ts';
import type { LocalInput, ParquetDescription } from './table-engine.ts';

export interface ParquetShape {
  columns: ParquetColumn[];
  rows: number;
}

/** Top-level columns and number of rows, from the footer. Throws `CorruptFile` where the file has none that can be read. */
export async function parquetShape(session: Session, path: string, where: string): Promise<ParquetShape> {
  const file = literal(path);
  try {
    const [[rows]] = (await session.rows(`SELECT num_rows FROM parquet_file_metadata(${file})`)) as [[unknown]];
    const schema = await session.rows(`SELECT name, num_children FROM parquet_schema(${file})`);
    const types = await session.rows(`DESCRIBE FROM read_parquet(${file}, hive_partitioning = false)`);
    // The description makes names differ that the file has twice, or in capitals and small letters; the schema does not.
    const names = topLevelNames(schema as [string, string | null][]);
    return { columns: types.map((row, c) => ({ original: names[c]!, sql: String(row[1]) })), rows: Number(rows) };
  } catch (cause) {
    if (!(cause instanceof Error)) throw cause;
    throw new CorruptFile(`Cannot read ${where} as Parquet: ${firstLine(cause.message)}`, { where, cause });
  }
}

export function describeShape({ columns, rows }: ParquetShape): ParquetDescription {
  return { columns: columns.map(({ original, sql }) => ({ original, type: columnTypeOf(sql) })), rows };
}

/**
 * For each table column the index of the file column that fills it, found by name, or of those that are kept in it as JSON.
 *
 * @throws SchemaMismatch where the file lacks an expected column, or has one of a type that cannot become the table's without loss
 */
export function parquetFills(shape: ParquetShape, input: LocalInput, columns: readonly Column[]): Fill[] {
  const where = input.uri;
  const indexOf = (original: string) => shape.columns.findIndex((column) => column.original === original);
  return columns.map((column) => {
    const rescued = input.columns.flatMap(({ original, target, rescue }, i) => {
      if (target !== column.name || !rescue) return [];
      // By its place first: a file may have a name twice.
      const c = shape.columns[i]?.original === original ? i : indexOf(original);
      return c < 0 ? [] : [c];
    });
    if (rescued.length > 0) return rescued;
    const expected = input.columns.find(({ target }) => target === column.name);
    if (!expected) return undefined;
    const c = indexOf(expected.original);
    if (c < 0) {
      const names = shape.columns.map(({ original }) => JSON.stringify(original)).join(', ');
      throw new SchemaMismatch(`${where} lacks the column ${JSON.stringify(expected.original)}: it has ${names}`, {
        where,
      });
    }
    const { sql } = shape.columns[c]!;
    if (typedCast(sql, column.type) === undefined) {
      throw new SchemaMismatch(
        `Column ${JSON.stringify(expected.original)} of ${where} is ${sql}, which does not become ${column.type} without loss`,
        { where },
      );
    }
    return c;
  });
}

/** Names of the root's children in a schema written depth first. */
function topLevelNames(schema: readonly (readonly [name: string, children: string | null])[]): string[] {
  const names: string[] = [];
  let i = 1;
  const skip = (): void => {
    const children = Number(schema[i++]?.[1] ?? 0);
    for (let child = 0; child < children; child++) skip();
  };
  while (i < schema.length) {
    names.push(schema[i]![0]);
    skip();
  }
  return names;
}

export function firstLine(message: string): string {
  return message.split('\n', 1)[0]!;
}
