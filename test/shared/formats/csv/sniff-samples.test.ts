import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { sniffCsv } from '../../../../shared/formats/csv/sniff.ts';
import { describeWithSharedData } from '../../../setup/available.ts';

const row = (i: number) => `${i},"note ${i},\nwith a line",${i / 4}\n`;
const rows = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => row(from + i)).join('');

describe('sniffCsv on samples of a larger file', () => {
  it('leaves out the record that the sample cuts, wherever it cuts', () => {
    const text = `id,note,value\n${rows(0, 40)}`;
    fc.assert(
      fc.property(fc.integer({ min: 60, max: text.length - 1 }), (cut) => {
        const findings = sniffCsv({ head: Buffer.from(text.slice(0, cut)), complete: false });
        expect(findings.columns.map((column) => column.type)).toEqual(['bigint', 'string', expect.any(String)]);
        expect(findings.dialect).toMatchObject({ delimiter: ',', quote: '"', headerRows: 1, footerRows: 0 });
        expect(findings.regular).toBe(true);
      }),
    );
  });

  it('finds the rows of an inner sample, also where it begins inside quotes', () => {
    const head = Buffer.from(`id,note,value\n${rows(0, 20)}`);
    const inner = rows(100, 140);
    fc.assert(
      fc.property(fc.nat(200), fc.nat(25), (start, cut) => {
        const middle = Buffer.from(inner.slice(start, inner.length - cut));
        const findings = sniffCsv({ head, middle, complete: false });
        expect(findings.regular).toBe(true);
        expect(findings.columns[0]!.profile.maxInteger).toBe(cut === 0 ? '139' : '138');
      }),
    );
  });

  it('takes the types from all samples', () => {
    const head = Buffer.from('id,code,day\n1,10,2020-01-01\n2,20,2020-01-02\n');
    const middle = Buffer.from('9,10,2020-01-01\n1000,30,2020-01-03\n1001,040,2020-01-04\n1');
    const tail = Buffer.from('2020-01-01\n99999,50,2020-01-05\n100000,60,unknown\n');
    const { columns } = sniffCsv({ head, middle, tail, complete: false });
    expect(columns.map((column) => column.type)).toEqual(['bigint', 'string', 'string']);
    expect(columns[0]!.profile).toMatchObject({ minInteger: '1', maxInteger: '100000' });
  });

  it('sees the notes at the end in the tail', () => {
    const head = Buffer.from(`id,note,value\n${rows(0, 20)}`);
    const tail = Buffer.from(`${rows(500, 510)}\nSource: somewhere, 2020\n`);
    const findings = sniffCsv({ head, tail, complete: false });
    expect(findings).toMatchObject({ dialect: { footerRows: 1 }, regular: false });
    expect(findings.columns[0]!.type).toBe('bigint');
  });

  it('sees ragged rows and stray quotes in any sample', () => {
    const head = Buffer.from('a,b\n1,x\n2,y\n');
    expect(sniffCsv({ head, middle: Buffer.from('1,x\n2,y\n3\n4,z\n5'), complete: false }).regular).toBe(false);
    expect(sniffCsv({ head, tail: Buffer.from('1,x\n2,y\n3,"z "w" v"\n'), complete: false }).regular).toBe(false);
    expect(sniffCsv({ head, tail: Buffer.from('1,x\n2,y\n3,z\n'), complete: false }).regular).toBe(true);
  });

  it('reads a sample of UTF-16 that begins and ends in whole code units', () => {
    const head = Buffer.from('\ufeffid,name\n1,Łódź\n2,é\n', 'utf16le');
    const tail = Buffer.from('3,x\n4,東京\n5,z\n', 'utf16le');
    const findings = sniffCsv({ head, tail, complete: false });
    expect(findings.dialect).toMatchObject({ encoding: 'utf-16le', bomBytes: 2 });
    expect(findings.sampledRows).toBe(4);
  });
});

describeWithSharedData('titanic.csv', (shared) => {
  it('has a header, semicolons, and numbers with NA among them', () => {
    const { dialect, columns, regular, sampledRows } = sniffCsv({
      head: readFileSync(join(shared, 'titanic.csv')),
      complete: true,
    });
    expect(dialect).toMatchObject({ delimiter: ';', quote: '"', headerRows: 1, decimalComma: false });
    expect(regular).toBe(true);
    expect(sampledRows).toBe(1309);
    expect(Object.fromEntries(columns.map(({ original, type }) => [original, type]))).toEqual({
      pclass: 'bigint',
      survived: 'bigint',
      name: 'string',
      sex: 'string',
      age: 'double',
      sibsp: 'bigint',
      parch: 'bigint',
      ticket: 'string',
      fare: 'double',
      cabin: 'string',
      embarked: 'string',
      boat: 'string',
      body: 'bigint',
      'home.dest': 'string',
    });
    expect(columns.find((column) => column.original === 'age')!.profile.nulls).toEqual({ NA: 263 });
  });
});
