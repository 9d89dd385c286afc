import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readHead } from '../../../shared/engine/csv-head.ts';
import { cutCsv, headless } from '../../../shared/engine/csv-pieces.ts';
import type { InputAccount } from '../../../shared/engine/table-engine.ts';
import { countRecords } from '../../../shared/formats/csv/count-records.ts';
import { CSV_PIECE_BYTES } from '../../../shared/limits.ts';
import { PLAIN, rejectsOf, Workbench } from './jobs.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-pieces-'));
const bench = new Workbench();
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await bench.close();
});

const PARTS = ['1', 'ab', '"', '""', '"q,\nr"', ',', '\n', '\n', '\r\n', '\r', '#', '\\"', 'ü', '\ufeff'];
const DIALECTS = [
  {},
  { headerRows: 0 },
  { lineEnd: '\r\n' },
  { lineEnd: '\r' },
  { comment: '#' },
  { skipLines: 2 },
] as const;

describe('a CSV in pieces', () => {
  it('has the same bytes behind its head, and in each piece nothing but whole records', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...PARTS), { maxLength: 60 }).map((parts) => parts.join('')),
        fc.constantFrom(...DIALECTS),
        fc.integer({ min: 1, max: 40 }),
        async (text, like, pieceBytes) => {
          const path = join(folder, 'in.csv');
          writeFileSync(path, text);
          const columns = ['a', 'b'].map((name) => ({ original: name, target: name }));
          const file = { paths: [path], where: 'in.csv', dialect: { ...PLAIN, ...like }, columns, gzip: false };
          const { dialect } = await readHead(file);
          const whole = await countRecords(path, dialect, { columns: 2 });
          const cut = await cutCsv(file, dialect, (piece) => join(folder, `${piece}.csv`), pieceBytes);
          const texts = cut.paths.map((piece) => readFileSync(piece));
          // Of a text that ends within its head nothing is left.
          const data = whole.records === 0 ? '' : Buffer.from(text).subarray(whole.dataStart).toString();
          if (whole.records > 0) expect(Buffer.concat(texts).toString()).toBe(data);
          let records = 0;
          for (const piece of cut.paths) {
            records += (await countRecords(piece, headless(dialect), { columns: 2 })).records;
          }
          expect(records).toBe(whole.records);
          for (const piece of texts.slice(0, -1)) expect(piece.length).toBeGreaterThanOrEqual(pieceBytes);
        },
      ),
      { numRuns: 200 },
    );
  });

  // Many: more than the writing notes, so that the pieces are read once more for them.
  it.each([
    ['few', 70_001],
    ['many', 50],
  ])('is read where threads lose their way in quotes, with every rejected row in its place: %s', async (_, every) => {
    // Behind each line end in the quotes there stands what may be a row.
    const note = 'x,y\n1,2\n3,4';
    const rows: string[] = [];
    const rejected = new Map<number, string>();
    let line = 2;
    for (let i = 0, bytes = 0; bytes < 2.5 * CSV_PIECE_BYTES; i++) {
      const bad = i % every === 5 ? 'value' : i % 90_001 === 7 ? 'fields' : undefined;
      const row = bad === 'fields' ? `${i},"${note}"` : `${bad ?? i},"${note}",${i}.5`;
      if (bad) rejected.set(line, bad);
      line += 3;
      bytes += row.length + 1;
      rows.push(row);
    }
    const types = { a: 'int', b: 'string', c: 'double' } as const;
    const outcome = await bench.convert([bench.csv(`a,b,c\n${rows.join('\n')}\n`, types)], types);
    const [account] = outcome.accounts as [InputAccount];
    const rejects = rejectsOf(outcome);
    expect(account.failed).toBeUndefined();
    expect(account.rowsRead).toBe(rows.length);
    expect(account.rowsWritten).toBe(rows.length - rejected.size);
    expect(rejects.map((reject) => reject.line)).toEqual([...rejected.keys()]);
    expect(rejects.map(({ column }) => (column === 'a' ? 'value' : 'fields'))).toEqual([...rejected.values()]);
  });
});
