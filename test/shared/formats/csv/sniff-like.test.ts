import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type CsvFindings, sniffCsv } from '../../../../shared/formats/csv/sniff.ts';
import { KnownFiles } from '../../../../shared/formats/csv/sniff-like.ts';

const HEADER = 'id,name,amount,seen';
const AS_KNOWN = 'as in another file with the same header';

const plainRow = fc
  .tuple(
    fc.integer({ min: 0, max: 99_999 }),
    fc.constantFrom('alpha', 'Main Street', '"one, two"', '"say ""hi"""', '"two\nlines"', 'Müller', ''),
    fc.integer({ min: -999, max: 99_999 }).map((n) => (n / 100).toFixed(2)),
    fc.constantFrom('2024-05-06 07:08:09', '2023-01-02 00:00:00', ''),
  )
  .map((fields) => fields.join(','));

/** Rows and lines that a regular file does not have, or that mean something else than they seem to. */
const oddRow = fc.constantFrom(
  '',
  '# a note',
  '#7,x,1.00,2024-05-06 07:08:09',
  '1,x',
  '1,x,2.00,2024-05-06 07:08:09,more',
  'Total,,,',
  ',,,',
  "1,'quoted, so',2.00,2024-05-06 07:08:09",
  '1,C:\\\\temp,2.00,2024-05-06 07:08:09',
  '1,5" pipe,2.00,2024-05-06 07:08:09',
  '1,"open,2.00,2024-05-06 07:08:09',
  '1,x\ry,2.00,2024-05-06 07:08:09',
  'number,text,EUR,time',
  HEADER,
  '1,x,"2,50",06.05.2024',
  '1,x,"1,234",2024-05-06',
  '1,x,"1,234.50",2024-05-06 07:08:09.5Z',
  '1, x, 2.00, 2024-05-06 07:08:09',
  ' 1 ,x,2.00 ,2024-05-06 07:08:09',
  'NA,NULL,N/A,',
  'true,"yes",inf,May 3 2024',
  '"1","x","2.00","2024-05-06 07:08:09"',
  '"id",name,"amount",seen',
  'id,x,2.00,2024-05-06 07:08:09',
  '1,"x" ,2.00,2024-05-06 07:08:09',
  '1,"two\r\nlines",2.00,2024-05-06 07:08:09',
  '1,x\x7fy,2.00,2024-05-06 07:08:09',
  '1,x\x01y,2.00,2024-05-06 07:08:09',
  '007,x,2,2024-05-06',
);

function fileOf(rows: readonly string[], lineEnd = '\n', header = HEADER): Buffer {
  return Buffer.from([header, ...rows].map((row) => row + lineEnd).join(''));
}

/** All that a load depends on. */
function essence({ dialect, columns, regular, sampledRows }: CsvFindings): unknown {
  return { dialect, columns, regular, sampledRows };
}

function isAsKnown({ reasons }: CsvFindings): boolean {
  return reasons.some((reason) => reason.includes(AS_KNOWN));
}

describe('a file with the header of a known one', () => {
  const knownOf = (bytes: Uint8Array) => {
    const known = new KnownFiles();
    known.add(bytes, sniffCsv({ head: bytes, complete: true }));
    return known;
  };
  const row = (i: number) => `${i},alpha,${i}.25,2024-05-06 07:08:09`;
  const first = fileOf(Array.from({ length: 20 }, (_, i) => row(i)));

  it('is found to be what it is found to be by itself', () => {
    const known = knownOf(first);
    let alike = 0;
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 30, arbitrary: plainRow }, { weight: 1, arbitrary: oddRow }), {
          minLength: 4,
          maxLength: 30,
        }),
        fc.constantFrom('\n', '\n', '\n', '\r\n'),
        (rows, lineEnd) => {
          const head = fileOf(rows, lineEnd);
          const alone = sniffCsv({ head, complete: true });
          const found = sniffCsv({ head, complete: true }, {}, { known: known.like(head) });
          expect(essence(found)).toEqual(essence(alone));
          if (isAsKnown(found)) alike++;
        },
      ),
      { numRuns: 1000 },
    );
    expect(alike).toBeGreaterThan(200);
  });

  it('is so also where numbers have a decimal comma', () => {
    const header = 'Nr;Ort;Preis';
    const like = (price: string) =>
      fileOf(
        Array.from({ length: 12 }, (_, i) => `${i};Ulm;${price}`),
        '\n',
        header,
      );
    const known = knownOf(like('2,50'));
    const found = ['3,75', '1.200,50', '1.200', '2.50', '7'].map((price) => {
      const head = like(price);
      const alone = sniffCsv({ head, complete: true });
      const beside = sniffCsv({ head, complete: true }, {}, { known: known.like(head) });
      expect(essence(beside)).toEqual(essence(alone));
      return isAsKnown(beside);
    });
    // digits are grouped there, as they are not in the known one
    expect(found).toEqual([true, false, true, true, true]);
    for (const options of [{ decimalComma: true }, { thousands: '.' }, { nullTokens: ['7'] }, { dateFormat: '%d' }]) {
      const head = like('7');
      const beside = sniffCsv({ head, complete: true }, options, { known: known.like(head) });
      expect(essence(beside)).toEqual(essence(sniffCsv({ head, complete: true }, options)));
    }
  });

  it('is so also where every delimiter has a blank behind it', () => {
    const known = knownOf(first);
    const head = fileOf(Array.from({ length: 30 }, (_, i) => row(i).replaceAll(',', ', ')));
    const found = sniffCsv({ head, complete: true }, {}, { known: known.like(head) });
    expect(essence(found)).toEqual(essence(sniffCsv({ head, complete: true })));
    expect(found.dialect.skipInitialSpace).toBe(true);
  });

  it('need not have the types of the known one', () => {
    const known = knownOf(first);
    const head = fileOf(['1,alpha,1.5,x', '2,beta,,y', '3,gamma,2.75,z']);
    const found = sniffCsv({ head, complete: true }, {}, { known: known.like(head) });
    expect(essence(found)).toEqual(essence(sniffCsv({ head, complete: true })));
    const texts = fileOf(['1,alpha,1.25,2024-05-06 07:08:09', 'x7,beta,12,2024-05-06']);
    const typed = sniffCsv({ head: texts, complete: true }, {}, { known: known.like(texts) });
    expect(isAsKnown(typed)).toBe(true);
    expect(typed.columns.map(({ type }) => type)).toEqual(['string', 'string', 'double', 'timestamp']);
  });

  it('is looked at anew where it is cut, or its header is another', () => {
    const known = knownOf(first);
    const another = fileOf([row(1), row(2)], '\n', 'id,name,amount,day');
    expect(known.like(another)).toBeUndefined();
    const cut = sniffCsv({ head: first, complete: false }, {}, { known: known.like(first) });
    expect(isAsKnown(cut)).toBe(false);
  });

  it('must be the like of a regular one', () => {
    const irregular = fileOf([row(1), '2,short', row(3), row(4), row(5)]);
    expect(knownOf(irregular).like(first)).toBeUndefined();
  });
});
