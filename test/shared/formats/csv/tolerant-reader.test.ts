import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { misfitReason, readTolerant, type TolerantRow } from '../../../../shared/formats/csv/tolerant-reader.ts';
import type { CsvDialect } from '../../../../shared/formats/csv-dialect.ts';
import { dialectOf } from '../../../fixtures/csv-text.ts';

const DIALECT = dialectOf();

const chunksOf = (bytes: Buffer, size: number) =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));

async function read(bytes: Buffer, dialect: Partial<CsvDialect>, columns: number, chunkBytes = 1 << 20) {
  const rows: TolerantRow[] = [];
  for await (const some of readTolerant(chunksOf(bytes, chunkBytes), { ...DIALECT, ...dialect }, { columns })) {
    rows.push(...some);
  }
  return rows;
}

const fieldsOf = (rows: TolerantRow[]) => rows.map((row) => row.fields);

describe('readTolerant', () => {
  it('takes a quoted text of very many lines for one, and rows behind a stray quote for rows', async () => {
    const lines = (line: string) => Array.from({ length: 1_000 }, () => line).join('\n');
    const text = await read(Buffer.from(`1,"${lines('x,y of it')}",z\n2,b,c\n`), {}, 3, 1 << 12);
    expect(text.map((row) => [row.fields[0], row.verdict, row.mended])).toEqual([
      ['1', 'fits', false],
      ['2', 'fits', false],
    ]);
    const rows = await read(Buffer.from(`1,"a,z\n${lines('5,b,c')}\n2,b",c\n`), {}, 3, 1 << 12);
    expect(rows).toHaveLength(1_002);
    expect(rows[0]!.fields).toEqual(['1', '"a', 'z']);
  });

  it('gives verdicts and reasons, and shifts nothing', async () => {
    const rows = await read(Buffer.from('a,b,c\n1,2\n1,2,3,4\n1,2,3,\n'), {}, 3);
    expect(rows.map((row) => row.verdict)).toEqual(['fits', 'short', 'long', 'fits']);
    expect(misfitReason(rows[1]!, 3)).toBe('the row has 2 fields where 3 are expected');
    expect(rows[2]).toMatchObject({
      fields: ['1', '2', '3', '4'],
      line: 3,
      byteOffset: 10,
      byteEnd: 18,
      raw: '1,2,3,4',
    });
    expect(rows[3]!.fields).toEqual(['1', '2', '3']);
  });

  it.each([
    ['UTF-8', 'utf-8', Buffer.from('é,"ü\nß"\n1,x\n')],
    ['UTF-16 LE', 'utf-16le', Buffer.from('é,"ü\nß"\n1,x\n', 'utf16le')],
    ['UTF-16 BE', 'utf-16be', Buffer.from('é,"ü\nß"\n1,x\n', 'utf16le').swap16()],
    ['Latin-1', 'latin-1', Buffer.from('é,"ü\nß"\n1,x\n', 'latin1')],
  ] as const)('counts lines and bytes in %s', async (_, encoding, bytes) => {
    const rows = await read(bytes, { encoding }, 2, 3);
    expect(fieldsOf(rows)).toEqual([
      ['é', 'ü\nß'],
      ['1', 'x'],
    ]);
    const unit = encoding.startsWith('utf-16') ? 2 : 1;
    expect(rows[1]).toMatchObject({ line: 3, byteOffset: bytes.length - 4 * unit, byteEnd: bytes.length });
  });

  it('takes the same for blank in every encoding', async () => {
    const text = '1,\ufeff,\n2,\u00a0,\n\u00a0\n3,\t,\n';
    for (const [encoding, bytes] of [
      ['utf-8', Buffer.from(text)],
      ['utf-16le', Buffer.from(text, 'utf16le')],
    ] as const) {
      const rows = await read(bytes, { encoding }, 2);
      expect(rows.map((row) => row.verdict)).toEqual(['fits', 'fits', 'short', 'long']);
    }
  });

  it('loses nothing of a file that ends in half a code unit', async () => {
    const bytes = Buffer.from('1,a\n2,b\n', 'utf16le').subarray(0, -1);
    const rows = await read(bytes, { encoding: 'utf-16le' }, 2, 3);
    expect(fieldsOf(rows)).toEqual([
      ['1', 'a'],
      ['2', 'b\ufffd'],
    ]);
  });

  it('passes over a blank before a quote, also behind a tab', async () => {
    const rows = await read(Buffer.from('"a"\t "b\tc"\nd\t "e" \n'), { delimiter: '\t' }, 2);
    expect(fieldsOf(rows)).toEqual([
      ['a', 'b\tc'],
      ['d', 'e'],
    ]);
  });

  it('keeps offsets right behind bytes that the encoding has not', async () => {
    const rows = await read(Buffer.concat([Buffer.from('a,'), Buffer.of(0xe7, 0xff), Buffer.from('\nb,c\n')]), {}, 2);
    expect(rows).toMatchObject([{ fields: ['a', '\ufffd\ufffd'] }, { fields: ['b', 'c'], byteOffset: 5 }]);
  });

  it('passes over mark, title, header, comments, blank lines and notes', async () => {
    const text = '\ufeffTitle "odd\n\nx,y\n#c "\n1,2\n\n# d\n3,4\nThe end\n';
    const dialect = { bomBytes: 3, skipLines: 2, headerRows: 1, comment: '#', footerRows: 1 };
    for (const size of [1, 2, 5, 100]) {
      const rows = await read(Buffer.from(text), dialect, 2, size);
      expect(rows.map(({ fields, line }) => [line, ...fields])).toEqual([
        [5, '1', '2'],
        [8, '3', '4'],
      ]);
    }
  });

  it('takes a quote that nothing closes for a part of its value, and loses no row below', async () => {
    const below = Array.from({ length: 500 }, (_, i) => `${i},x`).join('\n');
    const rows = await read(Buffer.from(`a,"b\n${below}\n`), {}, 2, 64);
    expect(rows).toHaveLength(501);
    expect(rows[0]).toMatchObject({ fields: ['a', '"b'], mended: true, verdict: 'fits' });
    expect(rows.at(-1)!.fields).toEqual(['499', 'x']);
  });

  it('reads a slice from inside: its own first byte and line, no header', async () => {
    const rows: TolerantRow[] = [];
    const dialect = { ...DIALECT, headerRows: 1, skipLines: 3 };
    for await (const some of readTolerant([Buffer.from('5,6\n7\n')], dialect, {
      columns: 2,
      firstByte: 100,
      firstLine: 20,
    })) {
      rows.push(...some);
    }
    expect(rows).toMatchObject([
      { fields: ['5', '6'], line: 20, byteOffset: 100 },
      { fields: ['7'], line: 21, byteOffset: 104, verdict: 'short' },
    ]);
  });

  const soup = fc.array(
    fc.constantFrom('a', 'é', ',', ',', '"', '"', '\n', '\n', '\r\n', '\r', '\\', ' ', '#', '\ufffd', '😀'),
    {
      maxLength: 80,
    },
  );
  const dialects = fc.record({
    lineEnd: fc.constantFrom('\n' as const, '\r' as const, 'mixed' as const),
    escape: fc.constantFrom('"', '\\'),
    comment: fc.constantFrom('', '#'),
    encoding: fc.constantFrom('utf-8' as const, 'utf-16le' as const, 'utf-16be' as const),
  });

  it('finds the same rows whatever the chunks', async () => {
    await fc.assert(
      fc.asyncProperty(soup, dialects, fc.integer({ min: 1, max: 9 }), async (pieces, dialect, size) => {
        const bytes = encode(pieces.join(''), dialect.encoding);
        expect(await read(bytes, dialect, 2, size)).toEqual(await read(bytes, dialect, 2));
      }),
    );
  });

  it('gives each row the bytes it came from, in order and without overlap', async () => {
    await fc.assert(
      fc.asyncProperty(soup, dialects, async (pieces, dialect) => {
        const bytes = encode(pieces.join(''), dialect.encoding);
        let end = 0;
        for (const row of await read(bytes, dialect, 2)) {
          expect(row.byteOffset).toBeGreaterThanOrEqual(end);
          end = row.byteEnd;
          const decoder = new TextDecoder(dialect.encoding, { ignoreBOM: true });
          const there = decoder.decode(bytes.subarray(row.byteOffset, row.byteEnd));
          expect(there.replace(/\r?\n$|\r$/, '')).toBe(row.raw);
        }
        expect(end).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });
});

function encode(text: string, encoding: 'utf-8' | 'utf-16le' | 'utf-16be'): Buffer {
  if (encoding === 'utf-8') return Buffer.from(text);
  const bytes = Buffer.from(text, 'utf16le');
  return encoding === 'utf-16be' ? bytes.swap16() : bytes;
}
