import { finalFiles } from './final-files.ts';
import type { Session } from './session.ts';
import { ident, literal, literals } from './sql.ts';
import type { RepartitionJob, RepartitionOutcome } from './table-engine.ts';

/** Staged files → final ones. Throws where the files written do not have, in every format, as many rows as were read. */
export async function repartitionJob(session: Session, job: RepartitionJob): Promise<RepartitionOutcome> {
  if (job.inputs.length === 0) return { rowsRead: 0, files: [] };
  let rowsRead = 0;
  for (const path of job.inputs) {
    const [[rows]] = (await session.rows(`SELECT num_rows FROM parquet_file_metadata(${literal(path)})`)) as [
      [unknown],
    ];
    rowsRead += Number(rows);
  }
  const named = job.columns.map(({ name }, t) => `${ident(name)} AS t${t}`).join(', ');
  const relation = `SELECT ${named} FROM read_parquet(${literals(job.inputs)}, hive_partitioning = false, union_by_name = true)`;
  const { files } = await finalFiles(session, relation, job.columns, job.writing, session.path('out'));
  for (const format of job.writing.formats) {
    const rows = files.reduce((sum, file) => (file.format === format ? sum + file.rows : sum), 0);
    if (rows !== rowsRead) throw new Error(`Wrote ${rows} rows as ${format} where ${rowsRead} were read`);
  }
  return { rowsRead, files };
}
