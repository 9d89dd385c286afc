import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  containsPattern,
  fillTokens,
  fixedFolder,
  isDay,
  isTimeZone,
  parseTime,
  prefixesMeet,
  prefixPattern,
  tokenGlob,
  yesterday,
} from '../../../shared/domain/dates.ts';

const at = (time: string, zone = 'UTC') => ({ time: new Date(time), zone, dataRef: '20240228' });

describe('fillTokens', () => {
  it.each([
    ['GLM/{yyyy}/{ooo}/{HH}/', 'GLM/2024/060/05/'],
    ['{yyyyMMdd}', '20240229'],
    ['{yyyy-MM-dd}T{HH.mm}', '2024-02-29T05.07'],
    ['in/{data_ref}/x', 'in/20240228/x'],
    ['dd/MM plain', 'dd/MM plain'],
    ['', ''],
  ])('%j is %j', (text, filled) => {
    expect(fillTokens(text, at('2024-02-29T05:07:09Z'))).toBe(filled);
  });

  it('is in the zone that is stated', () => {
    const time = '2024-01-01T01:30:00Z';
    expect(fillTokens('{yyyy}/{ooo}/{HH}', at(time, 'America/Sao_Paulo'))).toBe('2023/365/22');
    expect(fillTokens('{yyyy}/{ooo}/{HH}', at(time, 'Asia/Tokyo'))).toBe('2024/001/10');
  });

  it('keeps a clock set forward', () => {
    expect(fillTokens('{HH}', at('2024-03-31T00:59:00Z', 'Europe/Berlin'))).toBe('01');
    expect(fillTokens('{HH}', at('2024-03-31T01:00:00Z', 'Europe/Berlin'))).toBe('03');
  });

  it.each(['{yyy}', '{YYYY}', '{}', 'a}b', 'a{b', '{csv,txt}'])('refuses %j and lists the tokens', (text) => {
    expect(() => fillTokens(text, at('2024-01-01T00:00:00Z'))).toThrow(RangeError);
    expect(() => fillTokens(text, at('2024-01-01T00:00:00Z'))).toThrow(/no date token; known are \{yyyy\}/);
  });

  it('leaves the braces of a glob alone', () => {
    const values = at('2024-02-29T05:07:09Z');
    expect(fillTokens('{yyyy}/**/*.{csv,txt}', values, 'literal')).toBe('2024/**/*.{csv,txt}');
    expect(tokenGlob('{yyyy}/*-{MM-dd}.{csv,txt}')).toBe('[0-9][0-9][0-9][0-9]/*-[0-9][0-9]-[0-9][0-9].{csv,txt}');
  });
});

describe('patterns', () => {
  it('match what the tokens may be', () => {
    expect(prefixPattern('w/{yyyy}/{MM}/').exec('w/2024/02/x.csv')?.[0]).toBe('w/2024/02/');
    expect(prefixPattern('w/{yyyy}/{MM}/').test('w/2024/13/x.csv')).toBe(false);
    expect(prefixPattern('w/{yyyy.MM}').test('w/2024x02')).toBe(false);
    expect(prefixPattern('a.b(c)[d]+/').test('a.b(c)[d]+/x')).toBe(true);
    expect(prefixPattern('a.b/').test('axb/')).toBe(false);
    expect(prefixPattern('').test('anything')).toBe(true);
    expect(containsPattern('_{data_ref}_').test('sales_20240105_1.csv')).toBe(true);
    expect(containsPattern('_{data_ref}_').test('sales_2024_1.csv')).toBe(false);
  });

  it('match every text that the tokens are filled to', () => {
    const piece = fc.constantFrom(
      '{yyyy}',
      '{MM}',
      '{dd}',
      '{ooo}',
      '{HH}',
      '{mm}',
      '{yyyyMMdd}',
      '/',
      'a.b',
      '(',
      '-',
    );
    const time = fc.date({ min: new Date('1000-01-02'), max: new Date('9999-12-30'), noInvalidDate: true });
    const zone = fc.constantFrom('UTC', 'America/Sao_Paulo', 'Asia/Kolkata', 'Pacific/Apia');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), time, zone, (pieces, instant, where) => {
        const prefix = pieces.join('');
        const filled = fillTokens(prefix, { time: instant, zone: where, dataRef: '20240101' });
        expect(prefixPattern(prefix).exec(filled)?.[0]).toBe(filled);
        expect(prefixesMeet(prefix, filled)).toBe(true);
      }),
    );
  });
});

describe('prefixesMeet', () => {
  it.each([
    ['a/', 'a/b/', true],
    ['a/b/', 'a/', true],
    ['a/', 'b/', false],
    ['', 'b/', true],
    ['csv/', 'csvs/', false],
    ['csv', 'csvs/', true],
    ['{yyyy}/in/', '2024/in/', true],
    ['{yyyy}/in/', '2024/out/', false],
    ['{yyyy}/', 'lake/', false],
    ['{yyyy-MM}/', '2024-02/t/', true],
    ['{yyyy-MM}/', '2024x02/t/', false],
    ['{yyyy}{MM}', '{data_ref}', true],
  ])('%j and %j: %j', (one, other, met) => {
    expect(prefixesMeet(one, other)).toBe(met);
    expect(prefixesMeet(other, one)).toBe(met);
  });
});

describe('days and times', () => {
  it('takes yesterday from the zone', () => {
    expect(yesterday(new Date('2024-03-01T02:00:00Z'), 'UTC')).toBe('20240229');
    expect(yesterday(new Date('2024-03-01T02:00:00Z'), 'America/Sao_Paulo')).toBe('20240228');
    // The day before a clock is set forward has 24 hours, the day itself 23.
    expect(yesterday(new Date('2024-03-31T22:30:00Z'), 'Europe/Berlin')).toBe('20240331');
  });

  it('reads days and instants', () => {
    expect(parseTime('2024-01-05', 'America/Sao_Paulo')?.toISOString()).toBe('2024-01-05T03:00:00.000Z');
    expect(parseTime('20240105', 'UTC')?.toISOString()).toBe('2024-01-05T00:00:00.000Z');
    expect(parseTime('2024-01-05T10:00:00+02:00', 'UTC')?.toISOString()).toBe('2024-01-05T08:00:00.000Z');
    expect(parseTime('2024-01-05T10:00:00', 'Asia/Tokyo')?.toISOString()).toBe('2024-01-05T01:00:00.000Z');
    for (const text of ['20241305', '2024-02-30', 'yesterday', '12', ''])
      expect(parseTime(text, 'UTC')).toBeUndefined();
  });

  it('knows days and zones', () => {
    expect(['20240229', '20230229', '2024-1-1', '2024010'].map(isDay)).toEqual([true, false, false, false]);
    expect(['UTC', 'Europe/Berlin', 'Mars/Base', ''].map(isTimeZone)).toEqual([true, true, false, false]);
  });

  it('finds the folder that holds a prefix', () => {
    expect(['a/b/{yyyy}/c/', 'csv/part-', 'csv', '{yyyy}/', 'a/x{MM}'].map(fixedFolder)).toEqual([
      'a/b/',
      'csv/',
      '',
      '',
      'a/',
    ]);
  });
});
