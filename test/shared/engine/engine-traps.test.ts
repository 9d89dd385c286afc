import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Workbench } from './jobs.ts';

/** What the engine does by itself that Sluice must not let it do; each was seen. */
let bench: Workbench;
beforeAll(() => {
  bench = new Workbench();
});
afterAll(() => bench.close());

describe('what the engine takes silently', () => {
  it('rejects a bad timestamp, which with stored rejects becomes a null', async () => {
    const { rows, rejects } = await bench.load('id,at\n1,2023-01-01T00:00:00Z\n2,notadate\n', {
      id: 'int',
      at: 'timestamp',
    });
    expect(rows).toEqual([[1, '2023-01-01 00:00:00']]);
    expect(rejects).toMatchObject([{ line: 3, column: 'at', reason: '"notadate" is no timestamp', raw: '2,notadate' }]);
  });

  it('applies the offset of a timestamp, which a TIMESTAMP drops', async () => {
    const text =
      'at\n2023-07-01T12:00:00+02:00\n2023-07-01 12:00:00-05\n2023-07-01T12:00Z\n2023-07-01 12:00:00 +0530\n';
    const { rows } = await bench.load(text, { at: 'timestamp' });
    expect(rows.flat()).toEqual([
      '2023-07-01 10:00:00',
      '2023-07-01 17:00:00',
      '2023-07-01 12:00:00',
      '2023-07-01 06:30:00',
    ]);
  });

  it('reads a timestamp without an offset in the zone of the job', async () => {
    const text = 'at\n2023-07-01 12:00:00\n2023-01-01\n2023-07-01 12:00:00.25\n2023-07-01T12:00:00Z\n';
    const { rows } = await bench.load(text, { at: 'timestamp' }, { job: { timezone: 'Europe/Berlin' } });
    expect(rows.flat()).toEqual([
      '2023-07-01 10:00:00',
      '2022-12-31 23:00:00',
      '2023-07-01 10:00:00.25',
      '2023-07-01 12:00:00',
    ]);
  });

  it('lets no zone named in one row reach the next, as the engine does', async () => {
    const text =
      'at\n2023-07-01 12:00:00 America/New_York\n2023-07-01 12:00:00.5\n2023-07-01 12:00:00 UTC\n2023-07-01 12:00\n';
    const { rows, rejects } = await bench.load(text, { at: 'timestamp' }, { job: { timezone: 'Europe/Berlin' } });
    expect(rows.flat()).toEqual(['2023-07-01 10:00:00.5', '2023-07-01 12:00:00', '2023-07-01 10:00:00']);
    expect(rejects.map(({ line }) => line)).toEqual([2]);
  });

  it('rejects a time of day that clocks skipped, which names no instant', async () => {
    const text = 'at\n2023-03-26 01:30:00\n2023-03-26 02:30:00\n2023-03-26 03:30:00\n';
    const { rows, rejects } = await bench.load(text, { at: 'timestamp' }, { job: { timezone: 'Europe/Berlin' } });
    expect(rows.flat()).toEqual(['2023-03-26 00:30:00', '2023-03-26 01:30:00']);
    expect(rejects.map(({ line }) => line)).toEqual([3]);
  });

  it('rejects digits below the microsecond, which a timestamp drops, but not zeros', async () => {
    const text = 'at\n2023-01-01 00:00:00.123456789\n2023-01-01 00:00:00.123456000\n';
    const { rows, rejects } = await bench.load(text, { at: 'timestamp' });
    expect(rows.flat()).toEqual(['2023-01-01 00:00:00.123456']);
    expect(rejects).toHaveLength(1);
  });

  it('rejects fractions in whole numbers and beyond the scale of decimals, which are rounded', async () => {
    const text = 'n,d\n1.9,1\n1.0,1.50\n2,1.005\n3,1.500\n1_000,1\n0x1F,1\n1e3,1\n';
    const { rows, rejects } = await bench.load(text, { n: 'int', d: 'decimal(10,2)' });
    expect(rows).toEqual([
      [1, '1.50'],
      [3, '1.50'],
    ]);
    expect(rejects.map(({ line, column }) => [line, column])).toEqual([
      [2, 'n'],
      [4, 'd'],
      [6, 'n'],
      [7, 'n'],
      [8, 'n'],
    ]);
  });

  it('rejects a number too large for a double, which becomes infinity', async () => {
    const { rows, rejects } = await bench.load('x\n1e400\n1e300\ninf\n', { x: 'double' });
    expect(rows.flat()).toEqual([1e300, 'Infinity']);
    expect(rejects.map(({ raw }) => raw)).toEqual(['1e400']);
  });

  it('rejects a date with something behind it', async () => {
    const text = 'd\n2023-01-01x\n2023-01-01 10:00\n2023-01-01 00:00:00\n2023-02-30\ninfinity\n2023-12-31\n';
    const { rows, rejects } = await bench.load(text, { d: 'date' });
    expect(rows.flat()).toEqual(['2023-01-01', '2023-12-31']);
    expect(rejects.map(({ line }) => line)).toEqual([2, 3, 5, 6]);
  });

  it('keeps an empty text in quotes apart from a missing one', async () => {
    const { rows } = await bench.load('a,b,n\n"",,1\n,"",""\n', { a: 'string', b: 'string', n: 'int' });
    expect(rows).toEqual([
      ['', null, 1],
      [null, '', null],
    ]);
  });

  it('takes null tokens for missing values, but not in text', async () => {
    const text = 'n,x,t\nNA,NaN,NA\n"N/A",nan,NULL\n null ,\\N,\\N\n';
    const { rows } = await bench.load(text, { n: 'bigint', x: 'double', t: 'string' });
    expect(rows).toEqual([
      [null, null, 'NA'],
      [null, null, 'NULL'],
      [null, null, '\\N'],
    ]);
  });

  it('counts a short row once, not once for each column that it lacks', async () => {
    const { account, rejects } = await bench.load('a,b,c,d,e\n1,2\n1,2,3,4,5\n1,2,3,4,5,6\n', {
      a: 'int',
      b: 'int',
      c: 'int',
      d: 'int',
      e: 'int',
    });
    expect(account).toMatchObject({ rowsRead: 3, rowsWritten: 1, rowsRejected: 2 });
    expect(rejects.map(({ reason, column }) => [reason, column])).toEqual([
      ['the row has 2 fields where 5 are expected', 'c'],
      ['the row has 6 fields where 5 are expected', null],
    ]);
  });

  it('reads fields longer than 2 MB, and rejects rows that are longer than it may be asked to hold', async () => {
    const long = 'x'.repeat(3_000_000);
    const tooLong = 'y'.repeat(17_000_000);
    const { rows, account, rejects } = await bench.load(`a,b\n1,${long}\n2,${tooLong}\n3,z\n`, {
      a: 'int',
      b: 'string',
    });
    expect(rows.map(([a, b]) => [a, String(b).length])).toEqual([
      [1, long.length],
      [3, 1],
    ]);
    expect(account).toMatchObject({ rowsRead: 3, rowsWritten: 2, rowsRejected: 1 });
    expect(rejects).toMatchObject([{ line: 3, reason: 'the row is too long' }]);
    expect(rejects[0]!.raw!.length).toBe(64 * 1024);
  });

  it('takes no column from folders that look like partitions', async () => {
    const columns = { a: 'int', b: 'string' } as const;
    const path = bench.path('scratch');
    const { rows } = await bench.load('a,b\n1,x\n', columns, { job: { scratch: `${path}/day=2023-01-01/in` } });
    expect(rows).toEqual([[1, 'x']]);
  });

  it('finds rows with text that is no UTF-8', async () => {
    const bytes = Buffer.concat([Buffer.from('a,b\n1,'), Buffer.of(0xff, 0xfe), Buffer.from('\n2,ok\n')]);
    const { rows, rejects } = await bench.load(bytes, { a: 'int', b: 'string' });
    expect(rows).toEqual([[2, 'ok']]);
    expect(rejects).toMatchObject([{ line: 2, byteOffset: 4, column: 'b', reason: 'the text is no UTF-8' }]);
  });

  it('keeps a carriage return inside a field, where the engine gives up the file', async () => {
    const text = 'a,b\n1,x\ry\n2,"q\r\nr"\n3,z\r\n4,"s"\n';
    const { rows, account } = await bench.load(text, { a: 'int', b: 'string' });
    expect(rows).toEqual([
      [1, 'x\ry'],
      [2, 'q\r\nr'],
      [3, 'z'],
      [4, 's'],
    ]);
    expect(account).toMatchObject({ rowsRead: 4, rowsWritten: 4, rowsRejected: 0 });
  });
});
