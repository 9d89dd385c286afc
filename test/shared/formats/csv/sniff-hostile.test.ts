import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SluiceError } from '../../../../shared/errors.ts';
import { sniffCsv } from '../../../../shared/formats/csv/sniff.ts';
import { readTolerant } from '../../../../shared/formats/csv/tolerant-reader.ts';

async function readAll(bytes: Buffer): Promise<{ columns: number; records: number }> {
  const { dialect, columns } = sniffCsv({ head: bytes, complete: true });
  let records = 0;
  for await (const rows of readTolerant([bytes], dialect, { columns: columns.length })) records += rows.length;
  return { columns: columns.length, records };
}

/** Each would take minutes in a reader that looks through the rest of the text from every quote, or lays every name over every column. */
const HOSTILE: [string, string, { columns?: number; records?: number }][] = [
  ['quotes that follow one another', '"'.repeat(1 << 18), {}],
  ['quotes and commas in one line', '",'.repeat(1 << 17), {}],
  ['a quote in every line', 'a,"b\n'.repeat(1 << 16), { columns: 2, records: 1 << 16 }],
  ['two quotes in every line', 'a,""b\n'.repeat(1 << 16), { columns: 2, records: 1 << 16 }],
  ['quotes inside all fields', 'a "b" c,d "e" f\n'.repeat(1 << 14), { columns: 2, records: 1 << 14 }],
  ['one quote that nothing closes', `a,"b\n${'x,y\n'.repeat(1 << 16)}`, { columns: 2 }],
  ['words in one line', 'word '.repeat(1 << 17), {}],
  ['tables one below another', 'a,b,c\n1,2,3\n4,5,6\n\n'.repeat(1 << 13), { columns: 3 }],
  ['backslashes and quotes', '\\"'.repeat(1 << 18), {}],
  [
    '17,000 columns',
    `${Array.from({ length: 17_000 }, (_, c) => `c${c}`).join()}\n${`${Array(17_000).fill('x1').join()}\n`.repeat(9)}`,
    { columns: 17_000 },
  ],
];

describe('a text made to be hard', () => {
  it.each(HOSTILE)('%s', async (_, text, expected) => {
    expect(await readAll(Buffer.from(text))).toMatchObject(expected);
  });

  it('of a million columns is refused', async () => {
    const refused = readAll(Buffer.from(`${','.repeat(1 << 20)}\n`));
    await expect(refused).rejects.toThrow('1048577 columns parted by "," where 200000 are possible');
  });

  it('of any bytes is read, or refused by name', async () => {
    const piece = fc.constantFrom(
      '"',
      "'",
      ',',
      ';',
      '\t',
      '\n',
      '\r',
      '\\',
      '\0',
      '\ufeff',
      'a',
      '1',
      ' ',
      '""',
      '\xff',
    );
    const text = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(''));
    await fc.assert(
      fc.asyncProperty(text, fc.constantFrom('latin1', 'utf8', 'utf16le'), async (each, encoding) => {
        try {
          await readAll(Buffer.from(each, encoding as BufferEncoding));
        } catch (error) {
          expect(error).toBeInstanceOf(SluiceError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
