import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '..', '..');

/** Packages that a module brings into the process with it, before it has done anything. */
function packagesOf(module: string): string[] {
  const script = `
    import { registerHooks } from 'node:module';
    const seen = new Set();
    process.argv = [process.argv[0], 'sluice', '--help'];
    process.on('exit', () => console.log('\\n' + JSON.stringify([...seen])));
    registerHooks({
      load(url, context, next) {
        const name = /node_modules\\/((?:@[^/]+\\/)?[^/]+)\\//.exec(url)?.[1];
        if (name) seen.add(name);
        return next(url, context);
      },
    });
    await import(${JSON.stringify(join(root, module))});`;
  // The tests' own options are for Jest.
  const env = { ...process.env, NODE_OPTIONS: '' };
  const stdout = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as string[];
}

describe('a cold start', () => {
  it.each([
    ['functions/convert/step.ts'],
    ['functions/read/step.ts'],
    ['functions/plan/step.ts'],
    ['functions/gather/step.ts'],
    ['functions/publish/step.ts'],
    ['functions/retire/step.ts'],
    ['functions/list-latest/step.ts'],
  ])('of %s loads no engine, no HDF5 and no SDK', (module) => {
    const heavy = /^(@duckdb\/node-api|@duckdb\/node-bindings|h5wasm|@aws-sdk\/|apache-arrow$|vega)/;
    expect(packagesOf(module).filter((name) => heavy.test(name))).toEqual([]);
  });

  it('of the command line loads little more than the command line', () => {
    const heavy = /^(@duckdb\/|h5wasm|@aws-sdk\/|apache-arrow$|vega|zod$|aws-local-stepfunctions$|yaml$|luxon$)/;
    expect(packagesOf('local/cli.ts').filter((name) => heavy.test(name))).toEqual([]);
  });
});
