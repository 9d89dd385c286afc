import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { sniffCsv } from '../../../../shared/formats/csv/sniff.ts';
import { readTolerant, type TolerantRow } from '../../../../shared/formats/csv/tolerant-reader.ts';

const FOLDER = 'test/fixtures/csv';

interface Golden {
  /** The parts of the dialect that the file is about. */
  dialect: Record<string, unknown>;
  /** Type by name, with the strptime format behind it. */
  columns?: Record<string, string>;
  names?: string[];
  rows: string[][];
  rejects?: Partial<TolerantRow>[];
  regular: boolean;
}

describe('every kind of pollution has a file, and its rows come out', () => {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith('.csv'));

  it.each(files)('%s', async (file) => {
    const bytes = readFileSync(`${FOLDER}/${file}`);
    const golden = JSON.parse(readFileSync(`${FOLDER}/${file.replace(/csv$/, 'json')}`, 'utf8')) as Golden;
    const findings = sniffCsv({ head: bytes, complete: true });

    expect(findings.dialect).toMatchObject(golden.dialect);
    const types = findings.columns.map(({ original, type, format }) => [
      original,
      format === undefined ? type : `${type} ${format}`,
    ]);
    if (golden.columns) expect(types).toEqual(Object.entries(golden.columns));
    else expect(types.map(([name]) => name)).toEqual(golden.names);
    expect(findings.regular).toBe(golden.regular);

    const rows: TolerantRow[] = [];
    // small chunks, so that every row is cut somewhere
    const chunks = Array.from({ length: Math.ceil(bytes.length / 7) }, (_, i) => bytes.subarray(i * 7, i * 7 + 7));
    for await (const some of readTolerant(chunks, findings.dialect, { columns: findings.columns.length })) {
      rows.push(...some);
    }
    expect(rows.filter((row) => row.verdict === 'fits').map((row) => row.fields)).toEqual(golden.rows);
    const rejects = rows.filter((row) => row.verdict !== 'fits');
    expect(rejects.map(({ line, byteOffset, verdict, raw }) => ({ line, byteOffset, verdict, raw }))).toEqual(
      golden.rejects ?? [],
    );
  });
});
