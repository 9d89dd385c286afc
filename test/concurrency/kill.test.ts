import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execute } from '../../local/execute.ts';
import { type Home, openHome } from '../../local/home.ts';
import { openLog } from '../../shared/commit/log.ts';
import { vacuum } from '../../shared/commit/vacuum.ts';
import { parseDataset } from '../../shared/dataset/parse.ts';
import { registryOf } from '../../shared/dataset/registry.ts';
import { toRequest } from '../../shared/dataset/to-request.ts';
import { queryLake } from '../../shared/engine/lake-database.ts';
import { ended } from '../local/cli/sluice.ts';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
const NODE = join(REPOSITORY, 'node_modules', '.bin', 'node');

type Mode = 'append' | 'overwrite-partitions';

/** Loaded before, in part replaced, in two formats; then three objects more, one of them in ranges, one of them bad. */
const BEFORE = { 'in/a.csv': 'id,day\n1,x\n2,y\n' };
const THEN = {
  'in/b.csv': 'id,day\n3,x\n4,z\n',
  'in/c.csv': `id,day\n${Array.from({ length: 40 }, (_, i) => `${100 + i},${i % 2 ? 'x' : 'w'}`).join('\n')}\n`,
  'in/empty.csv': '',
};
const THEN_IDS = [3, 4, ...Array.from({ length: 40 }, (_, i) => 100 + i)];
const IDS: Record<Mode, number[]> = { append: [1, 2, ...THEN_IDS], 'overwrite-partitions': [2, ...THEN_IDS] };

const definition = (mode: Mode) => ({
  name: 'd',
  source: { prefix: 'in/', pick: 'new' as const },
  splitBytes: 256,
  target: { database: 'shop', table: 't', mode, partitionBy: ['day'], formats: ['parquet' as const, 'avro' as const] },
});

/** Spread over the run; every few changes where there is time. */
const SAMPLES = process.env['SLUICE_DRILL'] === 'full' ? 100 : 4;

describe('a process that is killed at any change to the store, and a run after it', () => {
  let folder: string;
  let n = 0;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-kill-'));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function land(home: Home, objects: Record<string, string>): Promise<void> {
    for (const [key, text] of Object.entries(objects)) await home.ports.objects.put({ bucket: 'landing', key }, text);
  }

  async function load(home: Home, mode: Mode) {
    const datasets = registryOf([parseDataset(definition(mode), 'the test')]);
    const context = { environment: {}, datasets, places: home.places, now: new Date() };
    const request = toRequest({ dataset: 'd' }, context);
    if ('nothing' in request) throw new Error('Nothing was asked');
    return execute(home, request);
  }

  /** Everything in a home of its own: the load before, the one that is killed, and the one after. */
  async function killedAt(mode: Mode, k: number, after: boolean): Promise<string> {
    const home = await openHome(join(folder, String(n++)));
    await land(home, BEFORE);
    expect((await load(home, mode)).run.status).toBe('succeeded');
    await land(home, THEN);
    const file = join(home.root, 'd.yml');
    await writeFile(file, JSON.stringify(definition(mode)));
    const { NODE_OPTIONS: _, ...environment } = process.env;
    const kill = { SLUICE_TEST_KILL_AT: String(k), SLUICE_TEST_KILL_AFTER: after ? '1' : '0' };
    const child = spawn(
      NODE,
      [
        '--import',
        join(import.meta.dirname, 'kill-at.ts'),
        join(REPOSITORY, 'local', 'cli.ts'),
        'run',
        file,
        '-q',
        '--home',
        home.root,
      ],
      { env: { ...environment, ...kill, SLUICE_TEST_KILL_BELOW: join(home.root, 's3') } },
    );
    child.stdin.end();
    const { code, stderr } = await ended(child);
    expect(code).toBe(k === -1 ? 0 : null);

    const next = await load(home, mode);
    expect(['succeeded', 'nothing']).toContain(next.run.status);
    await check(home, mode);
    await vacuum(home.ports, 'the test', 0);
    expect((await load(home, mode)).run.status).toBe('nothing');
    await check(home, mode);
    expect((await quarantineOf(home)).map((key) => key.split('/').at(-1))).toEqual([
      'empty.csv',
      'empty.csv.error.json',
    ]);
    await home.close();
    await rm(home.root, { recursive: true, force: true });
    return stderr;
  }

  /** Every row once in table and files, the bad object in quarantine once, and under the root what the log says. */
  async function check(home: Home, mode: Mode): Promise<void> {
    const { rows } = await queryLake({ path: home.lake }, 'select id from shop.t order by id');
    expect(rows.map(([id]) => id)).toEqual(IDS[mode]);
    const head = await openLog(home.ports.objects, 'work', 'd').head();
    for (const table of ['t', 't_avro']) {
      const { files } = head.tables.get(`shop.${table}`)!;
      expect(files.reduce((sum, file) => sum + file.rows, 0)).toBe(IDS[mode].length);
      const there: string[] = [];
      for await (const { key } of home.ports.objects.list('lake', `shop/${table}/`)) there.push(key);
      expect(there).toEqual(files.map((file) => file.key).sort());
    }
    // A copy of which the dead run kept no record may lie there until a vacuum.
    const records = (await quarantineOf(home)).filter((key) => key.endsWith('.error.json'));
    expect(records).toHaveLength(1);
  }

  async function quarantineOf(home: Home): Promise<string[]> {
    const keys: string[] = [];
    for await (const { key } of home.ports.objects.list('work', 'failed/')) keys.push(key);
    return keys;
  }

  it.each<Mode>(['append', 'overwrite-partitions'])(
    'lose no row, double none, leave nothing half: %s',
    async (mode) => {
      const all = Number(/changes: (\d+)/.exec(await killedAt(mode, -1, false))?.[1]);
      expect(all).toBeGreaterThan(50);
      const step = Math.max(1, all / SAMPLES);
      // The two modes meet other places.
      for (let at = mode === 'append' ? step / 3 : step / 2; at < all; at += step) {
        const k = Math.floor(at);
        try {
          await killedAt(mode, k, k % 2 === 1);
        } catch (error) {
          throw new Error(`${mode}, killed at change ${k} of ${all}: ${(error as Error).message}`, { cause: error });
        }
      }
    },
    SAMPLES * 30_000,
  );
});
