import { escapePattern } from '../../domain/escape-pattern.ts';

/**
 * Whether a text fits a strptime format, as the engine's own `strptime` would have it: numbers may lack their leading
 * zero, names of months and days are of any case. Only what a data set declares comes here.
 */
export function strptimeMatcher(format: string): (text: string) => boolean {
  let pattern = '';
  for (let i = 0; i < format.length; i++) {
    if (format[i] !== '%') {
      pattern += escapePattern(format[i]!);
      continue;
    }
    i++;
    if (format[i] === '-') i++;
    pattern += DIRECTIVES[format[i] ?? ''] ?? escapePattern(format[i] ?? '%');
  }
  const expression = new RegExp(`^${pattern}(?<end>)$`, 'i');
  // the empty group: without a named one there are no groups at all
  return (text) => {
    const groups = expression.exec(text)?.groups;
    if (groups === undefined) return false;
    const { year, month, day } = groups;
    if (day === undefined || month === undefined) return true;
    const date = new Date(Date.UTC(year === undefined ? 2000 : Number(year), Number(month) - 1, Number(day)));
    return date.getUTCMonth() === Number(month) - 1;
  };
}

const DIRECTIVES: Readonly<Record<string, string>> = {
  Y: '(?<year>\\d{4})',
  y: '\\d{2}',
  m: '(?<month>0?[1-9]|1[0-2])',
  d: '(?<day>0?[1-9]|[12]\\d|3[01])',
  j: '\\d{1,3}',
  H: '(?:[01]?\\d|2[0-3])',
  I: '(?:0?[1-9]|1[0-2])',
  M: '[0-5]?\\d',
  S: '[0-5]?\\d',
  f: '\\d{1,6}',
  g: '\\d{1,3}',
  n: '\\d{1,9}',
  p: '[AP]M',
  b: '(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)',
  B: '(?:january|february|march|april|may|june|july|august|september|october|november|december)',
  a: '(?:mon|tue|wed|thu|fri|sat|sun)',
  A: '(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday)',
  z: '[+-]\\d{2}(?::?\\d{2})?',
  Z: '[A-Za-z_/+-]+',
  '%': '%',
};
