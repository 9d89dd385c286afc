import { describe, expect, it } from '@jest/globals';
import { seededRandom } from '../../../../bench/kit/random.ts';
import { sniffCsv } from '../../../../shared/formats/csv/sniff.ts';

/** Files as programs and people write them: values full of signs that part nothing, and odd signs that do. */
const random = seededRandom(3);
const r = (n: number) => Math.floor(random() * n);
const rep = (n: number, line: (i: number) => string) => `${Array.from({ length: n }, (_, i) => line(i)).join('\n')}\n`;
const WORDS = ['alpha', 'beta', 'gamma', 'delta', 'eps', 'zeta'];
const w = () => WORDS[r(WORDS.length)]!;
const delimiterOf = (text: string) => sniffCsv({ head: Buffer.from(text), complete: true });

const ONE_COLUMN: [string, string][] = [
  ['Names header', `name\n${rep(30, () => `${w()}`)}`],
  ['dates', `day\n${rep(30, (i) => `2020-01-${String(1 + (i % 28)).padStart(2, '0')}`)}`],
  ['slash dates', rep(30, (i) => `${1 + (i % 12)}/${1 + (i % 28)}/2020`)],
  ['timestamps', `ts\n${rep(30, (i) => `2020-01-01 10:${String(i % 60).padStart(2, '0')}:00`)}`],
  ['ips', rep(30, () => `10.0.${r(255)}.${r(255)}`)],
  ['macs', rep(30, () => `aa:bb:${r(89) + 10}:${r(89) + 10}:cc:dd`)],
  ['phones', rep(30, () => `555-${r(900) + 100}-${r(9000) + 1000}`)],
  ['emails', `email\n${rep(30, () => `${w()}.${w()}${r(99)}@x-${w()}.com`)}`],
  ['urls', rep(30, () => `http://www.${w()}.com/${w()}?a=${r(9)}&b=${r(9)}`)],
  ['paths', rep(30, () => `/usr/${w()}/${w()}/${w()}.txt`)],
  ['floats', rep(30, () => `${r(100)}.${r(1000)}`)],
  ['money', `price\n${rep(30, () => `$ ${r(100)}.${r(90) + 10}`)}`],
  ['hashes', rep(30, () => `${r(1e9).toString(16)}${r(1e9).toString(16)}`)],
  ['versions', rep(30, () => `v${r(9)}.${r(20)}.${r(30)}`)],
  [
    'uuids',
    rep(
      30,
      () =>
        `${(r(9e7) + 5e8).toString(16).padStart(8, '0')}-${r(9000) + 1000}-4${r(900) + 100}-a${r(900) + 100}-${r(9e8) + 1e8}abc`,
    ),
  ],
  ['quoted words', rep(20, () => `"${w()} ${w()}"`)],
  ['quoted sentences with commas', rep(20, () => `"${w()}, ${w()} ${r(3) ? w() : ''}"`)],
  ['underscored', rep(30, () => `${w()}_${w()}_${r(99)}`)],
  ['two words', `full name\n${rep(30, () => `${w()} ${w()}`)}`],
  ['key=value', rep(30, (i) => `k${i}=${w()}`)],
  ['times', rep(20, () => `${r(12) + 10}:${r(49) + 10}`)],
  ['ranges', rep(20, () => `${r(10)}-${r(10) + 10}`)],
];
const COLUMNS: [string, string, string][] = [
  ['csv text', ',', `id,title,year\n${rep(30, (i) => `${i},${w()} ${w()}: ${w()} - ${w()},${1950 + r(70)}`)}`],
  [
    'csv with dates and times',
    ',',
    `d,t,v\n${rep(30, () => `2020-01-0${1 + r(9)},10:${r(49) + 10}:00,${r(100)}.${r(10)}`)}`,
  ],
  ['csv of two text columns, spaces', ',', rep(30, () => `${w()} ${w()},${w()} ${w()} ${w()}`)],
  ['csv one comma always, text with colons', ',', rep(30, () => `${w()}:${w()},${w()}`)],
  [
    'csv lists by pipe',
    ',',
    `id,genres,title\n${rep(30, (i) => `${i},${w()}|${w()}${r(2) ? `|${w()}` : ''},${w()} (${1950 + r(70)})`)}`,
  ],
  ['movielens', '::', rep(30, (i) => `${i}::${w()} ${w()} (19${r(89) + 10})::${w()}|${w()}`)],
  [
    'semicolon with decimals and names',
    ';',
    `Name;Wert;Datum\n${rep(30, () => `${w()}, ${w()};${r(100)},${r(90) + 10};0${1 + r(9)}.0${1 + r(9)}.2020`)}`,
  ],
  ['tab text', '\t', rep(30, (i) => `${i}\t${w()} ${w()}, ${w()}; ${w()}\t${w()}`)],
  ['passwd', ':', rep(20, (i) => `${w()}${i}:x:${1000 + i}:${1000 + i}:${w()} ${w()},,,:/home/${w()}:/bin/bash`)],
  ['space data', ' ', rep(30, () => `${r(100)}.${r(100)} ${r(100)}.${r(100)} ${r(100)}`)],
  ['aligned data', ' ', rep(30, () => `  ${String(r(1000)).padStart(6)}  ${String(r(1000) / 10).padStart(8)}  ${w()}`)],
  ['tabs with empties', '\t', `a\tb\tc\td\n${rep(20, () => `${r(2) ? '' : r(9)}\t\t${r(2) ? w() : ''}\t`)}`],
  ['commas with empties', ',', `a,b,c,d\n${rep(20, () => `${r(2) ? '' : r(9)},,${r(2) ? w() : ''},`)}`],
  ['json lines col', '\t', rep(20, (i) => `${i}\t{"a": ${r(9)}, "b": "${w()}"}`)],
  ['sql-like', ',', rep(20, (i) => `(${i}, '${w()}', '${w()} ${w()}'),`)],
  ['quoted everything semis', ';', `"a";"b";"c"\n${rep(20, () => `"${w()}, x";"${r(99)}";"${w()}: ${w()}"`)}`],
  ['quoted text newline', ',', `id,text\n${rep(20, (i) => `${i},"${w()}, ${w()}\n${w()}; ${w()}"`)}`],
  ['pipes around', '|', rep(20, () => `|${w()}|${r(9)}|${w()}|`)],
  ['semis trailing', ';', rep(20, () => `${w()};${r(9)};${w()};`)],
  [
    'text with dashes',
    ',',
    'name,phone,zip\n' +
      rep(20, () => `${w()},555-${r(900) + 100}-${r(9000) + 1000},${r(90000) + 10000}-${r(9000) + 1000}`),
  ],
  [
    'one row long text',
    ',',
    `question,answer,score\n${rep(20, () => `"${w()} ${w()}, ${w()}? ${w()}","${w()}, ${w()}, ${w()}.",${r(9)}`)}`,
  ],
  ['arff data', ',', rep(20, () => `${r(9)}.${r(9)},${r(9)}.${r(9)},${r(9)}.${r(9)},Iris-${w()}`)],
  ['svmlight', ' ', rep(20, () => `${r(2)} 1:${r(9)}.5 2:${r(9)}.5 3:${r(9)}.25`)],
  ['geojsonish wkt', ';', `id;wkt\n${rep(20, (i) => `${i};POINT (${r(90)}.${r(99)} ${r(90)}.${r(99)})`)}`],
  [
    'wkt polygon quoted',
    ',',
    `id,wkt\n${rep(20, (i) => `${i},"POLYGON ((${r(90)} ${r(90)}, ${r(90)} ${r(90)}, ${r(90)} ${r(90)}))"`)}`,
  ],
  ['sv codes', ',', `code,desc\n${rep(20, () => `A${r(9)}.${r(9)},"${w()}; ${w()}, ${w()}"`)}`],
  ['hours', ',', `day,open\n${rep(7, (i) => `${w()},0${i}:00-1${i}:00`)}`],
  ['tab with spaces wrapped', '\t', rep(20, () => ` ${w()} \t ${r(9)} \t ${w()} ${w()} `)],
  [
    'emails list',
    ';',
    `from;to;subject\n${rep(20, () => `${w()}@a.com;${w()}@b.com, ${w()}@c.com;${w()} ${w()}: ${w()}`)}`,
  ],
];
describe('the delimiter of what is written', () => {
  it.each(COLUMNS)('%s', (_, delimiter, text) => {
    expect(delimiterOf(text).dialect.delimiter).toBe(delimiter);
  });
});

describe('one column', () => {
  it.each(ONE_COLUMN)('of %s', (_, text) => {
    expect(delimiterOf(text).columns).toHaveLength(1);
  });
});
