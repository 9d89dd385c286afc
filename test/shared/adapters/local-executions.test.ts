import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { localExecutions } from '../../../shared/adapters/local-executions.ts';
import { PreconditionFailed } from '../../../shared/errors.ts';
import { FOREIGN_EXECUTION_STALE_MS } from '../../../shared/limits.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'executions-'));
});
afterEach(async () => {
  await rm(home, { recursive: true, force: true });
});

const MODULE = new URL('../../../shared/adapters/local-executions.ts', import.meta.url).pathname;

/** Another process that begins an execution here, says so, and lives until it is told otherwise. */
async function elsewhere(name: string): Promise<{ end(): Promise<void>; answer: string }> {
  const script = join(home, `${name}.mjs`);
  await writeFile(
    script,
    `import { localExecutions } from ${JSON.stringify(MODULE)};
     const begun = localExecutions(${JSON.stringify(home)}).begin('shared');
     process.send(await begun.then(() => 'begun', (error) => error.name));
     setInterval(() => {}, 1000);`,
  );
  const child = fork(script, { execArgv: [], silent: true });
  const [answer] = (await once(child, 'message')) as [string];
  return {
    answer,
    async end() {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** Changes what is on record as another machine would have written it. */
async function rewrite(name: string, changes: object): Promise<void> {
  const path = join(home, 'executions', `${name}.json`);
  await writeFile(path, JSON.stringify({ ...JSON.parse(await readFile(path, 'utf8')), ...changes }));
}

describe('localExecutions', () => {
  it('knows nothing of an execution that is not on record', async () => {
    const executions = localExecutions(home);
    expect(await executions.status('never')).toBe('UNKNOWN');
    expect(await executions.gone('never')).toBe(true);
    await expect(executions.end('never', 'FAILED')).rejects.toThrow('Cannot end the execution never');
  });

  it('runs from begin to end, under its name or its ARN', async () => {
    const executions = localExecutions(home);
    await executions.begin('a');
    for (const id of ['a', 'arn:aws:states:local:000000000000:execution:load:a']) {
      expect(await executions.status(id)).toBe('RUNNING');
      expect(await executions.gone(id)).toBe(false);
    }
    await executions.end('a', 'SUCCEEDED');
    expect(await executions.status('a')).toBe('SUCCEEDED');
    expect(await executions.gone('a')).toBe(true);
  });

  it('is not gone before the last function call has come back', async () => {
    const executions = localExecutions(home);
    await executions.begin('a');
    const atWork = Promise.withResolvers<void>();
    await executions.end('a', 'ABORTED', atWork.promise);
    expect(await executions.status('a')).toBe('ABORTED');
    expect(await executions.gone('a')).toBe(false);
    atWork.reject(new Error('late'));
    while (!(await executions.gone('a')));
    expect(await executions.status('a')).toBe('ABORTED');
  });

  it('begins a name once, whoever asks and however it ended', async () => {
    const executions = localExecutions(home);
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => executions.begin('a')));
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected');
    expect(refused).toHaveLength(19);
    for (const { reason } of refused) expect(reason).toBeInstanceOf(PreconditionFailed);
    await executions.end('a', 'FAILED');
    await expect(localExecutions(home).begin('a')).rejects.toThrow(PreconditionFailed);
    expect(await readdir(join(home, 'executions'))).toEqual(['a.json']);
  });

  it('keeps a name that means something to the file system within its folder', async () => {
    const executions = localExecutions(home);
    await executions.begin('../../a');
    expect(await executions.status('../../a')).toBe('RUNNING');
    expect(await readdir(join(home, 'executions'))).toHaveLength(1);
  });

  it('sees another process run, and die in the middle', async () => {
    const executions = localExecutions(home);
    const other = await elsewhere('first');
    expect(other.answer).toBe('begun');
    expect(await executions.status('shared')).toBe('RUNNING');
    expect(await executions.gone('shared')).toBe(false);
    await expect(executions.begin('shared')).rejects.toThrow(PreconditionFailed);
    await other.end();
    expect(await executions.status('shared')).toBe('ABORTED');
    expect(await executions.gone('shared')).toBe(true);
    const third = await elsewhere('second');
    expect(third.answer).toBe('PreconditionFailed');
    await third.end();
  });

  it('takes a process that has the id of a dead one for another', async () => {
    const executions = localExecutions(home);
    await executions.begin('a');
    const { process: token } = JSON.parse(await readFile(join(home, 'executions', 'a.json'), 'utf8')) as {
      process: string;
    };
    const [machine, pid, , random] = token.split('.');
    await rewrite('a', { process: [machine, pid, '1', random].join('.') });
    expect(await executions.status('a')).toBe('ABORTED');
  });

  it('takes what ran before this boot for dead, and what it cannot ask for alive until a day has gone', async () => {
    let now = Date.now();
    const executions = localExecutions(home, { now: () => new Date(now) });
    await executions.begin('a');
    await rewrite('a', { process: 'elsewhere.1.2.ab', host: 'another' });
    expect(await executions.status('a')).toBe('RUNNING');
    expect(await executions.gone('a')).toBe(false);
    now += FOREIGN_EXECUTION_STALE_MS;
    expect(await executions.status('a')).toBe('ABORTED');
    expect(await executions.gone('a')).toBe(true);
    await executions.begin('b');
    await rewrite('b', { process: 'elsewhere.1.2.ab', boot: 'the one before' });
    expect(await executions.status('b')).toBe('ABORTED');
  });
});
