import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import Papa from 'papaparse';
import { sniffCsv } from '../../shared/formats/csv/sniff.ts';
import { readTolerant } from '../../shared/formats/csv/tolerant-reader.ts';

/** What a reader makes of a file that it is told nothing about. */
export interface Reading {
  delimiter: string;
  /** Undefined: it says that there is none. */
  header: string[] | undefined;
  rows: string[][];
}

export interface Reader {
  name: string;
  read(name: string, bytes: Buffer): Promise<Reading>;
}

/** Ours, as `sluice preview` reads. */
export const sluice: Reader = {
  name: 'Sluice',
  async read(_, bytes) {
    const { dialect, columns } = sniffCsv({ head: bytes, complete: true });
    const rows: string[][] = [];
    for await (const some of readTolerant([bytes], dialect, { columns: columns.length })) {
      for (const row of some) if (row.verdict === 'fits') rows.push(row.fields);
    }
    const { delimiter, skipInitialSpace, headerRows } = dialect;
    return {
      delimiter: delimiter + (skipInitialSpace ? ' ' : ''),
      header: headerRows === 0 ? undefined : columns.map(({ original }) => original),
      rows,
    };
  },
};

/** As its documentation has it for files with a header, which it does not look for; rows that it finds fault with are left out. */
export const papaParse: Reader = {
  name: 'PapaParse',
  async read(_, bytes) {
    const text = bytes.toString('utf8').replace(/^\ufeff/, '');
    const { data, errors, meta } = Papa.parse<string[]>(text, { skipEmptyLines: true });
    const [header = [], ...rows] = data;
    const faulty = new Set(errors.flatMap(({ row }) => (row === undefined ? [] : [row - 1])));
    const fitting = rows.filter((row, i) => row.length === header.length && !faulty.has(i));
    return { delimiter: meta.delimiter, header, rows: fitting };
  },
};

/** What DuckDB is asked for in turn, until it does not give up. */
const TRIES = ['', ', ignore_errors = true', ', ignore_errors = true, strict_mode = false'];

/** `sniff_csv` for the dialect and `read_csv` for the rows; where that gives up, it is asked to leave out what is at fault. */
export function duckdb(connection: DuckDBConnection, folder: string): Reader {
  const query = async (sql: (options: string) => string) => {
    for (const [i, options] of TRIES.entries()) {
      try {
        return (await connection.runAndReadAll(sql(options))).getRowsJson() as unknown[][];
      } catch (error) {
        if (i === TRIES.length - 1) throw error;
      }
    }
    return [];
  };
  return {
    name: 'DuckDB',
    async read(name, bytes) {
      const path = join(folder, name.replaceAll(/[^\w.-]/g, '_'));
      writeFileSync(path, bytes);
      const [sniffed] = await query(
        (options) =>
          `SELECT Delimiter, HasHeader, list_transform(Columns, c -> c.name) FROM sniff_csv('${path}'${options})`,
      );
      const [delimiter, hasHeader, names] = sniffed as [string, boolean, string[]];
      const rows = await query((options) => `SELECT * FROM read_csv('${path}', all_varchar = true${options})`);
      return {
        delimiter,
        header: hasHeader ? names : undefined,
        rows: rows.map((row) => row.map((value) => (value === null ? '' : String(value)))),
      };
    },
  };
}
