import type { Column } from '../domain/schema.ts';
import { SchemaMismatch } from '../errors.ts';
import { sqlType } from './column-types.ts';
import { finalFiles } from './final-files.ts';
import { parquetShape } from './parquet-files.ts';
import { typedCast } from './parquet-relation.ts';
import type { Session } from './session.ts';
import { isOfSources } from './source-ids.ts';
import { ident, literal, literals } from './sql.ts';
import type { RepartitionJob, RepartitionOutcome } from './table-engine.ts';

/**
 * Staged files, or published ones that are to be merged, → final files. Columns are found by name; one that a file does not have yet is
 * null in its rows.
 *
 * @throws CorruptFile where a file cannot be read, SchemaMismatch where a column's type does not become the table's without loss
 */
export async function repartitionJob(session: Session, job: RepartitionJob): Promise<RepartitionOutcome> {
  if (job.inputs.length === 0) return { rowsRead: 0, rowsDropped: 0, files: [] };
  let rowsRead = 0;
  for (const path of job.inputs) rowsRead += (await parquetShape(session, path, path)).rows;
  const all = `read_parquet(${literals(job.inputs)}, hive_partitioning = false, union_by_name = true)`;
  const types = new Map(
    (await session.rows(`DESCRIBE FROM ${all}`)).map(([name, type]) => [String(name), String(type)]),
  );
  const list = job.columns.map((column, t) => `${columnValue(column, types.get(column.name))} AS t${t}`);
  const without = job.without?.length ? isOfSources(job.without) : undefined;
  const rowsDropped = without ? Number((await session.rows(`SELECT count(*) FROM ${all} WHERE ${without}`))[0]![0]) : 0;
  const relation = `SELECT ${list.join(', ')} FROM ${all}${without ? ` WHERE NOT ${without}` : ''}`;
  const { files } = await finalFiles(session, relation, job.columns, job.writing, session.path('out'), job.onFile);
  for (const format of job.writing.formats) {
    const rows = files.reduce((sum, file) => (file.format === format ? sum + file.rows : sum), 0);
    if (rows !== rowsRead - rowsDropped)
      throw new Error(`Wrote ${rows} rows as ${format} where ${rowsRead} were read and ${rowsDropped} left out`);
  }
  return { rowsRead, rowsDropped, files };
}

function columnValue({ name, type }: Column, from: string | undefined): string {
  if (from === undefined) return `CAST(NULL AS ${sqlType(type)})`;
  const cast = typedCast(from, type);
  if (!cast) throw new SchemaMismatch(`Column ${name} is ${from}, which does not become ${type} without loss`);
  // A value that would be lost fails the task: here there are no rejects.
  const value = cast.value(ident(name));
  if (!cast.misfit) return value;
  const misfit = `coalesce(${cast.misfit(ident(name), value)}, FALSE)`;
  return `CASE WHEN ${misfit} THEN error(${literal(`A value of column ${name} does not fit ${type}`)}) ELSE ${value} END`;
}
