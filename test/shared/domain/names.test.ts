import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { normaliseName, normaliseNames } from '../../../shared/domain/names.ts';

const RULES = /^[a-z0-9_]{1,255}$/;
const names = fc.array(
  fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 12 }),
    fc.string({ unit: 'binary', maxLength: 12 }),
    // Few letters, so that names collide, with one another and with numbered ones.
    fc.string({ unit: fc.constantFrom('a', 'A', '_', '2', ' ', 'ä'), maxLength: 5 }),
    fc.constantFrom('__proto__', 'constructor', 'toString', 'x'.repeat(300), 'X'.repeat(255), ''),
  ),
  { maxLength: 40 },
);

describe('normaliseName', () => {
  it.each([
    ['Airport Name', 'airport_name'],
    ['Cost Total $', 'cost_total'],
    ['Effect Amount of damage', 'effect_amount_of_damage'],
    ['  padded  ', 'padded'],
    ['año', 'ano'],
    ['Straße', 'strasse'],
    ['İstanbul', 'istanbul'],
    ['data-ref/2', 'data_ref_2'],
    ['_id', '_id'],
    ['a__b_', 'a__b_'],
    ['2024', '2024'],
    ['日本', ''],
    ['$', ''],
    ['__proto__', '__proto__'],
  ])('%j is %j', (original, name) => {
    expect(normaliseName(original)).toBe(name);
  });
});

describe('normaliseNames', () => {
  it('numbers collisions in order', () => {
    expect(normaliseNames(['a', 'A', 'a_2', 'a'])).toEqual(['a', 'a_2', 'a_2_2', 'a_3']);
  });

  it('numbers many of one name without trying every number for each', () => {
    const numbered = normaliseNames(Array(100_000).fill('a'));
    expect(numbered.slice(-1)).toEqual(['a_100000']);
    expect(new Set(numbered).size).toBe(100_000);
  });

  it('names what has no letter left by its position', () => {
    expect(normaliseNames(['x', '日本', '', 'column_2'])).toEqual(['x', 'column_2', 'column_3', 'column_2_2']);
  });

  it('gives nobody a name that is taken', () => {
    expect(normaliseNames(['_rescued', 'b'], ['_rescued'])).toEqual(['_rescued_2', 'b']);
  });

  it('keeps numbered names within the bound', () => {
    const [one, two] = normaliseNames(['x'.repeat(300), 'x'.repeat(255)]);
    expect(one).toHaveLength(255);
    expect(two).toBe(`${'x'.repeat(253)}_2`);
  });

  it('is unique, valid, idempotent, and names a column by those before it only', () => {
    fc.assert(
      fc.property(names, names, (first, more) => {
        const result = normaliseNames(first);
        expect(result).toHaveLength(first.length);
        expect(new Set(result).size).toBe(first.length);
        for (const name of result) expect(name).toMatch(RULES);
        expect(normaliseNames(result)).toEqual(result);
        expect(normaliseNames([...first, ...more]).slice(0, first.length)).toEqual(result);
      }),
      { numRuns: 500 },
    );
  });
});
