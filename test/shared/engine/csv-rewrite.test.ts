import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readHead } from '../../../shared/engine/csv-head.ts';
import { csvRecords } from '../../../shared/engine/csv-records.ts';
import { rewriteCsv } from '../../../shared/engine/csv-rewrite.ts';
import { countRecords } from '../../../shared/formats/csv/count-records.ts';
import type { CsvDialect } from '../../../shared/formats/csv-dialect.ts';
import { PLAIN } from './jobs.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-rewrite-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function rewrite(
  text: string,
  like: Partial<CsvDialect>,
  columns = 2,
): Promise<{ text: string; dialect: CsvDialect }> {
  const path = join(folder, 'in.csv');
  writeFileSync(path, text);
  const file = {
    paths: [path],
    where: 'in.csv',
    dialect: { ...PLAIN, ...like },
    columns: Array.from({ length: columns }, (_, c) => ({ original: `c${c}`, target: `c${c}` })),
    gzip: false,
  };
  const { dialect } = await readHead(file);
  const tidy = await rewriteCsv(file, dialect, (piece) => join(folder, `out-${piece}.csv`));
  return { text: tidy.paths.map((piece) => readFileSync(piece, 'utf8')).join(''), dialect: tidy.dialect };
}

describe('a tidied CSV', () => {
  it.each<[string, string, Partial<CsvDialect>, string]>([
    [
      'head, comments, blank lines and footer go',
      '\uFEFFnote "\na,b\n#no\n\n1,x\n2,y\nsum,3\n',
      { skipLines: 1, comment: '#', footerRows: 1 },
      '1,x\n2,y\n',
    ],
    ['line ends become one', 'a,b\r\n1,x\r2,y\n3,z', { lineEnd: 'mixed' }, '1,x\n2,y\n3,z\n'],
    ['line ends in quotes stay', 'a,b\r\n1,"x\r\ny"\r\n', { lineEnd: '\r\n' }, '1,"x\r\ny"\n'],
    ['stray line ends are put in quotes', 'a,b\n1,x\ry"z"\n', {}, '1,"x\ry""z"""\n'],
    [
      'with the escape that there is',
      "a;b\n1;x\ry\\'z\n",
      { delimiter: ';', quote: "'", escape: '\\' },
      "1;'x\ry\\\\\\'z'\n",
    ],
    [
      'a quote that is never closed becomes one that is, with text behind it',
      'a,b\n1,x\n2,"y\n3,z\n',
      {},
      '1,x\n2,""x\n',
    ],
    ['text behind a closing quote stays a fault', 'a,b\n1,"x"\ry,"\n"\n2,z\n', {}, '1,""x\n2,z\n'],
    ['blanks around quotes are none', 'a,b\n 1, "x"  \n', {}, ' 1, "x"  \n'],
    [
      'what has no quotes gets them where it must',
      'a,b\n1,x"\n2,y\rz\n3,z\n',
      { quote: '', escape: '' },
      '1,"x"""\n2,"y\rz"\n3,z\n',
    ],
  ])('%s', async (_, text, like, expected) => {
    expect((await rewrite(text, like)).text).toBe(expected);
  });

  it('has the same records in the same order', async () => {
    const piece = fc.constantFrom('1', 'ab', '"', '""', ',', '\n', '\r\n', '\r', ' ', '#', '"q"', '"q\nr"', 'ü');
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join('')),
        fc.constantFrom<Partial<CsvDialect>>(
          {},
          { lineEnd: '\r\n' },
          { lineEnd: 'mixed' },
          { lineEnd: '\r' },
          { comment: '#' },
          { footerRows: 2 },
        ),
        async (text, like) => {
          const dialect = { ...PLAIN, ...like };
          const tidy = await rewrite(text, like);
          const before = await countRecords(join(folder, 'in.csv'), dialect, { columns: 2 });
          const after = await countRecords(join(folder, 'out-0.csv'), tidy.dialect, { columns: 2 });
          expect(after.records).toBe(before.records);
        },
      ),
      { numRuns: 300, examples: [['1\r\n"q\nr"\r"q\nr"', {}]] },
    );
  });
});

describe('records with their bytes', () => {
  it('are the same however the file comes in chunks', async () => {
    const text = Array.from({ length: 30 }, (_, i) =>
      i % 3 === 0 ? `${i},"line\r\nline ${i}"\n` : `${i},${'x'.repeat(i)}\n\n`,
    ).join('');
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }),
        fc.nat(60),
        async (sizes, maxBytes) => {
          async function* chunks() {
            for (let at = 0, i = 0; at < text.length; i++) {
              // The same memory again and again, as files are read.
              const size = sizes[i % sizes.length]!;
              const memory = Buffer.from(text.slice(at, at + size));
              yield memory;
              memory.fill('?');
              at += size;
            }
          }
          const dialect = { ...PLAIN, headerRows: 0 };
          let seen = 0;
          for await (const records of csvRecords(chunks(), dialect, {
            columns: 2,
            wants: ({ index }) => index % 2 === 0,
            maxBytes,
          })) {
            for (const { start, end, bytes, line } of records) {
              expect(bytes.toString()).toBe(text.slice(start, Math.min(end, start + maxBytes)));
              expect(line).toBe(text.slice(0, start).split('\n').length);
              seen++;
            }
          }
          expect(seen).toBe(15);
        },
      ),
    );
  });
});
