import type { Column } from '../domain/schema.ts';
import { SOURCE_ID_COLUMN } from '../domain/source.ts';
import type { RowSource } from './row-source.ts';
import type { Session } from './session.ts';
import { ident, literal } from './sql.ts';
import type { FinalFile, LocalInput } from './table-engine.ts';

/** A relation (`t0`, …, `f`) of which each row says in `SOURCE_ID_COLUMN` which source its input is of. */
export function withSourceIds(relation: string, columns: readonly Column[], inputs: readonly LocalInput[]): string {
  const ids = inputs.map(({ sourceId }) => literal(sourceId));
  const id = ids.length === 1 ? ids[0]! : `list_extract([${ids.join(', ')}], f + 1)`;
  return `SELECT * REPLACE (${id} AS t${indexOfIds(columns)}) FROM (${relation})`;
}

/** Which of a file's rows are to be left out: those of `ids`. */
export function isOfSources(ids: readonly string[]): string {
  return `coalesce(${ident(SOURCE_ID_COLUMN)} IN (${ids.map(literal).join(', ')}), FALSE)`;
}

/** Says of each file how many rows it has of which source. The files of a format lie one behind the other in `source`. */
export async function countBySource(
  session: Session,
  source: RowSource,
  columns: readonly Column[],
  files: FinalFile[],
): Promise<void> {
  const known = new Map<string, Record<string, number>[]>();
  for (const format of new Set(files.map((file) => file.format))) {
    const own = files.filter((file) => file.format === format);
    let from = 0;
    const starts = own.map(({ rows }) => {
      from += rows;
      return from - rows;
    });
    if (from !== source.rows) throw new Error(`The ${format} files have ${from} rows of ${source.rows}`);
    const key = starts.join();
    const counts = known.get(key) ?? (await countsOf(session, source, columns, starts));
    known.set(key, counts);
    for (const [i, file] of own.entries()) file.rowsOf = counts[i]!;
  }
}

/** By run of rows, given where each begins, the rows of each source. */
async function countsOf(
  session: Session,
  { relation, rowNumber, nameOf }: RowSource,
  columns: readonly Column[],
  starts: readonly number[],
): Promise<Record<string, number>[]> {
  const id = nameOf(columns[indexOfIds(columns)]!);
  const rows = `(SELECT ${rowNumber} AS n, ${id} AS id FROM ${relation})`;
  const runs = starts.map((start, i) => `(${i}, ${start})`).join(', ');
  const found = await session.rows(
    starts.length === 1
      ? `SELECT 0, id, count(*) FROM ${rows} GROUP BY id`
      : `SELECT i, id, count(*) FROM ${rows} ASOF JOIN (VALUES ${runs}) AS runs(i, start) ON n >= start GROUP BY i, id`,
  );
  const counts: Record<string, number>[] = starts.map(() => ({}));
  for (const [i, source, count] of found) {
    if (source !== null) counts[Number(i)]![String(source)] = Number(count);
  }
  return counts;
}

function indexOfIds(columns: readonly Column[]): number {
  const index = columns.findIndex((column) => column.name === SOURCE_ID_COLUMN);
  if (index < 0) throw new TypeError(`The table is to carry ${SOURCE_ID_COLUMN}, which is none of its columns`);
  return index;
}
