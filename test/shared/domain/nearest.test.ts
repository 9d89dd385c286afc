import { describe, expect, it } from '@jest/globals';
import { nearest, suggestion } from '../../../shared/domain/nearest.ts';

describe('nearest', () => {
  it.each([
    ['partitonBy', ['path', 'partitionBy', 'sortBy'], 'partitionBy'],
    ['tabel', ['table', 'path'], 'table'],
    ['Table', ['table'], 'table'],
    ['tz', ['ts', 'date'], 'ts'],
    ['x', ['a', 'b'], undefined],
    ['day', ['date', 'data_ref'], undefined],
    ['colour', ['format', 'glob'], undefined],
    ['anything', [], undefined],
  ])('%j among %j is %j', (name, candidates, found) => {
    expect(nearest(name, candidates)).toBe(found);
  });

  it('ends a sentence, or not', () => {
    expect(suggestion('tabel', ['table'])).toBe('; did you mean "table"?');
    expect(suggestion('x', ['table'])).toBe('');
  });
});
