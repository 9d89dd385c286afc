import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { checkKey, compareUtf8 } from '../../../shared/domain/object-keys.ts';

describe('compareUtf8', () => {
  it('is the order of the bytes of UTF-8', () => {
    const text = fc.string({
      unit: fc.oneof(
        fc.constantFrom('a', '/', '\uffee', '\ud7ff', '😀', '\u{10ffff}'),
        fc.string({ unit: 'binary', maxLength: 1 }),
      ),
    });
    fc.assert(
      fc.property(text, text, (a, b) => {
        fc.pre(a.isWellFormed() && b.isWellFormed());
        expect(Math.sign(compareUtf8(a, b))).toBe(Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b))));
      }),
      { numRuns: 2000 },
    );
  });

  it('is not that of UTF-16', () => {
    expect(compareUtf8('\uffee', '😀')).toBeLessThan(0);
    expect('\uffee' < '😀').toBe(false);
  });
});

describe('checkKey', () => {
  it.each(['k', '/', '..', 'k'.repeat(1024), 'ü'.repeat(512), '\0'])('takes %j', (key) => {
    expect(() => checkKey(key, 's3://b/k')).not.toThrow();
  });

  it.each([
    ['', 'the key is empty'],
    ['\ud83d', 'not valid Unicode'],
    ['k'.repeat(1025), '1025 bytes where at most 1024'],
    ['ü'.repeat(513), '1026 bytes where at most 1024'],
  ])('refuses %j', (key, reason) => {
    expect(() => checkKey(key, 's3://b/k')).toThrow(reason);
  });
});
