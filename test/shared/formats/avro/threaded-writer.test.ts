import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { packBatch, packedBytes, unpackBatch } from '../../../../shared/formats/avro/batch-memory.ts';
import { avroSchema } from '../../../../shared/formats/avro/schema.ts';
import { EncoderThread, encoderThread } from '../../../../shared/formats/avro/threaded-writer.ts';
import { AvroFileWriter } from '../../../../shared/formats/avro/writer.ts';
import { AVRO_BATCHES_AHEAD } from '../../../../shared/limits.ts';
import { batchOf, type Cell, cellsOf, column, columnTypes } from './batches.ts';

let folder: string;
let thread: EncoderThread;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-avro-thread-'));
  thread = encoderThread()!;
});
afterAll(async () => {
  await thread.terminate();
  rmSync(folder, { recursive: true });
});

const tables = fc.array(columnTypes, { minLength: 1, maxLength: 8 }).chain((types) =>
  fc.record({
    types: fc.constant(types),
    batches: fc.array(
      fc.array(fc.tuple(...types.map((type) => fc.option(cellsOf(type, 'micros'), { freq: 4 }))), { maxLength: 40 }),
      { maxLength: 4 },
    ),
    blockBytes: fc.constantFrom(1, 30, 300, 100_000),
  }),
);
const SYNC = new Uint8Array(16).fill(7);

describe('a file that the thread writes', () => {
  it('is byte for byte what the caller’s own thread would write', async () => {
    await fc.assert(
      fc.asyncProperty(tables, async ({ types, batches, blockBytes }) => {
        const columns = types.map((type, i) => column(`c${i}`, type));
        const schema = avroSchema('t', columns, { timestamps: 'micros' });
        const options = { schema, codec: 'snappy' as const, metadata: {}, blockBytes, sync: SYNC };
        const [here, there] = [join(folder, 'here'), join(folder, 'there')];
        const own = new AvroFileWriter({ ...options, path: here });
        const other = thread.open({ ...options, path: there });
        for (const rows of batches) {
          await own.writeBatch(batchOf(columns, rows));
          await other.writeBatch(batchOf(columns, rows));
        }
        expect(await other.close()).toEqual(await own.close());
        expect(readFileSync(there).equals(readFileSync(here))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it('comes from batches whose arrays are used again at once, of files that take turns', async () => {
    const columns = [column('n', 'int')];
    const schema = avroSchema('t', columns, { timestamps: 'micros' });
    const options = { schema, codec: 'null' as const, metadata: {}, blockBytes: 64, sync: SYNC };
    const writers = [0, 1].map((i) => thread.open({ ...options, path: join(folder, `turn-${i}`) }));
    const single = new AvroFileWriter({ ...options, path: join(folder, 'turn') });
    const batch = batchOf(columns, [[0]]);
    const values = batch.columns[0]!.kind === 'int32' ? batch.columns[0]!.values : new Int32Array(1);
    for (let i = 0; i < 10 * AVRO_BATCHES_AHEAD; i++) {
      values[0] = i;
      await single.writeBatch(batch);
      for (const writer of writers) await writer.writeBatch(batch);
    }
    await single.close();
    for (const writer of writers) expect((await writer.close()).rows).toBe(10 * AVRO_BATCHES_AHEAD);
    for (const i of [0, 1]) expect(readFileSync(join(folder, `turn-${i}`))).toEqual(readFileSync(join(folder, 'turn')));
  });

  it('fails by the name of what went wrong, and the next file is written all the same', async () => {
    const columns = [column('at', 'timestamp')];
    const schema = avroSchema('t', columns, { timestamps: 'millis' });
    const open = (path: string) => thread.open({ path, schema, codec: 'null', metadata: {} });
    const bad = open(join(folder, 'bad'));
    await bad.writeBatch(batchOf(columns, [[1n]]));
    await expect(bad.close()).rejects.toMatchObject({
      name: 'SchemaMismatch',
      message: /digits below the millisecond/,
    });
    await bad.abort();
    await expect(open(join(folder, 'none', 'x')).close()).rejects.toThrow(/ENOENT/);
    const good = open(join(folder, 'good'));
    await good.writeBatch(batchOf(columns, [[1000n as Cell]]));
    expect((await good.close()).rows).toBe(1);
  });

  it('fails with the thread', async () => {
    const own = new EncoderThread(new URL('../../../../shared/formats/avro/encoder-thread.ts', import.meta.url));
    const columns = [column('n', 'int')];
    const schema = avroSchema('t', columns, { timestamps: 'millis' });
    const writer = own.open({ path: join(folder, 'lost'), schema, codec: 'null', metadata: {} });
    await writer.writeBatch(batchOf(columns, [[1]]));
    await own.terminate();
    await expect(writer.writeBatch(batchOf(columns, [[1]]))).rejects.toThrow('The thread that encodes Avro ended');
    await writer.abort();
    expect(own.isGone).toBe(true);
  });
});

it('brings batches through shared memory as they are', () => {
  fc.assert(
    fc.property(tables, ({ types, batches }) => {
      const columns = types.map((type, i) => column(`c${i}`, type));
      for (const rows of batches) {
        const batch = batchOf(columns, rows);
        const memory = new SharedArrayBuffer(packedBytes(batch));
        packBatch(batch, memory);
        const back = unpackBatch(memory);
        expect(back.rows).toBe(batch.rows);
        expect(back.columns.map(({ kind }) => kind)).toEqual(batch.columns.map(({ kind }) => kind));
        expect(packedBytes(back)).toBe(packedBytes(batch));
      }
    }),
  );
});
