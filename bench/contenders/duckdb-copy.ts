/** The engine's own bare speed: `duckdb-copy.ts WORK`, WORK being JSON of `{inputs, folder}`; one COPY of all inputs to Parquet. */
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { measured } from './measured.ts';

const { inputs, folder } = JSON.parse(process.argv[2]!) as { inputs: string[]; folder: string };
mkdirSync(folder, { recursive: true });
const path = join(folder, 'out.parquet');
const list = inputs.map((input) => `'${input.replaceAll("'", "''")}'`).join(', ');
const instance = await DuckDBInstance.create(':memory:');
const connection = await instance.connect();
const report = await measured(() =>
  connection.run(
    `COPY (FROM read_csv([${list}])) TO '${path.replaceAll("'", "''")}' (FORMAT parquet, COMPRESSION zstd)`,
  ),
);
connection.closeSync();
instance.closeSync();
console.log(JSON.stringify({ ...report, files: [{ path, format: 'parquet', bytes: statSync(path).size }] }));
