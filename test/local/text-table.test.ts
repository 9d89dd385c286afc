import { describe, expect, it } from '@jest/globals';
import { textTable } from '../../local/text-table.ts';

describe('textTable', () => {
  it('puts numbers to the right, texts to the left, and shows null', () => {
    expect(
      textTable(
        ['name', 'rows'],
        [
          ['a', 1234],
          ['longer', null],
          [null, 5],
        ],
      ),
    ).toBe(['name     rows', 'a       1,234', 'longer      ∅', '∅           5'].join('\n'));
  });

  it('counts the places that a text takes in a terminal', () => {
    const lines = textTable(
      ['t', 'u'],
      [
        ['日本', 'x'],
        ['e\u0301', 'x'],
        ['😀', 'x'],
      ],
    ).split('\n');
    expect(lines).toEqual(['t     u', '日本  x', 'e\u0301     x', '😀    x']);
  });

  it('keeps each row on its line, and commands from the terminal', () => {
    expect(textTable(['t'], [['two\r\nlines'], ['\u001b[31mred\u009b']])).toBe('t\ntwo  lines\n [31mred');
  });

  it('is of its header alone where there are no rows', () => {
    expect(textTable(['a', 'b'], [])).toBe('a  b');
  });

  it('takes as many rows as a query may have', () => {
    const rows = Array.from({ length: 200_000 }, (_, i) => [i, `row ${i}`]);
    expect(textTable(['n', 'text'], rows, String).split('\n')).toHaveLength(200_001);
  });
});
