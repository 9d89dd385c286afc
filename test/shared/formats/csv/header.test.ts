import { describe, expect, it } from '@jest/globals';
import { detectHeader } from '../../../../shared/formats/csv/header.ts';

const judge = (text: string, options = {}) => {
  const [first, ...body] = text.split('\n').map((line) => line.split(','));
  return detectHeader(first!, body, options).header;
};

describe('detectHeader', () => {
  it.each<[string, string, boolean]>([
    ['text above numbers', 'id,size\n1,2\n3,4', true],
    ['numbers above numbers', '1,2\n3,4\n5,6', false],
    ['text above text, as most files have it', 'name,city\nAnn,Rome\nBob,Oslo', true],
    ['values that come back', 'Ann,Rome\nBob,Oslo\nAnn,Rome', false],
    ['codes above codes', 'A1,B2\nC3,D4\nE5,F6', false],
    ['a date above dates', 'Ann,2020-01-01\nBob,2020-01-02', false],
    ['true above booleans', 'Ann,true\nBob,false', false],
    ['a name above booleans', 'who,ok\nAnn,true\nBob,false', true],
    ['years above numbers', 'country,2000,2001,2002\nA,1.5,2.5,3.5\nB,2.5,2.6,2.7', true],
    ['counted columns', '0,1,2\n0.5,0.6,0.7\n0.1,0.2,0.4', true],
    ['a row of numbers in steps above others', '1,2,3\n4,5,6\n7,8,9', false],
    ['no name above row names', ',a,b\nr1,1,2\nr2,3,4', true],
    ['names alone', 'id,name,size', true],
    ['values alone', '1,Ann,2.5', false],
    ['leading zeros below', '00501\n00544\n10001', false],
    ['a name above leading zeros', 'zip\n00544\n10001', true],
  ])('%s', (_, text, expected) => {
    expect(judge(text)).toBe(expected);
  });

  it('believes declared names and quotes set apart', () => {
    expect(judge('A1,B2\nC3,D4\nE5,F6', { declared: ['a1', 'B 2'] })).toBe(true);
    expect(judge('1,2\n3,4\n5,7', { quotedApart: true })).toBe(true);
  });
});
