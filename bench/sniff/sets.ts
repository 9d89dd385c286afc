import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { cleanTables, pollute } from '../../test/fixtures/csv-pollution.ts';
import { strictRows } from './strict-rows.ts';

/** A file and what a careful person reads in it. */
export interface AnnotatedFile {
  name: string;
  bytes: Buffer;
  delimiter: string;
  /** Names of the columns; undefined where the file has no header. */
  header: string[] | undefined;
  /** Rows whose values have a place, as text; an empty text stands for a missing value. */
  rows: string[][];
}

export interface AnnotatedSet {
  title: string;
  files: AnnotatedFile[];
}

const FIXTURES = 'test/fixtures/csv';
const VEGA = 'node_modules/vega-datasets/data';

/** Our fixtures, each with golden rows beside it. */
export function fixtures(): AnnotatedSet {
  const files = readdirSync(FIXTURES)
    .filter((file) => file.endsWith('.csv'))
    .map((file): AnnotatedFile => {
      const golden = JSON.parse(readFileSync(`${FIXTURES}/${file.replace(/csv$/, 'json')}`, 'utf8')) as {
        dialect: { delimiter?: string; headerRows?: number };
        columns?: Record<string, string>;
        names?: string[];
        rows: string[][];
      };
      const { delimiter = ',', headerRows = 1 } = golden.dialect;
      const names = golden.names ?? Object.keys(golden.columns!);
      const header = headerRows === 0 ? undefined : names;
      return { name: file, bytes: readFileSync(`${FIXTURES}/${file}`), delimiter, header, rows: golden.rows };
    });
  return { title: 'fixtures', files };
}

/**
 * Four tables, polluted in every way one at a time. A header that cannot be told for sure has no golden names, and is left out.
 *
 * @param every of the rows whose cells are polluted, every so many
 */
export function pollutions(every: number): AnnotatedSet {
  const files = cleanTables()
    .flatMap((table) => pollute(table, (row) => row % every === 0))
    .filter(({ empty, namesMayLack }) => !empty && !namesMayLack)
    .map(({ name, bytes, delimiter, header, rows }) => {
      return { name, bytes, delimiter, header: header.length === 0 ? undefined : header, rows };
    });
  return { title: 'pollutions', files };
}

/**
 * Delimited files of vega-datasets, by hand: all are RFC 4180 but for line ends and one delimiter, and have a header of one
 * row. So annotated they are read by a strict reader that is told so.
 */
const VEGA_DELIMITERS: Record<string, string> = { 'unemployment.tsv': '\t' };

export function vegaDatasets(): AnnotatedSet {
  const files = readdirSync(VEGA)
    .filter((file) => /\.(csv|tsv)$/.test(file))
    .map((file): AnnotatedFile => {
      const bytes = readFileSync(`${VEGA}/${file}`);
      const delimiter = VEGA_DELIMITERS[file] ?? ',';
      const [header, ...rows] = strictRows(bytes.toString('utf8'), delimiter);
      return { name: basename(file), bytes, delimiter, header: header!, rows };
    });
  return { title: 'vega-datasets', files };
}
