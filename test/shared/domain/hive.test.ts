import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  escapePartitionValue,
  HIVE_DEFAULT_PARTITION,
  parsePartitionPath,
  partitionPath,
  unescapePartitionValue,
} from '../../../shared/domain/hive.ts';
import { BadInput } from '../../../shared/errors.ts';

const text = fc.oneof(
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
  fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 20 }),
  fc.constantFrom('..', '.', '../../x', '_hidden', '.hidden', '%41', '%', '%zz', 'a=b/c', ' ', '𝒳/é', 'null'),
);

describe('escapePartitionValue', () => {
  it('escapes exactly the characters that Hive does', () => {
    const ascii = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));
    const escaped = ascii.filter((char) => escapePartitionValue(char) !== char).join('');
    const control = ascii.slice(0, 32).join('');
    expect(escaped).toBe(`${control}"#%'*/:=?[\\]^{\x7f`);
  });

  it('writes two upper-case hexadecimal digits', () => {
    expect(escapePartitionValue('a/b:c\n\x01\x7f')).toBe('a%2Fb%3Ac%0A%01%7F');
  });

  it('leaves spaces, closing braces and everything beyond ASCII as they are', () => {
    expect(escapePartitionValue('New York } é 𝒳 | & + ~ < >')).toBe('New York } é 𝒳 | & + ~ < >');
  });

  it('writes null and empty text as the default partition', () => {
    expect(escapePartitionValue(null)).toBe(HIVE_DEFAULT_PARTITION);
    expect(escapePartitionValue('')).toBe(HIVE_DEFAULT_PARTITION);
    expect(unescapePartitionValue(HIVE_DEFAULT_PARTITION)).toBeNull();
  });

  it('reads a % that begins no escape as itself', () => {
    expect(unescapePartitionValue('100%')).toBe('100%');
    expect(unescapePartitionValue('%zz%4')).toBe('%zz%4');
    expect(unescapePartitionValue('%41%6a')).toBe('Aj');
  });

  it('comes back as it was', () => {
    fc.assert(fc.property(text, (value) => unescapePartitionValue(escapePartitionValue(value)) === value));
  });
});

describe('partitionPath', () => {
  it('joins segments', () => {
    expect(partitionPath(['State', 'day'], ['New York', '2012-01-05'])).toBe('state=New York/day=2012-01-05');
    expect(partitionPath([], [])).toBe('');
  });

  it('cannot be led out of its folder', () => {
    expect(partitionPath(['a', 'b'], ['..', '../../x'])).toBe('a=../b=..%2F..%2Fx');
  });

  it('comes back as it was, and no segment but ours is in it', () => {
    const cells = fc.array(fc.tuple(fc.stringMatching(/^[a-z0-9_]{1,10}$/), fc.option(text)), { maxLength: 4 });
    fc.assert(
      fc.property(cells, (parts) => {
        const columns = parts.map(([column]) => column);
        const values = parts.map(([, value]) => value);
        const path = partitionPath(columns, values);
        expect(parsePartitionPath(path)).toEqual({ columns, values });
        expect(path.split('/').filter((segment) => segment !== '')).toHaveLength(parts.length);
        for (const segment of path.split('/')) expect(['.', '..']).not.toContain(segment);
      }),
    );
  });

  it('tells different values apart', () => {
    fc.assert(
      fc.property(text, text, (one, other) => {
        expect(partitionPath(['c'], [one]) === partitionPath(['c'], [other])).toBe(one === other);
      }),
    );
  });

  it('refuses a path that fits in no key, with both lengths', () => {
    expect(() => partitionPath(['c'], ['é'.repeat(400)])).toThrow(
      new BadInput(`Cannot make a partition of "c=${'é'.repeat(58)}…": its path has 802 bytes where 768 fit in a key`),
    );
  });

  it('refuses as many values as there are no columns', () => {
    expect(() => partitionPath(['a'], [])).toThrow('A partition of 1 columns cannot have 0 values');
  });
});

describe('parsePartitionPath', () => {
  it('knows what is none', () => {
    expect(parsePartitionPath('a=1/part')).toBeUndefined();
    expect(parsePartitionPath('=1')).toBeUndefined();
    expect(parsePartitionPath('a=')).toEqual({ columns: ['a'], values: [''] });
  });
});
