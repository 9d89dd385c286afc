import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EmptyObject, UnknownFormat } from '../../../../shared/errors.ts';
import { type CsvFindings, sniffCsv } from '../../../../shared/formats/csv/sniff.ts';
import { readTolerant } from '../../../../shared/formats/csv/tolerant-reader.ts';
import type { CsvDialect } from '../../../../shared/formats/csv-dialect.ts';

/**
 * The two roads agree: what the sniffer calls regular, a strict reader (here the engine's, given the dialect) reads to the
 * same rows as the tolerant one.
 */

const folder = mkdtempSync(join(tmpdir(), 'sluice-sniff-'));
let connection: DuckDBConnection;

beforeAll(async () => {
  connection = await (await DuckDBInstance.create(':memory:')).connect();
});
afterAll(() => {
  connection.closeSync();
  rmSync(folder, { recursive: true });
});

const literal = (text: string) => `'${text.replaceAll("'", "''")}'`;

async function strictRows(bytes: Uint8Array, dialect: CsvDialect, columns: number): Promise<string[][]> {
  const path = join(folder, 'file.csv');
  writeFileSync(path, bytes.subarray(dialect.bomBytes));
  const names = Array.from({ length: columns }, (_, i) => `'c${i}': 'VARCHAR'`).join(', ');
  const newLine = { '\n': '\\n', '\r': '\\r', '\r\n': '\\r\\n', mixed: '' }[dialect.lineEnd];
  const reader = await connection.runAndReadAll(
    `SELECT * FROM read_csv(${literal(path)}, auto_detect = false, header = false, columns = {${names}},
      skip = ${dialect.skipLines + dialect.headerRows}, delim = ${literal(dialect.delimiter)},
      quote = ${literal(dialect.quote)}, escape = ${literal(dialect.escape)}, new_line = '${newLine}')`,
  );
  return reader.getRows().map((row) => row.map((value) => (value === null ? '' : String(value))));
}

async function tolerantRows(bytes: Uint8Array, { dialect, columns }: CsvFindings): Promise<string[][]> {
  const rows: string[][] = [];
  for await (const some of readTolerant([bytes], dialect, { columns: columns.length })) {
    for (const row of some) rows.push(row.fields);
  }
  return rows;
}

describe('a regular file', () => {
  const files = readdirSync('test/fixtures/csv').filter((file) => file.endsWith('.csv'));

  it.each(files)('%s, if it is one', async (file) => {
    const bytes = readFileSync(`test/fixtures/csv/${file}`);
    const findings = sniffCsv({ head: bytes, complete: true });
    // the engine is given other encodings transcoded
    if (!findings.regular || findings.dialect.encoding !== 'utf-8') return;
    expect(await strictRows(bytes, findings.dialect, findings.columns.length)).toEqual(
      await tolerantRows(bytes, findings),
    );
  });

  const piece = fc.constantFrom(
    ...[
      'a',
      'b1',
      '12',
      '3.5',
      '',
      ' ',
      'x y',
      '"q"',
      '"q, r"',
      '"l\nm"',
      "it's",
      '"d""d"',
      '5"',
      'é',
      '"',
      '#c',
      '\\',
    ],
  );
  const soup = fc.record({
    delimiter: fc.constantFrom(',', ',', ';', '\t', '|'),
    lineEnd: fc.constantFrom('\n', '\r\n', '\r'),
    final: fc.boolean(),
    rows: fc
      .integer({ min: 1, max: 4 })
      .chain((width) =>
        fc.array(
          fc.oneof(
            { weight: 20, arbitrary: fc.array(piece, { minLength: width, maxLength: width }) },
            { weight: 1, arbitrary: fc.array(piece, { maxLength: 5 }) },
          ),
          { minLength: 1, maxLength: 12 },
        ),
      ),
  });

  it('of fields of every sort', async () => {
    let regular = 0;
    await fc.assert(
      fc.asyncProperty(soup, async ({ delimiter, lineEnd, final, rows }) => {
        const text = rows.map((row) => row.join(delimiter)).join(lineEnd) + (final ? lineEnd : '');
        const bytes = Buffer.from(text);
        const findings = sniffed(bytes);
        if (!findings?.regular) return;
        regular++;
        expect(await strictRows(bytes, findings.dialect, findings.columns.length)).toEqual(
          await tolerantRows(bytes, findings),
        );
      }),
      { numRuns: 400 },
    );
    // or the law would be empty
    expect(regular).toBeGreaterThan(100);
  });
});

function sniffed(bytes: Uint8Array): CsvFindings | undefined {
  try {
    return sniffCsv({ head: bytes, complete: true });
  } catch (error) {
    if (error instanceof EmptyObject || error instanceof UnknownFormat) return undefined;
    throw error;
  }
}
