import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { watch } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ended, makeSluice, type Sluice } from './sluice.ts';

/** Long enough that no run is through with it before the signal comes. */
const ROWS = 2_000_000;

describe('Ctrl-C', () => {
  let sluice: Sluice;

  beforeAll(async () => {
    sluice = await makeSluice();
    await sluice.file('small.csv', 'id,text\n1,one\n');
    await sluice.file('large.csv', `id,text\n${'12345,some text of no meaning\n'.repeat(ROWS)}`);
    await sluice.json(['load', 'small.csv', '--table', 'demo.t']);
  });

  afterAll(() => sluice.remove());

  it('ends a run while it converts, with exit code 130, and the table is as it was', async () => {
    const child = sluice.start('load', 'large.csv', '--table', 'demo.t', '--partition-by', 'id', '--json');
    const end = ended(child);
    await shows(child, 'plan in');
    child.kill('SIGINT');
    const { code, stderr } = await end;
    expect(code).toBe(130);
    expect(stderr).toContain('interrupted: ');
    expect(stderr).not.toContain('publish');
    expect(await sluice.query('select * from demo.t')).toEqual([{ id: 1, text: 'one' }]);
  });

  it('ends a run while it waits for readers, which is committed by then', async () => {
    const child = sluice.start('load', 'small.csv', '--table', 'demo.t', '--set', 'target.graceMinutes=60');
    const end = ended(child);
    await shows(child, 'grace: 60 min');
    child.kill('SIGINT');
    expect(await end).toMatchObject({ code: 130, stderr: expect.stringContaining('interrupted: ') });
    expect(await sluice.query('select * from demo.t')).toEqual([{ id: 1, text: 'one' }]);
  });

  it('is forgotten by the next run', async () => {
    await sluice.file('small.csv', 'id,text\n2,two\n');
    const result = await sluice.json(['load', 'small.csv', '--table', 'demo.t']);
    expect(result.sources).toMatchObject([{ rowsRead: 1, rowsWritten: 1 }]);
    expect(await sluice.query('select * from demo.t')).toEqual([{ id: 2, text: 'two' }]);
  });

  it('ends a schedule between two runs', async () => {
    await sluice.file('often.yml', 'source: {prefix: often/}\ntarget: {database: demo, table: often}\n');
    await sluice.land('often/a.csv', 'n\n1\n');
    const child = sluice.start('run', 'often.yml', '--every', '1s', '-q');
    const end = ended(child);
    // What the second run finds, the first has loaded.
    await shows(child, '1 object loaded already');
    child.kill('SIGINT');
    expect(await end).toMatchObject({ code: 130, stdout: expect.stringContaining('1 row read') });
    expect(await sluice.query('select n from demo.often')).toEqual([{ n: 1 }]);
    expect(await sluice.run('run', 'often.yml', '--every', '30d')).toMatchObject({ code: 2, stdout: '' });
  });

  it('ends a query', async () => {
    const started = appears(sluice.folder, 'started.csv');
    const endless = 'select sum(sin(a.range * b.range)) from range(1000000) a, range(1000000) b';
    const child = sluice.start('query', `copy (select 1) to 'started.csv'; ${endless}`);
    const end = ended(child);
    await started;
    child.kill('SIGINT');
    expect(await end).toEqual({ code: 130, stdout: '', stderr: '' });
  });
});

/** Resolves once the process has written the text to standard error; fails where it ends without. */
function shows(child: ChildProcessWithoutNullStreams, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let seen = '';
    child.stderr.on('data', (chunk: string) => {
      seen += chunk;
      if (seen.includes(text)) resolve();
    });
    child.once('close', () => reject(new Error(`It ended without "${text}": ${seen}`)));
  });
}

async function appears(folder: string, name: string): Promise<void> {
  for await (const { filename } of watch(folder)) if (filename === name) return;
}
