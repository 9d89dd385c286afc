import { appendFile, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execute } from '../../../local/execute.ts';
import { type Home, openHome } from '../../../local/home.ts';
import { parseDataset } from '../../../shared/dataset/parse.ts';
import type { LoadRequest } from '../../../shared/dataset/request.ts';
import { queryLake } from '../../../shared/engine/lake-database.ts';
import type { ConvertJob } from '../../../shared/engine/table-engine.ts';

let root: string;
let home: Home;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice-lent-'));
  home = await openHome(root);
});
afterEach(async () => {
  await home.close();
  await rm(root, { recursive: true, force: true });
});

/** A load of both files, in which something happens each time the engine is about to read. */
async function load(meanwhile: (job: ConvertJob) => Promise<void>) {
  for (const key of ['in/a.csv', 'in/b.csv'])
    await home.ports.objects.put({ bucket: 'landing', key }, `id,name\n1,${key}\n`);
  const engine = await home.ports.engine();
  home.ports.engine = async () => ({
    ...engine,
    convert: async (job) => {
      await meanwhile(job);
      return engine.convert(job);
    },
  });
  const dataset = parseDataset(
    { name: 'lent', source: { prefix: 'in/' }, target: { database: 'db', table: 't' } },
    'a test',
  );
  const request: LoadRequest = {
    ...{ dataset, trigger: 'person', objects: undefined, referenceTime: new Date().toISOString() },
    ...{ constants: {}, force: false, notices: [] },
  };
  const result = await execute(home, request);
  const { rows } = await queryLake({ path: home.lake }, 'SELECT name FROM db.t ORDER BY name');
  return { result, names: rows.flat() };
}

const fileOf = (key: string) => home.pathOf({ bucket: 'landing', key });

describe('objects that are files of this machine', () => {
  it('are read where they lie, without a copy', async () => {
    const own: bigint[] = [];
    const read: bigint[] = [];
    const { names } = await load(async ({ inputs }) => {
      for (const key of ['in/a.csv', 'in/b.csv']) own.push((await stat(fileOf(key), { bigint: true })).ino);
      for (const { path } of inputs) read.push((await stat(path, { bigint: true })).ino);
    });
    expect(read).toEqual(own);
    expect(names).toEqual(['in/a.csv', 'in/b.csv']);
    expect((await stat(fileOf('in/a.csv'))).nlink).toBe(1);
  });

  it('fail alone where others write into them while they are read', async () => {
    const { names, result } = await load(async ({ inputs }) => {
      if (inputs.some(({ uri }) => uri.endsWith('b.csv'))) await appendFile(fileOf('in/b.csv'), '2,late\n');
    });
    expect(names).toEqual(['in/a.csv']);
    expect(result.run.status).toBe('succeeded');
    expect(result.sources).toMatchObject([
      { uri: 's3://landing/in/a.csv', rowsWritten: 1 },
      { uri: 's3://landing/in/b.csv', rowsWritten: 0 },
    ]);
  });
});
