import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ChunkReader } from '../../../shared/engine/chunk-batch.ts';
import { Session } from '../../../shared/engine/session.ts';
import { literal } from '../../../shared/engine/sql.ts';
import type { BytesVector } from '../../../shared/formats/avro/column-batch.ts';

describe('texts of the engine', () => {
  let folder: string;
  let session: Session;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-strings-'));
    session = await Session.open({ threads: 1, memoryBytes: 200e6, scratch: folder, inputs: [] });
  });

  afterAll(async () => {
    session.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** The only column of a query, as it comes out of the engine's vectors. */
  async function textsOf(sql: string): Promise<(string | null)[]> {
    const reader = new ChunkReader([{ type: 'string' }]);
    const texts: (string | null)[] = [];
    for await (const chunk of session.chunks(sql)) {
      const batch = reader.read(chunk);
      const { validity, offsets, values } = batch.columns[0] as BytesVector;
      for (let row = 0; row < batch.rows; row++) {
        const isNull = validity !== undefined && ((validity[row >> 3]! >> (row & 7)) & 1) === 0;
        texts.push(isNull ? null : Buffer.from(values.subarray(offsets[row], offsets[row + 1])).toString());
      }
    }
    reader.release();
    return texts;
  }

  // Lengths on both sides of what lies inline (12) and of what is copied by a call (96).
  const text = fc
    .tuple(
      fc.constantFrom(0, 1, 3, 4, 5, 8, 11, 12, 13, 15, 16, 17, 31, 95, 96, 97, 300),
      fc.integer({ min: 0, max: 3 }),
    )
    .map(([length, seed]) =>
      Array.from({ length }, (_, i) => String.fromCharCode(97 + ((i * 7 + seed) % 26))).join(''),
    );
  const column = fc.array(fc.option(text, { freq: 4 }), { minLength: 1, maxLength: 60 });

  it('are gathered whatever their length, whether they were met before or lie beside each other', async () => {
    await fc.assert(
      fc.asyncProperty(column, fc.integer({ min: 1, max: 80 }), async (texts, times) => {
        const values = texts.map((value, i) => `(${i}, ${value === null ? 'NULL' : literal(value)})`).join(', ');
        const table = `(VALUES ${values}) AS t(i, v), range(${times}) AS r(n)`;
        const expected = Array.from({ length: times }, () => texts).flat();
        expect(await textsOf(`SELECT CAST(v AS VARCHAR) FROM ${table} ORDER BY n, i`)).toEqual(expected);
        const path = session.path('texts.parquet');
        await session.run(`COPY (SELECT CAST(v AS VARCHAR) AS v FROM ${table} ORDER BY n, i) TO ${literal(path)}`);
        expect(await textsOf(`SELECT v FROM read_parquet(${literal(path)})`)).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });
});
