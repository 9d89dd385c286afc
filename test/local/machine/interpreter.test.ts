import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const INTERPRETER = new URL('../../../local/machine/interpreter.ts', import.meta.url).href;

/** What a process prints that has the interpreter as `StateMachine`, and what it has loaded as `loaded`. */
async function withInterpreter(code: string): Promise<unknown> {
  const program = `
    import { createRequire } from 'node:module';
    const { StateMachine } = await import(${JSON.stringify(INTERPRETER)});
    const loaded = Object.keys(createRequire(${JSON.stringify(INTERPRETER)}).cache);
    console.log(JSON.stringify(await (async () => { ${code} })()));`;
  const args = ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', program];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout);
}

describe('the interpreter', () => {
  it('is loaded without what it never calls here', async () => {
    const code = 'return loaded.filter((path) => /client-lambda|credential-providers|asl-validator/.test(path));';
    expect(await withInterpreter(code)).toEqual([]);
  });

  it('runs what has a handler, and calls no function in AWS', async () => {
    const code = `
      const Task = { StartAt: 'a', States: { a: { Type: 'Task', Resource: 'f', End: true } } };
      const machine = new StateMachine(Task, { validationOptions: { noValidate: true } });
      const run = (overrides) => machine.run({ n: 1 }, { overrides }).result.catch((error) => error.message);
      return [await run({ taskResourceLocalHandlers: { a: async ({ n }) => n + 1 } }), await run({})];`;
    expect(await withInterpreter(code)).toEqual([2, expect.stringContaining('calls neither AWS')]);
  });

  it('leaves other modules as they are', async () => {
    expect(await withInterpreter("return typeof (await import('asl-validator')).default;")).toBe('function');
  });
});
