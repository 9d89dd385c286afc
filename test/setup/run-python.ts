import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/**
 * Runs a script of test/python with the tests' Python and returns what it prints, parsed as JSON. Only in suites of
 * `describeWithPython` or `describeWithMoto`. Throws with what the script wrote to standard error where it fails.
 */
export async function runPython<T = unknown>(script: string, args: string[] = [], stdin = ''): Promise<T> {
  const python = process.env['SLUICE_TEST_PYTHON'];
  if (python === undefined) throw new Error(`Cannot run ${script}: there is no Python environment`);
  const path = fileURLToPath(new URL(`../python/${script}`, import.meta.url));
  const child = spawn(python, [path, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  // A script that does not read its input may end before it is written.
  child.stdin.on('error', () => undefined);
  child.stdin.end(stdin);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`${script} ended with code ${code}: ${errors}`);
  try {
    return JSON.parse(output) as T;
  } catch (cause) {
    throw new Error(`${script} printed no JSON: ${output.slice(0, 500)}${errors.slice(0, 500)}`, { cause });
  }
}
