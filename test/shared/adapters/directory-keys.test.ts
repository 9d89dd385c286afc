import { resolve, sep } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { layout } from '../../../shared/adapters/directory-files.ts';
import { folderNames, parseName, segmentNames, unescapeText } from '../../../shared/adapters/directory-keys.ts';
import { anyKey, ODD_KEYS } from '../../contract/object-store.ts';

const ROOT = `${sep}root${sep}bucket`;

/** The segment that a chain of names stands for, read the way a listing reads it. */
function readBack(names: string[]): string {
  const parts = names.map((name) => parseName(name)!);
  const text = parts.map((part) => part.text).join('');
  return parts.at(-1)!.kind === 'plain' ? text : unescapeText(text);
}

describe('the layout of keys in a folder', () => {
  it.each([
    'data.csv',
    'a/b/c.csv',
    'col=a%2Fb/x y+z?&#.parquet',
    'col=__HIVE_DEFAULT_PARTITION__/0001-run/part-0.parquet',
    '.hidden/_meta',
    '日本/é😀',
    'back\\slash',
    ' ',
    `${'x'.repeat(255)}/${'ü'.repeat(127)}`,
  ])('has %j at exactly that path', (key) => {
    expect(layout(ROOT, key).own).toBe(`${ROOT}/${key}`);
  });

  it('keeps every key below the bucket, as names that a file system takes', () => {
    fc.assert(
      fc.property(fc.oneof(fc.constantFrom(...ODD_KEYS), anyKey()), (key) => {
        for (const path of Object.values(layout(ROOT, key))) {
          expect(resolve(path)).toBe(path);
          expect(path.startsWith(`${ROOT}${sep}`)).toBe(true);
          expect(path).not.toContain('\0');
          for (const name of path.split(sep)) expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255);
          // What Linux takes as a path, with room for where the home folder is.
          expect(Buffer.byteLength(path)).toBeLessThan(3800);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('has a place of its own for every key, out of which the key is read back', () => {
    fc.assert(
      fc.property(anyKey(), anyKey(), (a, b) => {
        for (const segment of a.split('/')) {
          expect(readBack(segmentNames(segment))).toBe(segment);
          expect(readBack(segmentNames(segment, true))).toBe(segment);
        }
        const places = [layout(ROOT, a), layout(ROOT, b)].flatMap(({ own, displaced }) => [own, displaced]);
        expect(new Set(places).size).toBe(a === b ? 2 : 4);
      }),
      { numRuns: 1000 },
    );
  });

  it('never takes the place of the store’s own folders', () => {
    for (const name of ['.~tmp', '.~locks', '.~holders']) {
      expect(parseName(name)).toBeUndefined();
      expect(folderNames([name])).toEqual([`.~x${name}`]);
    }
  });
});
