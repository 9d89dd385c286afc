import { execFile } from 'node:child_process';
import { copyFile, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const exec = promisify(execFile);

/** The Python of an environment with scikit-learn; made once for each version of the requirements. */
export async function sklearnPython(folder: string, log: (line: string) => void): Promise<string> {
  const venv = join(folder, 'venv-clusters');
  const python = join(venv, 'bin', 'python');
  const requirements = join(import.meta.dirname, 'requirements.txt');
  const mark = join(venv, 'complete');
  const wanted = await readFile(requirements, 'utf8');
  if ((await readFile(mark, 'utf8').catch(() => undefined)) === wanted) return python;
  log('Making a Python environment with scikit-learn (once; a minute or so)');
  await rm(venv, { recursive: true, force: true });
  await exec('python3', ['-m', 'venv', venv]);
  await exec(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements]);
  // With the mark last, an environment that was left half made is made anew.
  await copyFile(requirements, mark);
  return python;
}
