import { describe, expect, it } from '@jest/globals';
import {
  buildInput,
  expandDotted,
  joinSettings,
  mergeSettings,
  parseSetting,
} from '../../../shared/dataset/settings.ts';
import { BadRequest } from '../../../shared/errors.ts';

describe('parseSetting', () => {
  it.each([
    ['target.mode=append', 'target.mode', 'append'],
    ['rejects.rows=5', 'rejects.rows', 5],
    ['force=true', 'force', true],
    ['target.partitionBy=["a","b"]', 'target.partitionBy', ['a', 'b']],
    ['source.glob=null', 'source.glob', null],
    ['source.csv.delimiter=;', 'source.csv.delimiter', ';'],
    ['source.contains=a=b', 'source.contains', 'a=b'],
    ['date=2024-01-05', 'date', '2024-01-05'],
    ['prefix=', 'prefix', ''],
  ])('%s', (text, key, value) => {
    expect(parseSetting(text)).toEqual({ key, value });
  });

  it.each(['mode', '=x', ''])('refuses %j', (text) => {
    expect(() => parseSetting(text)).toThrow(
      new BadRequest(`"${text}" is no setting; say key=value, such as target.mode=append`),
    );
  });
});

describe('buildInput', () => {
  it('puts settings over the input, deep', () => {
    const input = '{"target": {"mode": "append", "formats": ["csv"]}, "source.prefix": "a/"}';
    expect(buildInput({ dataset: 'x', input, set: ['target.mode=overwrite', 'source.glob=null'] })).toEqual({
      dataset: 'x',
      target: { mode: 'overwrite', formats: ['csv'] },
      source: { prefix: 'a/', glob: null },
    });
    expect(buildInput({})).toEqual({});
  });

  it('refuses what is no object, and two data sets', () => {
    expect(() => buildInput({ input: '[1]' })).toThrow('The input must be a JSON object');
    expect(() => buildInput({ input: '{' })).toThrow(/^Cannot parse the input as JSON: /);
    expect(() => buildInput({ dataset: 'x', input: '{"dataset": "y"}' })).toThrow(
      'The command names the data set "x", its input "y"',
    );
  });
});

describe('merging', () => {
  it('replaces lists and schemas whole, and takes away what is null', () => {
    const base = { schema: { a: 'int' }, source: { glob: '*', csv: { quote: '"' } }, list: [1, 2] };
    expect(mergeSettings(base, { schema: { b: 'int' }, source: { glob: null }, list: [3] })).toEqual({
      schema: { b: 'int' },
      source: { csv: { quote: '"' } },
      list: [3],
    });
    expect(joinSettings({ source: { glob: '*' } }, { source: { glob: null } })).toEqual({ source: { glob: null } });
  });

  it('never touches the prototype', () => {
    const over = JSON.parse('{"__proto__": {"polluted": true}}') as Record<string, unknown>;
    const merged = mergeSettings({}, over);
    expect(Object.keys(merged)).toEqual(['__proto__']);
    expect(expandDotted({ '__proto__.polluted': true })).toHaveProperty(['__proto__', 'polluted'], true);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  it('refuses empty parts of a key', () => {
    expect(() => expandDotted({ 'a..b': 1 })).toThrow('"a..b" is no key: a part of it is empty');
  });
});
