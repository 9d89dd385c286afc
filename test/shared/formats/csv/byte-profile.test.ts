import { isAscii } from 'node:buffer';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ByteProfile, byteRules } from '../../../../shared/formats/csv/byte-profile.ts';
import { type ProfileOptions, profileValues } from '../../../../shared/formats/csv/types.ts';

function fromBytes(values: readonly string[], options: ProfileOptions) {
  const profile = new ByteProfile(byteRules(options));
  for (const value of values) {
    // in the middle of other bytes, which it must not look at
    const bytes = Buffer.from(`7${value}9`);
    profile.add(bytes, 1, bytes.length - 1, isAscii(bytes));
  }
  return profile.profile(options);
}

const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 20 });
const value = fc.oneof(
  fc.constantFrom(
    '',
    'NA',
    'NULL',
    'N',
    'null',
    'NaN',
    'true',
    'FALSE',
    'yes',
    't',
    'F',
    'inf',
    'Infinity',
    'INF',
    'info',
  ),
  fc.constantFrom('May 3, 2024', 'September-5-24', '3 May 2024', 'Mai 2024', 'March', 'Sunday 3', 'ab-12', 'Straße 5'),
  fc.constantFrom(
    '2024-02-29',
    '2023-02-29',
    '2024-05-06 07:08:09',
    '2024-05-06T07:08:09.120Z',
    '2024-05-06T07:08:09.',
    '07:08',
  ),
  fc.constantFrom(
    '06.05.2024',
    '2024-05-06 24:00:00',
    '2024-05-06T07:08:09+02:00',
    '20240506',
    '2024-5-6',
    '2024-05-06T07:08:09z',
  ),
  fc.constantFrom(
    ' 12',
    '12 ',
    'word ',
    ' longer text',
    'longer text ',
    '-',
    '-0',
    '+5',
    '.5',
    '5.',
    '1e5',
    '1,5',
    '1_000',
    '-.5',
  ),
  fc.constantFrom(
    '00',
    '0',
    '0.10',
    '007.5',
    '-0.0',
    '-12.50',
    '1.2.3',
    '12.5%',
    '9'.repeat(15),
    '9'.repeat(16),
    '9'.repeat(19),
  ),
  digits,
  fc.tuple(digits, digits).map(([whole, fraction]) => `-${whole}.${fraction}`),
  fc.string({ unit: fc.constantFrom(...'abIi -05.:é'), maxLength: 12 }),
  fc
    .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
    .map((d) => d.toISOString()),
);
const options = fc.constantFrom<ProfileOptions>(
  {},
  { nullTokens: ['-999', '?', 'unknown'] },
  { nullTokens: [] },
  { dateFormat: '%Y%m%d' },
  { timestampFormat: '%d.%m.%Y %H:%M' },
);

describe('the evidence of values from their bytes', () => {
  it('is that from their texts', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 40 }), options, (values, given) => {
        expect(fromBytes(values, given)).toEqual(profileValues(values, given));
      }),
      { numRuns: 2000 },
    );
  });

  it('is so of more different words than are counted one by one', () => {
    const words = Array.from({ length: 3000 }, (_, i) => `w${(i % 700).toString(36)}`);
    expect(fromBytes(words, {})).toEqual(profileValues(words, {}));
  });

  it('keeps the texts that are to be judged as such, and no others', () => {
    const profile = new ByteProfile(byteRules({}));
    const bytes = Buffer.from('12|1.50|2024-05-06|text|a longer text|1,5|007');
    for (let start = 0, end = 0; end < bytes.length; start = end + 1) {
      end = bytes.indexOf('|', start);
      if (end < 0) end = bytes.length;
      profile.add(bytes, start, end, true);
    }
    expect(profile.rest).toEqual(['1,5', '007']);
    expect(profile.decimals).toBe(1);
  });
});
