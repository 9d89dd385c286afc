import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ended, makeSluice, type RunJson, type Sluice } from './sluice.ts';

const NOTES = `
source:
  prefix: notes/
  pick: new
schema:
  id: int
  text: string
target:
  database: demo
  table: notes
  sortBy: [id]
  formats: [parquet, avro]
rejects:
  rows: 1
`;

describe('the commands', () => {
  let sluice: Sluice;
  let first: RunJson;

  beforeAll(async () => {
    sluice = await makeSluice();
    await mkdir(join(sluice.folder, 'datasets'));
    await sluice.file('datasets/notes.yml', NOTES);
    await sluice.land('notes/a.csv', 'id,text\n2,two\nx,"three, or ""3"""\n1,"one\nand more"\n');
    first = await sluice.json(['run', 'notes']);
  });

  afterAll(() => sluice.remove());

  describe('run --json', () => {
    it('prints what is documented, and nothing else', async () => {
      expect(first).toEqual({
        run: { id: expect.stringMatching(/^notes-[0-9a-f]{8}-\d{8}T\d{9}Z$/), status: 'succeeded' },
        tables: ['notes', 'notes_avro'].map((table, i) => ({
          database: 'demo',
          table,
          format: ['parquet', 'avro'][i],
          rows: 2,
          files: 1,
          bytes: expect.any(Number),
          partitions: 1,
        })),
        sources: [{ uri: 's3://landing/notes/a.csv', status: 'loaded', rowsRead: 3, rowsWritten: 2, rowsRejected: 1 }],
        objectStoreCalls: {
          get: expect.any(Number),
          head: expect.any(Number),
          put: expect.any(Number),
          copy: expect.any(Number),
          list: expect.any(Number),
          delete: expect.any(Number),
        },
        durationMs: expect.any(Number),
        notices: [],
      });
    });

    it('leaves stdout to it, and progress to stderr', async () => {
      const { code, stdout, stderr } = await sluice.run('--json', 'run', 'notes');
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ run: { status: 'nothing' }, tables: [], sources: [] });
      expect(stderr).toContain('✓ list latest');
      expect(stderr).toContain('1 object loaded already');
    });

    it('has the error of a run that failed, and stderr tells it too', async () => {
      await sluice.file('wrong.csv', 'id,text\nx,1\ny,2\n');
      const asked = ['--table', 'demo.wrong', '--set', 'schema={"id":"int","text":"string"}'];
      const { code, stdout, stderr } = await sluice.run('load', 'wrong.csv', ...asked, '--json', '--quiet');
      expect(code).toBe(1);
      const { run, error } = JSON.parse(stdout) as RunJson;
      expect(run.status).toBe('failed');
      expect(error).toMatchObject({ name: 'TooManyRejects', where: 's3://landing/load/demo.wrong/wrong.csv' });
      expect(stderr).toContain('failed TooManyRejects: ');
    });
  });

  it('runs lists what ran, with counts and errors', async () => {
    const runs = await sluice.json<Record<string, unknown>[]>(['runs', 'notes']);
    expect(runs[0]).toMatchObject({
      run: first.run.id,
      dataset: 'notes',
      status: 'succeeded',
      objects: 1,
      quarantined: 0,
      rowsRead: 3,
      rowsWritten: 2,
      rowsRejected: 1,
      error: null,
    });
    const { stdout } = await sluice.run('runs', '--last', '1');
    expect(stdout).toMatch(/^run +status +seconds/);
    expect(stdout).toMatch(/load-demo-wrong-\S+ +failed/);
    expect(stdout).toContain('TooManyRejects: ');
    expect(stdout).not.toContain(first.run.id);
  });

  it('rejects shows each rejected row with its place and reason', async () => {
    expect(await sluice.json(['rejects'])).toEqual([
      {
        uri: 's3://landing/notes/a.csv',
        entry: null,
        line: 3,
        byteOffset: 14,
        column: 'id',
        reason: '"x" is no int',
        raw: 'x,"three, or ""3"""',
      },
    ]);
    const { stdout } = await sluice.run('rejects', first.run.id);
    expect(stdout).toMatch(/^s3:\/\/landing\/notes\/a\.csv +3 +id +"x" is no int +x,"three/m);
    const none = await sluice.run('rejects', 'no-run');
    expect(none).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('There is no run no-run') });
  });

  it('run says where it has looked when there is nothing', async () => {
    await sluice.file(
      'dated.yml',
      'source: {prefix: "in/{yyyy}/", glob: "*.csv"}\ntarget: {database: d, table: dated}\n',
    );
    const { code, stdout, stderr } = await sluice.run('run', 'dated.yml', '-q', '--set', 'date=2024-01-05');
    expect(code).toBe(0);
    expect(stdout).toContain('nothing to load');
    expect(stderr).toBe('no object matches s3://landing/in/2024/, glob *.csv\n');
    const fails = await sluice.run('run', 'dated.yml', '-q', '--set', 'source.onNothing=fail');
    expect(fails).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('failed NoInputObjects: ') });
  });

  it('load follows links, and loads the same file again in place of itself', async () => {
    await sluice.file('linked.csv', 'n\n1\n2\n');
    await symlink('linked.csv', join(sluice.folder, 'link.csv'));
    for (const _ of [1, 2]) {
      const { sources } = await sluice.json(['load', 'link.csv', '--table', 'demo.linked', '--mode', 'append']);
      expect(sources).toMatchObject([{ uri: 's3://landing/load/demo.linked/link.csv', rowsWritten: 2 }]);
    }
    expect(await sluice.query('select n from demo.linked order by n')).toEqual([{ n: 1 }, { n: 2 }]);
  });

  describe('query', () => {
    const sql = `select id, text, null as nothing from demo.notes order by id`;

    it('prints a table, JSON or CSV', async () => {
      expect(await sluice.json(['query', sql])).toEqual([
        { id: 1, text: 'one\nand more', nothing: null },
        { id: 2, text: 'two', nothing: null },
      ]);
      const csv = await sluice.run('query', sql, '--csv');
      expect(csv).toEqual({ code: 0, stdout: 'id,text,nothing\n1,"one\nand more",\n2,two,\n', stderr: '' });
      const { stdout } = await sluice.run('query', sql);
      expect(stdout.split('\n').map((line) => line.trimEnd())).toEqual([
        'id  text          nothing',
        ' 1  one and more        ∅',
        ' 2  two                 ∅',
        '',
      ]);
    });

    it('shows every run in sluice.loads', async () => {
      const loads = await sluice.query(
        `select status, source, rows_read from sluice.loads where run = '${first.run.id}'`,
      );
      expect(loads).toEqual([{ status: 'succeeded', source: 's3://landing/notes/a.csv', rows_read: 3 }]);
    });

    it('fails with what the engine says, and changes nothing', async () => {
      const wrong = await sluice.run('query', 'select * from demo.note');
      expect(wrong).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('Did you mean "notes"?') });
      const drop = await sluice.run('query', 'drop view demo.notes');
      expect(drop).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('read-only') });
    });

    it('ends quietly when nobody reads on', async () => {
      const child = sluice.start('query', 'select range from range(200000)', '--csv');
      child.stdout.once('data', () => child.stdout.destroy());
      expect(await ended(child)).toMatchObject({ code: 0, stderr: '' });
    });
  });

  describe('validate', () => {
    it('says ok of data sets that are', async () => {
      expect(await sluice.run('validate')).toEqual({
        code: 0,
        stdout: `ok ${join('datasets', 'notes.yml')}\n`,
        stderr: '',
      });
    });

    it('tells every problem of every file, with its line', async () => {
      await sluice.file('one.yml', 'sorce:\n  prefix: a/\ntarget:\n  database: d\n  table: one\n  formats: [orc]\n');
      await sluice.file('two.yml', 'target:\n  database: demo\n  table: notes\n');
      const { code, stdout } = await sluice.run('validate', 'one.yml', 'two.yml', 'datasets/notes.yml');
      expect(code).toBe(2);
      expect(stdout.trimEnd().split('\n')).toEqual([
        expect.stringContaining('unknown key "sorce" at one.yml:1:1; did you mean "source"?'),
        expect.stringContaining('one.yml:6:13'),
        'ok two.yml',
        'error The data sets "two" and "notes" both write the table demo.notes in datasets/notes.yml',
      ]);
      const reports = await sluice.json<{ problems: { line: number; column: number }[] }[]>(['validate', 'one.yml'], 2);
      expect(reports[0]?.problems.map(({ line, column }) => [line, column])).toEqual([
        [1, 1],
        [6, 13],
      ]);
    });
  });

  describe('inspect', () => {
    it('says what read finds, and changes nothing', async () => {
      await sluice.file('my file.csv', 'day;total\n5.1.2024;1,5\n6.1.2024;\n');
      const { code, stdout } = await sluice.run('inspect', 'my file.csv', '--home', 'none');
      expect(code).toBe(0);
      expect(stdout).toContain('delimiter ";"');
      expect(stdout).toMatch(/^total +double +total/m);
      expect((await sluice.run('runs', '--home', 'none')).stderr).toContain('No run yet');
      expect(await sluice.json(['inspect', 'my file.csv'])).toMatchObject({
        file: join(sluice.folder, 'my file.csv'),
        parts: [{ format: 'csv', dialect: { delimiter: ';', headerRows: 1 }, columns: [{ original: 'day' }, {}] }],
        tasks: 1,
      });
    });

    it('names the file in what is wrong with it', async () => {
      await sluice.file('empty.csv', '');
      const { code, stderr } = await sluice.run('inspect', 'empty.csv');
      expect(code).toBe(1);
      expect(stderr).toBe('error EmptyObject: empty.csv is empty: it has not even a header\n');
    });
  });

  it('compact merges a table’s files, the same rows in every format', async () => {
    for (const id of [5, 4]) {
      await sluice.land(`notes/${id}.csv`, `id,text\n${id},more\n`);
      await sluice.json(['run', 'notes']);
    }
    const files = async () =>
      (await sluice.keys('lake'))
        .map((key) => key.split('/').slice(0, 2).join('/'))
        .filter((table) => /notes/.test(table));
    const before = await sluice.query('select * from demo.notes order by id');
    expect(await files()).toHaveLength(6);
    const { code, stdout } = await sluice.run('compact', 'demo.notes', '-q');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^compacted in .*\n.*\ndemo\.notes +parquet +4 /);
    expect(await files()).toEqual(['demo/notes', 'demo/notes_avro']);
    expect(await sluice.query('select * from demo.notes')).toEqual(before);
    const again = await sluice.run('compact', 'demo.notes', '-q');
    expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('nothing to compact') });
  });

  it('help lists every command', async () => {
    const { code, stdout, stderr } = await sluice.run('--help');
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const commands = stdout.match(/^ {2}[a-z]+(?= )/gm)?.map((name) => name.trim());
    const documented = ['run', 'event', 'load', 'inspect', 'query', 'runs', 'rejects', 'validate', 'compact'];
    expect(commands).toEqual(expect.arrayContaining(documented));
  });

  it.each([
    ['an unknown command', ['querry', 'select 1'], 'unknown command'],
    ['no command', [], 'Usage: sluice'],
    ['an unknown option', ['runs', '--lsat', '3'], '--last'],
    ['a missing argument', ['query'], "missing required argument 'sql'"],
    ['a missing option', ['load', 'a.csv'], '--table'],
    ['a mode that is none', ['load', 'a.csv', '--table', 'a.b', '--mode', 'replace'], 'overwrite-partitions'],
    ['a format that is none', ['load', 'datasets/notes.yml', '--table', 'a.b', '--format', 'orc'], '"orc"'],
    ['a number that is none', ['runs', '-n', 'all'], 'whole number'],
    ['a database that is taken', ['load', 'datasets/notes.yml', '--table', 'sluice.loads'], "Sluice's own"],
    ['a home that is none', ['runs', '--home', 'datasets/notes.yml'], 'as a home'],
    ['a table that is none', ['compact', 'demo.none'], 'There is no table demo.none'],
  ])('%s is wrong usage', async (_, args, said) => {
    const { code, stdout, stderr } = await sluice.run(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(said);
  });
});
