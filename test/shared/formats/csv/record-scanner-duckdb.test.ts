import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RecordScanner, type ScannedRecord } from '../../../../shared/formats/csv/record-scanner.ts';
import type { CsvDialect } from '../../../../shared/formats/csv-dialect.ts';
import { dialectOf, writtenCsv } from '../../../fixtures/csv-text.ts';

/** The scanner's count and DuckDB's rows and rejects must agree, since rows read are held against them. */
describe('RecordScanner and DuckDB', () => {
  let folder: string;
  let instance: DuckDBInstance;
  let duckdb: DuckDBConnection;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'scanner-'));
    instance = await DuckDBInstance.create(':memory:', { threads: '1' });
    duckdb = await instance.connect();
  });
  afterAll(async () => {
    duckdb.closeSync();
    instance.closeSync();
    await rm(folder, { recursive: true });
  });

  const quoted = (text: string) => (text === '\t' ? "'\\t'" : `'${text.replaceAll("'", "''")}'`);

  /** Rows that DuckDB reads, ordinals (its `line`) of those that it rejects, and the kinds of errors. */
  async function read(text: string, dialect: CsvDialect, columns: number) {
    const path = join(folder, 'a.csv');
    await writeFile(path, text);
    const lineEnd = { '\n': '\\n', '\r\n': '\\r\\n', '\r': '\\r', mixed: '\\n' }[dialect.lineEnd];
    const names = Array.from({ length: columns }, (_, i) => `'c${i}': 'VARCHAR'`).join(', ');
    const options = [
      'header = false, auto_detect = false, store_rejects = true',
      `delim = ${quoted(dialect.delimiter)}, quote = ${quoted(dialect.quote)}, escape = ${quoted(dialect.escape)}`,
      `new_line = '${lineEnd}', columns = {${names}}`,
      ...(dialect.comment ? [`comment = ${quoted(dialect.comment)}`] : []),
    ];
    await duckdb.run('DROP TABLE IF EXISTS reject_errors; DROP TABLE IF EXISTS reject_scans');
    const rows = await duckdb.runAndReadAll(`FROM read_csv('${path}', ${options.join(', ')})`);
    const errors = await duckdb.runAndReadAll('SELECT line, error_type::VARCHAR FROM reject_errors');
    const rejects = errors.getRowsJson() as [string, string][];
    return {
      rows: rows.getRowsJson() as (string | null)[][],
      rejected: [...new Set(rejects.map(([line]) => Number(line)))].sort((a, b) => a - b),
      kinds: new Set(rejects.map(([, kind]) => kind)),
    };
  }

  function scan(text: string, dialect: CsvDialect, columns: number) {
    const seen: ScannedRecord[] = [];
    const scanner = new RecordScanner(dialect, { columns, onRecord: (record) => seen.push(record) });
    scanner.feed(Buffer.from(text));
    return { ...scanner.end(), seen };
  }

  it('read the records that were written', async () => {
    await fc.assert(
      fc.asyncProperty(writtenCsv({ minRows: 1 }), async ({ dialect, columns, rows, text }) => {
        // DuckDB fails a file whose line ends are not all alike.
        fc.pre(dialect.lineEnd !== 'mixed');
        const engine = await read(text, dialect, columns);
        expect(engine.rows.map((row) => row.map((field) => field ?? ''))).toEqual(rows);
        expect(scan(text, dialect, columns).records).toBe(rows.length);
      }),
      { numRuns: 100 },
    );
  });

  it('agree on irregular text, and on which records are rejected', async () => {
    const dialects = fc.record({
      lineEnd: fc.constantFrom('\n', '\r\n', '\r'),
      delimiter: fc.constantFrom(',', '\t', '||', ' '),
      quote: fc.constantFrom('"', "'", '' as const),
      backslash: fc.boolean(),
      comment: fc.boolean(),
      columns: fc.integer({ min: 1, max: 3 }),
    });
    const picks = fc.array(fc.nat(99), { minLength: 1, maxLength: 25 });
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(dialects, picks, async ({ lineEnd, delimiter, quote, backslash, comment, columns }, choice) => {
        const dialect = dialectOf({
          lineEnd,
          delimiter,
          quote,
          escape: quote === '' ? '' : backslash ? '\\' : quote,
          comment: comment ? '#' : '',
        });
        // DuckDB drops a row whose last field is one space before a comment, so that the two do not go together here.
        const pieces = ['a', 'b', delimiter, delimiter, lineEnd, lineEnd, comment ? '#' : ' ', quote, quote, '\\', 'é'];
        const text = choice.map((pick) => pieces[pick % pieces.length]).join('');
        fc.pre(text !== '' && !(comment && delimiter === ' '));
        const engine = await read(text, dialect, columns);
        // A row with two broken quotes may be rejected under another row's number, or read as well as rejected.
        fc.pre(!engine.kinds.has('UNQUOTED VALUE'));
        const scanned = scan(text, dialect, columns);
        expect(scanned.records).toBe(engine.rows.length + engine.rejected.length);
        const ordinals = scanned.seen.map(({ ordinal }) => ordinal);
        expect(engine.rejected.filter((ordinal) => !ordinals.includes(ordinal))).toEqual([]);
        compared++;
      }),
      { numRuns: 400 },
    );
    expect(compared).toBe(400);
  });

  it.each([
    ['a,"b"x\nc,d\n', 2],
    ['a,"b"x\nc,"d"\ne,f\n', 3],
    ['a,"b\nc,d\ne,f\n', 1],
    ['a,b\nc,"d', 2],
    ['a,"b"x"c\nd"\ne,f\n', 3],
    ['"b"x,"c\nd"\ne,f\n', 2],
  ])('agree on a broken quote: %j', async (text, records) => {
    const engine = await read(text, dialectOf(), 2);
    expect(engine.rows.length + engine.rejected.length).toBe(records);
    expect(scan(text, dialectOf(), 2).records).toBe(records);
  });
});
