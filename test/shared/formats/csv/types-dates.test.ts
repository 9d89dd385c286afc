import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ISO, readTemporal, type TemporalReading } from '../../../../shared/formats/csv/types-dates.ts';

const read = (text: string): TemporalReading => {
  const reading: TemporalReading = { kind: 'none', formats: [], offset: false, fractionDigits: 0 };
  readTemporal(text, reading);
  return reading;
};

const FORM = /^(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d):(\d\d)(?:\.(\d{1,12}))?(Z)?)?$/;

/** What ISO 8601 says of a text that has its usual form. */
function expected(match: RegExpExecArray): TemporalReading | undefined {
  const [, year, month, day, hour, minute, second, fraction, zone] = match;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  const isDate = date.toISOString().slice(0, 10) === `${year}-${month}-${day}` && Number(year) > 0;
  const isTime = Number(hour ?? 0) < 24 && Number(minute ?? 0) < 60 && Number(second ?? 0) < 60;
  if (!isDate || !isTime) return undefined;
  return {
    kind: hour === undefined ? 'date' : 'timestamp',
    formats: [ISO],
    offset: zone !== undefined,
    fractionDigits: (fraction ?? '').replace(/0+$/, '').length,
  };
}

describe('ISO 8601 as most write it', () => {
  const pair = (max: number) => fc.integer({ min: 0, max }).map((n) => String(n).padStart(2, '0'));
  const written = fc
    .tuple(
      fc.constantFrom('0000', '0001', '1900', '2000', '2023', '2024'),
      pair(14),
      pair(33),
      fc.constantFrom('', ' ', 'T'),
      pair(25),
      pair(61),
      pair(61),
      fc.constantFrom('', '.0', '.5', '.120', '.123456', '.1234567890123'),
      fc.constantFrom('', 'Z'),
    )
    .map(([year, month, day, between, hour, minute, second, fraction, zone]) =>
      between === ''
        ? `${year}-${month}-${day}`
        : `${year}-${month}-${day}${between}${hour}:${minute}:${second}${fraction}${zone}`,
    );

  it('is read as it is meant, and nothing else for it', () => {
    fc.assert(
      fc.property(
        written,
        fc.option(fc.tuple(fc.nat(30), fc.constantFrom('x', '/', ' ', '9', ':', '-', '.', 'Z'))),
        (text, change) => {
          const changed = change ? text.slice(0, change[0]) + change[1] + text.slice(change[0] + 1) : text;
          const match = FORM.exec(changed);
          const found = read(changed);
          const meant = match ? expected(match) : undefined;
          if (meant) expect([changed, found]).toEqual([changed, meant]);
          // Other forms may be dates too, but then by another pattern.
          else expect([changed, found.formats.includes(ISO) && match !== null]).toEqual([changed, false]);
        },
      ),
      { numRuns: 20_000 },
    );
  });
});
