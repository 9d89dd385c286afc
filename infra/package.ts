import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** Packages the service, without network and credentials, and says what came out of it. `npm run package`. */

const ROOT = resolve(import.meta.dirname, '..');
export const PACKAGE_FOLDER = join(ROOT, '.serverless');
/** What was packaged, by its content: where nothing changed, tests take what is there. Packaging empties the folder. */
const MARK = join(PACKAGE_FOLDER, 'content.sha256');
const SOURCES = ['datasets', 'functions', 'infra', 'shared', 'statemachines', 'package-lock.json', 'serverless.yml'];

/** Packages into `.serverless/`; throws with what serverless said where that fails. */
export async function makePackage(): Promise<void> {
  const content = await contentHash();
  // Half a GB of copies would stay behind in the system's own.
  const scratch = await mkdtemp(join(tmpdir(), 'sluice-package-'));
  try {
    await runPackaging(scratch);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  await writeFile(MARK, content);
}

async function runPackaging(scratch: string): Promise<void> {
  const output: Buffer[] = [];
  const child = spawn(process.execPath, [join(ROOT, 'node_modules/serverless/bin/serverless.js'), 'package'], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      TMPDIR: scratch,
      AWS_EC2_METADATA_DISABLED: 'true',
      NODE_OPTIONS: `--require ${JSON.stringify(join(ROOT, 'infra/no-network.cjs'))}`,
    },
  });
  child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => output.push(chunk));
  const code = await new Promise<number | null>((done, fail) => child.once('error', fail).once('close', done));
  if (code !== 0) throw new Error(`serverless package ended with code ${code}:\n${Buffer.concat(output)}`);
}

/** The same, unless what is there was made from the same files. */
export async function ensurePackage(): Promise<void> {
  const mark = await readFile(MARK, 'utf8').catch(() => undefined);
  if (mark !== (await contentHash())) await makePackage();
}

/** Bytes of each function's archive, by the function's key. */
export async function packageSizes(): Promise<Map<string, number>> {
  const archives = (await readdir(PACKAGE_FOLDER)).filter((name) => name.endsWith('.zip')).sort();
  const sizes = await Promise.all(archives.map(async (name) => (await stat(join(PACKAGE_FOLDER, name))).size));
  return new Map(archives.map((name, i) => [name.slice(0, -'.zip'.length), sizes[i]]));
}

async function contentHash(): Promise<string> {
  const hash = createHash('sha256');
  for (const path of (await Promise.all(SOURCES.map(filesOf))).flat()) {
    hash.update(`${path}\0`).update(await readFile(join(ROOT, path)));
  }
  return hash.digest('hex');
}

async function filesOf(path: string): Promise<string[]> {
  if (!(await stat(join(ROOT, path))).isDirectory()) return [path];
  const entries = await readdir(join(ROOT, path), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(ROOT.length + 1))
    .sort();
}

if (import.meta.main) {
  const startedAt = Date.now();
  try {
    await makePackage();
    for (const [name, bytes] of await packageSizes()) {
      console.log(`${name.padEnd(12)} ${(bytes / 1e6).toFixed(1).padStart(6)} MB`);
    }
    console.log(`Packaged into .serverless in ${((Date.now() - startedAt) / 1000).toFixed(0)} s`);
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 1;
  }
}
