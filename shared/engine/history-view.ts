import { existsSync } from 'node:fs';
import { type Lake, type LakeFile, withLake } from './lake-database.ts';
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
  if (existsSync(file.path) && (await withLake(file, 'read', hasView))) return;
  const columns = Object.entries(COLUMNS).map(([name, type]) => `${literal(name)}: ${literal(type)}`);
  // The folder's own name is no pattern.
  const files = `${folder.replaceAll(/[*?[]/g, '[$&]')}/*/*.json`;
  const scan = `read_json(${literal(files)}, format = 'newline_delimited', columns = {${columns.join(', ')}})`;
  const view = `${ident('sluice')}.${ident('loads')}`;
  await withLake(file, 'write', (lake) =>
    lake.run(`CREATE SCHEMA IF NOT EXISTS ${ident('sluice')}; CREATE OR REPLACE VIEW ${view} AS SELECT * FROM ${scan}`),
  );
}

async function hasView(lake: Lake): Promise<boolean> {
  const found = await lake.rows(
    `SELECT 1 FROM duckdb_views() WHERE database_name = current_database() AND schema_name = 'sluice' AND view_name = 'loads'`,
  );
  return found.length > 0;
}
