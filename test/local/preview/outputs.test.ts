import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import Papa from 'papaparse';
import { csvText } from '../../../local/preview/csv-text.ts';
import { outputNames } from '../../../local/preview/preview-outputs.ts';

describe('outputNames', () => {
  it('are those of the files without their endings', () => {
    expect(outputNames(['in/a.csv', 'b.tsv', 'c.csv.gz', 'd.zip', 'e', '.f', 'g.2020.txt'])).toEqual([
      'a',
      'b',
      'c',
      'd',
      'e',
      '.f',
      'g.2020',
    ]);
  });

  it('keep the endings where files would share a name, and get a number where that does not part them', () => {
    expect(outputNames(['a.csv', 'a.tsv', 'b.csv'])).toEqual(['a.csv', 'a.tsv', 'b']);
    expect(outputNames(['x/a.csv', 'y/a.csv', 'a.csv.csv'])).toEqual(['a.csv-2', 'a.csv-3', 'a.csv']);
  });

  it('are never the same for two files', () => {
    const name = fc.constantFrom('a', 'a.csv', 'b/a.csv', 'a.csv-2', 'a.csv.csv', 'a.tsv', 'a.csv.gz');
    fc.assert(fc.property(fc.array(name), (files) => expect(new Set(outputNames(files)).size).toBe(files.length)));
  });
});

describe('csvText', () => {
  it('is read back as the same rows by another reader', () => {
    const value = fc.oneof(fc.constant(null), fc.string(), fc.constantFrom('', '"', 'a,b', 'a\r\nb', ' x ', '\ufeffx'));
    const rows = fc
      .integer({ min: 1, max: 4 })
      .chain((columns) =>
        fc.array(fc.array(value, { minLength: columns, maxLength: columns }), { minLength: 1, maxLength: 20 }),
      );
    fc.assert(
      fc.property(rows, (table) => {
        const { data } = Papa.parse<string[]>(csvText(table).slice(0, -1), { delimiter: ',', newline: '\n' });
        expect(data).toEqual(table.map((row) => row.map((each) => each ?? '')));
      }),
    );
  });
});
