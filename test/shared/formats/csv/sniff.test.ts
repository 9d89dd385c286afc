import { describe, expect, it } from '@jest/globals';
import { EmptyObject, UnknownFormat } from '../../../../shared/errors.ts';
import { type CsvOptionsOutput, sniffCsv } from '../../../../shared/formats/csv/sniff.ts';

/** What is expected of a text: parts of its dialect, the number of columns, and whether a strict reader can take it. */
type Expected = Record<string, unknown>;

const sniff = (text: string, options: CsvOptionsOutput = {}) =>
  sniffCsv({ head: Buffer.from(text), complete: true }, options);

/** Fifty names above fifty numbers. */
const WIDE = [0, 1]
  .map((row) => Array.from({ length: 50 }, (_, i) => (row === 0 ? `col${i}` : i)).join(','))
  .join('\n');

const TEXTS: [string, string, Expected][] = [
  [
    'decimal comma ;',
    'id;preis;menge\n1;1,50;10\n2;2,75;11\n3;1.234,56;9\n',
    { delimiter: ';', decimalComma: true, thousands: '.', columns: 3 },
  ],
  [
    'decimal comma tab',
    'id\tpreis\tmenge\n1\t1,50\t10\n2\t2,75\t11\n3\t0,5\t9\n',
    { delimiter: '\t', decimalComma: true, columns: 3 },
  ],
  ['quoted decimal comma', 'id,preis\n1,"1,50"\n2,"2,75"\n', { delimiter: ',', decimalComma: true, columns: 2 }],
  [
    'us thousands',
    'id,amt\n1,"1,234.50"\n2,"12,752.00"\n',
    { delimiter: ',', decimalComma: false, thousands: ',', columns: 2 },
  ],
  ['one column names', 'name\nAnna Müller\nBob Smith\nJean Picard\n', { columns: 1, headerRows: 1 }],
  ['one column words', 'fruit\napple\npear\nplum\n', { columns: 1, headerRows: 1 }],
  ['one column dates', 'day\n2020-01-01\n2020-01-02\n', { columns: 1, headerRows: 1 }],
  ['one column datetimes', 'at\n2020-01-01 10:00:00\n2020-01-02 11:00:00\n', { columns: 1, headerRows: 1 }],
  ['one column times', 'at\n10:00:00\n11:00:00\n12:33:00\n', { columns: 1, headerRows: 1 }],
  ['one column urls', 'url\nhttps://a.example/x?y=1&z=2\nhttps://b.example/x?y=3&z=4\n', { columns: 1, headerRows: 1 }],
  ['one column emails', 'email\na@b.example\nc@d.example\n', { columns: 1, headerRows: 1 }],
  ['one column ints nohdr', '1\n2\n3\n4\n', { columns: 1, headerRows: 0 }],
  ['one column ip', 'ip\n10.0.0.1\n10.0.0.2\n', { columns: 1, headerRows: 1 }],
  [
    'one column sentences',
    'text\nHello there, how are you?\nI am fine. Thanks\nWell, well, well\n',
    { columns: 1, headerRows: 1 },
  ],
  ['two int columns', '1,5\n2,6\n3,7\n', { delimiter: ',', columns: 2, headerRows: 0 }],
  [
    'iris',
    'sepal,petal,species\n5.1,3.5,setosa\n4.9,3.0,setosa\n6.2,3.4,virginica\n',
    { delimiter: ',', columns: 3, headerRows: 1 },
  ],
  [
    'log space',
    '10.0.0.1 200 512 /index.html\n10.0.0.2 404 17 /nope.html\n10.0.0.3 200 9999 /a/b.html\n',
    { delimiter: ' ', columns: 4, headerRows: 0 },
  ],
  [
    'aligned',
    'name      age  height\nAnna       31    1.70\nBob         4    0.95\nChristine  77    1.61\n',
    { delimiter: ' ', columns: 3, headerRows: 1 },
  ],
  [
    'preamble',
    'Monthly report\nGenerated 2020-01-01, by system\n\nid,name,value\n1,a,2.5\n2,b,3.5\n3,c,4.5\n',
    { delimiter: ',', columns: 3, skipLines: 3, headerRows: 1 },
  ],
  [
    'preamble ;',
    'Bericht über Umsätze, alle Filialen\nStand: 1.1.2020, 10:00\n\nid;name;value\n1;a;2,5\n2;b;3,5\n3;c;4,5\n',
    { delimiter: ';', columns: 3, skipLines: 3, headerRows: 1, decimalComma: true },
  ],
  [
    'preamble sparse excel',
    'Monthly report,,,\n,,,\nid,name,value,more\n1,a,2.5,x\n2,b,3.5,y\n3,c,4.5,z\n',
    { delimiter: ',', columns: 4, skipLines: 2, headerRows: 1 },
  ],
  [
    'preamble keyvalue',
    'Station,Berlin\nUnit,mm\n\ndate,rain,snow,wind\n2020-01-01,1.5,0,3\n2020-01-02,2.5,0,4\n2020-01-03,2.0,1,4\n2020-01-04,2.0,1,4\n',
    { delimiter: ',', columns: 4, skipLines: 3, headerRows: 1 },
  ],
  [
    'comments top',
    '# made by x\n# v 1.0, beta\nid,name\n1,a\n2,b\n3,c\n',
    { delimiter: ',', columns: 2, skipLines: 2, headerRows: 1, comment: '' },
  ],
  [
    'comments inside',
    '# made by x\nid,name\n1,a\n# halfway\n2,b\n3,c\n',
    { delimiter: ',', columns: 2, skipLines: 1, headerRows: 1, comment: '#' },
  ],
  [
    'header with #',
    '#id,name,v\n1,a,3\n2,b,4\n3,c,5\n',
    { delimiter: ',', columns: 3, skipLines: 0, headerRows: 1, comment: '' },
  ],
  [
    'footer',
    'id,name,value\n1,a,2.5\n2,b,3.5\n3,c,4.5\n\nSource: somewhere, 2020\n',
    { delimiter: ',', columns: 3, headerRows: 1, footerRows: 1 },
  ],
  [
    'footer note',
    'id,name,value\n1,a,2.5\n2,b,3.5\n3,c,4.5\nTotal rows: 3\n',
    { delimiter: ',', columns: 3, headerRows: 1, footerRows: 1 },
  ],
  [
    'footer total',
    'region,q1,q2\nNorth,1,2\nSouth,3,4\nWest,5,6\nTotal,9,12\n',
    { delimiter: ',', columns: 3, headerRows: 1 },
  ],
  [
    'two header rows units',
    'time,speed,temp\ns,m/s,degC\n0,1.5,20\n1,1.7,21\n2,1.9,22\n',
    { delimiter: ',', columns: 3, headerRows: 2 },
  ],
  [
    'two header rows spread',
    ',2019,,2020,\nregion,male,female,male,female\nA,1,2,3,4\nB,5,6,7,8\nC,9,8,7,6\n',
    { delimiter: ',', columns: 5, headerRows: 2 },
  ],
  [
    'year columns',
    'country,2000,2001,2002\nA,1.5,2.5,3.5\nB,2.5,2.6,2.7\n',
    { delimiter: ',', columns: 4, headerRows: 1 },
  ],
  [
    'all text',
    'first,last,city\nAnna,Müller,Berlin\nBob,Smith,London\nJean,Picard,Paris\nBo,Li,Shanghai\n',
    { delimiter: ',', columns: 3, headerRows: 1 },
  ],
  [
    'all text no header',
    'Anna,Müller,Berlin\nBob,Smith,London\nJean,Picard,London\nAnna,Li,Berlin\n',
    { delimiter: ',', columns: 3, headerRows: 0 },
  ],
  ['codes', 'code,flag\nAB12,Y\nCD34,N\nEF56,Y\nGH78,N\nIJ90,N\n', { delimiter: ',', columns: 2, headerRows: 1 }],
  ['mixed line ends', 'id,name\r\n1,a\n2,b\r\n3,c\n', { delimiter: ',', columns: 2, lineEnd: 'mixed', headerRows: 1 }],
  ['cr', 'id,name\r1,a\r2,b\r3,c\r', { delimiter: ',', columns: 2, lineEnd: '\r', headerRows: 1 }],
  [
    'ragged',
    'id,name,v\n1,a,3\n2,b\n3,c,5\n4,d,5,6\n5,e,6\n',
    { delimiter: ',', columns: 3, headerRows: 1, regular: false },
  ],
  [
    'stray quotes',
    'id,name,v\n1,a "b" c,3\n2,"x "y" z",4\n3,c,5\n4,d,5\n5,e,6\n',
    { delimiter: ',', columns: 3, headerRows: 1, regular: false, quote: '"' },
  ],
  ['inches', 'part,size,qty\npipe,5",3\nrod,6" long,4\nbar,7",5\n', { delimiter: ',', columns: 3, headerRows: 1 }],
  ['apostrophes', "id,text\n1,it's\n2,'tis\n3,dogs'\n4,plain\n", { delimiter: ',', columns: 2, headerRows: 1 }],
  [
    'json in quotes',
    'id,doc\n1,"{""a"":1,""b"":[1,2]}"\n2,"{""a"":2}"\n3,"{}"\n',
    { delimiter: ',', columns: 2, headerRows: 1, quote: '"' },
  ],
  [
    'json in tabs unquoted',
    'id\tdoc\n1\t{"a":1,"b":[1,2]}\n2\t{"a":2,"b":[3]}\n3\t{"a":4}\n',
    { delimiter: '\t', columns: 2, headerRows: 1 },
  ],
  [
    'newlines in quotes',
    'id,text,n\n1,"line one\nline two",5\n2,"x\n\ny",6\n3,z,7\n',
    { delimiter: ',', columns: 3, headerRows: 1, regular: true },
  ],
  ['trailing delimiter rows', 'a,b,c\n1,2,3,\n4,5,6,\n7,8,9,\n', { delimiter: ',', columns: 4, headerRows: 1 }],
  ['trailing delimiter all', 'a,b,c,\n1,2,3,\n4,5,6,\n7,8,9,\n', { delimiter: ',', columns: 4, headerRows: 1 }],
  ['row names', 'a,b,c\nr1,2,3,1\nr2,5,6,1\nr3,8,9,2\n', { delimiter: ',', columns: 4, headerRows: 1 }],
  [
    'space after comma',
    'id, name, v\n1, "a, b", 3\n2, c, 4\n',
    { delimiter: ',', columns: 3, headerRows: 1, skipInitialSpace: true },
  ],
  ['blank lines', 'id,name\n\n1,a\n\n2,b\n\n3,c\n', { delimiter: ',', columns: 2, headerRows: 1 }],
  ['leading blank', '\n\nid,name\n1,a\n2,b\n', { delimiter: ',', columns: 2, headerRows: 1, skipLines: 2 }],
  ['sep=', 'sep=;\nid;name\n1;a\n2;b\n', { delimiter: ';', columns: 2, headerRows: 1, skipLines: 1 }],
  ['header only', 'id,name,value\n', { delimiter: ',', columns: 3, headerRows: 1 }],
  ['one row no nl', '1,2,3', { delimiter: ',', columns: 3, headerRows: 0 }],
  [
    'german dates ;',
    'datum;zeit;wert\n31.12.2019;10:00;1,5\n01.01.2020;11:30;2,5\n',
    { delimiter: ';', columns: 3, headerRows: 1 },
  ],
  ['semicolon list in comma', 'id,tags,n\n1,a;b;c,3\n2,d;e,4\n3,f,5\n', { delimiter: ',', columns: 3, headerRows: 1 }],
  [
    'comma list in semicolon',
    'id;tags;n\n1;a,b,c;3\n2;d,e;4\n3;f,g,h,i;5\n',
    { delimiter: ';', columns: 3, headerRows: 1 },
  ],
  ['pipe list in tab', 'id\ttags\n1\ta|b\n2\tc|d\n3\te|f\n', { delimiter: '\t', columns: 2, headerRows: 1 }],
  [
    'address commas in pipe',
    'id|addr\n1|12 Main St, Springfield, IL\n2|9 High St, Dover, DE\n3|1 Elm St, Salem, OR\n',
    { delimiter: '|', columns: 2, headerRows: 1 },
  ],
  ['coordinates ;', 'name;pos\nA;52.5,13.4\nB;48.1,11.6\nC;50.9,6.9\n', { delimiter: ';', columns: 2, headerRows: 1 }],
  ['duplicates header', 'id,name,name\n1,a,b\n2,c,d\n3,e,f\n', { columns: 3, headerRows: 1 }],
  ['empty header cell', 'id,,name\n1,x,b\n2,y,d\n3,z,f\n', { columns: 3, headerRows: 1 }],
  ['wide single row header', WIDE, { columns: 50, headerRows: 1 }],
  [
    'hex/uuid',
    'id,uuid\n1,550e8400-e29b-41d4-a716-446655440000\n2,650e8400-e29b-41d4-a716-446655440000\n',
    { columns: 2, headerRows: 1 },
  ],
  ['colon kv', 'key:value\na:1\nb:2\nc:3\n', { delimiter: ':', columns: 2 }],
  ['windows path', 'id,path\n1,C:\\Users\\a\n2,D:\\x\\\n3,E:\\y\n', { delimiter: ',', columns: 2, escape: '"' }],
  [
    'two tables',
    'id,name\n1,a\n2,b\n3,c\n4,d\n\ncity,pop,area,x\nBerlin,3,4,5\nParis,2,1,5\n',
    { delimiter: ',', columns: 2, headerRows: 1 },
  ],
  ['numbers header', '0,1,2,3\n0.5,0.6,0.7,0.8\n0.1,0.2,0.3,0.4\n0.5,0.6,0.7,0.9\n', { columns: 4, headerRows: 1 }],
];

/** The same people in every delimiter, with what needs quotes in quotes. */
const HEADER = ['name', 'born', 'city', 'amount'];
const PEOPLE = [
  ['Anna Müller', '1987-03-12', 'Berlin', '1234.50'],
  ['Jean-Luc "JL" Picard', '1964-12-01', 'Paris, France', '99.00'],
  ['Bo Li', '2001-07-30', '上海', '7.25'],
  ["Sean O'Brien", '1990-01-05', 'Cork', '12000.00'],
  ['Zoë; the 2nd', '1975-05-17', 'New York', '0.10'],
];
const written = (rows: string[][], delimiter: string, quote: string, all = false) =>
  rows
    .map((row) =>
      row
        .map((field) =>
          all || field.includes(delimiter) || field.includes(quote)
            ? quote + field.replaceAll(quote, quote + quote) + quote
            : field,
        )
        .join(delimiter),
    )
    .join('\r\n');
const DELIMITERS = [',', ';', '\t', '|', '^', '~', ':', '||', '::', '~|~', '\u0001', '¦'];

describe('sniffCsv on texts of every kind', () => {
  it.each(TEXTS)('%s', (_, text, expected) => {
    const findings = sniff(text);
    const got = { ...findings.dialect, columns: findings.columns.length, regular: findings.regular };
    expect(got).toMatchObject(expected);
  });

  it.each(DELIMITERS)('people parted by %j', (delimiter) => {
    expect(sniff(written([HEADER, ...PEOPLE], delimiter, '"')).dialect).toMatchObject({ delimiter, headerRows: 1 });
    expect(sniff(written(PEOPLE, delimiter, '"')).dialect).toMatchObject({ delimiter, headerRows: 0 });
    expect(sniff(written([HEADER, ...PEOPLE], delimiter, "'")).dialect).toMatchObject({
      delimiter,
      quote: "'",
      headerRows: 1,
    });
    expect(sniff(written([HEADER, ...PEOPLE], delimiter, '"', true))).toMatchObject({
      dialect: { delimiter, quote: '"', headerRows: 1 },
      regular: true,
    });
  });
});

describe('sniffCsv obeys what is declared', () => {
  const text = 'a;b\n1,5;2\n3,5;4\n';

  it('a delimiter', () => {
    expect(sniff(text, { delimiter: ',' }).dialect.delimiter).toBe(',');
  });

  it('no header, and rows to skip', () => {
    const findings = sniff(text, { header: false, skipRows: 1 });
    expect(findings.dialect).toMatchObject({ headerRows: 0, skipLines: 1 });
    expect(findings.columns.map((column) => column.original)).toEqual(['column0', 'column1']);
  });

  it('quote, escape, comment, null tokens and the decimal sign', () => {
    const options: CsvOptionsOutput = { quote: '', escape: '', comment: '%', nullTokens: ['-'], decimalComma: false };
    expect(sniff(text, options).dialect).toMatchObject(options);
  });

  it('names: a first row of declared names is the header, whatever it looks like', () => {
    const codes = 'A1,B2\nC3,D4\nE5,F6\nG7,H8\n';
    const head = Buffer.from(codes);
    expect(sniffCsv({ head, complete: true }, {}).dialect.headerRows).toBe(0);
    expect(sniffCsv({ head, complete: true }, {}, { names: ['a1', 'b2'] }).dialect.headerRows).toBe(1);
  });
});

describe('sniffCsv refuses what is no delimited text', () => {
  it.each([
    ['HTML', '<!DOCTYPE html><html><body><table></table></body></html>', 'HTML'],
    ['XML', '<?xml version="1.0"?><a><b/></a>', 'XML'],
    ['a JSON object', '{"a": 1, "b": [2, 3]}\n', 'JSON'],
    ['JSON lines', '{"a":1}\n{"a":2}\n', 'JSON'],
    ['a JSON array', '[{"a":1},{"a":2}]', 'JSON'],
    ['a PDF', '%PDF-1.7 something', 'PDF'],
  ])('%s', (_, text, looksLike) => {
    expect(() => sniff(text)).toThrow(UnknownFormat);
    expect(() => sniff(text)).toThrow(looksLike);
  });

  it('binary data and archives', () => {
    const noise = Buffer.from(Array.from({ length: 4096 }, (_, i) => (i * 7919) % 256));
    expect(() => sniffCsv({ head: noise, complete: true })).toThrow(UnknownFormat);
    expect(() => sniffCsv({ head: Buffer.from('PK\u0003\u0004zzzz'), complete: true })).toThrow('ZIP');
  });

  it('nothing', () => {
    for (const text of ['', '\n', ' \r\n \n', '\ufeff', '\ufeff\n']) expect(() => sniff(text)).toThrow(EmptyObject);
  });

  it('but takes headers that begin as a format does', () => {
    for (const name of ['ORCID', 'BZh', 'GIF8', 'MZ', 'PK']) {
      expect(sniff(`${name},x\na,1\nb,2\n`).columns[0]!.original).toBe(name);
    }
  });

  it('but takes a header in brackets', () => {
    expect(sniff('[id],[name]\n1,a\n2,b\n').columns.map((column) => column.original)).toEqual(['[id]', '[name]']);
  });
});
