import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { EdgeFileWriter, keyBytes, readEdges, readKeys } from '../../../../shared/formats/distances/graph-file.ts';
import { KeyTable } from '../../../../shared/formats/distances/key-table.ts';
import { GRAPH_BUFFER_EDGES } from '../../../../shared/limits.ts';

async function* cut(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

it.each([true, false])(
  'edges come back in their order, however the file is cut (with distances: %s)',
  async (weighted) => {
    const folder = await mkdtemp(join(tmpdir(), 'sluice-edges-'));
    try {
      const count = GRAPH_BUFFER_EDGES * 2 + 3;
      const writer = await EdgeFileWriter.create(join(folder, 'e'), weighted);
      for (let i = 0; i < count; i++) if (writer.add(i, 4e9 + (i % 1000), i / 3)) await writer.flush();
      await writer.close();
      expect(writer.edges).toBe(count);
      let i = 0;
      let wrong = 0;
      await readEdges(cut(await readFile(join(folder, 'e')), 4_099), weighted, (a, b, distance) => {
        if (a !== i || b !== 4e9 + (i % 1000) || distance !== (weighted ? i / 3 : 0)) wrong++;
        i++;
      });
      expect([i, wrong]).toEqual([count, 0]);
      await expect(readEdges(cut(new Uint8Array(9), 9), weighted, () => undefined)).rejects.toThrow(
        'ends within an edge',
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  },
);

it('keys get the numbers of the table that they come into', async () => {
  const keys = new KeyTable();
  const texts = ['a', '', 'ünï', 'x'.repeat(70_000), 'b'];
  for (const text of texts) {
    const bytes = Buffer.from(text);
    keys.intern(bytes, 0, bytes.length);
  }
  const into = new KeyTable();
  into.intern(Buffer.from('b'), 0, 1);
  const numbers = await readKeys(cut(Buffer.concat([...keyBytes(keys)]), 1_001), into, keys.count);
  expect([...numbers].map((key) => into.textOf(key))).toEqual(texts);
  expect(numbers[4]).toBe(0);
});
