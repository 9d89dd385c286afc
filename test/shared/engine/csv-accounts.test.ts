import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { DIALECTS, Workbench } from './jobs.ts';

let bench: Workbench;
beforeAll(() => {
  bench = new Workbench();
});
afterAll(() => bench.close());

describe('the accounts of an input', () => {
  it('add up whatever its text is: each row is written or rejected', async () => {
    const piece = fc.constantFrom(
      '1',
      '22',
      'ab',
      '"',
      '""',
      ',',
      ',',
      '\n',
      '\n',
      '\r\n',
      '\r',
      ' ',
      '\t',
      '#',
      '\\',
      '"q"',
      '"q,\nr"',
      '\\"',
      'ü',
      '\0',
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(piece, { maxLength: 50 }).map((pieces) => pieces.join('')),
        fc.constantFrom(...DIALECTS),
        fc.integer({ min: 1, max: 3 }),
        async (text, like, width) => {
          const types = Object.fromEntries(
            ['a', 'b', 'c'].slice(0, width).map((name, c) => [name, c === 0 ? ('int' as const) : ('string' as const)]),
          );
          const columns = Object.keys(types).map((name) => ({ original: '', target: name }));
          const { account, rows, rejects } = await bench.load(text, types, { like, columns });
          expect(account.failed).toBeUndefined();
          expect([text, account.rowsWritten + account.rowsRejected]).toEqual([text, account.rowsRead]);
          expect(rows).toHaveLength(account.rowsWritten);
          expect(rejects).toHaveLength(account.rowsRejected);
          for (const { byteOffset, raw } of rejects) {
            if (byteOffset !== null)
              expect(Buffer.from(text).subarray(byteOffset).toString().startsWith(raw!)).toBe(true);
          }
        },
      ),
      { numRuns: Number(process.env['RUNS'] ?? 60) },
    );
  });
});
