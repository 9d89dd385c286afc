import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ColumnType } from '../../../shared/domain/schema.ts';
import { ValueCheck } from '../../../shared/engine/value-check.ts';
import { surelyFits } from '../../../shared/formats/csv/types-fit.ts';

const STYLE = { nullTokens: ['NA', 'NaN'], decimalComma: false, thousands: '', timezone: 'UTC' };
const TYPES: ColumnType[] = [
  'boolean',
  'int',
  'bigint',
  'float',
  'double',
  'decimal(18,2)',
  'decimal(38,9)',
  'date',
  'timestamp',
  'binary',
];

let scratch: string;
let check: ValueCheck;
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'value-check-'));
  check = await ValueCheck.open({ memoryBytes: 256e6, scratch, timezone: 'UTC' });
});
afterAll(async () => {
  await check.close();
  await rm(scratch, { recursive: true, force: true });
});

describe('ValueCheck', () => {
  it('says of each text whether its row would be rejected', async () => {
    expect(await check.misfits(['1', 'x', '', 'NA', '1.5', "'; --"], 'bigint', STYLE, undefined)).toEqual([
      false,
      true,
      false,
      false,
      true,
      true,
    ]);
    expect(await check.misfits(['13.02.2021', '32.02.2021'], 'date', STYLE, '%d.%m.%Y')).toEqual([false, true]);
    expect(await check.misfits(['anything'], 'string', STYLE, undefined)).toEqual([false]);
    expect(await check.misfits([], 'bigint', STYLE, undefined)).toEqual([]);
  });
});

describe('surelyFits', () => {
  const number = fc.tuple(fc.constantFrom('', '-', '+'), fc.nat(1e9), fc.constantFrom('', '.', '.5', '.250', 'e5'));
  const part = (max: number) => fc.nat(max).map((n) => String(n).padStart(2, '0'));
  const time = fc.tuple(part(25), part(61), part(61)).map((parts) => parts.join(':'));
  const day = fc
    .tuple(fc.constantFrom('2023', '2024', '0000', '9999', '99'), part(13), part(32))
    .map((p) => p.join('-'));
  const text = fc.oneof(
    number.map((parts) => parts.join('')),
    fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }).map(String),
    day,
    fc.tuple(day, fc.constantFrom(' ', 'T'), time, fc.constantFrom('', '.5', 'Z', '.1234567')).map((p) => p.join('')),
    fc.constantFrom('', 'NA', 'NaN', 'true', 'false', 'no', '1', '0', '.5', '5.', ' 5', '1_000', '0x1F', 'inf'),
  );

  it('never passes what the engine would reject', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(text, { minLength: 1, maxLength: 60 }), async (texts) => {
        for (const type of TYPES) {
          const sure = surelyFits(type, STYLE, undefined)!;
          const passed = texts.filter((each) => sure(each));
          const misfits = await check.misfits(passed, type, STYLE, undefined);
          expect([type, passed.filter((_, i) => misfits[i])]).toEqual([type, []]);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('passes what is written plainly, and all of text', () => {
    const sure = (type: ColumnType, each: string) => surelyFits(type, STYLE, undefined)?.(each);
    expect(sure('string', 'x')).toBeUndefined();
    for (const [type, each] of [
      ['bigint', '-12'],
      ['double', '1.5'],
      ['decimal(18,2)', '10.25'],
      ['date', '2023-02-28'],
      ['timestamp', '2023-02-28 23:59:59'],
      ['boolean', 'true'],
      ['bigint', 'NA'],
    ] as const) {
      expect(sure(type, each)).toBe(true);
    }
    expect(surelyFits('double', { ...STYLE, decimalComma: true }, undefined)!('1.5')).toBe(false);
    expect(surelyFits('timestamp', { ...STYLE, timezone: 'Europe/Paris' }, undefined)!('2023-02-28 23:59:59')).toBe(
      false,
    );
  });
});
