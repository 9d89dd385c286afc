import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { buildZip } from '../../fixtures/zip-builder.ts';
import { makeSluice, type Sluice } from './sluice.ts';

const GOOD = 'id,city\n1,Oslo\n2,"Rome, old"\n';
const RAGGED = 'id,city,people\n1,Oslo\n2,Rome,5\n3,Ulm,many\n';

describe('sluice preview', () => {
  let sluice: Sluice;
  const written = (name: string) => readFile(join(sluice.folder, 'out', name), 'utf8');
  const rejectsOf = async (name: string) =>
    (await written(`${name}.rejects.jsonl`))
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));

  beforeAll(async () => {
    sluice = await makeSluice();
    await sluice.file('good.csv', GOOD);
    await sluice.file('ragged.csv', RAGGED);
    await sluice.file('nothing.csv', '');
    await sluice.file('page.csv', '<html><body>no</body></html>');
    await sluice.file('packed.csv.gz', gzipSync(GOOD));
    await sluice.file(
      'two.zip',
      buildZip([
        { name: 'in/a.csv', text: GOOD },
        { name: 'b.csv', text: RAGGED },
      ]),
    );
  });

  afterAll(() => sluice.remove());

  it('shows the first rows, with what would be rejected beside', async () => {
    const shown = await sluice.run(
      'preview',
      'ragged.csv',
      '--set',
      'schema={"id":"bigint","city":"string","people":"bigint"}',
    );
    expect(shown).toMatchObject({ code: 0, stdout: 'id  city  people\n2   Rome  5\n' });
    expect(shown.stderr).toContain('2 rows rejected');
    expect(shown.stderr).toContain('line 2, column "people": the row has 2 fields where 3 are expected');
    expect(shown.stderr).toContain('line 4, column "people": "many" is no bigint');
    const one = await sluice.run('preview', 'good.csv', '--rows', '1');
    expect(one.stdout).toBe('id  city\n1   Oslo\n');
  });

  it('prints CSV of one file', async () => {
    expect((await sluice.run('preview', 'good.csv', '--csv')).stdout).toBe('id,city\n1,Oslo\n2,"Rome, old"\n');
    expect(await sluice.run('preview', 'good.csv', 'ragged.csv', '--csv')).toMatchObject({ code: 2, stdout: '' });
  });

  it('writes rows and rejects of every file; one that cannot be read stops no other', async () => {
    const files = ['good.csv', 'ragged.csv', 'nothing.csv', 'page.csv', 'packed.csv.gz', 'two.zip', 'absent.csv'];
    const ended = await sluice.run('preview', ...files, '--out', 'out');
    expect(ended.code).toBe(0);
    expect(ended.stderr).toContain('EmptyObject: nothing.csv is empty');
    expect(ended.stderr).toContain('UnknownFormat');
    expect(ended.stderr).toContain('there is no such file');
    expect(ended.stderr).toContain('3 files could not be read');
    expect((await readdir(join(sluice.folder, 'out'))).sort()).toEqual(
      ['absent', 'good', 'nothing', 'packed', 'page', 'ragged', 'two!b.csv', 'two!in_a.csv']
        .flatMap((name) => [`${name}.csv`, `${name}.rejects.jsonl`])
        .sort(),
    );
    for (const name of ['good', 'packed', 'two!in_a.csv']) {
      expect(await written(`${name}.csv`)).toBe('id,city\n1,Oslo\n2,"Rome, old"\n');
      expect(await rejectsOf(name)).toEqual([]);
    }
    expect(await written('ragged.csv')).toBe('id,city,people\n2,Rome,5\n3,Ulm,many\n');
    expect(await rejectsOf('ragged')).toEqual([
      {
        uri: 'ragged.csv',
        entry: null,
        line: 2,
        byteOffset: 15,
        column: 'people',
        reason: 'the row has 2 fields where 3 are expected',
        raw: '1,Oslo',
      },
    ]);
    for (const name of ['nothing', 'page', 'absent']) {
      expect(await written(`${name}.csv`)).toBe('');
      expect(await rejectsOf(name)).toEqual([expect.objectContaining({ uri: `${name}.csv`, line: null, raw: null })]);
    }
  });

  it('fails where no file can be read', async () => {
    expect((await sluice.run('preview', 'nothing.csv', 'page.csv')).code).toBe(1);
  });

  it('takes what is declared, and says all in JSON', async () => {
    await mkdir(join(sluice.folder, 'dates'), { recursive: true });
    await sluice.file('dates/d.csv', 'day,n\n01/02/2021,1\n31/02/2021,2\n');
    const args = [
      'preview',
      'dates/d.csv',
      '--json',
      '--set',
      'source.csv.dateFormat=%d/%m/%Y',
      '--set',
      'schema={"day":"date","n":"bigint"}',
    ];
    const { stdout } = await sluice.run(...args);
    expect(JSON.parse(stdout)).toMatchObject({
      files: [
        {
          file: 'dates/d.csv',
          columns: [
            { original: 'day', type: 'date' },
            { original: 'n', type: 'bigint' },
          ],
          rows: [['01/02/2021', '1']],
          rejects: [{ line: 3, column: 'day', reason: '"31/02/2021" is no date of the form %d/%m/%Y' }],
          rowsRead: 1,
          rowsRejected: 1,
          complete: true,
        },
      ],
    });
  });

  it('pads and rescues rows where that is declared', async () => {
    await sluice.file('odd.csv', 'id,city\n1\n2,Rome\n3,Ulm,x,y\n');
    const declared = ['--set', 'source.csv.onShortRow=pad', '--set', 'source.csv.onLongRow=rescue'];
    const { stdout } = await sluice.run('preview', 'odd.csv', '--csv', ...declared);
    expect(stdout).toBe('id,city,_rescued\n1,,\n2,Rome,\n3,Ulm,"{""column2"":""x"",""column3"":""y""}"\n');
  });

  it('leaves nothing in the lake', async () => {
    expect(await readdir(sluice.folder)).not.toContain('.sluice');
  });
});
