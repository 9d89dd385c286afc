import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execute } from '../../../local/execute.ts';
import { type Home, openHome } from '../../../local/home.ts';
import { parseDataset } from '../../../shared/dataset/parse.ts';
import { queryLake } from '../../../shared/engine/lake-database.ts';
import type { ConvertJob } from '../../../shared/engine/table-engine.ts';

let root: string;
let home: Home;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice-batches-'));
  home = await openHome(root);
});
afterEach(async () => {
  await home.close();
  await rm(root, { recursive: true, force: true });
});

/** A load of so many files, two a task: its jobs, each begun only once `together` of them have come, and its rows. */
async function load(files: number, together: number) {
  const jobs: ConvertJob[] = [];
  let all: () => void = () => undefined;
  const gathered = new Promise<void>((resolve) => {
    all = resolve;
  });
  for (let i = 0; i < files; i++)
    await home.ports.objects.put({ bucket: 'landing', key: `in/${i}.csv` }, `id,name\n${i},f${i}\n`);
  const engine = await home.ports.engine();
  home.ports.engine = async () => ({
    ...engine,
    convert: async (job) => {
      jobs.push(job);
      if (jobs.length === together) all();
      await gathered;
      return engine.convert(job);
    },
  });
  home.ports.splitBytes = 30;
  const dataset = parseDataset(
    { name: 'batches', source: { prefix: 'in/' }, target: { database: 'db', table: 't' } },
    'a test',
  );
  await execute(home, {
    ...{ dataset, trigger: 'person', objects: undefined, referenceTime: new Date().toISOString() },
    ...{ constants: {}, force: false, notices: [] },
  });
  const { rows } = await queryLake({ path: home.lake }, 'SELECT id, name FROM db.t ORDER BY id');
  return { jobs, rows };
}

describe('batches of small objects', () => {
  it('are known to the engine as several where others are under way', async () => {
    const { jobs, rows } = await load(4, 2);
    expect(jobs.map(({ inputs, othersFollow }) => [inputs.length, othersFollow])).toEqual([
      [2, true],
      [2, true],
    ]);
    expect(rows).toEqual([0, 1, 2, 3].map((i) => [i, `f${i}`]));
  });

  it('are alone where there is one', async () => {
    const { jobs, rows } = await load(2, 1);
    expect(jobs.map(({ inputs, othersFollow }) => [inputs.length, othersFollow])).toEqual([[2, false]]);
    expect(rows).toHaveLength(2);
  });
});
