import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { queryLake } from '../../../shared/engine/lake-database.ts';

const REPOSITORY = fileURLToPath(new URL('../../../', import.meta.url));

describe('npm run demo', () => {
  let folder: string;
  let home: string;
  let shown: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-demo-'));
    home = join(folder, 'home');
    shown = await demo(home);
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** From one title to the next. */
  const section = (number: number) => shown.split(/^(?=\d {2}|Go on)/m).find((part) => part.startsWith(`${number}  `));

  it('shows every section', () => {
    expect(shown.match(/^(\d {2}|Go on).*$/gm)?.map((title) => title.slice(0, 5).trim())).toEqual([
      ...['1  Fi', '2  On', '3  Wh', '4  A', '5  Th', '6  As', '7  Ev', 'Go on'],
    ]);
  });

  it('loads five drops, of which one is no table, and says so', () => {
    expect(section(1)?.match(/s3:\/\/landing\/\S+/g)).toHaveLength(5);
    expect(section(2)).toContain('2,922 rows read from 4 objects, 2,917 written, 5 rejected');
    expect(section(2)).toMatch(/climate\.stations +parquet +2,917 +4/);
    expect(section(2)).toMatch(/climate\.stations_avro +avro +2,917 +4/);
    expect(section(2)).toContain('1 object quarantined:\n  s3://landing/stations/2015/photo.csv\n    UnknownFormat: ');
  });

  it('shows the five rejected rows with line, column and reason', () => {
    const rows = section(3)?.match(/^s3:\/\/landing\/stations\/2015\/observations\.csv +\d+ .*$/gm);
    expect(rows?.map((row) => Number(/csv +(\d+)/.exec(row)?.[1]))).toEqual([41, 100, 201, 311, 501]);
    expect(section(3)).toMatch(/wind +"calm" is no double/);
    expect(section(3)).toMatch(/date +"2015-02-30" is no date/);
  });

  it('loads nothing the second time, and replaces one partition when its file is mended', () => {
    expect(section(4)).toContain('nothing to load');
    expect(section(5)).toContain('730 rows read from 1 object, 730 written, 0 rejected');
    expect(section(5)?.match(/year=\d{4} {2}.*/g)).toEqual([
      'year=2012  as before',
      'year=2013  as before',
      'year=2014  as before',
      'year=2015  replaced',
    ]);
  });

  it('answers queries, and leaves a lake that others can ask', async () => {
    expect(section(6)).toMatch(/^2015 +730 /m);
    expect(section(6)).toMatch(/photo\.csv +quarantined .*UnknownFormat/);
    expect(section(7)?.match(/^stations-\S+ +\w+/gm)).toHaveLength(3);
    const { rows } = await queryLake({ path: join(home, 'lake.duckdb') }, 'select count(*) from climate.stations');
    expect(rows).toEqual([[2922]]);
  });

  it('begins anew over its own folder, and leaves a folder that is not its own alone', async () => {
    expect(await demo(home)).toContain('2,917 written, 5 rejected');
    await expect(demo(join(REPOSITORY, 'test'))).rejects.toThrow(/is there already and is not the demo's/);
  });
});

async function demo(home: string): Promise<string> {
  const { NODE_OPTIONS: _, FORCE_COLOR: __, ...environment } = process.env;
  const env = { ...environment, NO_COLOR: '1' };
  const { stdout } = await promisify(execFile)('npm', ['run', 'demo', '--', '--home', home], { cwd: REPOSITORY, env });
  return stdout;
}
