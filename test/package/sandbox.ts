import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { type PackagedFunction, STACK } from './template.ts';

const NODE_MODULES = resolve(import.meta.dirname, '..', '..', 'node_modules');
const BOOTSTRAP = join(import.meta.dirname, 'sandbox-process.ts');
/** What Lambda's runtime brings besides Node. */
const RUNTIME_PACKAGES = ['@aws-sdk', '@smithy'];

/** Lays out what the runtime gives to all functions of a folder, above their own files. */
export async function prepareRuntime(folder: string): Promise<void> {
  await mkdir(join(folder, 'node_modules'), { recursive: true });
  for (const name of RUNTIME_PACKAGES) await symlink(join(NODE_MODULES, name), join(folder, 'node_modules', name));
}

/** Unzips an archive; the names of its files. */
export async function unzip(archive: string, folder: string): Promise<string[]> {
  const zip = (await promisify(yauzl.open as OpenZip)(archive, { autoClose: false })) as ZipFile;
  const names: string[] = [];
  const open = promisify(zip.openReadStream.bind(zip) as OpenEntry);
  for await (const entry of entriesOf(zip)) {
    if (entry.fileName.endsWith('/')) continue;
    const path = join(folder, entry.fileName);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, await open(entry));
    names.push(entry.fileName);
  }
  zip.close();
  return names.sort();
}

type OpenZip = (path: string, options: { autoClose: boolean }, done: (e: Error | null, zip: ZipFile) => void) => void;
type OpenEntry = (entry: Entry, done: (e: Error | null, stream: NodeJS.ReadableStream) => void) => void;

async function* entriesOf(zip: ZipFile): AsyncGenerator<Entry> {
  const entries: Entry[] = [];
  zip.on('entry', (entry: Entry) => entries.push(entry));
  await once(zip, 'end');
  yield* entries;
}

/** What a function answers: its output, or what Lambda makes of an error. */
export type Answer = { output: unknown } | { errorType: string; errorMessage: string; trace: string };

/** A process in which an unzipped function runs as it would in Lambda: its own files, the runtime's, and nothing else. */
export class Sandbox {
  /** Native libraries that were loaded with the handler. */
  readonly libraries: string[];
  /** Node's own threads that were started up to the last answer. */
  threads = 0;
  readonly #child: ChildProcess;
  #stderr = '';
  #turn: Promise<unknown> = Promise.resolve();

  private constructor(child: ChildProcess, libraries: string[]) {
    this.#child = child;
    this.libraries = libraries;
    child.stderr?.on('data', (text: Buffer) => {
      this.#stderr += text;
    });
  }

  /** Resolves once the handler is loaded; throws what the process said where it cannot be. */
  static async start(
    fn: PackagedFunction,
    folder: string,
    temporary: string,
    environment: Record<string, string> = {},
  ): Promise<Sandbox> {
    await mkdir(temporary, { recursive: true });
    const child = fork(BOOTSTRAP, [join(folder, fn.handler.replace(/\.handler$/, '.mjs'))], {
      execPath: process.execPath,
      execArgv: [],
      cwd: folder,
      env: { ...lambdaEnvironment(fn, folder, temporary), ...environment },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    child.stdout?.resume();
    let stderr = '';
    child.stderr?.on('data', (text: Buffer) => {
      stderr += text;
    });
    const [message] = (await Promise.race([once(child, 'message'), once(child, 'exit')])) as [unknown];
    if (typeof message !== 'object' || message === null) throw new Error(`${fn.key} cannot be loaded: ${stderr}`);
    return new Sandbox(child, (message as { libraries: string[] }).libraries);
  }

  /** One invocation at a time, as in Lambda. */
  invoke(event: unknown, requestId: string): Promise<Answer> {
    const answer = this.#turn.then(() => this.#answer(event, requestId));
    this.#turn = answer.catch(() => undefined);
    return answer;
  }

  async #answer(event: unknown, requestId: string): Promise<Answer> {
    this.#child.send({ event, requestId });
    const [answer] = await Promise.race([once(this.#child, 'message'), once(this.#child, 'exit')]);
    if (typeof answer === 'object' && answer !== null) {
      const { threads, ...given } = answer as Answer & { threads: number };
      this.threads = threads;
      return given as Answer;
    }
    return { errorType: 'Runtime.ExitError', errorMessage: this.#stderr, trace: '' };
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.disconnect();
    await once(this.#child, 'exit');
  }
}

/** Lambda's own variables and the function's; none of this process's. */
function lambdaEnvironment(fn: PackagedFunction, folder: string, temporary: string): Record<string, string> {
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    TZ: ':UTC',
    TMPDIR: temporary,
    AWS_REGION: STACK.region,
    AWS_DEFAULT_REGION: STACK.region,
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_FUNCTION_NAME: `${STACK.name}-${fn.key}`,
    AWS_LAMBDA_FUNCTION_VERSION: '1',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(fn.memoryMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_ACCESS_KEY_ID: 'testing',
    AWS_SECRET_ACCESS_KEY: 'testing',
    LAMBDA_TASK_ROOT: folder,
    _X_AMZN_TRACE_ID: 'Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0',
    ...fn.environment,
  };
}
