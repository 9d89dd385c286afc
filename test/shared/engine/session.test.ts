import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Session } from '../../../shared/engine/session.ts';
import { prepareDatabase } from '../../../shared/engine/spare-databases.ts';
import { PARTITIONED_WRITE_MAX_OPEN_FILES } from '../../../shared/limits.ts';

let folder: string;
let session: Session;

const open = async (): Promise<void> => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-session-'));
  writeFileSync(join(folder, 'in.csv'), 'a\n1\n');
  writeFileSync(join(folder, 'other.csv'), 'a\n1\n');
  session = await Session.open({
    threads: 2,
    memoryBytes: 64 * 1024 * 1024,
    scratch: join(folder, 'scratch'),
    inputs: [join(folder, 'in.csv')],
    timezone: 'Asia/Kolkata',
  });
};

afterEach(async () => {
  await session.close();
  rmSync(folder, { recursive: true, force: true });
});

describe.each([
  { engine: 'made for it', before: () => undefined },
  { engine: 'made before', before: prepareDatabase },
])('a session with an engine $engine', ({ before }) => {
  beforeEach(async () => {
    before();
    await open();
  });

  it('has the settings that it was opened with', async () => {
    const sql = `SELECT current_setting('threads'), current_setting('memory_limit'), current_setting('temp_directory'),
      current_setting('partitioned_write_max_open_files'), current_setting('autoload_known_extensions'),
      current_setting('autoinstall_known_extensions'), current_setting('enable_external_file_cache')`;
    const expected = ['2', '64.0 MiB', join(session.scratch, 'spill'), String(PARTITIONED_WRITE_MAX_OPEN_FILES)];
    expect(await session.rows(sql)).toEqual([[...expected, false, false, false]]);
    expect(
      await Promise.all([1, 2].map(() => session.rows("SELECT current_setting('partitioned_write_max_open_files')"))),
    ).toEqual([1, 2].map(() => [[String(PARTITIONED_WRITE_MAX_OPEN_FILES)]]));
  });

  it('reaches the job’s inputs and scratch folder and nothing else', async () => {
    expect(await session.rows(`SELECT * FROM read_csv('${folder}/in.csv')`)).toEqual([['1']]);
    await session.run(`COPY (SELECT 1) TO '${session.path('x.parquet')}'`);
    const denied = [
      `SELECT * FROM read_csv('${folder}/other.csv')`,
      `SELECT * FROM read_csv('${session.scratch}/../other.csv')`,
      `SELECT * FROM glob('/etc/*')`,
      `SELECT * FROM read_text('/etc/hostname')`,
      `COPY (SELECT 1) TO '${folder}/out.csv'`,
      `ATTACH '${folder}/x.db'`,
      'INSTALL httpfs',
      'LOAD httpfs',
    ];
    for (const sql of denied) await expect(session.run(sql)).rejects.toThrow(/Permission Error/);
    await expect(session.run("SET memory_limit = '10GB'")).rejects.toThrow(/locked/);
    await expect(session.run('SET enable_external_access = true')).rejects.toThrow(/locked|Cannot/);
  });

  it('reaches inputs by links, to them or to their folder', async () => {
    mkdirSync(join(folder, 'own'));
    for (const name of ['a', 'b', 'c']) writeFileSync(join(folder, 'own', `${name}.csv`), 'a\n1\n');
    symlinkSync(join(folder, 'own'), join(folder, 'linked'));
    symlinkSync(join(folder, 'own', 'a.csv'), join(folder, 'a.csv'));
    const inputs = [join(folder, 'a.csv'), join(folder, 'linked', 'b.csv')];
    const other = await Session.open({ threads: 1, memoryBytes: 64e6, scratch: join(folder, 'other'), inputs });
    try {
      for (const path of inputs) expect(await other.rows(`SELECT * FROM read_csv('${path}')`)).toEqual([['1']]);
      for (const path of [join(folder, 'own', 'c.csv'), join(folder, 'linked', 'c.csv')])
        await expect(other.run(`SELECT * FROM read_csv('${path}')`)).rejects.toThrow(/Permission Error/);
    } finally {
      await other.close();
    }
    const missing = { threads: 1, memoryBytes: 64e6, scratch: join(folder, 'none'), inputs: [join(folder, 'no.csv')] };
    await expect(Session.open(missing)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('spills to its scratch folder when memory runs out', async () => {
    await session.run(
      `CREATE TABLE t AS SELECT i, md5(i::VARCHAR) || md5((i + 1)::VARCHAR) AS s FROM range(1500000) t(i) ORDER BY s`,
    );
    expect(readdirSync(join(session.scratch, 'spill')).length).toBeGreaterThan(0);
    expect(existsSync('.tmp')).toBe(false);
    expect(await session.rows('SELECT count(DISTINCT i) FROM t')).toEqual([['1500000']]);
  });

  it('has its time zone on every connection', async () => {
    const sql = "SELECT CAST(epoch(TIMESTAMPTZ '2024-01-01 05:30:00') AS BIGINT)";
    expect(await session.rows(sql)).toEqual([['1704067200']]);
    for await (const chunk of session.chunks(sql)) expect(chunk.getRows()).toEqual([[1704067200n]]);
  });

  it('streams a result in order, also several at once and when one is left half-way', async () => {
    const sql = 'SELECT range FROM range(100000)';
    const read = async (limit: number) => {
      const seen: number[] = [];
      for await (const chunk of session.chunks(sql)) {
        for (const [value] of chunk.getRows()) seen.push(Number(value));
        if (seen.length >= limit) break;
      }
      return seen;
    };
    const [whole, part] = await Promise.all([read(100_000), read(10)]);
    expect(whole).toEqual(Array.from({ length: 100_000 }, (_, i) => i));
    expect(part.length).toBeLessThan(100_000);
    expect((await read(100_000)).length).toBe(100_000);
  });
});
