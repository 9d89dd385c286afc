import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { seededRandom } from '../../../../bench/kit/random.ts';
import { type CsvFindings, sniffCsv } from '../../../../shared/formats/csv/sniff.ts';
import { mergeProfiles, settleDateOrder, typeOf } from '../../../../shared/formats/csv/types.ts';

/** Of so few rows a file is looked at as a whole. */
const PIECE_ROWS = 400;
const ROWS = 5000;

const HEADER = 'id,name,amount,seen,flag';
const NAMES = [
  'alpha',
  'Main Street',
  '"one, two"',
  '"say ""hi"""',
  '"two\nlines"',
  'Müller',
  '',
  'a name of some length',
];
const TIMES = ['2024-05-06 07:08:09', '2023-01-02T00:00:00.125Z', '2022-11-30', ''];
/** What a regular file does not have, or what makes a column another. */
const ODD = [
  '',
  '# a note',
  '1,x',
  '1,x,2.00,2024-05-06 07:08:09,true,more',
  '1,"open,2.00,2024-05-06 07:08:09,true',
  '1,"x" y,2.00,2024-05-06 07:08:09,true',
  '1,x\ry,2.00,2024-05-06 07:08:09,true',
  HEADER,
  '1,5" pipe,2.00,2024-05-06 07:08:09,true',
  '007,x,2.00,2024-05-06 07:08:09,true',
  '1,x,"2,50",2024-05-06 07:08:09,true',
  '1,x,2.125,06.05.2024,yes',
  'x1,x,2.00,2024-05-06 07:08:09,NA',
  '1,C:\\temp,2.00,2024-05-06 07:08:09,true',
  "1,'x',2.00,2024-05-06 07:08:09,true",
];

function rowsOf(seed: number): string[] {
  const random = seededRandom(seed);
  const of = (values: readonly string[]) => values[Math.floor(random() * values.length)]!;
  return Array.from({ length: ROWS }, (_, i) => {
    const amount = (Math.floor(random() * 1e7) / 100).toFixed(2);
    return `${i},${of(NAMES)},${amount},${of(TIMES)},${of(['true', 'false'])}`;
  });
}

function fileOf(rows: readonly string[], lineEnd: string): Buffer {
  return Buffer.from([HEADER, ...rows].map((row) => row + lineEnd).join(''));
}

const whole = (head: Buffer) => sniffCsv({ head, complete: true });

/** What pieces of a file that are looked at one by one say together. */
function together(pieces: readonly CsvFindings[]) {
  const profiles = pieces[0]!.columns.map((_, c) =>
    pieces.map(({ columns }) => columns[c]!.profile).reduce(mergeProfiles),
  );
  settleDateOrder(profiles);
  return profiles.map((profile) => ({ profile, ...typeOf(profile) }));
}

const change = fc.record({ at: fc.nat(ROWS - 1), odd: fc.constantFrom(...ODD) });

describe('a file that is written as its beginning is', () => {
  it('is what its pieces are that are looked at one by one', () => {
    let regular = 0;
    fc.assert(
      fc.property(
        fc.nat(),
        fc.array(change, { maxLength: 1 }),
        fc.constantFrom('\n', '\r\n'),
        (seed, changes, lineEnd) => {
          const rows = rowsOf(seed);
          for (const { at, odd } of changes) rows[at] = odd;
          const found = whole(fileOf(rows, lineEnd));
          const pieces = Array.from({ length: Math.ceil(ROWS / PIECE_ROWS) }, (_, i) =>
            whole(fileOf(rows.slice(i * PIECE_ROWS, (i + 1) * PIECE_ROWS), lineEnd)),
          );
          expect(found.regular).toBe(pieces.every((piece) => piece.regular));
          if (!found.regular) return;
          regular++;
          expect(found.dialect).toEqual(pieces[0]!.dialect);
          const said = found.columns.map(({ profile, type, format }) => ({ profile, type, format }));
          expect(said).toEqual(together(pieces).map(({ profile, type, format }) => ({ profile, type, format })));
          expect(found.sampledRows).toBe(pieces.reduce((sum, { sampledRows }) => sum + sampledRows, 0));
        },
      ),
      { numRuns: 30 },
    );
    expect(regular).toBeGreaterThan(10);
  }, 120_000);

  it('shows the same by samples, wherever these cut it', () => {
    const rows = rowsOf(1);
    const bytes = fileOf(rows, '\n');
    const types = whole(bytes).columns.map(({ type }) => type);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), fc.nat(20_000), fc.nat(3000), (cut, start, end) => {
        const head = bytes.subarray(0, bytes.length - 1000 - cut);
        const middle = bytes.subarray(start, bytes.length - end);
        const tail = bytes.subarray(bytes.length - 5000 - cut);
        const found = sniffCsv({ head, middle, tail, complete: false });
        expect(found.regular).toBe(true);
        expect(found.columns.map(({ type }) => type)).toEqual(types);
        expect(found.columns[0]!.profile).toMatchObject({ minInteger: '0', maxInteger: `${ROWS - 1}` });
      }),
      { numRuns: 40 },
    );
  }, 120_000);

  it('is not regular where a sample has a note, a row too long, or a quote astray', () => {
    const bytes = fileOf(rowsOf(2), '\n');
    const lines = bytes.toString().split('\n');
    const inner = lines
      .slice(2000, 2400)
      .filter((line) => /^\d+,[^"]*$/.test(line))
      .join('\n');
    const findings = (part: 'middle' | 'tail', odd: string) =>
      sniffCsv({ head: bytes, [part]: Buffer.from(`cut\n${inner}\n${odd}\n${inner}\n`), complete: false });
    for (const part of ['middle', 'tail'] as const) {
      expect(findings(part, '1,x,2.00,2024-05-06 07:08:09,true').regular).toBe(true);
      for (const odd of ODD.slice(1, 6)) expect([part, odd, findings(part, odd).regular]).toEqual([part, odd, false]);
    }
    const below = sniffCsv({ head: bytes, tail: Buffer.from(`cut\n${inner}\nTotal,,,,\n`), complete: false });
    expect(below).toMatchObject({ regular: false, dialect: { footerRows: 1 } });
  });
});
