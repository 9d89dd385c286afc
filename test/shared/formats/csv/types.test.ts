import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { emptyProfile, mergeProfiles, profileValues, typeOf } from '../../../../shared/formats/csv/types.ts';

const infer = (values: (string | null)[], options = {}) => {
  const { type, format } = typeOf(profileValues(values, options));
  return format === undefined ? type : `${type} ${format}`;
};

describe('typeOf', () => {
  it.each<[string, (string | null)[], string]>([
    ['whole numbers', ['1', '-20', '+3'], 'bigint'],
    ['whole numbers with blanks around', [' 1', '2 '], 'bigint'],
    ['numbers and missing ones', ['1', 'NA', '', null, 'NaN', '\\N', 'N/A', 'null', 'NULL'], 'bigint'],
    ['a constant scale with a written zero', ['1.50', '22.25'], 'decimal(18,2)'],
    ['a constant scale by chance', ['1.52', '22.25'], 'double'],
    ['a constant scale of many', Array.from({ length: 10 }, (_, i) => `${i}.55`), 'decimal(18,2)'],
    ['a changing scale', ['1.50', '22.2'], 'double'],
    ['a scale and whole numbers', ['151.55', '0', '26.2833'], 'double'],
    ['many digits before a constant scale', ['12345678901234567.10', '1.50'], 'decimal(38,2)'],
    ['exponents', ['1e5', '2.5E-3'], 'double'],
    ['infinities', ['inf', '-Infinity', '1.5'], 'double'],
    ['leading zeros', ['00501', '12345'], 'string'],
    ['a zero alone', ['0', '10'], 'bigint'],
    ['zero point something', ['0.5', '0.25'], 'double'],
    ['19 digits and more', ['1234567890123456789', '1'], 'string'],
    ['18 digits', ['123456789012345678', '1'], 'bigint'],
    ['telephone numbers', ['+491234567', '+491234568'], 'string'],
    ['true and false', ['true', 'FALSE', 'True'], 'boolean'],
    ['only true', ['true', 'true'], 'boolean'],
    ['Y and N', ['Y', 'N', 'NA'], 'boolean'],
    ['only N', ['N', 'N'], 'string'],
    ['yes and no', ['yes', 'No'], 'boolean'],
    ['words of two pairs', ['yes', 'false'], 'string'],
    ['0 and 1', ['0', '1'], 'bigint'],
    ['ISO dates', ['2020-02-29', '1999-12-31'], 'date'],
    ['no such day', ['2019-02-29', '1999-12-31'], 'string'],
    ['day first, proven', ['31/12/2019', '01/02/2020'], 'date %d/%m/%Y'],
    ['month first, proven', ['12/31/2019', '1/2/2020'], 'date %m/%d/%Y'],
    ['neither proven', ['01/02/2020', '03/04/2020'], 'string'],
    ['both at once', ['31/12/2019', '12/31/2019'], 'string'],
    ['dots, proven', ['31.12.2019'], 'date %d.%m.%Y'],
    ['dots, not proven', ['01.02.2019'], 'string'],
    ['year first', ['2019/12/31'], 'date %Y/%m/%d'],
    ['names of months', ['Jan 1 2000', 'Feb 29 2000'], 'date %b %d %Y'],
    ['May alone', ['May 1 2000', 'May 2 2000'], 'date %b %d %Y'],
    ['long names', ['January 1, 2000', 'May 2, 2000'], 'date %B %d, %Y'],
    ['day, name, year', ['01-Jan-99', '15-Feb-20'], 'date %d-%b-%y'],
    ['ISO timestamps', ['2020-01-01T10:00:00', '2020-01-01 10:00:00.123456'], 'timestamp'],
    ['offsets', ['2020-01-01T10:00:00+02:00', '2020-01-01T10:00:00Z'], 'timestamp'],
    ['dates among timestamps', ['2020-01-01', '2020-01-01 10:00'], 'timestamp'],
    ['nanoseconds', ['2020-01-01T10:00:00.123456789'], 'string'],
    ['nanoseconds that are microseconds', ['2020-01-01T10:00:00.123456000'], 'timestamp'],
    ['no such hour', ['2020-01-01 25:00:00'], 'string'],
    ['timestamps with slashes', ['2015/01/01 01:00:00'], 'timestamp %Y/%m/%d %H:%M:%S'],
    ['afternoons', ['12/31/2019 3:04 PM'], 'timestamp %m/%d/%Y %I:%M %p'],
    ['fractions and whole seconds', ['12/31/2019 03:04:05.5', '12/31/2019 03:04:05'], 'string'],
    ['times', ['10:00', '23:59:59'], 'string'],
    ['text', ['a', 'b'], 'string'],
    ['a number among text', ['1', 'b'], 'string'],
    ['nothing', ['', null], 'string'],
    ['null tokens alone', ['NA', 'NA'], 'string'],
  ])('%s', (_, values, expected) => {
    expect(infer(values)).toBe(expected);
  });

  it('reads decimal commas and grouped digits where the dialect has them', () => {
    const numbers = { decimalComma: true, thousands: '.' };
    expect(infer(['1.234,50', '12,75', '3.000.000,10'], { numbers })).toBe('decimal(18,2)');
    expect(infer(['1.234', '12.345.678'], { numbers })).toBe('bigint');
    expect(infer(['1.23', '12.345.678'], { numbers })).toBe('string');
    expect(infer(['1,234.50', '12.75'], { numbers: { decimalComma: false, thousands: ',' } })).toBe('decimal(18,2)');
  });

  it('keeps the type of a long column in which a value in a thousand does not fit, and says so', () => {
    const values = Array.from({ length: 2000 }, (_, i) => String(i));
    values[7] = 'oops';
    expect(typeOf(profileValues(values))).toEqual({ type: 'bigint', doubt: expect.stringContaining('1 of 2000') });
    values[8] = values[9] = 'oops';
    expect(typeOf(profileValues(values)).type).toBe('string');
    expect(typeOf(profileValues(['1', '2', 'oops'])).type).toBe('string');
    // a leading zero would be lost, which no share excuses
    const codes = Array.from({ length: 2000 }, (_, i) => String(i + 1));
    codes[7] = '007';
    expect(typeOf(profileValues(codes)).type).toBe('string');
  });

  it('takes declared null tokens instead of its own', () => {
    expect(infer(['1', '-', ''], { nullTokens: ['-'] })).toBe('bigint');
    expect(infer(['1', 'NA'], { nullTokens: ['-'] })).toBe('string');
  });

  it('takes declared forms of dates and timestamps, and proves nothing where they are declared', () => {
    expect(infer(['01/02/2020', '03/04/2020'], { dateFormat: '%d/%m/%Y' })).toBe('date %d/%m/%Y');
    expect(infer(['20200131', '20200229'], { dateFormat: '%Y%m%d' })).toBe('date %Y%m%d');
    expect(infer(['20200131', '20200230'], { dateFormat: '%Y%m%d' })).toBe('string');
    expect(infer(['5', '17'], { dateFormat: '%Y%m%d' })).toBe('bigint');
    expect(infer(['3.4.20 15h02', '13.12.21 1h59'], { timestampFormat: '%d.%m.%y %Hh%M' })).toBe(
      'timestamp %d.%m.%y %Hh%M',
    );
  });

  it('records the range, the finest fraction and the offsets', () => {
    expect(profileValues(['5', '-123456789012345678', '17'])).toMatchObject({
      minInteger: '-123456789012345678',
      maxInteger: '17',
    });
    expect(profileValues(['2020-01-01T10:00:00.120Z', '2020-01-01T10:00:00'])).toMatchObject({
      fractionDigits: 2,
      offsets: 1,
      timestampValues: 2,
    });
  });
});

describe('mergeProfiles', () => {
  const value = fc.oneof(
    fc.constantFrom(null, '', 'NA', 'true', 'no', 'Y', '007', ' 5 ', '1e3', 'text', '10:30'),
    fc.bigInt({ min: -(10n ** 18n), max: 10n ** 18n }).map(String),
    fc.integer().map((n) => (n / 100).toFixed(2)),
    fc.date({ min: new Date(0), noInvalidDate: true }).map((date) => date.toISOString().slice(0, 10)),
    fc.tuple(fc.integer({ min: 1, max: 31 }), fc.integer({ min: 1, max: 12 })).map(([d, m]) => `${d}/${m}/2020`),
    fc.date({ min: new Date(0), max: new Date(4e12), noInvalidDate: true }).map((date) => date.toISOString()),
  );
  const values = fc.array(value, { maxLength: 12 });
  const sorted = (profile: object) => JSON.parse(JSON.stringify(profile)) as object;

  it('is what one profile of all values would be, in any order and grouping', () => {
    fc.assert(
      fc.property(values, values, values, (x, y, z) => {
        const [a, b, c] = [profileValues(x), profileValues(y), profileValues(z)];
        const all = sorted(profileValues([...x, ...y, ...z]));
        expect(sorted(mergeProfiles(mergeProfiles(a, b), c))).toEqual(all);
        expect(sorted(mergeProfiles(a, mergeProfiles(b, c)))).toEqual(all);
        expect(sorted(mergeProfiles(c, mergeProfiles(b, a)))).toEqual(all);
      }),
    );
  });

  it('leaves a profile as it is when merged with nothing', () => {
    fc.assert(
      fc.property(values, (x) => {
        expect(mergeProfiles(profileValues(x), emptyProfile())).toEqual(profileValues(x));
      }),
    );
  });
});
