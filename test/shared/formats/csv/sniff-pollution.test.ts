import { describe, expect, it } from '@jest/globals';
import { EmptyObject } from '../../../../shared/errors.ts';
import { type CsvFindings, sniffCsv } from '../../../../shared/formats/csv/sniff.ts';
import { readTolerant } from '../../../../shared/formats/csv/tolerant-reader.ts';
import { cleanTables, type Polluted, pollute } from '../../../fixtures/csv-pollution.ts';

/** The header, the first row, the last one and one in the middle are polluted; the bench takes them all. */
const files = cleanTables().flatMap((table) => {
  const last = table.rows.length;
  return pollute(table, (row) => row < 2 || row === last >> 1 || row === last);
});
const kinds = new Map<string, Polluted[]>();
for (const file of files) {
  const kind = file.name
    .replace(/^[a-z]+\//, '')
    .replace(/row \d+/, 'a row')
    .replace(/(before|in) \d+/, '$1 a field');
  kinds.set(kind, [...(kinds.get(kind) ?? []), file]);
}

async function read({ bytes }: Polluted, { dialect, columns }: CsvFindings) {
  const rows: string[][] = [];
  let rejected = 0;
  for await (const some of readTolerant([bytes], dialect, { columns: columns.length })) {
    for (const row of some) {
      if (row.verdict === 'fits') rows.push(row.fields);
      else rejected++;
    }
  }
  return { rows, rejected };
}

function namesOf({ header, namesMayLack }: Polluted, { dialect, columns }: CsvFindings): string[] {
  if (dialect.headerRows === 0) return [];
  return columns.map(({ original }, c) => {
    const whole = header[c] ?? '';
    const merged = [header.slice(c - 1, c + 1).join(''), header.slice(c, c + 2).join('')];
    // a name that is there must be that of its column
    return namesMayLack && (original === '' || merged.includes(original)) ? whole : original;
  });
}

describe('every pollution of every table', () => {
  it.each([...kinds])('%s', async (_, polluted) => {
    for (const file of polluted) {
      if (file.empty) {
        expect(() => sniffCsv({ head: file.bytes, complete: true })).toThrow(EmptyObject);
        continue;
      }
      const found = sniffCsv({ head: file.bytes, complete: true });
      const { delimiter, skipInitialSpace } = found.dialect;
      const got = {
        file: file.name,
        delimiter: delimiter + (skipInitialSpace ? ' ' : ''),
        ...(await read(file, found)),
      };
      expect({ ...got, header: namesOf(file, found), headerRows: found.dialect.headerRows }).toEqual({
        file: file.name,
        delimiter: file.delimiter,
        rows: file.rows,
        rejected: file.rejected,
        header: file.header,
        headerRows: file.headerRows,
      });
    }
  });
});
