import type { LakeFile } from './lake-database.ts';
import { withLake } from './lake-database.ts';
import { ident, literal } from './sql.ts';

/** Columns of `sluice.loads`, as the history's JSON lines have them. */
const COLUMNS: Record<string, string> = {
  run: 'VARCHAR',
  dataset: 'VARCHAR',
  status: 'VARCHAR',
  started_at: 'TIMESTAMP',
  ended_at: 'TIMESTAMP',
  source: 'VARCHAR',
  entry: 'VARCHAR',
  source_status: 'VARCHAR',
  rows_read: 'BIGINT',
  rows_written: 'BIGINT',
  rows_rejected: 'BIGINT',
  bytes_read: 'BIGINT',
  duration_ms: 'BIGINT',
  first_reject: 'VARCHAR',
  error_name: 'VARCHAR',
  error_message: 'VARCHAR',
};

/**
 * Makes the view `sluice.loads` over a folder of history files, unless the lake has it. There must be a file in the folder:
 * the engine refuses a pattern that matches nothing.
 */
export async function ensureHistoryView(file: LakeFile, folder: string): Promise<void> {
  const known = await withLake(file, 'write', async (lake) => {
    await lake.run(`CREATE SCHEMA IF NOT EXISTS ${ident('sluice')}`);
    return lake.rows(
      `SELECT 1 FROM duckdb_views() WHERE schema_name = 'sluice' AND view_name = 'loads' AND NOT internal`,
    );
  });
  if (known.length > 0) return;
  const columns = Object.entries(COLUMNS).map(([name, type]) => `${literal(name)}: ${literal(type)}`);
  // The folder's own name is no pattern.
  const files = `${folder.replaceAll(/[*?[]/g, '[$&]')}/*/*.json`;
  const scan = `read_json(${literal(files)}, format = 'newline_delimited', columns = {${columns.join(', ')}})`;
  await withLake(file, 'write', (lake) =>
    lake.run(`CREATE OR REPLACE VIEW ${ident('sluice')}.${ident('loads')} AS SELECT * FROM ${scan}`),
  );
}
