import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AvroCodec } from '../../../../shared/formats/avro/codec.ts';
import { avroSchema } from '../../../../shared/formats/avro/schema.ts';
import { type AvroFileOptions, AvroFileWriter } from '../../../../shared/formats/avro/writer.ts';
import { AVRO_BLOCKS_IN_FLIGHT } from '../../../../shared/limits.ts';
import { batchOf, type Cell, cellsOf, column, columnTypes } from './batches.ts';
import { readWithAvsc } from './read-with-avsc.ts';

const CODECS: AvroCodec[] = ['null', 'deflate', 'snappy'];
let folder: string;
let path: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-avro-'));
  path = join(folder, 't.avro');
});
afterAll(() => rmSync(folder, { recursive: true }));

async function write(
  columns: Parameters<typeof avroSchema>[1],
  batches: Cell[][][],
  options: Partial<AvroFileOptions> & { timestamps?: 'millis' | 'micros' } = {},
) {
  const schema = avroSchema('t', columns, { timestamps: options.timestamps ?? 'millis' });
  const writer = new AvroFileWriter({ path, schema, codec: 'null', metadata: {}, ...options });
  for (const rows of batches) await writer.writeBatch(batchOf(columns, rows));
  return writer.close();
}

/** What a reader sees of a cell. */
function readerCell(type: string, timestamps: 'millis' | 'micros', cell: Cell): Cell {
  if (type === 'timestamp' && timestamps === 'millis' && cell !== null) return (cell as bigint) / 1000n;
  return cell;
}

describe('a written file, read by avsc', () => {
  const files = fc
    .record({
      types: fc.array(columnTypes, { minLength: 1, maxLength: 8 }),
      timestamps: fc.constantFrom('millis' as const, 'micros' as const),
    })
    .chain(({ types, timestamps }) => {
      const rows = fc.array(fc.tuple(...types.map((type) => fc.option(cellsOf(type, timestamps), { freq: 4 }))), {
        maxLength: 40,
      });
      return fc.record({
        types: fc.constant(types),
        timestamps: fc.constant(timestamps),
        batches: fc.array(rows, { maxLength: 4 }),
        codec: fc.constantFrom(...CODECS),
        blockBytes: fc.constantFrom(1, 30, 300, 100_000),
      });
    });

  it('has the rows, whatever the types, the codec and the blocks', async () => {
    await fc.assert(
      fc.asyncProperty(files, async ({ types, timestamps, batches, codec, blockBytes }) => {
        const columns = types.map((type, index) => column(`c${index}`, type));
        const rows = batches.flat();
        const account = await write(columns, batches, { timestamps, codec, blockBytes });
        const file = await readWithAvsc(path);
        expect(file.rows).toEqual(
          rows.map((row) => row.map((cell, index) => readerCell(types[index]!, timestamps, cell))),
        );
        expect(file.schema).toEqual(avroSchema('t', columns, { timestamps }));
        expect(file.blocks.reduce((sum, count) => sum + count, 0)).toBe(rows.length);
        if (codec === 'null') {
          file.blocks.forEach((count, index) => {
            expect(count === 1 || file.blockBytes[index]! <= blockBytes).toBe(true);
          });
        }
        expect(account).toEqual({ rows: rows.length, bytes: readFileSync(path).length });
      }),
      { numRuns: 150 },
    );
  });

  it.each(CODECS)('has texts of a MiB and more, many blocks at once, in order (%s)', async (codec) => {
    const columns = [column('id', 'int'), column('text', 'string')];
    const rows = Array.from({ length: 24 }, (_, row): Cell[] => [row, 'é🚕a'.repeat(row % 3 === 0 ? 160_000 : row)]);
    await write(columns, [rows.slice(0, 20), rows.slice(20)], { codec });
    const file = await readWithAvsc(path);
    expect(file.rows).toEqual(rows);
    expect(file.blocks.length).toBeGreaterThan(AVRO_BLOCKS_IN_FLIGHT);
  });

  it.each(CODECS)('has no rows where there were none (%s)', async (codec) => {
    const columns = [column('id', 'int')];
    expect(await write(columns, [[]], { codec })).toEqual({ rows: 0, bytes: readFileSync(path).length });
    expect(await readWithAvsc(path)).toMatchObject({ rows: [], blocks: [] });
  });
});

describe('the bytes of a file', () => {
  const sync = Buffer.from('0123456789abcdef');

  it('are as the specification has them', async () => {
    const columns = [column('a', 'int')];
    await write(columns, [[[1], [null]]], { sync, metadata: { 'sluice.version': '7' } });
    const schema = '{"type":"record","name":"t","fields":[{"name":"a","type":["null","int"],"default":null}]}';
    expect(readFileSync(path, 'latin1')).toBe(
      'Obj\x01' + // magic
        '\x06' + // three entries
        `\x16avro.schema\xb2\x01${schema}` +
        '\x14avro.codec\x08null' +
        '\x1csluice.version\x027' +
        '\x00' + // no more entries
        '0123456789abcdef' +
        '\x04\x06' + // two rows, three bytes
        '\x02\x02\x00' + // 1, null
        '0123456789abcdef',
    );
  });

  it('have another sync marker in every file', async () => {
    const markers = new Set<string>();
    for (let file = 0; file < 3; file++) {
      await write([column('a', 'int')], []);
      markers.add(readFileSync(path).subarray(-16).toString('hex'));
    }
    expect(markers.size).toBe(3);
  });

  it('replace a longer file that was there', async () => {
    const columns = [column('a', 'int')];
    await write(columns, [[[1], [2], [3]]]);
    const { bytes } = await write(columns, []);
    expect(readFileSync(path).length).toBe(bytes);
  });

  it('are fewer at a higher level', async () => {
    const columns = [column('a', 'string')];
    const rows = Array.from({ length: 5000 }, (_, row): Cell[] => [`row ${row} of ${(row * 7919) % 977}`]);
    const low = await write(columns, [rows], { codec: 'deflate', level: 1 });
    const high = await write(columns, [rows], { codec: 'deflate', level: 9 });
    expect(high.bytes).toBeLessThan(low.bytes);
  });

  it('keep metadata that is not ASCII', async () => {
    await write([column('a', 'int')], [], { metadata: { 'sluice.source': 's3://b/Žluťoučký.csv' } });
    expect((await readWithAvsc(path)).metadata['sluice.source']).toBe('s3://b/Žluťoučký.csv');
  });

  it("do not take metadata under the format's own keys", async () => {
    await expect(write([column('a', 'int')], [], { metadata: { 'avro.codec': 'xz' } })).rejects.toMatchObject({
      name: 'BadInput',
      message: expect.stringContaining('"avro.codec"'),
    });
  });
});

describe('the writer', () => {
  const columns = [column('text', 'string')];
  const schema = avroSchema('t', columns, { timestamps: 'millis' });
  const options: AvroFileOptions = { path: '', schema, codec: 'deflate', metadata: {}, blockBytes: 100 };
  /** Each row fills a block. */
  const batch = (rows: number) =>
    batchOf(
      columns,
      Array.from({ length: rows }, (_, row) => [`${row}`.padEnd(99)]),
    );

  it('takes a batch at once while few blocks are under way, then makes the caller wait', async () => {
    const writer = new AvroFileWriter({ ...options, path });
    // The last row's block stays open: one row more than blocks.
    expect(writer.writeBatch(batch(AVRO_BLOCKS_IN_FLIGHT))).toBeUndefined();
    const wait = writer.writeBatch(batch(2 * AVRO_BLOCKS_IN_FLIGHT));
    expect(wait).toBeInstanceOf(Promise);
    expect(writer.rows).toBeLessThan(3 * AVRO_BLOCKS_IN_FLIGHT);
    expect(() => writer.writeBatch(batch(1))).toThrow('before the last batch was taken');
    await expect(writer.close()).rejects.toThrow('before the last batch was taken');
    await wait;
    expect(writer.rows).toBe(3 * AVRO_BLOCKS_IN_FLIGHT);
    expect(writer.bytes).toBeGreaterThan(0);
    expect(await writer.close()).toEqual({ rows: 3 * AVRO_BLOCKS_IN_FLIGHT, bytes: readFileSync(path).length });
    expect((await readWithAvsc(path)).blocks).toEqual(Array(3 * AVRO_BLOCKS_IN_FLIGHT).fill(1));
  });

  it('goes on after a batch that it refused', async () => {
    const writer = new AvroFileWriter({ ...options, path });
    expect(() => writer.writeBatch({ rows: 1, columns: [] })).toThrow(
      expect.objectContaining({ name: 'SchemaMismatch' }),
    );
    await writer.writeBatch(batch(1));
    expect(await writer.close()).toMatchObject({ rows: 1 });
  });

  it('tells of a folder that is not there, in the batch that waits and in close', async () => {
    const writer = new AvroFileWriter({ ...options, path: join(folder, 'missing', 't.avro') });
    await expect(writer.writeBatch(batch(50))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(async () => writer.writeBatch(batch(1))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(writer.close()).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('tells of a full disk', async () => {
    const writer = new AvroFileWriter({ ...options, path: '/dev/full' });
    await expect(
      (async () => {
        for (let turn = 0; turn < 100; turn++) await writer.writeBatch(batch(10));
      })(),
    ).rejects.toMatchObject({ code: 'ENOSPC' });
    await writer.abort();
  });

  it('tells of a block that cannot be compressed', async () => {
    const writer = new AvroFileWriter({ ...options, path, level: 99 });
    writer.writeBatch(batch(2));
    await expect(writer.close()).rejects.toMatchObject({ code: 'ERR_OUT_OF_RANGE' });
  });

  it('leaves no file open, whether it is closed, fails or is given up', async () => {
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    await new AvroFileWriter({ ...options, path }).close();
    await new AvroFileWriter({ ...options, path }).abort();
    const failing = new AvroFileWriter({ ...options, path: '/dev/full' });
    await expect(failing.close()).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(open()).toBe(before);
  });

  it('can be given up at any time, and is closed then', async () => {
    const writer = new AvroFileWriter({ ...options, path });
    const wait = writer.writeBatch(batch(100));
    await writer.abort();
    await wait;
    await writer.abort();
    expect(() => writer.writeBatch(batch(1))).toThrow('writeBatch on an Avro file that is closed');
    await expect(writer.close()).rejects.toThrow('close on an Avro file that is closed');
  });
});
